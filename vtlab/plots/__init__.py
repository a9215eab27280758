"""Figures of the course: arrays and tables in, a matplotlib `Figure` out, no pyplot.

Every `plot_x` makes a figure and gives it back; every `draw_x` draws the same on axes of yours.
"""

from vtlab.plots.attribution import plot_cam_scores as plot_cam_scores
from vtlab.plots.attribution import plot_cascade as plot_cascade
from vtlab.plots.comparison import draw_accuracy as draw_accuracy
from vtlab.plots.comparison import draw_shots as draw_shots
from vtlab.plots.comparison import plot_accuracy as plot_accuracy
from vtlab.plots.comparison import plot_shots as plot_shots
from vtlab.plots.costs import plot_costs as plot_costs
from vtlab.plots.depth import plot_depth as plot_depth
from vtlab.plots.depth import plot_shifts as plot_shifts
from vtlab.plots.depth import plot_weights as plot_weights
from vtlab.plots.guess import plot_guess as plot_guess
from vtlab.plots.heatmaps import plot_cams as plot_cams
from vtlab.plots.images import draw_confusion as draw_confusion
from vtlab.plots.images import plot_confusion as plot_confusion
from vtlab.plots.images import plot_images as plot_images
from vtlab.plots.images import plot_mistakes as plot_mistakes
from vtlab.plots.inside import plot_families as plot_families
from vtlab.plots.inside import plot_fields as plot_fields
from vtlab.plots.inside import plot_maps as plot_maps
from vtlab.plots.inside import plot_patches as plot_patches
from vtlab.plots.learning import draw_curves as draw_curves
from vtlab.plots.learning import plot_curves as plot_curves
from vtlab.plots.learning import plot_training as plot_training
from vtlab.plots.movement import draw_movement as draw_movement
from vtlab.plots.movement import plot_movement as plot_movement
from vtlab.plots.rates import plot_drift as plot_drift
from vtlab.plots.rates import plot_range as plot_range
from vtlab.plots.stages import plot_axes as plot_axes
from vtlab.plots.stages import plot_gradients as plot_gradients
from vtlab.plots.stages import plot_stages as plot_stages
from vtlab.plots.starts import plot_starts as plot_starts
from vtlab.plots.views import plot_views as plot_views
from vtlab.plots.ways import plot_ways as plot_ways
from vtlab.plots.work import plot_work as plot_work
from vtlab.plots.zoo import draw_pretraining as draw_pretraining
from vtlab.plots.zoo import plot_zoo as plot_zoo
