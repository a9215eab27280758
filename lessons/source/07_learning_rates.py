# %% [markdown]
# # 07 · How fast may pretrained weights change?
#
# Pretrained weights know something. Training may improve what they know, or destroy it before the new
# head has learnt to use it. Which of the two happens depends above all on one number, the learning
# rate. Everybody says that it should be "small". How small is that, and what breaks above it?

# %% [markdown]
# ## You will
#
# - find a usable rate in seconds, by a range test that you write yourself;
# - measure what a rate does to the weights, to the features, and to what the network knew before;
# - test every piece of advice by a run of its own: warm-up, cosine, weight decay, L2-SP, stage-wise rates, the
#   probe first.
#
# You should know lesson 01 and a training loop in PyTorch (lesson 04). About 25 minutes of reading, one
# of computing on two processor cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import math
from dataclasses import replace
import pandas as pd
import torch
import vtlab as vt
from vtlab.course import lesson_07

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# One [step](glossary.md#step) of training moves every weight against its
# [gradient](glossary.md#gradient). The [learning rate](glossary.md#learning-rate) says how far. Our
# optimiser, [AdamW](glossary.md#adamw), first divides each gradient by its usual size. So at a rate of 0.001
# a step moves *every* weight by about 0.001, however large or small its gradient is. Keep this in mind: it
# explains a picture below.
#
# Random weights have nothing to lose. Pretrained weights have, and we measure three losses: **accuracy** on
# the new task, the **features** that pretraining made, and the **old task**. A network that does worse on
# its old task has *forgotten* ([forgetting](glossary.md#forgetting)).

# %% [markdown]
# ## Look
#
# The new task is our garden with five images per class. The old task is a part of what the network was
# pretrained on: sixteen of its 256 species, in images that it never saw. Here are eight of the sixteen.
# A linear head on the pretrained features, fitted on twenty images of each, tells them apart well.

# %%
old = lesson_07.OldTask.make()
vt.plots.images(old.test.pixels[::25][:8], columns=8)

# %%
task = vt.task("garden", shots=5, seed=seed)
start = vt.backbone("mini_resnet", classes=8)
remembered = old.accuracy(start, old.head)
vt.claim("before fine-tuning, the old species are named correctly", remembered > 0.85,
         accuracy=remembered)

# %% [markdown]
# ## Predict
#
# We fine-tune all stages on the forty images by the [plain recipe](glossary.md#plain-recipe),
# `vt.plain(vt.full)`: a random head, one rate for everything, thirty epochs. We try seven rates from
# 0.00001 (1e-5) to 0.03. Which of these four gives the best accuracy on new images? And is the same rate
# the best one for the memory of the old task?

# %%
best = vt.guess("Best learning rate for full fine-tuning on forty images?",
                ["1e-5", "1e-4", "1e-3", "1e-2"])
best

# %% [markdown]
# ## By hand, once
#
# The [range test](glossary.md#range-test) (after Smith 2017) finds a rate without a grid of trainings. It
# is one training of thirty steps, in which the rate grows from far too small to far too large. First nothing
# happens, then the loss falls, then it explodes.
#
# All forty images go into one batch. `prepare` draws the new head from the seed and lets all stages learn.
# The thirty rates, from 1e-5 to 1, are evenly spaced in their logarithm.

# %%
plain = vt.plain(vt.full)
learner = plain.prepare(vt.backbone("mini_resnet", classes=8), seed).train()
optimiser = torch.optim.AdamW(learner.parameters(), lr=1.0, weight_decay=plain.weight_decay)
inputs, labels = learner.normalise(task.train.pixels), task.train.labels.to(learner.device)
rates = torch.logspace(-5, 0, 30, dtype=torch.float64).tolist()

# %% [markdown]
# Then thirty steps, each at its own rate. We note the loss before each step, and stop when it has grown
# beyond three times the first (or is no number any more, which `not … <=` also catches).

# %%
by_hand = []
for rate in rates:
    loss = torch.nn.functional.cross_entropy(learner(inputs), labels)
    by_hand.append(loss.item())
    if not by_hand[-1] <= 3 * by_hand[0]:
        break
    optimiser.param_groups[0]["lr"] = rate
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

