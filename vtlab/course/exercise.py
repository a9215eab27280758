"""The checks of all exercises: lessons register them here, and `vt.check` looks them up."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
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


def check(number: str, answer: object) -> None:
    """Check an exercise: prints whether the answer is right, without giving it away.

    Args:
        number: Such as "01.2".
        answer: The learner's; `...` or None is "not attempted yet".

    Raises:
        ValueError: If there is no such exercise.
    """
    module = f"vtlab.course.lesson_{number[:2]}"
    if find_spec(module):  # registers its exercises
        import_module(module)
    if number not in EXERCISES:
        raise ValueError(f"there is no exercise {number}")
    if answer is None or answer is ...:
        print(f"exercise {number}: not attempted yet")
        return
    try:
        verdict = EXERCISES[number](answer)
    except NotAttemptedError:
        verdict = None
    except Exception as error:  # a learner's code may fail in any way; the notebook goes on
        verdict = False, f"Your answer stopped with {type(error).__name__}: {error}"
    if verdict is None:
        print(f"exercise {number}: not attempted yet")
        return
    right, words = verdict
    print(f"exercise {number}: {'right' if right else 'not yet'}. {words}")
