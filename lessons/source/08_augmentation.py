# %% [markdown]
# # 08 · Can forty images become more?
#
# An image that is mirrored shows the same flower, and costs nothing. So does one that is moved, turned,
# darkened, or half hidden. **Augmentation** makes such copies while training goes on, and nearly every
# recipe has it. But a copy is no new photograph. What does it teach, and can it teach the wrong thing?

# %% [markdown]
# ## You will
#
# - see nine kinds of augmentation as pictures, write one in plain PyTorch, and use a foreign library's;
# - measure what each kind does to the accuracy of each strategy, and find out why some of them hurt;
# - break a task by mirroring its images, and mend it with one word.
#
# You should know lesson 01 and a training loop in PyTorch. About 25 minutes of reading, one of computing
# on two processor cores. Nothing is downloaded.

# %%
import os
import torch
import vtlab as vt

vt.begin(seed=0)

# %% [markdown]
# ## The question
#
# Whoever augments says two things about the world. First: *the label stays*. A mirrored rose is a rose,
# but a mirrored "turn left" is not. Second: *such a picture could come*. Who rotates by 15 degrees expects
# rotated flowers in the test set, or at least does not mind to learn them. If both hold, the network sees
# variety that forty photographs do not have. If one fails, it learns something that is false, or useless.
#
# With a pretrained network there is a third question: has it seen that variety already?

# %% [markdown]
# ## Look
#
# One training image of the garden, and five views of it for each kind. (`KINDS` has the strengths that we shall
# measure below.) A view is not stored: it is computed when it is needed, and view 3 of image 20 is always the
# same picture under the same seed.

# %%
from vtlab.augmentation import KINDS, STILL

seed = int(os.environ.get("VTLAB_SEED", 0))
task = vt.task("garden", shots=5, seed=seed)
place = torch.tensor([20])
image = task.train.pixels[place]
sheet = {kind: torch.cat([augment.view(image, place, seed, v) for v in range(6)])
         for kind, augment in KINDS.items()}

# %% [markdown]
# The ninth kind needs two images. **Mixup** (Zhang et al. 2018) lays one over the other, and mixes their
# labels in the same proportion: 70 % of one species and 30 % of the other.

# %%
other = task.train.pixels[7]
sheet["mixup"] = torch.stack([torch.lerp(other.float(), image[0].float(), share).byte()
                              for share in (1, 0.9, 0.8, 0.7, 0.6, 0.5)])
vt.plot_views(sheet, titles=["as it is", *(f"view {v}" for v in range(1, 6))])

# %% [markdown]
# *Turn* is by quarters, *crop* zooms in by up to a fifth, *rotate* goes up to 15 degrees either way, *hue*
# turns the colour circle by up to a tenth, and *erase* (Zhong et al. 2020) puts noise on a rectangle, in half of
# the views. Edges are mirrored where a view looks beyond the picture.

# %% [markdown]
# ## Predict
#
# We fine-tune all stages on the forty images, with new views in every epoch. Which views give the best
# accuracy on new images?

# %%
best = vt.guess("Best views for full fine-tuning on forty images?",
                ["flips and shifts", "rotations up to 15 degrees", "all nine kinds together",
                 "none is better than no views at all"])
best

# %% [markdown]
# ## By hand, once
#
# Torchvision's `transforms.v2` take a whole batch of images as one tensor, which is fast. They also draw
# *once* for the batch. Six copies of our flower are all turned by the same angle:

# %%
from torchvision.transforms import v2

turned = v2.RandomRotation(30)(image.repeat(6, 1, 1, 1))
vt.claim("torchvision turns a batch by one angle", (turned == turned[:1]).all())

# %% [markdown]
# If a batch is augmented as a whole, then, its images are less varied than one thinks; applied image by
# image, the same functions are right and slower. `vt.Augment` draws for each image and computes for all.
#
# A flip in plain PyTorch is a coin for each image and an index that runs backwards:

# %%
pixels, labels = task.train.pixels, task.train.labels
coins = torch.rand(len(pixels), generator=torch.Generator().manual_seed(seed)) < 0.5
flipped = torch.where(coins[:, None, None, None], pixels.flip(3), pixels)

