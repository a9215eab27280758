import zoo_probes
from resumable_table import fill_table

from vtlab.course.lesson_02 import zoo_probes_table
from vtlab.data.baselines import pixel_neighbour


def test_a_probe_and_plain_pixels_are_measured_on_the_same_images(small_garden):
    network = zoo_probes.measure("mini_vgg", small_garden, 0)["test_accuracy"]
    pixels = zoo_probes.measure(zoo_probes.PIXELS, small_garden, 0)["test_accuracy"]
    assert pixels == pixel_neighbour(small_garden.at(zoo_probes.SHOTS, 0)) < network
    assert network > 0.5


def test_every_row_is_planned_once_and_committed(monkeypatch, tmp_path):
    monkeypatch.setattr(zoo_probes, "make_task", lambda name, shots: name)
    monkeypatch.setattr(zoo_probes, "measure", lambda *run: {"test_accuracy": 0.5})
    keys = ["task", "backbone", "shots", "seed"]
    planned = fill_table(zoo_probes.plan_probes(), tmp_path)[keys]
    committed = zoo_probes_table()[keys]
    assert not planned.duplicated().any()
    assert planned.values.tolist() == committed.values.tolist()
