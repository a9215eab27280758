# %% [markdown]
# # 09 · Solutions: where does it look?
#
# One way to solve each exercise of lesson 09, with the reason.

# %%
import numpy as np
import torch
import vtlab as vt
from vtlab.course import lesson_09

seed = vt.begin(0)

# %% [markdown]
# **09.1** Random numbers have as much mass on each pixel: a quarter of it lies on a plant of a quarter. For the
# overlap take a quarter of the pixels at random. A quarter of these lie on the plant: the intersection is 1/16 of
# the image. The union is 1/4 + 1/4 - 1/16, which is 7/16. So the overlap is 1/7.

# %% tags=["solution"]
vt.check("09.1", (1 / 4, 1 / 7))

# %% [markdown]
# **09.2** Each square is covered in a fresh copy. Nothing about the model is used but its number.

# %% tags=["solution"]
def occlusion(score, image, side):
    drops = np.zeros((image.shape[1] // side, image.shape[2] // side))
    for i, j in np.ndindex(*drops.shape):
        covered = image.copy()
        covered[:, i * side : (i + 1) * side, j * side : (j + 1) * side] = 128
        drops[i, j] = score(image) - score(covered)
    return drops

vt.check("09.2", occlusion)

# %% [markdown]
# **09.3** The networks of the lesson first.

# %%
tied = lesson_09.paired_ground_task(seed)
own = tied.test[torch.arange(0, 320, 2)]

# %%
networks = {}
for strategy, epochs in ((vt.plain(vt.scratch), 15), (vt.probe, None)):
    networks[strategy.name] = vt.backbone("mini_resnet", classes=8)
    for record in vt.fit(
            networks[strategy.name], tied, strategy, seed=seed, epochs=epochs):
        pass

# %% [markdown]
# Every plant becomes a grey patch. If the network from scratch looks at the ground alone, nothing changes for
# it; the probe can only guess (chance is one in eight). So it is.

# %% tags=["solution"]
bare = torch.where(own.masks[:, None], 128, own.pixels).to(torch.uint8)
vt.check("09.3", {name: vt.evaluate(network, bare, own.labels)
                  for name, network in networks.items()})
