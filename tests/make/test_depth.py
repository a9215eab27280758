import depth

from vtlab.course.lesson_06 import depth_table
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import evaluate
from vtlab.training.fit import fit
from vtlab.training.strategies import probe


def test_the_plan_is_what_the_table_holds(small_garden, monkeypatch):
    monkeypatch.setattr(depth, "make_task", lambda *name, **more: small_garden)  # nothing is drawn
    keys = ["target", "way", "stages", "seed"]
    planned = [tuple(run[key] for key in keys) for run, _ in depth.plan_depth()]
    assert sorted(planned) == sorted(depth_table()[keys].itertuples(index=False, name=None))


def test_a_run_says_what_it_measured(small_garden):
    found = depth.measure_depth("frozen", 5, small_garden, 0)
    alike = backbone("mini_resnet", classes=8)
    list(fit(alike, small_garden, probe, seed=0))
    assert found["test_accuracy"] == evaluate(
        alike, small_garden.test.pixels, small_garden.test.labels
    )
    assert found["weights"] == 256 * 8 + 8
