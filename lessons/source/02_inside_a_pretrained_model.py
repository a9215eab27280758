# %% [markdown]
# # 02 · What is inside a pretrained model?
#
# In lesson 01 a pretrained network helped a lot. But what is in the box? A million numbers, and nobody can
# read them. We can ask them, though. This lesson has one question: **what does each stage see?**

# %% [markdown]
# ## You will
#
# - find out how many pixels each stage can see, and what it responds to;
# - look up the nearest neighbours of a flower, by pixels and by stages, without any learning;
# - compare four famous designs, and see why deep networks need shortcuts.
#
# You should know lesson 01 and have written a training loop in PyTorch. About 20 minutes of reading,
# one of computing on two processor cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import torch
import vtlab as vt
from vtlab.course import lesson_02

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# Almost every *convolutional* network is a tower. Pixels go in at the bottom. Each [stage](glossary.md#stage)
# turns the maps that it gets into new ones: [feature maps](glossary.md#feature-map). Each map is a
# [channel](glossary.md#channel), and one place in it a *cell*. Higher stages have smaller maps and more channels. In
# our networks each of the last maps is averaged to one number, a [feature](glossary.md#features), and the
# [head](glossary.md#head) names a class from these.
#
# Designs differ in the *block* that they repeat. Here are four, small, each with
# [BatchNorm](glossary.md#batchnorm) after every convolution. All were pretrained in the same way on 256 invented plants.

# %%
lesson_02.plot_blocks()

# %% [markdown]
# - **VGG** (2014) puts convolutions of 3 × 3 cells one after another.
# - **ResNet** (2015) adds a *shortcut* (red): a [residual connection](glossary.md#residual-connection) that goes around
#   the block.
# - **Inception** (2014) has four branches side by side, with small and large fields.
# - **MobileNet** (ours follows version 2, 2018) filters each channel alone, to save multiplications.

# %% [markdown]
# ## Look
#
# Where are the weights, where are the [operations](glossary.md#operations) (multiply-adds), and how many pixels can one cell
# depend on (its [receptive field](glossary.md#receptive-field))? Read each panel downwards, from the stem to stage 4.
# VGG and ResNet have the same widths, so VGG's line is often hidden below ResNet's: a shortcut costs almost nothing.

# %%
NAMES = "mini_vgg", "mini_resnet", "mini_inception", "mini_mobilenet"
networks = {name: vt.backbone(name, classes=8) for name in NAMES}
tables = {name: vt.analysis.anatomy(network) for name, network in networks.items()}
vt.plots.anatomy(tables)

# %%
last = {name: (table.weights / table.weights.sum())["stage4"] for name, table in tables.items()}
vt.claim("in all four, the last stage holds more than half of the stages' weights",
         min(last.values()) > 0.5, share_of_stage4=last)

# %% [markdown]
# ## Predict
#
# Now an experiment without any learning. We take images of classes that no network has seen. For each image we look up
# the five other images that are most like it. They vote for its name. "Like" can be asked of the pixels, or of the
# features after any stage. We do this for eight plants, and for eight woven textures without any plant. After which stage will
# the neighbours be right most often?

# %%
best = vt.guess("Where do the neighbours name best?",
                ["plants and textures: the last stage", "plants and textures: an early stage",
                 "plants: the last stage; textures: an early one", "a random network does as well"])
best

# %% [markdown]
# ## By hand, once
#
# First: how far can each stage see? PyTorch can say how any number in a network would change with any pixel: its
# [gradient](glossary.md#gradient). A pixel outside the receptive field has gradient exactly zero, always. Inside, a zero
# would be an accident (a ReLU that gives 0, for example), so we add up all channels of eight images. We take the cell in
# the middle of each map. Fields are square, so we count rows.

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
# A cell of the stem sees 3 × 3 pixels, a cell of stage 4 the whole image. We could have known this without computing. A
# kernel of 3 cells adds two cells to the field. After a stride of 2 each cell is two pixels wide, then four, then eight.
# Stage 1 has two kernels at two pixels a cell: 3 + 4 + 4 = 11.

# %% [markdown]
# ## With vtlab
#
# `receptive_fields` does this sum for any network of convolutions and pooling. A field may be larger than the image.

# %%
fields = {name: field.size for name, field in vt.analysis.receptive_fields(network).items()}
vt.claim("kernels and gradient give the same field, as far as the image reaches",
         all(reach[name] == min(size, 64) for name, size in fields.items()), fields=fields)

