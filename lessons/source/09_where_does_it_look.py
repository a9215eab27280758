# %% [markdown]
# # 09 · Where does it look?
#
# Two networks name plants. On new images of the kind that they learnt from, the first names 98 of 100, the
# second 91. Which one do you take into another garden? There the first names 13 of 100, which is guessing,
# and the second 89. The first pair of numbers does not warn you. A picture of *where a network looks* can.
# This lesson draws such pictures, and finds out which of them you may believe.

# %% [markdown]
# ## You will
#
# - draw heat maps by hand in a few lines of PyTorch, with a gradient and without one;
# - catch a network that follows the ground and not the plant, and prove it;
# - break networks on purpose, and see which maps notice. The maps with the best scores do not.
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
# A [heat map](glossary.md#heat-map) gives each place of an image a number: how much this place speaks for a
# class. It looks like an answer to "why?". But a map is itself the output of a formula, and a map that looks
# good may still be wrong. How can we test it?
#
# A photograph does not come with the truth about where to look. Our garden is drawn by formula. So each test
# image has an exact [mask](glossary.md#mask): true on the plant that is to be named, false on the ground,
# the leaves and the weeds. We need not judge maps by their looks.

# %% [markdown]
# ## Look
#
# Six test images, each with the outline of its plant. The other, smaller flowers are weeds of other species.
# The plant may stand anywhere, so a map that always points at the middle is seldom right.

# %%
task = vt.task("garden", shots=40, seed=seed)
shown = task.test[torch.arange(0, 1200, 210)]
vt.plots.images(shown.pixels, titles=[task.classes[k] for k in shown.labels], masks=shown.masks)

# %% [markdown]
# ## Predict
#
# We shall train a [linear probe](glossary.md#linear-probe) and take the brightest point of its map. A plant
# covers about a tenth of an image. The middle of the image lies on the plant in about 23 of 100 images.

# %%
pointing = vt.guess("In how many of 100 images does the brightest point lie on the plant?",
                    ["about 20", "about 50", "about 90"])
pointing

# %% [markdown]
# ## By hand, once
#
# First we need a network to look into: a probe, trained on forty images of each class. All its stages are
# frozen. Some tools for heat maps fail on such a network, because none of its stages asks for a gradient.

# %%
network = vt.backbone("mini_resnet", classes=8)
for record in vt.fit(network, task, vt.probe, seed=seed):
    pass

# %% [markdown]
# **Grad-CAM** needs two things from the last stage. The [feature maps](glossary.md#feature-map): 256 small
# images of 8 × 8 cells. And the [gradient](glossary.md#gradient) of the class's score with respect to each
# cell: how much does the score rise if this cell responds more? So we run the stages without gradients,
# and ask for gradients from the feature maps on.

# %%
network.eval()
with torch.no_grad():
    maps = network.run_stages(network.normalise(shown.pixels), 0)
logits = network.classify(maps.requires_grad_())
named = logits.argmax(1)
gradients = torch.autograd.grad(logits.gather(1, named[:, None]).sum(), maps)[0]
print(tuple(maps.shape), tuple(gradients.shape))

# %% [markdown]
# Each feature map gets one weight: the mean of its gradient over all cells. Add up the weighted maps, and set
# negative sums (evidence *against* the class) to zero. That is all.

# %%
maps = maps.detach()
grad_cam = (gradients.mean((2, 3), keepdim=True) * maps).sum(1).clamp(min=0)

# %% [markdown]
# Do we need the gradient? In this network, the head takes the mean of each feature map and multiplies it by a
# weight. So the gradient in each cell *is* that weight, divided by the 64 cells. Hence two lines without any
# gradient give the same map. This is **CAM** (Zhou et al. 2016), one year older than Grad-CAM:

# %%
weights = network.head.weight.detach()[named]  # a row for each image: the weights of its class
cam = torch.einsum("nc,nchw->nhw", weights, maps).clamp(min=0) / 64
spread = (gradients.amax((2, 3)) - gradients.amin((2, 3))).max()
vt.claim("Grad-CAM is CAM here, since a feature map has the same gradient in every cell",
         torch.allclose(cam, grad_cam, atol=1e-5) and spread < 1e-6)

# %% [markdown]
# Remember this: it will explain a failure below. (For other heads, or an earlier stage, the gradient differs
# from cell to cell. There only Grad-CAM works.)
#
# ## With vtlab
#
# `vt.explain` does this for any stage, class and network. Grad-CAM is its default method.

