# %% [markdown]
# # 08 · Can forty images become more?
#
# A mirrored image shows the same flower, and costs nothing. So does one that is moved, turned,
# darkened, or half hidden. **Augmentation** makes such copies while training goes on, and nearly every
# recipe has it. But a copy is no new photograph. What does it teach, and can it teach the wrong thing?

# %% [markdown]
# ## You will
#
# - see nine kinds of augmentation as pictures, write two in plain PyTorch, and use another library's;
# - read from a table what they do to the accuracy of the strategies, and find out why some of them hurt;
# - break a task by mirroring its images, and mend it with one word.
#
# You should know lesson 01 and a training loop in PyTorch. About 25 minutes of reading, one of
# computing on two processor cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import os
import torch
import vtlab as vt
from vtlab.course import lesson_08

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# Whoever augments says two things about the world. First: *the label stays*. A mirrored rose is a rose,
# but a mirrored "turn left" says "turn right". Second: *such a picture could come*. Whoever rotates by
# 15 degrees expects rotated flowers in the test set, or at least does not mind learning them. If both
# hold, the network sees variety that forty photographs do not have. If the first fails, it learns
# something false; if the second fails, something useless.
#
# With a pretrained network there is a third question: has it seen that variety already?

# %% [markdown]
# ## Look
#
# One training image of the garden, and eight **views** of it for each of eight kinds. (`KINDS` has the
# strengths that we shall measure below.) A view is not stored: it is computed when needed, and view 3
# of image 20 is always the same picture under the same seed. View 0 is the image as it is.

# %%
task = vt.task("garden", shots=5, seed=seed)

# %%
place = torch.tensor([20])
image = task.train.pixels[place]
sheet = {kind: torch.cat([augment.view(image, place, seed, v) for v in range(9)])
         for kind, augment in lesson_08.KINDS.items()}

# %% [markdown]
# The ninth kind needs two images. **Mixup** (Zhang et al. 2018) lays one over the other, and mixes
# their labels in the same proportion: 70 % of one species and 30 % of the other, say. In the last row
# of the sheet, the share of our image falls from all to a half.

# %%
other = task.train.pixels[7]
sheet["mixup"] = torch.stack([torch.lerp(other.float(), image[0].float(), share).byte()
                              for share in torch.linspace(1, 0.5, 9).tolist()])
vt.plots.image_rows(sheet, titles=["as it is", *(f"view {v}" for v in range(1, 9))])

# %% [markdown]
# A mixed picture looks like nothing on earth, and no flower is 70 % of a species. The point is what the
# network is kept from: being sure between two images, where it knows nothing.
#
# *Flip* mirrors half of the views, *shift* moves by up to four pixels, *turn* is by quarters, *crop*
# zooms in by up to a fifth, *rotate* goes up to 15 degrees either way, *hue* turns the colour circle by
# up to a tenth, *noise* adds grain, and *erase* (Zhong et al. 2020) puts noise on a rectangle, in half
# of the views. Edges are mirrored where a view looks beyond the picture.

# %% [markdown]
# ## Predict
#
# We train the head and the last stage (*partial*) on the forty images, from a random head at one rate, for
# thirty epochs. Each image has eight views, which take turns from epoch to epoch. Which views give the best
# accuracy on new images?

# %%
best = vt.guess("Best views for partial fine-tuning on forty images?",
                ["flips and shifts", "rotations up to 15 degrees", "all nine kinds together",
                 "none is shown to be better than the images as they are"])
best

# %% [markdown]
# ## By hand, once
#
# Torchvision's `transforms.v2` take a whole batch of images as one tensor, which is fast. But they draw
# *once* for the batch. Six copies of our flower are all turned by the same angle:

# %%
from torchvision.transforms import v2

turned = v2.RandomRotation(30)(image.repeat(6, 1, 1, 1))
vt.claim("torchvision turns a batch by one angle", (turned == turned[:1]).all())

# %% [markdown]
# So a batch that is augmented as a whole is less varied than one thinks. Applied image by image, the
# same functions are right, and slower. `vt.Augment` draws for each image and computes for all at once.
#
# A flip in plain PyTorch is a coin for each image, and columns read backwards (axis 3 is the width):

