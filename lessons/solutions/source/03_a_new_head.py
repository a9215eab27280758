# %% [markdown]
# # 03 · Solutions: what goes on top?
#
# One way to solve each exercise of lesson 03, with the reason.

# %%
import numpy as np
import torch
import vtlab as vt
from sklearn.linear_model import RidgeCV

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
# **03.4** Twenty ridges, each without one species. `seen` and `unseen` differ in nothing but this: whether
# the ridge has met the species.

# %%
petals = vt.task("petals", shots=5, seed=seed, tests=30)
many = petals.draw(20, seed)  # sorted by species
counter = vt.backbone("mini_resnet", classes=1)
features, numbers = vt.activations(counter, many.pixels).numpy(), many.labels.numpy()
tests = vt.activations(counter, petals.test.pixels).numpy()
species = np.arange(20).repeat(20)

# %%
def ridge(known):
    return RidgeCV(np.logspace(-3, 4, 15)).fit(features[known], numbers[known])

seen = np.abs(ridge(species >= 0).predict(tests) - petals.test.labels.numpy()).mean()
unseen, always = np.zeros(400), np.zeros(400)
for k in range(20):
    unseen[species == k] = ridge(species != k).predict(features[species == k])
    always[species == k] = numbers[species != k].mean()

# %% tags=["solution", "nbval-ignore-output"]
off = {"seen": seen, "unseen": np.abs(unseen - numbers).mean(), "always the mean": np.abs(always - numbers).mean()}
vt.check("03.4", off)

# %% [markdown]
# So a part of the doubt was right: it recalls species. But it counts as well, since even for species that
# it has never seen it is much better than the mean. Each dot is a flower of a species that the ridge did
# not know; on the line its answer is right.

# %%
vt.plots.answers(numbers, {"species never seen": [unseen]}, what="number of petals")

# %% [markdown]
# **03.5** There is no one answer. Networks with BatchNorm usually come back in good part. Networks with
# LayerNorm or GroupNorm have no statistics to renew: for those only the right normalisation helps.