# %%
by_vtlab = vt.explain(network, shown.pixels)
vt.claim("our Grad-CAM and the library's are the same", torch.allclose(grad_cam, by_vtlab, atol=1e-5))

# %% [markdown]
# Below are maps of three stages: 16 × 16 cells at stage 2, then twice 8 × 8. The deeper the stage, the more
# its map says about the class. Mind the scale: here each map is stretched to its own maximum. So you may
# compare places, and not amounts: a map with hardly any evidence looks as sure as one with much.

# %%
few = shown[torch.tensor([1, 2, 5])]
stages = {stage: vt.explain(network, few.pixels, stage=stage) for stage in ("stage2", "stage3", "stage4")}
vt.plots.cams(few.pixels, stages, masks=few.masks, scale="each")

# %% [markdown]
# Convincing? Three images prove nothing. Three scores turn the glance into numbers:
#
# - **hit**, the [pointing game](glossary.md#pointing-game): does the brightest point lie on the plant?
# - **mass**: which share of the map's sum lies on the plant?
# - **overlap**: take as many of the brightest pixels as the plant has; divide intersection by union.
#
# A score means little until you know what a trivial map scores. So beside the probe stand three maps that
# never saw the network: a bump in the centre, random numbers, and the edges of the image.

# %% tags=["nbval-ignore-output"]
some = task.test[torch.arange(0, 1200, 5)]
scored = {"probe": vt.explain(network, some.pixels)}
scored |= {name: vt.analysis.baseline_maps(name, some.pixels) for name in ("centre", "random", "edges")}
scores = {name: vt.analysis.cam_scores(heat, some.masks).mean().round(2) for name, heat in scored.items()}
for name, of in scores.items():
    print(f"{name:7}", of.to_dict())

# %%
pointing.reveal("about 90")

# %% [markdown]
# ## Explore
#
# Now we plant a [shortcut](glossary.md#shortcut). Suppose each species was photographed in its own place:
# one on moss, one on sand. Then the ground alone tells the species. Below are training images of four
# species, in rows. Compare the grounds.

# %%
tied = lesson_09.paired_ground_task(seed)
vt.plots.image_rows({f"species {k + 1}": tied.train.pixels[10 * k : 10 * k + 7] for k in range(4)})

# %% [markdown]
# We train two networks on ten such images of each species: one [from scratch](glossary.md#from-scratch) and
# one probe. Then we test on new plants. Each test plant comes twice: before the ground of its own species,
# and before another ground. Nothing else changes.

# %%
networks = {}
for strategy, epochs in ((vt.plain(vt.scratch), 15), (vt.probe, None)):
    networks[strategy.name] = vt.backbone("mini_resnet", classes=8)
    for record in vt.fit(networks[strategy.name], tied, strategy, seed=seed, epochs=epochs):
        pass

# %%
own, other = (tied.test[torch.arange(first, 320, 2)] for first in (0, 1))
scratch, probe = ({"own ground": vt.evaluate(network, own.pixels, own.labels),
                   "other ground": vt.evaluate(network, other.pixels, other.labels)}
                  for network in networks.values())
vt.claim("from scratch is ahead before the plant's own ground, and far behind before another ground",
         scratch["own ground"] > probe["own ground"] and
         scratch["other ground"] < probe["other ground"] - 0.4, scratch=scratch, probe=probe)

# %%
light = vt.guess("Trained from scratch on such images: which part of an image will its map light up?",
                 ["the plant", "plant and ground alike", "the ground, with a hole at the plant"])
light

# %% [markdown]
# Two large plants, each before both grounds. (We took two that tell the story: the probe names them both
# times, the other network once. The claim above counts all 160.)

# %%
lesson_09.plot_ground_pairs(networks, tied)

# %%
light.reveal("the ground, with a hole at the plant")
on_plant = {name: vt.analysis.cam_scores(vt.explain(network, own.pixels), own.masks).mass.mean()
            for name, network in networks.items()}
area = own.masks.double().mean().item()
vt.claim("from scratch has less of its map on the plant than an evenly bright map, the probe much more",
         on_plant["scratch"] < area and on_plant["probe"] > 2 * area, mass=on_plant, even_map=area)

# %% [markdown]
# There it is: on the plant the map of the network from scratch is darker than on average, and when the ground
# changes, its answer follows the ground. On the plants' own grounds all its answers were right. Look for
# yourself. In this panel, **Next image** changes the ground and keeps the
# plant, then goes on to the next plant. Try the other methods, and the evidence for another class.

