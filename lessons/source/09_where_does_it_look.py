# %% [markdown]
# # 09 · Where does it look?
#
# A network names the right plant. Did it look at the plant? A heat map seems to answer at a glance,
# and a glance is easily fooled. In this lesson we draw such maps, score them against the truth, ask
# whether they depend on what was learnt at all, and catch networks that look at the wrong thing.

# %% [markdown]
# ## You will
#
# - build Grad-CAM by hand in a few lines of plain PyTorch, and read a map without fooling yourself;
# - score the maps of four training strategies against exact outlines, beside baselines that know
#   nothing of the network;
# - break a network on purpose to see which maps notice, and plant a shortcut to see who takes it.
#
# Lesson 01 is all you need to know. About 25 minutes of reading, one of computing on two processor
# cores. Nothing is downloaded.

# %% tags=["parameters"]
seed = 0  # another number, other images: what is claimed should still hold

# %%
import torch
import vtlab as vt
from vtlab.course import lesson_09

seed = vt.begin(seed)

# %% [markdown]
# ## The question
#
# The four strategies of lesson 01 reach different accuracies. Do they also look at different things?
# A **heat map** gives each place of an image a number: how much it speaks for a class. We call the
# map of **Grad-CAM** a CAM, for class activation map.
#
# A photograph comes without the truth about where one should look. Our garden is drawn by formula,
# so for every test image there is an exact **mask**: true on the plant that is to be named, false on
# ground, leaves, and the weeds beside it. Hence we need not judge maps by how convincing they look.

# %% [markdown]
# ## Look
#
# Six test images with the outline of the plant in question. Mind the weeds: other plants, smaller,
# of other species. A network that looks at "anything flowery" will sometimes look at those. And
# the plant stands anywhere, so that pointing at the middle is seldom right.

# %%
task = vt.task("garden", shots=40, seed=seed)
shown = task.test[torch.arange(0, 1200, 210)]
vt.plots.images(shown.pixels, titles=[task.classes[k] for k in shown.labels], masks=shown.masks)

# %% [markdown]
# ## Predict
#
# We shall train a linear probe, take the brightest point of its map, and ask in how many images that
# point lies on the plant. The plant covers about a tenth of an image. A map that only ever points at
# the middle hits it in about 23 of 100. What will the probe's map do?

# %%
pointing = vt.guess("In how many of 100 images does the brightest point lie on the plant?",
                    ["about 20", "about 50", "about 90"])
pointing

# %% [markdown]
# ## By hand, once
#
# First a network to look into: a probe on forty images per class, solved in a second or two. All its
# stages are frozen. Many tools for heat maps fail here, because no weight of a frozen network asks
# for a gradient. We shall see that nothing about the method needs one.

# %%
network = vt.backbone("mini_resnet", classes=8)
for record in vt.fit(network, task, vt.probe):
    pass

# %% [markdown]
# Grad-CAM takes two ingredients from the last stage. The **feature maps**: 256 small pictures of 8 × 8
# cells, each of which responds to something. And the **gradient** of the class's score (its logit)
# with respect to those cells: by how much would the score rise if this cell responded more?
#
# So we run the stages without gradients, and start asking for gradients at the feature maps. Only the
# path from there to the score has to be followed back.

# %%
network.eval()
with torch.no_grad():
    maps = network.run_stages(network.normalise(shown.pixels), 0)
maps.requires_grad_()
logits = network.classify(maps)
named = logits.argmax(1)
score = logits.gather(1, named[:, None]).sum()
gradients = torch.autograd.grad(score, maps)[0]
print(tuple(maps.shape), tuple(gradients.shape))

# %% [markdown]
# Each of the 256 maps gets one weight, the mean of its gradient over all cells. The weighted maps are
# added up. Negative sums speak against the class, and Grad-CAM cuts them to zero.

# %%
weights = gradients.mean((2, 3), keepdim=True)
by_hand = (weights * maps).sum(1).clamp(min=0).detach()

# %% [markdown]
# ## With vtlab
#
# `explain` does the same for a batch, for any stage, any class, any strategy and any network. It
# leaves the network as it found it: modes, gradients, hooks. Grad-CAM is its default method.

# %%
by_vtlab = vt.explain(network, shown.pixels)
gap = (by_hand - by_vtlab).abs().max().item()
vt.claim("our Grad-CAM and the library's agree to five digits", gap < 1e-5, gap=gap)

# %% [markdown]
# Now as pictures. We draw the maps of stages 2 to 4 (16 × 16, then twice 8 × 8 cells), which say more
# about the class the deeper they lie. A warning that is worth a paragraph: many tools stretch every map
# to the full range of colours, so that a map with hardly any evidence looks as sure as one with much.
# Here the numbers come back as they are, and the scale is a choice that is named. The stages have
# different units, so we choose a scale for each map and compare *places* only.

