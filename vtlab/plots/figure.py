"""The figure that all plots give: a notebook shows it as a picture, with words for those who cannot see it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import matplotlib
from matplotlib import figure as matplotlib_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURE_KINDS = ("image/png", "image/jpeg", "image/svg+xml", "application/pdf")
MAX_ALT_LENGTH = 600  # letters: a page reader reads all of them


class Figure(matplotlib_figure.Figure):
    """A matplotlib figure that is a picture as the value of a notebook's cell.

    It is shown in the formats, and at the density, that the user has chosen for figures of their own
    (`%config InlineBackend.figure_formats`, `rcParams["figure.dpi"]`), or that IPython would choose.
    """

    def __init__(self, *args: Any, **how: Any) -> None:
        """As matplotlib's own figure; a running IPython learns how such figures are shown."""
        super().__init__(*args, **how)
        self.made_dpi = self.dpi
        if (shell := _find_shell()) is not None:
            formatters = shell.display_formatter.formatters
            for kind in PICTURE_KINDS:
                formatters[kind].for_type(Figure, partial(_print_figure, kind))
            # pages of `%matplotlib widget` have a canvas of their own, and this figure has none
            shell.display_formatter.ipython_display_formatter.for_type(Figure, _pass_on)

    @property
    def alt(self) -> str:
        """What is written on the figure, axes by axes, in at most 600 letters."""
        words = "; ".join(dict.fromkeys(filter(None, map(_describe_axes, self.axes))))
        if (title := self.get_suptitle().strip()) and words:
            words = f"{title}: {words}"
        words = " ".join((words or title or "Figure").split())
        return words if len(words) <= MAX_ALT_LENGTH else f"{words[: MAX_ALT_LENGTH - 1]}…"


def _find_shell() -> Any:
    """The IPython that this process runs in, if any."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _pass_on(figure: Figure) -> None:
    """Leave the figure to the formatters of pictures."""
    raise NotImplementedError


def _print_figure(kind: str, figure: Figure) -> tuple[Any, dict[str, Any]] | None:
    """The figure as a picture of this kind and what a page should know of it; None for other kinds."""
    printer = _find_printers(_find_shell()).get(kind)
    if printer is None:
        return None
    before = figure.dpi
    try:
        if before == figure.made_dpi:  # or somebody has set it for this figure
            figure.dpi = matplotlib.rcParams["figure.dpi"]
        printed = printer(figure)
    finally:
        figure.dpi = before
    data, known = printed if isinstance(printed, tuple) else (printed, {})
    return None if data is None else (data, {**known, "alt": figure.alt})


def _find_printers(shell: Any) -> dict[str, Callable]:
    """By kind of picture, what prints the user's own figures: as they have chosen, or IPython would."""
    if found := dict(_iterate_printers(shell.display_formatter)):
        return found
    from IPython.core.formatters import DisplayFormatter
    from IPython.core.pylabtools import select_figure_formats
    from matplotlib_inline.config import InlineBackend

    chosen = InlineBackend.instance(parent=shell)
    aside = SimpleNamespace(display_formatter=DisplayFormatter())  # the shell itself stays as it is
    select_figure_formats(aside, chosen.figure_formats, **chosen.print_figure_kwargs)
    return dict(_iterate_printers(aside.display_formatter))


def _iterate_printers(display: Any) -> Iterator[tuple[str, Callable]]:
    """The printers of matplotlib's figures that are registered there, by kind."""
    for kind in PICTURE_KINDS:
        printers = display.formatters[kind].type_printers
        if (printer := printers.get(matplotlib_figure.Figure)) is not None:
            yield kind, printer


def _describe_axes(ax: Axes) -> str:
    """Title, what is drawn against what, the names of what is drawn, and the words on it."""
    title = next(filter(None, (ax.get_title(place) for place in ("left", "center", "right"))), "")
    y, x = ax.get_ylabel(), ax.get_xlabel()
    against = f"{y} against {x}" if x and y else x or y
    names = ax.get_legend_handles_labels()[1]
    ticks = [t.get_text() for axis in (ax.xaxis, ax.yaxis) for t in axis.get_ticklabels()]
    written = [text.get_text() for text in ax.texts if text.get_visible()]
    ticks = [
        re.sub(r"\$|\\mathdefault|[{}]", "", tick) for tick in ticks
    ]  # 10^-3, as one would write it
    words = [word for word in (*ticks, *written) if any(map(str.isalpha, word))]
    # a map lies over its image, and a colour bar is one row
    places = {tuple(picture.get_extent()) for picture in ax.images if picture.get_size()[0] > 1}
    pictures = f"{len(places)} pictures" if len(places) > 1 else ""
    listed = ", ".join(dict.fromkeys(filter(None, (pictures, *names, *words))))
    return ": ".join(filter(None, (title.strip(), against, listed)))
