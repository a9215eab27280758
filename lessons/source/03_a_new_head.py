# %% [markdown]
# # 03 · What goes on top?
#
# A pretrained network answers the question of its pretraining. Your question is another one. So its last
# layer must go, and a new one must take its place. That sounds like a detail. But the new layer begins
# with weights that know nothing, and every gradient to the stages passes through it.

# %% [markdown]
# ## You will
#
# - replace a [head](glossary.md#head) by hand, start it in five ways, and see which start ends behind;
# - hunt a bug that raises no error, costs nearly everything, and is repaired without a single label;
# - let the same backbone answer "how many?" instead of "which?", and find out whether it counts.
#
# You should know lesson 01 and have written a training loop in PyTorch. About 40 minutes of reading, in two sittings
# if you like (the second begins at *how many?*), one of computing on two processor cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import copy
import torch
import vtlab as vt
from vtlab.course import lesson_03
from vtlab.course.lesson_03 import points_ahead

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# The head stands between the [features](glossary.md#features) and the answer. The usual head is one
# linear layer: it turns 256 features into one score per class, and `softmax` turns the scores into
# probabilities. It is easy to take the head that the library gives and never ask three questions. What
# are its first weights? Should it be one layer, or several? And what does it answer: which class, or how
# many?

# %% [markdown]
# ## Look
#
# In [pretraining](glossary.md#pretraining) our network named 256 other species. We do not have the head
# of that time. So `OldTask.make` fits a new one for sixteen of the old species. We show it the test
# images of eight species that it has never seen: ours. It cannot say "none of these", so every answer is
# wrong. Are the wrong answers noise?

# %%
task = vt.task("garden", shots=5, seed=seed, tests=80)
old = lesson_03.OldTask.make()
said = old.head(vt.activations(old.start, task.test.pixels)).argmax(1)

# %% [markdown]
# We look at every other test image, 40 of each new species. Which old species do they get most often?
# The upper row shows an image of each new species. Below it stands an image of the old species whose
# name it gets most often, and how often.

# %%
even, odd = slice(0, None, 2), slice(1, None, 2)
label = task.test.labels
pairs = 16 * label[even] + said[even]  # of a new species and an old name
votes = torch.bincount(pairs, minlength=8 * 16).view(8, 16)

# %%
most, name = votes.max(1)
pictures = task.test.pixels[::80], old.train.pixels[20 * name]
lesson_03.plot_dictionary(pictures, task.classes, name, most, of=40)

# %% [markdown]
# Most new species have an old name that they get again and again. Let us use that as a dictionary: each
# old name is translated into the new species that got it most often. We test the dictionary on the other
# half of the images.

# %%
dictionary = votes.argmax(0)  # from an old species to a new one
translated = (dictionary[said[odd]] == label[odd]).float().mean().item()
vt.claim("the old head's wrong answers tell new species apart better than chance",
         translated > 2 * task.chance,
         translated_correctly=translated, chance=task.chance)

# %% [markdown]
# So the features already know much of what we ask. Only the last layer is in the way, and we take it
# off.

# %% [markdown]
# ## Predict
#
# A new head must begin somewhere: at zero, or at random numbers, small or large.
# ([Xavier's rule and He's rule](glossary.md#xavier-and-he-initialisation) are two well-known sizes in
# between.) Then the whole network is fine-tuned on forty images, with one
# [learning rate](glossary.md#learning-rate) for all stages. Which start gives the best accuracy on new
# images?

# %%
best = vt.guess("Which first weights of the head end best?",
                ["zero ends ahead", "Xavier or He ends ahead", "large ends ahead",
                 "large ends behind, the rest level"])
best

# %% [markdown]
# ## By hand, once
#
# Replacing a head is one line, since the head is an attribute of the network. Here are five ways to fill
# it, each with a bias of zero (in the table below PyTorch's default keeps its own small bias). **Xavier** (Glorot and Bengio 2010) draws weights with variance
# 2 / (inputs + outputs), **He** (He et al. 2015) with variance 2 / inputs. Both were made for layers
# inside a network, where numbers should neither grow nor shrink from layer to layer. With 256 inputs and
# 8 outputs they nearly agree: their standard deviations are 0.087 and 0.088. PyTorch's default has
# 0.036. *Large* is 1, which `torch.randn` gives to those who do not think about it.
#
# In torchvision the last layer is called `fc` in ResNets. It is the last item of `classifier` in VGG, MobileNet and
# EfficientNet, and `heads.head` in a ViT. Inception v3 answers twice while it trains: replace `AuxLogits.fc`, too.

