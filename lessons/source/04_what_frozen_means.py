# %% [markdown]
# # 04 · What does "frozen" mean, and is it true?
#
# "Freeze the backbone and train the head" is the advice that everybody gives. Many a tutorial shows how
# in twenty lines of PyTorch, and so does the article that this course follows. Its lines stand below in
# full. We run them, measure what they leave untouched and what they do not, and repair them one fault at
# a time.

# %% [markdown]
# ## You will
#
# - run the loop of the article as it stands, and find five things wrong with it, and show each;
# - write the corrected loop in plain PyTorch, and see that one line of the library equals it;
# - measure what freezing saves in weights, memory, operations and seconds, and what it costs.
#
# You need lesson 01 and some PyTorch. About 25 minutes of reading, one of computing on two
# processor cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import os
import torch
import vtlab as vt
from vtlab.course import lesson_04

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# A network has two kinds of numbers. **Weights** are changed by the optimiser, along gradients.
# **Buffers** are changed by nobody in particular: BatchNorm keeps a running mean and a running
# variance of every channel, and moves them a little in *every forward pass in training mode*,
# gradient or not. In evaluation mode it uses them instead of the batch's own.
#
# So there are two ways to say "frozen". The usual one is `requires_grad = False`: no gradient, no
# step. The one that we shall need is stronger: **no gradient, and statistics that do not move**. Is
# the difference a detail? We measure it.

# %% [markdown]
# ## Look
#
# This is the article's program, in short; `augment`, the batch and `num_classes` are the reader's own:
#
# ```python
# model = resnet50(pretrained=True)
# model.fc = nn.Linear(model.fc.in_features, num_classes)
# for param in model.parameters():
#     param.requires_grad = False
# model.fc.weight.requires_grad = True
# model.fc.bias.requires_grad = True
# optimizer = optim.SGD(model.fc.parameters(), lr=0.001, momentum=0.9)
# criterion = nn.CrossEntropyLoss()
# for epoch in range(num_epochs):
#     images = augment(batch_images)
#     outputs = model(images)
#     loss = criterion(outputs, batch_labels)
#     optimizer.zero_grad()
#     loss.backward()
#     optimizer.step()
#     accuracy = (outputs.argmax(1) == batch_labels).float().mean()
#     print(epoch, loss.item(), accuracy.item())
# ```
#
# It takes a ResNet-50 and replaces its last layer, `fc`. Without an internet connection we can still
# build it with random weights, which is enough to count. Its argument `pretrained=True` is the **first
# fault**: torchvision has long replaced it by `weights=`. Today it only warns, so we keep the warning
# in a string and look at what it says.

# %%
import contextlib
import io
from torchvision.models import resnet50

with contextlib.redirect_stderr(io.StringIO()) as said:
    model = resnet50(pretrained=False)
print("deprecated" in said.getvalue())

# %% [markdown]
# With an internet connection you would write `resnet50(weights="IMAGENET1K_V2")`. Now the article's
# surgery: a new `fc` for our eight classes, everything else without gradient.

# %%
model.fc = torch.nn.Linear(model.fc.in_features, 8)
for parameter in model.parameters():
    parameter.requires_grad = False
model.fc.weight.requires_grad = model.fc.bias.requires_grad = True

# %% [markdown]
# How much is frozen now? We count weights with and without a gradient, and the running means and
# variances, which have never had one.

# %%
learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
weights = sum(p.numel() for p in model.parameters())
statistics = sum(b.numel() for n, b in model.named_buffers() if "running" in n)
print(f"{learning:,} of {weights:,} weights learn, and {statistics:,} statistics may move")

# %% [markdown]
# For measurements we need a network that has learnt something, and images to try it on. The small
# residual network of lesson 01 will do: it is built like its big sister, only its last layer is called
# `head`. The task is again eight species with five images each. Half of its test images are enough for
# the differences that we shall meet, and keep the waiting short.

# %%
task = vt.task("garden", shots=5, seed=seed)
labels = task.train.labels
test = task.test[torch.arange(0, len(task.test), 2)]
print(len(task.train), "training images,", len(test), "test images")

# %% [markdown]
# ## Predict
#
# The article freezes everything but the head and trains for ten of its epochs. Which numbers of the
# five stages in front of the head will have changed?

# %%
moved = vt.guess("What will have moved in the frozen stages?",
                 ["nothing", "the weights", "the BatchNorm statistics", "both"])
moved