# %% [markdown]
# The field says which pixels *can* matter. How much do they? `gradient_sensitivity` keeps the size of the gradient at each
# pixel. Bright is much (each picture has its own scale), the white square is the field. Is the square filled evenly?

# %%
two = {name: networks[name] for name in ("mini_resnet", "mini_inception")}
vt.plots.receptive_fields(
    {name: vt.analysis.gradient_sensitivity(of, images[::16]) for name, of in two.items()},
    {name: vt.analysis.middle_receptive_fields(of) for name, of in two.items()})

# %% [markdown]
# No. The middle of the field counts more than its share, because more ways lead from there to the cell (Luo et al. 2016). So
# a cell still knows *where* it looks.

# %%
def inner(network):  # the share of stage 4's gradient that lies in the middle quarter of the image
    values = vt.analysis.gradient_sensitivity(network, images[::16])["stage4"]
    return float(values[16:48, 16:48].sum() / values.sum())

shares = {name: inner(of) for name, of in networks.items()}
vt.claim("in all four, the middle quarter of the image gets more than a quarter of the gradient",
         min(shares.values()) > 0.3, share_of_the_middle_quarter=shares)

# %% [markdown]
# ## Explore
#
# Now the neighbours. `measure_responses` runs 640 images of eight unseen species through the network. For each stage it keeps
# the mean of every channel, so it does not matter *where* in the image something is. Similarity is the
# [cosine](glossary.md#cosine-similarity) of these numbers, after subtracting their mean over all images. At the left is one
# image, at the right its five nearest others. Green is the same species. Step through the images: what do pixels find alike, what does
# stage 2, what does stage 4?

# %%
found = {name: vt.analysis.measure_responses(of, images) for name, of in networks.items()}
of = found["mini_resnet"]
looks = {"pixels": images, "stem": of["stem"].mean, "stage 2": of["stage2"].mean, "stage 4": of["stage4"].mean}
panel = lesson_02.NeighbourPanel(looks, images, labels, task.classes, image=160)
panel

# %% [markdown]
# Pixels find the same background in the same place. The stem finds the same colours. Stage 4 finds the same *flower*, on another
# ground, in another place, in another colour. (This is the first image of the third species, not chosen for its looks.)

# %%
own = {name: lesson_02.own_class_share(features, labels) for name, features in looks.items()}
vt.claim("by stage 4, neighbours are of the right species more often than by the stem or by pixels",
         own["stage 4"] > max(own["stem"], own["pixels"]) + 0.3, share_of_right_neighbours=own)

# %% [markdown]
# ## Look inside
#
# What does a stage respond to? Here is a real photograph, and our ResNet with weights that were trained on photographs
# ("natural"). For each stage you see the first eight channels that respond at all, not chosen for their looks.

# %%
def respond(network, image):  # the first eight living channels of each stage
    shown, maps = {}, network.eval().normalise(image[None])
    for name, stage in network.stages.items():
        maps = stage(maps).detach()
        shown[name] = maps[0][maps[0].amax((1, 2)) > 0][:8]
    return shown

flower = lesson_02.sample_photographs()["flower"]
vt.plots.feature_maps(flower, respond(vt.backbone("mini_resnet", weights="natural"), flower))

# %% [markdown]
# In the stem you still recognise the picture: each channel is a filter for a colour or an edge. At the end there are
# spots, and the eye cannot say what they mean. So we ask the other way round: of our 640 drawings, *which patches* make a
# channel respond most? Below are two channels of each stage for two networks, with the three strongest patches
# each, cut as large as the receptive field. One network is pretrained, the other has random weights. Which is which?

# %%
which = vt.guess("Which network is pretrained?", ["network A", "network B", "I cannot tell"])
which

# %%
random = {name: vt.backbone(name, classes=8, weights=None) for name in NAMES}
for network in random.values():
    network.reset_stages(seed)
blind = {name: vt.analysis.measure_responses(of, images) for name, of in random.items()}
pair = ((random, blind), (networks, found))
lesson_02.plot_two_patches(*(
    vt.analysis.strongest_patches(of["mini_resnet"], seen["mini_resnet"], images,
                                   channels=2, count=3) for of, seen in pair))

# %%
which.reveal("network B")

