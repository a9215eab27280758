import errno
import os
import random
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import vtlab as vt
from vtlab.models import features as feature_file
from vtlab.models import features as features
from vtlab.models.features import FEATURE_FILE_NAME, FeatureFile
from vtlab.system.locks import lock_folder

COUNT = 40


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, and every set of images too large for memory, in parts of eight."""
    monkeypatch.setenv("VTLAB_CACHE", str(tmp_path))
    monkeypatch.setattr(features, "MAX_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(features, "MAX_BATCH_SIZE", 8)
    return tmp_path / "features"


@pytest.fixture
def network():
    return vt.backbone("mini_mobilenet", classes=8)


@pytest.fixture
def pixels():
    return vt.task("garden", shots=COUNT // 8, seed=0, image_size=32).train.pixels


@pytest.fixture
def expected(network, pixels, monkeypatch):
    with monkeypatch.context() as m:
        m.setattr(features, "MAX_BYTES_IN_MEMORY", 10**9)
        return vt.activations(network, pixels)


@pytest.fixture
def computed(monkeypatch):
    """How many images each pass through the stages took."""
    passes, true = [], features.FrozenPass._compute

    def counted(self, pixels):
        passes.append(len(pixels))
        return true(self, pixels)

    monkeypatch.setattr(features.FrozenPass, "_compute", counted)
    return passes


def the_file(cache) -> Path:
    (path,) = cache.glob(f"*/{FEATURE_FILE_NAME}")
    return path


def test_features_are_computed_once_and_the_first_part_every_time(
    network, pixels, expected, computed
):
    assert torch.equal(vt.activations(network, pixels), expected) and computed == [8] * 5
    assert torch.equal(vt.activations(network, pixels), expected) and computed == [8] * 6


ANEW = """
import vtlab as vt, vtlab.models.features as features
features.MAX_BYTES_IN_MEMORY, features.MAX_BATCH_SIZE = 0, 8
passes, true = [], features.FrozenPass._compute
features.FrozenPass._compute = lambda self, pixels: passes.append(len(pixels)) or true(self, pixels)
vt.activations(vt.backbone("mini_mobilenet"), vt.task("garden", shots=5, seed=0, image_size=32).train.pixels)
print(*passes)
"""


def test_another_process_finds_them():
    computed = [
        subprocess.check_output([sys.executable, "-c", ANEW], text=True).split() for _ in range(2)
    ]
    assert computed == [["8"] * 5, ["8"]]


def test_other_weights_other_images_and_another_precision_have_files_of_their_own(
    network, pixels, cache
):
    vt.activations(network, pixels, bfloat16=False)
    with torch.no_grad():
        next(network.stages.parameters()).mul_(1.001)
    vt.activations(network, pixels, bfloat16=False)
    pixels[-1, -1, -1, -1] ^= 1
    vt.activations(network, pixels, bfloat16=False)
    vt.activations(network, pixels, bfloat16=True)
    assert len(list(cache.iterdir())) == 4


def test_another_number_of_threads_has_a_file_of_its_own(network, pixels, cache):
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            vt.activations(network, pixels)
    finally:
        torch.set_num_threads(before)
    assert len(list(cache.iterdir())) == 2


def test_a_head_is_nothing_that_features_depend_on(network, pixels, cache):
    vt.activations(network, pixels)
    network.reset_head(seed=7)
    vt.activations(network, pixels)
    assert len(list(cache.iterdir())) == 1


def test_feature_maps_are_not_kept(network, pixels, cache):
    vt.activations(network, pixels, stop=3)
    assert not cache.exists()


def test_features_that_were_not_pooled_are_not_kept(pixels, cache):
    network = vt.backbone(
        "mini_mobilenet",
        classes=8,
        pooling=False,
        head=torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(8)),
    )
    assert vt.activations(network, pixels).dim() == 4 and not cache.exists()


def test_few_images_are_not_kept(expected, cache):
    assert len(expected) == COUNT and not cache.exists()


def test_no_flipped_bit_is_believed(network, pixels, expected, cache):
    vt.activations(network, pixels)
    path, rng = the_file(cache), random.Random(0)
    good = path.read_bytes()
    for _ in range(60):
        bad = bytearray(good)
        bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
        path.write_bytes(bad)
        assert torch.equal(vt.activations(network, pixels), expected)
        assert path.read_bytes() == good  # mended


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_file_cut_short_is_completed(network, pixels, expected, cache, share):
    vt.activations(network, pixels)
    path = the_file(cache)
    good = path.read_bytes()
    path.write_bytes(good[: int(len(good) * share)])
    assert torch.equal(vt.activations(network, pixels), expected) and path.read_bytes() == good


def test_parts_that_changed_places_are_found_out(network, pixels, expected, cache):
    vt.activations(network, pixels)
    path = the_file(cache)
    good, part = path.read_bytes(), len(path.read_bytes()) // 5
    path.write_bytes(
        good[:part] + good[2 * part : 3 * part] + good[part : 2 * part] + good[3 * part :]
    )
    assert torch.equal(vt.activations(network, pixels), expected)


def test_a_file_that_begins_otherwise_begins_anew(tmp_path):
    parts = torch.rand(3, 4, 2)
    old = FeatureFile(tmp_path / "x", parts[0])
    old.write(1, parts[1])
    old.close()
    new = FeatureFile(tmp_path / "x", parts[2])  # another machine's last digits
    assert new.read(1, 4) is None and torch.equal(new.read(0, 4), parts[2])


def test_a_stopped_probe_goes_on_where_its_features_ended(network, pixels, expected, computed):
    task = vt.task("garden", shots=COUNT // 8, seed=0, image_size=32)
    stop = threading.Event()

    def asked(calls=[0]):  # noqa: B006
        calls[0] += 1
        return calls[0] > 3

    stop.is_set = asked
    assert not list(vt.fit(network, task, vt.probe, stop=stop))
    before = len(computed)
    again = vt.fit(vt.backbone("mini_mobilenet", classes=8), task, vt.probe)
    first = next(iter(again))
    assert 0 < before < 5 and len(computed) == 1 + 5  # the first part twice, the others once
    assert first.train_accuracy > 0.125


def test_who_finds_the_file_locked_goes_without(network, pixels, expected, cache):
    half = network.resolve_bfloat16()
    folder = cache / feature_file._fingerprint_features(network, pixels, half)
    with lock_folder(folder, purpose="features", hint="wait").acquire():
        assert torch.equal(vt.activations(network, pixels), expected)
    assert not (folder / FEATURE_FILE_NAME).exists()


def test_a_full_disk_costs_time_and_nothing_else(network, pixels, expected, cache, monkeypatch):
    class Full:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            if self.file.tell() > 20_000:
                raise OSError(errno.ENOSPC, "no space left")
            return self.file.write(content)

    true = feature_file._open_for_update
    monkeypatch.setattr(feature_file, "_open_for_update", lambda path: Full(true(path)))
    assert torch.equal(vt.activations(network, pixels), expected)
    monkeypatch.undo()


def test_a_folder_that_cannot_be_had_costs_time_and_nothing_else(network, pixels, expected, cache):
    cache.write_text("a file in the way")
    assert torch.equal(vt.activations(network, pixels), expected)


def test_features_that_nobody_opened_for_a_month_go(network, pixels, cache):
    vt.activations(network, pixels)
    old = the_file(cache)
    long_ago = time.time() - 40 * 86400
    os.utime(old, (long_ago, long_ago))
    vt.activations(network, pixels[:16])
    assert not old.exists() and the_file(cache).exists()


def test_images_that_learnt_a_new_normalisation_are_not_mistaken(network, pixels, cache):
    vt.activations(network, pixels)
    network.normalisation = replace(network.normalisation, mean=(0.1, 0.1, 0.1))
    vt.activations(network, pixels)
    assert len(list(cache.iterdir())) == 2
