"""Where the checks of the exercises are registered."""

from __future__ import annotations

from collections.abc import Callable

Verdict = tuple[bool, str] | None
EXERCISES: dict[str, Callable[[object], Verdict]] = {}


def exercise(number: str) -> Callable[[Callable], Callable]:
    """Register the check of one exercise."""

    def register(check: Callable[[object], Verdict]) -> Callable[[object], Verdict]:
        EXERCISES[number] = check
        return check

    return register


def letter(number: str, right: str, praise: str, hint: str) -> None:
    """Register an exercise whose answer is one of the letters a, b, c."""
    exercise(number)(lambda answer: (answer == right, praise if answer == right else hint))
