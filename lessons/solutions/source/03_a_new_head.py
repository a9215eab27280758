# %% [markdown]
# # 03 · Solutions: what goes on top?
#
# One way to solve each exercise of lesson 03, with the reason.

# %%
import torch
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **03.1** The hidden layer first, then the ReLU, the bend without which two linear layers are no more
# than one, then the dropout on what the last layer gets.

# %% tags=["solution"]
head = torch.nn.Sequential(
    torch.nn.Linear(256, 64), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(64, 8)
)
vt.check("03.1", head)

# %% [markdown]
# **03.2** `torch.randn` has spread 1, so its numbers are multiplied by the spread that we want: the
# root of the variance.

# %% tags=["solution"]
def xavier(inputs, outputs):
    return torch.randn(outputs, inputs) * (2 / (inputs + outputs)) ** 0.5

vt.check("03.2", xavier)

# %% [markdown]
# **03.3** Hidden units at zero all get the same inputs and the same gradient, so they stay copies of
# one another. In the head, the error of each output depends on its own class's labels, and each input
# is another feature: after one step hardly two weights are alike.

# %% tags=["solution"]
vt.check("03.3", "c")
