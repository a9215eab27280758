"""What a lesson calls: begin, guess, claim, check.

Everything printed here is stable text, so that nbval can compare it: no versions, no paths,
no digits that differ between machines.
"""

from __future__ import annotations

import html
import os
import random
import sys
from collections.abc import Sequence

import numpy as np
import torch

from vtlab.exercises import EXERCISES
from vtlab.precision import THREADS

MANY = 8  # options that are shown one by one


def begin(seed: int = 0) -> None:
    """Set seeds, threads and the figures' format: a lesson's first line.

    Args:
        seed: The environment variable VTLAB_SEED overrules it.
    """
    seed = int(os.environ.get("VTLAB_SEED", seed))
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(THREADS)
    if "IPython" in sys.modules and sys.modules["IPython"].get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("png")  # a bare Figure is then shown as a picture
    print(f"vtlab lesson · seed {seed}")


def claim(sentence: str, holds: object, **numbers: object) -> None:
    """State a result and check it: prints one stable line, or raises with the numbers.

    Args:
        sentence: The claim, in words.
        holds: A truth value (Python's, NumPy's, or a tensor of one element).
        numbers: What it rests on; shown when the claim fails.

    Raises:
        AssertionError: If it does not hold.
        ValueError: If `holds` is not a single truth value. A number is none: NaN counts as true.
    """
    truths = np.asarray(holds.cpu() if isinstance(holds, torch.Tensor) else holds).reshape(-1)
    if truths.size != 1:
        raise ValueError(f"a claim holds or not; this has {truths.size} answers: {sentence}")
    if truths.dtype != bool:
        raise ValueError(f"a claim needs true or false, not {type(holds).__name__}: {sentence}")
    if not truths[0]:
        shown = ", ".join(f"{name} = {_shown(value)}" for name, value in numbers.items())
        raise AssertionError(f"not so: {sentence} ({shown})")
    print(f"✓ {sentence}")


def _shown(value: object) -> str:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    return f"{value:.3f}" if isinstance(value, float | np.floating) else str(value)


class Guess:
    """A question that the learner answers before running; see `guess`."""

    def __init__(self, question: str, options: Sequence[str | int]) -> None:
        """Build the question; the buttons appear where there is a page."""
        self.question, self.options = question, tuple(options)
        self.value: str | int | None = None
        self._buttons = None

    def commit(self, option: str | int) -> None:
        """Answer from Python, as a click would.

        Raises:
            ValueError: If it is not among the options.
        """
        if option not in self.options:
            raise ValueError(f"{option!r} is not among {self._choice()}")
        self.value = option
        if self._buttons is not None:
            self._buttons.value = option

    def reveal(self, result: object) -> None:
        """Print guess and result side by side."""
        guessed = "no guess yet: yours would stand here" if self.value is None else self.value
        print(f"{self.question}\n  your guess: {guessed}\n  result:     {_shown(result)}")

    def __repr__(self) -> str:
        """One stable line."""
        return f"Guess: {self.question} ({self._choice()})"

    def _choice(self) -> str:
        """The options in words; the ends of a long row."""
        names = [str(option) for option in self.options]
        return ", ".join(names) if len(names) <= MANY else f"{names[0]} … {names[-1]}"

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, object]:
        """The buttons where widgets live; the question as HTML and as a line elsewhere."""
        import ipywidgets

        if self._buttons is None:
            few = len(self.options) <= MANY
            self._buttons = (ipywidgets.RadioButtons if few else ipywidgets.Dropdown)(
                options=self.options, value=self.value, description=self.question,
                layout={"width": "max-content"}, style={"description_width": "initial"},
            )  # fmt: skip
            self._buttons.observe(lambda change: setattr(self, "value", change.new), "value")
        items = "".join(f"<li>{html.escape(str(option))}</li>" for option in self.options)
        listed = f"<ul>{items}</ul>" if len(self.options) <= MANY else f"<p>{self._choice()}</p>"
        plain = {
            "text/plain": repr(self),
            "text/html": f"<p><b>{html.escape(self.question)}</b></p>{listed}",
        }
        return {**self._buttons._repr_mimebundle_(), **plain}


def guess(question: str, options: Sequence[str | int]) -> Guess:
    """Commit to an answer before running; `.reveal(result)` shows both side by side.

    Args:
        question: One line.
        options: Two or more answers; a `range` of numbers will do.

    Raises:
        ValueError: If there is nothing to choose from.
    """
    if isinstance(options, str) or len(options) < 2:
        raise ValueError(f"a guess needs two options or more: {question}")
    return Guess(question, options)


def check(number: str, answer: object) -> None:
    """Check an exercise: prints whether the answer is right, without giving it away.

    Args:
        number: Such as "01.2".
        answer: The learner's; `...` or None is "not attempted yet".

    Raises:
        ValueError: If there is no such exercise.
    """
    if number not in EXERCISES:
        raise ValueError(f"there is no exercise {number}")
    if answer is None or answer is ...:
        print(f"exercise {number}: not attempted yet")
        return
    try:
        verdict = EXERCISES[number](answer)
    except Exception as error:  # a learner's code may fail in any way; the notebook goes on
        verdict = False, f"Your answer stopped with {type(error).__name__}: {error}"
    if verdict is None:
        print(f"exercise {number}: not attempted yet")
        return
    right, words = verdict
    print(f"exercise {number}: {'right' if right else 'not yet'}. {words}")
