"""What every lesson calls: `begin` in its first cell, and `claim` for each of its results.

Everything printed here is stable text, so that nbval can compare it: no versions, no paths,
no digits that differ between machines.
"""

from __future__ import annotations

import os
import random

import numpy as np
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
    """State a result and check it: prints one stable line, or raises with the numbers.

    Args:
        sentence: The claim, in words.
        holds: A truth value (Python's, NumPy's, or a tensor of one element).
        numbers: What it rests on; shown when the claim fails.

    Raises:
        AssertionError: If it does not hold.
        ValueError: If `holds` is not a single truth value. A number is none: NaN counts as true.
    """
    truths = np.asarray(holds.cpu() if isinstance(holds, torch.Tensor) else holds).reshape(-1)
    if truths.size != 1:
        raise ValueError(f"a claim holds or not; this has {truths.size} answers: {sentence}")
    if truths.dtype != bool:
        raise ValueError(f"a claim needs true or false, not {type(holds).__name__}: {sentence}")
    if not truths[0]:
        from vtlab.course.guess import format_guessed_result

        said = ", ".join(
            f"{name} = {format_guessed_result(value)}" for name, value in numbers.items()
        )
        raise AssertionError(f"not so: {sentence} ({said})")
    print(f"✓ {sentence}")
