# %% [markdown]
# # 02 · What is inside a pretrained model?
#
# In lesson 01 a pretrained network helped a lot. But what is in the box? A million numbers, and nobody can
# read them. We can ask them, though. This lesson has one main question: **what does each stage see?** (Two
# shorter ones follow at the end.) And it has one rule: whatever we find, we look for it in a network with *random* weights, too.

# %% [markdown]
# ## You will
#
# - find out how many pixels each stage can see, and what it responds to;
# - look up the nearest neighbours of a flower, by pixels and by stages, without any learning;
# - learn which findings a random network has, too;
# - see why deep networks have shortcuts, and compare four famous designs.
#
# You should know lesson 01 and have written a training loop in PyTorch. About 25 minutes of reading,
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
# - **MobileNet** (ours follows version 2, 2018) filters each channel alone, to save multiplications, and
#   has the shortcut, too.

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
last = {name: (table.weights / table.weights.sum())["stage4"]
        for name, table in tables.items()}
vt.claim("in all four, the last stage holds more than half of the stages' weights",
         min(last.values()) > 0.5, share_of_stage4=last)

# %% [markdown]
# ## Predict
#
# Now an experiment without any learning. We take images of classes that no network has seen. For each image we look up
# the five other images that are most like it. They vote for its name. "Like" can be asked of the pixels, or of the
# features after any stage. We do this for eight plants, and for eight woven textures without any plant. After which stage of
# the pretrained networks will the neighbours be right most often?

# %%
best = vt.guess("Where do the neighbours name best?",
                ["plants and textures: the last stage",
                 "plants and textures: an early stage",
                 "plants: the last stage; textures: an early one"])
best

# %% [markdown]
# ## By hand, once
#
# First: how far can each stage see? We take the cell in the middle of each map and ask: which pixels can change it? The
# [gradient](glossary.md#gradient) of the cell's value with respect to the pixels tells. For a pixel outside the
# receptive field it is exactly zero, always. Inside, a zero would be an accident (a ReLU that gives 0, for example), so we
# add up all channels of eight images. Fields are square, so we count rows.

# %%
task = vt.task("garden", shots=80, seed=seed, tests=1)
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
fields = {name: field.size
          for name, field in vt.analysis.receptive_fields(network).items()}
vt.claim("kernels and gradient give the same field, as far as the image reaches",
         all(reach[name] == min(size, 64) for name, size in fields.items()),
         fields=fields)

# %% [markdown]
# The field says which pixels *can* matter. How much do they? `gradient_sensitivity` keeps the size of that gradient at each
# pixel. And here comes the [control](glossary.md#control) of this lesson: the same designs with random weights. (Their BatchNorm
# has measured our images, so nothing but the weights is random.) Bright is much, each picture has its own scale, and the
# white square is the field. Is the square filled evenly?

# %%
random = lesson_02.random_networks(NAMES, images[::4], seed)
two = {"mini_resnet": network, "random weights": random["mini_resnet"]}
felt = {name: vt.analysis.gradient_sensitivity(of, images[::16])
        for name, of in two.items()}
square = vt.analysis.middle_receptive_fields(network)
vt.plots.receptive_fields(felt, dict.fromkeys(felt, square))

# %%
inner = {name: float(of["stage4"][16:48, 16:48].sum() / of["stage4"].sum())
         for name, of in felt.items()}
vt.claim("stage 4: the middle quarter of the image has over a quarter of the gradient",
         min(inner.values()) > 0.3, share_of_the_middle_quarter=inner)

# %% [markdown]
# No. The middle of the field counts more than its share, so a cell still knows *where* it looks. The random network has
# this, too. So it is a gift of the design and not of the pretraining: more ways lead from the middle to the cell
# (Luo et al. 2016).

# %% [markdown]
# ## Explore
#
# Now the neighbours. `measure_responses` runs 640 images of eight unseen species through the network. For each stage it keeps
# the mean of every channel, so it does not matter *where* in the image something is. Similarity is the
# [cosine](glossary.md#cosine-similarity) of these numbers, after subtracting their mean over all images. At the left is one
# image, at the right its five nearest others. Green is the same species. Step through the images: what do pixels find
# alike, what does the stem, what does stage 4? And what does the stage 4 of a random network?

# %%
found, blind = ({name: vt.analysis.measure_responses(of, images)
                 for name, of in group.items()} for group in (networks, random))

# %%
of = found["mini_resnet"]
looks = {"pixels": images, "stem": of["stem"].mean, "stage 4": of["stage4"].mean,
         "random": blind["mini_resnet"]["stage4"].mean}
