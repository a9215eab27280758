"""Half precision where the processor computes it itself, and only there."""

from __future__ import annotations

import functools

import torch

THREADS = 2  # inner threads of every run: a run in a worker equals a run in a notebook


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
