"""Reading a table to cells of text: CSV of any spreadsheet, JSON lines, an Excel sheet, a DataFrame."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vtlab.data.file_matching import FilesBeside
from vtlab.data.file_names import is_image_name, printable_name
from vtlab.data.text_encodings import decode_text

if TYPE_CHECKING:
    import pandas

SEPARATORS = ",;\t|"


@dataclass(frozen=True, eq=False)
class Table:
    """The cells of a table as text.

    Attributes:
        name: For messages.
        columns: The columns' names.
        rows: The cells of each row, without blanks around them.
        lines: Where each row stands.
        skipped: A sentence for each row that is none.
        notes: How the table was read, where that is not plain.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> list[str]:
        """The cells of a column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


def parse_table(name: str, content: bytes, files: FilesBeside | None = None) -> Table:
    """The table in a file.

    Args:
        name: Of the file; its ending says what it is.
        content: Its bytes: text in any usual encoding with commas, semicolons, tabs or bars, a JSON object a
            line (`.jsonl`), or an Excel sheet (`.xlsx`, with the package openpyxl).
        files: What lies beside it: tells a first row of files from one of names, and an encoding by names.

    Raises:
        ValueError: If it has no rows, or cannot be read.
    """
    name = printable_name(name)
    notes: list[str] = []
    if name.lower().endswith(".xlsx"):
        cells = _read_sheet(name, content, notes)
    else:
        text, encoding = decode_text(content)
        if not encoding.startswith("utf"):
            text, encoding = decode_text(content, files.list_odd_names() if files else ())
            notes.append(f"{name} is not in UTF-8: it was read as {encoding}")
        if "\0" in text:
            raise ValueError(f"{name} is no table: it holds bytes that are no text")
        cells = _read_json(name, text) if name.lower().endswith(".jsonl") else _read_csv(text)
    numbered = [
        (line, row) for line, row in enumerate(cells, 1) if any(cell.strip() for cell in row)
    ]
    if not numbered:
        raise ValueError(f"{name} is empty")
    head = [cell.strip() for cell in numbered[0][1]]
    # no names, where a file is in it
    if any(is_image_name(cell) or (files and files.find_exactly(cell)) for cell in head):
        head = [f"column {number}" for number in range(1, len(head) + 1)]
        notes.append(f"{name} has no names of columns in its first line")
    else:
        del numbered[0]
    # what a spreadsheet leaves at the right is no column
    filled = max(
        (n for _, row in numbered for n, cell in enumerate(row, 1) if cell.strip()), default=0
    )
    while len(head) > filled and not head[-1]:
        head.pop()
    second = [cell.strip() for cell in numbered[0][1][: len(head)]] if numbered else []
    words = all(re.search(r"[^\W\d_]", cell) and not is_image_name(cell) for cell in second)
    if second and words and 2 * head.count("") >= len(head):
        notes.append(
            f"the names of the columns of {name} seem to stand in its second line ({', '.join(second[:4])}): "
            "take out the first"
        )
    head = [cell or f"column {number}" for number, cell in enumerate(head, 1)]
    _check_once(name, head)
    rows, lines, skipped = [], [], []
    for line, row in numbered:
        if len(row) > len(head) and any(cell.strip() for cell in row[len(head) :]):
            skipped.append(
                f"line {line} of {name} has {len(row)} cells, its first line {len(head)}"
            )
            continue
        padded = (*row, *[""] * (len(head) - len(row)))
        rows.append(tuple(cell.strip() for cell in padded[: len(head)]))
        lines.append(line)
    if not rows:
        said = "; ".join((f"{name} has no rows below its columns {', '.join(head)}", *notes))
        raise ValueError(said)
    return Table(name, tuple(head), tuple(rows), tuple(lines), tuple(skipped), tuple(notes))


def table_of_frame(frame: pandas.DataFrame, name: str = "the table") -> Table:
    """The table that a pandas DataFrame is; a row's line is its place, from 0.

    Raises:
        ValueError: If it has no rows, or two columns of one name.
    """
    if not len(frame):
        raise ValueError(f"{name} has no rows")
    columns = tuple(map(str, frame.columns))
    _check_once(name, columns)
    rows = tuple(tuple(map(_to_text, row)) for row in frame.itertuples(index=False, name=None))
    return Table(name, columns, rows, tuple(range(len(rows))))


def _check_once(name: str, columns: Iterable[str]) -> None:
    if twice := [column for column, count in Counter(columns).items() if count > 1]:
        raise ValueError(f"{name} has two columns called {twice[0]!r}")


def _read_csv(text: str) -> list[list[str]]:
    first, _, rest = text.partition("\n")
    if told := re.fullmatch(r"sep=(.)\s*", first):  # what Excel writes for itself
        return [[], *csv.reader(io.StringIO(rest, newline=""), delimiter=told[1])]
    mark = max(SEPARATORS, key=first.count)
    if first.count(mark):
        return list(
            csv.reader(io.StringIO(text, newline=""), delimiter=mark, skipinitialspace=True)
        )
    return [line.rsplit(maxsplit=1) for line in text.splitlines()]  # "img/1.jpg 0"


def _read_json(name: str, text: str) -> list[list[str]]:
    try:
        rows = [json.loads(line) if line.strip() else {} for line in text.splitlines()]
        columns = list(dict.fromkeys(key for row in rows for key in row))
        return [columns, *([_to_text(row.get(key)) for key in columns] for row in rows)]
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{name} is no JSON object a line: {error}") from None


def _read_sheet(name: str, content: bytes, notes: list[str]) -> list[list[str]]:
    try:
        import openpyxl
    except ImportError:
        raise ValueError(
            f"{name} takes a package to be read: pip install openpyxl, or save it as CSV"
        ) from None
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheets = {
            sheet.title: [list(map(_to_text, row)) for row in sheet.values]
            for sheet in book.worksheets
        }
    except Exception as error:  # a zip, its XML and its dates each fail in their own way
        raise ValueError(f"{name} cannot be read as an Excel sheet: {error}") from None
    filled = {title: rows for title, rows in sheets.items() if any(map(any, rows))}
    for title in list(filled)[1:]:
        notes.append(
            f"the sheet {printable_name(title)!r} of {name} was left aside: the first is read"
        )
    return next(iter(filled.values()), [])


def _to_text(value: Any) -> str:
    """A cell as text: nothing for what is missing, no `.0` after a whole number."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or str(value) == "<NA>":
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode(errors="replace").strip()
    return str(value).strip()
