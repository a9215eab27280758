"""Masks that lie beside images, in folders of their own or file by file: no images to learn from."""

from __future__ import annotations

import re
from collections import defaultdict

from vtlab.data.file_names import Place, is_image_name, list_few, printable_path_name
from vtlab.data.listing import Listing

# folders of images beside folders of what was drawn on them
IMAGE_FOLDERS = frozenset("image images img imgs original originals photo photos rgb".split())
MASK_FOLDERS = frozenset(
    "mask masks segmentation segmentations segmented annotation annotations gt groundtruth ground_truth "
    "label labels".split()
)
MASK_FILE = re.compile(
    r"(.+?)[-_ ]+(mask|masks|seg|segmentation|gt)([-_ ]?\d+)?\.\w+", re.IGNORECASE
)


def find_masks(listing: Listing) -> tuple[set[Place], list[str]]:
    """The files that are masks of others (`masks/1.png` and `1_mask.png`), and sentences on them."""
    images = {
        at: own
        for at, files in listing.folders.items()
        if (own := [file for file in files if is_image_name(file[-1])])
    }
    inside = defaultdict[Place, set[str]](set)
    for at in images:
        for n in range(len(at)):
            inside[at[:n]].add(at[n])
    folders = {
        (*at, name)
        for at, names in inside.items()
        if not IMAGE_FOLDERS.isdisjoint(map(str.lower, names))
        for name in names
        if name.lower() in MASK_FOLDERS
    }
    masks, alone = set[Place](), list[Place]()
    for at, files in images.items():
        if not folders.isdisjoint(at[:n] for n in range(len(at) + 1)):
            masks |= {*files}
        elif named := {f: match[1] for f in files if (match := MASK_FILE.fullmatch(f[-1]))}:
            stems = {file[-1].rpartition(".")[0] for file in files}
            alone += sorted(file for file, stem in named.items() if stem in stems)
    notes = []
    if folders:
        names = [f"{printable_path_name(place)}/" for place in sorted(folders)]
        was = "was" if len(names) == 1 else "were"
        notes.append(f"{list_few(names)} {was} left aside: masks of the images beside")
    if alone:
        notes.append(
            f"{len(alone)} files were left aside, since they are called as masks of images beside them "
            f"({printable_path_name(alone[0])} …)"
        )
    return masks | {*alone}, notes
