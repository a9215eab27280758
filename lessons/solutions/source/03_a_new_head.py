# %% [markdown]
# # 03 · Solutions: what goes on top?
#
# One way to solve each exercise of lesson 03, with the reason.

# %%
import copy
import torch
import vtlab as vt
from vtlab.course import lesson_03

seed = vt.begin(0)

# %% [markdown]
# **03.1** The hidden layer comes first. Then the ReLU: without it two linear layers are no more than one.
# Then the dropout, on what the last layer gets.

# %% tags=["solution"]
head = torch.nn.Sequential(
    torch.nn.Linear(256, 64), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(64, 8)
)
vt.check("03.1", head)

# %% [markdown]
# **03.2** `torch.randn` has standard deviation 1. So we multiply by the standard deviation that we want,
# which is the root of the variance.

# %% tags=["solution"]
def xavier(inputs, outputs):
    return torch.randn(outputs, inputs) * (2 / (inputs + outputs)) ** 0.5

vt.check("03.2", xavier)

# %% [markdown]
# **03.3** The gradient of a weight of the head is the error of its output times its feature. Each output
# has its own labels, and each feature is another one, so the weights differ after one step. (b) is wrong,
# since the weights get this gradient in the first step, whatever the bias is. (c) is wrong, since a zero
# head pulls at the stages with a gradient of exactly 0: they cannot learn first.

# %% tags=["solution"]
vt.check("03.3", "a")

# %% [markdown]
# **03.4** Three numbers of images, three draws of each. Every draw begins with a new copy of the healthy
# network, since renewing changes it.

# %%
task = vt.task("garden", shots=5, seed=seed, tests=50)
healthy = vt.backbone("mini_resnet", classes=8)
for record in vt.fit(healthy, task, vt.probe, seed=seed):
    pass

def accuracy(count):
    network = copy.deepcopy(healthy)
    network.normalisation = lesson_03.PALE
    pixels = task.train.pixels[torch.randperm(40)[:count]]
    lesson_03.renew_statistics(network, lesson_03.find_batchnorms(network)[:1], pixels)
    return vt.evaluate(network, task.test.pixels, task.test.labels)

draws = {count: [accuracy(count) for _ in range(3)] for count in (1, 2, 5, 10, 40)}

# %%
shown = {f"{count} images": values for count, values in draws.items()}
vt.plots.intervals({"A few images are nearly enough; one is luck": shown})

# %% tags=["solution", "nbval-ignore-output"]
vt.check("03.4", {count: sum(values) / 3 for count, values in draws.items()})

# %% [markdown]
# A handful of images comes within five points of all forty. That sounds like little, but each image has
# 32 × 32 cells, and the first layer needs no more than a mean and a spread of each channel. One image
# alone is luck: its ground is only one of many grounds.

# %% [markdown]
# **03.5** There is no one answer. In the lesson four small networks with BatchNorm came back in good part.
# Networks with LayerNorm or GroupNorm have no statistics to renew: for those only the right normalisation
# helps.
