# %% [markdown]
# # 07 · Solutions: how fast may pretrained weights change?
#
# One way to solve each exercise of lesson 07, with the reason.

# %%
import math
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **07.1** From the head to the stem are five steps (stages 4, 3, 2, 1, the stem). So the factor is the fifth
# root of a hundredth, about 0.4.

# %% tags=["solution"]
vt.check("07.1", vt.Strategy("full", stage_decay=0.01 ** (1 / 5)))

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
# **07.3** The picture of seven rates says that 0.001 does well: a tenth of the peak. So the peak is visited
# once, in the first step, when the head is still random; after that a cosine falls from a tenth to zero.

# %% tags=["solution"]
def mine(i, n):
    return 1.0 if i == 0 else 0.1 * (1 + math.cos(math.pi * i / n)) / 2

vt.check("07.3", mine)

# %% [markdown]
# **07.4** A linear head can only read what can be told apart. The new one reads the old species well, so the
# features still tell them apart (not b); the old one does badly, so they no longer do so in the directions that
# its weights look in. The old head is the one from before, unchanged, so it was the features that moved (not c).

# %% tags=["solution"]
vt.check("07.4", "a")
