"""Columns of tables that say what is in images: what they are usually called, and what their cells say."""

from __future__ import annotations

import ast
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from vtlab.data.file_names import describe_class_names, list_few
from vtlab.data.split_names import find_split
from vtlab.data.splits import MIN_IMAGES_PER_CLASS

# what columns are called, small and without signs; what stands first goes first
NAMES = {
    "file": (
        "file filename filepath path image imagepath imagefile imagefilename imagename imageid img imgpath "
        "imgname filenames files name fname id idcode photo picture uri url"
    ).split(),
    "label": (
        "label labels labelname class classname category categoryname species target targets breed diagnosis "
        "dx tag tags cats y groundtruth annotation labelid classid"
    ).split(),
    "split": "split part set subset partition usage phase fold folds kfold cvfold".split(),
    "group": (
        "group groups groupid patient patientid subject subjectid participant participantid person personid "
        "animal animalid individual individualid case caseid lesion lesionid film filmid video videoid clip "
        "clipid burst burstid specimen specimenid"
    ).split(),
}
INDEX_NAMES = frozenset(("column1", "unnamed0", "index"))
FOLDS = frozenset("fold folds kfold cvfold".split())
MARKS = {"": False, "0": False, "0.0": False, "1": True, "1.0": True}
SIGNS = {"-1", "-1.0", "1", "1.0"}  # as CelebA marks what is and what is not
MIN_PIXELS = 64  # of the smallest images that tables hold
YES, NO = frozenset("1 true yes y t".split()), frozenset("0 false no n f".split())
LIKE_GROUPS = re.compile(r"(id|number|no|session|series|site|slide|scan|camera|location|sequence)$")
# what stands between thousands beside the mark that begins no decimals: blanks and apostrophes
GROUPING = r"\s'\N{RIGHT SINGLE QUOTATION MARK}"
NO_NUMBERS = frozenset((-1, -9, -99, -999, -9999))
PURPOSES = {"train": "training", "test": "testing", "val": "validation"}


def find_usual_columns(what: str, columns: Sequence[str]) -> list[str]:
    """The columns that are called as those of `what` usually are, by `NAMES`, the most usual names first."""
    by_name = {_plain(column): column for column in reversed(columns)}
    return [by_name[name] for name in NAMES[what] if name in by_name]


def find_columns_like_groups(columns: Sequence[str]) -> list[str]:
    """The columns that may say which images are of one thing, by what they are called; the vaguest first."""
    like = [column for column in columns if LIKE_GROUPS.search(_plain(column))]
    return [*like, *(c for c in columns if c not in like and _plain(c) in NAMES["group"])]


def counts_rows(column: str, cells: Sequence[str]) -> bool:
    """Whether a column is what pandas writes before a table: the numbers of its rows."""
    numbers = [*map(str, range(len(cells) + 1))]
    return _plain(column) in INDEX_NAMES and list(cells) in (numbers[:-1], numbers[1:])


def _plain(name: str) -> str:
    """A column's name, small and without signs."""
    return re.sub(r"[\W_]+", "", name.casefold())


def find_pixel_columns(cells: dict[str, list[str]]) -> list[str]:
    """The columns that hold pixels: many that are numbered (pixel0, 1x1), or one of many numbers in a cell.

    Args:
        cells: Those of each column.
    """
    by_stem = defaultdict[str, list[str]](list)
    for column, own in cells.items():
        if len(own[0].split()) >= MIN_PIXELS and are_numbers(own[0].split()):
            return [column]
        if (named := re.fullmatch(r"(\D*)\d+(x\d+)?", column)) and are_numbers(own[:9]):
            by_stem[named[1]].append(column)
    return next((found for found in by_stem.values() if len(found) >= MIN_PIXELS), [])


def find_shares(cells: dict[str, list[str]]) -> list[str]:
    """The columns of numbers from 0 to 1, as of votes or probabilities; empty where these are not several.

    Args:
        cells: Those of each column.
    """
    numbers = {column: [parse_number(cell, ".") for cell in own] for column, own in cells.items()}
    found = [
        column
        for column, own in numbers.items()
        if all(n is not None and 0 <= n <= 1 for n in own) and any(n % 1 for n in own if n)
    ]
    return found if len(found) > 1 else []


# ------------------------------------------------------------------ splits


def find_split_columns(cells: dict[str, list[str]]) -> list[str]:
    """The columns that may say what is for training and what for testing, the likeliest first.

    Args:
        cells: Those of each column.
    """

    def holds_words(column: str) -> bool:  # and hardly others
        said = Counter(find_split(cell) for cell in cells[column] if cell)
        few = said[""] < len(cells[column]) / 2
        return said["train"] > 0 and len(said) > 2 - ("" not in said) and few

    return [
        *find_usual_columns("split", list(cells)),
        *(column for column in cells if _find_part_in_is(column)),
        *filter(find_split, cells),
        *filter(holds_words, cells),
    ]


