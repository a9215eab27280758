# %% [markdown]
# # 08 · Solutions: can forty images become more?
#
# One way to solve each exercise of lesson 08, with the reason.

# %%
import torch
import vtlab as vt
from vtlab.course import lesson_08

seed = vt.begin(0)

# %% [markdown]
# **08.1** Flips are on unless told otherwise, quarter turns are not. The default also changes the light
# a little, and here the light must stay. Its shifts move whole pixels; crops and rotations, which
# resample, are off.

# %% tags=["solution"]
vt.check("08.1", vt.Augment(turn=True, light=0))

# %% [markdown]
# **08.2** Repeat the edge, take the mean of each 3 × 3 window, and round before the numbers become bytes.

# %% tags=["solution"]
def mean_of_nine(pixels):
    padded = torch.nn.functional.pad(pixels.float(), (1, 1, 1, 1), mode="replicate")
    return torch.nn.functional.avg_pool2d(padded, 3, stride=1).round().byte()

vt.check("08.2", mean_of_nine)

# %% [markdown]
# **08.3** The two networks of the lesson first.

# %%
arrows = vt.task("arrows", shots=10, seed=seed)
networks = {}
for name, augment in (("with flips", vt.Augment()), ("without", vt.Augment(flip=False))):
    networks[name] = vt.backbone("mini_resnet", classes=4)
    for record in vt.fit(networks[name], arrows, vt.plain(vt.full), seed=seed, augment=augment, epochs=20):
        pass

# %% [markdown]
# Direction cannot tell mirrored classes apart, so this network has learnt something else about its forty
# images. In the colours of another image it knows far fewer of them. The control, which needs the arrows
# alone, loses much less.

# %% tags=["solution"]
images, labels = arrows.train.pixels, arrows.train.labels
swapped = lesson_08.swap_colours(images, torch.arange(40).roll(10))
found = {name: tuple(vt.evaluate(network, shown, labels) for shown in (images, swapped))
         for name, network in networks.items()}
vt.check("08.3", found)
