# %% [markdown]
# # 07 · Solutions: how fast may pretrained weights change?
#
# One way to solve each exercise of lesson 07, with the reason.

# %%
import math
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **07.1** From the head to the stem are five steps (stages 4, 3, 2, 1, the stem), and half of a half,
# five times, is 1/32.

# %% tags=["solution"]
vt.check("07.1", vt.Strategy("full", stage_decay=0.5))

# %% [markdown]
# **07.2** After the warm-up, the progress from 0 to 1 is turned into an angle from 0 to π.

# %% tags=["solution"]
def schedule(i, n):
    w = n // 10
    if i < w:
        return (i + 1) / w
    return (1 + math.cos(math.pi * (i - w) / (n - w))) / 2

vt.check("07.2", schedule)

# %% [markdown]
# **07.3** A linear head can only read what can be told apart. The new one reads the old species well, so the
# features still tell them apart; the old one does badly, so they no longer do so in the directions that its
# weights look in. (The species are the same drawings as before: not c.)

# %% tags=["solution"]
vt.check("07.3", "b")
