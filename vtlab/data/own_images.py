"""Images that are in memory already: arrays with labels, and Datasets of PyTorch or Hugging Face."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vtlab.data.class_folders import name_class
from vtlab.data.decoding import DEEP_BITS, check_resize, choose_bits, count_levels, make_square
from vtlab.data.file_names import describe_class_names, natural_key
from vtlab.data.folders import ImageFolder
from vtlab.data.images import MAX_IMAGE_SIDE, MIN_IMAGE_SIDE, Images
from vtlab.data.parallel_decoding import (
    describe_colours,
    describe_copies,
    describe_pixels,
    describe_shortcuts,
    describe_what_is_cut,
    describe_what_is_enlarged,
)
from vtlab.data.table_columns import describe_least_number
from vtlab.system.fingerprints import hash_bytes

CHANNELS = (1, 3, 4)
IMAGE_KEYS = ("image", "img", "pixel_values", "pixels")  # of items that are dictionaries
LABEL_KEYS = ("label", "labels", "target", "class", "fine_label")


def read_arrays(images: Any, labels: Any, size: int | None, **options: Any) -> ImageFolder:
    """Arrays of images and their labels; all are to learn from.

    Args:
        images: `(N, H, W, 3)`, `(N, 3, H, W)` or `(N, H, W)`, or N images of one's own sizes: bytes, whole
            numbers up to 65,535, or floats from 0 to 1. Four channels are a colour with its opacity.
        labels: As in `read_items`.
        size: As there.
        options: As there.

    Raises:
        ValueError: If images or labels are of another kind or number; it names the first.
    """
    shape: tuple[int, ...] = getattr(images, "shape", ())
    other: tuple[int, ...] = getattr(labels, "shape", ())
    if len(shape) == 1 and len(other) > 2:
        raise ValueError("the labels come first: images and labels are a pair (images, labels)")
    if len(shape) == 4 and shape[2] in CHANNELS and shape[0] != len(labels) == shape[3]:
        raise ValueError(
            f"images of shape {tuple(shape)} have their number last: np.moveaxis(images, 3, 0) puts it first"
        )
    if not isinstance(images, (Sequence, np.ndarray, Tensor)):
        images = np.asarray(images)
    return read_items([_to_array(image) for image in images], labels, size, **options)


def read_dataset(
    dataset: Any,
    size: int | None,
    *,
    classes: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> ImageFolder:
    """The items of a Dataset: pairs of an image and a label, or dictionaries with both.

    Args:
        dataset: Has a length, and gives an item for a number.
        size: As in `read_items`.
        classes: The names of the classes; without, what the Dataset calls them.
        progress: Called after every item with how many are read, and of how many.
        options: As in `read_items`.

    Raises:
        ValueError: If it gives other items, or as `read_items`.
    """
    kind = type(dataset).__name__
    images, labels, notes, count = [], [], [], len(dataset)
    for i in range(count):
        try:
            item = dataset[i]
        except Exception as error:  # of the user's own code
            why = f"{type(error).__name__}: {error}"
            raise ValueError(f"item {i} of the {kind} cannot be read: {why}") from error
        image, label, more = _split_item(item, kind)
        images.append(_to_array(image))
        labels.append(label if isinstance(label, str) else np.asarray(label).tolist())
        if progress:
            progress(i + 1, count)
    if not count:
        raise ValueError(f"the {kind} has no items")
    if more:
        notes.append(f"of each item of the {kind} not used: {', '.join(more)}")
    if not np.array_equal(_to_array(_split_item(dataset[0], kind)[0]), images[0]):
        notes.append(
            f"the {kind} changes its images at random whenever they are read: they were read once, as they came"
        )
    read = read_items(
        images,
        labels,
        size,
        name=kind,
        classes=classes or _find_class_names(dataset, labels),
        **options,
    )
    return ImageFolder(read.classes, read.train, None, (*notes, *read.notes), bits=read.bits)


def read_items(
    arrays: Sequence[np.ndarray],
    labels: Any,
    size: int | None,
    *,
    name: str = "arrays",
    resize: str = "crop",
    classes: Sequence[str] = (),
    groups: Sequence[Any] = (),
    regression: bool = False,
    default_size: int = 64,
) -> ImageFolder:
    """Images of any sizes and their labels.

    Args:
        arrays: The images, as in `read_arrays`.
        labels: `(N,)` classes: whole numbers or words; or `(N, K)` with one 1 in each row.
        size: Side in pixels; None for the images' own where all are squares of one size.
        name: Stands in the images' names: `arrays[7]`.
        resize: How an image becomes a square (`decoding.RESIZES`).
        classes: The names of the classes 0, 1, …, or the order of the words.
        groups: The group of each image that no split may divide, such as a patient.
        regression: Whether labels are numbers to be predicted.
        default_size: Where the images have no size of their own.

    Raises:
        ValueError: If images or labels are of another kind or number; it names the first.
    """
    from PIL import Image

    check_resize(resize)
    names = tuple(f"{name}[{i}]" for i in range(len(arrays)))
    numbers, classes, notes = _read_labels(labels, len(arrays), classes, regression)
    if len(groups) not in (0, len(arrays)):
        raise ValueError(f"{len(arrays)} images have {len(arrays)} groups, not {len(groups)}")
    if alone := sum(map(_is_missing, groups)):
        notes.append(f"{alone} images have no group and stand alone")
    groups = [
        own if _is_missing(group) else str(group) for own, group in zip(names, groups, strict=False)
    ]
    arrays = [_put_channels_last(array, i) for i, array in enumerate(arrays)]
    white, said = _find_white(arrays)
    sizes = {(array.shape[1], array.shape[0]) for array in arrays}
    if size is None:
        (width, height), *others = sizes
        own = not others and width == height and MIN_IMAGE_SIDE <= width <= MAX_IMAGE_SIDE
        size = width if own else default_size
    pixels = torch.empty(len(arrays), 3, size, size, dtype=torch.uint8)
    for i, array in enumerate(arrays):
        image = Image.fromarray(_to_bytes(array, white))
        pixels[i] = torch.from_numpy(np.array(make_square(image, size, resize))).permute(2, 0, 1)
    if any(array.shape[2] == 4 for array in arrays):
        notes.append("the fourth channel is taken for opacity: what is clear is white")
    shapes = {n: (a.shape[1], a.shape[0]) for n, a in zip(names, arrays, strict=True)}
    if resize == "crop":
        notes += describe_what_is_cut(shapes)
    notes += describe_what_is_enlarged(shapes, size)
    if not regression:
        looks = [f"{width} x {height} px" for width, height in shapes.values()]
        notes += describe_shortcuts(numbers.tolist(), classes, (looks, describe_colours(pixels)))
    digests = {i: hash_bytes(image.numpy().tobytes()) for i, image in enumerate(pixels)}
    notes += [*said, *describe_copies(digests, names, numbers.tolist())]
    notes += describe_pixels(pixels, len(pixels))
    images = Images(pixels, numbers, None, names, tuple(groups))
    bits = int(white).bit_length() if white > 255 else DEEP_BITS
    return ImageFolder(classes, images, None, tuple(notes), bits=bits)


def _split_item(item: Any, kind: str) -> tuple[Any, Any, list[str]]:
    """An item's image and label, and what else it holds."""
    if isinstance(item, dict):
        image, label = (
            next((k for k in keys if k in item), None) for keys in (IMAGE_KEYS, LABEL_KEYS)
        )
        if image is not None and label is not None:
            return item[image], item[label], [k for k in item if k not in (image, label)]
        raise ValueError(
            f"an item of the {kind} holds {', '.join(map(str, item))}; an image is called "
            f"{' or '.join(IMAGE_KEYS[:2])}, and its class {' or '.join(LABEL_KEYS[:1])}"
        )
    if not isinstance(item, (tuple, list)) or len(item) < 2:
        raise ValueError(
            f"an item of the {kind} is a {type(item).__name__}, and no pair of an image and a label"
        )
    # a number or a path may stand first
    at = next((i for i, part in enumerate(item[:-1]) if _is_image(part)), 0)
    label, others = item[at + 1], {f"part {i}" for i in range(len(item)) if i not in (at, at + 1)}
    if isinstance(label, dict):
        key = next((key for key in LABEL_KEYS if key in label), None)
        if key is None:
            raise ValueError(
                f"a label of the {kind} holds {', '.join(map(str, label))}: give one class"
            )
        others |= {str(other) for other in label if other != key}
        label = label[key]
    return item[at], label, sorted(others)


