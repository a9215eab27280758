"""A figure of the lengths of gradients, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from vtlab.plots import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# colour and dashes of each kind of stack
LINE_STYLES = (("#C4461B", "-"), ("#0072B2", (0, (5, 3))), ("#00805F", (0, (1.4, 1.8))))


def plot_gradients(
    panels: Mapping[str, Mapping[str, Sequence[float] | Mapping[int, float]]],
) -> Figure:
    """How long the loss's gradient with respect to the maps is in each layer, from the images to the loss.

    Args:
        panels: For each panel's title, for each kind of stack (three at most), its lengths: from layer 0 on,
            or those of some layers by their numbers.

    Raises:
        ValueError: If there is nothing to draw, or there are more than three kinds.

    Lesson 02.
    """
    kinds = list(dict.fromkeys(kind for of in panels.values() for kind in of))
    if not 0 < len(kinds) <= len(LINE_STYLES):
        raise ValueError(
            f"one to {len(LINE_STYLES)} kinds of stacks can be drawn, not {len(kinds)}"
        )
    figure, axes = style.new_figure(1, len(panels), height=3.3, sharey=True, pad=0.08)
    for ax, (title, of) in zip(axes[0], panels.items(), strict=True):
        style.prepare_axes(ax, grid="y")
        style.style_heading(ax, title)
        for kind, lengths in of.items():
            colour, dashes = LINE_STYLES[kinds.index(kind)]
            known = lengths if isinstance(lengths, Mapping) else dict(enumerate(lengths))
            ax.plot(
                list(known),
                list(known.values()),
                color=colour,
                linestyle=dashes,
                linewidth=2.2,
                dash_capstyle="butt",
                label=kind,
                gid=f"lengths {kind}",
            )
        style.label_axes(ax, x="layer, from the images to the loss", pad=5)
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        # lengths in a deep stack differ by orders of magnitude
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(10, numticks=9))
        ax.yaxis.set_minor_locator(NullLocator())
    style.label_axes(
        axes[0, 0], y="length of \N{PARTIAL DIFFERENTIAL}loss / \N{PARTIAL DIFFERENTIAL}maps"
    )
    axes[0, 0].legend(
        loc="lower right", frameon=False, handlelength=2.6, **style.legend_font_style()
    )
    return figure
