# %% [markdown]
# # 02 · What is inside a pretrained model?
#
# Lesson 01 took a pretrained network as it came, and it helped. But what is in the box? A million
# numbers or so, and nobody can read them. They can be asked, though: which pixels does a part of the
# network depend on, what does it respond to, and what has it made of an image by the time that it
# passes it on?

# %% [markdown]
# ## You will
#
# - lay four famous designs side by side, stage by stage, and find out how far each part can see;
# - look at what the stages respond to, and measure where plants that they never saw come apart;
# - follow a gradient from the loss to the pixels, and find networks in which it gets lost.
#
# You should know lesson 01 and have written a training loop in PyTorch. About 25 minutes of reading,
# one of computing on two processor cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import torch
import vtlab as vt

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# Almost every network for images is a tower. It begins with pixels, and each **stage** turns the maps
# that it gets into others, which grow smaller on the way: **feature maps**. Each map is a **channel**,
# one place in it a **cell**. At the end each map is averaged to one number, a **feature**, and the head
# names a class from those. In between, designs differ.
#
# - **VGG** (2014) piles up convolutions of 3 × 3 cells with pooling between them, below a large head, which
#   ours lacks.
# - **ResNet** (2015) adds a *shortcut* around every two of them.
# - **Inception** (2014) lets branches with small and large kernels look side by side.
# - **MobileNet** (2017; ours follows the second version, 2018) filters each channel alone and then mixes
#   the channels, to save multiply-adds.
#
# We have a small one of each, all with BatchNorm (a layer that brings each channel to mean 0 and spread
# 1; more of it below), and pretrained in the same way on 256 invented species.

# %% [markdown]
# ## Look
#
# Where do these networks keep their weights, where do they spend their **operations** (multiply-adds,
# one multiplication and one addition each), and how many pixels can one cell of a map depend on (its
# **receptive field**, a square, given by its side)? `anatomy` says it for each stage. Read each panel
# downwards, from the stem to stage 4.

# %%
NAMES = "mini_vgg", "mini_resnet", "mini_inception", "mini_mobilenet"
networks = {name: vt.backbone(name, classes=8) for name in NAMES}
tables = {name: vt.analysis.anatomy(network) for name, network in networks.items()}
vt.plots.anatomy(tables)

# %% [markdown]
# The labels at the left and the first panel show the plan that all of them share: the deeper, the fewer
# cells (or as many) and the more channels. VGG and ResNet have the same widths here, so that nearly all
# that differs is the shortcut, and it costs hardly anything.

# %%
last = {name: (table.weights / table.weights.sum())["stage4"] for name, table in tables.items()}
vt.claim("in all four, the last stage holds more than half of the stages' weights",
         min(last.values()) > 0.5, last=last)
sums = {name: table[["weights", "operations"]].sum() for name, table in tables.items()}
vt.claim("mini MobileNet makes do with less than half of mini ResNet's weights and operations",
         (sums["mini_mobilenet"] < sums["mini_resnet"] / 2).all())

# %% [markdown]
# ## Predict
#
# Now eight species which none of the networks has ever seen. We learn *nothing*: for each image we look
# up the five other images that are most like it, and give it the name that most of the five have.
# "Like" can be asked of the pixels, or of the features after any stage. From which do the neighbours
# name the species best?

# %%
best = vt.guess("Whose five nearest neighbours name an unseen species best?",
                ["the pixels'", "stage 2's", "stage 4's", "no difference: a random network's do as well"])
best

# %% [markdown]
# ## By hand, once
#
# A network is **differentiable end to end**: PyTorch can say how any number in it would change with any
# pixel. That is what makes fine-tuning possible, and it answers the question about the field as well.
# We take the cell in the middle of a map and ask for the gradient of its response with respect to the
# image. Pixels whose gradient is zero cannot matter to it. We add up all channels, and take eight
# images, since a single ReLU that is shut would hide what lies behind it. Fields are square, so we
# count rows.

