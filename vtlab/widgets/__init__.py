"""Panels for notebooks: traits, a figure, and controls that are linked to the traits."""

from vtlab.widgets.cam import CamPanel as CamPanel
from vtlab.widgets.compare import ComparePanel as ComparePanel
from vtlab.widgets.freeze import FreezePanel as FreezePanel
from vtlab.widgets.panel import CheckboxGroup as CheckboxGroup
from vtlab.widgets.panel import Panel as Panel
from vtlab.widgets.race import RacePanel as RacePanel
from vtlab.widgets.task import TaskPanel as TaskPanel
from vtlab.widgets.train import TrainPanel as TrainPanel
from vtlab.widgets.upload import UploadPanel as UploadPanel
