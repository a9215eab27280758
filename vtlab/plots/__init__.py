"""Figures of the course: arrays and tables in, a matplotlib `Figure` out, no pyplot.

Every `plot_x` of a module makes a figure and gives it back, here by its short name: `vt.plots.x(data)`; every
`draw_x` draws the same on axes of yours.
"""

from vtlab.plots.comparison import draw_accuracy
from vtlab.plots.comparison import plot_accuracy as accuracy
from vtlab.plots.comparison import plot_intervals as intervals
from vtlab.plots.confusion_matrix import draw_confusion
from vtlab.plots.confusion_matrix import plot_confusion as confusion
from vtlab.plots.cost_bars import plot_costs as costs
from vtlab.plots.feature_scatter import plot_scatter as scatter
from vtlab.plots.gradient_lengths import plot_gradients as gradients
from vtlab.plots.heatmaps import plot_cams as cams
from vtlab.plots.image_grids import plot_image_rows as image_rows
from vtlab.plots.image_grids import plot_images as images
from vtlab.plots.image_grids import plot_mistakes as mistakes
from vtlab.plots.learning_curves import draw_curves
from vtlab.plots.learning_curves import plot_curves as curves
from vtlab.plots.learning_curves import plot_training as training
from vtlab.plots.learning_rates import plot_rate_range as rate_range
from vtlab.plots.number_scatter import plot_answers as answers
from vtlab.plots.shot_curves import draw_shots
from vtlab.plots.shot_curves import plot_shots as shots
from vtlab.plots.stage_images import plot_feature_maps as feature_maps
from vtlab.plots.stage_images import plot_patches as patches
from vtlab.plots.stage_images import plot_receptive_fields as receptive_fields
from vtlab.plots.stage_lines import plot_anatomy as anatomy
from vtlab.plots.stage_lines import plot_stages as stages
from vtlab.plots.weight_movement import draw_movement
from vtlab.plots.weight_movement import plot_movement as movement

__all__ = [
    "accuracy",
    "anatomy",
    "answers",
    "cams",
    "confusion",
    "costs",
    "curves",
    "draw_accuracy",
    "draw_confusion",
    "draw_curves",
    "draw_movement",
    "draw_shots",
    "feature_maps",
    "gradients",
    "image_rows",
    "images",
    "intervals",
    "mistakes",
    "movement",
    "patches",
    "rate_range",
    "receptive_fields",
    "scatter",
    "shots",
    "stages",
    "training",
]
