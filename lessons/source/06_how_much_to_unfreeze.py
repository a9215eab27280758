# %% [markdown]
# # 06 · How much should learn?
#
# A [linear probe](glossary.md#linear-probe) trains only the head, full fine-tuning trains everything. Between
# them lies a whole scale: the last stage, the last two, only the first, only the biases. The usual habit is
# to start at the head and to unfreeze one stage after another, until it stops helping. Is that the right
# direction? And is what stays frozen worth keeping at all?

# %% [markdown]
# ## You will
#
# - take a pretrained network apart and keep only its first stages, for a near and a far target;
# - change the world of a working network in three ways, and find the part to repair for each;
# - learn why a part that looks useless may only have had the wrong learning rate.
#
# You should know lessons 01 and 04. About 25 minutes of reading, one of computing on two processor
# cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import torch
import vtlab as vt
from vtlab.course import lesson_06

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# "How much to unfreeze" is three questions. Which [stages](glossary.md#stage) are **worth keeping**? Which of
# those should **go on learning**? And **which kind** of weights: all, or a few that steer the others?
#
# Yosinski et al. (2014) kept the first n layers of a trained network, gave the later ones random weights, and
# trained on another task: once with the kept layers [frozen](glossary.md#frozen), once with all trained. Lee et al.
# (2023) asked which part to train when a working network meets a changed world. We do both.

# %% [markdown]
# ## Look
#
# The near target is our garden: eight new species, drawn as in pretraining. The far target is scikit-learn's
# handwritten digits, without petals or colours ([near and far targets](glossary.md#near-and-far-targets)). We
# have five images per class of each. Here is one of each species, and of eight of the ten digits.

# %%
garden, digits = vt.task("garden", shots=5, seed=seed), vt.task("digits", shots=5, seed=seed)
vt.plots.image_rows({"garden": garden.train.pixels[::5], "digits": digits.train.pixels[:40:5]})

# %% [markdown]
# ## Predict
#
# For the digits we keep the first n of five stages frozen and give the others random weights. We count from the
# image: stem, stage 1, …, stage 4. With n = 0 that is training [from scratch](glossary.md#from-scratch), with
# n = 5 the linear probe. Which n gives the best accuracy on new digits?

# %%
best = vt.guess("How many pretrained stages are worth keeping for the digits?",
                ["at most two", "three", "four", "all five"])
best

# %% [markdown]
# ## By hand, once
#
# The operation is a transplant. We take a network with random weights and copy the
# [stem](glossary.md#stem) of the pretrained one into it. A stage's `state_dict` holds its weights and its
# [BatchNorm statistics](glossary.md#batchnorm-statistics); both must move.

# %%
pretrained = vt.backbone("mini_resnet", classes=10)
patient = vt.backbone("mini_resnet", classes=10, weights=None)
for name in pretrained.stage_names[:1]:
    patient.stages[name].load_state_dict(pretrained.stages[name].state_dict())

# %% [markdown]
# Then we freeze the kept stage as in lesson 04: no gradients, and evaluation mode, so that its statistics stay.
# The rest learns at one rate in ten steps, each from one half of the digits.

# %%
kept = patient.stages["stem"].requires_grad_(False)
optimiser = torch.optim.AdamW([p for p in patient.parameters() if p.requires_grad], lr=0.001)
inputs, labels = patient.normalise(digits.train.pixels), digits.train.labels
for step in range(10):
    patient.train()
    kept.eval()
    half = slice(step % 2, None, 2)
    loss = torch.nn.functional.cross_entropy(patient(inputs[half]), labels[half])
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

# %%
some = digits.test[torch.arange(0, len(digits.test), 3)]  # a third of the test images, to save time
by_hand = vt.evaluate(patient, some.pixels, some.labels)
intact = all(torch.equal(a, b) for a, b in zip(pretrained.stages["stem"].state_dict().values(),
                                               kept.state_dict().values()))
vt.claim("the kept stage is still the pretrained one, and the rest has learnt something",
         intact and by_hand > 2 * digits.chance, accuracy=by_hand, chance=digits.chance)

