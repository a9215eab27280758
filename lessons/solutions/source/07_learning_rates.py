# %% [markdown]
# # 07 · Solutions: how fast may pretrained weights change?
#
# One way to solve each exercise of lesson 07, with the reason.

# %%
from copy import deepcopy
import vtlab as vt
from vtlab.course import lesson_07

seed = vt.begin(0)

# %% [markdown]
# **07.1** From the head to the stem are five steps (stages 4, 3, 2, 1, the stem). So the factor is the fifth
# root of a hundredth, about 0.4.

# %% tags=["solution"]
vt.check("07.1", vt.Strategy("full", stage_decay=0.01 ** (1 / 5)))

# %% [markdown]
# **07.2** One line for every name. New tensors are made, so the given ones stay as they are.

# %% tags=["solution"]
def blend(start, tuned, share):
    return {name: (1 - share) * start[name] + share * tuned[name] for name in start}

vt.check("07.2", blend)

# %% [markdown]
# **07.3** We train once, go back by several shares, and test both tasks. The old task gains from the first bit
# of the way back. The new one hardly changes at first, and falls below about half of the way. So a share
# somewhat above a half serves both.

# %%
task, old = vt.task("garden", shots=5, seed=seed), lesson_07.OldTask.make()
tuned = lesson_07.fine_tune(task, seed, 1e-3)
first, last = old.start.stages.state_dict(), deepcopy(tuned.stages.state_dict())

# %% tags=["nbval-ignore-output"]
for share in (1, 0.8, 0.6, 0.4, 0.2):
    tuned.stages.load_state_dict(blend(first, last, share))
    new = vt.evaluate(tuned, task.test.pixels[::3], task.test.labels[::3])
    print(f"{share}: new {new:.0%}, old {old.accuracy(tuned, old.head):.0%}")

# %% tags=["solution"]
vt.check("07.3", 0.6)

# %% [markdown]
# This is how Wortsman et al. (2022) mix networks ("WiSE-FT"). They look at images from elsewhere in place of an old
# task. One thing to know: between two networks that were trained apart, the way leads through bad ones. It works
# here because one of the two is the other's start.
