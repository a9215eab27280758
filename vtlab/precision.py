"""Half precision where the processor computes it itself, and only there."""

from __future__ import annotations

import functools
import os

import torch


def _threads() -> int:
    """Two, or as many as `VTLAB_THREADS` says, and never more than this process has cores.

    Convolutions wait for one another in tight loops: two threads on one core take ten times
    longer than one.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        cores = os.cpu_count() or 1
    return max(1, min(int(os.environ.get("VTLAB_THREADS", 2)), cores))


THREADS = _threads()  # inner threads of every run: a run in a worker equals one in a notebook


@functools.cache
def native_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices itself (AMX or AVX512-BF16)."""
    try:
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    except (AttributeError, RuntimeError):  # another architecture, or an older torch
        return False


def autocast(bfloat16: bool | None = None) -> torch.autocast:
    """A context for forward passes: bfloat16 where native (None), always, or never."""
    wanted = native_bfloat16() if bfloat16 is None else bfloat16
    return torch.autocast("cpu", torch.bfloat16, enabled=wanted)
