import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from images_made_up import grainy

from vtlab.data import parallel_decoding
from vtlab.data.folders import read_folder
from vtlab.data.pixel_store import PixelStore

CLASSES, EACH, SIZE = ("ant", "bee"), 12, 16


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, and every set of images too large for memory."""
    monkeypatch.setenv("VTLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(parallel_decoding, "MAX_BYTES_IN_MEMORY", 0)
    return tmp_path / "cache"


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    for k, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for i in range(EACH):
            grainy(100 * k + i).save(root / name / f"{i}.png")
    return root


@pytest.fixture
def decoded(monkeypatch):
    """The names of the files that were decoded since."""
    names = []
    true = parallel_decoding.decode_with_facts

    def counted(content, size, name, **how):
        names.append(name)
        return true(content, size, name, **how)

    monkeypatch.setattr(parallel_decoding, "decode_with_facts", counted)
    return names


def the_store(cache) -> Path:
    (folder,) = (cache / "images").iterdir()
    return folder


def same(read, other):
    return all(
        torch.equal(getattr(a, part), getattr(b, part)) and a.files == b.files
        for a, b in ((read.train, other.train), (read.test, other.test))
        for part in ("pixels", "labels")
    )


@pytest.fixture
def in_memory(photos, monkeypatch):
    with monkeypatch.context() as m:
        m.setattr(parallel_decoding, "MAX_BYTES_IN_MEMORY", 10**9)
        return read_folder(photos, SIZE, hold_out=0.25)


def test_a_store_holds_what_memory_would(photos, in_memory, cache):
    read = read_folder(photos, SIZE, hold_out=0.25)
    assert same(read, in_memory) and len(read.train.labels) == 18 and len(read.test.labels) == 6
    assert (the_store(cache) / "rows.bin").stat().st_size == 24 * 3 * SIZE * SIZE


def test_images_are_decoded_once(photos, in_memory, decoded):
    read_folder(photos, SIZE, hold_out=0.25)
    assert len(decoded) == 24
    assert same(read_folder(photos, SIZE, hold_out=0.25), in_memory)
    photos.rename(photos.with_name("moved"))  # the content counts, not the place
    assert len(read_folder(photos.with_name("moved"), SIZE, hold_out=0.25).train.files) == 18
    assert len(decoded) == 24


def test_another_split_of_the_same_images_needs_no_decoding(photos, decoded):
    read_folder(photos, SIZE, hold_out=0.25)
    assert len(read_folder(photos, SIZE, hold_out=0.5).test.files) == 12
    assert len(decoded) == 24


def test_a_changed_image_is_seen(photos):
    before = read_folder(photos, SIZE)
    grainy(7777).save(photos / "bee" / "3.png")
    after = read_folder(photos, SIZE)
    changed = (before.train.pixels != after.train.pixels).flatten(1).any(1).nonzero()[:, 0]
    assert [after.train.files[i] for i in changed] == ["bee/3.png"]


def test_files_that_cannot_be_read_are_named_and_remembered(photos, decoded):
    (photos / "ant" / "4.png").write_bytes(b"no image")
    (photos / "bee" / "9.png").write_bytes(b"")
    first = read_folder(photos, SIZE, hold_out=0.25)
    assert [line.split()[0] for line in first.skipped] == ["ant/4.png", "bee/9.png"]
    assert len(first.train.files) + len(first.test.files) == 22
    times = len(decoded)
    again = read_folder(photos, SIZE, hold_out=0.25)
    assert same(again, first) and again.skipped == first.skipped and len(decoded) == times
    with pytest.raises(ValueError, match=r"ant/4\.png cannot be read"):
        read_folder(photos, SIZE, strict=True)


def test_copies_have_rows_of_their_own(photos, in_memory):
    (photos / "bee" / "copy.png").write_bytes((photos / "ant" / "0.png").read_bytes())
    read = read_folder(photos, SIZE)
    at = [read.train.files.index(name) for name in ("ant/0.png", "bee/copy.png")]
    assert torch.equal(*read.train.pixels[at]) and "1 images are copies" in read.notes[0]


@pytest.mark.parametrize("damage", ["bits", "cut", "gone", "index", "no index"])
def test_damage_is_found_and_decoded_again(photos, in_memory, cache, decoded, damage):
    read_folder(photos, SIZE, hold_out=0.25)
    path = the_store(cache) / ("index.json" if "index" in damage else "rows.bin")
    content, draws = bytearray(path.read_bytes()), random.Random(0)
    if damage == "bits":
        for row in (3, 11):
            content[row * 3 * SIZE * SIZE + draws.randrange(700)] ^= 1 << draws.randrange(8)
    elif damage == "index":
        content[len(content) // 2] ^= 1
    decoded.clear()
    path.unlink()
    if damage not in ("gone", "no index"):
        path.write_bytes(content[:-100] if damage == "cut" else content)
    assert same(read_folder(photos, SIZE, hold_out=0.25), in_memory)
    assert len(decoded) == (2 if damage == "bits" else 24)
    decoded.clear()
    assert same(read_folder(photos, SIZE, hold_out=0.25), in_memory) and not decoded


def test_no_flipped_bit_is_ever_shown(photos, in_memory, cache):
    draws = random.Random(0)
    for _ in range(60):
        read_folder(photos, SIZE, hold_out=0.25)
        path = the_store(cache) / draws.choice(["index.json", "rows.bin"])
        content = bytearray(path.read_bytes())
        content[draws.randrange(len(content))] ^= 1 << draws.randrange(8)
        path.unlink()  # tensors of before still see the old file
        path.write_bytes(content)
        assert same(read_folder(photos, SIZE, hold_out=0.25), in_memory)


class Interrupted(Exception):  # noqa: N818
    pass


@pytest.mark.parametrize("after", [1, 7, 23])
def test_an_interrupted_build_goes_on(photos, in_memory, decoded, after):
    def interrupt(done, of):
        if done == after:
            raise Interrupted

    with pytest.raises(Interrupted):
        read_folder(photos, SIZE, progress=interrupt, hold_out=0.25)
    decoded.clear()
    seen = []
    read = read_folder(
        photos, SIZE, progress=lambda done, of: seen.append((done, of)), hold_out=0.25
    )
    assert same(read, in_memory)
    assert len(decoded) == 24 - after and seen[-1] == (24, 24) and len(seen) == len(decoded)


def test_a_killed_build_goes_on(photos, in_memory, cache, decoded):
    code = (
        f"import time\n"
        f"from vtlab.data import parallel_decoding\n"
        f"from vtlab.data.folders import read_folder\n"
        f"parallel_decoding.MAX_BYTES_IN_MEMORY, parallel_decoding.FILES_AT_A_TIME = 0, 2\n"
        f"read_folder({str(photos)!r}, {SIZE}, lambda *_: time.sleep(0.05), hold_out=0.25)"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    while not list(cache.glob("images/*/decoded.log")):
        time.sleep(0.01)
        assert process.poll() is None
    time.sleep(0.4)
    process.kill()
    process.wait()
    assert same(read_folder(photos, SIZE, hold_out=0.25), in_memory)
    assert len(decoded) <= 24
    assert sorted(p.name for p in the_store(cache).iterdir()) == [".lock", "index.json", "rows.bin"]


def test_a_torn_log_is_cut_where_it_is_whole(photos, in_memory, cache, decoded):
    with pytest.raises(Interrupted):
        read_folder(
            photos,
            SIZE,
            progress=lambda done, of: (_ for _ in ()).throw(Interrupted),
            hold_out=0.25,
        )
    log = the_store(cache) / "decoded.log"
    log.write_bytes(log.read_bytes() + b"torn")
    decoded.clear()
    assert same(read_folder(photos, SIZE, hold_out=0.25), in_memory)
    assert len(decoded) == 23


def test_a_full_disk_is_named_and_nothing_is_lost(photos, in_memory, decoded, monkeypatch):
    true = PixelStore._write_rows

    def full(self, *rest):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PixelStore, "_write_rows", full)
    with pytest.raises(OSError, match="24 images of 16 px could not be kept in .*VTLAB_CACHE"):
        read_folder(photos, SIZE, hold_out=0.25)
    monkeypatch.setattr(PixelStore, "_write_rows", true)
    decoded.clear()
    assert same(read_folder(photos, SIZE, hold_out=0.25), in_memory) and not decoded


def test_two_builders_do_not_meet(photos, monkeypatch):
    inside = []

    def second(done, of):
        if not inside:
            inside.append(1)
            with pytest.raises(ValueError, match="another process.*VTLAB_CACHE"):
                read_folder(photos, SIZE)

    read_folder(photos, SIZE, progress=second)
    assert inside


def test_a_file_that_changes_while_it_is_read_is_left_out(photos, monkeypatch):
    def meddle(done, of):
        grainy(4321).save(photos / "bee" / "11.png")

    monkeypatch.setattr(parallel_decoding, "FILES_AT_A_TIME", 1)
    (line,) = read_folder(photos, SIZE, progress=meddle).skipped
    assert line == "bee/11.png was changed while it was read"


def test_old_stores_go_when_another_is_built(photos, cache):
    read_folder(photos, SIZE)
    old = the_store(cache)
    os.utime(old / "index.json", (1, 1))
    read_folder(photos, 17)
    assert not old.exists()
    read_folder(photos, 18)
    assert len(list((cache / "images").iterdir())) == 2


def test_a_build_that_was_never_finished_goes_in_time(photos, cache):
    left = cache / "images" / "interrupted"
    left.mkdir(parents=True)
    (left / "decoded.log").write_bytes(b"half of it")
    read_folder(photos, SIZE)
    assert left.exists()
    os.utime(left / "decoded.log", (1, 1))
    read_folder(photos, 17)
    assert not left.exists()


def test_a_whole_store_that_only_others_may_write_is_read(photos, cache, monkeypatch):
    once = read_folder(photos, SIZE).train.pixels

    def refuse(path, times=None):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.utime", refuse)
    assert torch.equal(read_folder(photos, SIZE).train.pixels, once)
