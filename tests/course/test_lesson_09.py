import numpy as np
import pandas as pd
import pytest
import torch

from vtlab.course.exercise import EXERCISES
from vtlab.course.lesson_09 import (
    above_yardstick,
    cam_table,
    ground_task,
    paired_ground_task,
    points_ahead,
)
from vtlab.data.tasks import task
from vtlab.results.metrics import paired_difference

PRETRAINED = ("probe", "partial", "full")


def test_a_tied_ground_is_alike_within_a_species_and_the_plants_stay():
    tied, free = ground_task(1.0, 0).train, ground_task(0.0, 0).train
    assert torch.equal(tied.masks, free.masks) and torch.equal(tied.labels, free.labels)
    assert torch.equal(free.pixels, task("garden", shots=10, seed=0).train.pixels)

    def spread(images):
        """How much the mean colour of the ground differs among pictures of one species."""
        ground = (images.pixels.float() * ~images.masks[:, None]).sum((2, 3))
        mean = ground / (~images.masks).sum((1, 2))[:, None]
        return torch.stack([mean[images.labels == k].std(0).mean() for k in range(8)]).mean()

    assert spread(tied) < 0.6 * spread(free)


def test_a_table_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"cam_nothing\.csv"):
        cam_table("nothing")


@pytest.mark.parametrize("strategy", PRETRAINED)
@pytest.mark.parametrize("score", ["hit", "mass"])
def test_pretrained_strategies_look_at_the_plant_more_than_the_centre_does(strategy, score):
    rows = cam_table("scores").query("stage == 'stage4'").sort_values("seed")
    ours, centre = (rows[rows.strategy == name][score].to_numpy() for name in (strategy, "centre"))
    assert len(ours) == 5 and paired_difference(ours, centre).low > 0


def test_grad_cam_of_a_random_head_is_as_unlike_as_that_of_another_image():
    means = cam_table("sanity").groupby(["method", "part"]).rank_correlation.mean()["grad_cam"]
    assert means["trained"] == pytest.approx(1) and means["head"] < means["other image"] + 0.1


def test_the_shortcut_table_has_five_seeds_of_each_strategy_and_training():
    counts = cam_table("shortcut").groupby(["training", "strategy"]).seed.nunique()
    assert isinstance(counts, pd.Series) and len(counts) == 8 and (counts == 5).all()


def test_a_ground_task_draws_what_it_shows():
    task = ground_task(1.0, 0)
    assert torch.equal(task.at(task.shots, task.seed).train.pixels, task.train.pixels)


def test_paired_test_images_show_a_plant_before_two_grounds():
    task = paired_ground_task(0)
    own, other = task.test.pixels[::2], task.test.pixels[1::2]
    assert torch.equal(task.test.masks[::2], task.test.masks[1::2])
    assert torch.equal(task.test.labels[::2], task.test.labels[1::2])
    plants = task.test.masks[::2, None].expand_as(own)
    changed = own != other
    assert (
        changed[~plants].double().mean() > 0.7 and changed[plants].double().mean() < 0.1
    )  # its edges


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ({"scratch": 0.98, "probe": 0.12}, True),
        ({"scratch": 0.98, "probe": 0.9}, False),  # nothing covered
        ({"scratch": 0.12, "probe": 0.45}, False),  # the grounds covered
        ({"scratch": 0.98}, False),
        ({"scratch": 98, "probe": 12}, False),
    ],
)
def test_the_experiment_is_right_where_only_the_plants_are_gone(answer, right):
    assert EXERCISES["09.3"](answer)[0] is right


def occlude(score, image, side, *, sign=1, copy=True):
    drops = np.zeros((image.shape[1] // side, image.shape[2] // side))
    whole = score(image)
    for i, j in np.ndindex(*drops.shape):
        covered = image.copy() if copy else image
        covered[:, i * side : (i + 1) * side, j * side : (j + 1) * side] = 128
        drops[i, j] = sign * (whole - score(covered))
    return drops


def test_occlusion_by_hand_is_checked():
    check = EXERCISES["09.2"]
    assert check(occlude)[0]
    assert "sign" in check(lambda *a: occlude(*a, sign=-1))[1]
    assert "copy" in check(lambda *a: occlude(*a, copy=False))[1]
    assert "2 x 3" in check(lambda *a: occlude(*a).T)[1]
    assert not check(lambda *a: 0 * occlude(*a))[0]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((1 / 4, 1 / 7), "Hold"),
        ((0.5, 1 / 7), "Mass"),
        ((1 / 4, 1 / 4), "union"),
        ((1 / 4, 1 / 8), "intersection"),
        (0.25, "two shares"),
    ],
)
def test_the_scores_of_random_numbers_are_checked(answer, words):
    right, said = EXERCISES["09.1"](answer)
    assert right is (words == "Hold") and words in said


def test_half_an_answer_is_no_attempt():
    assert EXERCISES["09.1"]((0.25, ...)) is None


def test_random_maps_on_large_plants_score_what_the_exercise_says():
    from vtlab.analysis.scores import cam_scores

    masks = torch.zeros(20, 64, 64, dtype=torch.bool)
    masks[:, 10:42, 10:42] = True
    maps = torch.rand(20, 64, 64, generator=torch.Generator().manual_seed(0))
    found = cam_scores(maps, masks).mean()
    assert found.mass == pytest.approx(1 / 4, abs=0.01)
    assert found.overlap == pytest.approx(1 / 7, abs=0.01)


def test_points_are_paired_by_seed():
    ours = pd.DataFrame({"seed": [1, 0], "hit": [0.5, 0.9]})
    theirs = pd.DataFrame({"seed": [0, 1], "hit": [0.8, 0.4]})
    found = points_ahead("hit", ours, theirs)
    assert found.mean == pytest.approx(10) and found.low > 0  # unpaired they differ in sign


def test_the_yardstick_is_the_likeness_of_maps_of_other_images():
    table = cam_table("sanity")
    found = above_yardstick(table, "layer_cam", "head")
    means = table[table.method == "layer_cam"].groupby("part").ssim.mean()
    assert set(found) == {"rank_correlation", "ssim"}
    assert found["ssim"].mean == pytest.approx(means["head"] - means["other image"], abs=1e-3)
