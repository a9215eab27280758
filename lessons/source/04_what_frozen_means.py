# %% [markdown]
# # 04 · What does "frozen" mean, and is it true?
#
# "Freeze the backbone and train the head" is the advice that everybody gives. Many tutorials show how in
# twenty lines of PyTorch, and so does the article that this course follows. Its lines stand below. They
# run, and they print a loss that falls. They also hold five faults. We find them one by one, and then we
# ask what each of them *costs*.

# %% [markdown]
# ## You will
#
# - see a [frozen](glossary.md#frozen) network forget what a photograph shows, and find out why;
# - run the loop of the article as it stands, find five faults, and measure the price of each one;
# - predict what freezing saves in operations, memory and seconds, and check it.
#
# You need lesson 01 and some PyTorch. About 25 minutes of reading, one of computing on two
# processor cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import torch
import vtlab as vt
from vtlab.course import lesson_04

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# A network holds two kinds of numbers. **Weights** are changed by the optimiser, along gradients.
# **[Buffers](glossary.md#buffer)** are stored beside them and get no gradient. To freeze a network, most
# programs write one line: `requires_grad = False`. Then no weight gets a gradient. Is such a network
# really frozen?

# %% [markdown]
# ## Look
#
# Here is EfficientNet-Lite0, which has learnt from ImageNet's photographs. We freeze it by that one line
# and show it ten batches of sixteen drawings of plants. There is no loss, no gradient and no optimiser.
# Before and after, we ask what it sees on two photographs. (They come with scikit-learn, from Flickr's
# danielbuechele and vultilion, CC BY 2.0. The drawings have 96 pixels a side, which is quick.)

# %%
task = vt.task("garden", shots=5, seed=seed)
labels = task.train.labels
photographs, classes = lesson_04.sample_photographs(), lesson_04.imagenet_names()
network = vt.backbone("efficientnet_lite0", classes=None).requires_grad_(False)
before = vt.predict(network, photographs)

# %%
drawings = torch.nn.functional.interpolate(task.train.pixels.float(), size=96)
network.train()  # as every training loop begins
for batch in range(10):
    network(network.normalise(drawings[torch.randperm(40)[:16]]))
after = vt.predict(network.eval(), photographs)
lesson_04.plot_namings(photographs, {"before": before, "after ten batches": after}, classes)

# %%
palace = classes.index("palace")
vt.claim("ten batches, without any gradient, take more than half of the palace's probability",
         after[0, palace] < before[0, palace] / 2, before=before[0, palace], after=after[0, palace])

# %% [markdown]
# Nothing was trained, and the network has forgotten what a palace is. (A dahlia is no class of ImageNet;
# "daisy" is a fair answer.) Keep this in mind while you read the article's program, in short.
# `augment`, `batch_images`, `batch_labels` and `num_classes` are the reader's own:
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
# It takes a ResNet-50, replaces its last layer `fc`, and freezes the rest. The **first fault** is the
# argument `pretrained=True`: torchvision has replaced it by `weights=`. Today it only warns. We keep the
# warning in a string and look whether it is there. (With random weights, nothing is downloaded.)

# %%
import contextlib
import io
from torchvision.models import resnet50

with contextlib.redirect_stderr(io.StringIO()) as said:
    model = resnet50(pretrained=False)
vt.claim("torchvision says that the argument is deprecated", "deprecated" in said.getvalue())

# %% [markdown]
# Now the article's surgery, and a count: how many weights learn, how many are frozen, and how many
# numbers in buffers are neither?

# %%
model.fc = torch.nn.Linear(model.fc.in_features, 8)
for parameter in model.parameters():
    parameter.requires_grad = False
model.fc.weight.requires_grad = model.fc.bias.requires_grad = True

# %%
learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
weights = sum(p.numel() for p in model.parameters())
buffers = sum(b.numel() for b in model.buffers())
print(f"{learning:,} of {weights:,} weights learn, and there are {buffers:,} numbers in buffers")