# %%
network = vt.backbone("mini_resnet", classes=8)
network.head = torch.nn.Linear(256, 8)
random = torch.Generator().manual_seed(seed)
init = torch.nn.init
starts = {
    "default": torch.nn.Identity(),  # as PyTorch has drawn them
    "xavier": lambda w: init.xavier_uniform_(w, generator=random),
    "he": lambda w: init.kaiming_normal_(w, nonlinearity="relu", generator=random),
    "zero": init.zeros_,
    "large": lambda w: init.normal_(w, generator=random),
}
inputs, labels = network.normalise(task.train.pixels), task.train.labels

# %% [markdown]
# With eight classes and no knowledge, the honest answer is one eighth for each. Its loss, the
# [cross-entropy](glossary.md#cross-entropy), is ln 8 = 2.08. A head with a larger loss is *sure of
# something that it cannot know*. For each start we take the probabilities of the first image, the loss
# on all forty, and the length of the loss's gradient in the stages. We call that length the *pull*: it
# says how hard the head pulls at what pretraining has made.

# %%
first = {}
for name, start in starts.items():
    init.zeros_(network.head.bias)
    start(network.head.weight)
    logits = network.eval()(inputs)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    pull = torch.cat([p.grad.flatten() for p in network.stages.parameters()]).norm()
    first[name] = logits[0].softmax(0).detach(), loss.item(), pull.item()
    network.zero_grad()

# %%
lesson_03.plot_first_answers(first)

# %%
losses, pulls = ({name: one[i] for name, one in first.items()} for i in (1, 2))
honest, hardest = torch.tensor(8.0).log(), max(pulls, key=pulls.get)
vt.claim("a zero head costs exactly ln 8 and does not pull at the stages at all",
         abs(losses["zero"] - honest) < 1e-5 and pulls["zero"] == 0)

# %%
vt.claim("a large head costs more than three times as much and pulls hardest",
         losses["large"] > 3 * honest and hardest == "large",
         losses=losses, pulls=pulls)

# %% [markdown]
# (Xavier and He have the same spread: where they differ here, it is the luck of one draw.) Why does a
# zero head not pull at all? The gradient reaches the stages *through* the head: it is multiplied by the
# head's weights, and through zeros nothing comes. The head itself does learn. Its own gradient is the
# error times the features, and neither is zero. After one step its weights are no longer zero, and the
# way to the stages is open.

# %% [markdown]
# ## With vtlab
#
# `vt.backbone(head=…)` takes any module that ends in a linear layer. A strategy with
# `head_start="kept"` begins with the head as it is. The network below comes from
# `network_with_head_init`, which makes our five starts, and `first_loss_and_gradient` measures what we
# measured by hand.

# %%
zero = lesson_03.network_with_head_init("zero", seed)
loss, pull = lesson_03.first_loss_and_gradient(zero, task)
vt.claim("by hand and with vtlab, a zero head costs the same and pulls as little",
         abs(loss - losses["zero"]) < 1e-5 and pull == pulls["zero"])

# %% [markdown]
# Now we fine-tune everything, once from zero and once from large weights. We use the
# [plain recipe](glossary.md#plain-recipe), `vt.plain(…)`: one rate for all stages, as in a first
# notebook of one's own. (`vt.full` itself would solve the head first, and then ask none of our
# questions.) Twelve epochs are quick.

# %% tags=["nbval-ignore-output"]
kept = vt.plain(vt.Strategy("full", head_start="kept"))
for way in ("zero", "large"):
    network = lesson_03.network_with_head_init(way, seed)
    for record in vt.fit(network, task, kept, seed=seed, epochs=12):
        pass
    found = vt.evaluate(network, task.test.pixels, task.test.labels)
    print(f"{way}: {100 * found:.0f} % of the test images named correctly")

