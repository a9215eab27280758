"""Names and colours of the strategies, as data: the same everywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Label:
    """How a strategy is shown.

    Attributes:
        name: As in code and files.
        text: As in tables and legends.
        colour: Hexadecimal; the colours are told apart by colour-blind readers too
            (after Okabe and Ito 2008).
        marker: matplotlib's, so that colour is never the only difference.
    """

    name: str
    text: str
    colour: str
    marker: str


STRATEGIES = {
    label.name: label
    for label in (
        Label("scratch", "From scratch", "#6E6E6E", "s"),
        Label("probe", "Linear probe", "#0072B2", "o"),
        Label("partial", "Partial", "#C77F00", "^"),
        Label("full", "Full", "#00805F", "D"),
        Label("lp_ft", "LP-FT", "#A94C86", "v"),
        Label("surgical", "Surgical", "#C4461B", "P"),
    )
}


def label(name: str) -> Label:
    """How the strategy of that name is shown; "partial(2)" is a kind of "partial".

    A name of one's own gets itself as text, in black.
    """
    if name in STRATEGIES:
        return STRATEGIES[name]
    match = re.fullmatch(r"(\w+)\((.+)\)", name)
    if match and match[1] in STRATEGIES:
        base = STRATEGIES[match[1]]
        return replace(base, name=name, text=f"{base.text} ({match[2]})")
    return Label(name, name, "#222222", "X")


def order(name: str) -> tuple[int, str]:
    """A key that sorts strategies as the course shows them."""
    base = name.partition("(")[0]
    known = list(STRATEGIES)
    return (known.index(base) if base in known else len(known), name)