# %% [markdown]
# ## With vtlab
#
# `backbone_with_first_stages(n, classes, seed)` does this transplant, `vt.surgical` names the stages that learn
# beside the head, and `vt.plain` asks for the [plain recipe](glossary.md#plain-recipe), which is our loop's: a
# random head and one rate for all. We train with one stage kept and frozen, and with all five, where only the
# head is left: a [solved head](glossary.md#solved-head). (Digits are shifted, but not flipped: a mirrored digit is
# no digit.)

# %%
def trained(network, strategy, epochs=None):
    for record in vt.fit(network, digits, strategy, seed=seed, epochs=epochs, augment=vt.Augment(flip=False)):
        pass
    return vt.evaluate(network, some.pixels, some.labels)

names = pretrained.stage_names
one = trained(lesson_06.backbone_with_first_stages(1, 10, seed), vt.plain(vt.surgical(*names[1:], rate=0.001)), 10)
five = trained(lesson_06.backbone_with_first_stages(5, 10, seed), vt.probe)

# %%
vt.claim("for digits one kept stage ends over 10 points above five frozen ones", one > five + 0.1,
         one_stage=one, five_stages=five)

# %% [markdown]
# ## Explore
#
# Click the parts of the network that should learn. The panel draws what each part costs, trains a copy of the
# network, and shows what moved. Compare *stage 4 only* with *stem only*: the same number of stages, but how many
# weights, and how much work?

# %%
panel = vt.FreezePanel(pretrained, digits, stages=("stem",), epochs=1)
panel.buttons["train"].click()
panel.wait()
still = panel.movement.drop(["stem", "head"]).fillna(0).to_numpy().max()
vt.claim("only the stem and the head moved, and no bit of the other stages", still == 0, moved_elsewhere=still)
panel

# %% [markdown]
# ## Look inside
#
# Now a network that already works: the pretrained stages, and a head solved for eight genera of plants, each
# shown by two species. (A **genus** is a group of related species.) Then its world changes in one of three
# ways, a [shift](glossary.md#shift): the pictures get noisy, or each genus shows two *other* species, or every
# genus gets its neighbour's name.

# %%
knowing = lesson_06.source_network(seed)
worlds = {"old world": lesson_06.genus_task("known", 3, seed),
          **{shift: lesson_06.shifted_task(shift, seed) for shift in ("noise", "species", "names")}}
vt.plots.image_rows({name: worlds[name].test.pixels[5:296:37] for name in ("old world", "species", "noise")})

# %%
before = {name: vt.evaluate(knowing, world.test.pixels, world.test.labels) for name, world in worlds.items()}
vt.claim("each of the three changes costs more than 25 points of accuracy",
         all(before["old world"] - value > 0.25 for name, value in before.items() if name != "old world"), **before)

# %% [markdown]
# (Swapped names change no picture. The network still gives the old names, so hardly an answer is right.)
#
# We get six images per genus of the new world, and may change **one part** of the network. Everything else
# stays frozen, the head too. Which part would you change against noise?

# %%
noisy = vt.guess("Which part repairs the network against noise best?",
                 ["the head", "stage 1", "no weight: BatchNorm's statistics", "the last two alike"])
noisy

# %% [markdown]
# `unfreeze_one_part(part, network, task, seed)` changes one part of a copy: a stage by thirty gradient
# [steps](glossary.md#step), the head by solving it.

# %%
def after(part, world):
    return lesson_06.unfreeze_one_part(part, knowing, worlds[world], seed)["test_accuracy"]

noise = {part: after(part, "noise") for part in ("head", "stage1")}
vt.claim("for noise stage 1 does over 10 points more than the head", noise["stage1"] > noise["head"] + 0.1,
         before=before["noise"], **noise)

# %% [markdown]
# It looks like repairing a machine: change the part that is broken. Noise enters with the image, so an early
# stage must change. But what did stage 1 repair? While it learnt, two things moved: its weights, and the means
# and variances that its BatchNorm layers keep (lesson 04). So we show the network the 48 noisy images **without
# a single step of training**, and let only those statistics follow, in all stages (Li et al. 2017):

# %%
statistics = after("statistics", "noise")
vt.claim("new statistics do over 10 points more than a solved head, and no weight changed",
         statistics > noise["head"] + 0.1, before=before["noise"], statistics=statistics, **noise)
noisy.reveal("the last two alike")

