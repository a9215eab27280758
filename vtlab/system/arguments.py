"""Checks of a caller's arguments, each with one clear error."""

from __future__ import annotations

from numbers import Integral


def check_whole_number(number: object, what: str, least: int = 1) -> int:
    """A count as an int; NumPy's integers are counts, True and 2.0 are not.

    Args:
        number: What was given.
        what: What is counted, for the message, such as "epochs".
        least: The smallest count that is allowed.

    Raises:
        ValueError: If it is no whole number, or below the least.
    """
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise ValueError(f"{number!r} {what}: that is no whole number")
    if number < least:
        raise ValueError(f"{number} {what} are too few; the least is {least}")
    return int(number)
