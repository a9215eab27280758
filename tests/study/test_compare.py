import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch

from vtlab.data.tasks import task
from vtlab.models.backbones import backbone
from vtlab.models.evaluation import predict
from vtlab.results.records import runs_to_table
from vtlab.study.compare import compare
from vtlab.study.setting import Setting
from vtlab.study.tune import list_candidates, most_cautious
from vtlab.system.device import describe_machine
from vtlab.training.strategies import FOUR, full, partial, plain, probe, surgical

QUICK = Setting(image_size=32, epochs=2)
SMALL = dict(shots=1, seeds=1, setting=QUICK, progress=False)
ALIKE = ["strategy", "shots", "seed", "test_accuracy", "trainable_weights"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    return compare("garden", shots=2, seeds=2, setting=QUICK, folder=folder, progress=False), folder


def test_a_study_has_every_run_once(study):
    rows = study[0].table()
    assert len(rows) == 8 and not rows.duplicated(["strategy", "shots", "seed"]).any()
    assert {"val_accuracy", "seconds", "trainable_weights"} <= set(rows.columns)


def test_a_runs_accuracy_is_that_of_its_predictions(study):
    labels = study[0].task.test.labels.tolist()
    for run in study[0].runs:
        hits = sum(a == b for a, b in zip(labels, run.predictions, strict=True))
        assert run.test_accuracy == pytest.approx(hits / len(labels))
        assert len(run.cams) == len(study[0].shown)


def test_a_finished_study_is_read_and_not_trained_again(study, monkeypatch):
    monkeypatch.setattr("vtlab.study.run.Runner.run", None)
    said = []
    again = compare(
        "garden", shots=2, seeds=2, setting=QUICK, folder=study[1], progress=False, say=said.append
    )
    assert runs_to_table(again.runs).equals(runs_to_table(study[0].runs))
    assert said[0].startswith("begins from mini_resnet, images of 32 px (trained on drawings")
    assert said[1:] == ["8 of 8 runs were finished before"]


def test_a_damaged_run_is_said_and_trained_again(study):
    path = study[1] / "probe-2-0.json"
    path.write_text(path.read_text().replace("0", "1", 1))
    said = []
    again = compare(
        "garden", shots=2, seeds=2, setting=QUICK, folder=study[1], progress=False, say=said.append
    )
    assert "probe-2-0.json was refused" in said[1]
    assert again.table()[ALIKE].equals(study[0].table()[ALIKE])


def test_a_study_of_other_settings_is_refused(study):
    with pytest.raises(ValueError, match="epochs is 2 there and 3 here"):
        compare("garden", shots=2, seeds=2, setting=replace(QUICK, epochs=3), folder=study[1])
    with pytest.raises(ValueError, match="recipe is 'chosen' there and 'committed' here"):
        other = replace(QUICK, recipe="committed")
        compare("garden", shots=2, seeds=2, setting=other, folder=study[1])


def test_a_run_in_a_worker_gives_its_network_back():
    spread = compare("garden", strategies=[probe], **SMALL, jobs=2, keep_networks=True)
    (run,) = spread.runs
    guesses = predict(spread.model(run), spread.task.test.pixels).argmax(1).tolist()
    assert list(spread.networks) == [run.key] and guesses == list(run.predictions)


def test_workers_give_the_same_table(study):
    spread = compare("garden", shots=2, seeds=2, setting=QUICK, jobs=2, progress=False)
    assert spread.table()[ALIKE].equals(study[0].table()[ALIKE])


def test_workers_train_a_network_of_ones_own_from_wherever_it_was_defined(toy):
    class Small(torch.nn.Module):  # in no module that a worker could import
        def __init__(self):
            super().__init__()
            self.body, self.fc = torch.nn.Conv2d(3, 6, 3, 2), torch.nn.Linear(6, 3)

        def forward(self, images):
            return self.fc(self.body(images).relu().mean((2, 3)))

    for given in (Small(), lambda: Small()):
        network = backbone(given, mean=[0.5] * 3, std=[0.2] * 3, image_size=16)
        setting = Setting(backbone=network, epochs=2)
        one, other = (
            compare(
                toy,
                strategies="probe",
                shots=4,
                seeds=2,
                setting=setting,
                jobs=jobs,
                progress=False,
            )
            for jobs in (1, 2)
        )
        assert [run.predictions for run in one.runs] == [run.predictions for run in other.runs]
        assert [run.confidences for run in one.runs] == [run.confidences for run in other.runs]


@pytest.mark.filterwarnings("ignore")  # Dask's own
def test_a_dask_cluster_gives_the_same_table(study):
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster),
        joblib.parallel_config("dask"),
    ):
        spread = compare(
            "garden",
            strategies=[probe, partial(1)],
            shots=2,
            seeds=1,
            setting=QUICK,
            jobs=2,
            progress=False,
        )
    rows = study[0].table()
    wanted = rows[rows.strategy.isin(["probe", "partial"]) & (rows.seed == 0)]
    assert spread.table()[ALIKE].equals(wanted[ALIKE].reset_index(drop=True))