# %%
panel = vt.CamPanel(networks, tied, image=6)
panel

# %% [markdown]
# Everything that a click does can be done in code as well.

# %% tags=["nbval-ignore-output"]
panel.buttons["next"].click()
print(panel.describe())

# %%
assert panel.image == 7
panel.method, panel.image = "occlusion", 8
print(panel)

# %% [markdown]
# ## Look inside
#
# Does a map on the plant prove, the other way round, that a network knows plants? We watch one learn.
# `explain_each_epoch` trains like `fit` and draws the map of the same image after every epoch, always for the
# *true* species. All weights learn here, from a random head (the [plain recipe](glossary.md#plain-recipe)).

# %%
start, one = task.at(5, seed=seed), shown[torch.tensor([1])]
learner = vt.backbone("mini_resnet", classes=8)
looks = list(lesson_09.explain_each_epoch(learner, start, vt.plain(vt.full), one.pixels, seed=seed,
                                          epochs=12, targets=one.labels))
moments = {f"epoch {look.epoch}": torch.tensor(look.maps) for look in looks[::3]}
vt.plots.cams(one.pixels, moments, masks=one.masks, of="true")

# %% [markdown]
# All maps share one scale, so you may compare brightness. At epoch 0 the head is random. It knows no species,
# and yet a map can already lie on the plant (in the stored run it does): the pretrained stages respond to
# plants, and this head happens to add these responses up. So a map on the plant does not prove that the
# network knows the species. What training adds is the amount:

# %%
late, early = torch.tensor(looks[-1].maps), torch.tensor(looks[0].maps)
vt.claim("after training there is more evidence for the true species than before",
         late.sum() > 1.2 * early.sum(), before=early.sum(), after=late.sum())

# %% [markdown]
# ## What we saw
#
# **Good scores are cheap.** The four strategies, trained on 40 images of each class, five seeds
# (`python data/make/cam.py scores`; plain recipe). A dot is one training, the number the mean in percent.
# The last three rows are the trivial maps.

# %%
table = lesson_09.cam_table("scores").query("stage == 'stage4'").sort_values("seed")
lesson_09.plot_cam_scores(table)

# %%
def ahead(name, score, trivial):
    ours, theirs = (table[table.strategy == s][score].to_numpy() for s in (name, trivial))
    return vt.metrics.paired_difference(ours, theirs)

hit, mass, overlap = ({name: ahead(name, score, "edges") for name in ("probe", "partial", "full")}
                      for score in ("hit", "mass", "overlap"))
vt.claim("the pretrained strategies hit the plant far more often than edges do",
         min(of.low for of in hit.values()) > 0.25, ahead=hit)
vt.claim("but they overlap with it hardly better than edges", max(of.high for of in overlap.values()) < 0.1,
         ahead=overlap)

# %% [markdown]
# Look at the first row, too. From scratch names 65 % of the plants, the others 91 or 92 %. Its maps score
# nearly as well. It is easier to say *where* the plant is than *which* it is: a good map does not make a
# good network.
#
# **Break the network.** A map that explains what a network learnt must change when this is destroyed. That is
# the [sanity check](glossary.md#sanity-check) of Adebayo et al. (2018): replace the learnt weights by random
# ones, first the head, then stage after stage. Try it on a photograph (danielbuechele, CC BY 2.0; it comes
# with scikit-learn) and a network that knows ImageNet's 1,000 classes. The dahlia is not among them.

# %%
from sklearn.datasets import load_sample_image
from torchvision.models import ResNet18_Weights
from torchvision.transforms import v2

photo = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1)[None]
flower = v2.functional.resize(v2.functional.center_crop(photo, [427, 427]), [224, 224])
large = vt.backbone("efficientnet_lite0", classes=None)
says = vt.predict(large, flower).argmax().item()
print("the network says:", ResNet18_Weights.DEFAULT.meta["categories"][says])

# %%
random_head = vt.guess("We make the head random. Which maps stay nearly the same?",
                       ["none of them", "only guided backprop's", "guided backprop's and LayerCAM's"])
random_head

# %% [markdown]
# [LayerCAM](glossary.md#layercam) (Jiang et al. 2021) weights each *cell* by its own positive gradient.
# [Guided backprop](glossary.md#guided-backprop) (Springenberg et al. 2015) follows the gradient back to the
# pixels, and keeps only positive parts. The last row are plain edges, which never saw a network.

