"""What objects that hold much print."""

from __future__ import annotations


class OneLine:
    """A base of dataclasses (with `repr=False`) that hold much: printed, they say in one line what that is."""

    def summarise(self) -> str:
        """What it holds, in words and numbers."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """The class, and what it holds."""
        return f"{type(self).__name__}({self.summarise()})"