# %%
task = vt.task("garden", shots=80, seed=seed)
images, labels = task.train.pixels, task.train.labels
network = networks["mini_resnet"].eval()
maps = inputs = network.normalise(images[::80]).requires_grad_()
reach = {}
for name, stage in network.stages.items():
    maps = stage(maps)
    middle = maps[:, :, maps.shape[2] // 2, maps.shape[3] // 2].sum()
    (gradient,) = torch.autograd.grad(middle, inputs, retain_graph=True)
    rows = gradient.abs().sum((0, 1, 3)).nonzero()
    reach[name] = int(rows.max() - rows.min()) + 1
print(reach)

# %% [markdown]
# So a cell of the stem knows 3 × 3 pixels, and the middle one of stage 4 the whole image. Could we have
# known without computing? Yes. A kernel of 3 cells adds two cells to the field, and after a stride of 2
# a cell is two pixels wide, then four, then eight. Stage 1 has two kernels at two pixels a cell, which
# gives 3 + 4 + 4 = 11.

# %% [markdown]
# ## With vtlab
#
# This sum is done by `receptive_fields`, for any network of convolutions and pooling. Where branches
# join, as in Inception, the widest counts. Its fields may be larger than the image.

# %%
fields = vt.analysis.receptive_fields(network)
print({name: field.size for name, field in fields.items()})
vt.claim("the field that the kernels give is the one that the gradient has, as far as the image reaches",
         all(reach[name] == min(field.size, 64) for name, field in fields.items()))

# %% [markdown]
# The numbers above say which pixels *can* matter. How much they do is another question.
# `gradient_sensitivity` keeps the gradient's size for every pixel. Follow one row first: bright is much
# (on each picture's own scale), the square is the field, and below stands its side. Is the square filled
# evenly?

# %%
maps = {name: vt.analysis.gradient_sensitivity(network, images[::16]) for name, network in networks.items()}
vt.plots.receptive_fields(maps, {name: vt.analysis.middle_receptive_fields(network)
                                 for name, network in networks.items()})

# %% [markdown]
# No: a cell depends mostly on the middle of its field. Luo et al. (2016) showed why: there are many
# ways from a pixel in the middle to the cell and few from one at the edge, so that the weight of the
# pixels falls off like a bell. They computed it for random weights, and saw the bell become *wider* by
# training. Is it so here? If all pixels counted alike, the image's middle quarter would get a share of
# 0.25.

# %%
random = {name: vt.backbone(name, classes=8, weights=None) for name in NAMES}
for network in random.values():
    network.reset_stages(seed)

def inner(network):  # the share of stage 4's gradient that lies in the middle quarter of the image
    values = vt.analysis.gradient_sensitivity(network, images[::16])["stage4"]
    return float(values[16:48, 16:48].sum() / values.sum())

# %% tags=["nbval-ignore-output"]
shares = {name: (inner(networks[name]), inner(random[name])) for name in NAMES}
for name, (learnt, drawn) in shares.items():
    print(f"{name:15} pretrained {learnt:.2f}, random {drawn:.2f}")

# %%
spans = [vt.analysis.middle_receptive_fields(network)["stage4"] for network in networks.values()]
vt.claim("in all four the middle cell of stage 4 can depend on the whole image",
         all(first <= 0 and end >= 63 for first, end in spans), spans=spans)
vt.claim("and the middle quarter gets more than its share of the gradient",
         min(min(pair) for pair in shares.values()) > 0.3, shares=shares)
vt.claim("pretraining has made none of the four bells wider",
         all(learnt > drawn - 0.02 for learnt, drawn in shares.values()), shares=shares)

# %% [markdown]
# By *shape reproduced* we mean that what a paper found larger, smaller or in an order is so here, too;
# its numbers we do not expect. The bell: shape reproduced, yes. Wider by training: no; in all four the
# inner share is, if anything, larger (one draw of random weights each). Perhaps because our species are
# told apart by small patterns, and the last stage can see all of the image anyway; we did not test why.

# %% [markdown]
# ## Explore
#
# What does a stage make of an image? The panel shows **Grad-CAM** maps: where the evidence for a class
# lies; lesson 09 explains how they come about. For now it is enough that a map belongs to a stage. Each
# network gets a head first, from five images per species. Look first whether a map is bright inside the
# outline, and whether the name below is right; all maps share one scale. Then go from the last stage to
# the stem, in several images: where does the evidence stop looking like a plant?

# %%
few = task.at(5, seed=seed)
for network in networks.values():
    for record in vt.fit(network, few, vt.probe, seed=seed):
        pass
panel = vt.CamPanel(networks, few, image=1)
panel

# %% [markdown]
# All that the panel does can be done in code, for instance to go two stages down:

# %%
panel.stage = "stage2"
print("now", panel.controls["stage"].value, "in", len(panel.strategies), "networks")

# %% [markdown]
# ## Look inside
#
# First the maps themselves, of one image: the first eight channels of each stage that respond to it at
# all. They are not chosen for their looks. Compare the top row with the bottom one.

# %%
network, shown = networks["mini_resnet"], {}
maps = network.normalise(images[3:4])
with torch.no_grad():
    for name, stage in network.stages.items():
        maps = stage(maps)
        lit = maps[0].amax((1, 2)) > 0
        shown[name] = maps[0][lit][:8]
vt.plots.feature_maps(images[3], shown)

# %% [markdown]
# In the stem one still recognises the picture: each channel is a filter, for a colour or an edge. At
# the end there are blots, and the eye can hardly tell what they mean. So we ask the other way round. Of
# all 640 images, which make a channel respond *most*, and where? Below are the first three channels of
# each stage, side by side, and the four places to which each responds most strongly, cut out as large
# as the receptive field. Grey lies outside the image. Read downwards: what do the four have in common?

# %%
found = {name: vt.analysis.measure_responses(network, images) for name, network in networks.items()}
vt.plots.patches(vt.analysis.strongest_patches(network, found["mini_resnet"], images))

# %% [markdown]
# From colours and edges to parts, and then to whole flowers: Zeiler and Fergus (2014) described such a way
# for objects in photographs. A row of patches convinces quickly, however, so we count. Over *all*
# channels that respond, of the nine images that a channel likes best, what share belongs to their most
# frequent species (its **purity**)? And how often does its strongest place lie on the plant? The same
# is asked of networks with random weights.
#
# Chance is not zero, and stands in both figures as a dotted line. Among nine images drawn blindly, the
# most frequent of eight species has 2.8 on average: 31 %. And about 9 % of the pixels lie on the plant.
# In both figures look first at the right end of each panel.

# %%
blind = {name: vt.analysis.measure_responses(network, images) for name, network in random.items()}

def of_all(measure, networks):
    return {name: {stage: measure(of) for stage, of in stages.items()} for name, stages in networks.items()}

# %%
def one_species(of):
    return of.purity(labels)

pure, pure_blind = of_all(one_species, found), of_all(one_species, blind)

# %%
vt.plots.stages({"pretrained": pure, "random weights": pure_blind},
                what="strongest images of one species", chance=vt.analysis.chance_response_purity(labels))

# %%
def on_plant(of):
    return of.object_share(task.train.masks)

hit, hit_blind = of_all(on_plant, found), of_all(on_plant, blind)
vt.plots.stages({"pretrained": hit, "random weights": hit_blind},
                what="strongest places on the plant", chance=task.train.masks.double().mean().item())

# %%
purer = {name: of["stage4"] - of["stem"] for name, of in pure.items()}
vt.claim("in all four, channels of the last stage keep to one species more than those of the stem",
         min(purer.values()) > 0.1, purer=purer)
ahead = {name: hit[name]["stage4"] - hit_blind[name]["stage4"] for name in NAMES}
vt.claim("and their strongest places lie on the plant far more often than those of random weights",
         min(ahead.values()) > 0.2, ahead=ahead)

# %% [markdown]
# Three things are worth a pause. The stem's favourites lie on the plant in about half of the cases,
# *and so do those of a random stem*: flowers are bright and full of contrast, and many a filter
# responds to that. The way up is not steady: on the plant, some networks fall back at stage 3 or 4, and
# we do not know why. And none of these species was ever shown to the networks. The channels that keep
# to one of them were made for others.

# %% [markdown]
# ## What we saw
#
# **Unseen species come apart, stage by stage.** Now the neighbours of the prediction.
# `neighbour_accuracies` leaves each image out in turn and lets the five most alike of the others vote.
# *Alike* means a small angle between two images' numbers, once the mean over all images is subtracted. Of
# a stage these are the channels' means, for which place does not count; pixels are compared place by
# place, a handicap that the random networks do not have. We deal the images into five parts that vote by
# themselves, so that each number has a 95 % interval (the pale band). And beside the garden we ask for
# `textures`: eight woven patterns without any plant. Begin with the left panel.

# %%
def by_stage(responses, images, labels):
    features = {stage: of.mean for stage, of in responses.items()}
    return vt.analysis.neighbour_accuracies({"pixels": images} | features, labels)

ground = vt.task("textures", shots=80, seed=seed).train
grounds = {name: vt.analysis.measure_responses(network, ground.pixels) for name, network in networks.items()}

# %%
near = {name: by_stage(of, images, labels) for name, of in found.items()}
near_blind = {name: by_stage(of, images, labels) for name, of in blind.items()}
near_ground = {name: by_stage(of, ground.pixels, ground.labels) for name, of in grounds.items()}
vt.plots.stages({"garden": near, "garden, random weights": near_blind, "textures": near_ground},
                what="named correctly by 5 neighbours", chance=1 / 8)

# %%
gain = [vt.metrics.paired_difference(near[name]["stage4"], rival) for name in NAMES
        for rival in (near[name]["pixels"], near_blind[name]["stage4"])]
vt.claim("in the garden, the last stage names far more than pixels, and than a random network's last stage",
         min(g.low for g in gain) > 0.3, gain=gain)
step = [vt.metrics.paired_difference(near["mini_resnet"]["stage4"], near["mini_resnet"][s])
        for s in ("stem", "stage2")]
vt.claim("in mini ResNet, better than the stem's and stage 2's", min(s.low for s in step) > 0.1, step=step)
best.reveal("stage 4's")

# %% [markdown]
# Nothing was learnt here, and from the last stage most images are named correctly. Pixels and random
# networks stay near chance. The jump is not at the end, but in the middle.
#
# The random network was meant as a strong opponent. Jarrett et al. (2009) reported nearly 63 % on the
# photographs of Caltech-101 for a network of two stages with random filters, and a little over 65 % for
# learnt ones. Shape reproduced in the garden: no. They trained a classifier on top, which we do not,
# and photographs of objects may give more away by their texture. On our `textures`, look at the right
# panel: every line rises early, and then it *falls*.

# %%
tex = near_ground["mini_resnet"]
lost = vt.metrics.paired_difference(tex["stage1"], tex["stage4"])
vt.claim("for textures, mini ResNet's stage 1 is better than its last stage", lost.low > 0, lost=lost)
raw = vt.backbone("mini_resnet", classes=8, weights=None)
raw.reset_stages(seed)
stem = by_stage(vt.analysis.measure_responses(raw, ground.pixels), ground.pixels, ground.labels)["stem"]
tells = vt.metrics.paired_difference(stem, tex["pixels"])
vt.claim("and there a stem with random weights tells more than pixels", tells.low > 0, tells=tells)

# %% [markdown]
# Pretraining never rewarded a network for telling such surfaces apart, which may be why. So the last
# stage is not simply the best one. It did best for a target that is like the source. Lesson 06 comes
# back to this.
#
# How does it look when species come apart? Here are the features of 160 images along the two axes in
# which they spread most (*principal components*). No label was used for that, only for the colours.
# Follow one colour from panel to panel.

# %%
some = torch.arange(0, 640, 4)
points = {stage: vt.analysis.project_to_plane(found["mini_resnet"][stage].mean[some])
          for stage in ("stem", "stage2", "stage4")}
vt.plots.scatter({"pixels": vt.analysis.project_to_plane(images[some])} | points, labels[some], task.classes)

# %% [markdown]
# **The gradient reaches the pixels.** Fine-tuning sends a gradient from the loss all the way down, here
# from right to left. How large is it at what each stage gives out, before the first step, under the
# heads that we have solved? The vertical axis shows its root mean square, the typical size for one number
# of the maps, on a logarithmic scale.

# %%
every = slice(None, None, 20)
lengths = {name: vt.analysis.gradient_lengths(network, images[every], labels[every])
           for name, network in networks.items()}
vt.plots.stages({"gradient of the loss": lengths}, what="root mean square", percent=False)

# %%
arrives = {name: of["pixels"] / of["stage4"] for name, of in lengths.items()}
vt.claim("in all four, the gradient of one number is larger at the pixels than at the last stage",
         min(arrives.values()) > 2, arrives=arrives)

# %% [markdown]
# This is not to be taken for granted. Every layer multiplies the gradient by its weights, and every
# ReLU lets about half of its numbers pass. Thirty layers multiply thirty times. So we build plain
# stacks of thirty convolutions with three kinds of random weights (variance 1/(3n) as PyTorch starts a
# convolution with n inputs, 1/n after Xavier, 2/n after He), without and with **BatchNorm** between
# convolution and ReLU: it takes away each channel's mean over the batch, and divides by its spread.
#
# From left to right are the layers, 0 being the images and 30 next to the loss; the vertical axis shows
# the gradient's length (the root of its sum of squares), in powers of ten. Begin at the right, as the
# gradient does. Where does each line end?

# %%
from vtlab.course import lesson_02

small = torch.nn.functional.avg_pool2d(networks["mini_resnet"].normalise(images[every]), 4)
starts = {"as PyTorch": "default", "after Xavier": "xavier", "after He": "he"}
stacks = {title: {words: lesson_02.stack_gradient_lengths(lesson_02.deep_stack(30, start, norm, seed=seed),
                                                          small, labels[every])
                  for words, start in starts.items()}
          for title, norm in (("without BatchNorm", False), ("with BatchNorm", True))}
vt.plots.gradients(stacks)

# %% [markdown]
# The left panel has nearly straight lines on a logarithmic axis: each layer multiplies by about the
# same factor. Theory says which. With variance v and n inputs it is the root of v · n / 2, that is
# 0.41, 0.71 and 1. We measure it from layer 30 to layer 1, over 29 steps.

# %%
def factor(lengths):  # by which one layer multiplies, on the way back
    return (lengths[1] / lengths[-1]) ** (1 / 29)

plain, normed = ({words: factor(of) for words, of in stacks[title].items()} for title in stacks)
theory = {"as PyTorch": 6**-0.5, "after Xavier": 2**-0.5, "after He": 1}
vt.claim("without BatchNorm each layer multiplies the gradient by the factor of its start",
         max(abs(plain[words] - theory[words]) for words in starts) < 0.08, plain=plain)

# %%
vt.claim("with PyTorch's start less than a billionth arrives at the first layer",
         plain["as PyTorch"] ** 29 < 1e-9, plain=plain)
vt.claim("with BatchNorm the start does not matter, and the gradient grows by about a fifth a layer",
         max(normed.values()) - min(normed.values()) < 0.01 and
         all(1.1 < of < 1.3 for of in normed.values()), normed=normed)

# %% [markdown]
# He et al. (2015) trained 30 layers which did not move with Xavier's start and learnt with theirs; our
# factors are those of their derivation (shape reproduced: yes). What one reads less often: BatchNorm
# does not keep the gradient's length. It makes it *grow* on its way to the images. A ReLU gives out
# numbers with a mean, BatchNorm divides by their spread around that mean, and the spread is smaller
# than the numbers' size: the factor is the root of π / (π - 1), or 1.21. Yang et al. (2019) worked this
# out, and concluded that very deep networks cannot be trained so without shortcuts. So normalisation
# does not keep a gradient's length. It makes a bad start harmless, which in 2015 was the pressing
# trouble; a good start alone did as well here, at the moment before the first step.

# %% [markdown]
# **Which one to choose?** Designs are compared by their accuracy on the source and by their operations.
# We have both for our four in `zoo_table`, and what counts in the end: how well each does on a new
# task, here our garden and scikit-learn's handwritten digits, with five images per class and five seeds
# (`python data/make/zoo.py`). The probe is solved; *Partial* and *Full* have the **plain recipe** (random
# head, one rate for all stages, thirty epochs), which lesson 07 improves, so hold marks of one colour
# against each other only. The table's `megaflops` count a multiply-add as two, the figure counts it as
# one. See first where the curves end on top, then whether the blue dots keep that order.

# %%
zoo = lesson_02.zoo_table().set_index("backbone")
lesson_02.plot_zoo(lesson_02.zoo_table(), lesson_02.zoo_curves())

# %% [markdown]
# mini Inception knows the source best by far, mini MobileNet least (mini VGG and mini ResNet are level
# at 70 %). On the garden the probes' means keep the order, but the intervals of all four overlap. On
# the digits mini MobileNet's probe is *ahead* of the three others (with everything learning, by the plain
# recipe, all four overlap again). Kornblith et al. (2019) found that on photographs the order on ImageNet
# foretells the order on twelve other tasks (a correlation of .99 for fixed features). Shape reproduced: on
# a target like the source the order is the same, but the intervals overlap, and the table keeps no paired
# differences that could decide it; on the digits no.

# %%
probes = zoo["digits_probe_low"]["mini_mobilenet"] - zoo["digits_probe_high"].drop("mini_mobilenet").max()
vt.claim("on digits mini MobileNet's probe is ahead of all others, though it knows the source least",
         probes > 0 and zoo.pretraining_accuracy.idxmin() == "mini_mobilenet", probes=probes)
vt.claim("on the garden the intervals of all four probes overlap",
         zoo.garden_probe_low.max() < zoo.garden_probe_high.min())

# %% [markdown]
# And operations are not time. mini Inception needs fewer than two thirds of mini ResNet's operations,
# and is *slower* in training: its branches are many small convolutions, which probably keep a processor
# less busy than few large ones. So measure on the machine on which it shall run (lesson 04 does).

# %%
few_operations = zoo.megaflops["mini_inception"] / zoo.megaflops["mini_resnet"]
vt.claim("mini Inception has fewer than two thirds of mini ResNet's operations, and trains more slowly",
         few_operations < 2 / 3 and zoo.training_ratio["mini_inception"] < 0.9,
         operations=few_operations, speed=zoo.training_ratio["mini_inception"])

# %% [markdown]
# ## Caveats
#
# One pretraining of each, with a recipe that was chosen for mini ResNet: what differs between these
# four files need not differ between their designs. Four small relatives of the famous designs, on
# drawings of 64 pixels: large ones have many more layers and were pretrained on photographs. A
# channel's strongest images show what it likes best, and not all that it likes. Neighbours ask of
# features only whether they are near, and a trained head can find more in them; their bands come from
# parts of *one* set of images. And the stacks were measured at the start, and never trained.

# %% [markdown]
# ## Exercises
#
# **02.1 Change a value.** VGG's idea: several small kernels see as much as a large one. Write a
# `torch.nn.Sequential` of convolutions from 16 to 16 channels, all 3 × 3 with stride 1 and padding 1,
# whose receptive field is that of one 7 × 7 kernel.

# %%
small_kernels = ...
vt.check("02.1", small_kernels)

# %% [markdown]
# **02.2 Write a function.** The receptive field by hand: `layers` is a list of pairs `(kernel, stride)`
# from the image up, such as `[(3, 2), (3, 1)]`. Give the side of the field, in pixels, of a cell after
# the last of them. Without any layer it is 1.

# %%
def field(layers):
    return ...

vt.check("02.2", field)

# %% [markdown]
# **02.3 Explain a surprise.** A friend runs our cell of *By hand, once* with a fresh network in training
# mode, `vt.backbone("mini_resnet", classes=8).train()`, in place of `networks["mini_resnet"].eval()`. Now
# even the stem's cell has a gradient at every pixel of all eight images. Why? (a) In training mode the
# kernels are larger. (b) In training mode BatchNorm uses the mean and the spread of the batch, which
# depend on all of it. (c) Dropout opens other ways. Answer with a letter, such as `"a"`.

# %%
why = ...
vt.check("02.3", why)

# %% [markdown]
# ## In short
#
# - The deeper a stage, the fewer cells (or as many), the more channels, the wider the field; most weights
#   lie in the last stage. A cell depends mostly on the middle of its field.
# - Stems respond to colours and edges, and with random weights they hit the plant about as often. Later
#   stages respond to kinds of flowers, and unseen species come apart in them without any learning. For
#   textures an earlier stage was better.
# - The network that knows its source best need not be the best for another target, and fewer operations
#   need not be faster.
# - A gradient reaches the pixels in all four. In deep plain stacks it vanishes with a poor start;
#   BatchNorm makes the start harmless, and lets the gradient grow.
#
# Next: lesson 03 takes off the head and asks what goes on top.

# %% [markdown]
# ## References
#
# - Simonyan, Zisserman (2015), *Very deep convolutional networks*; He et al. (2016), *Deep residual
#   learning*; Szegedy et al. (2015), *Going deeper with convolutions*; Howard et al. (2017), *MobileNets*;
#   Sandler et al. (2018), *MobileNetV2*.
# - Kornblith, Shlens, Le (2019), *Do better ImageNet models transfer better?*
# - Luo et al. (2016), *Understanding the effective receptive field in deep convolutional neural
#   networks*.
# - Zeiler, Fergus (2014), *Visualizing and understanding convolutional networks*.
# - Jarrett et al. (2009), *What is the best multi-stage architecture for object recognition?*
# - Glorot, Bengio (2010), *Understanding the difficulty of training deep feedforward neural networks*;
#   He et al. (2015), *Delving deep into rectifiers*; Ioffe, Szegedy (2015), *Batch normalization*; Yang
#   et al. (2019), *A mean field theory of batch normalization*.
