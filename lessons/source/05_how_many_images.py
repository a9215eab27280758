# %% [markdown]
# # 05 · How many photographs are enough?
#
# Every photograph costs: somebody has to take it, look at it, and write down what it shows. Is it worth
# taking twice as many? In this lesson we measure what a doubling brings. Then we convert photographs: five
# with one strategy are worth how many with another? At the end we change the task, and the answer turns
# upside down.

# %% [markdown]
# ## You will
#
# - say what twice as many images bring, with few images and with many;
# - convert images: five with a linear probe, how many from scratch for the same accuracy?
# - see overfitting as the gap between training and test accuracy, and test two cures for it;
# - find out when all of this does not hold.
#
# Lesson 01 is all you need to know. About 20 minutes of reading, one of computing on two processor
# cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
from functools import cache
import numpy as np
import vtlab as vt
from vtlab.course import lesson_05

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# Lesson 01 had five images per class, and [pretraining](glossary.md#pretraining) won by far. Is
# pretraining so good, or are five images so few? With a million photographs of your own, perhaps you would
# not need it. Somewhere between five and a million the advantage may end.
#
# A [learning curve](glossary.md#learning-curve) is the test accuracy against the number of training
# images per class, the [shots](glossary.md#shots). (A [training curve](glossary.md#training-curve) is
# something else: the accuracy against [epochs](glossary.md#epoch).) We ask three things of learning curves. How
# steep are they: what do twice as many images bring? How far apart are they, counted in images? And where do
# they cross?

# %% [markdown]
# ## Look
#
# What does one more image add? Here are twelve plants of one species, each outlined, in the order in which
# a learner with more shots receives them. Cover all but the first with your hand. Could you have guessed
# from one image how much the size, the tilt and the colours vary?

# %%
task = vt.task("garden", shots=40, seed=seed)
vt.plots.images(task.train.pixels[:12], masks=task.train.masks[:12], columns=6)

# %% [markdown]
# ## Predict
#
# A [linear probe](glossary.md#linear-probe) with *five* images per class names about 83 of 100 test images
# correctly. How many images per class does training [from scratch](glossary.md#from-scratch) need for the
# same accuracy?

# %%
needed = vt.guess("Images per class that scratch needs to equal the probe's five:",
                  ["about 10", "about 30", "about 100", "about 300"])
needed

# %% [markdown]
# ## By hand, once
#
# Training all strategies on many numbers of images takes hours. It was done once, and the results come
# with the package as a **stored table** (`python data/make/shots_garden.py`). A row is one training. Each
# strategy has a [recipe](glossary.md#recipe) of its own, chosen within its own images as in lesson 01.
#
# A cell below says: the mean test accuracy in percent ± half of its 95 %
# [interval](glossary.md#confidence-interval) (how many [seeds](glossary.md#seed)). Two seeds have no interval
# that is worth printing. Above 20 images, scratch and the probe come from a second table, that of the
# [plain recipe](glossary.md#plain-recipe), which has five seeds.

# %%
table = lesson_05.widest_shots_table(least_seeds=1)
print(lesson_05.list_means(table).to_string())

# %% [markdown]
# To convert images we read such a curve backwards: which number of shots belongs to an accuracy? Between
# two measured numbers we draw a straight line, on an axis where every doubling takes the same space.
# (`np.interp` needs a curve that rises. Where scratch is near chance it may not; we read far above.)

# %%
means = table.pivot_table(index="shots", columns="strategy", values="test_accuracy")

def shots_for(accuracy, curve):
    return 2 ** np.interp(accuracy, curve, np.log2(curve.index))

wanted = means.probe[5]
by_hand = shots_for(wanted, means.scratch)

# %% [markdown]
# ## With vtlab
#
# A mean curve hides how sure we are. Every seed has a probe accuracy and a scratch curve of its own, and
# `shots_to_reach` reads that curve backwards. We average the logarithms, since 50 and 200 lie equally far
# from 100: one halving, one doubling.
#
# `t_interval` gives the 95 % interval of a mean over n seeds: the mean ± t · s / √n. Here s is the standard
# deviation over the seeds, and t comes from Student's table (2.78 for five seeds).