# %% [markdown]
# No weight, and no label either: the statistics need only images. (Three seeds below show no clear difference to stage
# 1.) When a camera changes, try this first. And for swapped names, which part?

# %%
renamed = after("head", "names")
vt.claim("for swapped names a new head brings back over four fifths of the loss",
         renamed - before["names"] > 0.8 * (before["old world"] - before["names"]),
         old_world=before["old world"], before=before["names"], head=renamed)

# %% [markdown]
# ## What we saw
#
# **Which stages are worth keeping?** The table `depth_table` has five seeds of the transplant (`python
# data/make/depth.py` trains it again): twenty epochs, which are forty steps, all at the rate 0.001. A small dot
# is a seed, a line joins means, a band is the 95 % interval of the mean.

# %%
table = lesson_06.depth_table()
lesson_06.plot_unfreezing_depth(table)

# %% [markdown]
# On the left each kept stage helps. On the right the late stages hurt. `lead` gives the
# [paired difference](glossary.md#paired-difference) of two ways with its 95 % interval. If the interval contains 0,
# there is no [clear difference](glossary.md#clear-difference).

# %%
def lead(first, second, seeds=table, **where):
    rows = seeds[(seeds[list(where)] == list(where.values())).all(axis=1)].sort_values("seed")
    runs = [rows[(rows[list(way)] == list(way.values())).all(axis=1)].test_accuracy.to_numpy()
            for way in (first, second)]
    return vt.metrics.paired_difference(*runs)

def depth(target, first, second):
    ways = [{"way": way, "stages": stages} for way, stages in (first, second)]
    return lead(*ways, part="depth", target=target)

# %%
fourth = depth("garden", ("frozen", 4), ("frozen", 3))
frozen = depth("garden", ("frozen", 5), ("fine-tuned", 5))
vt.claim("garden: the fourth kept stage still helps, and frozen stages do better than trained ones at this rate",
         fourth.low > 0 and frozen.low > 0, fourth_stage=fourth, frozen_minus_trained=frozen)

# %%
helps = depth("digits", ("frozen", 1), ("fine-tuned", 0))
costs = {f"stage {n - 1}": depth("digits", ("frozen", n - 1), ("frozen", n)) for n in (3, 4, 5)}
vt.claim("digits: one frozen stage beats scratch, and each stage from stage 2 on costs more than the one before",
         helps.low > 0 and costs["stage 2"].low > 0
         and costs["stage 2"].mean < costs["stage 3"].mean < costs["stage 4"].mean,
         one_minus_scratch=helps, cost=costs)
best.reveal("at most two")

# %% [markdown]
# **Does it help to let the kept stages learn?** For digits yes, but not enough:

# %%
learning = depth("digits", ("fine-tuned", 4), ("frozen", 4))
below = depth("digits", ("fine-tuned", 0), ("fine-tuned", 5))
vt.claim("digits, by this recipe: training the four kept stages helps, and yet all five end below scratch",
         learning.low > 0 and below.low > 0, trained_minus_frozen=learning, scratch_minus_full=below)

# %% [markdown]
# To know less would have been better: [negative transfer](glossary.md#negative-transfer). Is it the strategy, or the
# recipe? Here is the same strategy at ten times the rate and for sixty steps. (We found this rate by looking at test
# images. It shows what is possible, and is no result to quote.)

# %%
undone = trained(vt.backbone("mini_resnet", classes=10), vt.plain(vt.Strategy("full", rate=0.01)), epochs=30)
full, scratch = (table[(table.part == "depth") & (table.target == "digits") & (table.way == "fine-tuned")
                       & (table.stages == n)].test_accuracy.mean() for n in (5, 0))
vt.claim("digits: at ten times the rate full fine-tuning ends over 3 points above its mean in the table",
         undone > full + 0.03, at_this_rate=undone, in_the_table=full, scratch=scratch)

