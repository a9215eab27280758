"""More images than memory: Tiny-ImageNet's 54,000 tiles, and half of them, as JPEG files."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.tiles import cut

pytestmark = pytest.mark.benchmark


def test_private_memory_does_not_grow_with_the_images(ratios, photos, tmp_path):
    found = {}
    for share in (0.5, 1.0):
        folder = tmp_path / f"tiles {share}"
        cut(photos / "tiny_imagenet_64.zip", folder, jpeg=True, share=share)
        command = [sys.executable, str(Path(__file__).with_name("many_images.py")), str(folder)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "VTLAB_CACHE": str(tmp_path / "cache")},
        )
        found[share] = json.loads(done.stdout)
    half, whole = found[0.5], found[1.0]
    assert (half["images"], whole["images"]) == (27000, 54000)
    ratios.note(
        "54,000 JPEG tiles: images decoded a second",
        f"{whole['images'] / whole['build_s']:.0f}",
        f"{whole['build_s']:.0f} s; opened again in {whole['open_s']:.0f} s",
    )
    for name, of in (("half", half), ("all", whole)):
        parts = {what: of[f"{what}_mb"] for what in ("build", "open", "training")}
        ratios.check(
            f"private memory above the imports, {name}, MB",
            max(parts.values()),
            most=400,
            detail=", ".join(f"{what} {value:.0f}" for what, value in parts.items()),
        )
    share = whole["data_s"] / whole["step_s"]
    ratios.check("second epoch: reading a batch / a training step", share, most=0.05)
    ratios.note(
        "probe of 50,000 images and 200 classes",
        f"{whole['probe_s']:.0f} s",
        f"{whole['probe_mb']:.0f} MB above the imports",
    )