# %%
def worth(shots, strategy="scratch", runs=table):
    """log2 of the images that equal the probe with these shots, for each seed."""
    wanted, found = lesson_05.list_accuracies(table, "probe", shots) / 100, []
    # each seed: its own accuracy of the probe, read on its own curve
    for number, rows in runs[runs.strategy == strategy].groupby("seed"):
        found += vt.metrics.shots_to_reach(rows, strategy, wanted[number])
    return np.log2(found)

# %%
def in_images(logs):
    found = vt.metrics.t_interval(logs)
    return {"mean": 2 ** found.mean, "low": 2 ** found.low, "high": 2 ** found.high}

by_vtlab = in_images(worth(5))
vt.claim("ours lies within the interval of the five seeds",
         by_vtlab["low"] <= by_hand <= by_vtlab["high"],
         by_hand=by_hand, by_vtlab=by_vtlab)
needed.reveal("about 100")

# %% [markdown]
# So five images with the probe are worth about a hundred from scratch. (From ten images on, scratch was still learning
# when it stopped. Trained longer it may need fewer, so read *a hundred* as *at most about a hundred*.) That is the use of transfer learning, in a
# unit that everybody understands. The factor is some twenty, *at five images*. How does it change? In brackets is the
# 95 % interval.

# %%
for shots in (1, 5, 10, 20):
    each = in_images(worth(shots) - np.log2(shots))
    print(f"{shots:2d} with a probe: each is worth {each['mean']:.0f} from scratch",
          f"({each['low']:.0f} to {each['high']:.0f})")

# %%
falls = vt.metrics.paired_difference(worth(1) - np.log2(1), worth(20) - np.log2(20))
vt.claim("from 1 to 20 images per class the factor falls to less than half",
         falls.low > 1, halvings=falls)

# %% [markdown]
# You trade best where you have least.
#
# The trade has a price that is easy to forget: somebody had to pretrain. Here that took 200,000 labelled drawings of
# 256 species, and eight minutes on two cores. For ImageNet it is 1.2 million photographs, named by people, and days on
# larger machines. You pay it once for all your tasks, or not at all where somebody gives the weights away. But 200,000
# drawings are part of the price of those five photographs.
#
# **Twice as many?** Now to the question of the first paragraph. What do 10 images per class have over 5, on the same
# seeds, and 20 over 10, and so on? A bar is the 95 % interval.

# %%
own, plain = lesson_05.shots_table("garden"), lesson_05.shots_table("plain")
gains = lesson_05.list_doublings(own, plain)
lesson_05.plot_doublings(gains[gains.strategy.isin(["scratch", "probe", "full"])])

# %%
points = gains.set_index(["strategy", "shots"])
scratch = points.loc["scratch"]
vt.claim("from scratch every doubling from 5 images on brings more than 4 points",
         scratch.low[scratch.index >= 5].min() > 4, points=scratch["mean"])
vt.claim("with a probe 40 in place of 20 images still help, 160 in place of 80 do not",
         points.low["probe", 20] > 0 and points.high["probe", 80] < 1,
         from_20=points.loc[("probe", 20)], from_80=points.loc[("probe", 80)])

# %% [markdown]
# So: **from scratch, twice as many photographs paid each time, from five on. With a probe they bring some points
# while you have few, and nothing more from about eighty of each class on.** If you have eighty and want more from a
# probe, do not take more of the same: let more of the network learn, or look for nearer weights.
#
# Look at the bars at the left, too. From five to ten, the gain of the probe is as wide as it is large. *Which* five
# photographs you happened to take matters as much as five more.
#
# Should you believe a stored table? Let us make a small part of it anew, on your machine, with a seed that
# the table does not hold, and with two images per class, since few images are learnt quickly.

# %%
study = vt.compare(task, shots=2, seeds=[7 + seed], progress=False)
fresh = study.table()