# %%
pixels, labels = task.train.pixels, task.train.labels
coins = torch.rand(len(pixels), generator=torch.Generator().manual_seed(seed)) < 0.5
flipped = torch.where(coins[:, None, None, None], pixels.flip(3), pixels)

# %% [markdown]
# Mixup takes a partner for each image of the batch, mixes the normalised pixels, and asks for mixed
# labels. For this a label becomes a row, 1 at its class and 0 elsewhere (**one-hot**). The paper draws
# the share anew for each batch, from a Beta distribution; we take 0.7.

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
# The library's `fit(augment=…, mixup=…)` does the same; `mixup` is the number that shapes the Beta
# distribution. Where stages are frozen, it mixes what they make of the images instead of the images
# (after **manifold mixup**, Verma et al. 2019), so that their work can be kept. A `Mix` holds partners
# and share, and mixes. Two ordinary losses, weighted by the shares, replace the mixed labels: the same
# number, since the loss is linear in them.

# %%
logits = network(lesson_08.Mix(partner, share).of(inputs))
first, second = (torch.nn.functional.cross_entropy(logits, of) for of in (labels, labels[partner]))
vt.claim("by hand and with vtlab, mixup has the same loss",
         abs(share * first + (1 - share) * second - by_hand) < 1e-5)

# %% [markdown]
# And what of the many libraries of augmentations? Most take one image, a NumPy array `(H, W, 3)`.
# `vt.augment_with` makes any such function an augmentation for `fit`, with random numbers that belong
# to image and view. Here is the flip of **Albumentations** (its 2.0 series, under the MIT licence), or,
# where that is not installed, NumPy's. (The environment variable keeps the import from asking a server
# for news.)

# %%
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
try:
    from albumentations import HorizontalFlip
    mirror = vt.augment_with(HorizontalFlip(p=1))
except ImportError:
    mirror = vt.augment_with(lambda image: image[:, ::-1])

# %%
every = torch.arange(len(pixels))
ours, theirs = (augment.view(pixels, every, seed, 1) for augment in (lesson_08.KINDS["flip"], mirror))
same, mirrored = ((ours == view).flatten(1).all(1) for view in (pixels, theirs))
vt.claim("each of our flips is the image or the library's mirror image, and both occur",
         (same ^ mirrored).all() and same.any() and mirrored.any())

# %% [markdown]
# ## Explore
#
# The panel shows images of any task and, with **Show augmented views**, what training sees of them.
# Push each strength until *you* would no longer be sure of the species: beyond that, the label does not
# stay. Then choose the task *arrows*, and watch what a flip does to it.

# %%
book = vt.TaskPanel("garden", augmented=True, seed=seed)
book

# %% [markdown]
# Its controls can be set in code, and the augmentation that it shows can be given to `fit` as it is:

# %%
book.controls["erase"].value, book.controls["flip"].value = 0.4, False
book.controls["task"].value = "arrows"
print(book.describe())
assert book.augment == vt.Augment(flip=False, erase=0.4)

# %% [markdown]
# ## Look inside
#
# Turning by a quarter and rotating by a few degrees sound alike, the first even wilder. Yet they are
# different operations. A quarter turn moves whole pixels. Any angle in between needs values from
# *between* the pixels, and the usual way is to average neighbours (**bilinear** resampling). An average
# is a blur. To see what a blur alone does, we take every other test image and move it by half a pixel,
# left and up, so that each new pixel is the mean of four:

# %%
def half_a_pixel(images):
    images = torch.nn.functional.pad(images.float(), (0, 1, 0, 1), mode="replicate")
    return torch.nn.functional.avg_pool2d(images, 2, stride=1).byte()

test = task.test[torch.arange(0, 1200, 2)]
soft = half_a_pixel(test.pixels)
vt.plots.image_rows({"as drawn": test.pixels[::85], "half a pixel on": soft[::85]})

# %% [markdown]
# One has to look twice: it is what a slightly unsteady hand does. Frozen features are the same for all
# probes, so we compute them once for both test sets. Then three probes: one on the images as they are;
# one on eight views of each, all but the first rotated with bilinear resampling; and one with the same
# angles, but the *nearest* pixel instead of a mean. The rotation is Pillow's, one image at a time,
# through `augment_with`; it leaves black corners, in both.