# %%
lesson_09.plot_randomised_maps(large, flower, seed)

# %%
random_head.reveal("guided backprop's and LayerCAM's")

# %% [markdown]
# With a random head the network answers at random. Grad-CAM falls apart at once. LayerCAM does not move, and
# guided backprop still draws every petal when stage 4 is random, too. Now in numbers: full fine-tuning in the
# garden, five seeds, two measures. [Rank correlation](glossary.md#rank-correlation) asks whether two maps
# order their cells alike; structural similarity (SSIM) compares them window by window. Both are 1 for equal
# maps. The dotted line is the yardstick: how alike are the maps of two *different* images?

# %%
sanity = lesson_09.cam_table("sanity").sort_values("seed")
lesson_09.plot_cascade(sanity)

# %%
def above_yardstick(method, part, measure):
    rows = sanity[sanity.method == method]
    here, yardstick = (rows[rows.part == p][measure].to_numpy() for p in (part, "other image"))
    return vt.metrics.paired_difference(here, yardstick)

measures = ("rank_correlation", "ssim")
stay = {f"{m} {measure}": above_yardstick(m, "head", measure)
        for m in ("layer_cam", "guided_backprop") for measure in measures}
vt.claim("with a random head, maps of LayerCAM and guided backprop stay far above the yardstick",
         min(of.low for of in stay.values()) > 0.3, above=stay)

# %%
fall = {part: {measure: above_yardstick("grad_cam", part, measure) for measure in measures}
        for part in ("head", "stage4")}
vt.claim("Grad-CAM is clearly below it by both measures once stage 4 is random, too",
         max(of.high for of in fall["stage4"].values()) < 0, head=fall["head"], and_stage_4=fall["stage4"])

# %% [markdown]
# Mind what is *not* shown. With only the head random, Grad-CAM is below the yardstick in the mean of the rank
# correlation, but both intervals include zero: its maps are not shown to be more alike than those of different
# images, and five seeds leave room for a quarter. (The paper found the same on ImageNet for Grad-CAM and, in the upper stages, for
# guided backprop. [Shape reproduced](glossary.md#shape-reproduced): yes. In the lowest stages our guided
# backprop falls as well.)
#
# **Why does LayerCAM not notice?** We have seen the reason: the gradient is the same in every cell. So there
# is no weight per cell. What is left of LayerCAM is CAM with one change: it sets the *negative weights* to
# zero. We write both, for the species that the network names (A) and for one of the other genus (B):

# %%
part = some[torch.arange(0, 240, 3)]
with torch.no_grad():
    maps = network.run_stages(network.normalise(part.pixels), 0)
    a = network.classify(maps).argmax(1)
weight = {"A": network.head.weight.detach()[a], "B": network.head.weight.detach()[(a + 1) % 8]}
found = {f"CAM, {name}": torch.einsum("nc,nchw->nhw", w, maps) for name, w in weight.items()}
found |= {f"LayerCAM, {name}": torch.einsum("nc,nchw->nhw", w.clamp(min=0), maps) for name, w in weight.items()}
found["plain sum"] = maps.sum(1)

# %%
places = torch.tensor([20, 50, 70])
vt.plots.cams(part.pixels[places], {name: heat[places].clamp(min=0) for name, heat in found.items()},
              masks=part.masks[places], scale="each", what="by hand")

# %%
layer_cam = vt.explain(network, part.pixels, method="layer_cam")
alike = {f"{one} and {two}": lesson_09.rank_correlation(found[one], found[two]).mean().item()
         for one, two in (("CAM, A", "CAM, B"), ("LayerCAM, A", "LayerCAM, B"), ("LayerCAM, A", "plain sum"))}
vt.claim("LayerCAM is CAM with its negative weights cut here",
         torch.allclose(layer_cam, found["LayerCAM, A"] / 64, atol=1e-5))
vt.claim("its maps of two species are nearly the same, and nearly the plain sum; CAM's differ",
         min(list(alike.values())[1:]) > 0.9 and alike["CAM, A and CAM, B"] < 0.5, **alike)

# %% [markdown]
# A feature map is never negative (a ReLU made it). So a sum of half of them looks like the sum of all:
# "something is here". What tells two species apart is the *difference* of two such sums, of the channels with
# positive weights and of those with negative ones. LayerCAM cuts the second.
# (Its authors made it for earlier stages, where gradients do differ from cell to cell.)
#
# **The best score fails the check.** Now both together, on the same 48 images: at the left the score on the
# mask, at the right what stays of a map when parts of the network are random. Read row by row.

