"""Numbers, names and tables as people read them."""

from __future__ import annotations

from collections.abc import Sequence

from vtlab.results.labels import get_label


def format_percent(share: float, digits: int = 1) -> str:
    """A share in words: `0.824` is `82.4 %`, with a space that does not break."""
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def format_accuracy(share: float) -> str:
    """An accuracy in percent; "diverged" for nan, which a training without finite outputs has."""
    return "diverged" if share != share else format_percent(share)


def format_percent_range(low: float, high: float) -> str:
    """The ends of an interval of shares in percent, without the sign; nothing where there is none."""
    digits = 1 if low == high or f"{100 * low:.1f}" != f"{100 * high:.1f}" else 2
    return "" if low != low else f"{100 * low:.{digits}f} to {100 * high:.{digits}f}"


def format_score(score: float, is_number: bool) -> str:
    """An accuracy in percent or, where a number is asked for, R² as it is; "diverged" for nan."""
    return format_accuracy(score) if score != score or not is_number else f"{score:.3f}"


def format_score_range(low: float, high: float, is_number: bool) -> str:
    """The ends of an interval of scores; nothing where there is none."""
    if not is_number:
        return format_percent_range(low, high)
    return "" if low != low else f"{low:.3f} to {high:.3f}"


def format_number(number: float) -> str:
    """A number to four digits, such as `12.35`; "diverged" for nan."""
    return "diverged" if number != number else f"{number:.4g}"


def format_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("   ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def format_strategy_name(strategy: str) -> str:
    """A strategy's name as it is shown, in one line."""
    return get_label(strategy).text.replace(" (", "\N{NO-BREAK SPACE}(")


def format_shots(shots: int | None) -> str:
    """A number of shots in words, such as "5 images per class"."""
    if shots is None:
        return "all training images"
    return f"{shots} image{'s' * (shots != 1)} per class"


def join_words(words: Sequence[str]) -> str:
    """Words as an enumeration, such as "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
