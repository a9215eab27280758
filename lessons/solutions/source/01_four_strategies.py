# %% [markdown]
# # 01 · Solutions: forty images, which of four ways wins?
#
# One way to solve each exercise of lesson 01, with the reason.

# %%
from dataclasses import replace

import numpy as np
import vtlab as vt
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
# **01.3** Not (a): the column `trainable_weights` has the same number twice. Not (c): the column `steps` says that scratch
# had at least as many. What differs is the start. Forty images do not determine a million and a half weights. Training by
# small steps ends near its start, and only the pretrained start is near settings that know plants.

# %% tags=["solution"]
vt.check("01.3", "b")

# %% [markdown]
# **01.4** A random head sends large, useless gradients into the stages, and one rate for all lets the early stages change as
# fast as the last one. Each of these helps: begin with the solved head, or let each earlier stage learn half as fast as the
# one after it, with a larger rate for the last.

# %% tags=["solution"]
plain = vt.plain(vt.full)
vt.check("01.4", replace(plain, head_start="probe"))
vt.check("01.4", replace(plain, rate=1e-3, stage_decay=0.5))