panel = lesson_02.NeighbourPanel(looks, images, labels, task.classes, image=160)
panel

# %% [markdown]
# Pixels find the same background in the same place. The stem finds the same colours. Stage 4 finds the same *flower*, on
# another ground and in another place. The stage 4 of a random network (last row) is back at the colours of the ground. (This is
# the first image of the third species, not chosen for its looks.)

# %%
own = {name: lesson_02.own_class_share(features, labels)
       for name, features in looks.items()}
last = own.pop("stage 4")
vt.claim("neighbours by stage 4 are of the right species over 30 points more often",
         last > max(own.values()) + 0.3, by_stage4=last, by=own)

# %% [markdown]
# ## Look inside
#
# What does a stage respond to? Textbooks say: early layers see edges and colours. Let us look, at a real photograph. At the
# left is our ResNet with weights that were trained on photographs ("natural"), at the right one with random
# weights. For each stage you see the first four channels that respond at all, not chosen for their looks.

# %%
def respond(network, image):  # the first four living channels of each stage
    shown, maps = {}, network.eval().normalise(image[None])
    for name, stage in network.stages.items():
        maps = stage(maps).detach()
        shown[name] = maps[0][maps[0].amax((1, 2)) > 0][:4]
    return shown

# %%
flower = lesson_02.sample_photographs()["flower"]
natural = vt.backbone("mini_resnet", weights="natural")
lesson_02.plot_two_maps(flower, *(respond(of, flower)
                                  for of in (natural, random["mini_resnet"])))

# %% [markdown]
# Yes, the stem shows edges and colours. But the random stem does, too: any small filter is a filter for some edge or some colour. So
# these maps do not show what was *learnt*. Further up the eye cannot say what the spots mean. So we ask the other way round:
# of our 640 drawings, *which patches* make a channel respond most? Below are two channels of each stage for two
# networks, with the three strongest patches each, cut as large as the receptive field (grey lies outside the image). One network is
# pretrained, the other has random weights. Which is which?

# %%
which = vt.guess("Which network is pretrained?",
                 ["network A", "network B", "I cannot tell"])
which

# %%
pair = ((random, blind), (networks, found))
lesson_02.plot_two_patches(*(
    vt.analysis.strongest_patches(of["mini_resnet"], seen["mini_resnet"], images,
                                  channels=2, count=3) for of, seen in pair))

# %%
which.reveal("network B")

# %% [markdown]
# Were you sure? In both, patches go from plain colours to whole flowers, simply because the field grows. Pictures like these convince
# quickly, and a random network makes them, too. The difference is how much the patches of a group have *in common*. So we
# count. Take the nine images that a channel likes most, and their most frequent species. What share of the nine has it?
# We call it the *purity*. For nine images drawn at random it is 31 %, not 12.5 %: nine images of eight species, so one
# species must come twice (22 %), and by luck one often comes three times (33 %).

# %%
def purities(responses):
    return {name: {stage: of.purity(labels) for stage, of in stages.items()}
            for name, stages in responses.items()}

# %%
pure, pure_blind = purities(found), purities(blind)
vt.plots.stages({"pretrained: stages become pure": pure,
                 "random weights: they hardly do": pure_blind},
                what="strongest images of one species",
                chance=vt.analysis.chance_response_purity(labels))

# %%
points = {name: round(100 * (pure[name]["stage4"] - pure_blind[name]["stage4"]), 1)
          for name in NAMES}
vt.claim("last stage: pretrained channels keep to one species over 10 points more",
         min(points.values()) > 10, points_of_purity_pretrained_less_random=points)

# %%
hits = {words: seen["mini_resnet"]["stem"].object_share(task.train.masks)
        for words, seen in (("pretrained", found), ("random", blind))}
vt.claim("the stem's strongest places: on the plant as often with random weights",
         abs(hits["pretrained"] - hits["random"]) < 0.2, on_the_plant=hits,
         share_of_pixels_on_the_plant=task.train.masks.float().mean())

# %% [markdown]
# The second claim is a warning. A random stem "finds" the plant, too, probably since flowers are bright and full of contrast. Without the
# control we would have praised the pretraining for it. And remember: none of these species
# was ever shown to the networks. Channels that were made for other plants serve these.

# %% [markdown]
# ## What we saw
#
# **Unseen species separate, stage by stage.** Now the vote of the five neighbours, for all networks and stages: each image is left
# out in turn and named by the others. The pale band is a 95 % interval from five disjoint parts of the images. Differences
# are taken part by part ([paired differences](glossary.md#paired-difference)). (Pixels are compared place by place, which is a
# handicap that stages do not have.)

