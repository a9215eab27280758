"""Which folder is a class, decided from the whole tree: parts, classes, and groups such as patients.

Understood are `class/image`, `part/class/image` and `class/part/image`, where a part is called as in
`split_names`, and with folders of groups `class/group/image` and `group/class/image`. A folder that only
holds one more is entered. What could mean two things is refused, with both.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Set
from dataclasses import dataclass

from vtlab.data.file_names import (
    Place,
    describe_class_names,
    is_image_name,
    list_few,
    natural_key,
    printable_path_name,
)
from vtlab.data.listing import Listing
from vtlab.data.masks import find_masks
from vtlab.data.split_names import find_split

# folders without labels, which lie beside others
UNLABELLED = frozenset("pred predict prediction unknown unlabelled unlabeled unlabel extra".split())
# what portions of one set are called, with numbers
PORTIONS = frozenset(
    "part parts batch chunk fold folder image images img imgs set data disk dcim".split()
)
HASH = re.compile(r"[0-9a-f-]{8,}", re.IGNORECASE)  # such as a patient's pseudonym

FilesByClass = dict[str, list[Place]]


@dataclass
class ClassFolders:
    """What the folders of a listing mean.

    Attributes:
        train: The files of each class.
        test: Those of the test set; None where there is none. It may lack classes.
        groups: The group of each file that lies in one.
        notes: What to say about it.
        tops: The folders around the classes; an image right in one of them is in no class.
    """

    train: FilesByClass
    test: FilesByClass | None
    groups: dict[Place, str]
    notes: list[str]
    tops: set[Place]

    def describe_split(self) -> list[str]:
        """Sentences where the split that is declared leaves a class untested, or divides a group."""
        if self.test is None:
            return []
        notes = []
        if lost := [name for name in self.train if not self.test.get(name)]:
            notes.append(
                f"the test set has no image of {list_few(map(repr, lost))}: its accuracy says nothing "
                f"about {'it' if len(lost) == 1 else 'them'}"
            )
        learnt, tested = (
            {self.groups[file] for files in side.values() for file in files if file in self.groups}
            for side in (self.train, self.test)
        )
        return notes + describe_groups_on_both_sides(learnt, tested)


def describe_groups_on_both_sides(learnt: Set[str], tested: Set[str]) -> list[str]:
    """A sentence where groups are among those to learn from and among those to test on."""
    if not (both := sorted(learnt & tested, key=natural_key)):
        return []
    return [
        f"{len(both)} groups are on both sides of the split that is declared ({list_few(both)}), which "
        "flatters the test accuracy"
    ]


def find_class_folders(listing: Listing, group: str | None = None) -> ClassFolders:
    """What the folders of a listing mean.

    Args:
        listing: Of a folder, a zip or a table, with an image in it.
        group: "folder" if folders in a class folder are groups, "none" if there are no groups; else that is
            told by their names.

    Raises:
        ValueError: If there are not two classes, one has no image, a test class is none to learn, or the
            folders could mean two things. The message names the folders.
    """
    return _Reader(listing, group).read()


class _Reader:
    """Reads the folders of a listing that have images in or below them."""

    def __init__(self, listing: Listing, group: str | None) -> None:
        self.listing, self.group = listing, group
        self.masks, self.notes = find_masks(listing)
        self.tops: set[Place] = set()
        self.groups: dict[Place, str] = {}
        self.loose: set[Place] = set()  # folders with images of their own
        self.filled: set[Place] = set()  # those with images or masks at any depth
        inner = defaultdict[Place, set[str]](set)
        for at, files in listing.folders.items():
            images = [file for file in files if is_image_name(file[-1])]
            if images:
                self.filled |= {at[:n] for n in range(len(at) + 1)}
            if not self.masks.issuperset(images):
                self.loose.add(at)
                for n in range(len(at)):
                    inner[at[:n]].add(at[n])
        self._inner = {at: sorted(names, key=natural_key) for at, names in inner.items()}

    def files(self, at: Place) -> list[Place]:
        """The image files in a folder at any depth, less masks, in natural order."""
        return [file for file in self.listing.files(at) if file not in self.masks]

    def inside(self, at: Place) -> list[str]:
        """The names of the folders right inside one that hold images at any depth, in natural order."""
        return self._inner.get(at, [])

    def enter(
        self, at: Place, classes: Collection[str] = (), inner_classes: Collection[str] = ()
    ) -> Place:
        """Go down while a folder holds one more, to the folder that holds several.

        A lone folder of images is not entered, nor one that is called as a class, nor a group of classes.
        """
        while True:
            inside = self.inside(at)
            deeper = (*at, *inside)
            if len(inside) != 1 or not self.inside(deeper) or name_class(inside[0]) in classes:
                return at
            if deeper in self.loose and len(self.inside(deeper)) == 1:
                return at  # a class with images and one folder of more
            if not {*inner_classes}.isdisjoint(self.inside(deeper)):
                return at
            at = deeper

    def enter_class(self, at: Place) -> Place:
        """Go down in a class while a folder holds one more and no images of its own."""
        while len(self.inside(at)) == 1 and at not in self.loose:
            at = (*at, *self.inside(at))
        return at

    def where(self, at: Place) -> str:
        return "/".join((self.listing.name, *map(name_class, at)))

    def read(self) -> ClassFolders:
        root = self.enter(())
        test = None
        if parts := self._find_parts(root):
            train_at = self.enter(parts.pop("train"))
            inner_classes = self._find_inner_classes(train_at)
            train = self._read_classes(train_at, inner_classes)
            test = self._read_test(parts, train_at, train, inner_classes)
        elif folders := self._find_parts_in_classes(root):
            train, test = self._read_parts_in_classes(root, folders)
        else:
            train = self._read_classes(root, self._find_inner_classes(root))
        if len(train) == 1:
            only = next(iter(train))
            raise ValueError(f"{self.listing.name} has one class only, {only!r}; it takes two")
        self._note_names(train)
        if self.group == "none":
            self.groups = {}
        tops = {at[:n] for at in (*self.tops, root) for n in range(len(at) + 1)}
        found = ClassFolders(train, test, self.groups, self.notes, tops)
        found.notes += found.describe_split()
        return found

    def _note_names(self, classes: Collection[str]) -> None:
        """Say it where classes are called alike, or as portions of one set (`images_001`, `images_002`)."""
        self.notes += describe_class_names(self.listing.name, classes)
        words = {word for name in classes for word in re.findall(r"[^\W\d_]+", name.lower())}
        if (
            words & PORTIONS
            and all(re.search(r"\d", name) for name in classes)
            and _same_stem(classes)
        ):
            self.notes.append(
                f"the classes are called {list_few(classes)}, as portions of one set are: if they are none, "
                "give the table that says what is in the images, or put one folder per class"
            )

    # ------------------------------------------------------------------ parts: train/, test/, val/

    def _find_parts(self, at: Place) -> dict[str, Place]:
        """The folder called "train" here and, by name, those that may be the test set, best first."""
        inside = self.inside(at)
        words = {name: part for name in inside if (part := find_split(name, inside))}
        rest = [name for name in inside if name not in words]
        trains = [name for name, part in words.items() if part == "train"]
        train = next((n for n in trains if len(self.inside(self.enter((*at, n)))) > 1), None)
        others = [name for part in ("test", "val") for name in words if words[name] == part]
        if train is None:
            if len({*words.values()}) < 2 and (rest or not words):
                return {}  # a class may well be called "train"
            raise ValueError(
                f"{self.listing.name} has {_folders(words)} but no train/ with one folder per class in it"
            )
        doubt = [name for name in rest if name.lower() not in UNLABELLED]
        if doubt and not others:
            own = ", ".join(self.inside(self.enter((*at, train)))[:3])
            raise ValueError(
                f"{self.where(at)} holds {train}/ with folders ({own} …) and, beside it, "
                f"{_folders(doubt)}: is {train}/ a class, or what is learnt from? Move the others away, "
                f"or put the images of {train}/ straight into it"
            )
        self.notes += [
            f"{_folders([name])} was left aside" for name in inside if name not in (train, *others)
        ]
        return {"train": (*at, train)} | {name: (*at, name) for name in others}

    def _read_test(
        self,
        parts: dict[str, Place],
        train_at: Place,
        train: FilesByClass,
        inner_classes: Collection[str],
    ) -> FilesByClass | None:
        """The test set: the first of the folders that may be it in which classes lie."""
        chosen, test = "", None
        for name, place in parts.items():
            at, why = self.enter(place, train, inner_classes), ""
            names = self._class_names(at, inner_classes)
            known = match_class_names(names, train)
            odd = [one for one in names if one not in known and one.lower() not in UNLABELLED]
            if chosen:
                why = f"{_folders([chosen])} is the test set"
            elif not names:
                why = "it has no class folders"
            elif not known:
                own = ", ".join(names[:3])
                why = f"its folders ({own}) are no classes of {_folders([train_at[-1]])}"
            elif odd:
                raise ValueError(
                    f"{self.listing.name}: class {odd[0]!r} is in {_folders([name])} only, and so there is "
                    "nothing to learn it from"
                )
            if why:
                self.notes.append(f"{_folders([name])} was left aside: {why}")
                continue
            chosen, test = name, defaultdict[str, list[Place]](list)
            self.notes.append(f"the test set is {_folders([name])}")
            for own, files in self._read_classes(at, inner_classes, test=True).items():
                if own in known:
                    test[known[own]] += files
                else:
                    self.notes.append(f"{_folders([name])}{own}/ was left aside: it is no class")
        return test

    def _find_parts_in_classes(self, root: Place) -> dict[str, dict[str, str]]:
        """For each class its folders by part, where all classes hold such folders (`cat/train/3.png`)."""
        found = {}
        for name in self.inside(root):
            inside = self.inside((*root, name))
            words = {part: own for own in inside if (part := find_split(own, inside))}
            if "train" not in words or len(words) < 2:
                return {}
            found[name] = words
        return found if len(found) > 1 else {}

    def _read_parts_in_classes(
        self, root: Place, folders: dict[str, dict[str, str]]
    ) -> tuple[FilesByClass, FilesByClass]:
        """Read `class/part/image`."""
        chosen = "test" if any("test" in parts for parts in folders.values()) else "val"
        train, test = defaultdict[str, list[Place]](list), defaultdict[str, list[Place]](list)
        for name, parts in folders.items():
            self.tops.add((*root, name))
            for side, part in ((train, "train"), (test, chosen)):
                if part in parts:
                    side[name_class(name)] += self.files((*root, name, parts[part]))
            self.notes += [
                f"{printable_path_name((name, own))}/ was left aside"
                for own in self.inside((*root, name))
                if own not in (parts["train"], parts.get(chosen))
            ]
        own = next(parts[chosen] for parts in folders.values() if chosen in parts)
        self.notes.append(f"the test set is the folder {_folders([own])} in each class")
        return train, test

    # ------------------------------------------------------------------ classes and groups

    def _find_inner_classes(self, at: Place) -> Collection[str]:
        """The classes where they lie in folders of groups (`P01/healthy/3.png`); else empty.

        Raises:
            ValueError: If both readings are as good (`photo/cat`, `sketch/cat`).
        """
        if self.group == "folder":
            return ()
        outer = self.inside(at)
        inner = [self.inside((*at, name)) for name in outer]
        if all(len(names) <= 1 for names in inner):
            names = Counter(name for names in inner for name in names)
            if len(names) > 1 and min(names.values()) > 1:
                if _are_identifiers(outer) and not _are_identifiers(names):
                    return names.keys()
            # the same single folder in each, as in healthy/images/P01, says nothing
            inner = [self.inside(self.enter_class((*at, name))) for name in outer]
        names = Counter(name for names in inner for name in names)
        shared = sum(count > 1 for count in names.values())
        numbered = _are_identifiers(outer), _are_identifiers(names)
        own_images = any((*at, name) in self.loose for name in outer)
        several = max(map(len, inner), default=0) > 1
        if not several or own_images or (numbered[1] and 2 * shared < len(names)):
            return ()
        if 2 * shared >= len(names) and numbered[0] != numbered[1]:
            return names.keys() if numbered[0] else ()
        if all(numbered) and len(names) != len(outer):  # there are fewer classes than groups
            return names.keys() if len(names) < len(outer) else ()
        if self.group == "none":
            return ()
        first = next(name for name, own in zip(outer, inner, strict=True) if len(own) > 1)
        raise ValueError(
            f"{self.where((*at, first))} holds folders ({list_few(inner[outer.index(first)])}) and no "
            f"images: which are the classes? If those inside, give {first}/ alone, or put all of them side by "
            f"side; if {list_few(map(name_class, outer))}, say group 'folder' (folders inside are patients "
            "and the like, each whole on one side of every split) or group 'none' (their images are mixed)"
        )

    def _class_names(self, at: Place, inner_classes: Collection[str]) -> list[str]:
        """The names of the classes in a folder."""
        if not inner_classes:
            return [name_class(name) for name in self.inside(at)]
        return list(map(name_class, self._read_groups(at, inner_classes)))

    def _read_classes(
        self, at: Place, inner_classes: Collection[str], test: bool = False
    ) -> FilesByClass:
        """The files of each class in a folder, in natural order; their groups are kept and said.

        Raises:
            ValueError: If there is no class, or one has no images (but for a test set).
        """
        self.tops.add(at)
        outer = self._without_copies(at)
        if not outer:
            raise ValueError(
                f"{self.where(at)} holds images but no folders: put one folder per class in it, or a table "
                "with the file and the class of each"
            )
        empty = [name for name in self.listing.subfolders(at) if (*at, name) not in self.filled]
        if empty and not test:
            raise ValueError(f"class {name_class(empty[0])!r} in {self.where(at)} has no images")
        found = defaultdict[str, list[Place]](list)
        if inner_classes:
            for name, places in self._read_groups(at, inner_classes).items():
                for group, place in places.items():
                    self.tops.add(place[:-1])
                    files = self.files(place)
                    found[name_class(name)] += files
                    self.groups |= dict.fromkeys(files, group)
            self.notes.append(
                f"the classes are the folders {list_few(found)} in each folder of {self.where(at)}"
            )
            self._note_groups([name_class(name) for name in outer], f"in {self.where(at)}")
            return found
        own = {name: self.enter_class((*at, name)) for name in outer}
        depths = [len(place) for place in own.values() if len(self.inside(place)) > 1]
        groups = []
        for name, place in own.items():
            files = self.files((*at, name))
            found[name_class(name)] += files
            depth = min(*depths, len(place)) if depths else 0
            for file in files:
                if depths and len(file) > depth + 1:
                    groups.append(name_class(file[depth]))
                    self.groups[file] = groups[-1]
        if groups:
            self._note_groups(groups, f"in the class folders of {self.where(at)}")
        return found

    def _read_groups(
        self, at: Place, inner_classes: Collection[str]
    ) -> dict[str, dict[str, Place]]:
        """For each class in `group/class/image` its folder in each group."""
        found = defaultdict[str, dict[str, Place]](dict)
        for group in self.inside(at):
            place = (*at, group)
            while len(self.inside(place)) == 1 and self.inside(place)[0] not in inner_classes:
                place = (*place, *self.inside(place))
            for name in self.inside(place):
                found[name][name_class(group)] = (*place, name)
        return {name: found[name] for name in sorted(found, key=natural_key)}

    def _note_groups(self, groups: list[str], where: str) -> None:
        names = list(dict.fromkeys(groups))
        if self.group == "none":
            self.notes.append(
                f"images of {len(names)} folders {where} ({list_few(names)}) are mixed, as asked: one folder "
                "may lie on both sides of a split"
            )
        else:
            self.notes.append(
                f"{len(names)} folders {where} ({list_few(names)}) are taken for groups, such as patients "
                "or films: each is whole on one side of every split (group 'none' mixes them)"
            )

    def _without_copies(self, at: Place) -> list[str]:
        """The folders inside, less one that holds folders of the same names as those beside it.

        Some archives hold all images twice: `cells/healthy`, `cells/sick`, and `cells/cells/healthy` again.
        """
        names = set(self.inside(at))
        twice = [
            name
            for name in self.inside(at)
            if len(names) > 2 and names - {name} <= set(self.inside((*at, name)))
        ]
        self.notes += [
            f"{printable_path_name((*at, name))}/ was left aside: it holds folders of the same names as "
            "those beside it"
            for name in twice
        ]
        return [name for name in self.inside(at) if name not in twice]


def match_class_names(names: Collection[str], classes: Collection[str]) -> dict[str, str]:
    """The class of each name, whatever its case; names of no class are left out."""
    known = {name.casefold(): name for name in classes} | {name: name for name in classes}
    matched = {name: known.get(name, known.get(name.casefold())) for name in names}
    return {name: found for name, found in matched.items() if found is not None}


def name_class(name: str) -> str:
    """A class's name in one Unicode form, as it can be printed."""
    return printable_path_name((unicodedata.normalize("NFC", name),))


def _folders(names: Collection[str]) -> str:
    return ", ".join(f"{name_class(name)}/" for name in names)


def _are_identifiers(names: Collection[str]) -> bool:
    """Whether most names are numbers of things (`P01`, `cow-17`, `10253`, `2023-05-01`), and no words."""
    common = _same_stem(names)

    def is_identifier(name: str) -> bool:
        digits, signs = len(re.findall(r"\d", name)), len(re.findall(r"[^\W_]", name))
        return digits > 0 and (common or 2 * digits >= signs or bool(HASH.fullmatch(name)))

    return bool(names) and sum(map(is_identifier, names)) >= 0.8 * len(names)


def _same_stem(names: Collection[str]) -> bool:
    """Whether names differ in their numbers only."""
    return len({re.sub(r"[\W\d_]+", "", name).lower() for name in names}) == 1