# %% [markdown]
# ## By hand, once
#
# Here is the article's loop as it stands, with our network in the place of its own: SGD on the
# parameters of the last layer, rate 0.001, momentum 0.9, cross-entropy; for each epoch one augmented
# batch, forward, loss, `zero_grad`, `backward`, `step`, and a print of epoch, loss and accuracy *of
# that batch*. First the surgery, and a snapshot to compare with.

# %%
network = vt.backbone("mini_resnet", classes=8)
network.reset_head(seed)
before = vt.analysis.take_snapshot(network)
network.requires_grad_(False).head.requires_grad_(True)
optimiser = torch.optim.SGD(network.head.parameters(), lr=0.001, momentum=0.9)
criterion = torch.nn.CrossEntropyLoss()

# %% [markdown]
# Then the loop. Augmentation is a flip, a small shift and a little change of brightness and contrast, the
# batch has sixteen images. The network is in training mode, as every new PyTorch module is. The digits
# that it prints depend a little on the machine.

# %% tags=["nbval-ignore-output"]
network.train()
for epoch in range(10):
    index = torch.randperm(len(labels))[:16]
    images = vt.Augment().view(task.train.pixels[index], index, seed, epoch + 1)
    logits = network(network.normalise(images))
    loss = criterion(logits, labels[index])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    batch_accuracy = (logits.argmax(1) == labels[index]).float().mean().item()
    print(f"epoch {epoch} loss {loss:.2f} accuracy {batch_accuracy:.2f}")
article = network.eval()

# %% [markdown]
# The **second fault** is the one that this lesson is named after. We hold every stage against the
# snapshot: how long is the change, as a share of the length before?

# %% tags=["nbval-ignore-output"]
drift = vt.analysis.measure_movement(before, article)
drift.round(3)

# %%
frozen = drift.drop("head")
vt.claim("no weight of a frozen stage moved by a single bit", (frozen.weights == 0).all())
vt.claim("the BatchNorm statistics of every frozen stage moved by more than 1 %",
         (frozen.statistics > 0.01).all(), least=frozen.statistics.min())
moved.reveal("the BatchNorm statistics")

# %% [markdown]
# How can a mean move that nobody trains? After every batch, each BatchNorm layer takes nine tenths of
# its old running mean and one tenth of the batch's. Ten batches replace two thirds of what pretraining
# had left there. `requires_grad` has no say in it, since no gradient is involved; only the mode has.
#
# And it matters: the same test image now gives other features, although "the backbone is frozen". The
# head was trained on features that nobody will ever see again, because each step normalised its batch
# with that batch's own means. A cache of features from before would be wrong, too.

# %%
fresh = vt.backbone("mini_resnet", classes=8)
pixels = test.pixels[::3]
then, now = vt.activations(fresh, pixels), vt.activations(article, pixels)
change = ((now - then).norm() / then.norm()).item()
vt.claim("the frozen stages' features of the same images moved by more than 3 %", change > 0.03,
         change=change)

# %% [markdown]
# The **third fault**: one batch is not an epoch. An epoch is a pass over all training images. What the
# article calls one shows the network sixteen of forty, drawn anew each time: after ten of them some
# images have come six times or more, others at most twice, and "ten epochs" are four. With a real data
# set of ten thousand photographs and batches of 32, "ten epochs" would show three images in a hundred.

# %%
print(f"one of the article's epochs shows {len(index)} of {len(labels)} images")

# %% [markdown]
# The **fourth fault**: loss and accuracy are those of the batch just trained on. How little that says
# is easily shown: give the forty images *random labels*, which nobody can learn anything from, and
# train a head on their frozen features.

# %%
features = vt.activations(fresh, task.train.pixels)
nonsense = labels[torch.randperm(len(labels))]
head = torch.nn.Linear(256, 8)
optimiser = torch.optim.AdamW(head.parameters(), lr=0.01)
for step in range(1000):
    optimiser.zero_grad()
    criterion(head(features), nonsense).backward()
    optimiser.step()

# %% [markdown]
# The **fifth fault** is what hides the fourth: there is no test set. Ours knows at once.

# %%
on_batch = (head(features).argmax(1) == nonsense).double().mean().item()
guesses = head(vt.activations(fresh, test.pixels)).argmax(1)
on_test = (guesses == test.labels).double().mean().item()
vt.claim("random labels: over 95 % on the images trained on, under 40 % on the test set",
         on_batch > 0.95 and on_test < 0.4, on_batch=on_batch, on_test=on_test)