# %% [markdown]
# One run each proves nothing. The committed table `heads_table` has thirty epochs and five
# [seeds](glossary.md#seed) (`python data/make/heads.py` makes it). A dot is one training, the line is
# the mean, the band its 95 % [interval](glossary.md#confidence-interval). The dotted line is the
# [linear probe](glossary.md#linear-probe) of lesson 01 on the same images, which leaves the stages alone.

# %%
table = lesson_03.heads_table()
by_start, probe = lesson_03.start_runs(table), lesson_03.probe_runs(table)
vt.plots.intervals({"A head that begins large ends behind": by_start},
                   marks={"linear probe": probe.mean()})

# %% [markdown]
# Differences are [paired](glossary.md#paired-difference) by seed, in
# [points of accuracy](glossary.md#points-of-accuracy). After ± stands half the width of the 95 %
# interval.

# %%
others = {way: runs for way, runs in by_start.items() if way != "default"}
ahead = {way: points_ahead(one, by_start["default"]) for way, one in others.items()}
apart = [way for way, gap in ahead.items() if gap.low > 0 or gap.high < 0]
vt.claim("only a large head is clearly apart from PyTorch's default: it is behind",
         apart == ["large"] and ahead["large"].high < 0, points_ahead=ahead)

# %%
from itertools import combinations

pairs = {f"{a}, {b}": points_ahead(by_start[a], by_start[b])
         for a, b in combinations(by_start, 2) if "large" not in (a, b)}
vt.claim("between the other four there is no clear difference",
         all(gap.low < 0 < gap.high for gap in pairs.values()), points_ahead=pairs)
best.reveal("large ends behind, the rest level")

# %% [markdown]
# The intervals are wide. A difference of several points between the other four could hide in them.
#
# **Why does *large* lose?** Its long gradient alone is no reason, since [AdamW](glossary.md#adamw) divides
# the gradient by its own typical size. One step changes a weight by about the learning rate, which is
# 0.0003 at its peak and half of that on average. Sixty steps change a weight by about 0.01. To weights of
# spread 1 that is nothing: the head stays the random head that it was, and the stages must bend to it. If
# this is the reason, a larger rate must help the large head more than the default. The table has both at
# three and at ten times the rate.

# %%
behind = {}
for rate in (0.0003, 0.001, 0.003):
    runs = lesson_03.start_runs(table, rate)
    behind[f"rate {rate}"] = 100 * (runs["large"] - runs["default"])
vt.plots.intervals({"A larger rate lets a large head catch up": behind},
                   what="points that large is ahead of the default", percent=False)

# %%
slow, faster, _ = behind.values()
closed, left = vt.metrics.t_interval(faster - slow), vt.metrics.t_interval(faster)
vt.claim("at three times the rate the large head is nearer, no longer clearly behind",
         closed.low > 0 and left.high > 0, points_closer=closed, points_ahead=left)

# %% [markdown]
# So it was not the start alone, but a large start *with a small rate*. (At ten times the rate both ended
# lower than at three times.) Back to the plain recipe's rate. There, on average no start reaches the dotted
# line:

# %%
gains = {way: points_ahead(probe, runs) for way, runs in by_start.items()}
vt.claim("by the plain recipe the probe is ahead of all five starts",
         min(gain.low for gain in gains.values()) > 0, points_ahead=gains)

# %% [markdown]
# That is no verdict on full fine-tuning. There is a sixth start: *the probe's solution itself*. Then the
# network begins with all that the probe knows, and the stages need not bend to a random head. `vt.full`
# begins there, and lesson 07 shows how much of the distance that closes.

# %% [markdown]
# ## Explore
#
# The panel trains in the background. With the plain recipe, **Full** begins with a random head (PyTorch's
# default), and **LP-FT** begins with the linear probe's solution. Choose one, press Train, then the
# other, and compare the losses of their first epochs. A panel can be driven from code as well. We press
# the button twice:

# %%
trainer = vt.TrainPanel(task, strategy="full", recipe="plain", epochs=6)
for trainer.strategy in ("full", "lp_ft"):
    trainer.buttons["train"].click()
    print(trainer.strategy, trainer.wait())

# %%
trainer

# %% [markdown]
# The run that begins with the probe's solution starts far lower. Try *Full* with its own recipe, too: it
# then begins with that solution as well.

