"""What every lesson calls: `begin` in its first cell, and `claim` for each of its results.

The sentences printed here are stable text, so that nbval can compare them: no versions, no paths. The
numbers below a claim may differ in their last digits between machines: nbval leaves these lines out
(`lessons/tools/nbval.cfg`).
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch

from vtlab.system.threads import THREADS


def begin(seed: int = 0) -> int:
    """Set seeds, threads and the device: a lesson's first line.

    Lessons compute on the CPU, also where there is a GPU: their numbers were made on one, and the loops
    that they write out leave the labels there. The environment variable VTLAB_DEVICE overrules that.

    Args:
        seed: The environment variable VTLAB_SEED overrules it.

    Returns:
        The seed in force, for all that a lesson draws.
    """
    os.environ.setdefault("VTLAB_DEVICE", "cpu")
    seed = int(os.environ.get("VTLAB_SEED", seed))
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(THREADS)
    print(f"vtlab lesson · seed {seed}")
    return seed


def claim(sentence: str, holds: object, **numbers: object) -> None:
    """State a result and check it: prints the sentence and its numbers, or raises with them.

    Args:
        sentence: The claim, in words.
        holds: A truth value (Python's, NumPy's, or a tensor of one element).
        numbers: What it rests on: numbers, intervals, words, or mappings, sequences and Series of these.

    Raises:
        AssertionError: If it does not hold.
        ValueError: If `holds` is not a single truth value. A number is none: NaN counts as true.
    """
    truths = np.asarray(holds.cpu() if isinstance(holds, torch.Tensor) else holds).reshape(-1)
    if truths.size != 1:
        raise ValueError(f"a claim holds or not; this has {truths.size} answers: {sentence}")
    if truths.dtype != bool:
        raise ValueError(f"a claim needs true or false, not {type(holds).__name__}: {sentence}")
    said = [
        f"{name.replace('_', ' ')} {_format_evidence(value)}" for name, value in numbers.items()
    ]
    if not truths[0]:
        raise AssertionError(f"not so: {sentence} ({', '.join(said)})")
    print(f"✓ {sentence}", *said, sep="\n  → ")


def _format_evidence(value: object) -> str:
    """What a claim rests on as text: fractions have two digits, or as many as their size asks for."""
    if isinstance(value, torch.Tensor | np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, pd.Series):
        value = value.to_dict()
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_format_evidence(one)}" for name, one in value.items())
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return ", ".join(map(_format_evidence, value))
    if isinstance(value, float):
        return f"{value:.2f}" if 0.095 <= abs(value) < 1e4 or not value else f"{value:.2g}"
    return str(value)