# %%
stages = {stage: vt.explain(network, shown.pixels, stage=stage)
          for stage in ("stage2", "stage3", "stage4")}
vt.plots.cams(shown.pixels, stages, masks=shown.masks, scale="each")

# %% [markdown]
# Convincing? Six images prove nothing. We turn the glance into a number, or rather three:
#
# - **hit**, the *pointing game*: does the brightest point lie on the object?
# - **mass**: what share of the map's sum lies on it?
# - **overlap**: take as many of the brightest pixels as the object has, and divide intersection by
#   union. (The threshold is thus given by the object, and not by us.)

# %% tags=["nbval-ignore-output"]
some = task.test[torch.arange(0, 1200, 5)]
probe_scores = vt.analysis.cam_scores(vt.explain(network, some.pixels), some.masks)
print(probe_scores.mean().round(2).to_dict())

# %% [markdown]
# A score means little until one knows what costs nothing. Three maps that never saw the network: a
# bump in the centre, random numbers, and the edges of the image. On photographs the centre is a
# strong opponent, since photographers put things there.

# %%
for name in ("centre", "random", "edges"):
    free = vt.analysis.cam_scores(vt.analysis.baseline_maps(name, some.pixels), some.masks)
    print(name, free.mean().round(2).to_dict())

# %%
pointing.reveal("about 90")

# %% [markdown]
# ## Explore
#
# Now a **shortcut**. Suppose that every species was photographed in a place of its own: this one on
# moss, that one on sand. Whoever looks at the ground needs no botany. So we tie the ground to the
# species in all *training* pictures. In the test pictures the ground is again anything: there the
# shortcut breaks. Below are training pictures, five of each of three species.

# %%
tied_task = lesson_09.ground_task(1.0, seed=seed)
vt.plots.images(tied_task.train.pixels[[0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24]],
                columns=5)

# %% [markdown]
# The table `cam_table("shortcut")` holds the four strategies, trained on ten such images per class, five
# seeds each (`python data/make/cam.py shortcut`). All tables of this lesson were made with the **plain
# recipe** where stages learn: a random head, and one rate for all of them (lesson 07 has better ones); in
# this table for fifteen epochs. The panel shows how often the networks are right where the ground no longer
# helps. Which of the four looked at the ground?

# %%
shortcut = lesson_09.cam_table("shortcut")
tied = shortcut[shortcut.training == "tied"]
rows = tied.assign(test_accuracy=tied.breaks, seconds=float("nan"))  # not timed
panel = vt.ComparePanel(rows, chance=1 / 8)
panel

# %% [markdown]
# Everything that a click does can be done in code as well.

# %%
panel.strategies = ("probe", "full")
print(panel)

# %% [markdown]
# ## Look inside
#
# Where does a network look while it learns? `explain_each_epoch` trains like `fit` and looks at the same
# image after every epoch. Looking changes nothing of what is learnt. We fine-tune everything on forty
# images, five of each species, and always ask for the evidence for the *true* species. We want to see a
# head that knows nothing learn, so we take the plain recipe (`vt.full` itself solves the head first).

# %%
few, one = task.at(5, seed=seed), shown[torch.tensor([1])]
learner = vt.backbone("mini_resnet", classes=8)
plain = vt.plain(vt.full)
looks = list(lesson_09.explain_each_epoch(learner, few, plain, one.pixels, seed=seed, epochs=12,
                                          targets=one.labels))
moments = {f"epoch {look.epoch}": torch.tensor(look.maps) for look in looks[::3]}
vt.plots.cams(one.pixels, moments, masks=one.masks, of="true")

# %% [markdown]
# All five maps share one scale, so brightness may be compared. Mind epoch 0: the head is still random
# and knows no species, and yet *this* map lies on the plant. The pretrained stages respond to plants, and
# this head happened to add those responses up. So a map on the plant proves no botany.
# What training adds here is the amount:

# %%
late, early = torch.tensor(looks[-1].maps), torch.tensor(looks[0].maps)
vt.claim("after training there is more evidence for the true species than before",
         late.sum() > 1.2 * early.sum(), late=late.sum(), early=early.sum())

# %% [markdown]
# ## What we saw
#
# First, the four strategies on forty images per class, five seeds each, from the committed table
# (`python data/make/cam.py scores`; plain recipe). Every dot is one training, the line their mean, and the
# bar behind them its 95 % interval; the last three rows are the baselines.

# %%
table = lesson_09.cam_table("scores")
lesson_09.plot_cam_scores(table)

