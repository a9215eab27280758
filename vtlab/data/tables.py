"""Tables that say what is in images: which column names the files, which the class, and what is for testing.

Such tables come from spreadsheets, competitions and other tools, and each calls its columns otherwise. The
column of files is the one whose values are files beside the table; the column of classes is called as usual,
or the only one that can be it. What was taken for what, and what was not used, is said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from vtlab.data.class_folders import ClassFolders, FilesByClass, name_class
from vtlab.data.file_matching import NUMBER, FilesBeside, MatchedFiles
from vtlab.data.file_names import (
    Place,
    class_folder_name,
    is_image_name,
    list_few,
    natural_key,
    printable_path_name,
)
from vtlab.data.listing import Listing
from vtlab.data.splits import MIN_IMAGES_PER_CLASS
from vtlab.data.table_cells import Table
from vtlab.data.table_columns import (
    are_numbers,
    counts_rows,
    describe_classes,
    describe_least_number,
    describe_no_number,
    find_columns_like_groups,
    find_marks,
    find_pixel_columns,
    find_shares,
    find_split_columns,
    find_usual_columns,
    join_list,
    read_numbers,
    read_split_column,
)

TABLE_ENDINGS = (".csv", ".tsv", ".txt", ".jsonl", ".xlsx")
SAMPLE = 60  # rows by which the column of files is found
SHOWN_ROWS = 3  # that are named one by one where something is wrong with them


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
    table: Table, files: FilesBeside, columns: Columns | None = None, *, guess: bool = True
) -> TableImages:
    """The images that a table lists, as if each lay in a folder of its class.

    Args:
        table: A row per image.
        files: Those beside it.
        columns: What its columns are called, where that is to be said.
        guess: Whether the only column that can be the label is taken for it, whatever it is called.

    Raises:
        ValueError: If a column is missing or could be several, no file is there, or a row has several labels.
    """
    try:
        return _Reader(table, files, columns or Columns(), guess).read()
    except ValueError as error:  # perhaps since it was read otherwise than it was meant
        raise ValueError("; ".join((str(error), *table.notes))) from None


class _Reader:
    """Reads one table.

    Attributes:
        cells: Of each column.
        used: What each column that is used says, such as "file".
    """

    def __init__(self, table: Table, files: FilesBeside, wanted: Columns, guess: bool) -> None:
        self.table, self.files, self.wanted, self.guess = table, files, wanted, guess
        self.cells = {column: table.column(column) for column in table.columns}
        self.listing = Listing(table.name)
        self.listing.skipped += table.skipped
        self.notes = list(table.notes)
        self.used: dict[str, str] = {}
        self.given: dict[str, str] = {}  # what was said of the columns
        for what in (one.name for one in fields(Columns)):
            name = getattr(wanted, what)
            if isinstance(name, str) and (what, name) != ("group", "none"):
                self.given[what] = self._resolve(name, what)

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
            if len(names) < 2:
                only = (
                    f"one class only, {names[0]!r}" if names else "no row with a file and a class"
                )
                raise ValueError(f"{self.table.name} has {only}; it takes two classes")
        train: FilesByClass = {name: [] for name in names}
        test: FilesByClass = {name: [] for name in names}
        by_place, own_groups = {}, {}
        for row in rows:
            place = matched.places[row]
            assert place is not None
            self.listing.add(place[:-1], place[-1], self.files.reader(place))
            side = test if parts[row] == "test" else train
            side[names[0] if numbers else labels[row]].append(place)
            if numbers:
                by_place[place] = numbers[row]
            if groups:
                own_groups[place] = groups[row] or printable_path_name(place)
        if lost := [name for name, places in train.items() if not places]:
            raise ValueError(f"{self.table.name}: class {lost[0]!r} has no image to learn from")
        tested = {name: places for name, places in test.items() if places} or None
        folders = ClassFolders(train, tested, own_groups, self.notes, set())
        self.notes += folders.describe_split()
        self._note_columns()
        return TableImages(self.listing, folders, by_place)

    # -------------------------------------------------------------- names

    def _resolve(self, name: str, what: str) -> str:
        """The column of this name, by any case.

        Raises:
            ValueError: With the columns there are.
        """
        small = {column.casefold(): column for column in self.cells}
        if found := name if name in self.cells else small.get(name.casefold()):
            return found
        raise ValueError(
            f"{self.table.name} has no column {name!r} for the {what}; it has {list_few(self.cells, 10)}"
        )

    def _named(self, what: str) -> str:
        """The column that is used for this."""
        return next(column for column, says in self.used.items() if says == what)

    def _unused(self) -> dict[str, list[str]]:
        """The cells of each column that is not used, and was not named for something else."""
        taken = {*self.used, *self.given.values()}
        return {column: cells for column, cells in self.cells.items() if column not in taken}

    def _find_usual(self, what: str) -> list[str]:
        """The unused columns that are called as such a column is, the most usual names first."""
        return find_usual_columns(what, list(self._unused()))

    # -------------------------------------------------------------- files

    def _find_files(self) -> MatchedFiles:
        column = self.given.get("file") or self._guess_files()
        self.used[column] = "file"
        names = self.cells[column]
        matched = self.files.find(names)
        if not any(matched.places):
            for row, (one, other) in matched.unclear.items():
                raise ValueError(
                    f"a name in the column {column!r} of {self.table.name} is that of several files: "
                    f"{names[row]!r} of {printable_path_name(one)} and of {printable_path_name(other)}"
                )
            first = next(iter(filter(None, names)), "")
            raise ValueError(
                f"no file that {self.table.name} names in its column {column!r} is there: the first is "
                f"{first!r}"
            )
        self.notes += matched.describe()
        for row, (one, other) in matched.unclear.items():
            self.listing.skipped.append(
                f"line {self.table.lines[row]} of {self.table.name}: {names[row]!r} could be "
                f"{printable_path_name(one)} or {printable_path_name(other)}"
            )
        # what is missing is named when it is read
        for row, name in enumerate(names):
            if matched.places[row] is None and name and row not in matched.unclear:
                matched.places[row] = tuple(name.replace("\\", "/").split("/"))
        return matched

    def _guess_files(self) -> str:
        """The column whose values are files: most of them, and each another one."""
        usual = self._find_usual("file")
        pixels = find_pixel_columns(self.cells)
        others = [c for c in self.cells if not counts_rows(c, self.cells[c])] or self.cells
        order = [c for c in dict.fromkeys([*usual, *others]) if c not in pixels] or usual
        step = max(1, len(self.table.rows) // SAMPLE)
        samples = {column: {*self.cells[column][::step]} - {""} for column in order}
        found = {
            column: sum(self.files.find_exactly(cell) is not None for cell in cells)
            for column, cells in samples.items()
        }
        if not any(found.values()):
            found = {
                column: len(set(filter(None, self.files.find(sorted(cells)).places)))
                for column, cells in samples.items()
            }
            for column, cells in samples.items():  # bare numbers fit files of anything
                rows = self.cells[column][::step]
                if all(map(NUMBER.fullmatch, cells)) and 2 * found[column] < len(rows):
                    found[column] = 0
        # of two the one with whole names: numbers fit other files, too
        best = max(order, key=lambda c: (found[c], sum(map(is_image_name, samples[c]))))
        if pixels and not found[best]:
            raise ValueError(
                f"{self.table.name} holds pixels ({list_few(pixels, 3)}), a column per pixel or all in a cell: "
                "give arrays, vt.task((X, y)), X of shape (N, height, width)"
            )
        if found[best] or usual:
            return best if found[best] else usual[0]
        raise ValueError(
            f"no column of {self.table.name} names files that are there; it has "
            f"{list_few(self.cells, 10)}: say which one does (file_column, --file-column)"
        )

    # -------------------------------------------------------------- splits

    def _find_parts(self) -> list[str]:
        """Whether each row is for training or for testing; "" where it says nothing, "aside" for neither."""
        name, asked = self.table.name, "split" in self.given
        for column in [self.given["split"]] if asked else find_split_columns(self._unused()):
            if read := read_split_column(column, self.cells[column], asked):
                break
        else:
            if not asked:
                return ["train"] * len(self.table.rows)
            some = ", ".join(map(repr, sorted({*self.cells[column]})[:4]))
            raise ValueError(
                f"the column {column!r} of {name} says {some}, which is neither train, val and test, nor yes "
                "and no, nor the number of a fold"
            )
        parts, notes = read
        self.notes += notes
        self.used[column] = "split"
        present = Counter(parts)
        if not present["train"]:
            raise ValueError(f"{name} has no row to learn from by its column {column!r}")
        if not present["test"]:
            parts = ["test" if part == "val" else part for part in parts]
        elif present["val"]:
            self.notes.append(
                f"{present['val']} rows of {name} for validation were left aside: those for testing are the "
                "test set"
            )
        if odd := present["aside"]:
            cells = zip(self.cells[column], parts, strict=True)
            words = dict.fromkeys(repr(cell) for cell, part in cells if part == "aside")
            self.notes.append(
                f"{odd} rows of {name} were left aside: what their {column!r} says is no known word "
                f"({list_few(words)})"
            )
        return parts

    # -------------------------------------------------------------- groups

    def _find_groups(self) -> list[str]:
        """The group of each row; empty where there are none."""
        usual = [] if self.wanted.group else filter(self._repeats, self._find_usual("group"))
        column = self.given.get("group") or next(iter(usual), None)
        if column is None:
            return []
        self.used[column] = "group"
        cells = self.cells[column]
        alone = cells.count("")
        self.notes.append(
            f"the {len({*cells} - {''})} groups of the column {column} stay whole on one side of every split"
            + (f"; {alone} rows name none and stand alone" if alone else "")
        )
        return cells

    def _repeats(self, column: str) -> bool:
        """Whether a column says the same in several rows, and not in all."""
        filled = [cell for cell in self.cells[column] if cell]
        return 1 < len(set(filled)) < len(filled)

    # -------------------------------------------------------------- labels

    def _find_labels(self, parts: Sequence[str]) -> list[str]:
        """The class of each row; "" where it names none."""
        if column := self.given.get("label"):
            return self._read_labels(column, parts)
        usual = self._find_usual("label")
        if not self.wanted.regression:
            # numbers of classes, where another column has their names
            named = [c for c in usual if not are_numbers(self.cells[c])]
            if named and _agree(self.cells[usual[0]], self.cells[named[0]]):
                usual = named
            marks = find_marks(self._unused())
            one_hot = all(len(columns) == 1 for columns in marks.values())
            columns = {column for own in marks.values() for column in own}
            if marks and (not usual or (usual[0] in columns and one_hot)):
                return self._read_marks(marks)
            if one_hot and len(marks) > len(self.table.rows) / 2:
                says = ["".join(marks.get(row, "")) for row in range(len(self.table.rows))]
                same = (
                    "say the same" if _agree(self.cells[usual[0]], says) else "say something else"
                )
                self.notes.append(
                    f"what is learnt is the column {usual[0]}: the columns {list_few(sorted(columns))} of "
                    f"{self.table.name} have one 1 in each row, too (one-hot), {same}, and are not used"
                )
        return self._read_labels(usual[0] if usual else self._guess_label(), parts)

    def _read_labels(self, column: str, parts: Sequence[str]) -> list[str]:
        """What a column says each row is."""
        self.used[column] = "label"
        cells = self.cells[column]
        if self.wanted.regression:
            return cells
        cells = list(map(join_list, cells))
        filled = [cell for cell, part in zip(cells, parts, strict=True) if cell and part]
        self.notes += describe_classes(column, self.table.name, filled)
        return [class_folder_name(name_class(cell)) for cell in cells]

    def _guess_label(self) -> str:
        """The only column that can be the label."""
        most = len(self.table.rows) // MIN_IMAGES_PER_CLASS  # classes
        likely = [
            column
            for column, cells in self._unused().items()
            if (
                are_numbers(cells, share=0.75)
                if self.wanted.regression
                else 1 < len({*cells}) <= most
            )
        ]
        if len(likely) == 1 and self.guess:
            self.notes.append(
                f"no column of {self.table.name} is called label, class or the like: {likely[0]} is taken for "
                "it, the only one that can be (label_column, --label-column names another)"
            )
            return likely[0]
        what = f"{', '.join(likely)} could be it" if likely else "no column can be it"
        filled = {c: [*filter(None, cells)] for c, cells in self._unused().items() if any(cells)}
        if self.wanted.regression and not likely:
            odd = [f"{c} holds such as {describe_no_number(own[0])}" for c, own in filled.items()]
            what += f" ({list_few(odd, by='; ')})" if odd else ""
        elif shares := find_shares(filled):
            what += (
                f" ({list_few(shares, 3)} are numbers from 0 to 1, as of one column per class with shares or "
                "probabilities: an image has one class here, so add a column with its name)"
            )
        raise ValueError(
            f"{self.table.name} has no column called label, class or the like; {what}: say which one is "
            f"(label_column, --label-column); it has {list_few(self.cells, 10)}"
        )

    def _read_marks(self, marks: dict[int, list[str]]) -> list[str]:
        """The class of each row where each class has a column of 0 and 1.

        Raises:
            ValueError: If rows have several.
        """
        columns = [c for c in self.cells if any(c in marked for marked in marks.values())]
        if several := sorted(row for row, marked in marks.items() if len(marked) > 1):
            first = several[0]
            raise ValueError(
                f"{self.table.name} has a column per class ({list_few(columns)}) and several classes in "
                f"{len(several)} rows (line {self.table.lines[first]}: {', '.join(marks[first])}); an image "
                "has one class here: leave such rows out, or say which column to learn (label_column, "
                "--label-column)"
            )
        self.notes.append(
            f"{self.table.name} has one column per class (one-hot): {list_few(columns, 5)}"
        )
        self.used |= dict.fromkeys(columns, "class")
        rows = range(len(self.table.rows))
        return [
            class_folder_name(name_class(marks[row][0])) if row in marks else "" for row in rows
        ]

    def _read_numbers(self, rows: Sequence[int], labels: Sequence[str]) -> dict[int, float]:
        """The number of each row that has one; names the others.

        Raises:
            ValueError: If there are not two different ones.
        """
        found, notes = read_numbers(self._named("label"), labels)
        self.notes += notes
        numbers = {row: n for row in rows if (n := found[row]) is not None}
        self.listing.skipped += [
            f"line {self.table.lines[row]} of {self.table.name} holds no number but {labels[row]!r}"
            for row in rows
            if row not in numbers
        ]
        if len(set(numbers.values())) < 2:
            odd = next((labels[row] for row in rows if row not in numbers), "")
            raise ValueError(
                f"the column {self._named('label')!r} of {self.table.name} holds no two different numbers"
                + (
                    f", but such as {describe_no_number(odd)}"
                    if odd
                    else ": there is nothing to predict"
                )
            )
        self.notes += describe_least_number(self._named("label"), list(numbers.values()))
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
            name = printable_path_name(place)
            several = list(dict.fromkeys(labels[row] for row in own))
            if len(several) > 1 or len({parts[row] for row in own}) > 1:
                what = f"several labels ({list_few(several)})"
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
        like = list(filter(self._repeats, find_columns_like_groups(list(unused))))
        if like and "group" not in self.used.values() and self.wanted.group != "none":
            self.notes.append(
                f"if images of one {like[0]} are alike, as of one patient, keep them together by "
                f"group {like[0]!r}"
            )


def _agree(cells: Sequence[str], others: Sequence[str]) -> bool:
    """Whether two columns say the same in other words."""
    pairs = {*zip(cells, others, strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