def _is_image(part: Any) -> bool:
    return hasattr(part, "getbands") or len(getattr(part, "shape", ())) > 1


def _find_class_names(dataset: Any, labels: Sequence[Any]) -> Sequence[str]:
    """What a Dataset, or the one that it is a part of, calls its classes; empty where it does not say."""
    for one in _walk_in(dataset):
        features = getattr(one, "features", None)
        if isinstance(features, dict):
            named = [getattr(features[key], "names", None) for key in LABEL_KEYS if key in features]
            if named and named[0]:
                return list(named[0])
        names = getattr(one, "classes", None)
        whole = all(isinstance(label, int) for label in labels)
        highest = (
            max(labels) if whole else len(labels[0]) - 1 if isinstance(labels[0], list) else None
        )
        if names is not None and len(names) and highest is not None and highest < len(names):
            # a part of a set may lack some of its classes
            return [" ".join(map(str, n)) if isinstance(n, tuple) else str(n) for n in names]
    return ()


def _walk_in(dataset: Any) -> Iterator[Any]:
    while dataset is not None:
        yield dataset
        dataset = getattr(dataset, "dataset", None)


# ------------------------------------------------------------------ labels


def _read_labels(
    labels: Any, count: int, classes: Sequence[str], regression: bool
) -> tuple[Tensor, tuple[str, ...], list[str]]:
    """The labels as `fit` takes them, what they are called, and what to say about them."""
    if isinstance(labels, Sequence) or getattr(getattr(labels, "dtype", None), "kind", "") == "O":
        if missing := [i for i, label in enumerate(labels) if _is_missing(label)]:
            first = missing[0]
            raise ValueError(f"{len(missing)} of {count} labels are missing, first that of {first}")
    values, notes = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels), []
    if values.dtype.kind in "SO":
        values = np.array(
            [
                one.decode(errors="replace") if isinstance(one, bytes) else one
                for one in values.flat
            ],
            None if values.dtype.kind == "S" else object,
        )
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if len(values) != count or values.ndim > 2:
        raise ValueError(f"{count} images have {count} labels, not labels of shape {values.shape}")
    if values.ndim == 2:
        if not (np.isin(values, (0, 1)).all() and (values.sum(1) == 1).all()):
            raise ValueError(
                f"labels of shape {values.shape} have a column per class and not one 1 in each row: an image "
                "has one class here"
            )
        notes.append(f"labels have one column per class (one-hot): {values.shape[1]} classes")
        values = values.argmax(1)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        lost = int((~np.isfinite(values)).sum())
        raise ValueError(f"{lost} of {count} labels are missing (nan), or infinite")
    if regression:
        if values.dtype.kind not in "fiub":
            raise ValueError(f"labels are no numbers, but such as {values[0]!r}")
        if len(np.unique(values)) < 2:
            raise ValueError(f"all labels are {values[0]}: there is nothing to predict")
        named = tuple(classes) or ("number",)
        notes += describe_least_number(named[0], values.tolist())
        return torch.tensor(values, dtype=torch.float32), named, notes
    if values.dtype.kind == "f":
        if (values % 1).any():
            raise ValueError(
                f"labels are floats, such as {values[(values % 1) != 0][0]}: classes are whole numbers or "
                "words; to learn the number itself say regression=True"
            )
        values = values.astype(np.int64)
    words = values.dtype.kind not in "iub"
    if words:
        values = np.array([name_class(str(value)) for value in values], object)
    found = sorted({str(v) for v in values}, key=natural_key)
    if classes:
        names = [name_class(str(name)) for name in classes]
        if len(set(names)) < len(names):
            raise ValueError(f"classes has a name twice: {', '.join(names)}")
        index = (
            {n: k for k, n in enumerate(names)} if words else {str(k): k for k in range(len(names))}
        )
        if odd := [value for value in found if value not in index]:
            from_one = not words and found[0] == "1" and odd == [str(len(names))]
            raise ValueError(
                f"there are {len(names)} classes ({', '.join(names[:4])} …), and a label {odd[0]}"
                + (": classes are numbered from 0, these labels from 1" if from_one else "")
            )
        used = sorted({index[value] for value in found})
        if len(used) < len(names):
            empty = [name for k, name in enumerate(names) if k not in used]
            some = ", ".join(empty[:3])
            notes.append(f"{len(empty)} classes have no image and are left out ({some} …)")
        # without those that have none
        index = {value: used.index(k) for value, k in index.items() if k in used}
        names = [names[k] for k in used]
    else:
        names, index = found, {value: k for k, value in enumerate(found)}
    notes += describe_class_names("the labels", names)
    if len(names) < 2:
        raise ValueError(f"all labels are {found[0]!r}; it takes two classes")
    return torch.tensor([index[str(v)] for v in values]), tuple(names), notes