# %%
tried = pd.DataFrame({"rate": rates[:len(by_hand)], "loss": by_hand})
suggested = tried.rate[tried.loss.idxmin()] / 10
vt.plots.rate_range(tried, suggested=suggested)

# %% [markdown]
# How to read it: do not take the rate with the least loss, since there it is about to explode. Take about a
# tenth of it, where the loss falls fast. That is a rule of thumb and gives the order of magnitude. With whole
# trainings, in the table below, the three best of the seven rates are 0.0003, 0.001 and 0.003. Does the rule
# point to one of them?

# %%
seven = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2]
nearest = min(seven, key=lambda rate: abs(math.log(rate / suggested)))
vt.claim("the rule of thumb picks one of the three best rates", nearest in (3e-4, 1e-3, 3e-3),
         a_tenth_of_the_rate_with_the_least_loss=suggested, nearest_of_the_seven=nearest)

# %% [markdown]
# ## With vtlab
#
# `rate_range` does this on a copy of the network, for any strategy. Its losses must be ours, as long as
# the steps are small. So we let it take our first twelve steps, without
# [half precision](glossary.md#half-precision), which our own loop does not use either.

# %%
found = vt.rates.rate_range(start, task, plain, seed=seed, low=rates[0], high=rates[11], steps=12,
                            bfloat16=False)
gap = max(abs(a - b) for a, b in zip(by_hand, found.loss))
vt.claim("our range test and the library's have the same losses", gap < 0.02, largest_gap=gap)

# %% [markdown]
# The rate of a whole training is not constant. `fit` raises it during the first tenth of the steps
# ([warm-up](glossary.md#warm-up)) and lowers it to zero along half a cosine
# ([cosine schedule](glossary.md#cosine-schedule)). Does that matter? `fine_tune` is the loop of lesson 04 with
# the plain recipe, and takes the schedule as a function: the share of the peak rate at step `i` of `n`.
# Four schedules were run at a rate that is ten times too large, two of them also at a good one (`gentle.csv`,
# one seed: a demonstration).

# %%
gentle = lesson_07.gentle_table()
lesson_07.plot_schedules(gentle)

# %%
rows = gentle[(gentle.part == "schedule") & (gentle.rate == 1e-2)]
large = rows.groupby("way", sort=False).test_accuracy.mean()
vt.claim("at a rate that is too large, warm-up and cosine together help by more than 10 points",
         large["warm-up and cosine"] > large["constant"] + 0.1, accuracy=large)

# %% [markdown]
# What did thirty epochs at 0.0003, the plain recipe's rate for full, do to the weights? As in lesson 04,
# `measure_movement` gives the length of the change of a stage (all its weights as one long vector) as a share
# of the length before.

# %%
tuned = vt.backbone("mini_resnet", classes=8)
before = vt.analysis.take_snapshot(tuned)
for record in vt.fit(tuned, task, plain, seed=seed):
    pass
moved = vt.analysis.measure_movement(before, tuned).weights.drop("head")
vt.claim("thirty epochs at this rate change each stage by less than a tenth",
         (moved < 0.1).all() and (moved > 0).all(), share_of_its_size=moved)

# %% [markdown]
# ## Explore
#
# Try rates of your own, with the plain recipe. The panel trains in the background, and every run stays on
# the picture, with its test accuracy. At a rate that was too large, set *Rate of each earlier stage* to × 0.5.
# Last, set *Recipe* to the strategy's own. Here are three short runs, started in code.

# %%
trainer = vt.TrainPanel(task, strategy="full", recipe="plain", epochs=8)
for rate in (1e-4, 1e-3, 1e-2):
    trainer.rate = rate
    trainer.buttons["train"].click()
    trainer.wait()
trainer

# %% [markdown]
# ## Look inside
#
# `drift_table` holds ways to fine-tune on forty images, five seeds each (`python data/make/drift.py`). First
# full fine-tuning at seven rates, the same for all stages. Left: accuracy on the new task, and on the old one
# with the head from before and with a head fitted anew. The dashed line is the old task before fine-tuning. Middle:
# how far the weights of each stage moved. Right: how alike its features of new images stayed
# ([CKA](glossary.md#cka), Kornblith et al. 2019).

# %%
table = lesson_07.rates_table()
lesson_07.plot_drift(table)

