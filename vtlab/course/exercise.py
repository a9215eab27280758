"""The register of the exercises: lessons put their checks in, and `vt.check` looks them up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Verdict = tuple[bool, str] | None  # whether the answer is right, and words; None: not attempted
Check = Callable[[Any], Verdict]
EXERCISES: dict[str, Check] = {}


class NotAttemptedError(Exception):
    """The learner's function gives nothing yet."""


def exercise(number: str, function_of: str | None = None) -> Callable[[Check], Check]:
    """Register the check of one exercise.

    Args:
        number: Such as "01.2".
        function_of: What the answer is a function of, in words; None where it is no function.
    """

    def register(check: Check) -> Check:
        def checked(answer: object) -> Verdict:
            if function_of is not None and not callable(answer):
                return False, f"The answer is a function of {function_of}."
            return check(answer)

        EXERCISES[number] = checked
        return check

    return register


def letter_exercise(number: str, right: str, praise: str, hint: str) -> None:
    """Register an exercise whose answer is one of the letters a, b, c."""
    exercise(number)(lambda answer: (answer == right, praise if answer == right else hint))


def call_answer(function: Callable, *inputs: object) -> Any:
    """What a learner's function gives for these inputs.

    Raises:
        NotAttemptedError: If it gives nothing, or the three dots of the notebook.
    """
    found = function(*inputs)
    if found is None or found is ...:
        raise NotAttemptedError
    return found