# %% [markdown]
# ## Look inside
#
# Before any head can be right, its inputs must be right, and here a bug likes to hide: in the
# [normalisation](glossary.md#normalisation). The stages expect that a mean was subtracted from every
# colour channel and the rest divided by a standard deviation, both as in pretraining. Here is a probe,
# solved once on forty images. Then we switch the normalisation of the test images: its own, ImageNet's
# (which many programs use for everything), and a forgotten one, which only divides the bytes by 255.

# %%
healthy = vt.backbone("mini_resnet", classes=8)
for record in vt.fit(healthy, task, vt.probe, seed=seed):
    pass
switch = {"its own": healthy.normalisation,
          "ImageNet's": lesson_03.IMAGENET_NORMALISATION,
          "only divided by 255": lesson_03.PALE}

# %%
found, seen = {}, {}
for name, numbers in switch.items():
    network = copy.deepcopy(healthy)
    network.normalisation = numbers
    found[name] = vt.evaluate(network, task.test.pixels, task.test.labels)
    seen[name] = lesson_03.see_input(network, task.train.pixels)

# %% [markdown]
# What does the network get to see? In the upper pictures grey is 0, black is −2 and white is 2. The lower
# ones show all forty images behind the first [BatchNorm](glossary.md#batchnorm) layer. This layer
# subtracts a mean from every channel and divides by a standard deviation. It uses the mean and the
# standard deviation that it kept from pretraining. The red curve is what the next layers are used to. (All
# channels are put together here: each channel's own shift cancels.)

# %%
lesson_03.plot_seen_inputs(seen)

# %%
vt.claim("without normalisation the network is as good as blind",
         found["only divided by 255"] < 2 * task.chance,
         accuracy=found, chance=task.chance)

# %%
runs = lesson_03.pale_runs  # a committed table: five seeds of all that follows
lost = points_ahead(runs(images="healthy"), runs(images="ImageNet's"))
vt.claim("ImageNet's numbers cost under five points", lost.high < 5, points=lost)

# %% [markdown]
# Our drawings happen to have nearly the means and spreads of ImageNet's photographs, so those numbers
# hardly hurt. With none you may still know every flower, but the network names no more than chance. No
# error is raised: it looks like a network that has never learnt. The images are pale, and the numbers
# inside are too small. How would you repair it, if the images must stay pale?

# %%
repair = vt.guess("What does it take to bring most of the accuracy back?",
                  ["a new head, solved on pale images",
                   "all weights, fine-tuned on pale images; less will not do",
                   "one look at forty pale images: no labels, no gradient"])
repair

# %% [markdown]
# The third way changes no weight. BatchNorm's kept means and spreads
# ([BatchNorm statistics](glossary.md#batchnorm-statistics)) are forgotten, and computed again from one
# forward pass of the forty pale images. The head stays the one that was solved on *healthy* images.
# (`momentum=None` makes a layer take the plain average of all batches since the reset.)

# %%
def renew(network, layers, pixels):
    network.eval()  # all other layers keep what they have
    before = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    with torch.no_grad():
        network(network.normalise(pixels))
    for layer, momentum in zip(layers, before):
        layer.momentum = momentum
    return network.eval()

# %% [markdown]
# The network has thirteen BatchNorm layers. Must all of them be renewed? Guess before you run it.

# %%
place = vt.guess("Which BatchNorm layers must be renewed?",
                 ["all thirteen together; no part of them will do",
                  "the first; the other twelve without it do not help",
                  "the last, which makes the features; it alone will do",
                  "the first alone will do, and so will the other twelve"])
place

# %%
def repaired(layers, count=40):
    network = copy.deepcopy(healthy)
    network.normalisation = lesson_03.PALE
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    return renew(network, norms[layers], task.train.pixels[:count])

# %%
which = {"all": slice(None), "the first": slice(1), "the last": slice(-1, None),
         "all but the first": slice(1, None)}
for name, layers in which.items():
    network = repaired(layers)
    found[name] = vt.evaluate(network, task.test.pixels, task.test.labels)
weaker = min(found["the first"], found["all but the first"])
vt.claim("the first alone helps, the others without it help, the last alone hardly",
         weaker > found["the last"] + 0.2, accuracy=found)

