"""Widgets: traits, a pure figure, and controls linked to the traits."""

from vtlab.widgets.compare import ComparePanel as ComparePanel
from vtlab.widgets.panel import Checks as Checks
from vtlab.widgets.panel import Panel as Panel
