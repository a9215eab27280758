import pandas as pd
import pytest
import torch

from vtlab.course.lesson_09 import cam_table, ground_task
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