# %% [markdown]
# A single new run varies more than a mean does. 95 of 100 new runs should fall within the
# [prediction interval](glossary.md#prediction-interval), the mean ± t · s · √(1 + 1/n). We make four and
# expect at least three inside. (The four share a seed, so they are not independent.)

# %%
from scipy import stats

def expected(row):
    stored = lesson_05.list_accuracies(table, row.strategy, row.shots)
    t, n = stats.t.ppf(0.975, len(stored) - 1), len(stored)
    reach = t * stored.std() * (1 + 1 / n) ** 0.5
    return abs(100 * row.test_accuracy - stored.mean()) <= reach

# %%
within = sum(expected(row) for row in fresh.itertuples())
vt.claim("at least three of four new trainings lie where the table expects them",
         within >= 3, within=within,
         new=fresh.set_index("strategy").test_accuracy, stored=means.loc[2])

# %% [markdown]
# ## Explore
#
# The whole table in one panel. Pick a number of images and watch the dots; each is one training. Then
# choose the curves. Overlapping intervals do not mean "no difference": the seeds are
# [paired](glossary.md#paired-difference), and what counts is the interval of the *difference*, further down.

# %%
panel = vt.ComparePanel(table, chance=task.chance)
panel.shots = "10"
panel

# %% [markdown]
# ## Look inside
#
# Why does scratch fail with few images? Let us look at the other side: what share of its *training* images
# does each network name correctly at its end? The whole line is the accuracy on test images, the dashed
# line that on training images.

# %%
lesson_05.plot_overfitting(own)

# %% [markdown]
# The shaded gap is [overfitting](glossary.md#overfitting): what was learnt holds for these images and not
# for the species. With one image per class scratch names all training images correctly and hardly any other:
# the gap is as large as it can be. It closes with more images, and it closes last for scratch. (At twenty per
# class the dashed line of scratch dips. There the recipe gives 160 images in all only thirty epochs, which is too short.
# With more images each epoch has more [steps](glossary.md#step), and the line rises again.)
#
# Free weights alone do not explain the gap. *Full* may change exactly as many weights as scratch.

# %%
own["gap"] = own.train_accuracy - own.test_accuracy
gaps = own[own.shots == 5].groupby("strategy").gap.mean() * 100
more = lesson_05.find_lead(own, "scratch", "full", 5, "gap")
vt.claim("at 5 images per class, scratch overfits by over 30 points more than full",
         more.low > 30, gap_in_points=gaps, scratch_less_full=more)

# %% [markdown]
# **First cure: patience.** Perhaps scratch was only stopped too soon? By the plain recipe it had 30 epochs with two
# images per class. Its own recipe has 120, at the same rate and with the same 16 images in a step. Guess what
# patience brings.

# %%
patience = vt.guess("Two images per class: train scratch four times as long. "
                    "How much of its distance to the probe is gone?",
                    ["all of it", "about half", "next to nothing"])
patience

# %%
hasty = lesson_05.list_accuracies(plain, "scratch", 2)
patient = lesson_05.list_accuracies(own, "scratch", 2)
probed = lesson_05.list_accuracies(own, "probe", 2)
left = vt.metrics.paired_difference((probed + hasty) / 2, patient)
said = {"30 epochs": hasty, "120 epochs": patient, "probe": probed}
vt.claim("four times the epochs close less than half of the distance", left.low > 0,
         percent={name: vt.metrics.t_interval(of) for name, of in said.items()})
patience.reveal("next to nothing")

# %% [markdown]
# The training accuracy could have told us: after 120 epochs all training images are right, so little is left to
# learn from them. Patience can help only where the training images are *not yet* learnt. With 20
# to 80 of each class they were not. That was not tried here.
#
# **Second cure: early stopping.** Does the test accuracy fall if we train too long? Then we could stop at the
# best epoch. But who tells us which one it is? The test set must not. So we hold back one of five
# images of each class, eight images in all, and stop where *they* are named best
# ([early stopping](glossary.md#early-stopping)). Five seeds were trained that way (`stopping.csv`).

