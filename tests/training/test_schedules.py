import math

import pytest

from vtlab.training.schedules import (
    MIN_EPOCHS,
    MIN_STEPS,
    choose_epochs,
    count_batches,
    warmup_cosine,
)
from vtlab.training.strategies import full, plain, scratch


def test_few_images_are_seen_often_enough_for_a_number_of_steps():
    for images in (3, 8, 40, 96):
        batches = count_batches(images, full.batch_size)
        steps = choose_epochs(images, full) * batches
        assert MIN_STEPS["pretrained"] <= steps < MIN_STEPS["pretrained"] + batches


def test_many_images_are_all_seen_a_few_times():
    assert choose_epochs(10**6, full) == MIN_EPOCHS["pretrained"]
    assert choose_epochs(10**6, scratch) == MIN_EPOCHS["random"]
    counts = [choose_epochs(images, full) for images in (8, 16, 40, 320, 10**6)]
    assert counts == sorted(counts, reverse=True)


def test_a_random_start_takes_more_steps():
    assert choose_epochs(40, scratch) > choose_epochs(40, full)


def test_features_that_do_not_fit_take_as_many_steps_as_a_random_start():
    for images in (8, 40, 10**6):
        assert choose_epochs(images, full, fitted=False) == choose_epochs(images, scratch)


def test_a_strategy_may_name_its_epochs():
    for fitted in (True, False):
        assert [choose_epochs(n, plain(full), fitted) for n in (8, 10**6)] == [30, 30]


def test_the_rate_rises_for_a_tenth_and_falls_along_half_a_cosine():
    shares = [warmup_cosine(i, 40) for i in range(40)]
    assert shares[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert shares[4] == pytest.approx(1.0) and shares[22] == pytest.approx(0.5)
    assert shares[31] == pytest.approx((1 + math.cos(math.pi * 27 / 36)) / 2)
    assert warmup_cosine(40, 40) == pytest.approx(0, abs=1e-7) and warmup_cosine(0, 1) == 1.0