# %% [markdown]
# ## Predict
#
# For the rest we take the small residual network of lesson 01. It is built like its big sister, only its
# last layer is called `head`, and it has learnt from drawings of plants. The article freezes everything
# but the last layer and trains for ten of its epochs. Which numbers of the five frozen stages will have
# changed?

# %%
moved = vt.guess("What will have moved in the frozen stages?",
                 ["nothing", "the weights", "the BatchNorm statistics, in the buffers", "both"])
moved

# %% [markdown]
# ## By hand, once
#
# Here is the article's loop as it stands, with our network and our images. First the surgery, and a
# snapshot to compare with.

# %%
network = vt.backbone("mini_resnet", classes=8)
network.reset_head(seed)
snapshot = vt.analysis.take_snapshot(network)
network.requires_grad_(False).head.requires_grad_(True)
optimiser = torch.optim.SGD(network.head.parameters(), lr=0.001, momentum=0.9)
criterion = torch.nn.CrossEntropyLoss()

# %% [markdown]
# Then the loop, line by line: one batch of sixteen images, which is augmented anew in each epoch. The
# network is in training mode, as every new PyTorch module is.

# %% tags=["nbval-ignore-output"]
index = torch.randperm(len(labels))[:16]
batch_images, batch_labels = task.train.pixels[index], labels[index]
network.train()
for epoch in range(10):
    images = vt.Augment().view(batch_images, index, seed, epoch + 1)
    outputs = network(network.normalise(images))
    loss = criterion(outputs, batch_labels)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    accuracy = (outputs.argmax(1) == batch_labels).float().mean()
    print(epoch, round(loss.item(), 2), round(accuracy.item(), 2))
article = network.eval()

# %% [markdown]
# The loss falls. Now we hold every stage against the snapshot: how long is the change, as a share of the
# length before? A hollow mark did not move by a single bit.

# %%
drift = vt.analysis.measure_movement(snapshot, article)
vt.plots.movement({"the article's loop: frozen stages move": drift})

# %%
frozen = drift.drop("head")
vt.claim("no weight of a frozen stage moved by a single bit", (frozen.weights == 0).all())
vt.claim("the BatchNorm statistics of every frozen stage moved by more than 1 %",
         (frozen.statistics > 0.01).all(), moved=frozen.statistics)
moved.reveal("the BatchNorm statistics, in the buffers")

# %% [markdown]
# That is the **second fault**, and it is what emptied the palace. A
# [BatchNorm](glossary.md#batchnorm) layer keeps a running mean and a running variance of every channel
# ([BatchNorm statistics](glossary.md#batchnorm-statistics)). In *training mode* it normalises a batch
# with that batch's own mean, and then moves the running one: nine tenths of the old value, one tenth of
# the batch's. In *evaluation mode* it uses the running ones. `requires_grad` does not matter here; only
# `train()` and `eval()` do. Ten batches replace two thirds of what pretraining had left (1 − 0.9¹⁰ =
# 0.65). Our drawings are much like those of pretraining, so two thirds are replaced by nearly the same:
# the figure shows a few percent. For EfficientNet the drawings were another world.
#
# So "frozen" should say two things: **no gradient, and statistics that do not move**. Otherwise the same
# image gets other features from one step to the next. The head learns from features that it will never
# see again, and a cache of features would be wrong.

# %%
fresh = vt.backbone("mini_resnet", classes=8)
test = task.test[torch.arange(0, len(task.test), 2)]  # enough for these differences
then, now = (vt.activations(n, test.pixels[::3]) for n in (fresh, article))
change = ((now - then).norm() / then.norm()).item()
vt.claim("the features of the same test images moved by more than 3 %", change > 0.03, change=change)

# %% [markdown]
# The **third fault**: one batch is not an epoch. An [epoch](glossary.md#epoch) is a pass over all
# training images. This loop sees sixteen images of forty, and never another one. Augmentation changes
# them, but a species that is not among the sixteen is never learnt. And "ten epochs" are ten steps.

# %%
missing = set(range(8)) - set(batch_labels.tolist())
vt.claim("fewer than half of the training images are ever seen", len(index) < len(labels) / 2,
         seen=len(index), there=len(labels), species_never_seen=len(missing))