# %%
def by_stage(responses, images, labels):
    vote = vt.analysis.neighbour_accuracies
    pixels = vote({"pixels": images}, labels)
    return {name: pixels | vote({s: of.mean for s, of in stages.items()}, labels)
            for name, stages in responses.items()}

# %%
near, near_blind = (by_stage(of, images, labels) for of in (found, blind))
vt.plots.stages({"plants, pretrained: best at the end": near,
                 "plants, random weights: near chance": near_blind},
                what="named correctly by 5 neighbours", chance=1 / 8)

# %%
def ahead(one, other):  # five parts, the same images in both
    return vt.metrics.paired_difference(one, other)

# %%
gains = {name: ahead(near[name]["stage4"], near_blind[name]["stage4"])
         for name in NAMES}
vt.claim("plants, last stage: pretrained is more than 30 points ahead of random",
         min(gain.low for gain in gains.values()) > 0.3,
         pretrained_less_random={name: gain.points for name, gain in gains.items()})

# %% [markdown]
# No weight was trained here, and yet most unseen plants get the right name. (The vote knows the names of 639 other images; the
# probe of lesson 01 had forty.) So the last stage has already sorted the plants, and a linear probe has little left to do.
#
# **Textures.** Now the same vote for woven textures, with the random networks at the right again. What do you
# expect of them?

# %%
ground = vt.task("textures", shots=80, seed=seed, tests=1).train
weaves = [{name: vt.analysis.measure_responses(of, ground.pixels)
           for name, of in group.items()} for group in (networks, random)]
woven, woven_blind = (by_stage(of, ground.pixels, ground.labels) for of in weaves)
vt.plots.stages({"textures, pretrained: best early": woven,
                 "textures, random weights: far above chance": woven_blind},
                what="named correctly by 5 neighbours", chance=1 / 8)

# %%
def mean(group, stage):  # over the four designs, part by part
    return torch.tensor([of[stage] for of in group.values()]).mean(0).tolist()

# %%
falls = ahead(mean(woven, "stage1"), mean(woven, "stage4"))
vt.claim("textures, pretrained: stage 1 is ahead of the last stage", falls.low > 0,
         stage1_less_stage4=falls.points)

# %%
learnt = ahead(mean(woven, "stage1"), mean(woven_blind, "stage1"))
vt.claim("textures, stage 1: pretrained is ahead of random", learnt.low > 0,
         pretrained_less_random=learnt.points)

# %%
given = ahead(mean(woven_blind, "stem"), [1 / 8] * 5)
vt.claim("textures: even a random stem is ahead of chance", given.low > 0,
         random_stem_less_chance=given.points)
best.reveal("plants: the last stage; textures: an early one")

# %% [markdown]
# Here is what the control is good for. "Early layers see textures" is true, but the larger part of it is no merit of
# the pretraining: a random stem sees them, too. (A likely reason: any small filter responds to some edges more than to
# others.) The pretraining added the rest, in the mean about 15 points at stage 1.
#
# After that the pretrained lines *fall*. Pretraining on plants did not reward the network for telling textures
# apart. But the random lines fall a little, too, so part of the loss may come with depth itself. In any case the last
# stage is not simply the best one. It was best for the target that is like the source. Lesson 06 comes back to this.
#
# Jarrett et al. (2009) trained a classifier on random filters, and came close to trained ones on photographs of objects: 63 %
# against 65 %. [Shape reproduced](glossary.md#shape-reproduced): in part for our textures, not for our plants. (We only look up neighbours.)

# %% [markdown]
# *The main question is answered. Two shorter ones follow: a good place for a break.*
#
# **Can every stage be reached?** To fine-tune early stages, a gradient must come down from the loss through all later
# layers. Each layer multiplies it by its weights, and each ReLU lets about half of its numbers pass. Thirty layers multiply
# thirty times. So we build stacks of 31 convolutions, and measure the gradient of the loss with respect to the
# *maps* after each layer: its length, before the first step. (The gradient with respect to a layer's weights is made from
# this one and from the maps that enter the layer.) The stacks start in three ways: with the spread that PyTorch uses,
# with [Xavier's and He's](glossary.md#xavier-and-he-initialisation). Then we add BatchNorm, and then ResNet's shortcuts: after the
# first layer, `relu(x + two_layers(x))`.

# %%
small = torch.nn.functional.avg_pool2d(network.normalise(images[::20]), 4)
starts = {"as PyTorch": "default", "after Xavier": "xavier", "after He": "he"}
kinds = {"plain": (False, False), "with BatchNorm": (True, False),
         "with BatchNorm and shortcuts": (True, True)}