@pytest.mark.parametrize("recipe", ["chosen", "tuned"])
def test_a_recipe_is_found_within_the_shots(recipe):
    how = SMALL | {"setting": replace(QUICK, recipe=recipe), "strategies": [full]}
    (run,) = compare("garden", **{**how, "shots": 2}).runs
    candidates = list_candidates(full, recipe)
    assert run.settings["rate_from"] == f"{recipe} within the shots, out of {len(candidates)}"
    trained_by = {one.fingerprint(): one.peak_rate for one in candidates}
    assert run.settings["rate"] == trained_by[run.settings["trained_by"]]
    assert run.settings["recipe"] == full.fingerprint()


def test_where_a_class_has_one_image_the_most_cautious_recipe_is_taken_and_tuning_is_refused():
    (run,) = compare("garden", strategies=[full], **SMALL).runs
    assert (
        run.settings["rate_from"]
        == "the most cautious: one image of a class leaves none to hold back"
    )
    assert run.settings["trained_by"] == most_cautious(full.candidates()).fingerprint()
    with pytest.raises(ValueError, match="one image"):
        compare("garden", strategies=[full], **{**SMALL, "setting": replace(QUICK, recipe="tuned")})


def test_the_plain_recipe_is_that_of_plain_strategies():
    how = SMALL | {"strategies": [probe, full]}
    asked = compare("garden", **how | {"setting": replace(QUICK, recipe="plain")})
    given = compare("garden", **how | {"strategies": [probe, plain(full)]})
    assert asked.strategies == given.strategies == (probe, plain(full))
    assert asked.runs[1].settings["rate_from"] == given.runs[1].settings["rate_from"] == "given"
    assert asked.table()[ALIKE].equals(given.table()[ALIKE])


def test_the_network_of_a_chosen_recipe_is_trained_again_to_the_same_bits(monkeypatch):
    monkeypatch.setattr("vtlab.study.run.choose_recipe", lambda candidates, *rest: candidates[-1])
    made = compare("garden", strategies=full, keep_networks=True, **{**SMALL, "shots": 2})
    (run,) = made.runs
    last = full.candidates()[-1].fingerprint()
    assert run.settings["trained_by"] == last != full.fingerprint()
    kept, again = (of.model(run).state_dict() for of in (made, replace(made, networks={})))
    assert all(torch.equal(kept[name], value) for name, value in again.items())


CHILD = """
import sys
from vtlab.study.run import Runner, Setting
from vtlab.system.device import describe_machine
from vtlab.study.compare import compare
compare("garden", shots=2, seeds=2, setting=Setting(image_size=32, epochs=2),
        folder=sys.argv[1], progress=False)
"""


@pytest.mark.nightly
@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_twenty_killed_studies_end_with_the_same_table(study, tmp_path):
    draws = random.Random(0)
    for trial in range(20):
        folder = tmp_path / str(trial)
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)])
        time.sleep(2 + 6 * draws.random())
        child.send_signal(signal.SIGKILL)
        child.wait()
        ended = compare("garden", shots=2, seeds=2, setting=QUICK, folder=folder, progress=False)
        assert ended.table()[ALIKE].equals(study[0].table()[ALIKE])


def test_the_four_strategies_are_paired(study):
    rows = study[0].table()
    assert list(dict.fromkeys(rows.strategy)) == [s.name for s in FOUR]
    assert rows.groupby("strategy").seed.apply(list).tolist() == [[0, 1]] * 4


def test_the_fingerprint_knows_the_weights(tmp_path):
    other = Path(tmp_path / "w.pth")
    other.write_bytes(b"x")
    assert (
        Setting().fingerprint()["weights"] != Setting(weights=str(other)).fingerprint()["weights"]
    )


def test_runs_that_were_tested_on_fewer_images_do_not_mix(tmp_path):
    small = dict(strategies=[probe], shots=1, seeds=1, folder=tmp_path, progress=False)
    compare(task("garden", tests=2), **small)
    with pytest.raises(ValueError, match="tests is 16 there and 24 here"):
        compare(task("garden", tests=3), **small)


