import pandas as pd
import pytest
import torch
from tests_support import entries_that_moved
from torch import nn

from vtlab.course.exercise import check
from vtlab.course.lesson_06 import faulty_task
from vtlab.course.shifted_worlds import (
    FEW_OF_STAGE4,
    GENUS_WORLD,
    KEPT_STAGE1,
    SHIFTS,
    STATISTICS_OF_STAGE1,
    _strategy_for_part,
    choose_rates,
    genus_task,
    list_worlds,
    renew_statistics,
    repair,
    shifted_task,
)
from vtlab.models.backbones import backbone, backbone_with_first_stages
from vtlab.models.network import STAGE_NAMES


@pytest.mark.parametrize("stages", range(6))
def test_so_many_stages_stay_and_the_others_are_drawn_anew(stages):
    whole, network = backbone("mini_resnet"), backbone_with_first_stages(stages, 8, seed=3)
    same = [
        all(map(torch.equal, network.stages[name].parameters(), whole.stages[name].parameters()))
        for name in STAGE_NAMES
    ]
    assert same == [True] * stages + [False] * (5 - stages)
    assert network.output_count == 8


def test_more_stages_than_there_are_cannot_stay():
    with pytest.raises(ValueError, match="there are 5"):
        backbone_with_first_stages(6, 8, 0)


def test_a_genus_has_two_known_species_and_two_new_ones():
    world = GENUS_WORLD
    names = [set(), set()]
    for which, species in enumerate(("known", "new")):
        drawn = genus_task(species, 2, 0)
        assert torch.bincount(drawn.train.labels).tolist() == [4] * 8
        images, labels, _ = world.draw(2, 0)
        for image, genus in zip(drawn.train.pixels, drawn.train.labels, strict=True):
            place = next(i for i, other in enumerate(images) if torch.equal(image, other))
            name = world.classes[int(labels[place])]
            assert name.startswith(drawn.classes[int(genus)])
            names[which].add(name)
    assert len(names[0]) == len(names[1]) == 16 and not names[0] & names[1]
    with pytest.raises(ValueError, match="'known' or 'new'"):
        genus_task("both", 1, 0)


def test_each_shift_changes_what_it_says():
    plain = genus_task("known", 3, 100)
    for shift in SHIFTS:
        changed = shifted_task(shift, 0)
        pixels = torch.equal(changed.train.pixels, plain.train.pixels)
        labels = torch.equal(changed.train.labels, plain.train.labels)
        assert (pixels, labels) == {
            "noise": (False, True),
            "species": (False, True),
            "names": (True, False),
        }[shift]
    assert torch.equal(shifted_task("names", 0).test.labels, (plain.test.labels + 1) % 8)
    with pytest.raises(ValueError, match="there are noise, species, names"):
        shifted_task("fog", 0)


def test_the_worlds_of_the_lesson_are_these_with_every_second_test_image():
    worlds = list_worlds(0)
    assert list(worlds) == ["old world", *SHIFTS]
    for shift in SHIFTS:
        whole, half = shifted_task(shift, 0), worlds[shift]
        assert torch.equal(half.test.pixels, whole.test.pixels[::2])
        assert torch.equal(half.train.pixels, whole.train.pixels)
    assert torch.bincount(worlds["names"].test.labels).tolist() == [36, 38] * 4


def test_one_part_and_no_other_learns():
    network = backbone("mini_resnet")
    parts = [*STAGE_NAMES, "head", "head by steps", "everything", FEW_OF_STAGE4, KEPT_STAGE1]
    learning = {part: _strategy_for_part(part).learning_parts(network) for part in parts}
    assert learning == {
        **{name: (name,) for name in STAGE_NAMES},
        "head": ("head",),
        "head by steps": ("head",),
        "everything": (*STAGE_NAMES, "head"),
        FEW_OF_STAGE4: (FEW_OF_STAGE4,),
        KEPT_STAGE1: ("stage1",),
    }
    assert all(_strategy_for_part(part).head_start == "kept" for part in parts)


def test_stage_1_can_learn_with_its_statistics_kept():
    assert _strategy_for_part(KEPT_STAGE1).statistics == "kept"
    assert _strategy_for_part("stage1").statistics == "batch"


def test_the_control_in_stage_4_has_about_as_many_weights_as_stage_1():
    network = backbone("mini_resnet")
    stage1, control = (
        network.freeze((part,)).count_learning_weights() for part in ("stage1", FEW_OF_STAGE4)
    )
    assert abs(control - stage1) < 0.2 * stage1