def _find_part_in_is(column: str) -> str:
    """The part that a column such as `is_valid` or `isTest` asks for; "" of `is_male` and `island`."""
    asks = re.fullmatch(r"is[_ ]?(\w+)", column, re.IGNORECASE)
    return find_split(asks[1]) if asks else ""


def read_split_column(
    column: str, cells: Sequence[str], asked: bool = False
) -> tuple[list[str], list[str]] | None:
    """What each cell says its row is for, and how the column was read where that is not plain.

    Args:
        column: Its name.
        cells: What it holds.
        asked: Whether it is known to be a split, so that numbers are folds whatever it is called.

    Returns:
        "train", "test" or "val", "aside" for another word, "" for nothing; and sentences. None where
        the column says nothing of that.
    """
    cells = [cell.casefold() for cell in cells]
    said = {*cells} - {""}
    part = _find_part_in_is(column) or find_split(column)
    if len(said) > 1 and part and said <= YES | NO:
        other = "test" if part == "train" else "train"
        meaning = {cell: part if cell in YES else other for cell in said}
        notes = [f"the column {column} says which images are for {PURPOSES[part]}"]
    elif len(said) > 1 and all(cell.isdecimal() for cell in said):
        numbers = sorted(map(int, said))
        is_fold = _plain(column) in FOLDS
        if not is_fold and numbers in ([0, 1], [0, 1, 2]):
            parts = ["train", "test"] if len(said) == 2 else ["train", "val", "test"]
            meaning = dict(zip("012", parts, strict=False))
            after = "1 for testing" if len(said) == 2 else "1 for validation and 2 for testing"
            join = " and" if len(said) == 2 else ","
            notes = [f"in the column {column} 0 is taken for training{join} {after}"]
        elif is_fold or asked:
            meaning = {cell: "test" if int(cell) == numbers[-1] else "train" for cell in said}
            last = f"fold {numbers[-1]} of the column {column}, the last of {len(numbers)}"
            notes = [f"{last}, is the test set"]
        else:
            return None
    else:
        meaning, notes = {cell: find_split(cell) or "aside" for cell in said}, []
        if {*meaning.values()} <= {"aside"}:
            return None
    return [meaning.get(cell, "") for cell in cells], notes


# ------------------------------------------------------------------ labels


def join_list(cell: str) -> str:
    """What a cell holds where pandas or JSON wrote a list into it: "a, b" for "['a', 'b']", "" for "[]"."""
    if not cell.startswith("["):
        return cell
    try:
        return ", ".join(map(str, ast.literal_eval(cell)))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return cell


def find_marks(cells: dict[str, list[str]]) -> dict[int, list[str]]:
    """For each row the columns of 0 and 1, or -1 and 1, that hold a 1 there; empty where these are not several.

    Args:
        cells: Those of each column.
    """
    found = defaultdict[int, list[str]](list)
    for column, own in cells.items():
        if {*own} <= MARKS.keys() or {*own} <= SIGNS:
            for row in (row for row, cell in enumerate(own) if MARKS.get(cell)):
                found[row].append(column)
    return found if len({column for marked in found.values() for column in marked}) > 1 else {}


def describe_classes(column: str, table: str, cells: Sequence[str]) -> list[str]:
    """Sentences where the cells of a column look like one class under two names, or like several in one.

    Args:
        column: Its name.
        table: The table's, for messages.
        cells: What the column holds, without empty cells.

    Raises:
        ValueError: If it holds measurements.
    """
    counts, notes = Counter(cells), []
    # with a blank they are several, each of which may be a class
    numbers = [n for c in counts if " " not in c and (n := _parse_any_number(c)) is not None]
    many = len(numbers) == len(counts) > 2 and len(cells) < MIN_IMAGES_PER_CLASS * len(counts)
    if many or any(not number.is_integer() for number in numbers):
        raise ValueError(
            f"the column {column!r} of {table} holds {len(counts)} different numbers "
            f"({list_few(counts)}), too many for classes: to learn the number itself say "
            "regression (--regression)"
        )
    notes += describe_class_names(table, counts)
    for mark in ("|", ";", ",", " "):
        parts = {cell: [part.strip() for part in cell.split(mark)] for cell in counts}
        often = Counter(part for own in parts.values() for part in own)
        # a bar stands between several where another cell has one of them, too
        some = {p for p in often if (often[p] > 1 if mark in "|;" else p in counts)}
        test = any if mark in "|;" else all
        if several := [
            c for c, own in parts.items() if len(own) > 1 and test(p in some for p in own)
        ]:
            notes.append(
                f"{sum(counts[c] for c in several)} rows of {table} name several classes in one cell "
                f"({several[0]!r} …): each combination is a class of its own"
            )
            return notes
    together = [cell for cell in counts if " " in cell]
    often = Counter(word for cell in counts for word in {*cell.split()})
    words = {word for cell in together for word in cell.split()}
    recur = sum(often[word] > 1 for word in words)
    if len(together) > 1 and len(often) <= len(counts) and recur > len(words) / 2:
        notes.append(
            f"the words of {len(together)} labels of {table} recur in several combinations "
            f"({together[0]!r} …): if each word is a class, such images have several, and each combination is "
            "a class of its own here"
        )
    return notes


