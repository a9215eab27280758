"""Where a network looks: heat maps, their scores against masks, and what they are worth."""

from vtlab.attribution.maps import METHODS, explain, grad_cam
from vtlab.attribution.scores import cam_scores

__all__ = ["METHODS", "cam_scores", "explain", "grad_cam"]
