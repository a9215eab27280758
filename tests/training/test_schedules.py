import math

import pytest

from vtlab.training.schedules import default_schedule_epochs, warmup_cosine


def test_more_images_are_seen_less_often():
    counts = [default_schedule_epochs(n) for n in (8, 40, 320, 640, 1280, 10**6)]
    assert counts[0] == counts[1] == counts[2] == 30 and counts[-1] == 12
    assert counts == sorted(counts, reverse=True) and counts[4] == 15
    assert [default_schedule_epochs(n, "random") for n in (80, 320, 2560)] == [30, 30, 30]


def test_the_rate_rises_for_a_tenth_and_falls_along_half_a_cosine():
    shares = [warmup_cosine(i, 40) for i in range(40)]
    assert shares[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert shares[4] == pytest.approx(1.0) and shares[22] == pytest.approx(0.5)
    assert shares[31] == pytest.approx((1 + math.cos(math.pi * 27 / 36)) / 2)
    assert warmup_cosine(40, 40) == pytest.approx(0, abs=1e-7) and warmup_cosine(0, 1) == 1.0
