"""Fingerprints: the identity of bytes, files, tensors and settings in a few characters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # results are read without torch
    from torch import Tensor

HASH_BYTES = 32  # of a sha256


def hash_bytes(*parts: bytes) -> bytes:
    """The sha256 of these bytes one after the other, `HASH_BYTES` long."""
    return hashlib.sha256(b"".join(parts)).digest()


def fingerprint_bytes(content: bytes) -> str:
    """The sha256 as 64 hexadecimal digits."""
    return hash_bytes(content).hex()


def fingerprint_file(path: Path) -> str:
    """The sha256 of a file's content as 64 hexadecimal digits."""
    return fingerprint_bytes(path.read_bytes())


def fingerprint_tensors(tensors: Mapping[str, Tensor]) -> str:
    """The first 16 digits of the sha256 over names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)};".encode())
        plain = tensor.detach().cpu().contiguous().flatten()
        uint8 = plain[:0].byte().dtype
        digest.update(plain.view(uint8).numpy().data)
    return digest.hexdigest()[:16]


def list_fingerprint_differences(
    there: Mapping[str, object], here: Mapping[str, object]
) -> list[str]:
    """A phrase for each entry in which two fingerprints differ, such as "epochs is 3 there and 4 here"."""
    return [
        f"{name} is {there.get(name)!r} there and {here.get(name)!r} here"
        for name in sorted(there.keys() | here.keys())
        if there.get(name) != here.get(name)
    ]