# %%
looks = lesson_05.stopping_table()
lesson_05.plot_stopping(looks)

# %% [markdown]
# A mark is the epoch at which one seed would stop. From scratch the test accuracy rises and then stays level; *full* is
# level from the start. With a learning rate that [falls to zero](glossary.md#cosine-schedule) there is hardly a late fall to be saved from. But the marks of scratch lie anywhere
# between the first epochs and the last. Eight images cannot tell a good epoch from a lucky one, and an early lucky one is taken.

# %%
ends = 100 * looks.groupby(["strategy", "seed"]).first()
saved = {way: vt.metrics.t_interval(of.stopped_accuracy - of.test_accuracy)
         for way, of in ends.groupby("strategy")}
vt.claim("stopping where eight held-back images are named best makes scratch worse",
         saved["scratch"].high < 0, points_stopped_less_last_epoch=saved)

# %% [markdown]
# So early stopping did not cure anything here: to choose on few images is to choose by luck. With hundreds held
# back it is a good tool. With five per class, train on all and fix the length beforehand, as the recipes here do.
# What closes the gap is more images, or a better start.

# %% [markdown]
# ## What we saw
#
# The learning curves, with every seed as a dot and the 95 % interval of the mean as a band. A hollow mark is a mean of
# two seeds. The box at the left is the picture at the right.

# %%
lesson_05.plot_learning_curves(table, chance=task.chance)

# %% [markdown]
# Three statements on them, each made seed by seed, in [points](glossary.md#points-of-accuracy). The first is lesson 01
# once more.

# %%
gap = lesson_05.find_lead(own, "probe", "scratch", 5)
vt.claim("at 5 images per class, the probe is more than 40 points ahead of scratch",
         gap.low > 40, points=gap)

# %% [markdown]
# The second is about the probe and full fine-tuning. Many people say: with few images, train the head alone.
# By the plain recipe that looks like a law of nature.

# %%
print("full less probe, in points")
for shots in (1, 2, 5, 10, 20, 40):
    ours = lesson_05.find_lead(own, "full", "probe", shots)
    theirs = lesson_05.find_lead(plain, "full", "probe", shots)
    print(f"{shots:2d} images: {ours.mean:5.1f} ± {ours.half:.1f}",
          f"   by the plain recipe: {theirs.mean:5.1f} ± {theirs.half:4.1f}")

# %%
even = lesson_05.find_lead(own, "full", "probe", 10)
few, many = (lesson_05.find_lead(plain, "probe", "full", n) for n in (2, 20))
vt.claim("at 10 images per class, full and the probe differ by less than 2 points",
         max(-even.low, even.high) < 2, full_less_probe=even)
vt.claim("by the plain recipe the probe leads full with 2 images, by less with 20",
         many.low > 1 and few.low > many.high, lead_at_2=few, lead_at_20=many)

# %% [markdown]
# The plain recipe has 30 epochs for any number of images, so more images also mean more steps: two things
# change at once. And it starts from a random head. With a recipe of its own, *full* starts from the solved head, has
# 60 steps at least, and equals the probe with a few images. A recipe can be counted in images, too: how many does *full*
# need to equal the probe's five?

# %%
by_plain, by_own = worth(5, "full", plain), worth(5, "full", own)
spared = vt.metrics.paired_difference(by_plain, by_own)
vt.claim("by the plain recipe full needs more images, for the same accuracy",
         spared.low > 0, by_plain=in_images(by_plain), by_own=in_images(by_own))

# %% [markdown]
# The third statement is the catching up. He, Girshick and Dollár (2019) trained detectors from scratch on
# COCO's 118,000 images, and on a tenth of them, and found them no worse than pretrained ones, as long as the
# schedule is long enough. With a hundredth they fell behind. Do our curves have that shape?

# %%
caught = lesson_05.find_lead(plain, "scratch", "probe", 320)
vt.claim("at 320 images per class, scratch is ahead of the probe", caught.low > 1,
         points=caught)