# %% [markdown]
# The **fourth fault** is the learning rate: 0.001 with plain [SGD](glossary.md#sgd) may do for thousands
# of steps. In ten steps the head hardly leaves its random start.
#
# The **fifth fault** hides the others: the loop prints its accuracy *on the batch that it has just
# trained on*, and there is no test set. How little such a number says is easily shown. We give the forty
# images *random labels*, which nobody can learn anything from, and train a head on their features. The
# head has 2,056 numbers to fit forty labels, so it can learn them by heart. A test set notices at once.

# %%
features = vt.activations(fresh, task.train.pixels)
nonsense = labels[torch.randperm(len(labels))]
head = torch.nn.Linear(256, 8)
optimiser = torch.optim.AdamW(head.parameters(), lr=0.01)
for step in range(1000):
    optimiser.zero_grad()
    criterion(head(features), nonsense).backward()
    optimiser.step()

# %%
on_batch = (head(features).argmax(1) == nonsense).double().mean().item()
guesses = head(vt.activations(fresh, test.pixels)).argmax(1)
on_test = (guesses == test.labels).double().mean().item()
vt.claim("random labels: over 95 % on the images trained on, near chance on the test set",
         on_batch > 0.95 and on_test < 0.3, on_its_own_images=on_batch, on_the_test_set=on_test, chance=task.chance)

# %% [markdown]
# Now the **corrected loop**, still in plain PyTorch. It is told which parts learn. Everything else gets
# no gradient *and* goes to evaluation mode. An epoch is all images, in a new order, in batches of one
# size. The rate warms up and falls, and it is large enough to get somewhere. (The order comes from its
# own generator, so that the library can draw the same one.)

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
# The article's own case, the head alone, for fifteen true epochs:

# %%
corrected = vt.backbone("mini_resnet", classes=8)
corrected.reset_head(seed)
train(corrected, [corrected.head], epochs=15, rate=0.01)
its_drift = vt.analysis.measure_movement(snapshot, corrected.eval())
vt.plots.movement({"the article's loop": drift, "the corrected loop: only the head moves": its_drift})

# %%
vt.claim("under the corrected loop no bit of a frozen stage moved, statistics included",
         (its_drift.drop("head") == 0).all(axis=None))
ours, theirs = (vt.evaluate(n, test.pixels, test.labels) for n in (corrected, article))

# %%
vt.claim("on the test set the corrected loop is ahead of the article's by more than 20 points",
         ours > theirs + 0.2, corrected=ours, article=theirs)

# %% [markdown]
# A large gap, and several faults mended at once. Which of them costs the most? The corrected loop can be
# run again with one fault switched on at a time: that is an *ablation*. Guess first.

# %%
dearest = vt.guess("Which fault, alone, costs the most test accuracy?",
                   ["statistics move", "one batch: sixteen images for ever", "ten steps in place of thirty",
                    "small rate: SGD at 0.001"])
dearest

# %% [markdown]
# The committed table `faults_table` has the head trained with every combination of these four faults,
# with eight seeds (`python data/make/faults.py` makes it; `pretrained=True` costs a warning and no
# accuracy). At the left, the price of each fault alone, of two together, and of all four. At the right,
# the accuracy that the loop prints (hollow) and the one on the test set (filled).

# %%
table = lesson_04.faults_table()
lesson_04.plot_fault_prices(table)

# %%
prices = lesson_04.fault_prices(table)
cost = {name: price.mean for name, price in prices.items()}
vt.claim("alone, the single batch costs most",
         max(cost["statistics move"], cost["ten steps"], cost["small rate"]) < cost["one batch"], **prices)
vt.claim("statistics that move cost something, and less than five points",
         prices["statistics move"].low > 0 and prices["statistics move"].high < 0.05)

# %%
vt.claim("ten steps and a small rate cost together more than four times what they cost one by one",
         cost["ten steps, small rate"] > 4 * (cost["ten steps"] + cost["small rate"]))
