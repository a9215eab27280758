# %% [markdown]
# # 09 · Solutions: where does it look?
#
# One way to solve each exercise of lesson 09, with the reason.

# %%
import torch
import vtlab as vt

seed = vt.begin(0)

# %% [markdown]
# **09.1** `argmax` numbers the cells row by row, and a flattened mask is numbered in the same way.

# %% tags=["solution"]
def hit(heat, mask):
    return bool(mask.ravel()[heat.argmax()])

vt.check("09.1", hit)

# %% [markdown]
# **09.2** The network of the lesson, and the same two calls with another stage. The maps of stage 3
# have as many cells as those of stage 4, and more of their mass lies on the plant.

# %% tags=["solution"]
task = vt.task("garden", shots=40, seed=seed)
some = task.test[torch.arange(0, 1200, 5)]
network = vt.backbone("mini_resnet", classes=8)
for record in vt.fit(network, task, vt.probe):
    pass
maps = vt.explain(network, some.pixels, stage="stage3")
vt.check("09.2", vt.analysis.cam_scores(maps, some.masks).mass.mean())

# %% [markdown]
# **09.3** Detail comes from the image: edges are there whatever the weights. A map that survives a
# random head says nothing about what the head has learnt.

# %% tags=["solution"]
vt.check("09.3", "b")