# %% [markdown]
# They do, for the frozen probe ([shape reproduced](glossary.md#shape-reproduced): in part). The paper compares with
# *fine-tuned* networks. *Full* was measured up to 160 images, with two seeds there, and is ahead of scratch at that
# point; whether scratch passes it too, this table does not show.
#
# Equal accuracy is not equal price. Seconds depend on the machine, so we count
# [multiply-adds](glossary.md#operations): the training, and the short trials that choose its recipe. The red line is the
# bill that somebody paid for the pretrained weights.

# %%
network, ways = vt.backbone(classes=8), {way.name: way for way in vt.FOUR}
bill = vt.costs.count_training_operations(network, vt.scratch, 200_000, epochs=1)

@cache
def operations(strategy, shots):
    way, images = ways[strategy], 8 * shots
    trials = lesson_05.count_trials(way, images, "chosen") if shots > 1 else 0
    return (1 + trials) * vt.costs.count_training_operations(network, way, images)

# %%
four = table[table.strategy.isin(ways)].copy()
four["operations"] = [*map(operations, four.strategy, four.shots)]
lesson_05.plot_work(four, chance=task.chance, bills={"the pretraining": bill})

# %% [markdown]
# A dashed line joins the same images under different strategies. Partial and full bend *backwards* between two images and
# five. With two, the trials of recipes are repeated on three small parts that are held back. With five, one part is large
# enough. So five images are cheaper to learn than two! (Scratch bends a little, too: the last batch of its epochs
# is smaller.)

# %%
cost = four.groupby(["strategy", "shots"]).operations.first()
vt.claim("the pretraining costs more than all these trainings from scratch together",
         bill > cost["scratch"].sum(), pretraining_per_all=bill / cost["scratch"].sum(),
         full_5_per_probe_5=cost["full", 5] / cost["probe", 5])

# %% [markdown]
# **And now another task.** Everything so far was about plants, and the weights had learnt from plants: a
# [near target](glossary.md#near-and-far-targets). Here are handwritten digits, five of each, a far one. The weights are
# the same. Probe and scratch are trained as before (`shots_digits.csv`).

# %%
digits = vt.task("digits", shots=5, seed=seed)
vt.plots.images(digits.train.pixels[::5], columns=10)

# %% [markdown]
# With plants, training from scratch passes the probe between 160 and 320 images per class. And with digits?

# %%
crossing = vt.guess("Digits: with how many images per class does scratch get ahead?",
                    ["1", "about 20", "about 320", "scratch is never ahead"])
crossing

# %%
far = lesson_05.digits_table()
lesson_05.plot_near_and_far(table, far, lesson_05.controls_table())

# %%
ahead = {shots: lesson_05.find_lead(far, "scratch", "probe", shots)
         for shots in sorted(set(far[far.strategy == "scratch"].shots))}
vt.claim("on digits scratch is ahead of the probe with every number of images",
         min(one.low for one in ahead.values()) > 0, points=ahead)
crossing.reveal("1")

# %% [markdown]
# The curves do not cross at all. No number of digits is so small that a probe on these features helps. Two
# [controls](glossary.md#control) in the picture say why. The dashed line is a probe on **random** weights, which never saw
# any image. The dotted line is no learning at all: a digit gets the name of the most similar training image, pixel by
# pixel. With one image of each, it is ahead even of scratch.

# %%
spoilt = lesson_05.find_lead(far, "random", "probe", 5)
vt.claim("with 5 digits per class, random weights beat the garden's under a probe",
         spoilt.low > 0, points_ahead=spoilt)
pixels = lesson_05.find_lead(far, "pixels", "probe", 1)
vt.claim("with 1 digit per class, so do plain pixels without any network",
         pixels.low > 0, points_ahead=pixels)