# %% [markdown]
# Were you sure? In both, patches go from plain colours to whole flowers, simply because the field grows. Pictures like these convince
# quickly, and a random network makes them, too. The difference is how much the patches of a group have *in common*. So we
# count. Of the nine images that a channel likes most, what share belongs to one species (the *purity*)?

# %%
def purities(responses):
    return {name: {stage: of.purity(labels) for stage, of in stages.items()}
            for name, stages in responses.items()}

pure, pure_blind = purities(found), purities(blind)
vt.plots.stages({"pretrained: stages become pure": pure, "random weights: they do not": pure_blind},
                what="strongest images of one species", chance=vt.analysis.chance_response_purity(labels))

# %%
ahead = {name: pure[name]["stage4"] - pure_blind[name]["stage4"] for name in NAMES}
vt.claim("in the last stage, channels of pretrained networks keep to one species more than random ones",
         min(ahead.values()) > 0.1, purity_pretrained_less_random=ahead)
hits = {words: seen["mini_resnet"]["stem"].object_share(task.train.masks)
        for words, seen in (("pretrained", found), ("random", blind))}
vt.claim("the stem's strongest places lie on the plant about as often with random weights",
         abs(hits["pretrained"] - hits["random"]) < 0.2, on_the_plant=hits)

# %% [markdown]
# The second claim is a warning. A random stem "finds" the plant, too, since flowers are bright and full of contrast. Without the random
# network as a [control](glossary.md#control) we would have praised the pretraining for it. And remember: none of these species
# was ever shown to the networks. Channels that were made for other plants serve these.

# %% [markdown]
# ## What we saw
#
# **Unseen species separate, stage by stage.** Now the vote of the five neighbours, for all networks and stages: each image is left
# out in turn and named by the others. The pale band is a 95 % interval from five disjoint parts of the images. Start with the left panel.

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
vt.plots.stages({"plants: best at the end": near, "plants, random weights: chance": near_blind,
                 "textures: best early": near_ground},
                what="named correctly by 5 neighbours", chance=1 / 8)

# %%
def ahead_of(name, rival):
    return vt.metrics.paired_difference(near[name]["stage4"], rival)

gains = {name: ahead_of(name, near_blind[name]["stage4"]) for name in NAMES}
vt.claim("plants: the last stage is more than 30 points ahead of a random network's last stage",
         min(gain.low for gain in gains.values()) > 0.3, pretrained_less_random=gains)
woven = near_ground["mini_resnet"]
lost = vt.metrics.paired_difference(woven["stage1"], woven["stage4"])
vt.claim("textures: stage 1 is ahead of the last stage (mini ResNet)", lost.low > 0, stage1_less_stage4=lost)
best.reveal("plants: the last stage; textures: an early one")

# %% [markdown]
# Nothing was learnt here, and yet most unseen plants get the right name. That is why the linear probe of lesson 01 is so strong:
# the last stage has already sorted the plants. But look at the right panel: for textures every line rises early, and
# then it *falls*. Pretraining on plants never rewarded the network for telling textures apart, which may be why later stages
# lose them. So the last stage is not simply the best one. It is best for targets that are like the source. Lesson 06 comes
# back to this. (Pixels are compared place by place, which is a handicap that stages do not have.)
#
# Jarrett et al. (2009) found that random filters do surprisingly well on photographs of objects: 63 % against 65 % for trained
# ones. [Shape reproduced](glossary.md#shape-reproduced) for our plants: no. They trained a classifier on top, and we only look up neighbours.

# %% [markdown]
# **Can every stage be reached?** To fine-tune early stages, a gradient must come down from the loss to *their weights*, through
# all later layers. Each layer multiplies it by its weights, and each ReLU lets about half of its numbers pass. Thirty layers
# multiply thirty times. So we build stacks of thirty convolutions and start them in three ways: with the spread that PyTorch
# uses, with [Xavier's and He's](glossary.md#xavier-and-he-initialisation). Then we add BatchNorm, and then shortcuts: `x + layer(x)`.

