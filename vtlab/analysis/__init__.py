"""Looking at networks without training them: heat maps, what stages respond to, what training moved."""

from vtlab.analysis.architecture import anatomy, middle_receptive_fields, receptive_fields
from vtlab.analysis.baselines import baseline_maps
from vtlab.analysis.cams import METHODS, explain, grad_cam
from vtlab.analysis.feature_similarity import linear_cka, measure_similarity
from vtlab.analysis.feature_space import neighbour_accuracies, neighbour_accuracy, project_to_plane
from vtlab.analysis.gradients import gradient_sensitivity
from vtlab.analysis.movement import measure_movement, take_snapshot
from vtlab.analysis.responses import chance_response_purity, measure_responses, strongest_patches
from vtlab.analysis.scores import cam_scores

__all__ = [
    "METHODS",
    "anatomy",
    "baseline_maps",
    "cam_scores",
    "chance_response_purity",
    "explain",
    "grad_cam",
    "gradient_sensitivity",
    "linear_cka",
    "measure_movement",
    "measure_responses",
    "measure_similarity",
    "middle_receptive_fields",
    "neighbour_accuracies",
    "neighbour_accuracy",
    "project_to_plane",
    "receptive_fields",
    "strongest_patches",
    "take_snapshot",
]
