# %% [markdown]
# # 01 · Solutions: forty images, which of four ways wins?
#
# One way to solve each exercise of lesson 01, with the reason.

# %%
import vtlab as vt

seed = vt.begin(0)

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
# **01.3** Not (a): the table's column `steps` says that scratch takes twice as many. Not (b): both have the
# same weights to change. What differs is where they start. Forty images do not pin down a million and a
# half weights. A training by small steps ends near its start, and only the pretrained start is near
# settings that know plants.

# %% tags=["solution"]
vt.check("01.3", "c")