# %%
class Shortcut(torch.nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return x + self.layer(x)

# %%
small = torch.nn.functional.avg_pool2d(networks["mini_resnet"].normalise(images[::20]), 4)

def lengths(start, norm, shortcuts):  # the first layer changes the number of channels: no shortcut
    first, *layers, head = lesson_02.deep_stack(30, start, norm, seed=seed)
    layers = [Shortcut(layer) if shortcuts else layer for layer in layers]
    return lesson_02.stack_gradient_lengths([first, *layers, head], small, labels[::20])

# %% [markdown]
# Layer 0 is the image, layer 30 is next to the loss. Each step up is a factor of 100. Begin at the right, as the gradient does. Where does
# each line end?

# %%
starts = {"as PyTorch": "default", "after Xavier": "xavier", "after He": "he"}
kinds = {"plain": (False, False), "with BatchNorm": (True, False), "with BatchNorm and shortcuts": (True, True)}
stacks = {title: {words: lengths(start, *kind) for words, start in starts.items()}
          for title, kind in kinds.items()}
vt.plots.gradients(stacks)

# %%
def factor(lengths):  # by which one layer multiplies the gradient on its way back
    return (lengths[1] / lengths[-1]) ** (1 / 29)

by = {title: {words: factor(of) for words, of in stack.items()} for title, stack in stacks.items()}
theory = {"as PyTorch": 6**-0.5, "after Xavier": 2**-0.5, "after He": 1}
vt.claim("plain: each layer multiplies by the factor that theory gives (0.41, 0.71, 1)",
         max(abs(by["plain"][words] - theory[words]) for words in starts) < 0.08, factor=by["plain"])
vt.claim("with BatchNorm all three starts are alike, but the gradient grows by about 20 % a layer",
         all(1.1 < one < 1.3 for one in by["with BatchNorm"].values()), factor=by["with BatchNorm"])
grown = {title: stacks[title]["after He"][1] / stacks[title]["after He"][-1] for title in stacks}
vt.claim("with shortcuts it grows far less on its way through the stack",
         grown["with BatchNorm and shortcuts"] < grown["with BatchNorm"] / 5, grown_by=grown)

# %% [markdown]
# With PyTorch's start, less than a billionth of the gradient arrives at the first layer. He's start keeps its length: a
# convolution with n inputs per cell (input channels × 9) and variance 2 / n multiplies by 1 (He et al. 2015; shape reproduced: yes).
# BatchNorm makes the three starts alike, but it does not keep the length: the factor is √(π / (π − 1)) = 1.21 (Yang et al. 2019),
# and 1.21 to the power of 29 is 250. With shortcuts, the gradient has a way around every layer, and grows little. (Measured on the maps,
# before the first step; nothing was trained here. ResNet's authors saw healthy gradients in plain networks with BatchNorm, too. What they
# mended is that deeper plain networks had a *higher training error*, and this picture does not explain it.)

# %% [markdown]
# **Which design should you choose?** Below: the pretraining; the cost; and the accuracy on two new tasks with five images per class (five
# seeds, `python data/make/zoo.py`, trained by the [plain recipe](glossary.md#plain-recipe)). The dotted line is a yardstick that needs no network: the name
# of the nearest training image in plain pixels. See where the curves end, and then whether the blue dots keep that order.

# %%
zoo = lesson_02.zoo_table().set_index("backbone")
pixels = {name: vt.pixel_neighbour(vt.task(name, shots=5, seed=seed)) for name in ("garden", "digits")}
lesson_02.plot_zoo(lesson_02.zoo_table(), lesson_02.zoo_curves(), pixels)

# %%
vt.claim("on plants the intervals of all four probes overlap",
         zoo.garden_probe_low.max() < zoo.garden_probe_high.min(), probes=zoo.garden_probe)
vt.claim("on handwritten digits, no probe and no training reaches the nearest neighbour in pixels",
         zoo[["digits_probe", "digits_partial", "digits_full"]].max().max() < pixels["digits"],
         best_network=zoo[["digits_probe", "digits_partial", "digits_full"]].max().max(), pixels=pixels["digits"])

# %% [markdown]
# On plants the order of the probes is that of the pretraining, but the intervals overlap. Kornblith et al. (2019) found a strong
# relation for photographs (a correlation of .99). On digits MobileNet's probe leads, though its pretraining was the weakest. Before you
# conclude anything: plain pixels beat all of them. The source (plants) is simply the wrong one for digits, and an order among
# networks that all lose to pixels says little about designs. Choose the source before the design. Also, fewer operations are not
# less time: Inception needs fewer than two thirds of ResNet's, and trains more slowly. Measure on your machine (lesson 04).

# %% [markdown]
# ## Caveats
#
# One pretraining of each design, with a recipe that was chosen for mini ResNet: differences between these four files need not be
# differences between designs. They are small relatives of the famous networks, on drawings of 64 pixels. A channel's strongest images
# show what it likes most, not all that it likes. Neighbours only ask whether features are near; a trained head can find more in
# them. The intervals come from parts of *one* set of images.

# %% [markdown]
# ## Exercises
#
# **02.1 ● Change a value.** VGG's idea: several small kernels see as much as a large one. Write a `torch.nn.Sequential` of
# convolutions from 16 to 16 channels, all 3 × 3 with stride 1 and padding 1, whose receptive field is that of one 7 × 7 kernel.
#
# <details><summary>Hint</summary>
# Each kernel of 3 cells adds two cells to the field: 3, 5, …
# </details>

# %%
small_kernels = ...
vt.check("02.1", small_kernels)

# %% [markdown]
# **02.2 ●● Write a function.** The receptive field by hand: `layers` is a list of pairs `(kernel, stride)` from the image up, such
# as `[(3, 2), (3, 1)]`. Give the side of the field in pixels of a cell after the last of them. Without any layer it is 1.
#
# <details><summary>Hint</summary>
# Keep two numbers: the field so far, and how many pixels one cell of the present map is wide.
# </details>

# %%
def field(layers):
    return ...

vt.check("02.2", field)

# %% [markdown]
# **02.3 ●● Explain a surprise.** A friend runs our cell of *By hand, once* with a new network in training mode,
# `vt.backbone("mini_resnet", classes=8).train()`, in place of `networks["mini_resnet"].eval()`. Now even the stem's cell has a
# gradient at every pixel of all eight images. Why? (a) In training mode the kernels are larger. (b) Dropout opens other ways. (c) In
# training mode BatchNorm uses the mean and the spread of the batch, which depend on all of it. Answer with a letter.
#
# <details><summary>Hint</summary>
# Print the network. Which layers behave differently in training and in evaluation? Which of them does it have?
# </details>

# %%
why = ...
vt.check("02.3", why)

# %% [markdown]
# **02.4 ●●● An experiment.** Stages 1 and 2 name textures best, and we used only the *mean* of each channel. Find
# better features: write a function that takes stage 1's maps `(N, C, h, w)` and gives a row of numbers for each image. Neighbours by your
# features must be at least 10 points better than by the means. Nothing may be trained. What distinguishes two textures of one mean colour?
#
# <details><summary>Hint</summary>
# A mean forgets how much a channel varies from cell to cell, how often it responds, and which channels respond together.
# </details>

# %%
def texture_features(maps):
    return ...

vt.check("02.4", texture_features)

# %% [markdown]
# **02.5 Open.** Take thirty photographs of your own and build a `NeighbourPanel` for them, with the "natural" weights
# (`vt.task` reads a folder). For which photographs do the neighbours by stage 4 make sense to you, and for which do those by the stem?
# `vt.plots.scatter` draws all images at once, on the plane that `vt.analysis.project_to_plane` finds.

# %% [markdown]
# ## In short
#
# - The higher a stage, the more it sees: 3 pixels in the stem, the whole image in stage 4. Most weights are in the last stage.
# - Stems respond to colours and edges, and hit the plant as often with random weights. Later stages respond to kinds of flowers.
#   Unseen plants separate there without any learning. For textures an early stage was better.
# - In deep plain stacks the gradient vanishes or grows. A good start keeps its length; BatchNorm makes all starts alike; shortcuts go
#   around the layers.
# - Choose the source first, then the design. Always compare with something simple, such as pixels or random weights.
#
# Next: lesson 03 takes off the head and asks what goes on top.

# %% [markdown]
# ## References
#
# - Simonyan, Zisserman (2015), *Very deep convolutional networks*; He et al. (2016), *Deep residual learning*; Szegedy et al.
#   (2015), *Going deeper with convolutions*; Sandler et al. (2018), *MobileNetV2*.
# - Kornblith, Shlens, Le (2019), *Do better ImageNet models transfer better?*
# - Luo et al. (2016), *Understanding the effective receptive field in deep convolutional neural networks*.
# - Zeiler, Fergus (2014), *Visualizing and understanding convolutional networks*: patches that a channel likes most.
# - Jarrett et al. (2009), *What is the best multi-stage architecture for object recognition?*
# - Glorot, Bengio (2010), *Understanding the difficulty of training deep feedforward neural networks*; He et al. (2015), *Delving
#   deep into rectifiers*; Ioffe, Szegedy (2015), *Batch normalization*; Yang et al. (2019), *A mean field theory of batch
#   normalization*.