# %% [markdown]
# And the repairs that need labels? The committed table `pale_table` has them, and all others, with five
# seeds (`python data/make/pale.py`): a new head, solved on pale images, and thirty epochs of fine-tuning
# all weights, at the best of three rates. What differs from the healthy network is in bold, and what was
# renewed was renewed from one look at the forty images. (The pale network is at 12.5 % with every seed,
# since it gives all images one name.)

# %%
lesson_03.plot_repairs(task.chance)

# %%
all_renewed = runs(renewed="all")
head = points_ahead(all_renewed, runs(head="pale"))
weights = points_ahead(all_renewed, runs(head="fine-tuned"))
vt.claim("one look is far ahead of a new head; no clear difference from fine-tuning",
         head.low > 20 and weights.low < 0 < weights.high,
         points_ahead_of_a_new_head=head, of_fine_tuning=weights)
repair.reveal("one look at forty pale images: no labels, no gradient")

# %%
parts = {one: lesson_03.points_gained(one) for one in ("first", "others", "last")}
vt.claim("the first alone, or the other twelve, bring back more than forty points",
         min(parts["first"].low, parts["others"].low) > 40, points_gained=parts)
place.reveal("the first alone will do, and so will the other twelve")

# %% [markdown]
# Fine-tuning repairs it, too, probably since BatchNorm follows the batches on the way. It ends where the same
# fine-tuning ended on healthy images, in the figure of the starts. The look does that part alone, without a
# label or a step.
#
# **Why is the first layer enough?** A convolution is linear. So the first one turns pale images into the
# same maps as before, only weaker and shifted, channel by channel. The BatchNorm behind it takes exactly
# that away, as soon as its statistics are those of the pale images. All layers behind it then get what
# they always got.
#
# So why does it not bring back everything? A convolution puts zeros around the picture. In a healthy
# picture zero is the mean colour. Pale values all lie between 0 and 1, so there zero is what *black* has become: the
# picture gets a dark rim. That would be a reason, and the table can test it, with one half of the bug at a time. Where
# only the *spread* is forgotten, zero is still the mean colour. Where only the *mean* is forgotten, it is black. (In both cases, the first layer is renewed.)

# %%
clean = runs(images="healthy", renewed="first")
spread = points_ahead(clean, runs(images="no spread", renewed="first"))
mean = points_ahead(clean, runs(images="no mean", renewed="first"))
vt.claim("it repairs a forgotten spread within two points, a mean only in part",
         spread.high < 2 and mean.low > 0,
         points_still_lost={"no spread": spread, "no mean": mean})

# %% [markdown]
# **Why are the other twelve enough?** A likely reason: each of them brings its own input back to mean 0
# and spread 1, whatever came before. The last one alone comes too late.
#
# Renewing all thirteen is better still in this network, perhaps since the layers behind the first take care of the rim.
# What is then left has another reason: forty images give rougher statistics than pretraining had. The last
# row of the figure is the control. A healthy network pays that price, too, and the pale one lacks hardly
# more.

# %%
price = points_ahead(runs(images="healthy"), runs(images="healthy", renewed="all"))
rest = points_ahead(runs(images="healthy", renewed="all"), all_renewed)
vt.claim("renewing all costs a healthy network, too; the pale one is close behind",
         price.low > 0 and rest.high < 5, points_lost=price, pale_behind=rest)

# %%
alone = points_ahead(all_renewed, runs(renewed="first"))
vt.claim("in this network renewing all is better than the first alone",
         alone.low > 0, points=alone)

# %%
networks = "mini_vgg", "mini_inception", "mini_mobilenet"
gains = {name: lesson_03.points_gained("first", name) for name in networks}
vt.claim("the first alone brings back over 40 points in three other networks, too",
         min(gain.low for gain in gains.values()) > 40, points_gained=gains)

# %%
more = {name: points_ahead(runs(backbone=name, renewed="all"),
                           runs(backbone=name, renewed="first")) for name in networks}
vt.claim("in those three, renewing all is not clearly better than the first alone",
         all(gain.low < 0 < gain.high for gain in more.values()), points_ahead=more)