def _is_missing(label: Any) -> bool:
    return label is None or (not isinstance(label, str) and str(label) in ("nan", "<NA>", "NaT"))


# ------------------------------------------------------------------ pixels


def _to_array(image: Any) -> np.ndarray:
    """An image as an array of one's own shape."""
    if isinstance(image, Tensor):
        array = image.detach().cpu()
        array = array.float() if array.dtype in (torch.bfloat16, torch.float16) else array
        return array.numpy()
    if hasattr(image, "getbands") and image.mode in ("P", "CMYK", "YCbCr", "HSV", "LAB"):
        return np.asarray(image.convert("RGBA" if "transparency" in image.info else "RGB"))
    return np.asarray(image)


def write_image(cell: Any) -> bytes | None:
    """The file of an image: its own bytes, also in a dictionary, or a picture or an array as PNG; else None.

    Grey numbers of more than a byte stay what they are, for the scale of the whole set.

    Raises:
        ValueError: If it has colours of more than 8 bits, which would each get a scale of its own.
    """
    from PIL import Image

    if isinstance(cell, dict) and isinstance(cell.get("bytes"), bytes):
        cell = cell["bytes"]
    if isinstance(cell, bytes):
        return cell
    if not _is_image(cell):
        return None
    array = _put_channels_last(_to_array(cell), 0)
    white, _ = _find_white([array])
    if array.dtype.kind in "iu" and array.dtype.itemsize > 1 and array.shape[2] == 1:
        image = Image.fromarray(array[:, :, 0].astype(np.uint16))
    elif white > 255:
        raise ValueError(
            "colours of more than 8 bits in a column have no scale in common: give arrays, as in "
            "vt.task((images, labels))"
        )
    else:
        image = Image.fromarray(_to_bytes(array, white))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _put_channels_last(array: np.ndarray, i: int) -> np.ndarray:
    """An image `(H, W, C)`."""
    if array.ndim == 2:
        return array[:, :, None]
    if array.ndim == 3 and array.dtype.kind in "fiub":
        if array.shape[2] in CHANNELS:
            return array
        if array.shape[0] in CHANNELS:
            return array.transpose(1, 2, 0)
    raise ValueError(
        f"image {i} is of shape {array.shape} and {array.dtype}; an image has a height, a width, and 1, 3 or "
        "4 channels, first or last, in numbers"
    )


