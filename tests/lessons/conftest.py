"""A folder of lessons with one mirror, which the tools take for the project's."""

from collections.abc import Callable
from pathlib import Path

import build
import pytest


@pytest.fixture
def write_mirror(tmp_path, monkeypatch) -> Callable[[str, str], Path]:
    """Writes the mirror of a lesson; gives its path."""

    def write(name: str, text: str) -> Path:
        mirror = tmp_path / "lessons" / "source" / f"{name}.py"
        mirror.parent.mkdir(parents=True, exist_ok=True)
        mirror.write_text(text, encoding="utf-8")
        monkeypatch.setattr(build, "find_lesson_mirrors", lambda: [mirror])
        return mirror

    return write
