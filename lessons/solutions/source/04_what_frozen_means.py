# %% [markdown]
# # 04 · Solutions: what does "frozen" mean, and is it true?
#
# One way to solve each exercise of lesson 04, with the reason.

# %%
import itertools
import torch
import vtlab as vt
from vtlab.course import lesson_04

seed = vt.begin(0)

# %% [markdown]
# **04.1** Each of the 8 × 8 × 32 outputs sums over 16 channels of 9 cells. That is done once forward, once
# for the gradient of the weights, and once for the gradient of the input.

# %% tags=["solution"]
vt.check("04.1", 3 * 8 * 8 * 32 * 16 * 3 * 3)

# %% [markdown]
# **04.2** One condition for each half. `recurse=False` asks a layer for its own weights alone; without it
# every stage around a layer that learns would be in the list, too.

# %% tags=["solution"]
def not_frozen(module):
    return [name for name, layer in module.named_modules()
            if any(weight.requires_grad for weight in layer.parameters(recurse=False))
            or (isinstance(layer, torch.nn.BatchNorm2d) and layer.training)]

vt.check("04.2", not_frozen)

# %% [markdown]
# **04.3** With both faults the hollow dot is as low as the filled one: the head does not even fit the
# images that it is trained on, so it cannot have learnt them by heart (a). In none of these runs do the
# statistics move, so (c) is wrong, too. A tenth of the steps or a hundredth of the rate can be borne; both
# leave the head near its random start.

# %% tags=["solution"]
vt.check("04.3", "b")

# %% [markdown]
# **04.4** Six pairs, with three seeds each. Four of them drop out: after those, the loop still has one batch for ever, or
# a small rate in ten steps.

# %%
task = vt.task("garden", shots=5, seed=seed, tests=75)
left = {}
for pair in itertools.combinations(lesson_04.FAULTS, 2):
    others = set(lesson_04.FAULTS) - set(pair)
    runs = [lesson_04.train_head(task, others, seed + k) for k in range(3)]
    left[pair] = sum(run["test_accuracy"] for run in runs) / 3

# %% tags=["solution", "nbval-ignore-output"]
best = max(left, key=left.get)
vt.check("04.4", (*best, left[best]))

# %% [markdown]
# The batch must be mended, and one of the two others that are harmless alone: either more steps or a larger
# rate. The lesson's title fault is not among the best two.
#
# **04.5** There is no one answer. In most loops with BatchNorm, `running_mean`, `running_var` and
# `num_batches_tracked` move in every layer that is in training mode.