def lengths(start, norm, shortcuts):
    stack = lesson_02.deep_stack(31, start, norm, shortcuts=shortcuts, seed=seed)
    found = lesson_02.stack_gradient_lengths(stack, small, labels[::20])
    return dict(zip([0, *range(1, 32, 2 if shortcuts else 1)], found))

# %% [markdown]
# Layer 0 is the image, layer 31 is next to the loss. Each step up is a factor of 100. Begin at the right, as the
# gradient does. Where does each line end?

# %%
stacks = {title: {words: lengths(start, *kind) for words, start in starts.items()}
          for title, kind in kinds.items()}
vt.plots.gradients(stacks)

# %%
def factors(title):  # by which one layer multiplies the gradient on its way back
    return {words: (of[1] / of[31]) ** (1 / 30)
            for words, of in stacks[title].items()}

# %%
plain, normed = factors("plain"), factors("with BatchNorm")
theory = {"as PyTorch": 6**-0.5, "after Xavier": 2**-0.5, "after He": 1}
vt.claim("plain: each layer multiplies by the factor of theory (0.41, 0.71, 1)",
         max(abs(plain[words] - theory[words]) for words in starts) < 0.08,
         factor=plain)
vt.claim("with BatchNorm the gradient grows some 20 % a layer, whatever the start",
         all(1.1 < one < 1.3 for one in normed.values()), factor=normed)

# %%
grown = {title: of["after He"][1] / of["after He"][31]
         for title, of in stacks.items()}
vt.claim("with shortcuts the gradient grows far less through the stack",
         grown["with BatchNorm and shortcuts"] < grown["with BatchNorm"] / 5,
         grown_by=grown)

# %% [markdown]
# With PyTorch's start, less than a billionth of the gradient arrives at the images. He's start keeps its length: a
# convolution with n inputs per cell (input channels × 9) and variance 2 / n multiplies by 1 (He et al. 2015; shape
# reproduced: yes). BatchNorm makes the three starts alike, but it does not keep the length: the factor is
# √(π / (π − 1)) = 1.21 (Yang et al. 2019), and 1.21 to the power of 30 is 300. With shortcuts, the gradient has a way around
# the layers, and grows less.
#
# **Does it matter for what is learnt?** A length before the first step cannot tell. He et al. (2016) trained, and found a
# puzzle: a *deeper* plain network, with BatchNorm, had a higher *training* error than a shallow one. They called it degradation, and
# shortcuts cured it. Here is the same experiment, small. Stacks of 7 and of 31 layers learn 1,500 handwritten digits, all with BatchNorm and
# He's start, each at the best of four learning rates (`python data/make/degradation.py`). A thin line is a seed, a
# thick one the mean of five. The deep stack could copy the shallow one, and let 24 layers pass its maps on. So what do you expect?

# %%
trained = lesson_02.degradation_table()
lesson_02.plot_degradation(trained)

# %%
errors = trained[trained.epoch == trained.epoch.max()].pivot(
    index="seed", columns=["shortcuts", "layers"], values="train_error")
plain, cured = (ahead(errors[on, 31], errors[on, 7]) for on in (False, True))
vt.claim("plain: 31 layers have a higher training error than 7", plain.low > 0,
         more_error=plain.points)
vt.claim("with shortcuts, the loss of 31 layers against 7 is less than half as large",
         cured.high < plain.low / 2, more_error=cured.points)

# %% [markdown]
# Shape reproduced: yes. This is no overfitting, since it is the *training* error. And it is no vanishing gradient: with BatchNorm the
# plain gradients were too long, not too short. He et al. saw healthy gradients in their plain networks, too, and left the reason open. Yang et
# al. (2019) name a candidate: the growth that you saw above. We did not test it. (We trained six epochs. In their long trainings the gap stayed.)

# %% [markdown]
# **Which design should you choose?** A linear probe on each of the four learns two new tasks, with five images per class
# (`python data/make/zoo_probes.py`). All four get the same images, so we subtract ResNet's accuracy, seed by seed.

# %%
probes = lesson_02.zoo_probes_table().pivot(
    index=["task", "seed"], columns="backbone", values="test_accuracy")

# %%
others = [name for name in NAMES if name != "mini_resnet"]
less = {task: {name: 100 * (of[name] - of.mini_resnet) for name in others}
        for task, of in probes.groupby("task")}
vt.plots.intervals({"plants": less["garden"], "digits": less["digits"]},
                   what="points ahead of mini ResNet", percent=False,
                   marks={"mini ResNet": 0})

