# %% [markdown]
# # 05 · Solutions: how many photographs are enough?
#
# One way to solve each exercise of lesson 05, with the reason.

# %%
import numpy as np
import vtlab as vt
from vtlab.course import lesson_05

seed = vt.begin(0)

# %% [markdown]
# **05.1** The probe's mean with five images is the accuracy that is wanted. By the plain recipe, each seed
# of full fine-tuning reaches it at a number of its own; all lie between nine and sixteen, two to three times
# as many images, and their mean is about twelve. By its own recipe, in `table`, they lie between three and
# eight, and their mean is about five. So the recipe was worth more than twice the images.

# %% tags=["solution"]
table, plain = lesson_05.shots_table("garden"), lesson_05.shots_table("plain")
wanted = table[(table.strategy == "probe") & (table.shots == 5)].test_accuracy.mean()
images = np.mean(vt.metrics.shots_to_reach(plain, "full", wanted))
vt.check("05.1", images)

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
# **05.3** A linear layer can only weigh what the features offer. More images make the weights surer,
# and then nothing is left to gain; scratch goes on to learn features of its own. Not (a):
# the probe has no learning rate, it is solved. Not (c): more images leave less room to overfit.

# %% tags=["solution"]
vt.check("05.3", "b")