# %%
import random
import numpy
from PIL.Image import Resampling, fromarray

def rotation(how):
    return vt.augment_with(lambda image: numpy.asarray(
        fromarray(image).rotate(random.uniform(-15, 15), how)))

# %%
views = {"as they are": lesson_08.NO_CHANGE, "bilinear": rotation(Resampling.BILINEAR),
         "nearest": rotation(Resampling.NEAREST)}

# %%
features = [vt.activations(network, images) for images in (test.pixels, soft)]
found = {}
for name, augment in views.items():
    probe = lesson_08.probe_on_views(network, task, augment, seed)
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
# If angles did harm, the probe on *nearest*, which saw the same ones, should lose as much on sharp
# images as the one on *bilinear*. In the run stored here it lost a hundredth, the other eight. So what
# bilinear rotations teach is the blur. Our test images are not blurred, and there it only costs. At 64
# pixels the species are told apart by fine stripes; at 224 half a pixel should be a smaller loss (not
# measured).

# %% [markdown]
# ## What we saw
#
# The table `augmentation_table` holds trainings with many kinds of view, five seeds of each (`python
# data/make/augmentation.py`). First those on forty images. For a probe, the head is solved on the
# features of eight views of each image; all others have the **plain recipe**, `vt.plain`: a random head,
# one rate for all that learns, batches of 32, thirty epochs. *Default* is what `fit` does unless told
# otherwise: flips, shifts, and a little light. *All* has everything, and for partial mixup too. From seed
# to seed the shots matter more than most ways do, so each way is compared with *none* (no augmentation) on
# the same shots. A dot is a seed, the band the mean's 95 % interval; what has no dots was not tried:

# %%
table = lesson_08.augmentation_table()

def seeds(part, strategy, way, column="test_accuracy"):
    rows = table[(table.part == part) & (table.strategy == strategy) & (table.way == way)]
    return rows.sort_values("seed")[column].to_numpy()

def gain(strategy, way, part="few", than="none"):
    return vt.metrics.paired_difference(seeds(part, strategy, way), seeds(part, strategy, than))

# %%
few = table[(table.part == "few") & (table.way != "none") & (table.strategy != "scratch")]
vt.plots.intervals({name.capitalize(): {way: seeds("few", name, way) - seeds("few", name, "none")
                                        for way in some.way.unique()}
                    for name, some in few.groupby("strategy", sort=False)},
                   what="test accuracy, less that of none", percent=False, marks={"none": 0})

# %%
ways = [way for way in table[table.strategy == "partial"].way.unique()
        if way in (*lesson_08.KINDS, "mixup", "all")]
gains = {way: gain("partial", way) for way in ways} | {"default": gain("partial", "default")}
vt.claim("no way to augment is shown to be better for partial than none",
         max(change.low for change in gains.values()) <= 0, gains=gains)
best.reveal("none is shown to be better than the images as they are")

# %%
turned = {strategy: gain(strategy, "rotate") for strategy in ("partial", "full")}
vt.claim("small rotations cost partial and full more than five hundredths in the mean, and surely something",
         max(change.mean for change in turned.values()) < -0.05
         and max(change.high for change in turned.values()) < 0, turned=turned)

# %%
plain = {strategy: gain(strategy, "default") for strategy in ("probe", "partial", "full")}
vt.claim("in the mean, flips and shifts change no pretrained strategy by more than a fortieth",
         max(abs(change.mean) for change in plain.values()) < 0.025, plain=plain)

# %% [markdown]
# A no is a finding, within its interval. Mirrored and moved (both in *default*), quarter-turned,
# recoloured or half-hidden flowers taught partial nothing that five seeds could show; one or two
# hundredths could still hide there. The probe's *default* gains two hundredths in the mean, in an
# interval from just below zero to four. Two of its ten intervals, flip and hue, begin just above zero;
# but whoever looks at ten of them should not build on that. A likely reason for so little: pretraining
# had 200,000 drawings, each with its own pose, place and light; a mirrored one is no news.
#
# Mixup and erasing lower the error of networks that learn from random weights; here neither shows a
# gain. The papers trained a PreAct ResNet-18 and a WRN-28-10 on 5,000 images per class. The mixup paper
# drew shares evenly and mixed pixels; ours, from Beta(0.2, 0.2), mostly leave one image nearly alone,
# and mix what frozen stages make. So a *no* says: not here. (± is half the 95 % interval. Where it is the
# larger number, no difference was shown.)

