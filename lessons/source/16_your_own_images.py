# %% [markdown]
# # 16 · Which network for your own images, and what should learn?
#
# The lessons before this one drew their images, and knew everything about them. A practitioner comes
# with a folder: photographs from a phone, one of them on its side, one cut off half way, one that is
# there twice. What happens between that folder and an answer that can be trusted?

# %% [markdown]
# ## You will
#
# - read a folder with everything that is wrong in it, and account for every file;
# - compare two sets of pretrained weights on two targets, and see that neither is better everywhere;
# - have ways to train race on your own images, and check the recommendation on images it never saw;
# - save the network, load it in one line, have it name a photograph, and write a report.
#
# You should know lessons 01, 05 and 06. About 25 minutes of reading, one and a half of computing on two
# processor cores. Nothing is downloaded unless you ask for it.

# %%
import os
import tempfile
from pathlib import Path
import torch
import vtlab as vt

vt.begin(seed=0)

# %% [markdown]
# ## The question
#
# Four things are decided before any training: which images count, which are kept for testing, where the
# weights come from, and what learns. Each can spoil the result without a sign of it. A file that is left
# out in silence changes the classes; a photograph that lies in the training *and* in the test set makes
# every number too good; weights from the wrong world help less than they could; and a strategy that was
# best for somebody else's images need not be best for yours.
#
# **Your own folder.** Everything below runs on a folder that the garden writes. To use yours, put its
# path in place of `None` in the next cell (or set `VTLAB_PHOTOS` before starting Jupyter): a folder per
# class, or such folders below `train/` and `test/`, or a zip of either, or a table with a row per image.
# What is said about the numbers is then about the garden's, of course. Likewise `weights_of_imagenet`:
# `"default"` fetches those of a MobileNet v2 that learnt from ImageNet (14 MB, once), a path reads them.

# %%
seed = int(os.environ.get("VTLAB_SEED", 0))
mine = os.environ.get("VTLAB_PHOTOS", None)
weights_of_imagenet = os.environ.get("VTLAB_IMAGENET", None)

# %% [markdown]
# ## Look
#
# The garden as somebody's folder: eight species, twenty photographs of each to learn from and forty to
# test on, written as JPEG files of 96 pixels.

# %%
from PIL import Image, ImageOps

work = Path(tempfile.mkdtemp())
drawn = vt.task("garden", shots=20, seed=seed, image_size=96)

def write(images, part):
    for i in range(len(images)):
        path = work / "photos" / part / drawn.classes[images.labels[i]] / f"{i:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.pixels[i].permute(1, 2, 0).numpy()).save(path, quality=90)

# %%
test = torch.cat([(drawn.test.labels == k).nonzero()[:40, 0] for k in range(8)])
write(drawn.train, "train")
write(drawn.test[test], "test")

# %% [markdown]
# And now what real folders have. In the first class we leave a photograph that was taken with the camera
# on its side (its pixels lie on their side too, and a note in the file, in a format called **EXIF**, says
# how to turn them), an empty file, one whose copying stopped half way, and a text. One training image
# finds its way into the test folder, a little smaller and saved anew, as photographs do.

# %%
first = work / "photos" / "train" / drawn.classes[0]
exif = Image.Exif()
exif[0x0112] = 6  # "turn me by a quarter, clockwise"
Image.open(first / "000.jpg").rotate(90).save(first / "sideways.jpg", exif=exif, quality=95)
(first / "empty.jpg").touch()
(first / "half.jpg").write_bytes((first / "001.jpg").read_bytes()[:900])
(first / "about.txt").write_text("taken on a sunny day")
Image.open(first / "002.jpg").resize((90, 90)).save(work / "photos" / "test" / drawn.classes[0] / "again.jpg")

# %% [markdown]
# ## Predict
#
# Two files of weights for the same small ResNet ship with vtlab. *Garden* learnt from 200,000 drawings
# of invented plants. *Natural* learnt to name 200 kinds of things on 50,000 small photographs of the
# world. The target we ask about is neither plants nor photographs of things: handwritten digits. Which
# start gives a linear probe the better features?

# %%
better = vt.guess("The better start for handwritten digits?",
                  ["garden: drawings have clean lines, like digits", "natural: it has seen more kinds of things",
                   "neither can be told from the other"])
better

# %% [markdown]
# ## By hand, once
#
# What must happen to one file: open it, turn it as its EXIF says, make it RGB (some are grey, some have a
# transparent channel), scale it to the network's size.

# %%
with Image.open(first / "sideways.jpg") as image:
    image = ImageOps.exif_transpose(image).convert("RGB")
    image = image.resize((64, 64), Image.Resampling.BICUBIC)
by_hand = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(64, 64, 3).permute(2, 0, 1)

# %% [markdown]
# ## With vtlab
#
# `vt.task` does that for every file, and says what it found: copies, images of the test set that look
# like one of the training set (by a **perceptual hash**, which survives scaling and saving anew), and,
# one by one, what was left out and why.

# %%
task = vt.task(work / "photos", shots="all")
print(*task.notes, *task.skipped, sep="\n")

# %%
files = [path for path in (work / "photos").rglob("*") if path.is_file()]
vt.claim("every file is learnt from, tested on, or named",
         len(files) == len(task.train) + len(task.test) + len(task.skipped))
place = [name.endswith("sideways.jpg") for name in task.train.files].index(True)
difference = (task.train.pixels[place].float() - by_hand.float()).abs().mean()
vt.claim("the photograph that lay on its side is upright", difference < 2, difference=difference)

# %% [markdown]
# The copy is named and not removed: which of the two to delete, and whether it matters, is for a person
# to say. Here we delete it, as one should before reading any accuracy. (One in 321 does little. In
# collections from the web it can be one in ten.)

# %%
(work / "photos" / "test" / drawn.classes[0] / "again.jpg").unlink()
task = vt.task(mine or work / "photos", shots="all")

# %% tags=["nbval-ignore-output"]
print(f"{len(task.train)} training images and {len(task.test)} test images of {', '.join(task.classes)}")

# %% [markdown]
# ## Explore
#
# The same with a mouse: this panel takes a path on the machine where the notebook runs, or photographs
# and zips dropped into it. Press **Train**, then give it a single photograph to name.

# %%
panel = vt.UploadPanel(path=str(mine or work / "photos"))
panel

# %% [markdown]
# ## Look inside
#
# Where should the weights come from? We need no training to ask. A frozen network turns each image into
# features, and a linear probe on them says how well they separate the classes. For each start, and for
# random weights too, ten probes: each learns from a half of the images and is tested on the other half,
# another half each time. The first target is our folder, the second scikit-learn's handwritten digits,
# of which 400 will do.

# %%
digits = vt.task("digits", shots=40, seed=seed)
targets = {"photographs of the garden": task.train, "handwritten digits": digits.train}
starts = {"garden": "default", "natural": "natural", "random": None}

# %%
def probes(weights, images):
    network = vt.backbone("mini_resnet", weights=weights)
    found = vt.probe_grid(network, images.pixels, images.labels, seeds=range(10), strengths=(0.01,))
    return found[:, 0].tolist()

scores = {target: {start: probes(weights, images) for start, weights in starts.items()}
          for target, images in targets.items()}