# %%
methods = lesson_09.cam_table("methods").sort_values("seed")
lesson_09.plot_scores_and_checks(methods, sanity)

# %%
def against(name, score, rival):
    ours, theirs = (methods[methods.method == m][score].to_numpy() for m in (name, rival))
    return vt.metrics.paired_difference(ours, theirs)

best = against("guided_backprop", "mass", "grad_cam")
vt.claim("guided backprop has by far the most mass on the plant, and fails the check that Grad-CAM passes",
         best.low > 0.3 and above_yardstick("guided_backprop", "stage4", "rank_correlation").low > 0.5
         and fall["stage4"]["rank_correlation"].high < 0, more_mass=best)

# %% [markdown]
# So a mask measures whether a map finds *the plant*, and not whether it says what *the network* does. Is
# there a score that asks the network? **Deletion** paints over the brightest pixels first and watches the
# probability fall; **insertion** brings them back. Here is what plain edges and guided backprop reach, less
# Grad-CAM:

# %%
asked = {f"{name} {score}": against(name, score, "grad_cam")
         for name in ("edges", "guided_backprop") for score in ("deletion", "insertion")}
vt.claim("even by deletion and insertion, edges that never saw the network come within 5 points of Grad-CAM",
         max(abs(of.mean) for of in asked.values()) < 0.05, **asked)

# %% [markdown]
# Not one number, then, tells a true map from a fine one. What helped was an *intervention*: change the
# network, or change the image, and look whether map and answer follow.
#
# **The shortcut, five seeds.** The same trainings as above, for all four strategies (`python
# data/make/cam.py shortcut`; plain recipe). At the left and in the middle accuracy; at the right how much
# of the map lies on the plant, before the species' own ground, where nothing looks wrong yet:

# %%
shortcut = lesson_09.cam_table("shortcut").sort_values("seed")

def seeds(name, column, training="tied"):
    return shortcut[(shortcut.strategy == name) & (shortcut.training == training)][column].to_numpy()

columns = {"Accuracy, own ground": "holds", "Accuracy, other ground": "breaks",
           "Map on the plant, own ground": "holds_mass"}
vt.plots.intervals({title: {name: seeds(name, column) for name in ("scratch", "probe", "partial", "full")}
                    for title, column in columns.items()}, what="percent")

# %%
lost = {name: vt.metrics.paired_difference(seeds(name, "holds"), seeds(name, "breaks"))
        for name in ("scratch", "probe", "full")}
vt.claim("another ground costs scratch nearly all, full something and the probe little",
         lost["scratch"].low > 0.7 and lost["full"].low > 0 and lost["probe"].high < 0.1, lost=lost)
off = vt.metrics.paired_difference(seeds("probe", "holds_mass"), seeds("scratch", "holds_mass"))
vt.claim("before its own ground, the map of scratch is already off the plant", off.low > 0.2, probe_ahead=off)

# %% [markdown]
# The cure is in the data. *Balanced* are the same plants, before grounds at random. (Accuracies of scratch
# stay low: ten images of each species are few for it. Compare each strategy with itself only.)

# %%
def balancing(name, column):
    return vt.metrics.paired_difference(seeds(name, column, "balanced"), seeds(name, column))

more = {name: balancing(name, "holds_mass") for name in ("scratch", "full", "probe")}
vt.claim("balanced grounds bring the maps of scratch and full onto the plant; the probe's was there",
         min(more["scratch"].low, more["full"].low) > 0 and abs(more["probe"].mean) < 0.01, more_on_plant=more)
names = {name: balancing(name, "breaks") for name in ("scratch", "full")}
vt.claim("and scratch names more plants before other grounds; for full five seeds do not show it",
         names["scratch"].low > 0.05 and names["full"].low < 0, gain=names)

# %% [markdown]
# Would full's map alone have warned you? Hardly: it has a third of its mass on the plant, as the others do.
# You need something to compare with: a balanced training, another network, or the other ground.
#
# ## Caveats
#
# A map says where the evidence for *one* score lies. It does not say why, nor whether the answer is right.
# The maps of stage 4 have 8 × 8 cells: a small plant fills one or two.
#
# The sanity check itself is disputed. A map may stay because the *image* decides most of it, or because
# learnt stages below a random head still find the object (Yona and Greenfeld 2021, Kokhlikyan et al. 2021);
# measures of likeness can favour noisy maps (Binder et al. 2023). So read it in one direction: a map that
# stays cannot show what the random part had learnt. A map that changes is not thereby right.
#
# *Full* and *scratch* were trained by the plain recipe; with another they may look elsewhere. And the probe
# stays calm only because the ground said nothing about the species in its pretraining. A source with a
# shortcut could hand it on. The photograph is one image and one random head: it illustrates, the table
# measures.

