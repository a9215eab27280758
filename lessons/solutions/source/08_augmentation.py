# %% [markdown]
# # 08 · Solutions: can forty images become more?
#
# One way to solve each exercise of lesson 08, with the reason.

# %%
import numpy as np
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **08.1** Flips are on unless told otherwise, quarter turns are not. The default also changes the light
# a little, and here the light must stay. Its shifts move whole pixels; crops and rotations, which
# resample, are off.

# %% tags=["solution"]
vt.check("08.1", vt.Augment(turn=True, light=0))

# %% [markdown]
# **08.2** Row k of a unit matrix is the label k, one-hot. The partner's row is picked by its place.

# %% tags=["solution"]
def mixed_labels(labels, partner, share, classes):
    hot = np.eye(classes)[labels]
    return share * hot + (1 - share) * hot[partner]

vt.check("08.2", mixed_labels)

# %% [markdown]
# **08.3** Not by direction: mirrored or not, the views of both classes are alike. But each of the forty
# images has its own paper and ink, and these stay in all of its views.

# %% tags=["solution"]
vt.check("08.3", "b")