def test_new_statistics_are_those_of_the_new_images_and_nothing_else_moves(network, toy):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    momenta = [m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    renew_statistics(network, toy)
    moved = entries_that_moved(before, network)
    assert moved == {name for name in before if "running" in name or "num_batches" in name}
    first = network.stages["stem"][0](network.normalise(toy.train.pixels))
    assert torch.allclose(network.stages["stem"][1].running_mean, first.mean((0, 2, 3)), atol=1e-5)
    assert not network.learning_parts
    assert momenta == [m.momentum for m in network.modules() if isinstance(m, nn.BatchNorm2d)]


def test_new_statistics_of_one_stage_leave_those_of_the_others(network, toy):
    before = {k: v.clone() for k, v in network.state_dict().items()}
    renew_statistics(network, toy, "stage1")
    moved = entries_that_moved(before, network)
    assert moved and all(name.startswith("stages.stage1.") for name in moved)


def test_a_repair_changes_a_copy_and_there_one_part_only():
    knowing = backbone("mini_resnet", classes=8)
    before = {k: v.clone() for k, v in knowing.state_dict().items()}
    task = genus_task("known", 1, 0)
    for part, prefix in (("head", "head."), (STATISTICS_OF_STAGE1, "stages.stage1.")):
        repaired = repair(part, knowing, task, 0)
        moved = entries_that_moved(before, repaired)
        assert moved and all(name.startswith(prefix) for name in moved)
    twice = entries_that_moved(before, repair("statistics of stage1, then head", knowing, task, 0))
    assert {name.split(".")[0] for name in twice} == {"head", "stages"}
    assert not entries_that_moved(before, knowing)


def test_a_rate_is_chosen_without_the_run_that_it_is_chosen_for():
    rows = [("noise", "stage1", rate, seed) for seed in range(3) for rate in (0.001, 0.01)]
    runs = pd.DataFrame(rows, columns=["shift", "part", "rate", "seed"])
    # 0.01 is best with seed 0 alone, so that only the other two seeds' runs have it
    runs["test_accuracy"] = [0.1, 0.9, 0.4, 0.3, 0.4, 0.3]
    solved = pd.DataFrame({"shift": "noise", "part": "head", "rate": None, "seed": range(3)})
    chosen = choose_rates(pd.concat([runs, solved.assign(test_accuracy=0.2)]))
    stage1 = chosen[chosen.part == "stage1"].set_index("seed")
    assert stage1.rate.to_dict() == {0: 0.001, 1: 0.01, 2: 0.01}
    assert stage1.test_accuracy.to_dict() == {0: 0.1, 1: 0.3, 2: 0.3}
    assert chosen[chosen.part == "head"].test_accuracy.tolist() == [0.2] * 3


def test_swapped_names_are_swapped_for_every_shot():
    task = shifted_task("names", 0)
    plain = genus_task("known", task.shots // 2, task.seed)
    assert torch.equal(
        task.at(2, 7).train.labels, (plain.at(2, 7).train.labels + 1) % len(task.classes)
    )
    assert torch.equal(task.at(task.shots, task.seed).train.labels, task.train.labels)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda w, b: (w.roll(1, 0), b.roll(1)), "right. Every genus"),
        (lambda w, b: (w.roll(-1, 0), b.roll(-1)), "not yet. That is the other direction"),
        (
            lambda w, b: (torch.cat([0 * w[:1], w[:-1]]), torch.cat([0 * b[:1], b[:-1]])),
            "not yet. Nearly",
        ),
        (lambda w, b: (w.roll(1, 0), b), "not yet. The score of name"),
        (lambda w, b: (w.roll(1, 1), b), "not yet. The score of name"),
        (lambda w, b: (w[:2], b), "not yet. Shapes"),
        (lambda w, b: w, "not yet. It gives two things"),
        (lambda w, b: ..., "not attempted yet"),
    ],
)
def test_exercise_1_asks_for_the_rows_of_the_head_in_another_order(answer, words, capsys):
    check("06.1", answer)
    assert f"exercise 06.1: {words}" in capsys.readouterr().out


def renewed(layer, maps, power=1.0, shift=0.0):
    layer.running_mean = maps.mean((0, 2, 3)) + shift
    layer.running_var = maps.var((0, 2, 3)) ** power
    return layer


def cheat(layer, maps):
    nn.init.ones_(layer.weight)
    return renewed(layer, maps)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (renewed, "right. Two numbers"),
        (lambda layer, maps: renewed(layer, maps, power=0.5), "not yet. The mean is right"),
        (lambda layer, maps: renewed(layer, maps, shift=1.0), "not yet. Its running mean"),
        (lambda layer, maps: layer, "not yet. Its running mean"),
        (cheat, "not yet. Its weight and bias"),
        (lambda layer, maps: maps, "not yet. It gives the layer"),
        (lambda layer, maps: None, "not attempted yet"),
    ],
)
def test_exercise_2_asks_for_the_statistics_of_the_maps(answer, words, capsys):
    check("06.2", answer)
    assert f"exercise 06.2: {words}" in capsys.readouterr().out


def test_exercise_3_has_two_faults_and_is_judged_by_what_the_network_names(
    capsys, monkeypatch, network
):
    faulty, plain = faulty_task(0), genus_task("known", 3, 200)
    assert torch.equal(faulty.test.labels, (plain.test.labels + 3) % 8)
    assert faulty.train.pixels.float().std() < 0.7 * plain.train.pixels.float().std()
    for accuracy, words in ((0.62, "right. It names 62 %"), (0.3, "not yet. It names 30 %")):
        monkeypatch.setattr("vtlab.course.lesson_06.evaluate", lambda *what, a=accuracy: a)
        check("06.3", network)
        assert f"exercise 06.3: {words}" in capsys.readouterr().out
    check("06.3", 0.7)
    assert "not yet. The answer is a network" in capsys.readouterr().out