# %% [markdown]
# Note how well this bug hides. In training mode BatchNorm uses the mean and the spread of the current
# batch, so the pale images look healthy to it. The bug appears at the first `eval()`. Renewing
# statistics for new images is a published method (Li et al. 2017), and lesson 06 uses it against noise.
# Lesson 04 meets the same mechanism as a fault.

# %% [markdown]
# ### Look again: how many?
#
# A network need not name things. The task `petals` has twenty species and asks how many
# petals a flower has: the large one, whatever stands beside it. This is **regression**: the head has one
# output, and the loss is the squared error. Five images of each species make a hundred.

# %%
petals = vt.task("petals", shots=5, seed=seed, tests=30)
shown = petals.train[torch.arange(0, 80, 5)]
vt.plots.images(shown.pixels, titles=[f"{n:.0f} petals" for n in shown.labels])

# %% [markdown]
# Two lines change in the training loop: the head has one output, and the loss is `mse_loss`. We begin
# at the mean number of petals, the honest answer of a head that knows nothing. The stages are
# [frozen](glossary.md#frozen), so the features are computed once.

# %%
counter = vt.backbone("mini_resnet", classes=1)
features = vt.activations(counter, petals.train.pixels)
numbers = petals.train.labels
head = counter.head
torch.nn.init.constant_(head.bias, numbers.mean())
optimiser = torch.optim.AdamW(head.parameters(), lr=0.003)
for step in range(500):
    loss = torch.nn.functional.mse_loss(head(features).squeeze(1), numbers)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

# %% [markdown]
# How good is it? The *mean absolute error* says by how many petals an answer is off on average. With
# vtlab, the probe of such a task is *ridge regression*: least squares with
# [L2](glossary.md#l2), which has one best answer. We fit it in place of our head and compare.

# %%
tests = petals.test.pixels, petals.test.labels
by_descent = vt.mean_absolute_error(counter, *tests)
for record in vt.fit(counter, petals, vt.probe, seed=seed):
    pass
ridge = vt.mean_absolute_error(counter, *tests)
always = (petals.test.labels - numbers.mean()).abs().mean().item()

# %%
vt.claim("always saying the mean is off by half as much again as our loop, or more",
         max(by_descent, ridge) < 2 / 3 * always,
         petals_by_our_loop=by_descent, by_the_ridge=ridge, always_the_mean=always)

# %% [markdown]
# Where does a network look that counts? [Grad-CAM](glossary.md#grad-cam) (lesson 01) asks which parts of
# the last maps raise the one output, and, with the sign turned, which lower it.

# %%
shown = petals.test[torch.tensor([0, 150, 225])]
evidence = vt.explain(counter, shown.pixels, targets=0, cut=False)  # both signs
answers = counter.head(vt.activations(counter, shown.pixels)).flatten()
titles = [f"{n:.0f} petals, answer {a:.1f}" for n, a in zip(shown.labels, answers)]
rows = {"raises the number": evidence.clamp(min=0),
        "lowers it": (-evidence).clamp(min=0)}
vt.plots.cams(shown.pixels, rows, masks=shown.masks, titles=titles, of="the number")

# %% [markdown]
# In these three pictures the evidence lies on the flower and close around it. Three pictures are a hint;
# lesson 09 measures.
#
# **Does it count?** By *it counts* we mean no more than this: its answers follow the number of petals on flowers of a
# species that it never saw. By which marks it does so, this test does not say. Nobody taught these features to count, and the test flowers belong to the same
# twenty species as the training flowers. Perhaps the network only knows a species again and recalls its
# number. The experiment: 400 flowers, 20 of each species, in twenty parts. A ridge learns from nineteen
# parts and counts in the twentieth, and so on in turn. Once a part is *one flower of each species*, so the
# species is known. Once it is *one whole species*, so it was never seen. Both learn from 380 flowers. The
# control always says the mean of the 380.

# %%
counts = vt.guess("How far off is it on a species that it has never seen?",
                  ["as little as on a known species: it counts",
                   "in between: it counts, and it recalls",
                   "as far as always saying the mean: it only recalls"])
counts

# %%
import numpy as np
from sklearn.linear_model import RidgeCV