# %% [markdown]
# ## Exercises
#
# **09.1 Explain a surprise.** ● A colleague shows you maps of guided backprop that trace every petal. "So
# the network knows its botany." What do you answer? (a) "These maps hardly change when the head is random.
# So they cannot show what the head has learnt." (b) "Right: this method has the most mass on the plant."
# (c) "Right, if it does well at deletion and insertion, too, since these two ask the network." Answer with
# a letter.
#
# <details><summary>A hint</summary>Who had the best score above? And who came close in deletion and insertion
# without ever seeing the network?</details>

# %%
answer = ...
vt.check("09.1", answer)

# %% [markdown]
# **09.2 Write a function.** ●● A heat map without any look inside: [occlusion](glossary.md#occlusion).
# Cover one square of `side` pixels after another with grey (128), and note how far the score falls. `score`
# takes an image `(3, H, W)` and gives a number; the map is `(H / side, W / side)`, NumPy throughout.
#
# <details><summary>A hint</summary>Two loops, one over rows of squares and one over columns. Cover a *copy* of
# the image. A fall counts positive: the score of the image minus that of the covered copy.</details>

# %%
def occlusion(score, image, side):
    return ...

vt.check("09.2", occlusion)

# %% [markdown]
# **09.3 An experiment.** ●●● The maps suggest that our network from scratch needs no plant. A map is a
# suggestion; prove it. Change the images `own` so that the plants are gone and the grounds stay, and
# measure the accuracy of both `networks` on them. Before you run it: what would you expect of each, if the
# maps are right?
#
# <details><summary>A hint</summary>`own.masks[:, None]` is true on the plants, for all three channels;
# `torch.where(mask, value, pixels)` paints. Which value you take should not matter: try two.</details>

# %%
without_plants = ...  # {"scratch": accuracy, "probe": accuracy}
vt.check("09.3", without_plants)

# %% [markdown]
# **09.4 Your own images.** (open) `vt.task("FOLDER")` reads a folder of yours with a folder for each class.
# Train a probe on it and open `vt.CamPanel({"probe": network}, task)`. Find an image whose map is *not* on
# the thing. Say what you believe the network sees there. Then test it: paint over that place, and ask the
# network again.

# %% [markdown]
# ## In short
#
# - Grad-CAM: feature maps, weighted by mean gradients. With mean pooling and a linear head it is CAM, which
#   needs no gradient.
# - A network that looks at the wrong thing can be right on every image of its own kind. Its map can show it,
#   before any test set does; you need something to compare with.
# - Scores against masks, and even deletion and insertion, do not tell whether a map depends on the network:
#   guided backprop wins the first, and edges come close in the others.
# - Make the head random. Maps of LayerCAM (here) and guided backprop stay. Grad-CAM's do not; that they fall
#   below the yardstick is shown once stage 4 is random, too.
# - A map suggests. Changing the image proves.
#
# Next: lesson 16 takes a folder of your own images. (10 to 15 are not written yet.)

# %% [markdown]
# ## References
#
# - Zhou et al. (2016), *Learning deep features for discriminative localization*: CAM.
# - Selvaraju et al. (2017), *Grad-CAM: visual explanations from deep networks.*
# - Zhang et al. (2018), *Top-down neural attention by excitation backprop*: the pointing game.
# - Jiang et al. (2021), *LayerCAM: exploring hierarchical class activation maps for localization.*
# - Springenberg et al. (2015), *Striving for simplicity: the all convolutional net*: guided backprop.
# - Petsiuk et al. (2018), *RISE: randomized input sampling for explanation*: deletion and insertion.
# - Adebayo et al. (2018), *Sanity checks for saliency maps*; doubts: Yona, Greenfeld (2021), *Revisiting sanity
#   checks for saliency maps*; Kokhlikyan et al. (2021), *Investigating sanity checks for saliency maps with image
#   and text classification*; Binder et al. (2023), *Shortcomings of top-down randomization-based sanity checks.*
# - Geirhos et al. (2020), *Shortcut learning in deep neural networks.*