# %% [markdown]
# So a larger rate and more steps take back most of the loss. Scratch gains from a better recipe, too (lesson 05), so
# a part of it may remain.
# Negative transfer is *said* of a strategy and *measured* of a recipe.
#
# **Beside the paper.** Yosinski et al. had half of ImageNet as target and a larger network.
#
# - *Frozen, accuracy falls with depth, faster for the farther task.* [Shape
#   reproduced](glossary.md#shape-reproduced): digits yes, garden no.
# - *Trained, transfer ends above scratch at any depth.* Shape reproduced: garden yes, digits no (forty steps).
#
# The paper names **two causes** for the fall. Late layers are *specific* to the old task. And layers that were
# trained together fit one another: replacing the upper ones breaks this *co-adaptation*. A
# [control](glossary.md#control) separates the two: redraw the upper layers and train on the *old* task again. What is
# lost there cannot be specificity. We ran no such control; our curve shows both together.

# %% [markdown]
# **Which part for which shift?** All parts against all three changes. A cell is the mean of three seeds, with
# half of its 95 % interval; framed is the highest mean of a single part. Stages and *head by steps* were trained
# by thirty steps at the rate 0.001.

# %%
lesson_06.plot_unfreezing_by_shift(table)

# %%
def repair(shift, first, second):
    return lead({"way": first}, {"way": second}, part="shift", target=shift)

early = {part: repair("noise", part, "head") for part in ("stage1", "statistics")}
vt.claim("for noise stage 1 and new statistics are both over 10 points ahead of a new head",
         min(of.low for of in early.values()) > 0.1, ahead_of_head=early)
tie = repair("noise", "stage1", "statistics")
vt.claim("between these two there is no clear difference", tie.low < 0 < tie.high, stage1_minus_statistics=tie)
species = {name: repair("species", "head", name) for name in names}
vt.claim("for other species the solved head is ahead of every stage", min(of.low for of in species.values()) > 0,
         head_minus=species)

# %% [markdown]
# The row *names swapped* looks clear: only the solved head helps. But look at its two heads. The same part, once
# solved, once trained by thirty small steps: 85 % against 2 %. Does the row compare parts, or rates? Guess before you
# look: what does **stage 4**, at ten times the rate, make of swapped names?

# %%
swapped = vt.guess("Names swapped: stage 4 trained at 0.01 instead of 0.001?",
                   ["as bad as before, the head must learn them", "half way to the solved head",
                    "within ten points of the solved head"])
swapped

# %%
faster = lesson_06.repairs_table()
lesson_06.plot_repair_rates(faster, table)

# %%
solved = table[(table.part == "shift") & (table.target == "names") & (table.way == "head")].test_accuracy.mean()
means = faster.groupby(["part", "rate"]).test_accuracy.mean()
vt.claim("at ten times the rate stage 4 repairs swapped names almost as well as a solved head",
         means["stage4", 0.01] > solved - 0.1, stage4=means["stage4"], solved_head=solved)
vt.claim("the head by steps does it, too, at its own rate", means["head by steps"].max() > solved - 0.1,
         head_by_steps=means["head by steps"])
swapped.reveal("within ten points of the solved head")

# %% [markdown]
# A part looked useless, and only its steps were too small. A table at *one* rate says what thirty small steps do, and
# not what a part can do. (Stage 1 stays useless here at all three rates.) Read the rows *noise* and *species*
# with the same care: there each part had one rate only.
#
# **Beside the paper.** Lee et al. tuned the rate of each part. *Input shift, an early part*: yes, and statistics alone
# do as much. *New subgroups, a middle part*: no, the solved head is best; but in ours only the head had learnt
# the old subgroups. *Changed labels, the last layer*: it works, and so does stage 4; once each has its own rate, our
# three seeds do not show that the last layer is better.

# %% [markdown]
# **Which kind of weights?** `vt.Strategy(…, kind="norm")` trains only the scales and shifts of
# [BatchNorm](glossary.md#batchnorm), `kind="bias"` only biases (Frankle et al. 2021; Ben Zaken et al. 2022).
# [Adapters](glossary.md#adapter) are small new modules after each frozen stage (Houlsby et al. 2019). *Gradually*
# unfreezes one stage more every few epochs, from the head on ([gradual
# unfreezing](glossary.md#gradual-unfreezing), Howard and Ruder 2018). All start with the solved head. A dot is a mean
# of five seeds, its bar the 95 % interval.

# %%
lesson_06.plot_unfreezing_by_weights(table)

# %%
def kind(target, first, second):
    return lead({"way": first}, {"way": second}, part="weights", target=target)