# %% [markdown]
# We take the differences to a baseline seed by seed, and ask that the whole interval lie above zero.
# First the centre:

# %%
def gain(name, score, free="centre"):
    rows = table[table.stage == "stage4"].sort_values("seed")
    ours, theirs = (rows[rows.strategy == s][score].to_numpy() for s in (name, free))
    return vt.metrics.paired_difference(ours, theirs)

# %%
pretrained = ("probe", "partial", "full")
hits = [gain(name, "hit").low for name in pretrained]
vt.claim("all three pretrained strategies hit the plant more often than the centre does",
         min(hits) > 0.1, hits=hits)

# %%
mass = [gain(name, "mass").low for name in pretrained]
vt.claim("and have more of their mass on it", min(mass) > 0.03, mass=mass)

# %% [markdown]
# The edges are a stronger opponent, since a plant has more of them than the ground:

# %%
hits, overlap = ([gain(name, score, "edges") for name in pretrained] for score in ("hit", "overlap"))
vt.claim("over the edges they add many hits, but less than a tenth of overlap",
         min(of.low for of in hits) > 0.25 and max(of.high for of in overlap) < 0.1, hits=hits, overlap=overlap)

# %% [markdown]
# And look at the first row. The networks from scratch have 65 % of their answers right, the others 91 or
# 92 %, yet their maps score nearly as well. To say where seems easier than to say which: a good map is no
# good network.

# %% [markdown]
# Second, the test that every explanation should have to pass (Adebayo et al. 2018). We replace the
# learnt weights by random ones, from the head to the stem, part after part. A map that describes what
# was learnt must change. If it stays, it describes the *image*, as an edge detector would.

# %%
sanity = lesson_09.cam_table("sanity")
lesson_09.plot_cascade(sanity)

# %% [markdown]
# A thin line is a seed. **Rank correlation** is 1 where two maps order their cells alike, and 0 where
# the one order says nothing about the other. The dashed line is the yardstick: so alike are the trained
# network's maps of two *different* images.
#
# Grad-CAM falls below it, on average, as soon as the head is random: the map no longer resembles the
# trained one more than that of another image does. (It may still touch the plant now and then: see epoch
# 0 above.) **LayerCAM** weights each cell by its own positive gradient instead of one mean for the whole
# map (Jiang et al. 2021); with a random head it keeps .99. **Guided backprop** (Springenberg et al.
# 2015), which lets a gradient back through a ReLU only where it is positive, hardly notices a random
# head, nor a random last stage. The published experiment found the same of Grad-CAM and guided backprop
# on ImageNet (shape reproduced: yes for Grad-CAM; for guided backprop yes in the upper stages, while in
# the lowest ones ours falls as well).

# %%
after = sanity.groupby(["method", "part"]).rank_correlation.mean()
other = after["grad_cam"]["other image"]
vt.claim("with a random head, Grad-CAM's maps are no more alike than those of different images",
         after["grad_cam"]["head"] < other + 0.1, head=after["grad_cam"]["head"], other=other)
stays = {method: after[method]["head"] for method in ("guided_backprop", "layer_cam")}
vt.claim("guided backprop and LayerCAM hardly notice a random head", min(stays.values()) > 0.8, stays=stays)

# %% [markdown]
# Third, the shortcut. `holds` is the accuracy where the ground is tied to the species, `breaks` where
# it is not; `holds_mass` and `breaks_mass` are the shares of the map's mass on the plant in those images.
# The rows "balanced" trained on the same plants before grounds at random. With the plain recipe *full* is
# poor even on balanced grounds, so compare each row with its own balanced one, not ways with each other.

# %%
columns = ["holds", "breaks", "holds_mass", "breaks_mass", "breaks_hit"]
print(shortcut.groupby(["training", "strategy"])[columns].mean().round(2).to_string())

# %% [markdown]
# The differences again seed by seed. The maps tell the same story as the accuracy, and they tell it
# without any test images on which the shortcut breaks: `holds_mass` is measured where all is well. There
# the map of scratch lies off the plant. Trained on balanced grounds, it has .13 more of its mass on it
# (95 % interval .05 to .21), and full .04 more (.02 to .06); that of the probe stays within .01. But one
# needs something to compare with: full's .31 alone would alarm nobody.

# %%
def seeds(name, column, training="tied"):
    rows = shortcut[(shortcut.strategy == name) & (shortcut.training == training)]
    return rows.sort_values("seed")[column].to_numpy()

# %%
fooled = vt.metrics.paired_difference(seeds("scratch", "holds"), seeds("scratch", "breaks"))
vt.claim("from scratch collapses where the shortcut breaks", fooled.low > 0.4, fooled=fooled)
calm = vt.metrics.paired_difference(seeds("probe", "holds"), seeds("probe", "breaks"))
vt.claim("the probe hardly minds", calm.high < 0.15, calm=calm)

