"""What the command says beside its results: notes and errors, a line each, on stderr."""

from __future__ import annotations

import sys


def print_note(line: str) -> None:
    """A line for a person, beside the results."""
    print(line, file=sys.stderr)


def print_error(what: object) -> None:
    """One line on stderr."""
    print(f"vtlab: {' '.join(str(what).split())}", file=sys.stderr)
