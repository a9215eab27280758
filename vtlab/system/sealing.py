"""Sealed JSON: values that carry their own sha256, so that damage is noticed when they are read."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from vtlab.system.fingerprints import fingerprint_bytes


def seal_json(values: dict[str, Any]) -> bytes:
    """JSON values with their own sha256, as `unseal_json` reads them and nothing else."""
    content = json.dumps(values, sort_keys=True, indent=1)
    digest = fingerprint_bytes(content.encode())
    return f'{{"sha256": "{digest}",\n"content": {content}}}\n'.encode()


def unseal_json(sealed: bytes) -> dict[str, Any]:
    """The values that `seal_json` was given.

    Raises:
        ValueError: If a single bit is another one.
    """
    shape = rb'\{"sha256": "([0-9a-f]{64})",\n"content": (\{.*\})\}\n'
    match = re.fullmatch(shape, sealed, re.DOTALL)
    if match and fingerprint_bytes(match[2]) == match[1].decode():
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(match[2])
    raise ValueError("its sha256 differs")