def test_published_weights_of_different_names_do_not_mix():
    first, second = (
        Setting(backbone="resnet50", weights=name).fingerprint()["weights"]
        for name in ("IMAGENET1K_V1", "IMAGENET1K_V2")
    )
    assert first != second


@pytest.mark.parametrize(
    "wrong",
    [
        dict(strategies=[full, replace(full, rate=3e-2)]),
        dict(seeds=[0, 0]),
        dict(shots=[1, 1]),
    ],
)
def test_one_run_is_never_counted_twice(wrong):
    with pytest.raises(ValueError, match="-1-0 is asked for twice"):
        compare("garden", **{**SMALL, **wrong})


def test_a_kept_run_of_a_strategy_that_has_changed_is_refused(tmp_path):
    compare("garden", strategies=[full], folder=tmp_path, **SMALL)
    for changed in ({"rate": 3e-2}, {"stage_decay": 0.9}, {"kind": "norm"}, {"weight_decay": 0.5}):
        with pytest.raises(ValueError, match="full-1-0 of another full .*take another folder"):
            compare("garden", strategies=[replace(full, **changed)], folder=tmp_path, **SMALL)
    same = replace(full, rate=full.peak_rate)
    assert len(compare("garden", strategies=[same], folder=tmp_path, **SMALL).runs) == 1


def test_a_task_whose_images_are_not_those_it_draws_is_refused():
    plain = task("garden", shots=1, image_size=32)
    turned = replace(plain, train=replace(plain.train, pixels=plain.train.pixels.flip(3)))
    with pytest.raises(ValueError, match="garden: its training images are not those that its draw"):
        compare(turned, strategies=[probe], **SMALL)


def test_a_task_of_ones_own_does_not_get_the_runs_of_another_of_its_name(tmp_path):
    plain = task("garden", shots=1, image_size=32)
    turned = replace(
        plain,
        train=replace(plain.train, pixels=plain.train.pixels.flip(3)),
        draw=lambda shots, seed: (lambda some: replace(some, pixels=some.pixels.flip(3)))(
            plain.draw(shots, seed)
        ),
    )
    compare(plain, strategies=[probe], folder=tmp_path, **SMALL)
    with pytest.raises(ValueError, match="holds another study .images is"):
        compare(turned, strategies=[probe], folder=tmp_path, **SMALL)


def test_seeds_and_shots_may_be_numpys(tmp_path):
    found = compare(
        "garden",
        strategies=[probe],
        shots=np.array([1, 2]),
        seeds=np.arange(1),
        setting=QUICK,
        progress=False,
        folder=tmp_path,
    )
    assert [run.shots for run in found.runs] == [1, 2]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (dict(shots=0), "0 images per class are too few"),
        (dict(shots=-1), "-1 images per class"),
        (dict(shots=[1, 2.5]), "2.5 images per class: that is no whole number"),
        (dict(shots="some"), "'some' images"),
        (dict(shots="all"), "no end of images"),
        (dict(shots=[]), "no shots are in the list"),
        (dict(seeds=0), "0 seeds are too few"),
        (dict(seeds=-1), "-1 seeds"),
        (dict(seeds=[]), "no seeds are in the list"),
        (dict(seeds=1.5), "1.5 seeds"),
        (dict(seeds="a"), "'a' in seeds"),
        (dict(seeds=[0, 1.5]), "1.5 in seeds"),
        (dict(jobs=0), "0 jobs"),
        (dict(jobs="2"), "'2' jobs"),
        (dict(folder=""), "is empty; '.' is the folder you are in"),
        (dict(strategies=[]), "no strategy in the list"),
        (dict(strategies=["prob"]), "unknown strategy 'prob'"),
        (dict(strategies=[probe, partial(9)]), "5 stages only"),
        (dict(strategies=[probe, surgical("stage9")]), "no stage 'stage9'"),
        (
            dict(shots=[5, 1], setting=replace(QUICK, recipe="tuned")),
            "one image has none to hold back",
        ),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_before_any_training(monkeypatch, wrong, words):
    monkeypatch.setattr("vtlab.study.run.Runner.run", None)
    with pytest.raises(ValueError, match=words):
        compare("garden", **{**SMALL, **wrong})