# %% [markdown]
# Now the corrected loop, still in plain PyTorch. It takes the parts that learn. Everything else gets
# no gradient *and* goes to evaluation mode; an epoch is all images, in batches, in a new order; the
# rate warms up and falls, and it is large enough to get somewhere. The order is drawn from a generator
# of its own, so that the library can draw the same one.

# %%
def schedule(step, steps):
    rise = max(1, round(0.1 * steps))
    share = torch.tensor((step - rise) / max(1, steps - rise))
    return (step + 1) / rise if step < rise else 0.5 * (1 + torch.cos(torch.pi * share)).item()

# %%
def train(network, parts, epochs, rate=1e-3, batch=32):
    network.requires_grad_(False).eval()
    for part in parts:
        part.requires_grad_(True).train()
    optimiser = torch.optim.AdamW([p for part in parts for p in part.parameters()], lr=rate, weight_decay=0.01)
    batches = -(-len(labels) // batch)  # of one size: a last batch of two would mislead BatchNorm
    steps, order = epochs * batches, lesson_04.make_generator(seed, "batches")
    rates = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: schedule(step, steps))
    for _ in range(epochs):
        for index in torch.randperm(len(labels), generator=order).tensor_split(batches):
            logits = network(network.normalise(task.train.pixels[index]))
            optimiser.zero_grad()
            criterion(logits, labels[index]).backward()
            optimiser.step()
            rates.step()

# %% [markdown]
# First the article's own case, the head alone, for fifteen true epochs, judged on the test set.

# %%
corrected = vt.backbone("mini_resnet", classes=8)
corrected.reset_head(seed)
train(corrected, [corrected.head], epochs=15, rate=0.01)
ours, theirs = (vt.evaluate(n.eval(), test.pixels, test.labels)
                for n in (corrected, article))
vt.claim("on the test set the corrected loop is ahead of the article's by more than 0.1",
         ours > theirs + 0.1, ours=ours, theirs=theirs)

# %% [markdown]
# We did not separate the causes of that gap; the small rate, the few batches and the optimiser are
# likely to weigh more than BatchNorm. Faults come together, and whoever prints no test accuracy sees
# none of them.

# %% [markdown]
# ## With vtlab
#
# In the library the whole of it is one line. The head alone has a shorter way (it is *solved*, lesson
# 01), so we compare where there is something to freeze and something to train: the head and the last
# stage. Our loop is the **plain recipe**: a random head, one rate for all that learns, batches of 32. By
# hand first.

# %%
by_hand = vt.backbone("mini_resnet", classes=8)
by_hand.reset_head(seed)
train(by_hand, [by_hand.stages["stage4"], by_hand.head], epochs=6)

# %% [markdown]
# And the line. `vt.plain` asks for the plain recipe (`vt.partial(1)` has a better one of its own, which
# solves the head first; lesson 07). The line is told to leave out augmentation, and half precision, which
# our loop does not use.

# %%
by_vtlab = vt.backbone("mini_resnet", classes=8)
start = vt.analysis.take_snapshot(by_vtlab)
by_line = vt.plain(vt.partial(1))
records = list(vt.fit(by_vtlab, task, by_line, seed=seed, epochs=6, augment=None, bfloat16=False))

# %%
mine, its = (vt.predict(n, pixels, bfloat16=False) for n in (by_hand, by_vtlab))
apart = (mine - its).abs().mean().item()
vt.claim("both loops give the same probabilities, to 0.01 on average", apart < 0.01, apart=apart)

# %% [markdown]
# The library kept what stages 1 to 3 make of the images, and did not run them again: what is truly
# frozen gives the same answer every time. That is only right because it *is* truly frozen.

# %%
its_drift = vt.analysis.measure_movement(start, by_vtlab)
still = its_drift.loc[["stem", "stage1", "stage2", "stage3"]]
vt.claim("under vtlab no bit of a frozen stage moved, statistics included", (still == 0).all(axis=None))

# %% [markdown]
# ## Explore
#
# The figure shows both trainings. A hollow mark did not move at all. On the left only the weights are
# frozen, on the right all of a frozen stage. Would you see the difference in a printed loss?

# %%
vt.plots.movement({"the article's loop": drift, "vtlab, partial": its_drift})

