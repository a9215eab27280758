"""The table of starts: every network with weights that is at hand, and how it does on the committed tables."""

from __future__ import annotations

import pandas as pd

from vtlab.models.backbones import backbone
from vtlab.models.from_torchvision import list_fetched_starts
from vtlab.models.starts import list_starts
from vtlab.results.formatting import format_table
from vtlab.system.files import find_shipped_files

SHOTS = 20  # images per class of the accuracies shown
# what real.csv calls a start
_ROWS = {"mini_resnet": "garden", "mini_resnet natural": "natural"}


def starts() -> pd.DataFrame:
    """Every start whose weights are on this machine.

    Returns:
        A row each: `backbone` and `weights` (as `vt.backbone` takes them), `trained_on`, `weights_count` (of
        the stages, without a head), `megabytes`, `image_size` (px), `licence`, `origin`, and for each data set
        of photographs in `data/results/real.csv` the mean test accuracy of a probe that learnt from 20
        images of each class (empty where that table has no such start).

    Lesson 16.
    """
    measured = _read_accuracies()
    rows = []
    for start in (*list_starts(), *list_fetched_starts()):
        network = backbone(start.backbone, weights=None)
        rows.append(
            {
                "backbone": start.backbone,
                "weights": start.weights,
                "trained_on": start.trained_on,
                "weights_count": sum(w.numel() for w in network.stages.parameters()),
                "megabytes": round(start.path.stat().st_size / 1e6, 1),
                "image_size": start.image_size,
                "licence": start.licence,
                "origin": start.origin,
                **measured.get(_ROWS.get(start.name, start.name), {}),
            }
        )
    return pd.DataFrame(rows)


def _read_accuracies() -> dict[str, dict[str, float]]:
    """By start, and data set, the mean accuracy of a probe."""
    table = pd.read_csv(find_shipped_files("results") / "real.csv")
    probes = table[(table.strategy == "probe") & (table.shots == SHOTS)]
    means = probes.groupby(["start", "data"], sort=False).test_accuracy.mean().unstack()
    return {str(start): row.dropna().to_dict() for start, row in means.iterrows()}


def format_starts(table: pd.DataFrame) -> str:
    """The table of `starts` as lines for a terminal, with what its empty cells mean."""
    sets = [*table.columns[table.columns.get_loc("origin") + 1 :]]
    head = ("backbone", "weights", "million", "MB", "px", *sets)
    rows, notes = [head], []
    for row in table.to_dict("records"):
        cells = [row["backbone"], row["weights"], f"{row['weights_count'] / 1e6:.1f}"]
        cells += [f"{row['megabytes']:.1f}", str(row["image_size"])]
        cells += ["" if pd.isna(row[name]) else f"{100 * row[name]:.0f} %" for name in sets]
        rows.append(tuple(cells))
        notes.append(
            (
                f"{row['backbone']}, {row['weights']}",
                row["trained_on"],
                row["licence"],
                row["origin"],
            )
        )
    return "\n".join(
        [
            format_table(rows),
            "",
            format_table([("start", "trained on", "licence", "from"), *notes]),
            "",
            f"Accuracies: a probe, {SHOTS} images of each class, 64 px (efficientnet_lite0: 96 px), from "
            "data/results/real.csv; empty: not there.",
            "A start is taken by --backbone and --weights, or by vt.backbone(BACKBONE, weights=WEIGHTS).",
            "Other networks of torchvision and timm have published weights, which are fetched first.",
        ]
    )
