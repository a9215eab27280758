"""The report of a study: one HTML file that holds everything, made to be sent and printed.

The answer comes first, then the numbers it rests on, then what a careful reader asks next. No
script, and nothing loaded from elsewhere: a report still opens in ten years and without the internet.
`report_sections` say what stands in it; `templates/report.html` says how it is laid out, and escapes.
"""

from __future__ import annotations

import os
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from vtlab.results import conclusions
from vtlab.study import report_sections as sections
from vtlab.study.report_data import ReportData
from vtlab.system.files import expand_home, write_text


def write_report(folder: str | os.PathLike[str], data: ReportData) -> Path:
    """Write `report.html` into a folder, whole or not at all.

    Args:
        folder: Made where it is not there.
        data: The runs and what is known about them.

    Returns:
        The file.

    Raises:
        OSError: If the folder cannot be written to; an older report then stays as it was.

    Lesson 16.
    """
    path = Path(expand_home(folder)) / "report.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_report(data))
    return path


def render_report(data: ReportData) -> str:
    """The report as one HTML page that loads nothing."""
    environment = Environment(
        loader=PackageLoader("vtlab.study"),
        autoescape=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    comparison, first = data.comparison, data.comparison.runs[0]
    shots = comparison.learnt_from
    parts = [sections.describe_curves]
    if comparison.tested:
        outcomes = [sections.describe_confusion, sections.describe_mistakes]
        if len(comparison.numbers):
            outcomes = [sections.describe_answers]
        parts += [*outcomes, sections.describe_cams]
    return environment.get_template("report.html").render(
        title=f"{first.task}, {shots}",
        kicker=" · ".join([first.task, shots, first.backbone]),
        answer=conclusions.state_conclusion(comparison),
        description=data.description,
        caveats=conclusions.list_caveats(comparison, data.train_counts),
        numbers=sections.describe_numbers(data),
        pictures=[part for describe in parts if (part := describe(data))],
        how_to_read=conclusions.READING_GUIDE,
        command=data.command,
        settings=sections.describe_settings(data),
        notes=data.notes,
        skipped=data.skipped,
        machine={
            key.replace("_", " "): sections.format_setting(v) for key, v in data.machine.items()
        },
    )