level, small = kind("garden", "adapters", "head"), kind("garden", "adapters", "everything")
vt.claim("garden: adapters are not clearly different from the head alone, and beat training everything at 0.001",
         small.low > 0 and level.low < 0 < level.high, adapters_minus_head=level, adapters_minus_everything=small)
gains = {f"{more} minus {less}": kind("digits", more, less) for less, more in
         (("head", "adapters"), ("adapters", "last stage"), ("last stage", "everything"))}
vt.claim("digits: adapters beat the head, the last stage beats adapters, everything beats the last stage",
         min(of.low for of in gains.values()) > 0, **gains)

# %% [markdown]
# Near, the head alone is enough. Far, at this one rate, a few thousand scales and shifts are not enough, and more
# weights are better (a kind of weights may want a rate of its own; we did not try). What speaks for adapters is something else: the stages stay as they are and serve many tasks, and each task
# stores a thirtieth of the network.

# %% [markdown]
# ## Caveats
#
# Five images per class, three or five seeds, one small network, and mostly one rate. On the garden the plain recipe is
# not the best for the rivals of frozen stages (lesson 07). The two targets differ in more than distance. Of twenty 95 %
# intervals one may well miss. And in real life nobody tells you which shift it is: try, on images held back for that.

# %% [markdown]
# ## Exercises
#
# **06.1 ● Warm up.** Write a strategy for pretrained weights in which the head learns, and in all stages only the
# biases. (`vt.Strategy(name)`, with any name, starts pretrained and lets everything learn.)
#
# <details><summary>Hint</summary>Which argument did <i>Which kind of weights?</i> use?</details>

# %%
steering = ...
vt.check("06.1", steering)

# %% [markdown]
# **06.2 ●● Write a function.** Gradual unfreezing: which stages learn in an epoch? Given the epoch, counted from 0, the
# stages' names from the image to the head, and how many epochs go by until one more learns, return the names that
# learn, in the same order. In epoch 0 none of them does (only the head). With `each=2`, epochs 2 and 3 have the last
# stage, 4 and 5 the last two, until all learn.
#
# <details><summary>Hint</summary>Beware of <code>names[-0:]</code>: it is all of them.</details>

# %%
def thawed(epoch, names, each):
    return ...

vt.check("06.2", thawed)

# %% [markdown]
# **06.3 ●●● Experiment.** A fourth shift: the lens is dirty and takes away the contrast,
# `lesson_06.genus_task("known", 3, seed + 100, corruption="contrast", strength=5.0)`. Which single part repairs it
# best: `"statistics"`, `"stage1"`, `"stage4"` or `"head"`? Guess first. Then run all four on `knowing`, and answer
# with the dict of their test accuracies.
#
# <details><summary>Hint</summary><code>unfreeze_one_part</code> in the cells above.</details>

# %%
repaired = ...
vt.check("06.3", repaired)

# %% [markdown]
# **06.4 Open.** Find a shift of your own photographs: another phone, another room, evening light. How many
# points does it cost, and do new statistics alone bring them back?

# %% [markdown]
# ## In short
#
# - "How much" is three questions: what is worth keeping, what of it should learn, and which kind of weights.
# - Near the source every stage up to the fourth was worth keeping. For digits the late ones, frozen, were in the
#   way; larger and more steps take back most of it.
# - For noise, new statistics without a label and a trained stage cannot be told apart (three seeds).
# - From the head downwards is a habit, not a law. And which part is best depends on how each is trained: compare
#   parts only at the best rate of each.
#
# Next: lesson 07 asks how fast what learns may learn.

# %% [markdown]
# ## References
#
# - Yosinski, Clune, Bengio, Lipson (2014), *How transferable are features in deep neural networks?*
# - Lee et al. (2023), *Surgical fine-tuning improves adaptation to distribution shifts*.
# - Li, Wang, Shi, Liu, Hou (2017), *Revisiting batch normalization for practical domain adaptation*.
# - Howard, Ruder (2018), *Universal language model fine-tuning for text classification*: gradual
#   unfreezing.
# - Houlsby et al. (2019), *Parameter-efficient transfer learning for NLP*: adapters.
# - Frankle, Schwab, Morcos (2021), *Training BatchNorm and only BatchNorm*.
# - Ben Zaken, Ravfogel, Goldberg (2022), *BitFit*.