flowers = petals.draw(20, seed)  # sorted by species
features = vt.activations(counter, flowers.pixels).numpy()
true = flowers.labels.numpy()

# %%
def petals_off(parts, model=RidgeCV(np.logspace(-3, 4, 15))):
    said = np.zeros(400)
    for k in range(20):
        known = parts != k
        model.fit(features[known], true[known])
        said[~known] = model.predict(features[~known])
    return np.abs(said - true).reshape(20, 20).mean(1)  # of each species

# %%
from sklearn.dummy import DummyRegressor

species, flower = np.repeat(np.arange(20), 20), np.tile(np.arange(20), 20)
off = {"species known": petals_off(flower),
       "species never seen": petals_off(species),
       "always the mean": petals_off(species, DummyRegressor())}
vt.plots.intervals({"It counts, and it recalls": off}, percent=False,
                   what="petals off on average (a dot is a species)")

# %%
known, unseen, mean = off.values()
counted = vt.metrics.paired_difference(mean, unseen)
vt.claim("on species never seen it is nearer than the mean: it counts, in part",
         counted.low > 0, petals_nearer=counted)

# %%
recalled = vt.metrics.paired_difference(unseen, known)
vt.claim("on species that it knows it is nearer still: it recalls, too",
         recalled.low > 0, petals_nearer=recalled)
counts.reveal("in between: it counts, and it recalls")

# %% [markdown]
# ## What we saw
#
# Starts, statistics and counting have had their figures above. The doubt about counting was right in part:
# the network does recall species. But it counts as well, since it is also nearer than the mean where there
# is nothing to recall.

# %% [markdown]
# ### Look a third time: what is a head made of?
#
# The stages are frozen now, and different heads are trained by gradient descent for
# thirty epochs, with the same five seeds. Most heads get the mean over the 8 × 8 cells of the last maps,
# and have hidden layers of so many units. *Flattened* is one linear layer on all cells. *A block more*
# puts another residual block on the maps first.

# %%
heads = table[table.part == "head"]
lesson_03.plot_head_parts(heads.groupby("way").weights.first())

# %% [markdown]
# The next figure shows by how much each head is ahead of one *linear* layer, each at the better of two
# rates.

# %%
few, many = (lesson_03.ahead_of_linear(table, shots) for shots in (5, 40))
vt.plots.intervals({"Few images: no head is far ahead": few,
                    "Many images: only flattening matters": many},
                   what="points ahead of one linear layer", percent=False)

# %%
flat = [vt.metrics.t_interval(gaps.pop("flattened")) for gaps in (few, many)]
vt.claim("a flattened head is worse with 5 images and with 40",
         max(gap.high for gap in flat) < 0, points_ahead=flat)

# %%
gaps = {way: vt.metrics.t_interval(points) for way, points in many.items()}
widest = max(max(-gap.low, gap.high) for gap in gaps.values())
vt.claim("with 40 images no other head is two points better or worse than linear",
         widest < 2, points_ahead=gaps)

# %% [markdown]
# **Width and depth** of the head hardly matter, from two thousand weights to more than a million. A
# likely reason: by these features a linear layer can already tell most species apart. (With 5
# images one hidden layer of 256 came 1.2 ± 1.2 points ahead, and a block more 0.9 ± 0.6 behind: small, among seven
# comparisons, at rates chosen on the test images.)
# [Dropout](glossary.md#dropout) (Srivastava et al. 2014), which zeroes half of the hidden units at random
# in each step, makes no difference that five seeds could show. The **flattened** head has its own weights
# for every cell. So it has to learn each species at each place of the picture, which is a likely reason
# for its loss. VGG's head begins like this (Simonyan and Zisserman 2015). The mean over the cells (Lin et
# al. 2014) throws the place away, and here the place means nothing.

# %% [markdown]
# ## Caveats
#
# One backbone for most of it, tasks near its source, five seeds. Frozen features that suit a task so well
# leave a larger head little to gain; on a task far from the source it may be otherwise. Rates were chosen
# on the test images, for every way alike, which flatters all of them a little. A network without
# BatchNorm has no statistics to renew. And the counting is of twenty drawn species; a photograph may hide
# petals.