def test_a_strategy_needs_no_list_and_may_be_a_name():
    small = task("garden", shots=1, image_size=32, tests=2)
    for ways in (probe, "probe", ["probe"]):
        found = compare(small, strategies=ways, **SMALL)
        assert [run.strategy for run in found.runs] == ["probe"] and found.strategies == (probe,)


def test_all_shots_are_asked_for_by_that_word():
    made = task("digits", shots=2, image_size=32, tests=5)
    found = compare(made, strategies=probe, **{**SMALL, "shots": [2, "all"]})
    assert [run.shots for run in found.runs] == [2, None]


def test_a_setting_of_another_size_than_the_task_is_refused():
    with pytest.raises(ValueError, match="images of 32 px, and those of garden have 64 px"):
        compare(task("garden", shots=1, tests=2), strategies=probe, **SMALL)


def test_a_task_of_a_size_that_the_network_does_not_take_is_refused_before_any_training(
    monkeypatch,
):
    monkeypatch.setattr("vtlab.study.run.Runner.run", None)
    with pytest.raises(ValueError, match="64"):
        compare(
            task("garden", shots=1, tests=2),
            setting=Setting(backbone="vit_b_16", weights=None),
            shots=1,
        )


def test_a_probe_alone_is_not_tuned_and_needs_no_second_image():
    small = task("garden", shots=1, image_size=32, tests=2)
    assert compare(
        small, strategies=probe, **{**SMALL, "setting": replace(QUICK, recipe="tuned")}
    ).runs


def test_runs_with_and_without_mirror_images_do_not_mix(tmp_path):
    small = task("garden", shots=1, image_size=32, tests=2)
    once = compare(small, strategies=probe, folder=tmp_path, **SMALL)
    assert once.runs[0].settings["flip"] is True
    with pytest.raises(ValueError, match="flip is True there and False here"):
        compare(
            small,
            strategies=probe,
            folder=tmp_path,
            **{**SMALL, "setting": replace(QUICK, flip=False)},
        )


def test_a_last_map_of_one_cell_costs_the_heat_maps_and_not_the_run():
    small = task("garden", shots=1, image_size=32, tests=2)
    setting = Setting(backbone="resnet18", weights=None, image_size=32)
    (run,) = compare(small, strategies=probe, **{**SMALL, "setting": setting}).runs
    assert (
        setting.describe_start(small) == "begins from resnet18 with random weights, images of 32 px"
    )
    assert run.cams == () and len(run.predictions) == len(small.test)


def test_runs_of_another_machine_are_said(tmp_path, monkeypatch):
    small, said = task("garden", shots=1, image_size=32, tests=2), []
    compare(small, strategies=probe, folder=tmp_path, **SMALL)
    here = describe_machine()
    monkeypatch.setattr(
        "vtlab.study.compare.describe_machine",
        lambda device: here | {"device": "cuda", "torch": "9.9"},
    )
    compare(small, strategies=probe, folder=tmp_path, say=said.append, **SMALL)
    assert any("with other versions (torch, device: not as here)" in line for line in said)


def test_a_run_that_diverges_is_kept_as_such_and_the_study_goes_on(tmp_path):
    fast = replace(full, name="too fast", rate=1e30)
    how = dict(shots=2, seeds=2, setting=QUICK, folder=tmp_path, progress=False)
    found = compare("garden", strategies=[fast, probe], keep_networks=True, **how)
    for run in found.runs:
        assert bool(run.diverged) == (run.strategy == "too fast")
    diverged = [run for run in found.runs if run.diverged]
    assert len(diverged) == 2 and np.isnan([run.test_accuracy for run in diverged]).all()
    assert all(
        "too fast diverged at a rate of 1e+30: at step 2" in run.diverged for run in diverged
    )
    assert not any(run.predictions or run.cams or run.under_trained for run in diverged)
    said = []
    again = compare("garden", strategies=[fast, probe], say=said.append, **how)
    assert said[1:] == ["4 of 4 runs were finished before"]
    assert [run.diverged for run in again.runs] == [run.diverged for run in found.runs]


def test_a_run_says_how_many_steps_it_took_and_how_well_it_fits_its_images(study):
    for run in study[0].runs:
        last = run.epochs[-1]
        assert (run.train_loss, run.train_accuracy) == (last.loss, last.train_accuracy)
        # 16 images are one batch of an epoch, and there are two; the solver has a record for a step
        assert run.steps == (len(run.epochs) if run.strategy == "probe" else 2)
    rows = study[0].table()
    assert not rows[rows.strategy == "probe"].under_trained.any()
    assert rows[rows.strategy == "scratch"].under_trained.all()  # two steps
