# %% [markdown]
# # 03 · Solutions: what goes on top?
#
# One way to solve each exercise of lesson 03, with the reason.

# %%
import torch
import vtlab as vt

vt.begin(seed=0)

# %% [markdown]
# **03.1** The hidden layer first, then the bend that makes it worth having, then the dropout on what the last
# layer gets.

# %% tags=["solution"]
head = torch.nn.Sequential(
    torch.nn.Linear(256, 64), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(64, 8)
)
vt.check("03.1", head)

# %% [markdown]
# **03.2** A normal distribution is given by its spread, the root of the variance.

# %% tags=["solution"]
def xavier(inputs, outputs):
    return torch.randn(outputs, inputs) * (2 / (inputs + outputs)) ** 0.5

vt.check("03.2", xavier)

# %% [markdown]
# **03.3** Hidden units at zero all get the same inputs and the same gradient, so they stay copies of one
# another. Each output of the head has its own labels, and each of its inputs is another feature: after
# one step no two weights are alike.

# %% tags=["solution"]
vt.check("03.3", "c")
