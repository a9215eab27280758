# %% [markdown]
# # 05 · Solutions: how many photographs are enough?
#
# One way to solve each exercise of lesson 05, with the reason.

# %%
import numpy as np
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **05.1** A linear layer can only weigh what the features offer. More images make its weights more certain,
# and then nothing is left to gain; scratch goes on to learn features of its own. Not (a): the probe has no
# learning rate, it is solved. Not (b): the gap between training and test accuracy closes with more images.

# %% tags=["solution"]
vt.check("05.1", "c")

# %% [markdown]
# **05.2** From the end on, as long as the second is ahead, its number of shots is the answer so far.
# The first place at which it is not ends the search.

# %% tags=["solution"]
def overtakes(shots, first, second):
    found = None
    for n, a, b in reversed(list(zip(shots, first, second))):
        if b <= a:
            break
        found = n
    return found

vt.check("05.2", overtakes)

# %% [markdown]
# **05.3** Three seeds at 5, 10 and 20 images per class are enough to see the curve. It is read backwards
# seed by seed, and the mean of the logarithms is rounded to a whole number.

# %% tags=["solution"]
study = vt.compare("fine", strategies=["probe"], shots=[5, 10, 20], seeds=3, progress=False)
each = vt.metrics.shots_to_reach(study.table(), "probe", 0.72)
images = int(round(2 ** np.log2(each).mean()))
vt.check("05.3", images)