# %% [markdown]
# At the left the new head, which starts at random, is as slow as all the rest, and hardly learns. In the
# middle the new task is learnt. At the right everything breaks.
#
# Now the middle panel. At every rate, a stage has moved further the nearer it is to the head. Do late
# stages learn more? Careful: AdamW moves every weight by about the rate. And the weights of late stages
# are *smaller*, so the same step is a larger share of them. Let us compare: how large is a weight of each stage
# (the root of its mean square), and how far did each stage move at the smallest rate, both relative to the stem?

# %%
at_least = table[(table.way == "full") & (table.rate == 1e-5)].mean(numeric_only=True)
def size(stage):
    return torch.cat([w.detach().flatten() for w in stage.parameters()]).square().mean().sqrt().item()

stages = pd.DataFrame({name: {"moved": at_least[f"moved_{name}"] / at_least.moved_stem,
                              "expected": size(start.stages.stem) / size(stage)}
                       for name, stage in start.stages.items()}).T
vt.claim("the size of the weights alone explains how much further late stages move at the smallest rate",
         (stages.moved / stages.expected).between(0.8, 1.25).all(), moved=stages.moved, expected=stages.expected)

# %% [markdown]
# So at small rates the middle panel shows the size of the weights, and nothing about learning. The right panel
# is the honest one: from 0.0003 to 0.01 it is the features of *stage 1* that change most, though its weights
# moved less than those of stages 2 to 4.

# %% [markdown]
# ## What we saw
#
# **The best rate.** `lead` gives the mean difference of two ways over the paired seeds, with its 95 % interval.

# %%
def seeds(way, rate, column="test_accuracy"):
    rows = table[(table.way == way) & ((table.rate == rate) | (table.way == "probe"))]
    return rows.sort_values("seed")[column].to_numpy()

def lead(first, second, column="test_accuracy"):
    return vt.metrics.paired_difference(seeds(*first, column), seeds(*second, column))

# %%
smaller, larger = lead(("full", 1e-3), ("full", 1e-4)), lead(("full", 1e-3), ("full", 1e-2))
vt.claim("a rate of 0.001 beats one ten times smaller and one ten times larger",
         smaller.low > 0.05 and larger.low > 0.05, lead_over_1e_4=smaller, lead_over_1e_2=larger)
best.reveal("1e-3")

# %% [markdown]
# The top is flat: five seeds show no [clear difference](glossary.md#clear-difference) between 0.0003, 0.001 and
# 0.003.
#
# **The old task.** The grey line falls long before the new task suffers. What is good for the one is not good
# for the other.

# %%
forgot = vt.metrics.paired_difference(seeds("full", 1e-3, "old_before"), seeds("full", 1e-3, "old_accuracy"))
vt.claim("at a rate of 0.001 a good part of the old task is gone", forgot.low > 0.15, lost=forgot)

# %% [markdown]
# But look at its left end. At a rate of 0.00001 the weights hardly move, and a fifth of the old task is gone
# all the same. What has moved, if not the weights? Guess before you go on.

# %%
culprit = vt.guess("Which part of the network has changed at a rate of 1e-5?",
                   ["the old head", "BatchNorm's statistics", "the stem"])
culprit

# %%
still = max(seeds("full", 1e-5, f"moved_{stage}").max() for stage in start.stage_names)
gone = vt.metrics.paired_difference(seeds("full", 1e-5, "old_before"), seeds("full", 1e-5, "old_accuracy"))
vt.claim("where every stage moves by less than a hundredth, a tenth of the old task is gone",
         still < 0.01 and gone.low > 0.1, largest_movement=still, lost=gone)

# %% [markdown]
# While a stage learns, its BatchNorm measures the mean and the spread of what passes through it, and from then
# on uses those of the *new* images ([BatchNorm statistics](glossary.md#batchnorm-statistics), lesson 04). No
# learning rate slows that down. That is a suspicion until it is tried. So we fine-tune at that rate, put the
# old statistics back, and only them, and measure the old task before and after.

# %%
slow = vt.backbone("mini_resnet", classes=8)
for record in vt.fit(slow, task, vt.plain(vt.Strategy("full", rate=1e-5)), seed=seed, epochs=10):
    pass
