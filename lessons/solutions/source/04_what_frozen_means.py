# %% [markdown]
# # 04 · Solutions: what does "frozen" mean, and is it true?
#
# One way to solve each exercise of lesson 04, with the reason.

# %%
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **04.1** No gradient, and evaluation mode, in which BatchNorm uses its statistics and leaves them.

# %% tags=["solution"]
def freeze(module):
    return module.requires_grad_(False).eval()

vt.check("04.1", freeze)

# %% [markdown]
# **04.2** Every one of the 8 × 8 × 32 outputs sums over 16 channels of 9 cells. That is once forward,
# once for the gradients of the weights and once for the gradient of the input.

# %% tags=["solution"]
vt.check("04.2", 3 * 8 * 8 * 32 * 16 * 3 * 3)

# %% [markdown]
# **04.3** `train()` sets the mode of every module inside, and the mode is what BatchNorm obeys. A
# network of this package that was frozen with `network.freeze(…)` or by a strategy keeps its frozen
# stages in evaluation mode also after `.train()`; setting `requires_grad` by hand does not tell it.

# %% tags=["solution"]
vt.check("04.3", "c")