dearest.reveal("one batch: sixteen images for ever")

# %% [markdown]
# Three surprises:
#
# - The fault that this lesson is named after costs little here, though its interval leaves out zero. These
#   images are near the source, so the statistics move to nearly the same place. The photographs of the
#   first figure paid more.
# - **Prices do not add up.** Ten steps are nearly enough at a good rate, and a small rate is nearly good
#   enough in thirty steps. Together they lose most of what there is to lose.
# - The printed accuracy hides it. One batch for ever prints the best number of all.
#
# So change one thing at a time, and judge by a test set. A fault may look harmless, or a repair useless,
# only because of another fault.

# %% [markdown]
# ## With vtlab
#
# In the library the whole loop is one line. The head alone has a shorter way (it is *solved*, lesson 01).
# So we compare where there is something to freeze and something to train: the head and the last stage.
# Our loop is the [plain recipe](glossary.md#plain-recipe): a random head, one rate for all that learns,
# batches of 32. The line is told to leave out augmentation and half precision, which our loop does not
# use.

# %%
by_hand, by_vtlab = (vt.backbone("mini_resnet", classes=8) for _ in range(2))
by_hand.reset_head(seed)
train(by_hand, [by_hand.stages["stage4"], by_hand.head], epochs=6)
line = vt.plain(vt.partial(1))
records = list(vt.fit(by_vtlab, task, line, seed=seed, epochs=6, augment=None, bfloat16=False))

# %%
mine, its = (vt.predict(n, test.pixels[::3], bfloat16=False) for n in (by_hand, by_vtlab))
apart = (mine - its).abs().mean().item()
vt.claim("both loops give the same probabilities, to 0.01 on average", apart < 0.01, difference=apart)

# %%
still = vt.analysis.measure_movement(snapshot, by_vtlab).loc["stem":"stage3"]
vt.claim("under vtlab no bit of a frozen stage moved, statistics included", (still == 0).all(axis=None))

# %% [markdown]
# The library kept what stages 1 to 3 make of the images (it *cached* them) and did not run these stages
# again. That is only right because they are truly frozen.
#
# If a loop of your own has this fault, one line mends it: after every `model.train()`, call `.eval()` on
# each module that is frozen. It must come *after*, and in every epoch, since `train()` reaches all modules
# inside. A network of this package does it by itself once it was frozen by `network.freeze(…)`, which
# takes the names of what learns, or by a strategy. Other libraries have the same rule under other names:
# in Keras, `trainable = False` on a BatchNorm layer means both halves.

# %% [markdown]
# ## Explore
#
# What does freezing save? The panel says what a choice of learning stages costs, before anything is
# trained. Tick stages, press *Train and see what moves*, and compare. We choose stage 1 alone, the head
# always learns:

# %%
panel = vt.FreezePanel(vt.backbone("mini_resnet", classes=8), task, epochs=1)
last = panel.costs().sum()  # stage 4, which is ticked at first
panel.stages = ("stage1",)
first = panel.costs().sum()
panel.buttons["train"].click()
panel.wait()

# %% tags=["nbval-ignore-output"]
panel

# %%
vt.claim("stage 1 has under a tenth of the weights of stage 4, and a step costs more than twice as much",
         first.learn < last.learn / 10 and first.step > 2 * last.step,
         weights={"stage 1": int(first.learn), "stage 4": int(last.learn)},
         million_multiply_adds={"stage 1": first.step / 1e6, "stage 4": last.step / 1e6})

# %%
still = panel.movement.drop(["stage1", "head"])
vt.claim("the stages between stage 1 and the head did not move", (still == 0).all(axis=None))

# %% [markdown]
# ## Look inside
#
# Why is the early stage so expensive? Follow the arrows: grey is the forward pass, colour is the gradient
# on its way back.

# %%
ways = (vt.probe, vt.partial(1), vt.surgical("stage1"), vt.full)
parts = {"probe": ["head"], "partial": ["stage4", "head"], "surgical(stage1)": ["stage1", "head"],
         "full": [*fresh.stage_names, "head"]}
