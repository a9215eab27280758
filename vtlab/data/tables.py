"""Tables that say what is in images: which column names the files, which the class, and what is for testing.

Such tables come from spreadsheets, competitions and other tools, and each calls its columns otherwise. The
column of files is the one whose values are files beside the table; the column of classes is called as usual,
or the only one that can be it. What was taken for what, and what was not used, is said.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from vtlab.data.class_folders import ClassFolders, FilesByClass
from vtlab.data.file_matching import FilesBeside, MatchedFiles
from vtlab.data.file_names import (
    Place,
    class_folder_name,
    natural_key,
)
from vtlab.data.file_names import printable_path_name as printable_path
from vtlab.data.listing import Listing
from vtlab.data.split_names import find_split
from vtlab.data.splits import MIN_IMAGES_PER_CLASS
from vtlab.data.table_cells import Table, parse_table

if TYPE_CHECKING:
    pass

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".xlsx")
# names of tables that lie beside the images of their folder, at Hugging Face and Roboflow
OWN_TABLES = ("metadata", "_classes")
SAMPLE = 60  # rows by which the column of files is found
SHOWN_ROWS = 3  # that are named one by one where something is wrong with them
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
FOLDS = frozenset("fold folds kfold cvfold".split())
MARKS = {"": False, "0": False, "0.0": False, "1": True, "1.0": True}
YES, NO = frozenset("1 true yes y t".split()), frozenset("0 false no n f".split())
LIKE_GROUPS = re.compile(r"(id|number|no|session|series|site|slide|scan|camera|location|sequence)$")


@dataclass(frozen=True)
class Columns:
    """What a table calls its columns; None for what is to be found.

    Attributes:
        file: The column that names the image files.
        label: The column with the class, or, with `regression`, with the number.
        split: The column that says what is for training and what for testing.
        group: The column of groups that no split may divide, such as patients; "none" for no groups.
        regression: Whether the label is a number to be predicted, not a class.
    """

    file: str | None = None
    label: str | None = None
    split: str | None = None
    group: str | None = None
    regression: bool = False


@dataclass
class TableImages:
    """The images of a table.

    Attributes:
        listing: Reads their files.
        folders: What is of which class, in training and test.
        numbers: The number of each file, where one is asked for.
    """

    listing: Listing
    folders: ClassFolders
    numbers: dict[Place, float] = field(default_factory=dict)


def list_table_images(
    table: Table, files: FilesBeside, columns: Columns | None = None
) -> TableImages:
    """The images that a table lists, as if each lay in a folder of its class.

    Args:
        table: A row per image.
        files: Those beside it.
        columns: What its columns are called, where that is to be said.

    Raises:
        ValueError: If a column is missing or could be several, no file is there, or a row has several labels.
    """
    return _Reader(table, files, columns or Columns()).read()


def find_table_images(listing: Listing, columns: Columns, *, own: bool) -> TableImages | None:
    """The images that a table among them lists; None where no table does.

    Args:
        listing: Of a folder or a zip.
        columns: What the table calls its columns.
        own: Whether to look only for tables that belong to the folder they lie in (`OWN_TABLES`), such as
            `train/metadata.csv` and `test/metadata.csv`.

    Raises:
        ValueError: If tables are there and none can be read, or two that list as many images; but tables that
            belong to their folder may hold other things.
    """
    every = [f for f in listing.files(images=False) if f[-1].lower().endswith(TABLE_ENDINGS)]
    tables = [f for f in every if not f[-1].lower().endswith(".txt")]
    if own:
        tables = [f for f in tables if f[-1].casefold().rpartition(".")[0] in OWN_TABLES]
    read: dict[Place, TableImages] = {}
    why = ""
    for place in tables:
        try:
            files = FilesBeside(None, listing, place[:-1])
            table = parse_table(place[-1], listing.readers[place](), files)
            read[place] = list_table_images(table, files, columns)
        except (ValueError, OSError) as error:
            why = why or str(error)
    if not read:
        if why and not own:
            raise ValueError(why)
        return None
    if own and len(read) > 1:
        made = _join_parts(listing, read)
    else:
        best = sorted(read, key=lambda place: len(read[place].listing.readers), reverse=True)
        if len(best) > 1 and len({len(read[place].listing.readers) for place in best[:2]}) == 1:
            names = " and ".join(printable_path(place) for place in best[:2])
            raise ValueError(f"{names} list as many images of {listing.name}: give one of them")
        made = read[best[0]]
        read = {best[0]: made}
    used = ", ".join(map(printable_path, read))
    made.folders.notes.insert(0, f"what is in the images of {listing.name} is read from {used}")
    unused = [printable_path(place) for place in every if place not in read]
    alone = [place for place in listing.files() if place not in made.listing.readers]
    if alone:
        made.folders.notes.append(
            f"{len(alone)} images are in no row and were left aside ({printable_path(alone[0])} …)"
        )
    made.listing.skipped += [f"{name} was not used: the table is {used}" for name in unused]
    made.listing.skipped += listing.skipped
    made.listing.notes += listing.notes
    return made


def _join_parts(listing: Listing, read: dict[Place, TableImages]) -> TableImages:
    """Tables of the parts of one set, each in the folder of its images.

    Raises:
        ValueError: If their folders are not called as for training and testing.
    """
    parts = {find_split(place[-2]) if len(place) > 1 else "": one for place, one in read.items()}
    test = parts.get("test", parts.get("val"))
    if "train" not in parts or test is None or len(parts) < len(read):
        names = ", ".join(map(printable_path, read))
        raise ValueError(f"{listing.name} has several tables ({names}): give one of them")
    made, notes = parts["train"], [*parts["train"].folders.notes]
    tested = {**test.folders.train}
    for name, places in (test.folders.test or {}).items():
        tested[name] = tested.get(name, []) + places
    if odd := sorted(tested.keys() - made.folders.train.keys(), key=natural_key):
        raise ValueError(
            f"{listing.name}: the test set has a class {odd[0]!r} that is none to learn from"
        )
    if "test" in parts and "val" in parts:
        notes.append("the table for validation was left aside: that for testing is the test set")
    folders = made.folders
    joined = ClassFolders(
        folders.train, tested, {**folders.groups, **test.folders.groups}, notes, set()
    )
    for place, reader in test.listing.readers.items():
        made.listing.add(place[:-1], place[-1], reader)
    made.listing.skipped += test.listing.skipped
    return TableImages(made.listing, joined, {**made.numbers, **test.numbers})


class _Reader:
    """Reads one table."""

    def __init__(self, table: Table, files: FilesBeside, wanted: Columns) -> None:
        self.table, self.files, self.wanted = table, files, wanted
        self.listing = Listing(table.name)
        self.listing.skipped += table.skipped
        self.notes = list(table.notes)
        self.used: dict[str, str] = {}  # what each column that is used says
        for one in fields(Columns):
            given = getattr(wanted, one.name)
            if isinstance(given, str) and (one.name, given) != ("group", "none"):
                self._resolve(given, one.name)

    def read(self) -> TableImages:
        matched = self._find_files()
        parts = self._find_parts()
        groups = self._find_groups()
        labels = self._find_labels(parts)
        rows = self._choose_rows(matched, labels, parts)
        numbers = self._read_numbers(rows, labels) if self.wanted.regression else {}
        if numbers:
            names, rows = [self._named("label")], list(numbers)
        else:
            names = sorted({labels[row] for row in rows}, key=natural_key)
            if len(names) == 1:
                raise ValueError(
                    f"{self.table.name} has one class only, {names[0]!r}; it takes two"
                )
        train: FilesByClass = {name: [] for name in names}
        test: FilesByClass = {name: [] for name in names}
        own_groups = {}
        for row in rows:
            place = matched.places[row]
            assert place is not None
            self.listing.add(place[:-1], place[-1], self.files.reader(place))
            side = test if parts[row] == "test" else train
            side[names[0] if numbers else labels[row]].append(place)
            if groups:
                own_groups[place] = groups[row] or printable_path(place)
        tested = {name: places for name, places in test.items() if places} or None
        folders = ClassFolders(train, tested, own_groups, self.notes, set())
        for name, places in folders.train.items():
            if not places:
                raise ValueError(f"{self.table.name}: class {name!r} has no image to learn from")
        self._note_groups_on_both_sides(folders)
        self._note_columns()
        by_place = {place: numbers[row] for row in numbers if (place := matched.places[row])}
        return TableImages(self.listing, folders, by_place)

    # -------------------------------------------------------------- names

    def _resolve(self, name: str, what: str) -> str:
        """The column of this name, by any case.

        Raises:
            ValueError: With the columns there are.
        """
        small = {column.casefold(): column for column in self.table.columns}
        if name in self.table.columns or name.casefold() in small:
            return name if name in self.table.columns else small[name.casefold()]
        raise ValueError(
            f"{self.table.name} has no column {name!r} for the {what}; "
            f"it has {', '.join(self.table.columns)}"
        )

    def _named(self, what: str) -> str:
        """The column that is used for this."""
        return next(column for column, says in self.used.items() if says == what)

    def _known(self, what: str) -> list[str]:
        """The unused columns that are called as such a column is, the most usual names first."""
        by_name = {_plain(column): column for column in reversed(self._unused())}
        return [by_name[name] for name in NAMES[what] if name in by_name]

    def _unused(self) -> list[str]:
        return [column for column in self.table.columns if column not in self.used]

    # -------------------------------------------------------------- files

    def _find_files(self) -> MatchedFiles:
        column = (
            self._resolve(self.wanted.file, "file") if self.wanted.file else self._guess_files()
        )
        self.used[column] = "file"
        names = self.table.column(column)
        matched = self.files.find(names)
        if not any(matched.places):
            first = next(iter(filter(None, names)), "")
            raise ValueError(
                f"no file that {self.table.name} names in its column {column!r} is there: the first is "
                f"{first!r}"
            )
        self.notes += matched.describe()
        for row, (one, other) in matched.unclear.items():
            self.listing.skipped.append(
                f"line {self.table.lines[row]} of {self.table.name}: {names[row]!r} could be "
                f"{printable_path(one)} or {printable_path(other)}"
            )
        # what is missing is named when it is read
        for row, name in enumerate(names):
            if matched.places[row] is None and name and row not in matched.unclear:
                matched.places[row] = tuple(name.replace("\\", "/").split("/"))
        return matched

    def _guess_files(self) -> str:
        """The column whose values are files: most of them, and each another one."""
        known = self._known("file")
        order = [*known, *(column for column in self.table.columns if column not in known)]
        step = max(1, len(self.table.rows) // SAMPLE)
        samples = {
            column: [cell for cell in self.table.column(column)[::step] if cell] for column in order
        }
        found = {
            column: len({cell for cell in set(cells) if self.files.find_exactly(cell)})
            for column, cells in samples.items()
        }
        if not any(found.values()):
            found = {
                column: len(set(filter(None, self.files.find(sorted(set(cells))).places)))
                for column, cells in samples.items()
            }
        best = max(order, key=lambda column: found[column])
        if found[best] or known:
            return best if found[best] else known[0]
        raise ValueError(
            f"no column of {self.table.name} names files that are there; it has "
            f"{', '.join(self.table.columns)}: say which one does (file_column, --file-column)"
        )

    # -------------------------------------------------------------- splits

    def _find_parts(self) -> list[str]:
        """Whether each row is for training or for testing; "" where it says nothing, "aside" for neither."""
        nothing = ["train"] * len(self.table.rows)
        if self.wanted.split:
            column = self._resolve(self.wanted.split, "split")
            parts = self._read_parts(column)
            if parts is None:
                some = sorted(set(self.table.column(column)))[:4]
                raise ValueError(
                    f"the column {column!r} of {self.table.name} says {', '.join(map(repr, some))}, which is "
                    "neither train, val and test, nor yes and no, nor the number of a fold"
                )
        else:
            like = [c for c in self._unused() if re.match(r"is[_ ]?\w+", c, re.IGNORECASE)]
            words = [c for c in self._unused() if find_split(c) and c not in like]
            words += [c for c in self._unused() if c not in words and self._says_splits(c)]
            for column in (*self._known("split"), *like, *words):
                if parts := self._read_parts(column):
                    break
            else:
                return nothing
        self.used[column] = "split"
        present = Counter(parts)
        if not present["train"]:
            raise ValueError(f"{self.table.name} has no row to learn from by its column {column!r}")
        if not present["test"] and present["val"]:
            parts = ["test" if part == "val" else part for part in parts]
        elif present["val"]:
            self.notes.append(
                f"{present['val']} rows of {self.table.name} for validation were left aside: those for "
                "testing are the test set"
            )
        if odd := present["aside"]:
            self.notes.append(
                f"{odd} rows of {self.table.name} were left aside: their {column!r} is no known word"
            )
        return parts

    def _says_splits(self, column: str) -> bool:
        """Whether a column holds words for training and testing and hardly others, whatever it is called."""
        cells = self.table.column(column)
        said = Counter(find_split(cell) for cell in cells if cell)
        return said["train"] > 0 and len(said) > 2 - ("" not in said) and said[""] < len(cells) / 2

    def _read_parts(self, column: str) -> list[str] | None:
        """What a column says each row is for; None where it says nothing of that."""
        cells = [cell.casefold() for cell in self.table.column(column)]
        said = {cell for cell in cells if cell}
        if len(said) < 2:
            known = {find_split(cell) for cell in said} - {""}
            return [find_split(cell) for cell in cells] if known else None
        part = find_split(re.sub(r"^is[_ ]?", "", column, flags=re.IGNORECASE))
        if said <= YES | NO and part:
            yes, no = (part, "test") if part == "train" else (part, "train")
            self.notes.append(f"the column {column} says which images are for {_purpose(part)}")
            return ["" if not cell else yes if cell in YES else no for cell in cells]
        if all(cell.isdecimal() for cell in said):
            numbers = sorted(map(int, said))
            if _plain(column) not in FOLDS and numbers in ([0, 1], [0, 1, 2]):
                words = dict(
                    zip("012", ("train", "test" if len(said) == 2 else "val", "test"), strict=False)
                )
                self.notes.append(
                    f"in the column {column} 0 is taken for training"
                    + (
                        " and 1 for testing"
                        if len(said) == 2
                        else ", 1 for validation and 2 for testing"
                    )
                )
                return [words.get(cell, "") for cell in cells]
            if _plain(column) not in FOLDS and not self.wanted.split:
                return None
            self.notes.append(
                f"fold {numbers[-1]} of the column {column}, the last of {len(numbers)}, is the test set"
            )
            return [
                "" if not cell else "test" if int(cell) == numbers[-1] else "train"
                for cell in cells
            ]
        words = {cell: find_split(cell) for cell in said}
        if not any(words.values()):
            return None
        return [(words[cell] or "aside") if cell else "" for cell in cells]

    # -------------------------------------------------------------- groups

    def _find_groups(self) -> list[str]:
        """The group of each row; empty where there are none."""
        if self.wanted.group == "none":
            return []
        if self.wanted.group:
            column = self._resolve(self.wanted.group, "group")
        else:
            repeated = [c for c in self._known("group") if self._repeats(c)]
            if not repeated:
                return []
            column = repeated[0]
        self.used[column] = "group"
        cells = self.table.column(column)
        count = len({cell for cell in cells if cell})
        alone = sum(not cell for cell in cells)
        self.notes.append(
            f"the {count} groups of the column {column} stay whole on one side of every split"
            + (f"; {alone} rows name none and stand alone" if alone else "")
        )
        return cells

    def _repeats(self, column: str) -> bool:
        cells = [cell for cell in self.table.column(column) if cell]
        return 1 < len(set(cells)) < len(cells)

    def _note_groups_on_both_sides(self, folders: ClassFolders) -> None:
        if folders.test is None or not folders.groups:
            return
        learnt, tested = (
            {folders.groups[place] for places in side.values() for place in places}
            for side in (folders.train, folders.test)
        )
        if both := sorted(learnt & tested, key=natural_key):
            self.notes.append(
                f"{len(both)} groups are on both sides of the split that the table declares "
                f"({', '.join(both[:3])} …), which flatters the test accuracy"
            )

    # -------------------------------------------------------------- labels

    def _find_labels(self, parts: Sequence[str]) -> list[str]:
        """The class of each row; "" where it names none."""
        if self.wanted.label:
            column = self._resolve(self.wanted.label, "label")
        else:
            known = self._known("label")
            # numbers of classes, where another column has their names
            named = [c for c in known if not _are_numbers(self.table.column(c))]
            if known and named and not self.wanted.regression and self._agree(known[0], named[0]):
                known = named
            marked = [] if self.wanted.regression else self._find_marked_columns()
            if marked and (not known or (known[0] in marked and self._is_one_hot(marked))):
                return self._read_column_per_class(marked)
            column = known[0] if known else self._guess_label()
        self.used[column] = "label"
        cells = self.table.column(column)
        if not self.wanted.regression:
            self._check_classes(
                column, [c for c, part in zip(cells, parts, strict=True) if c and part]
            )
        if self.wanted.regression:
            return cells
        return [class_folder_name(unicodedata.normalize("NFC", cell)) for cell in cells]

    def _agree(self, one: str, other: str) -> bool:
        """Whether two columns say the same in other words."""
        pairs = set(zip(self.table.column(one), self.table.column(other), strict=True))
        return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})

    def _guess_label(self) -> str:
        """The only column that can be the label."""
        most = len(self.table.rows) // MIN_IMAGES_PER_CLASS  # classes
        if self.wanted.regression:
            likely = [c for c in self._unused() if _are_numbers(self.table.column(c), share=0.75)]
        else:
            likely = [
                column
                for column in self._unused()
                if 1 < len(found := {*self.table.column(column)}) <= most and found != {""}
            ]
        if len(likely) == 1:
            return likely[0]
        what = f"{', '.join(likely)} could be it" if likely else "no column can be it"
        raise ValueError(
            f"{self.table.name} has no column called label, class or the like; {what}: say which one is "
            f"(label_column, --label-column); it has {', '.join(self.table.columns)}"
        )

    def _find_marked_columns(self) -> list[str]:
        """The unused columns of 0 and 1, if they may be one per class: there are at least two."""
        marked = [
            column
            for column in self._unused()
            if {*self.table.column(column)} <= {*MARKS} and self._marks(column)
        ]
        return marked if len(marked) > 1 else []

    def _marks(self, column: str) -> set[int]:
        """The rows in which a column of 0 and 1 has a 1."""
        return {row for row, cell in enumerate(self.table.column(column)) if MARKS.get(cell)}

    def _is_one_hot(self, marked: Sequence[str]) -> bool:
        """Whether no row has a 1 in two of these columns."""
        rows = [row for column in marked for row in self._marks(column)]
        return len(rows) == len({*rows})

    def _read_column_per_class(self, marked: Sequence[str]) -> list[str]:
        """The class of each row where each class has a column of 0 and 1.

        Raises:
            ValueError: If rows have several.
        """
        chosen: dict[int, list[str]] = defaultdict(list)
        for column in marked:
            for row in self._marks(column):
                chosen[row].append(column)
        if several := sorted(row for row, own in chosen.items() if len(own) > 1):
            raise ValueError(
                f"{self.table.name} has a column per class ({', '.join(marked[:3])} …) and several classes "
                f"in {len(several)} rows (line {self.table.lines[several[0]]}: "
                f"{', '.join(chosen[several[0]])}); an image has one class here: leave such rows out, or "
                "say which column to learn (label_column, --label-column)"
            )
        self.notes.append(
            f"{self.table.name} has one column per class (one-hot): {', '.join(marked[:5])}"
            + (" …" if len(marked) > 5 else "")
        )
        self.used |= dict.fromkeys(marked, "class")
        rows = range(len(self.table.rows))
        return [class_folder_name(chosen[row][0]) if row in chosen else "" for row in rows]

    def _check_classes(self, column: str, cells: list[str]) -> None:
        """Refuse numbers that are no classes; say where cells name several.

        Raises:
            ValueError: If the column holds measurements.
        """
        counts = Counter(cells)
        numbers = [n for c in counts if (n := _parse_number(c)) is not None]
        many = len(numbers) == len(counts) > 2 and len(cells) < MIN_IMAGES_PER_CLASS * len(counts)
        if many or any(not number.is_integer() for number in numbers):
            raise ValueError(
                f"the column {column!r} of {self.table.name} holds {len(counts)} different numbers "
                f"({', '.join(list(counts)[:3])} …), too many for classes: to learn the number itself say "
                "regression (--regression)"
            )
        small: dict[str, list[str]] = defaultdict(list)
        for cell in counts:
            small[cell.casefold()].append(cell)
        if alike := [own for own in small.values() if len(own) > 1]:
            self.notes.append(
                f"classes of {self.table.name} differ in upper and lower case alone: "
                f"{' and '.join(map(repr, alike[0]))}"
            )
        for mark in ("|", ";", ",", " "):
            several = [
                c for c in counts if mark in c and all(p.strip() in counts for p in c.split(mark))
            ]
            if several:
                self.notes.append(
                    f"{sum(counts[c] for c in several)} rows of {self.table.name} name several classes in one "
                    f"cell ({several[0]!r} …): each combination is a class of its own"
                )
                return

    def _read_numbers(self, rows: Sequence[int], labels: Sequence[str]) -> dict[int, float]:
        """The number of each row that has one; names the others.

        Raises:
            ValueError: If there are not two different ones.
        """
        numbers = {row: n for row in rows if (n := _parse_number(labels[row])) is not None}
        self.listing.skipped += [
            f"line {self.table.lines[row]} of {self.table.name} holds no number but {labels[row]!r}"
            for row in rows
            if row not in numbers
        ]
        if len(set(numbers.values())) < 2:
            raise ValueError(
                f"the column {self._named('label')!r} of {self.table.name} holds no two different numbers: "
                "there is nothing to predict"
            )
        return numbers

    # -------------------------------------------------------------- rows

    def _choose_rows(
        self, matched: MatchedFiles, labels: Sequence[str], parts: Sequence[str]
    ) -> list[int]:
        """The rows that are an image; says which are none."""
        lacking: dict[str, list[int]] = defaultdict(list)
        by_place: dict[Place, list[int]] = defaultdict(list)
        for row in range(len(self.table.rows)):
            place = matched.places[row]
            if row in matched.unclear or parts[row] in ("val", "aside"):
                continue
            for what, value in (("label", labels[row]), ("file", place), ("split", parts[row])):
                if not value:
                    lacking[what].append(row)
                    break
            else:
                assert place is not None
                by_place[place].append(row)
        for what, own in lacking.items():
            lines = [self.table.lines[row] for row in own]
            if len(own) > SHOWN_ROWS:
                self.listing.skipped.append(
                    f"{len(own)} rows of {self.table.name} name no {what} (line {lines[0]} …)"
                )
            else:
                self.listing.skipped += [
                    f"line {line} of {self.table.name} names no {what}" for line in lines
                ]
        rows, again = [], []
        for place, own in by_place.items():
            name = printable_path(place)
            several = list(dict.fromkeys(labels[row] for row in own))
            if len(several) > 1 or len({parts[row] for row in own}) > 1:
                what = f"several labels ({', '.join(several[:3])})"
                self.listing.skipped.append(
                    f"{name} is listed with {what if len(several) > 1 else 'several splits'}"
                )
                continue
            if len(own) > 1:
                again.append(name)
            rows.append(own[0])
        if len(again) > SHOWN_ROWS:
            self.listing.notes.append(
                f"{len(again)} files have several rows in {self.table.name} and were read once ({again[0]} …)"
            )
        else:
            self.listing.notes += [f"{name} is listed twice: it was read once" for name in again]
        return sorted(rows)

    def _note_columns(self) -> None:
        """Say which columns were taken for what, where that is not plain, and which were not used."""
        unused = self._unused()
        plain = {"file": "file", "label": "label", "split": "split"}
        if unused or any(plain.get(what) != column.lower() for column, what in self.used.items()):
            taken = [f"{what} = {column}" for column, what in self.used.items() if what != "class"]
            line = f"columns of {self.table.name}: {', '.join(taken)}"
            if unused:
                line += f"; not used: {', '.join(unused)}"
            self.notes.append(line)
        like = [c for c in unused if LIKE_GROUPS.search(_plain(c)) and self._repeats(c)]
        like += [
            c for c in unused if c not in like and _plain(c) in NAMES["group"] and self._repeats(c)
        ]
        if like and "group" not in self.used.values() and self.wanted.group != "none":
            self.notes.append(
                f"if images of one {like[0]} are alike, as of one patient, keep them together by "
                f"group {like[0]!r}"
            )


def _plain(name: str) -> str:
    """A column's name, small and without signs."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _purpose(part: str) -> str:
    return {"train": "training", "test": "testing", "val": "validation"}[part]


def _parse_number(cell: str) -> float | None:
    """The number in a cell, with a point or a comma; None where there is none."""
    try:
        number = float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _are_numbers(cells: Iterable[str], share: float = 1.0) -> bool:
    """Whether so many of the cells that hold something hold a number."""
    filled = [cell for cell in cells if cell]
    numbers = sum(_parse_number(cell) is not None for cell in filled)
    return bool(filled) and numbers >= share * len(filled)