# %%
def told(change):
    return f"{change.mean:.3f} ± {change.half:.3f}"

papers = {"mixup": "5.6 to 4.2 %", "erase": "3.8 to 3.1 %"}
for way, error in papers.items():
    print(f"{way}: the paper's error on CIFAR-10 {error}; our accuracy less none's {told(gains[way])}; "
          f"shape reproduced: {'yes' if gains[way].low > 0 else 'no'}")

# %% [markdown]
# What hurts partial most is what resamples, rotating and cropping, and *all*, which contains both. Noise
# costs it four hundredths in the mean, and five seeds do not tell that from the loss by rotating. The
# probe loses less, one to three hundredths, with intervals that reach zero: its stages stay as they are.
# Full, which we tried with rotations only, loses most by them, perhaps because every stage may get used
# to blurred pictures. And with eight times as many images, 40 per class?

# %%
for strategy in table[table.part == "many"].strategy.unique():
    print(f"{strategy:8} default less none: {told(gain(strategy, 'default', 'few'))} with 5 per class, "
          f"{told(gain(strategy, 'default', 'many'))} with 40 per class")

# %%
flat = [gain(strategy, "default", "many") for strategy in ("probe", "partial", "full")]
anew = gain("scratch", "default", "many")
vt.claim("with 40 images per class flips and shifts help from scratch, and no pretrained strategy by as much",
         anew.low > max(0.02, *(change.mean for change in flat)), anew=anew, flat=flat)

# %% [markdown]
# So here it is, the gain that everybody speaks of. From scratch the network must learn that a moved
# flower is the same flower, and 320 photographs alone do not tell it well enough. (With five per class
# it is right one time in five either way; chance is one in eight.) Of the pretrained strategies, with
# 40 per class, only partial has an interval above zero, and its mean is less than a hundredth. It seems
# that pretraining and augmentation teach, in part, the same thing, and whoever has one needs less of
# the other.
#
# Can one trust a table? Here is one of its trainings, live: partial, with rotations. Five seeds
# tell where a sixth should fall, in 95 of 100 cases: within the mean's interval, made wider by
# the root of six. (Seed 0, the default here, is one of the five and only repeats it.)

# %%
again = vt.backbone("mini_resnet", classes=8)
for record in vt.fit(again, task, vt.plain(vt.partial(1)), seed=seed, augment=lesson_08.KINDS["rotate"]):
    pass
live = vt.evaluate(again, task.test.pixels, task.test.labels)
committed = vt.metrics.t_interval(seeds("few", "partial", "rotate"))
vt.claim("a live run lies where the committed seeds put it",
         abs(live - committed.mean) < 6**0.5 * committed.half, live=live, committed=committed)

# %% [markdown]
# **When the label does not stay.** The task `arrows` shows maps of the wind, and the class is where it
# blows to. We learn from ten maps of each direction; here are two of each:

# %%
arrows = vt.task("arrows", shots=10, seed=seed)
vt.plots.images(arrows.train.pixels[::5], titles=[arrows.classes[k] for k in arrows.train.labels[::5]])

# %% [markdown]
# A mirrored north-east is a north-west. Of its own *arrows* and digits the library knows that, and leaves
# flips out; of a folder of photographs it cannot know, and flips (`--no-flip` on the command line, or
# `vt.task(…, flip=False)`, says otherwise). We fine-tune everything, by the plain recipe, once as an
# ordinary folder would be and once without flips, for twenty epochs instead of thirty. Rows are where the
# wind blows, columns what the network says.

# %%
def fine_tune(augment):
    network = vt.backbone("mini_resnet", classes=4)
    records = list(vt.fit(network, arrows, vt.plain(vt.full), seed=seed, augment=augment, epochs=20))
    return records, vt.predict(network, arrows.test.pixels).argmax(1)

# %%
runs = {"with flips": fine_tune(vt.Augment())}

# %%
runs["without"] = fine_tune(vt.Augment(flip=False))
vt.plots.confusion({name: vt.metrics.confusion(arrows.test.labels, said, 4)
                    for name, (_, said) in runs.items()},
                   arrows.classes)

