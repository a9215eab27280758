"""Checks of a caller's arguments, each with one clear error."""

from __future__ import annotations

import math
from numbers import Integral, Real


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


def check_number(number: object, what: str, least: float = 0.0) -> float:
    """A finite number as a float; True is none.

    Args:
        number: What was given.
        what: The argument's name, for the message.
        least: The smallest that is allowed.

    Raises:
        ValueError: If it is no number, not finite, or below the least.
    """
    value = float(number) if isinstance(number, Real) and not isinstance(number, bool) else math.nan
    if not least <= value < math.inf:
        raise ValueError(f"{what} is {number!r}; it is a finite number from {least:g}")
    return value


def check_switch(given: object, what: str, others: tuple[object, ...] = ()) -> None:
    """Refuse what is neither True nor False.

    Args:
        given: What was given.
        what: The argument's name, for the message.
        others: What else it may be.

    Raises:
        ValueError: With what it may be.
    """
    if not any(given is one for one in (True, False, *others)):
        raise ValueError(
            f"{what} is {given!r}; it is {' or '.join(map(str, (True, False, *others)))}"
        )
