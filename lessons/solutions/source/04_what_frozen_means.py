# %% [markdown]
# # 04 · Solutions: what does "frozen" mean, and is it true?
#
# One way to solve each exercise of lesson 04, with the reason.

# %%
import itertools
import vtlab as vt
from vtlab.course import lesson_04

seed = vt.begin(0)

# %% [markdown]
# **04.1** Each of the 8 × 8 × 32 outputs sums over 16 channels of 9 cells. That is done once forward, once
# for the gradient of the weights, and once for the gradient of the input.

# %% tags=["solution"]
vt.check("04.1", 3 * 8 * 8 * 32 * 16 * 3 * 3)

# %% [markdown]
# **04.2** No gradient, and evaluation mode, in which BatchNorm uses its statistics and does not move them.
# In a plain PyTorch model it must be called again after every `model.train()`.

# %% tags=["solution"]
def freeze(module):
    return module.requires_grad_(False).eval()

vt.check("04.2", freeze)

# %% [markdown]
# **04.3** With both faults the hollow dot is as low as the filled one: the head does not even fit the
# images that it is trained on, so it cannot have learnt them by heart (a). In none of these runs do the
# statistics move, so (c) is wrong, too. A tenth of the steps or a hundredth of the rate can be borne; both
# leave the head near its random start.

# %% tags=["solution"]
vt.check("04.3", "b")

# %% [markdown]
# **04.4** Six pairs, and a run of each. One seed is enough to drop four of them: after those, the loop
# still has one batch for ever, or a small rate in ten steps.

# %%
task = vt.task("garden", shots=5, seed=seed, tests=75)
left = {}
for pair in itertools.combinations(lesson_04.FAULTS, 2):
    others = set(lesson_04.FAULTS) - set(pair)
    left[pair] = lesson_04.train_head(task, others, seed)["test_accuracy"]

# %% tags=["solution", "nbval-ignore-output"]
best = max(left, key=left.get)
vt.check("04.4", (*best, left[best]))

# %% [markdown]
# The batch must be mended, and one of the two others that are harmless alone: either more steps or a larger
# rate. The lesson's title fault is not among the best two.
#
# **04.5** There is no one answer. In most loops with BatchNorm, `running_mean`, `running_var` and
# `num_batches_tracked` move in every layer that is in training mode.