# %% [markdown]
# Mixup takes a partner for each image of the batch, mixes the normalised pixels, and asks for mixed labels.
# The paper draws the share anew for each batch, from a Beta distribution; we take 0.7.

# %%
network = vt.backbone("mini_resnet", classes=8).eval()
partner, share = torch.randperm(40, generator=torch.Generator().manual_seed(seed)), 0.7
inputs = network.normalise(flipped)
logits = network(share * inputs + (1 - share) * inputs[partner])
hot = torch.nn.functional.one_hot(labels, 8).float()
by_hand = torch.nn.functional.cross_entropy(logits, share * hot + (1 - share) * hot[partner])

# %% [markdown]
# ## With vtlab
#
# `fit(augment=…, mixup=…)` does the same. A `Mix` holds partners and share, and takes two ordinary losses instead of
# soft labels, which is the same number, since the loss is linear in the labels.

# %%
from vtlab.mixup import Mix

logits = network(Mix(partner, share).of(inputs))
first, second = (torch.nn.functional.cross_entropy(logits, of) for of in (labels, labels[partner]))
vt.claim("by hand and with vtlab, mixup has the same loss",
         abs(share * first + (1 - share) * second - by_hand) < 1e-5)

# %% [markdown]
# And what of the many libraries of augmentations? Most of them take one image, as a NumPy array `(H, W, 3)`.
# `vt.augment_with` makes any such function an augmentation for `fit`, with random numbers that belong to image
# and view. Here is **Albumentations'** flip (its 2.0 series, under the MIT licence), and where that is not
# installed, NumPy's. (The variable keeps its import from asking a server for news.)

# %%
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
try:
    from albumentations import HorizontalFlip
    mirror = vt.augment_with(HorizontalFlip(p=1))
except ImportError:
    mirror = vt.augment_with(lambda image: image[:, ::-1])

# %%
every = torch.arange(len(pixels))
ours, theirs = (augment.view(pixels, every, seed, 1) for augment in (KINDS["flip"], mirror))
same, mirrored = ((ours == view).flatten(1).all(1) for view in (pixels, theirs))
vt.claim("each of our flips is the image or the library's mirror image, and both occur",
         (same ^ mirrored).all() and same.any() and mirrored.any())

# %% [markdown]
# ## Explore
#
# The panel shows images of any task, and with **Show augmented views** what training sees of them. Push each
# strength until *you* would no longer be sure of the species: further than that, the label does not stay. Then
# choose the task *arrows*, and watch what a flip does to it.

# %%
book = vt.TaskPanel("garden", augmented=True, seed=seed)
book

# %% [markdown]
# In code, its controls; and the augmentation that it shows can be given to `fit` as it is:

# %%
book.controls["erase"].value, book.controls["flip"].value = 0.4, False
book.controls["task"].value = "arrows"
print(book.describe())
assert book.augment == vt.Augment(flip=False, erase=0.4)

# %% [markdown]
# ## Look inside
#
# Turning by a quarter and rotating by a few degrees sound alike, the first even wilder. Yet they are
# different operations. A quarter turn puts every pixel in a new place. Any other angle needs values from
# *between* the pixels, and the usual way is to average neighbours (**bilinear** resampling). An average is a
# blur. To see what a blur alone does, we move the test images by half a pixel:

# %%
def half_a_pixel(images):
    images = torch.nn.functional.pad(images.float(), (0, 1, 0, 1), mode="replicate")
    return torch.nn.functional.avg_pool2d(images, 2, stride=1).byte()

test = task.test
soft = half_a_pixel(test.pixels)
vt.plot_views({"as drawn": test.pixels[::171], "half a pixel on": soft[::171]})

# %% [markdown]
# One has to look twice. The frozen features are the same for all probes, so we compute them once, for both
# test sets. Then three probes: one on the images as they are, one on eight views of each that are rotated with
# bilinear resampling, and one whose views are rotated by taking the *nearest* pixel instead of a mean. The
# rotation is Pillow's, one image at a time, through `augment_with`.

# %%
import random
import numpy
from PIL.Image import Resampling, fromarray