# ------------------------------------------------------------------ numbers


def read_numbers(column: str, cells: Sequence[str]) -> tuple[list[float | None], list[str]]:
    """The numbers in a column's cells, and a sentence where it is not plain how they are to be read.

    A point or a comma may begin the decimals, and the other one, blanks or apostrophes stand between
    thousands; "1,250" alone does not say which it is, and all cells tell it together.

    Args:
        column: Its name.
        cells: What it holds.

    Returns:
        A number for each cell, None where there is none; and sentences.

    Raises:
        ValueError: If the cells do not tell it, or contradict each other.
    """
    marks = {
        _find_decimal_mark(cell): cell for cell in reversed(cells)
    }  # the first cell of each kind
    unclear = [cell for cell in cells if _find_decimal_mark(cell) == "?"]
    known = [cell for mark, cell in marks.items() if mark in (".", ",")]
    if len(known) > 1 or (not known and any("," in cell for cell in unclear)):
        raise ValueError(
            f"the column {column!r} holds {list_few(map(repr, known or unclear))}: whether a comma begins the "
            "decimals or stands between thousands is unclear; write all numbers in one way, with a point and "
            "without marks for thousands"
        )
    mark = "," if "," in marks else "."
    numbers = [parse_number(cell, mark) for cell in cells]
    odd = (
        cell
        for cell, number in zip(cells, numbers, strict=True)
        if number is not None and re.search(f"[,{GROUPING}]", cell)
    )
    if known and mark == ".":  # then a point is plain
        unclear = []
    if not (shown := next(iter(unclear), "") or next(odd, "")):
        return numbers, []
    other = f", not {shown.replace('.', '')}" if unclear and not known else ""
    value = numbers[cells.index(shown)]
    return numbers, [f"numbers in the column {column} are read so: {shown} is {value:.12g}{other}"]


def describe_least_number(what: str, numbers: Sequence[float]) -> list[str]:
    """A sentence where numbers from 0 on have among them one that programs write where there is none (-999)."""
    least = min(numbers)
    others = [number for number in numbers if number != least]
    if least not in NO_NUMBERS or not others or min(others) < 0:
        return []
    return [
        f"{len(numbers) - len(others)} images have the {what} {least:g} and all others 0 or more: if it says "
        "that there is none, leave them out"
    ]


def _find_decimal_mark(cell: str) -> str:
    """What begins the decimals of a number by itself; "?" where it may be either, "" where there is none."""
    if not re.search("[.,]", cell):
        return ""
    # "1,250,000" says by its commas that a point would begin decimals
    fits = [mark for mark in ".," if parse_number(cell, mark) is not None]
    return "?" if len(fits) == 2 else "".join(fits)


def parse_number(cell: str, mark: str) -> float | None:
    """The number in a cell where this mark begins the decimals; None where there is none."""
    other = "." if mark == "," else ","
    groups = rf"[1-9]\d{{0,2}}(?:([{other}{GROUPING}])\d{{2,3}}(?:\1\d{{2,3}})*(?<=\d{{3}}))"
    number = rf"[-+\N{{MINUS SIGN}}]?(?:{groups}|\d*)(?:[{mark}]\d*)?(?:[eE][-+]?\d+)?"
    if not re.fullmatch(number, cell):
        return None
    plain = re.sub(f"[{other}{GROUPING}]", "", cell).replace("\N{MINUS SIGN}", "-")
    try:
        found = float(plain.replace(mark, "."))
    except ValueError:  # a mark alone
        return None
    return found if math.isfinite(found) else None


def describe_no_number(cell: str) -> str:
    """Why a cell holds no number, in a phrase."""
    if re.fullmatch(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T].*)?", cell):
        return f"{cell!r}, which is a date: give a number, such as days"
    unit = re.sub(rf"^[-+]?[\d.,{GROUPING}]+|[\d.,{GROUPING}]+$", "", cell).strip()
    if re.search(r"\d", cell) and unit and not re.search(r"\d", unit):
        return f"{cell!r}: leave out {unit!r} and write all numbers in one unit"
    return f"{cell!r}, which is no number"


def _parse_any_number(cell: str) -> float | None:
    """The number in a cell, whatever begins its decimals."""
    return next((n for mark in ".," if (n := parse_number(cell, mark)) is not None), None)


def are_numbers(cells: Iterable[str], share: float = 1.0) -> bool:
    """Whether so many of the cells that hold something hold a number."""
    filled = [cell for cell in cells if cell]
    numbers = sum(_parse_any_number(cell) is not None for cell in filled)
    return bool(filled) and numbers >= share * len(filled)