# %% [markdown]
# If a loop of your own has this fault, one line mends it: after every `model.train()`, call `.eval()`
# on each module that is frozen. It must be *after*, and in every epoch, since `train()` reaches all
# modules inside. A network of this package does it by itself once it was frozen with
# `network.freeze(…)`, which takes the names of what learns, or by a strategy, as `fit` does: then its
# `train()` leaves frozen stages in evaluation mode. Setting `requires_grad` by hand, as above, does not
# tell it. Other libraries have the same rule under other names; in Keras, for one, `trainable = False`
# on a BatchNorm layer means both halves.
#
# Fit a fresh network with `vt.surgical("stage1")` instead, and hand its `vt.analysis.measure_movement` to
# `vt.plots.movement`: stage 1 and the head move, and nothing else does, not even the stages between them.

# %% [markdown]
# ## Look inside
#
# What does freezing save? That follows from the shapes, before anything is trained. Forward, every
# stage costs its multiply-adds (the table counts them for one image). Backward, a stage that learns
# costs as much again for the gradients of its weights, and once more for the gradient that it hands
# back. Where nothing in front of it learns, the layers that read its input (the first convolution and the
# shortcut's) are spared that; further in, the gradient is still handed back, so that stage 4 costs 2.6
# times its forward pass here. A frozen front that is kept costs nothing at all per step.

# %%
table = vt.costs.cost_table(fresh, vt.partial(1))
print(table[["weights", "learn", "forward", "step"]].to_string())

# %% [markdown]
# Prediction is cheap, so let us hold it against what happens: torch counts the operations and the bytes
# that it keeps for the backward pass while it really trains. `step` is multiply-adds for one image,
# `activations` are those bytes for a batch of 32, `optimiser` is gradients and AdamW's two running
# means.

# %%
speed = vt.costs.calibrate_costs(fresh, bfloat16=False)
ways = (vt.probe, vt.partial(1), vt.surgical("stage1"), vt.full)
measured = {way.name: vt.costs.measure_step(fresh, way, bfloat16=False) for way in ways}
predicted = {way.name: vt.costs.cost_table(fresh, way, speed=speed).sum() for way in ways}
for way, real in measured.items():
    print(f"{way:16s} {real['step'] / 1e6:6.1f} M multiply-adds, {real['activations'] / 1e6:5.1f} MB kept")

# %%
exact = all(measured[way][kind] == predicted[way][kind]
            for way in measured for kind in ("learn", "step", "optimiser"))
kept = max(abs(measured[way]["activations"] / predicted[way]["activations"] - 1) for way in measured)
vt.claim("weights, operations and optimiser are predicted exactly, kept memory within 2 %",
         exact and kept < 0.02, kept=kept)

# %% [markdown]
# Seconds do not follow from shapes alone: they need to know the machine. `calibrate_costs`, above, timed
# each stage forward and backward, and the table adds up the parts that a strategy needs. The digits are
# those of the machine that ran this page; where other work slows it between the two measurements, all
# predictions are off by one factor.

# %% tags=["nbval-ignore-output"]
for way, real in measured.items():
    print(f"{way:16s} {1000 * real['seconds']:5.0f} ms a step, {1000 * predicted[way].seconds:5.0f} predicted")

# %% [markdown]
# Is all this a matter of our small network? `mobilenet_v2` is one that people use on photographs. If
# you have a file with its weights, put it below `weights/` in a folder and name that folder in the
# environment variable `VTLAB_TEST_DATA`; without one the weights are random. A single forward pass in
# training mode, without any gradient, is enough.

# %%
from pathlib import Path

file = Path(os.environ.get("VTLAB_TEST_DATA", "")) / "weights" / "mobilenet_v2.pth"
mobile = vt.backbone("mobilenet_v2", classes=8, weights=file if file.is_file() else None)
start = vt.analysis.take_snapshot(mobile)
with torch.no_grad():
    mobile.train()(mobile.normalise(task.train.pixels))

# %% tags=["nbval-ignore-output"]
print("weights:", mobile.origin)
vt.analysis.measure_movement(start, mobile).round(3)

# %% [markdown]
# Its costs need no weights at all, only shapes. At 224 pixels; operations for one image, memory for a batch
# of 32:

# %%
for way in (vt.probe, vt.partial(1), vt.full):
    step = vt.costs.cost_table(mobile, way, image_size=224).sum()
    print(f"{way.name:8s} {step.step / 1e6:5.0f} M multiply-adds, {step.activations / 1e6:5.0f} MB kept")

# %% [markdown]
# Look at the last column: the activations of full training would not fit into the memory of a small
# virtual machine, those of the last stage would. Memory is often what decides, before time does; and
# what fills it are the activations of the early stages with their large maps, and not the weights.

