"""Looking at networks without training them: heat maps, what stages respond to, what training moved."""

from vtlab.analysis.cams import METHODS, explain, grad_cam
from vtlab.analysis.likeness import (
    linear_cka,
    measure_likeness,
    neighbours,
    neighbours_by_part,
    two_axes,
)
from vtlab.analysis.movement import gradient_lengths, measure_movement, snapshot
from vtlab.analysis.responses import measure_responses, purity_by_chance, strongest_patches
from vtlab.analysis.scores import baseline, cam_scores
from vtlab.analysis.stages import anatomy, middle_fields, receptive_fields, sensitivity

__all__ = [
    "METHODS",
    "anatomy",
    "baseline",
    "cam_scores",
    "explain",
    "grad_cam",
    "gradient_lengths",
    "linear_cka",
    "measure_likeness",
    "measure_movement",
    "measure_responses",
    "middle_fields",
    "neighbours",
    "neighbours_by_part",
    "purity_by_chance",
    "receptive_fields",
    "sensitivity",
    "snapshot",
    "strongest_patches",
    "two_axes",
]