def rotation(how):
    return vt.augment_with(lambda image: numpy.asarray(
        fromarray(image).rotate(random.uniform(-15, 15), how)))

views = {"as they are": STILL, "bilinear": rotation(Resampling.BILINEAR),
         "nearest": rotation(Resampling.NEAREST)}

# %%
features = [vt.activations(network, images) for images in (test.pixels, soft)]
found = {}
for name, augment in views.items():
    probe = vt.probe_on_views(network, task, augment, seed)
    found[name] = [(probe.head(x).argmax(1) == test.labels).double().mean().item() for x in features]

# %% tags=["nbval-ignore-output"]
for name, (sharp, blurred) in found.items():
    print(f"probe on views {name:11} {sharp:.2f} on the test images, {blurred:.2f} half a pixel on")

# %%
vt.claim("half a pixel costs the probe more than a fifth of all answers",
         found["as they are"][0] - found["as they are"][1] > 0.2, found=found)
vt.claim("a probe on bilinear rotations has got used to the blur, one on nearest ones has not",
         found["bilinear"][1] > max(found["as they are"][1], found["nearest"][1]) + 0.05, found=found)

# %% [markdown]
# So what bilinear rotations teach is not the angle, which these features knew, but the blur. Our test images are not
# blurred, and what is learnt for nothing takes its place. At 64 pixels the species are told apart by fine
# stripes; at 224 half a pixel would be a smaller loss.

# %% [markdown]
# ## What we saw
#
# The table `augmentation_table` holds 5 seeds of each way for forty images (`python -m vtlab.augmentation`).
# For a probe, the head is solved on the features of eight views of each image. *Default* is
# what `fit` does unless told otherwise: flips, shifts, and a little light. *All* has everything, mixup too.

# %%
table = vt.augmentation_table()
few = table[table.part == "few"]
vt.plot_ways({name.capitalize(): {way: rows.test_accuracy for way, rows in some.groupby("way", sort=False)}
              for name, some in few[few.strategy != "scratch"].groupby("strategy", sort=False)})

# %%
def seeds(part, strategy, way, column="test_accuracy"):
    rows = table[(table.part == part) & (table.strategy == strategy) & (table.way == way)]
    return rows.sort_values("seed")[column].to_numpy()

def gain(strategy, way, part="few", than="none"):
    return vt.paired_difference(seeds(part, strategy, way), seeds(part, strategy, than))

for strategy in ("probe", "partial", "full", "scratch"):
    print(f"{strategy:8} default against none: {gain(strategy, 'default')}")

# %%
plain = [gain(strategy, "default") for strategy in ("probe", "partial", "full")]
vt.claim("flips and shifts change the accuracy of no pretrained strategy by more than two hundredths",
         max(abs(change.mean) for change in plain) < 0.02, plain=plain)
turned = [gain(strategy, "rotate") for strategy in ("partial", "full")]
vt.claim("small rotations cost partial and full more than five hundredths",
         max(change.high for change in turned) < -0.05, turned=turned)
best.reveal("none is better than no views at all")

# %% [markdown]
# A no is a finding. Mirrored, moved, quarter-turned, recoloured or half-hidden flowers teach these networks
# nothing that five seeds could show. They have seen 200,000 flowers in pretraining, each in its own pose, place
# and light; a mirrored one is no news. Mixup and erasing, which lower the error of networks that learn from
# random weights, do as little:

# %%
print("paper, CIFAR-10 from scratch, error: mixup 5.6 to 4.2 %, erasing 3.7 to 3.1 %")
helps = [gain(strategy, way) for strategy in ("partial", "full") for way in ("mixup", "erase")]
for change in helps:
    print("ours, accuracy:", change)
print("shape reproduced:", "yes" if min(change.low for change in helps) > 0 else "no")

# %% [markdown]
# (The papers' networks were a PreAct ResNet-18 and a WRN-28-10, with 5,000 images per class.) What hurts is what
# resamples, rotating and cropping, and what therefore contains them. With 40 images per class, 3 seeds:

# %%
for strategy in ("probe", "partial", "full", "scratch"):
    print(f"{strategy:8} default against none: {gain(strategy, 'default', 'many')}")
