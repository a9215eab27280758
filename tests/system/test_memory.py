import os
import subprocess
import sys

import pytest
import torch

from vtlab.system import memory

LAYERS = """
import resource, sys, torch
from vtlab.system.memory import keep_freed_memory, return_freed_memory

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6

def layers():
    maps = [torch.empty(size).fill_(1) for size in (2_000_000, 12_000_000, 2_000_000)]  # 64 MB

kept = keep_freed_memory()
for _ in range(8):  # pieces of other sizes first have to find their places
    layers()
asked, after = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, resident()
for _ in range(5):
    layers()
asked = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - asked
return_freed_memory()
print(int(kept), asked, after - resident())
"""
PAGES = 64_000_000 // 4096  # of the maps that are there at once


def run(**environment):
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", LAYERS],
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    kept, asked, given_back = done.stdout.split()
    return bool(int(kept)), int(asked), float(given_back)


@pytest.mark.skipif(sys.platform != "linux", reason="how Linux counts pages")
def test_freed_maps_are_used_again_until_they_are_given_back():
    kept, asked, given_back = run()
    # of five times all pages: where a piece lies is chance, so one may find its place late
    assert kept and asked < PAGES and given_back > 50


@pytest.mark.skipif(sys.platform != "linux", reason="how Linux counts pages")
def test_what_the_environment_says_of_memory_is_left_alone():
    kept, asked, given_back = run(MALLOC_TRIM_THRESHOLD_="131072")
    assert not kept and asked > 2 * PAGES and given_back < 10


def test_elsewhere_nothing_is_asked_for(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "win32")
    monkeypatch.setattr(memory.ctypes, "CDLL", None)  # whoever calls it fails
    assert memory.keep_freed_memory.__wrapped__() is False


def test_large_activations_lie_in_a_file_without_a_name(tmp_path, monkeypatch):
    monkeypatch.setenv("VTLAB_CACHE", str(tmp_path))
    small = memory.allocate_tensor((4, 5), torch.float32)
    monkeypatch.setattr(memory, "MAX_BYTES_IN_MEMORY", 100)
    large = memory.allocate_tensor((4, 5), torch.float32, copies=2)
    large[:] = torch.arange(20.0).view(4, 5)
    assert large.sum() == 190 and small.shape == large.shape and large.dtype == torch.float32
    assert not list(tmp_path.glob("*"))
