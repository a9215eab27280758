# %% [markdown]
# # 02 · Solutions: what is inside a pretrained model?
#
# One way to solve each exercise of lesson 02, with the reason.

# %%
import torch
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **02.1** Each 3 × 3 kernel with stride 1 widens the field by two: 3, 5, 7. Three of them have 27 weights for each
# pair of channels where one 7 × 7 kernel has 49, and two more ReLUs find room in between.

# %% tags=["solution"]
small_kernels = torch.nn.Sequential(*(torch.nn.Conv2d(16, 16, 3, padding=1) for _ in range(3)))
vt.check("02.1", small_kernels)

# %% [markdown]
# **02.2** A kernel widens the field by `kernel - 1` cells of the map that it reads, and each of those is as many
# pixels wide as all strides before it, multiplied.

# %% tags=["solution"]
def field(layers):
    size, step = 1, 1
    for kernel, stride in layers:
        size += (kernel - 1) * step
        step *= stride
    return size

vt.check("02.2", field)

# %% [markdown]
# **02.3** The mean and the spread of a batch depend on every pixel of every image in it, and each cell is shifted and
# divided by them. In evaluation BatchNorm uses the numbers that it kept, which no image can change.

# %% tags=["solution"]
vt.check("02.3", "c")

# %% [markdown]
# **02.4** A texture is not a colour, it is a variation. How much each channel varies from cell to cell says how strong
# its pattern is; the length of the row is taken away, since it says only how much contrast the whole image has.

# %% tags=["solution"]
def texture_features(maps):
    return torch.nn.functional.normalize(maps.std((2, 3)), dim=1)

vt.check("02.4", texture_features)
