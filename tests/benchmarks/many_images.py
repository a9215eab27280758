"""What a folder of very many images costs; run by `test_many_images.py` in a process of its own.

`python tests/benchmarks/many_images.py FOLDER` prints a line of JSON: seconds, and megabytes of private
memory (RssAnon) above what the imports take.
"""

import json
import sys
import threading
import time
from pathlib import Path

import torch
import torchvision  # noqa: F401

import vtlab as vt
from vtlab.data.folders import read_folder
from vtlab.system.threads import THREADS

STEPS = 12  # of an epoch of full fine-tuning


def private() -> float:
    """Megabytes that belong to this process alone."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1000
    raise OSError("no RssAnon")


class Peak:
    """The largest private memory since the last question."""

    def __init__(self):
        self.start = self.most = private()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while True:
            self.most = max(self.most, private())
            time.sleep(0.01)

    def taken(self) -> float:
        most, self.most = max(self.most, private()), private()
        return round(most - self.start, 1)


def main(folder: str) -> None:
    torch.set_num_threads(THREADS)
    vt.predict(vt.backbone(), torch.zeros(8, 3, 64, 64, dtype=torch.uint8))  # all is imported
    peak, found = Peak(), {}
    started = time.perf_counter()
    read = read_folder(folder, 64)
    found["build_s"], found["build_mb"] = time.perf_counter() - started, peak.taken()
    found["images"] = len(read.train.labels) + len(read.test.labels)
    del read
    started = time.perf_counter()
    task = vt.task(folder, shots="all")
    found["open_s"], found["open_mb"] = time.perf_counter() - started, peak.taken()

    training = vt.fit(vt.backbone(classes=len(task.classes)), task, vt.full, epochs=2)
    training.step()
    training.steps = training.batches_per_epoch  # the second epoch: every page was read before
    started = time.perf_counter()
    for _ in range(STEPS):
        training.step()
    found["step_s"], found["training_mb"] = (time.perf_counter() - started) / STEPS, peak.taken()
    order = torch.randperm(len(task.train))
    started = time.perf_counter()
    for part in order.split(training.batch_size)[:STEPS]:
        task.train.pixels[part]
    found["data_s"] = (time.perf_counter() - started) / STEPS

    network = vt.backbone(classes=len(task.classes))
    started = time.perf_counter()
    for _ in vt.fit(network, task, vt.probe):
        pass
    found["probe_s"], found["probe_mb"] = time.perf_counter() - started, peak.taken()
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