# %% [markdown]
# A digit lies *in the same place* as others of its class, so pixels name it. A plant never does: on plants the dotted
# line is chance. And features that were learnt for plants are *worse* for digits than features that nobody learnt. This is
# [negative transfer](glossary.md#negative-transfer). So the same question, how many photographs are enough, has two
# opposite answers. Before *how many* comes **how near**.

# %% [markdown]
# ## Caveats
#
# The numbers hold for this source, these two targets, this network, and these test images (1,200 plants, 1,000
# digits). A task between near and far lies between the two pictures, and nobody knows where before measuring.
#
# On digits only the probe was held against scratch. What happens if more may learn there, lesson 06 asks.
#
# The recipes were found on other tasks with 5 and 20 images, digits among them. The table marks as `under_trained` what
# still learnt at its end: every run of scratch from ten images on, and most of partial. A better recipe may exist for each strategy. Early stopping was
# tried on one task with one schedule.
#
# And a learning curve says what *more of the same* images would bring. Images of another season or
# another garden are something else, and were not tried here.

# %% [markdown]
# ## Exercises
#
# **05.1 ● Convert the other way.** Somebody trained from scratch on 80 plants of each class. With how many images
# per class has a probe the same accuracy? Answer with a number.
#
# <details><summary>A hint</summary>`shots_for` reads a curve backwards. Which accuracy, and whose curve?</details>

# %%
images = ...
vt.check("05.1", images)

# %% [markdown]
# **05.2 ●● Write a function.** It gets three lists of equal length: numbers of shots that rise, and the
# accuracies of a first and of a second curve at them. Return the least of these numbers from which on
# the second curve is ahead *and stays ahead* to the end, or `None` if there is none. Ahead means
# greater, not equal; nothing is read between the numbers.
#
# <details><summary>A hint</summary>Begin at the end and go back for as long as the second is ahead.</details>

# %%
def overtakes(shots, first, second):
    return ...

vt.check("05.2", overtakes)

# %% [markdown]
# **05.3 ●●● Plan an experiment.** The task `vt.task("fine")` is harder: all eight species are of one genus. How
# many images per class does the linear probe need there for an accuracy of 72 %? Choose the numbers of images
# and the seeds yourself, measure, and set `images` to a whole number. The check draws that many images of
# five other seeds, trains a probe on each, and looks whether the mean accuracy is 72 %, give or take 3
# points. A probe takes a second or two.
#
# <details><summary>A hint</summary>`vt.compare("fine", strategies=["probe"], shots=[…], seeds=5)` gives a study,
# and `vt.metrics.shots_to_reach(study.table(), "probe", 0.72)` reads it backwards, once for each seed. How
# should these five numbers become one?</details>

# %%
images = ...
vt.check("05.3", images)

# %% [markdown]
# **05.4 Open.** Would more photographs help *you*? Take a folder of your own, train on a quarter, a half and all
# of it, draw the three points on an axis where each doubling takes the same space, and lay a ruler through them. What
# would twice as many photographs bring? Lesson 16 does it with you.
#
# <details><summary>A hint</summary>`vt.compare(PATH, strategies=["probe"], shots=[5, 10, 20])`, with numbers that your
# smallest class has.</details>

# %% [markdown]
# ## In short
#
# - Twice as many photographs? From scratch, yes, from five on. With a probe, only while there are few of each class.
# - Five images with the probe were worth about a hundred from scratch. The factor falls with more images. The
#   pretraining, 200,000 images, is part of the price.
# - With 320 images per class scratch passes the probe, whose features may not change.
# - Far from the source, scratch is ahead with one image already. So ask first how near the weights are.
# - Overfitting is the gap between training and test accuracy. More images close it. Patience does not where the
#   training images are learnt, and early stopping on eight images made scratch worse.
# - A learning curve shows recipes, too: by the plain recipe, *full* needs many more images to equal the probe.
#
# Next: lesson 06 asks how many of the stages should learn.

# %% [markdown]
# ## References
#
# - He, Girshick, Dollár (2019), *Rethinking ImageNet pre-training.*
# - Prechelt (1998), *Early stopping – but when?*
