"""Grad-CAM on photographs whose objects have masks: COCO pictures, a network of ImageNet's."""

import json
import zipfile

import pytest
import torch
from PIL import Image
from torchvision.models import mobilenet_v2
from torchvision.transforms.v2.functional import normalize, pil_to_tensor

from vtlab.analysis.baselines import baseline_maps
from vtlab.analysis.cams import explain
from vtlab.analysis.scores import SCORES, cam_scores
from vtlab.models.normalisation import IMAGENET_NORMALISATION
from vtlab.results.metrics import paired_difference

SIDE = 224
# COCO's names and the ImageNet classes (first, last) that mean the same
MEANT = {
    "bird": (7, 24),
    "cat": (281, 285),
    "dog": (151, 268),
    "sheep": (348, 349),
    "cow": (345, 347),
    "elephant": (385, 386),
    "bear": (294, 297),
    "zebra": (340, 340),
    "umbrella": (879, 879),
    "backpack": (414, 414),
    "banana": (954, 954),
    "orange": (950, 950),
    "broccoli": (937, 937),
    "hot dog": (934, 934),
    "pizza": (963, 963),
    "laptop": (620, 620),
    "mouse": (673, 673),
    "keyboard": (508, 508),
    "microwave": (651, 651),
    "toaster": (859, 859),
    "refrigerator": (760, 760),
    "vase": (883, 883),
    "teddy bear": (850, 850),
    "parking meter": (704, 704),
    "traffic light": (920, 920),
    "train": (466, 466),
    "bicycle": (671, 671),
    "skis": (795, 795),
    "dining table": (532, 532),
    "cup": (968, 968),
    "couch": (831, 831),
    "toilet": (861, 861),
    "clock": (409, 409),
    "tie": (906, 906),
    "airplane": (404, 404),
}


@pytest.fixture(scope="module")
def cases(photos):
    """An image, the logits' places that mean the object, and its mask: one per picture and name."""
    archive = photos / "coco_masks_70.zip"
    if not archive.exists():
        pytest.skip("no COCO pictures here")
    found = []
    with zipfile.ZipFile(archive) as kept:
        for stem, objects in json.loads(kept.read("objects.json")).items():
            with kept.open(f"images/{stem}.jpg") as file:
                image = pil_to_tensor(Image.open(file).convert("RGB").resize((SIDE, SIDE)))
            with kept.open(f"masks/{stem}.png") as file:
                ids = pil_to_tensor(Image.open(file).resize((SIDE, SIDE), Image.NEAREST))[0]
            for name in sorted({one["name"] for one in objects} & set(MEANT)):
                own = torch.tensor([one["id"] for one in objects if one["name"] == name])
                mask = torch.isin(ids, own.to(ids.dtype))
                if mask.float().mean() >= 0.005:
                    found.append((image, MEANT[name], mask))
    return found


@pytest.fixture(scope="module")
def network(photos):
    weights = photos / "weights" / "mobilenet_v2.pth"
    if not weights.exists():
        pytest.skip("no weights of mobilenet_v2 here")
    made = mobilenet_v2(weights=None)
    made.load_state_dict(torch.load(weights, weights_only=True))
    return made.eval()


def test_on_photographs_grad_cam_finds_the_object_better_than_the_centre_does(network, cases):
    pixels = torch.stack([image for image, _, _ in cases])
    masks = torch.stack([mask for _, _, mask in cases])
    images = normalize(
        pixels.float() / 255, IMAGENET_NORMALISATION.mean, IMAGENET_NORMALISATION.std
    )
    with torch.no_grad():
        logits = torch.cat([network(part) for part in images.split(32)])
    targets = torch.tensor(
        [
            low + row[low : high + 1].argmax().item()
            for row, (_, (low, high), _) in zip(logits, cases, strict=True)
        ]
    )
    maps = explain(network, images, stage=network.features, targets=targets)
    assert maps.shape == (len(cases), 7, 7)
    ours = cam_scores(maps, masks)
    centre = cam_scores(baseline_maps("centre", pixels, (7, 7)), masks)
    named = torch.tensor(
        [
            low <= row.argmax().item() <= high
            for row, (_, (low, high), _) in zip(logits, cases, strict=True)
        ]
    )
    for words, rows in (("all cases", torch.ones(len(cases)).bool()), ("rightly named", named)):
        print(f"\n{words}: {int(rows.sum())}")
        for score in SCORES:
            a, b = ours[score][rows.numpy()].to_numpy(), centre[score][rows.numpy()].to_numpy()
            gain = paired_difference(a, b)
            print(
                f"{score}: {a.mean():.3f}, centre {b.mean():.3f}, "
                f"gain {gain.low:.3f} to {gain.high:.3f}"
            )
    assert paired_difference(ours.mass.to_numpy(), centre.mass.to_numpy()).low > 0