def _find_white(arrays: Sequence[np.ndarray]) -> tuple[float, list[str]]:
    """The number that is white, one for all images, and what to say about it.

    Raises:
        ValueError: If the numbers are no shades.
    """
    low, high = (float(f([f(a) for a in arrays])) for f in (np.min, np.max))
    if not np.isfinite(low + high):
        raise ValueError("an image holds numbers that are not finite")
    kinds = {array.dtype.kind for array in arrays}
    if kinds == {"b"}:
        return 1, []
    if low < 0 or ("f" in kinds and high > 255) or high > 65535:
        raise ValueError(
            f"the images' numbers go from {low:.4g} to {high:.4g}: give bytes, or floats from 0 to 1, before "
            "any normalisation"
        )
    if "f" in kinds and high <= 1:
        return 1, []
    if "f" in kinds and high < 2:  # as after an enlargement
        raise ValueError(
            f"the images' floats go up to {high:.4g}: clip them to 1, or give numbers up to 255"
        )
    if "f" in kinds:
        return 255, [f"the images' floats go up to {high:.4g}: 255 is taken for white"]
    if high <= 255:
        return 255, []
    bits, above = choose_bits(map(count_levels, arrays))
    more = f"; {above} pixels are brighter, and white, too" if above else ""
    return 2**bits - 1, [f"the images use {bits} bits: {2**bits - 1:,} is white{more}"]


def _to_bytes(array: np.ndarray, white: float) -> np.ndarray:
    """An image of bytes as Pillow takes it: `(H, W)`, or `(H, W, C)` with 3 or 4 channels."""
    if array.dtype != np.uint8 or white != 255:
        array = np.rint(np.minimum(array.astype(np.float64), white) * (255 / white)).astype(
            np.uint8
        )
    return np.ascontiguousarray(array[:, :, 0] if array.shape[2] == 1 else array)