lesson_04.plot_ways_back(fresh.parts, parts)

# %% [markdown]
# A step is one forward pass and one way back. Count three costs for each part, each about as large as one
# forward pass through it:
#
# - the **forward pass** itself;
# - the gradient for its **weights**, if it learns;
# - the gradient for its **input**, if something in front of it learns.
#
# What is frozen *and* in front of all that learns costs nothing per step: it is cached. What is frozen
# *behind* a learning stage saves only one of the three, at most a third. That can be predicted from shapes
# alone. We hold it against what happens: torch counts the operations, and the bytes that it keeps for the
# backward pass, while it really trains.

# %%
speed = vt.costs.calibrate_costs(fresh, bfloat16=False)
measured = {way.name: vt.costs.measure_step(fresh, way, bfloat16=False) for way in ways}
predicted = {way.name: vt.costs.cost_table(fresh, way, speed=speed).sum() for way in ways}
lesson_04.plot_cost_forecast(predicted, measured)

# %%
exact = all(measured[way][kind] == predicted[way][kind]
            for way in measured for kind in ("learn", "step", "optimiser"))
kept = max(abs(measured[way]["activations"] / predicted[way]["activations"] - 1) for way in measured)
vt.claim("weights, operations, gradients and Adam's state are predicted exactly, kept memory within 2 %",
         exact and kept < 0.02, largest_error_of_memory=kept)

# %% [markdown]
# Seconds do not follow from shapes alone. `calibrate_costs` timed each stage on the machine that ran this
# page, and the table adds up the parts that a strategy needs. Other work on the machine shifts the dots.
#
# And a network for photographs? EfficientNet-Lite0 needs no training for this question, only its shapes:
# images of 224 pixels, memory for a batch of 32.

# %%
mobile = vt.backbone("efficientnet_lite0", classes=8)
large = {way.name: vt.costs.cost_table(mobile, way, image_size=224).sum()
         for way in (vt.probe, vt.partial(1), vt.full)}
gigabytes = {way: costs.activations / 1e9 for way, costs in large.items()}
vt.claim("full training keeps more than 2 GB for the way back, the last stage under a quarter of it",
         gigabytes["full"] > 2 and gigabytes["partial"] < gigabytes["full"] / 4, gigabytes=gigabytes)

# %% [markdown]
# Memory often decides before time does: a training that needs a second more per step still ends, and one
# that needs a gigabyte more than there is does not begin. What fills the memory are the activations of the
# early stages with their large maps, and not the weights.

# %% [markdown]
# ## What we saw
#
# Freezing saves where it cuts the network short. A frozen stage *behind* one that learns saves little.

# %%
steps = {way: cost["step"] / 1e6 for way, cost in measured.items()}
vt.claim("the last stage alone costs under 40 % of full; the first alone over 60 %",
         steps["partial"] < 0.4 * steps["full"] and steps["surgical(stage1)"] > 0.6 * steps["full"],
         million_multiply_adds=steps)

# %%
real, guessed = ({way: 1000 * costs[way]["seconds"] for way in ("partial", "full")} for costs in (measured, predicted))
vt.claim("a step of partial takes under 70 % of a step of full: measured, and predicted",
         max(time["partial"] / time["full"] for time in (real, guessed)) < 0.7,
         milliseconds_measured=real, milliseconds_predicted=guessed)

# %% [markdown]
# And what does freezing *cost*? It fixes the features. Where they fit the target, that need not cost
# anything. Where they do not fit, a linear head cannot mend them. Two stored tables show both ends, with five
# images per class and the same weights, the garden's: new plants, and photographs of ten hand signs, which
# are like nothing in a garden.

# %%
plants, photographs = lesson_04.shots_table("garden"), lesson_04.real_table()
hands = photographs[(photographs.data == "hands") & (photographs.start == "garden")]

def ahead(runs):
    accuracy = runs[runs.shots == 5].pivot(index="seed", columns="strategy", values="test_accuracy")
    return (accuracy.full - accuracy.probe).dropna()

