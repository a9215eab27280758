# %% [markdown]
# # 01 · Solutions: forty images, which of four ways wins?
#
# One way to solve each exercise of lesson 01, with the reason.

# %%
import vtlab as vt

vt.begin(seed=0)

# %% [markdown]
# **01.1** `partial(k)` trains the head and the last k stages.

# %% tags=["solution"]
vt.check("01.1", vt.partial(2))

# %% [markdown]
# **01.2** Comparing two arrays gives true and false; their mean is the share of the true.

# %% tags=["solution"]
def accuracy(labels, predictions):
    return (labels == predictions).mean()

vt.check("01.2", accuracy)

# %% [markdown]
# **01.3** From scratch already gets nearly nine in ten of its shots right, and about one in four of new
# images. A longer training or a larger rate could win the last few shots, but that would hardly close
# such a gap (lesson 05 tries three times the epochs, with two images per class and one seed). Forty
# images do not pin down a million and a half weights; pretraining had pinned them down before.

# %% tags=["solution"]
vt.check("01.3", "b")
