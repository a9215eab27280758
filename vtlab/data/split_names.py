"""Words for the parts of a data set, in the names of folders and in tables: training, test, validation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

# words that say what is for training and what for testing
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training", "trn", "训练", "訓練", "学習"), "train"),
    **dict.fromkeys(
        ("test", "testing", "tst", "holdout", "heldout", "测试", "測試", "テスト"), "test"
    ),
    **dict.fromkeys(("eval", "evaluation"), "test"),
    **dict.fromkeys(
        ("val", "valid", "validation", "dev", "development", "验证", "驗證", "検証"), "val"
    ),
    "publictest": "val",  # of competitions: what is scored meanwhile, and what at the end
    "privatetest": "test",
}
# what may stand beside such a word and says nothing
FILLERS = frozenset(
    "set sets data dataset datasets seg image images img imgs photo photos picture pictures split part "
    "folder".split()
)
ENDING = re.compile(r"(data)?sets?|data|images?|imgs?|集|数据集?|數據集?|データ")


def find_split(name: str, neighbours: Collection[str] = ()) -> str:
    """Which part a name says: "train", "test" or "val"; "" where it is no such name.

    `Train Set`, `seg_train`, `TrainingData`, `test1`, `val2017` and `hold-out` are such names.
    `birds_train` is one where a neighbour is called `birds_test`.

    Args:
        name: Of a folder, or a word in a table.
        neighbours: The names beside it.
    """
    part, rest = _parse(name)
    if part and rest:
        others = (_parse(other) for other in neighbours if other != name)
        if not any(same == rest and other not in ("", part) for other, same in others):
            return ""
    return part


def _parse(name: str) -> tuple[str, tuple[str, ...]]:
    """The part that a name says, "" for none or several, and the words beside it that are no fillers."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", name)).lower()
    name = re.sub(r"\b(hold|held)[\W_]*out\b", "holdout", name)
    name = re.sub(r"\b(public|private)[\W_]*test\b", r"\1test", name)
    parts, rest = [], []
    for word in re.sub(r"[\W\d_]+", " ", name).split():
        stem = re.fullmatch(rf"(.+?)({ENDING.pattern})", word)
        if part := SPLIT_NAMES.get(word) or (stem and SPLIT_NAMES.get(stem[1])):
            parts.append(part)
        elif word not in FILLERS:
            rest.append(word)
    return (parts[0], tuple(rest)) if len(parts) == 1 else ("", ())
