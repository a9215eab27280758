"""Labels of strategies, backbones and recipes: how each is named and drawn in figures and tables."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Label:
    """How a strategy or a backbone is shown.

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


def get_label(name: str) -> Label:
    """How the strategy or backbone of that name is shown; "partial(2)" is a kind of "partial".

    A name of one's own gets itself as text, in black.
    """
    if name in STRATEGIES or name in BACKBONES:
        return STRATEGIES.get(name) or BACKBONES[name]
    match = re.fullmatch(r"(\w+)\((.+)\)", name)
    if match and match[1] in STRATEGIES:
        base = STRATEGIES[match[1]]
        return replace(base, name=name, text=f"{base.text} ({match[2]})")
    return Label(name, name, "#222222", "X")


def _by_name(*labels: Label) -> dict[str, Label]:
    return {label.name: label for label in labels}


STRATEGIES = _by_name(
    Label("scratch", "From scratch", "#6E6E6E", "s"),
    Label("probe", "Linear probe", "#0072B2", "o"),
    Label("partial", "Partial", "#C77F00", "^"),
    Label("full", "Full", "#00805F", "D"),
    Label("lp_ft", "LP-FT", "#A94C86", "v"),
    Label("surgical", "Surgical", "#C4461B", "P"),
)

# marks that no strategy has: some figures show both
BACKBONES = _by_name(
    Label("mini_resnet", "mini ResNet", "#3B4B8C", "X"),
    Label("mini_vgg", "mini VGG", "#8C5A2B", "<"),
    Label("mini_inception", "mini Inception", "#B0457B", "h"),
    Label("mini_mobilenet", "mini MobileNet", "#2F8580", ">"),
)

# How strategies are trained whose rate is left open, by the word for it
RECIPES = {
    "chosen": "a few recipes tried shortly within the shots, the best one taken",
    "tuned": "more recipes and rates tried at full length within the shots",
    "committed": "the first of these recipes, without a trial",
    "plain": "a random head, one rate for all parts, 30 epochs",
}


def rank_label(name: str) -> tuple[int, str]:
    """A key that sorts strategies as the course shows them."""
    base = name.partition("(")[0]
    known = list(STRATEGIES)
    return (known.index(base) if base in known else len(known), name)
