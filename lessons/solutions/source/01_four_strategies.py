# %% [markdown]
# # 01 · Solutions: forty images, which of four ways wins?
#
# One way to solve each exercise of lesson 01, with the reason.

# %%
from dataclasses import replace

import numpy as np
import vtlab as vt
from vtlab.course import lesson_01
from scipy.stats import t

seed = vt.begin(0)

# %% [markdown]
# **01.1** `partial(k)` trains the head and the last k stages.

# %% tags=["solution"]
vt.check("01.1", vt.partial(2))

# %% [markdown]
# **01.2** Subtract first: what both ways share (an easy draw of images) is gone before the spread is measured.

# %% tags=["solution"]
def difference(a, b):
    gaps = np.asarray(a) - np.asarray(b)
    half = t.ppf(0.975, len(gaps) - 1) * gaps.std(ddof=1) / len(gaps) ** 0.5
    return gaps.mean(), gaps.mean() - half, gaps.mean() + half

vt.check("01.2", difference)

# %% [markdown]
# **01.3** The probe with one image per class is right 72 % of the time. *From scratch* has 66 % with 40 images per class, and 82 %
# with 80. So pretraining is worth between 40 and 80 images per class here, and 80 is the smallest of the table.

# %% tags=["solution"]
table = lesson_01.shots_table("garden")
means = table.groupby(["strategy", "shots"]).test_accuracy.mean()
enough = means["scratch"][means["scratch"] >= means["probe"][1]].index.min()
vt.check("01.3", enough)

# %% [markdown]
# **01.4** A random head sends large, useless gradients into the stages, and one rate for all lets the early stages change as
# fast as the last one. So there are two ideas: begin with the solved head (`head_start="probe"`), or let each earlier stage
# learn half as fast as the one after it, with a larger rate for the last. Both practise well, and both pass the
# check. We practise the second, on images that are in no test set, and check it once.

# %% tags=["solution", "nbval-ignore-output"]
plain = vt.plain(vt.full)
gentle = replace(plain, rate=1e-3, stage_decay=0.5)
for way in (plain, gentle):
    print(way.rate, way.stage_decay, round(lesson_01.practise(way), 3))

# %% tags=["solution"]
vt.check("01.4", gentle)