# %%
plants = probes.loc["garden"]
best_on_plants = ahead(plants.mini_inception, plants.mini_resnet)
last_on_plants = ahead(plants.mini_mobilenet, plants.mini_resnet)
zoo = lesson_02.zoo_table().set_index("backbone").pretraining_accuracy
vt.claim("plants: Inception is ahead of ResNet, MobileNet is behind",
         best_on_plants.low > 0 > last_on_plants.high,
         Inception=best_on_plants.points, MobileNet=last_on_plants.points,
         accuracy_in_pretraining=zoo)

# %%
digits = probes.loc["digits"]
turned = ahead(digits.mini_mobilenet, digits.mini_inception)
pixels = ahead(digits.pixels, digits.mini_mobilenet)
vt.claim("digits: MobileNet is ahead of Inception, and plain pixels of both",
         min(turned.low, pixels.low) > 0, MobileNet_less_Inception=turned.points,
         pixels_less_MobileNet=pixels.points)

# %% [markdown]
# Seed by seed, small differences on plants become clear. The order fits the accuracy in the pretraining only roughly.
# Inception is first and MobileNet last in both, but VGG and ResNet are alike there, and VGG is ahead here. Kornblith et al. (2019) found
# such a relation for sixteen networks and photographs (a correlation of .99); four networks cannot confirm it. On digits the
# order turns: MobileNet leads, whose pretraining went worst. Before you choose it: plain pixels (the name of the nearest of
# the fifty training images) beat all four. For digits, what these networks learnt from plants is worth less than plain
# pixels, and no choice of design repairs that. So look at the source first (lesson 01 changed it, for real flowers). And these are differences between four trained *files*, one training each. Whether they are differences between designs,
# they cannot say.

# %% [markdown]
# ## Caveats
#
# One pretraining of each design, with a recipe that was chosen for mini ResNet. They are small relatives of the famous networks, on drawings of 64 pixels. There is one random network of
# each design. A channel's strongest images
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
# gradient at every pixel of all eight images. Why? (a) In training mode the kernels are larger. (b) Dropout opens other ways. (c) BatchNorm uses the whole batch. Answer with a letter.
#
# <details><summary>Hint</summary>
# Print the network. Which layers behave differently in training and in evaluation? Which of them does it have?
# </details>

# %%
why = ...
vt.check("02.3", why)

# %% [markdown]
# **02.4 ●●● An experiment.** Early stages name textures best, and we used only the *mean* of each channel. Find
# better features: write a function that takes stage 1's maps `(N, C, h, w)` and gives a row of numbers for each image. Neighbours by your
# features must be at least 10 points better than by the means. Nothing may be trained. Try your ideas on `ground`, and write
# down your guess before each. The check asks *other* images of the same textures. What distinguishes two textures of one mean colour?
#
# <details><summary>Hint</summary>
# A mean forgets how much a channel varies from cell to cell, how often it responds, and which channels respond together. The maps
# are <code>vt.activations(networks["mini_resnet"], ground.pixels, 2)</code>; score your rows with
# <code>vt.analysis.neighbour_accuracy(rows, ground.labels)</code>.
# </details>

# %%
def texture_features(maps):
    return ...

vt.check("02.4", texture_features)

# %% [markdown]
# **02.5 Open.** Take thirty photographs of your own and build a `NeighbourPanel` for them, with the "natural" weights
# (`vt.task` reads a folder). For which photographs do the neighbours by stage 4 make sense to you, and for which do those by the stem?
# `vt.plots.scatter` draws all images at once, on the plane that `vt.analysis.project_to_plane` finds.
#
# <details><summary>Hint</summary>
# The cell of <i>Explore</i> has all that you need: replace <code>images</code>, <code>labels</code> and
# <code>task.classes</code> by those of your task, and the network by <code>natural</code>.
# </details>

# %% [markdown]
# ## In short
#
# - The higher a stage, the more it sees: 3 pixels in the stem, the whole image in stage 4. Most weights are in the last stage.
# - Random networks have more than one expects: edge filters, patches that look sensible, places on the plant, the larger part
#   of what is known of textures. They are the control for every picture of what a network "has learnt".
# - What pretraining gave ours: later stages respond to kinds of flowers, and unseen plants separate there without any
#   learning. For textures an early stage was better.
# - In deep plain stacks the gradient vanishes or grows, and deeper ones train worse. BatchNorm makes all starts alike; shortcuts
#   cure the training.
# - Look at the source before the design. Always compare with something simple, such as pixels or random weights.
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
