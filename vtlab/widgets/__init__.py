"""Widgets: traits, a pure figure, and controls linked to the traits."""

from vtlab.widgets.browse import TaskPanel as TaskPanel
from vtlab.widgets.cam import CamPanel as CamPanel
from vtlab.widgets.compare import ComparePanel as ComparePanel
from vtlab.widgets.controls import Checks as Checks
from vtlab.widgets.freeze import FreezePanel as FreezePanel
from vtlab.widgets.guess import GuessPanel as GuessPanel
from vtlab.widgets.panel import Panel as Panel
from vtlab.widgets.train import TrainPanel as TrainPanel
from vtlab.widgets.upload import UploadPanel as UploadPanel
