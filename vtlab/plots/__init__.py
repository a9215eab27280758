"""Figures of the course: arrays and tables in, a matplotlib `Figure` out, no pyplot.

Every `plot_x` of a module makes a figure and gives it back, here by its short name: `vt.plots.x(data)`; every
`draw_x` draws the same on axes of yours.
"""

from vtlab.plots.comparison import draw_accuracy, draw_shots
from vtlab.plots.comparison import plot_accuracy as accuracy
from vtlab.plots.comparison import plot_shots as shots
from vtlab.plots.comparison import plot_ways as ways
from vtlab.plots.cost_bars import draw_movement
from vtlab.plots.cost_bars import plot_costs as costs
from vtlab.plots.cost_bars import plot_movement as movement
from vtlab.plots.heatmaps import plot_cams as cams
from vtlab.plots.image_grids import draw_confusion
from vtlab.plots.image_grids import plot_confusion as confusion
from vtlab.plots.image_grids import plot_images as images
from vtlab.plots.image_grids import plot_mistakes as mistakes
from vtlab.plots.image_grids import plot_views as views
from vtlab.plots.inside import plot_axes as axes
from vtlab.plots.inside import plot_families as families
from vtlab.plots.inside import plot_fields as fields
from vtlab.plots.inside import plot_gradients as gradients
from vtlab.plots.inside import plot_maps as maps
from vtlab.plots.inside import plot_patches as patches
from vtlab.plots.inside import plot_stages as stages
from vtlab.plots.learning import draw_curves
from vtlab.plots.learning import plot_curves as curves
from vtlab.plots.learning import plot_range as range
from vtlab.plots.learning import plot_training as training

__all__ = [
    "accuracy",
    "axes",
    "cams",
    "confusion",
    "costs",
    "curves",
    "draw_accuracy",
    "draw_confusion",
    "draw_curves",
    "draw_movement",
    "draw_shots",
    "families",
    "fields",
    "gradients",
    "images",
    "maps",
    "mistakes",
    "movement",
    "patches",
    "range",
    "shots",
    "stages",
    "training",
    "views",
    "ways",
]