without = old.accuracy(slow, old.head)
statistics = {k: v for k, v in start.stages.state_dict().items() if "running" in k}
left = slow.stages.load_state_dict(statistics, strict=False).missing_keys
print(len(statistics), "statistics put back,", len(left), "weights and counters left as they are")

# %%
again = old.accuracy(slow, old.head)
vt.claim("with the old statistics put back, nearly all of the old task is back",
         without < remembered - 0.05 and again > remembered - 0.03, before=remembered, after=without,
         with_its_statistics=again)
culprit.reveal("BatchNorm's statistics")

# %% [markdown]
# Back to the rate of 0.001. Is the old task forgotten there, or only moved? If a head that is fitted anew on
# the tuned features names the old species again, then the features still tell them apart, and only the old head
# no longer fits.

# %%
returned = vt.metrics.paired_difference(seeds("full", 1e-3, "old_refit"), seeds("full", 1e-3, "old_accuracy"))
vt.claim("a new head finds most of it again", returned.low > forgot.mean / 2, lost=forgot, found_again=returned)

# %% [markdown]
# **Gentle ways.** [Stage-wise rates](glossary.md#stage-wise-rates) (Howard and Ruder 2018) give each stage half
# the rate of the next one towards the head. The usual reason: general features lie near the image, so they
# should change least. [LP-FT](glossary.md#lp-ft) (Kumar et al. 2022) solves the head first, and only then lets
# everything learn.
#
# But stage-wise rates do two things at once. They make the body slower than the head, *and* they order the
# stages. So we need [controls](glossary.md#control). *Fast head, slow body* gives all stages one rate, an eighth
# of the head's. *Reversed order* uses the same five rates, with the fastest in the stem. Guess what the order is
# worth.

# %%
gain = vt.guess("Stage-wise rates gain over 0.0003 for all. How much of that gain needs their order?",
                ["nearly all", "less than half", "the reversed order is as good"])
gain

# %%
lesson_07.plot_trade(table)

# %%
uniform, body, ordered = ("full", 3e-4), ("slow body", 1e-3), ("stage-wise", 1e-3)
whole, without_order = lead(ordered, uniform), lead(body, uniform)
vt.claim("a fast head over a slow body brings more than half of what stage-wise rates bring",
         without_order.low > 0 and without_order.mean > whole.mean / 2, stage_wise=whole,
         fast_head_slow_body=without_order, what_the_order_adds=lead(ordered, body))
gain.reveal("less than half")

# %%
backwards = ("reversed", 1e-3)
vt.claim("even the reversed order is ahead of 0.0003 for all stages", lead(backwards, uniform).low > 0,
         reversed_less_0_0003_for_all=lead(backwards, uniform), stage_wise_less_reversed=lead(ordered, backwards))

# %% [markdown]
# So most of the gain is "let the head learn faster than the rest". LP-FT does the same in another way: its head
# is ready before the rest begins. All of these are *full* fine-tuning, and they come close to the probe, which
# changes nothing and forgets nothing.

# %%
ahead, probe = lead(("probe", None), ("full", 1e-3)), seeds("probe", None, "old_accuracy")
rest = {way: lead(("probe", None), (way, rate)) for way, rate in (ordered, ("probe first", 1e-4))}
vt.claim("stage-wise rates, or the probe first, close more than half of the lag behind the probe",
         ahead.low > 0 and all(r.mean < ahead.mean / 2 for r in rest.values()), lag_of_0_001_for_all=ahead, lag_of_gentle_ways=rest)
vt.claim("the probe forgets nothing", (probe == seeds("probe", None, "old_before")).all(), old_task=probe)

# %% [markdown]
# **Pulling weights back.** [Weight decay](glossary.md#weight-decay) shrinks every weight a little towards zero
# in each step. [L2-SP](glossary.md#l2-sp) (Li et al. 2018) pulls it towards its pretrained value instead. In
# the loop this is one line, after the step: `weight.lerp_(home, rate * pull)`, where `home` is zero or the
# start. The usual decay, a pull of 0.01, does next to nothing in sixty steps. So we pull much harder, by 30,
# once to zero and once to the start; and we try the simple rival, a smaller rate without any pull.

