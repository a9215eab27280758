# %% [markdown]
# # 08 · Solutions: can forty images become more?
#
# One way to solve each exercise of lesson 08, with the reason.

# %%
from dataclasses import replace

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
# **08.2** Left and right are swapped: north-east (0) and north-west (1) change places, and so do south-west (2)
# and south-east (3).

# %% tags=["solution"]
def mirror(pixels, labels):
    swapped = torch.tensor([1, 0, 3, 2])
    return torch.cat([pixels, pixels.flip(3)]), torch.cat([labels, swapped[labels]])

vt.check("08.2", mirror)

# %% [markdown]
# **08.3** The two networks of the lesson first.

# %%
arrows = vt.task("arrows", shots=10, seed=seed)
networks = {}
for name, flip in (("with flips", True), ("without", False)):
    networks[name] = vt.backbone("mini_resnet", classes=4)
    for record in vt.fit(networks[name], arrows, vt.plain(vt.full), seed=seed,
                         augment=vt.Augment(flip=flip), epochs=20):
        pass

# %% [markdown]
# Direction cannot tell mirrored classes apart, so this network has learnt something else about its forty
# images. In the colours of another image it knows far fewer of them. The control, which needs the arrows
# alone, loses much less.

# %% tags=["solution"]
images, labels = arrows.train.pixels, arrows.train.labels
swapped = lesson_08.swap_colours(images, torch.arange(40).roll(10))
found = {name: tuple(vt.evaluate(network, of, labels) for of in (images, swapped))
         for name, network in networks.items()}
vt.check("08.3", found)

# %% [markdown]
# **What 08.2 is worth.** The mirrored maps are new and true. We train on the eighty as on the forty above, without
# flips. (It takes more steps in as many epochs; a part of the gain may be theirs.)

# %% tags=["solution"]
pixels, named = mirror(images, labels)
both = replace(arrows.train, pixels=pixels, labels=named, masks=None)
doubled = replace(arrows, train=both)

# %% tags=["solution"]
network = vt.backbone("mini_resnet", classes=4)
for record in vt.fit(network, doubled, vt.plain(vt.full), seed=seed,
                     augment=vt.Augment(flip=False), epochs=20):
    pass

# %% tags=["solution"]
forty, eighty = (100 * vt.evaluate(of, arrows.test.pixels, arrows.test.labels)
                 for of in (networks["without"], network))
vt.claim("mirror images with their own labels help", eighty > forty,
         percent_right_of_forty=forty, and_their_mirror_images=eighty)
