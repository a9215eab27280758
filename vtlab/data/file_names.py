"""Names of files and folders: whether a name is an image's, how names are sorted and printed."""

from __future__ import annotations

import contextlib
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

IMAGE_ENDINGS = tuple(
    ".jpg .jpeg .jpe .jfif .mpo .png .webp .bmp .gif .tif .tiff .ppm .pgm .pbm .avif .heic "
    ".heif".split()
)
ARCHIVE_ENDINGS = tuple(
    ".zip .tar .tgz .tbz .tbz2 .txz .tzst .gz .bz2 .xz .zst .7z .rar .lzh .iso .cab".split()
)
# what systems, network storage and programs leave about, beside all that begins with a dot
HIDDEN_NAMES = frozenset(
    "__macosx|icon\r|network trash folder|temporary items|"  # macOS
    "thumbs.db|ehthumbs.db|ehthumbs_vista.db|desktop.ini|$recycle.bin|recycler|recycled|"  # Windows
    "system volume information|found.000|"
    "@eadir|#recycle|@recycle|@__thumb|#snapshot|@tmp|@recently-snapshot|lost+found|"  # network storage
    "__pycache__|picasa.ini|photothumb.db|zbthumbnail.info|sync.ffs_db".split("|")
)
HIDDEN_STARTS = (".", "~$", "synofile_thumb", "synophoto_thumb")
# what programs write where there is no label; in numbers -1
NO_LABEL = frozenset(("nan", "na", "n a", "none", "null", "?", "unlabelled", "unlabeled", -1.0))
MAX_DIGITS = 1000  # of a number in a name that count; Python refuses to read very long ones
JOINERS = "\u200c\u200d"  # not to be seen, but Persian, Hindi and emoji are written with them

Place = tuple[str, ...]  # a path inside a folder or zip


def is_image_name(name: str) -> bool:
    """Whether a file's name ends as an image's does."""
    return name.lower().endswith(IMAGE_ENDINGS)


def is_hidden_name(name: str) -> bool:
    """Whether a system or a program leaves such a file or folder about, and nobody means it.

    So do macOS, Windows, network storage (thumbnails, recycling), editors and Jupyter.
    """
    name = name.lower()
    return name.startswith(HIDDEN_STARTS) or name in HIDDEN_NAMES


def is_archive_name(name: str) -> bool:
    """Whether a file's name ends as an archive's does."""
    return name.lower().endswith(ARCHIVE_ENDINGS)


def class_folder_name(name: str) -> str:
    """A folder's name for a class, in which a "/" makes no second folder."""
    return name.replace("/", "\N{DIVISION SLASH}")


def natural_key(name: str) -> tuple[list[str | int], str]:
    """A sorting key with `img2` before `img10`."""
    pieces = re.split(r"([0-9]+)", name.casefold())
    return [int(p[:MAX_DIGITS]) if i % 2 else p for i, p in enumerate(pieces)], name


def list_few(names: Iterable[str], most: int = 3, by: str = ", ") -> str:
    """The first names of several."""
    names = list(names)
    return by.join(names[:most]) + (" …" if len(names) > most else "")


def describe_class_names(where: str, names: Iterable[str]) -> list[str]:
    """Sentences where two classes may be one that was typed in two ways, or one says that there is none."""
    alike = defaultdict[str | float, list[str]](list)
    for name in names:
        alike[_plain(name)].append(name)
    notes = [
        f"classes of {where} differ in upper and lower case, blanks or signs alone: "
        + " and ".join(map(repr, own))
        for own in alike.values()
        if len(own) > 1
    ][:1]
    return notes + [
        f"{own[0]!r} is a class of {where}: if it says that there is none, leave such images out"
        for word, own in alike.items()
        if word in NO_LABEL
    ]


def _plain(name: str) -> str | float:
    """A class's name in which case, Unicode forms, blanks and signs make no difference; or its number."""
    with contextlib.suppress(ValueError):
        if math.isfinite(number := float(name)):
            return number
    small = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return re.sub(r"[\W_]+", " ", small).strip() or name


def printable_path_name(place: Place) -> str:
    """A path as it can be printed."""
    return printable_name("/".join(place))


def printable_name(text: str) -> str:
    """A text in which bytes that are no text, and signs that steer a terminal, are escaped."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return "".join(sign if _is_printable(sign) else repr(sign)[1:-1] for sign in text)


def _is_printable(sign: str) -> bool:
    return sign.isprintable() or sign in JOINERS or unicodedata.category(sign) == "Zs"