# %%
pulls = gentle[(gentle.part == "pull") | (gentle.way.eq("warm-up and cosine") & gentle.rate.eq(1e-3))]
pulls = pulls.groupby(["way", "rate"])[["test_accuracy", "old_accuracy"]].mean()
print(pulls.round(2).to_string())

# %%
new, kept = pulls.test_accuracy, pulls.old_accuracy
vt.claim("the same pull destroys both tasks towards zero, and is harmless towards the start",
         new["zero", 1e-3] < new["start", 1e-3] - 0.1 and kept["zero", 1e-3] < kept["start", 1e-3] - 0.1,
         to_zero=new["zero", 1e-3], to_start=new["start", 1e-3], no_pull=new["warm-up and cosine", 1e-3])

# %% [markdown]
# **Out of distribution.** Why do Kumar and others solve the head first? Their point is images from elsewhere
# ([out of distribution](glossary.md#out-of-distribution)). While a random head is learnt, the features of the
# training images move, and features of other images stay as they were. One head must then serve both. From the
# solved head the features need to move less: in their tables this is worth about ten points elsewhere, and one
# point on images like those of the training. The project's table of
# photographs can be asked: learn seven kinds of things from photographs, from ImageNet's weights, and test on
# photographs and on *sketches* of the same kinds.

# %%
real = lesson_07.real_table()
real = real[(real.data == "photo") & (real.start == "efficientnet_lite0") & (real.shots == 5)]
tests = real.pivot(index="seed", columns="strategy", values=["test_accuracy", "shifted_accuracy"])
photographs, sketches = tests.test_accuracy.dropna(axis=1), tests.shifted_accuracy.dropna(axis=1)
vt.claim("from photographs to sketches every strategy loses more than half of its accuracy",
         (sketches.mean() < photographs.mean() / 2).all(), photographs=photographs.mean(), sketches=sketches.mean(),
         probe_less_full_on_photographs=vt.metrics.paired_difference(photographs.probe, photographs.full),
         probe_less_full_on_sketches=vt.metrics.paired_difference(sketches.probe, sketches.full))

# %% [markdown]
# Compare the two differences, and look at their intervals before you believe them. Our *full* starts from the
# solved head already, as the paper recommends. What counts more than either: chance is one in seven, and what was
# learnt from photographs is worth little on sketches. Test on images like those that you will meet.
#
# **The same strategy, two recipes.** `vt.full` lets learn what `vt.plain(vt.full)` lets learn: everything. One of
# its three own recipes puts together what this lesson found. The head is solved first, each stage learns half as
# fast as the next one towards the head, and BatchNorm keeps the statistics of pretraining. The network `tuned`
# above had the plain recipe. We train by the gentle one, and by that with statistics that move.

# %%
def train_by(recipe):
    network = vt.backbone("mini_resnet", classes=8)
    for record in vt.fit(network, task, recipe, seed=seed):
        pass
    return network

own = vt.full.candidates()[1]  # of the three, the one that keeps the statistics
moving = replace(own, statistics="batch")
networks = {"plain": tuned, "its own, statistics moving": train_by(moving), "its own": train_by(own)}

# %%
def judge(network):
    return (vt.evaluate(network, task.test.pixels[::3], task.test.labels[::3]),
            old.accuracy(network, old.head))

learnt = pd.DataFrame({name: judge(network) for name, network in networks.items()}, index=["new", "old"]).T
vt.claim("on the same shots full by its own recipe is ahead of full by the plain one",
         learnt.new["its own"] > learnt.new["plain"] + 0.02, new_task=learnt.new)
vt.claim("and it forgets less, if the statistics are kept as well",
         learnt.old["its own"] > learnt.old["its own, statistics moving"] + 0.05, old_task=learnt.old)

# %% [markdown]
# The solved head and the gentle rates bring the new task, the kept statistics bring the old one. No recipe is best
# for all targets, though: this one keeps what is good, and on images that need other features it changes too
# little. So `vt.compare` tries three recipes of *full* on a part of the shots, and takes the best. Whoever
# reads "with few images the probe beats full fine-tuning" should ask: by which recipe?

