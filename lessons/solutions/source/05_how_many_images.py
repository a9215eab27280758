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
# **05.1** The accuracy is that of scratch with 80, and the curve that is read backwards is the probe's. Some three
# images of each class do: fewer than anybody would have guessed from the other direction, since the probe's curve is
# steep there.

# %% tags=["solution"]
table = lesson_05.widest_shots_table()
means = table.pivot_table(index="shots", columns="strategy", values="test_accuracy")
images = 2 ** np.interp(means.scratch[80], means.probe, np.log2(means.index))
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
# **05.3** Five seeds at 5, 10 and 20 images per class are enough to see the curve. It is read backwards
# seed by seed. The mean of the logarithms becomes a whole number: 5 and 20 lie equally far from 10.

# %% tags=["solution"]
study = vt.compare("fine", strategies=["probe"], shots=[5, 10, 20], seeds=5, progress=False)
each = vt.metrics.shots_to_reach(study.table(), "probe", 0.72)
images = int(round(2 ** np.log2(each).mean()))
vt.check("05.3", images)