near, far = ahead(plants), ahead(hands)
vt.claim("full is less than two points ahead of the probe on plants, and more than ten on hand signs",
         near.mean() < 0.02 and far.mean() > 0.1, plants=near.mean(), hand_signs=far.mean(), seeds=[len(near), len(far)])

# %% [markdown]
# ## Caveats
#
# Statistics that move are not always bad. On images that look different from the source, they can help:
# lesson 03 repaired a network by moving them. But then do it knowingly, and say so: it is a strategy, and
# not freezing. The price of a fault holds for this task, whose images are near the source; EfficientNet in
# the first figure paid more. Networks without BatchNorm (most transformers) do not have this fault, though
# dropout has a training mode as well. Seconds depend on the machine; operations and bytes do not.

# %% [markdown]
# ## Exercises
#
# **04.1 ●● Write a function.** `freeze(module)` should freeze one stage in the strong sense: no gradient,
# and no statistics that move when it is run. Return the module.
#
# <details><summary>Hint</summary>Two methods of <code>torch.nn.Module</code>, one for each
# half.</details>

# %%
def freeze(module):
    return ...

vt.check("04.1", freeze)

# %% [markdown]
# **04.2 ● Count.** A convolution with 3 × 3 kernels turns 16 channels into 32, and its output has 8 × 8
# cells. How many multiply-adds is one training step for one image, if it learns and stages in front of it
# learn, too?
#
# <details><summary>Hint</summary>One output cell of one channel sums over 16 × 3 × 3 numbers. Then count
# the three costs.</details>

# %%
operations = ...
vt.check("04.2", operations)

# %% [markdown]
# **04.3 ● Explain a surprise.** Somebody freezes all stages correctly, then calls `model.train()` before
# each epoch "to be safe". What happens in a plain PyTorch model? (a) The weights learn again. (b) The
# statistics move again. (c) Nothing: the gradients are still off. Answer with a letter.
#
# <details><summary>Hint</summary>What did <code>network.train()</code> do to EfficientNet, which had no
# gradient at all?</details>

# %%
letter = ...
vt.check("04.3", letter)

# %% [markdown]
# **04.4 ●●● An experiment: the best two repairs.** You inherit the article's loop with all four faults of
# `lesson_04.FAULTS`, and you may mend only two. Which two bring the most test accuracy back?
# `lesson_04.train_head(task, faults, seed)` trains a head with the faults that you name, in some seconds.
# Decide which runs you need, and with how many seeds. Answer with the two faults that you would mend and
# the mean test accuracy that is left, such as `("statistics move", "small rate", 0.42)`.
#
# <details><summary>Hint</summary>There are six pairs. One run each may mislead: forty images and one order
# are luck, too. Three seeds tell the pairs apart that differ by ten points.</details>

# %%
mended = ...
vt.check("04.4", mended)

# %% [markdown]
# **04.5 ●● Open: your own loop.** Take a training loop that you use. Copy the model's `state_dict()` before
# and compare after one epoch: which weights moved, and which buffers? Did you expect it?

# %% [markdown]
# ## In short
#
# - `requires_grad = False` freezes weights. BatchNorm's statistics move all the same in training mode, and
#   with them the features.
# - That fault cost little here. One batch for ever cost most, and two cheap faults together cost more than
#   that. Prices do not add up: switch faults off one at a time, and judge by a test set.
# - An epoch is all images. Accuracy on the batch just trained on says little about new ones.
# - What is truly frozen in front need not be run twice: there freezing saves. It also fixes the features.
#
# Next: lesson 05 asks how many images it takes until training everything is worth it.

# %% [markdown]
# ## References
#
# - Ioffe, Szegedy (2015), *Batch normalization*: running statistics and where they come from.
# - He, Zhang, Ren, Sun (2016), *Deep residual learning*: ResNet-50.
# - Tan, Le (2019), *EfficientNet*; its Lite0 is the network of the photographs.
# - Loshchilov, Hutter (2019), *Decoupled weight decay regularization*: AdamW.
# - Kumar et al. (2022), *Fine-tuning can distort pretrained features.*