# %% [markdown]
# ## What we saw
#
# Freezing saves where it cuts the network short. A frozen stage *behind* one that learns saves only the
# gradients of its own weights, at most a third of its operations, and hardly any of the memory for
# activations, since gradients must pass through it.

# %%
last, first, everything = (measured[way]["step"] for way in ("partial", "surgical(stage1)", "full"))
vt.claim("the last stage alone costs under 40 % of full; the first alone over 60 %",
         last < 0.4 * everything and first > 0.6 * everything, last=last, first=first)

# %%
real, guessed = (seconds["partial"]["seconds"] / seconds["full"]["seconds"]
                 for seconds in (measured, predicted))
vt.claim("a step of partial takes under 70 % of a step of full: measured, and predicted",
         real < 0.7 and guessed < 0.7, real=real, guessed=guessed)

# %% [markdown]
# The seconds follow the operations, though not exactly: a stage with large maps and few channels keeps a
# processor waiting for memory. That is why `calibrate_costs` measures every stage for itself, and does
# not divide one number of operations by one speed.
#
# What does freezing *cost*? It fixes the features. Where they fit the target, that need cost nothing: with
# few images nothing was won by letting them go, and by a poor recipe much is lost (lesson 07). Where they do
# not fit, no head can mend them. Two stored tables show both ends, with five images of each class and the same
# weights, the garden's. On new plants full fine-tuning has no edge over the probe. On photographs of ten hand
# signs, which are like nothing in a garden, it has a large one.

# %%
plants, photographs = lesson_04.shots_table("garden"), lesson_04.real_table()
hands = photographs[(photographs.data == "hands") & (photographs.start == "garden")]

def edge(runs):
    accuracy = runs[runs.shots == 5].pivot(index="seed", columns="strategy", values="test_accuracy")
    return (accuracy.full - accuracy.probe).dropna()

near, far = edge(plants), edge(hands)
print(f"full less probe: plants {near.mean():.2f} ({len(near)} seeds), hand signs {far.mean():.2f} ({len(far)})")
vt.claim("full is not two points ahead of the probe on plants, and more than ten on hand signs",
         near.mean() < 0.02 and far.mean() > 0.1, near=near.tolist(), far=far.tolist())

# %% [markdown]
# ## Caveats
#
# Statistics that move are not always bad. On images that look different from the source, letting
# BatchNorm adapt can help. But then do it knowingly, and say so: it is a strategy, and not freezing.
# Networks without BatchNorm (most transformers) know no such trap, though dropout has a training mode
# as well. Seconds depend on the machine and on who else is using it; operations and bytes do not. Black
# images were timed, and a processor multiplies zeros no faster.

# %% [markdown]
# ## Exercises
#
# **04.1 Write a function.** `freeze(module)` should freeze one stage in the strong sense: no gradient,
# and no statistics that move when it is run. Return the module.

# %%
def freeze(module):
    return ...

vt.check("04.1", freeze)

# %% [markdown]
# **04.2 Count.** A convolution with 3 × 3 kernels turns 16 channels into 32, and its output has 8 × 8
# cells. How many multiply-adds is one training step for one image, if it learns and stages in front of
# it learn, too?

# %%
operations = ...
vt.check("04.2", operations)

# %% [markdown]
# **04.3 Explain a surprise.** Somebody freezes all stages correctly, then calls `model.train()` before
# each epoch "to be safe". What happens in a plain PyTorch model? (a) Nothing: gradients are still off.
# (b) The weights learn again. (c) The statistics move again. Answer with a letter.

# %%
letter = ...
vt.check("04.3", letter)

# %% [markdown]
# ## In short
#
# - `requires_grad = False` freezes weights. BatchNorm's statistics move all the same in training mode,
#   and with them the features.
# - An epoch is all images; accuracy on the batch just trained on says little about new images; a test set
#   tells.
# - What is truly frozen in front need not be run twice: that is where freezing saves seconds. It saves
#   operations, memory and optimiser state in proportion to what it cuts off, and fixes the features.
#
# Next: lesson 05 asks how many images it takes until training everything is worth it.

# %% [markdown]
# ## References
#
# - Ioffe, Szegedy (2015), *Batch normalization*: running statistics and where they come from.
# - He, Zhang, Ren, Sun (2016), *Deep residual learning*: ResNet-50.
# - Loshchilov, Hutter (2019), *Decoupled weight decay regularization*: AdamW.
# - Kumar et al. (2022), *Fine-tuning can distort pretrained features.*