# %% [markdown]
# ## Exercises
#
# **03.1 ● Build a head.** Write a head for 256 features and eight classes, as a `torch.nn.Sequential`:
# one hidden layer of 64 units, a ReLU, and dropout of a half before the last layer.
#
# <details><summary>Hint</summary>Four modules: <code>Linear</code>, <code>ReLU</code>,
# <code>Dropout</code>, <code>Linear</code>.</details>

# %%
head = ...
vt.check("03.1", head)

# %% [markdown]
# **03.2 ●● Write a function.** Xavier's rule by hand, without `torch.nn.init`: for a layer of so many
# inputs and outputs, return weights of shape `(outputs, inputs)`, drawn from a normal distribution with
# mean 0 and variance 2 / (inputs + outputs).
#
# <details><summary>Hint</summary><code>torch.randn</code> draws with variance 1. What happens to the
# variance when you multiply by a number?</details>

# %%
def xavier(inputs, outputs):
    return ...

vt.check("03.2", xavier)

# %% [markdown]
# **03.3 ● Explain a surprise.** If all weights of a network with a hidden layer began at zero, its hidden
# units would stay copies of one another for ever. Why does a linear *head* at zero learn, on pretrained
# stages? (a) The labels make its outputs differ, and the features make its inputs differ. (b) The bias
# learns first and makes the outputs differ. (c) The stages learn first, and their gradient reaches the
# head. Answer with a letter, such as `"b"`.
#
# <details><summary>Hint</summary>What is the gradient of one weight of the head? Look at the pull of the
# zero head, too.</details>

# %%
why = ...
vt.check("03.3", why)

# %% [markdown]
# **03.4 ●●● An experiment: how few images repair it?** Forty pale images renewed the first layer. How few
# are enough to come within five points of that? `repaired` has a `count`, but it takes the *first* images.
# Which of 1, 2, 5, 10, 20 and 40 do you try, with which images, and how often each? Answer with the mean
# test accuracy for three numbers or more, 1 and 40 among them: `{1: …, 5: …, 40: …}`.
# (`lesson_03.pale_table()` holds an answer with five seeds. Draw your own first, then compare.)
#
# <details><summary>Hint</summary>The training images are sorted by species, and which ones you get is luck.
# <code>task.train.pixels[torch.randperm(40)[:count]]</code> draws some at random; three draws of each
# number show how much luck there is.</details>

# %%
accuracy = ...
vt.check("03.4", accuracy)

# %% [markdown]
# **03.5 ●● Open: your own network.** Take a network that you use, switch its normalisation to "divided by
# 255", and measure. (No labels at hand? Count for how many pictures its answer is what it was before.) Then renew its first BatchNorm layer with `renew`, and then all of them. Does the
# repair work as well there?
#
# <details><summary>Hint</summary>First ask what stands between the picture and the first BatchNorm of your
# network. <code>vt.backbone("efficientnet_lite0", classes=None)</code> names photographs out of the
# box.</details>

# %% [markdown]
# ## In short
#
# - A head that begins large needs a large rate: with a small one it stays what was drawn. Between the
#   smaller starts five seeds could not tell. A promising start is the probe's solution.
# - On features that suit the task one linear layer was enough. A flattened head cost accuracy.
# - A forgotten normalisation raises no error and cost this network nearly everything. No weight was
#   spoilt: BatchNorm's statistics were out of date, and one forward pass without labels brought most of
#   it back, already in the first layer alone.
# - The same backbone answers "how many?" when its head has one output and its loss is a squared error.
#   Its answers follow the number in part, on new species too, and it recalls species in part.
#
# Next: lesson 04 asks what "frozen" means, and whether it is true.

# %% [markdown]
# ## References
#
# - Glorot, Bengio (2010), *Understanding the difficulty of training deep feedforward neural networks*.
# - He et al. (2015), *Delving deep into rectifiers*.
# - Ioffe, Szegedy (2015), *Batch normalization*.
# - Li et al. (2017), *Revisiting batch normalization for practical domain adaptation*.
# - Srivastava et al. (2014), *Dropout*.
# - Simonyan, Zisserman (2015), *Very deep convolutional networks*; Lin et al. (2014), *Network in network*.
# - Kumar et al. (2022), *Fine-tuning can distort pretrained features*: why the head should come first.
