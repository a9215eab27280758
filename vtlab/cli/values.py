"""The values of options: text in, or one sentence that names what is wrong."""

from __future__ import annotations

import argparse
import contextlib
import re
from pathlib import Path

from vtlab.system.files import expand_home

MAX_SEED = 2**32 - 1  # which is all that NumPy takes


def parse_duration(text: str) -> float:
    """Seconds, from such as 90s, 5min or 1h."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h|)", text.strip())
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90s, 5min or 1h")
    return float(match[1]) * {"min": 60, "h": 3600}.get(match[2], 1)


def parse_name(text: str) -> str:
    """A path or a name, its "~" the home folder, which a shell leaves as it is in quotes and after "="."""
    try:
        return expand_home(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def parse_path(text: str) -> Path:
    """A path, read likewise."""
    return Path(parse_name(text))


def parse_csv_name(text: str) -> Path:
    """A file that ends in .csv, in a folder that is there."""
    path = parse_path(text)
    if path.suffix.lower() != ".csv":  # so that no photograph is written over
        raise argparse.ArgumentTypeError(f"{text} does not end in .csv")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def parse_count(text: str) -> int:
    """A whole number from 1."""
    number = parse_natural(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def parse_jupyter_option(text: str) -> str:
    """An option for JupyterLab, as it is."""
    if not text.startswith("-"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no option of JupyterLab, such as --port=9000"
        )
    return text


def parse_class_weights(text: str) -> str | tuple[float, ...]:
    """The word balanced, or a number for each class."""
    if text == "balanced":
        return text
    with contextlib.suppress(ValueError):
        weights = tuple(float(part) for part in text.split(","))
        if all(0 < weight < float("inf") for weight in weights):
            return weights
    raise argparse.ArgumentTypeError(
        f"{text!r} is neither balanced nor numbers above 0 as in 1,1,5"
    )


def parse_seed(text: str) -> int:
    """A whole number from 0 that NumPy takes as a seed."""
    number = parse_natural(text)
    if number > MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text} is more than {MAX_SEED}")
    return number


def parse_natural(text: str) -> int:
    """A whole number from 0."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number