# %%
seen = vt.metrics.paired_difference(seeds("probe", "holds_mass"), seeds("scratch", "holds_mass"))
vt.claim("where all is well, the map of scratch already is off the plant", seen.low > 0.1, seen=seen)
back = {name: vt.metrics.paired_difference(seeds(name, "holds_mass", "balanced"), seeds(name, "holds_mass"))
        for name in ("scratch", "full")}
vt.claim("there, balanced grounds bring more of the maps of scratch and of full onto the plant",
         min(of.low for of in back.values()) > 0, back=back)

# %% [markdown]
# What does balancing the grounds do? For full fine-tuning it closes the *gap* between images where the
# shortcut holds and images where it breaks. Most of that is lost where the shortcut holds, 11 points (6
# to 16): there the network had been helped by the ground. Its accuracy where the shortcut breaks rises by
# 7 points in the mean, but the interval of five seeds includes zero (0.07 ± 0.09), so we do not claim
# that. From scratch gains for certain, and stays poor: ten images a class are few.

# %%
gap = {way: seeds("full", "holds", way) - seeds("full", "breaks", way)
       for way in ("tied", "balanced")}
closed = vt.metrics.paired_difference(gap["tied"], gap["balanced"])
vt.claim("balancing closes full fine-tuning's gap", closed.low > 0.03, closed=closed)
freed = vt.metrics.paired_difference(seeds("scratch", "breaks", "balanced"), seeds("scratch", "breaks"))
vt.claim("and scratch names more where the shortcut breaks", freed.low > 0.05, freed=freed)

# %% [markdown]
# ## Caveats
#
# A map shows where the evidence for *one* score lies, not why, and not whether it is right. Its cells
# are coarse: 8 × 8 here, so that a small plant fills one or two. A high score is no proof of a good
# network either, as an object detector without any botany would score as well. Our scores know what the
# truth is; on your own photographs you have baselines and the randomisation test, and should use both.
# What *full* and *scratch* look at was found with the plain recipe; with another they may look elsewhere.
# And the probe's calm is no virtue of probing as such: in its source, the ground said nothing about the
# species, so its stages learnt to pass it by. A source with a shortcut could hand the shortcut on.

# %% [markdown]
# ## Exercises
#
# **09.1 Write a function.** The pointing game for one map and one mask of the same size, two NumPy
# arrays: does the largest value lie on the object?

# %%
def hit(heat, mask):
    return ...

vt.check("09.1", hit)

# %% [markdown]
# **09.2 Measure.** Score the maps of `stage3` of the probe above on the images `some`, and give the mean
# share of the mass on the plant. Is it sharper than stage 4?

# %%
mass_of_stage3 = ...
vt.check("09.2", mass_of_stage3)

# %% [markdown]
# **09.3 Explain a surprise.** A colleague shows you maps of guided backprop that trace every petal, and
# says that hence the network must know its botany. What do you answer? (a) Fine detail proves it.
# (b) The map stays nearly the same when the head is random, so it cannot show what the head has learnt.
# (c) The maps should first be scaled one by one. Answer with a letter.

# %%
answer = ...
vt.check("09.3", answer)

# %% [markdown]
# ## In short
#
# - Grad-CAM is one pass forward and one back to a stage: feature maps, weighted by mean gradients. It
#   works on frozen networks, since only the path from the stage to the score is followed.
# - A map is worth what it adds to a map that knows nothing: centre, random, edges. Here the pretrained
#   strategies add much to the centre, and many hits to the edges, but little overlap. From scratch, with
#   65 % right, scores nearly as well: a good map is no good network.
# - Test that a map changes when the weights do. On average Grad-CAM passes (one seed of five stayed above
#   the yardstick); guided backprop and LayerCAM hardly notice a random head.
# - A map can show a shortcut that accuracy on the same kind of images hides.
#
# Next: lesson 16 takes a folder of your own images. (10 to 15 are not written yet.)

# %% [markdown]
# ## References
#
# - Selvaraju et al. (2017), *Grad-CAM: visual explanations from deep networks.*
# - Zhang et al. (2018), *Top-down neural attention by excitation backprop*: the pointing game.
# - Adebayo et al. (2018), *Sanity checks for saliency maps.*
# - Jiang et al. (2021), *LayerCAM: exploring hierarchical class activation maps for localization.*
# - Springenberg et al. (2015), *Striving for simplicity: the all convolutional net*: guided backprop.
# - Geirhos et al. (2020), *Shortcut learning in deep neural networks.*