# %% [markdown]
# ## Caveats
#
# Forty images, one target near its source, AdamW, sixty steps. A longer training or more images may
# move the regions; neither was tried here. Schedules, pulls and the two recipes were run with one seed each: they
# demonstrate, and measure nothing. The rates were compared on test images, to learn about rates; the rate for a task of your own is chosen on
# held-back shots. The rates of AdamW cannot be carried over to SGD, whose steps grow with the gradient. L2-SP was
# written as AdamW's decay is, outside the loss, and tried at one strength. The old task here is one that the
# network was made for. And dropout, which one reads about in this place, is a matter of the head: lesson 03.

# %% [markdown]
# ## Exercises
#
# **07.1 ● Change a value.** Write a strategy that trains everything and in which the stem learns at a hundredth
# of the head's rate: `vt.Strategy("full", stage_decay=…)`, where `stage_decay` is the factor at each step from the
# head towards the image.
#
# <details><summary>A hint</summary>The five stages are the stem and stages 1 to 4; the head comes after them. How
# many steps are there from the head to the stem? The same factor at each of them, multiplied, is 0.01.</details>

# %%
gentle_strategy = ...
vt.check("07.1", gentle_strategy)

# %% [markdown]
# **07.2 ●● Write a function.** The schedule: for step `i` of `n`, counted from 0, give the share of the
# peak rate. In the first tenth of the steps, `w = n // 10` of them, it is `(i + 1) / w`; afterwards it
# falls along half a cosine that is 1 at step `w` and would be 0 at step `n`. (Here `n` is 20 or more.)
#
# <details><summary>A hint</summary>After the warm-up, turn the progress from 0 to 1 into an angle from 0 to
# π.</details>

# %%
def schedule(i, n):
    return ...

vt.check("07.2", schedule)

# %% [markdown]
# **07.3 ●●● Plan an experiment.** At a peak rate of 0.01 a constant rate fails. Invent a schedule that does
# better there: a function of `i` and `n` that reaches the full peak, 1, in at least one step.
# `lesson_07.fine_tune(task, seed, 0.01, schedule=mine)` trains by it, and `vt.evaluate(network,
# task.test.pixels, task.test.labels)` tests. Try some, and write down what helped. The check trains once with
# images of another seed, and asks for 20 points more than a constant rate has there (about ten seconds).
#
# <details><summary>A hint</summary>The rate need not stay at its peak for long. Which rates did well in the first
# picture of "Look inside"?</details>

# %%
mine = ...
vt.check("07.3", mine)

# %% [markdown]
# **07.4 ● Explain a surprise.** At 0.001 the old head does badly on the tuned features, and a new head
# does well on them. What happened to the features? (a) They still tell the old species apart, but no longer where
# the old head looks. (b) They no longer tell the old species apart. (c) They did not change, and the head did.
# Answer with a letter, such as `"a"`.
#
# <details><summary>A hint</summary>What does a new linear head need in order to do well?</details>

# %%
what = ...
vt.check("07.4", what)

# %% [markdown]
# **07.5 Open.** Take a folder of your own and a rate that you trust. Run the range test on it
# (`vt.rates.rate_range`), and measure how far each stage moves in a whole training. Is your rate small?

# %% [markdown]
# ## In short
#
# - A range test finds the order of magnitude of a usable rate in seconds, without a grid.
# - AdamW moves every weight by about the rate. Late stages move further, as a share, because their weights are
#   smaller. Look at features, not at weights, to see what changed.
# - Accuracy on the new task and memory of the old one part early. BatchNorm's statistics move however small the
#   rate is; at the smallest rate, nearly all of the forgetting was theirs.
# - Stage-wise rates helped because the head is faster than the body; five seeds do not show that their order adds
#   anything. Solving the head first does the same.
# - At a rate that is too large, the falling cosine rescued a part; at a good rate no schedule stood out (one run each).
# - A strong pull to zero destroys pretrained weights. The same pull to the start does not.
#
# Next: lesson 08 makes more of the images that there are.

# %% [markdown]
# ## References
#
# - Smith (2017), *Cyclical learning rates for training neural networks*: the range test.
# - Howard, Ruder (2018), *Universal language model fine-tuning*: stage-wise rates, warm-up.
# - Li, Grandvalet, Davoine (2018), *Explicit inductive bias for transfer learning*: L2-SP.
# - Kumar et al. (2022), *Fine-tuning can distort pretrained features*: LP-FT.
# - Kornblith et al. (2019), *Similarity of neural network representations revisited*: CKA.