# %%
truth, said = arrows.test.labels, runs["with flips"][1]
right = {name: vt.metrics.accuracy(truth, answers) for name, (_, answers) in runs.items()}
vt.claim("flips cost accuracy where direction is the class",
         right["without"] > right["with flips"] + 0.05, right=right)
north, east = (vt.metrics.accuracy(truth // 2, said // 2),
               vt.metrics.accuracy((truth + 1) // 2 % 2, (said + 1) // 2 % 2))
vt.claim("with flips it tells north from south better than east from west", north > east + 0.1,
         north=north, east=east)

# %% [markdown]
# The classes go round the compass (north-east, north-west, south-west, south-east), so that the first
# two are the north and the middle two the west. A flip keeps north and south apart, and blends east
# with west. The table's five seeds, with thirty epochs, and quarter turns for full, which keep nothing
# apart:

# %%
winds = table[table.part == "arrows"]
vt.plots.intervals({name.capitalize(): {way: rows.test_accuracy
                                        for way, rows in some.groupby("way", sort=False)}
                    for name, some in winds.groupby("strategy", sort=False)}, marks={"chance": 0.25})

# %%
flips = gain("full", "default", "arrows", than="default, no flip")
quarters = gain("full", "turn", "arrows")
vt.claim("flips cost full fine-tuning a tenth or more, and quarter turns leave it little above chance",
         flips.high < -0.1 and seeds("arrows", "full", "turn").mean() < 0.35, flips=flips, quarters=quarters)

# %% [markdown]
# Nothing in the training gives an alarm; only images held back do. With flips, full fine-tuning in the
# table still ends with 82 % of its training views right (93.5 % without them; exercise 08.3 asks how it
# can). So the first question about any augmentation is asked without a computer: *would I still give this
# picture its label?* Digits (a 6 on its head is a 9), letters, traffic signs, left and right hands,
# hearts on X-rays: there a flip or a turn tells lies.
#
# **At test time.** One can augment the test image as well, and average the answers to several views
# (**test-time augmentation**, TTA). It is a small committee of one network, which looks several times.
# Its members err alike, so one should not hope for too much, and two views take twice as long to
# answer. With `lesson_08.predict_views` it is a line, here for the image and its mirror image. What it is
# worth is in the table, after training with *default*:

# %%
said = lesson_08.predict_views(again, test.pixels[::2], mirror, views=2)
print(tuple(said.shape), f"sums to {said.sum(1).mean():.3f}")
for strategy in ("probe", "partial"):
    twice, once = (seeds("few", strategy, "default", f"{c}_accuracy") for c in ("mirrored", "test"))
    better = vt.metrics.paired_difference(twice, once)
    print(f"{strategy:8} mean of both against the image alone: {better.mean:.3f} ({better.low:.3f} to {better.high:.3f})")

# %% [markdown]
# Both intervals lie just above zero: about a hundredth, for twice the time.
#
# **What it costs.** On a processor a training step is slow and a flip is fast, so that augmenting a whole
# batch of bytes hardly shows, but for *hue*, which computes in another colour space. (On a fast GPU it
# can be the other way round, and recipes spend processes on it.) Seconds per image of each kind, as a
# share of an image's part in a step of full fine-tuning, both at their fastest, which other programs
# disturb least; *as they are* changes nothing, and the last two are Pillow's rotations, one image at a
# time:

# %%
from timeit import repeat

def share_of_a_step(augment):
    step = min(record.seconds for record in runs["without"][0]) / len(arrows.train)
    view = min(repeat(lambda: augment.view(pixels, every, seed, 1), number=1, repeat=5)) / len(pixels)
    return view / step

costs = {kind: share_of_a_step(augment) for kind, augment in (lesson_08.KINDS | views).items()}

# %% tags=["nbval-ignore-output"]
print({kind: f"{100 * cost:.1f} %" for kind, cost in costs.items()})

# %%
vt.claim("no kind costs a third of a training step", max(costs.values()) < 1 / 3, costs=costs)

# %% [markdown]
# Where stages are frozen, views are dear all the same: the frozen stages are the expensive part, and a
# new view in every epoch would have to go through them. `fit` therefore keeps **eight views** of each
# image and takes them in turn. Does that lose anything against thirty, one for each epoch? Partial with
# *default*, five seeds:

# %%
def eight_and_thirty(column):
    return (seeds(part, "partial", "default", column) for part in ("few", "new views"))

eight, thirty = eight_and_thirty("test_accuracy")
gained, (before, after) = vt.metrics.paired_difference(thirty, eight), eight_and_thirty("cpu_seconds")
print(f"thirty views less eight: {told(gained)}")
vt.claim("in the mean thirty views gain less than a hundredth over eight, and cost more", gained.mean < 0.01 and
         after.sum() > 1.2 * before.sum(), gained=gained, before=before, after=after)

# %% [markdown]
# A hundredth either way lies in that interval; thirty took 1.4 times the processor's time.
#
# **What to do, then?** Look at views before training on them. Leave out what changes the label. Be wary
# of resampling where details are as fine as pixels: move whole pixels, or try larger images. And if it
# matters, compare with *none* on a part of your shots that was held back: it is one more choice, and
# choices are paid with shots.

# %% [markdown]
# ## Caveats
#
# One backbone, one source that had much variety, targets near it, images of 64 pixels, thirty epochs.
# Where a network learns from random weights and long, or the source lacks what the target varies in,
# augmentation is known to help, and the papers below show it. Strengths were not tuned, each kind has
# one, and not every kind was tried with every strategy. All that learns had the plain recipe, by which
# full is far behind what it can do with forty images (lesson 07): what views are worth to a better recipe
# was not tried. With 40 images per class full had ten epochs and scratch fifteen instead of thirty; longer
# training may widen or close gaps.

# %% [markdown]
# ## Exercises
#
# **08.1 Change a value.** Slides under a microscope have no up and no left, and their stain tells the
# classes apart. Write the `vt.Augment` for them that says so, and that moves whole pixels only. (Mind
# what is on by default.)

# %%
slides = ...
vt.check("08.1", slides)

# %% [markdown]
# **08.2 Write a function.** Mixup's labels: from labels `(N,)`, the places of their partners in the
# batch `(N,)`, the share of the first image and the number of classes, give the mixed labels `(N, K)`.
# NumPy will do.

# %%
def mixed_labels(labels, partner, share, classes):
    return ...

vt.check("08.2", mixed_labels)

# %% [markdown]
# **08.3 Explain a surprise.** With flips, north-east and north-west give the same views equally often:
# the arrows alone tell at best half of the labels. Yet at the end of that training the accuracy on the
# *training* views is far above a half. How? (a) The flips were left out in the last epochs. (b) The
# network knows each of the forty images by its paper and ink. (c) The head has a bias. Answer with a
# letter. First, that it is so:

# %%
last = runs["with flips"][0][-1]
vt.claim("the last training accuracy is far above a half", last.train_accuracy > 0.6, last=last)

# %% tags=["nbval-ignore-output"]
print(f"training views {last.train_accuracy:.2f}, test images {right['with flips']:.2f}")

# %%
why = ...
vt.check("08.3", why)

# %% [markdown]
# ## In short
#
# - Augmentation claims that the label stays and that such pictures come. Look at the views, and ask both.
# - A pretrained network that knows the variety already has little to gain: flips, shifts, turns, erasing
#   and mixup gave two hundredths at most here, in the mean, with the probe and the plain recipe. From
#   scratch, with 40 images per class, flips and shifts gave eight.
# - Resampling blurs. On these small images that cost partial about eight hundredths, the largest mean loss
#   (not told apart from noise), and full, by rotating, still more.
# - Where direction is the class, a flip teaches a falsehood, and only images held back give the alarm.
# - Thirty views showed no gain over eight that are kept, and cost more.
#
# Next: lesson 09 asks where the networks look.

# %% [markdown]
# ## References
#
# - Zhang et al. (2018), *mixup: beyond empirical risk minimization*; Verma et al. (2019), *Manifold mixup*.
# - Zhong et al. (2020), *Random erasing data augmentation*.
# - Buslaev et al. (2020), *Albumentations: fast and flexible image augmentations*.
# - Shorten, Khoshgoftaar (2019), *A survey on image data augmentation for deep learning*.
