# %% [markdown]
# # 16 · Solutions: which network for your own images, and what should learn?
#
# One way to solve each exercise of lesson 16, with the reason.

# %%
import numpy as np
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **16.1** One image is one point where a hundred are held back. They are a quarter, so the folder needs
# four hundred training images. With fewer, two ways that differ by one image differ by more than a point,
# and no race can tell that from nothing.

# %% tags=["solution"]
vt.check("16.1", 400)

# %% [markdown]
# **16.2** The share that is right within each class, and the mean of these shares.

# %% tags=["solution"]
def balanced(labels, named):
    return np.mean([(named[labels == k] == k).mean() for k in np.unique(labels)])

vt.check("16.2", balanced)

# %% [markdown]
# **16.3** Digits of one kind share most of their ink, so that even the nearest neighbour in plain pixels is
# right in most cases. A random convolution mixes neighbouring pixels, and similar images stay similar. For
# the garden, where a flower may stand anywhere, neither pixels nor random features do much.

# %% tags=["solution"]
vt.check("16.3", "b")
