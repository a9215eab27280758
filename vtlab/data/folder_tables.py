"""Tables in a folder or zip of images: which of them say what is in the images, of all or of a part."""

from __future__ import annotations

from collections.abc import Iterable

from vtlab.data.class_folders import ClassFolders
from vtlab.data.file_matching import FilesBeside
from vtlab.data.file_names import Place, natural_key, printable_path_name
from vtlab.data.listing import Listing
from vtlab.data.split_names import find_split
from vtlab.data.table_cells import parse_table
from vtlab.data.tables import TABLE_ENDINGS, Columns, TableImages, list_table_images

# names of tables that lie beside the images of their folder, at Hugging Face and Roboflow
OWN_TABLES = ("metadata", "_classes")


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
    # of texts only train.txt and the like, whose lines are a file and its class
    tables = [f for f in every if not f[-1].lower().endswith(".txt") or _find_part(f, every)]
    if own:
        tables = [f for f in tables if _stem(f).casefold() in OWN_TABLES]
    read: dict[Place, TableImages] = {}
    why: dict[Place, str] = {}
    for place in tables:
        try:
            files = FilesBeside(None, listing, place[:-1])
            table = parse_table(place[-1], listing.readers[place](), files)
            # a table that only belongs to its folder may hold other things than labels
            read[place] = list_table_images(table, files, columns, guess=not own)
        except (ValueError, OSError) as error:
            why[place] = str(error)
    if not read:
        if why and not own:
            raise ValueError(next(iter(why.values())))
        return None
    if not own and (parts := _select_parts(read)):
        read = parts
    if len(read) > 1 and (own or parts):
        made = _join_parts(listing, read)
    else:
        best = sorted(read, key=lambda place: len(read[place].listing.readers), reverse=True)
        if len(best) > 1 and len({len(read[place].listing.readers) for place in best[:2]}) == 1:
            names = " and ".join(printable_path_name(place) for place in best[:2])
            raise ValueError(f"{names} list as many images of {listing.name}: give one of them")
        made = read[best[0]]
        read = {best[0]: made}
    used = ", ".join(map(printable_path_name, read))
    made.folders.notes.insert(0, f"what is in the images of {listing.name} is read from {used}")
    unused = [place for place in every if place not in read]
    named = {place for one in read.values() for place in one.listing.readers}
    if alone := [place for place in listing.files() if place not in named]:
        made.folders.notes.append(
            f"{len(alone)} images are in no row and were left aside ({printable_path_name(alone[0])} …)"
        )
    for place in unused:
        reason = why.get(place) if _find_part(place, every) else ""
        made.listing.skipped.append(
            f"{printable_path_name(place)} was not used: {reason or f'the table is {used}'}"
        )
    made.listing.skipped += listing.skipped
    made.listing.notes += listing.notes
    return made


def _stem(place: Place) -> str:
    """A file's name without its ending."""
    return place[-1].rpartition(".")[0]


def _find_part(place: Place, tables: Iterable[Place]) -> str:
    """The part of a set that one of some tables is of, by its name (`train.csv`), or by its folder's."""
    by_folder = find_split(place[-2]) if len(place) > 1 else ""
    return find_split(_stem(place), list(map(_stem, tables))) or by_folder


def _select_parts(read: dict[Place, TableImages]) -> dict[Place, TableImages]:
    """Of several tables those of parts, as `train.csv` and `test.csv`; none where there are no such two."""
    parts = {place: one for place, one in read.items() if _find_part(place, read)}
    names = [_find_part(place, read) for place in parts]
    return parts if "train" in names and len({*names}) == len(names) > 1 else {}


def _join_parts(listing: Listing, read: dict[Place, TableImages]) -> TableImages:
    """Tables of the parts of one set.

    Raises:
        ValueError: If neither they nor their folders are called as for training and testing.
    """
    parts = {_find_part(place, read): one for place, one in read.items()}
    test = parts.get("test", parts.get("val"))
    if "train" not in parts or test is None or len(parts) < len(read):
        names = ", ".join(map(printable_path_name, read))
        raise ValueError(f"{listing.name} has several tables ({names}): give one of them")
    made, notes = parts["train"], [*parts["train"].folders.notes]
    said = [*made.listing.notes, *notes]
    notes += [
        f"of {test.listing.name}: {note}"
        for note in (*test.listing.notes, *test.folders.notes)
        if note not in said
    ]
    tested = {**test.folders.train}
    for name, places in (test.folders.test or {}).items():
        tested[name] = tested.get(name, []) + places
    if odd := sorted(tested.keys() - made.folders.train.keys(), key=natural_key):
        raise ValueError(
            f"{listing.name}: the test set has a class {odd[0]!r} that is none to learn from"
        )
    if "test" in parts and "val" in parts:
        notes.append("the table for validation was left aside: that for testing is the test set")
    else:
        notes.append(f"the test set is read from {test.listing.name}")
    folders, learnt = made.folders, dict(made.folders.train)
    if folders.test:  # a fold, say: no image may be on neither side
        for name, places in folders.test.items():
            learnt[name] = learnt.get(name, []) + places
        stale = folders.describe_split()
        notes = [n for n in notes if n not in stale and not n.endswith("is the test set")]
        notes.append(
            f"what {made.listing.name} says of testing is not used: all of it is to learn from"
        )
    joined = ClassFolders(learnt, tested, {**folders.groups, **test.folders.groups}, notes, set())
    joined.notes += joined.describe_split()
    for place, reader in test.listing.readers.items():
        made.listing.add(place[:-1], place[-1], reader)
    made.listing.skipped += test.listing.skipped
    return TableImages(made.listing, joined, {**made.numbers, **test.numbers})
