import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as theirs

from vtlab.results import metrics as metrics

RANDOM = np.random.default_rng(0)
LABELS, GUESSES = RANDOM.integers(0, 4, 200), RANDOM.integers(0, 4, 200)


def wilson(hits, n):
    """SciPy's, for whole hits."""
    return tuple(stats.binomtest(hits, n).proportion_ci(0.95, method="wilson"))


def test_counts_are_scikit_learns():
    assert metrics.accuracy(LABELS, GUESSES) == theirs.accuracy_score(LABELS, GUESSES)
    assert (metrics.confusion(LABELS, GUESSES, 4) == theirs.confusion_matrix(LABELS, GUESSES)).all()
    assert metrics.balanced_accuracy(LABELS, GUESSES) == pytest.approx(
        theirs.balanced_accuracy_score(LABELS, GUESSES)
    )


def test_the_t_interval_is_scipys():
    values = [0.7, 0.8, 0.75, 0.9]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    found = metrics.t_interval(values)
    assert (found.low, found.high) == pytest.approx((low, high))


def test_three_seeds_by_hand():
    """t with 2 degrees of freedom is 4.303; the standard error of .7, .8, .9 is .1 / sqrt 3."""
    found = metrics.t_interval([0.7, 0.8, 0.9])
    assert found.half == pytest.approx(4.303 * 0.1 / 3**0.5, abs=1e-4)
    assert str(found) == "0.80 ± 0.25"
    assert str(metrics.t_interval([-0.001, -0.002])) == "0.00 ± 0.01"


def test_a_narrow_interval_is_not_printed_without_width():
    assert str(metrics.Interval(0.9, 0.896, 0.904, 5, 0.004)) == "0.900 ± 0.004"
    assert str(metrics.Interval(0.9, 0.89996, 0.90004, 5, 0.00004)) == "0.90000 ± 0.00004"
    assert str(metrics.Interval(0.9, 0.9, 0.9, 5, 0.0)) == "0.90 ± 0.00"


def test_a_difference_of_accuracies_is_said_in_points():
    found = metrics.paired_difference([0.8, 0.9, 0.7], [0.6, 0.8, 0.6])
    half = stats.t.ppf(0.975, 2) * np.std([20, 10, 10], ddof=1) / 3**0.5
    assert found.points == f"+13.3 points ({40 / 3 - half:.1f} to {40 / 3 + half:.1f})"
    assert metrics.paired_difference([0.5], [0.5]).points == "0.0 points (one seed)"
    assert metrics.paired_difference([0.499], [0.5]).points == "-0.1 points (one seed)"


def test_the_test_set_adds_its_part_in_quadrature():
    found, (low, high) = metrics.interval([0.7, 0.75, 0.95], 1000), wilson(800, 1000)
    assert found.low == pytest.approx(0.8 - np.hypot(found.seeds_half, 0.8 - low))
    assert found.high == 1 and found.test_half == pytest.approx((high - low) / 2)
    near = metrics.interval([0.79, 0.8, 0.81], 1000)
    assert near.high == pytest.approx(0.8 + np.hypot(near.seeds_half, high - 0.8))
    assert near.half == pytest.approx((near.high - near.low) / 2, abs=1e-4)


def test_one_seed_has_the_binomial_part_alone():
    found = metrics.interval([0.5], test_images=100)
    assert (found.low, found.high) == pytest.approx(wilson(50, 100))
    assert np.isnan(found.seeds_half) and np.isnan(metrics.t_interval([0.5]).low)


def test_equal_seeds_still_have_the_error_of_the_test_set():
    assert metrics.interval([0.9, 0.9, 0.9], 153).half > 0.04


def test_no_mistake_on_a_few_images_is_no_proof():
    found = metrics.interval([1.0, 1.0, 1.0], 12)
    assert (found.low, found.high) == (pytest.approx(wilson(12, 12)[0]), 1)


@pytest.mark.parametrize(("images", "share"), [(12, 0.95), (20, 0.9), (40, 0.98)])
def test_on_a_few_test_images_the_truth_is_covered(images, share):
    """Three seeds that agree on every image: what is left is the test set, which they share."""
    hits = np.random.default_rng(2).binomial(images, share, 1000) / images
    found = [metrics.interval([hit] * 3, images) for hit in hits]
    assert np.mean([one.low <= share <= one.high for one in found]) > 0.9


def test_the_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(600):
        found = metrics.t_interval(random.normal(0.8, 0.05, 5))
        hits += found.low <= 0.8 <= found.high
    assert 0.92 < hits / 600 < 0.98


def test_paired_differences_cancel_what_seeds_share():
    shared = RANDOM.normal(0, 0.2, 6)
    found = metrics.paired_difference(shared + 0.1, shared)
    assert found.mean == pytest.approx(0.1) and found.half < 0.001
    assert metrics.paired_difference(shared + RANDOM.normal(0, 0.01, 6), shared).half < 0.03


# what was measured, and the differences of one image that its interval is at least as wide as
AGREEING = {
    "three of 40 of 40 against 39": (
        metrics.paired_difference([1] * 3, [0.975] * 3),
        [1 / 40, 0, 0],
    ),
    "two seeds": (metrics.paired_difference([1, 1], [0.975, 0.975]), [1 / 40, 0]),
    "of 80 images": (metrics.paired_difference([1, 1], [0.975, 0.975], 80), [1 / 80, 0]),
    "float32": (metrics.t_interval(np.full(3, 7 / 12, np.float32)), [1 / 12, 0, 0]),
    "one strategy": (metrics.t_interval([0.975] * 3), [1 / 40, 0, 0]),
    "of many images": (
        metrics.paired_difference([937 / 1200] * 5, [901 / 1200] * 5),
        [1 / 1000, 0, 0, 0, 0],
    ),
    "equal splits": (metrics.resampled_interval([0.9] * 3, 1e9, 10), [1 / 10, 0, 0]),
    "nearly equal": (metrics.paired_difference([0.9, 0.9], [0.9, 0.9 + 1e-9], 10), [1 / 10, 0]),
}


@pytest.mark.parametrize("what", AGREEING)
def test_values_that_agree_have_the_interval_of_one_image(what):
    found, one = AGREEING[what]
    half = stats.t.ppf(0.975, len(one) - 1) * np.std(one, ddof=1) / len(one) ** 0.5
    assert found.half == pytest.approx(half)
    assert found.high - found.mean == pytest.approx(half) == found.mean - found.low


def test_the_number_of_test_images_widens_no_interval_that_is_wide():
    wide = metrics.paired_difference([0.9, 0.5, 0.7], [0.4, 0.5, 0.3])
    assert metrics.paired_difference([0.9, 0.5, 0.7], [0.4, 0.5, 0.3], 40) == wide


def test_seeds_that_agree_leave_the_interval_of_the_test_set():
    assert metrics.interval([0.9] * 3, 40).seeds_half == 0


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match="predictions"):
        metrics.accuracy([1, 2], [1])
    with pytest.raises(ValueError, match="at least one"):
        metrics.t_interval([])
    with pytest.raises(ValueError, match="paired"):
        metrics.paired_difference([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="at least one test image, not 0"):
        metrics.paired_difference([1.0, 0.9], [1.0, 0.8], 0)
    with pytest.raises(ValueError, match="between 0 and 1, such as 0.95, not 95"):
        metrics.t_interval([0.5, 0.6], level=95)
    with pytest.raises(ValueError, match="at least one test image, not 0"):
        metrics.interval([0.5, 0.6], test_images=0)
    for odd in (81.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match=f"a share in .*, not {odd}"):
            metrics.interval([0.5, odd], test_images=100)


def test_eight_of_ten_are_the_textbooks():
    found = metrics.interval([0.8], 10)
    assert (found.low, found.high) == pytest.approx((0.490, 0.943), abs=1e-3)


def test_one_pair_of_runs_does_not_claim_certainty():
    found = metrics.paired_difference([0.8], [0.7])
    assert np.isnan(found.half) and "nan" in str(found)


def test_classes_that_do_not_fit_are_refused():
    for labels in ([0, 4], [0, -1]):
        with pytest.raises(ValueError, match="do not fit"):
            metrics.confusion(labels, [0, 0], classes=4)
    with pytest.raises(ValueError, match="predictions"):
        metrics.balanced_accuracy([0, 1], [0])


def test_the_summary_is_counted_by_hand():
    runs = pd.DataFrame(
        {
            "strategy": ["probe", "probe", "probe", "full"],
            "shots": [5, 5, "all", 5],
            "test_accuracy": [0.6, 0.8, 0.9, 0.5],
            "seconds": [1.0, 3.0, 9.0, 4.0],
            "trainable_weights": [10, 10, 10, 99],
        }
    )
    rows = metrics.summarise_metrics(runs, test_images=100).set_index(["strategy", "shots"])
    assert list(rows.index) == [("probe", 5), ("probe", "all"), ("full", 5)]
    assert rows.loc[("probe", 5), "mean"] == pytest.approx(0.7)
    assert rows.loc[("probe", 5), "seeds"] == 2 and rows.loc[("probe", 5), "seconds"] == 2.0
    assert rows.loc[("full", 5), "high"] == pytest.approx(wilson(50, 100)[1])  # one seed
    assert rows.loc[("full", 5), "trainable_weights"] == 99


def test_shots_to_reach_an_accuracy_are_read_between_the_measured_ones():
    runs = pd.DataFrame(
        {
            "strategy": ["full"] * 6 + ["probe"] * 2,
            "shots": [1, 4, 16, 1, 4, 16, 1, 4],
            "seed": [0, 0, 0, 1, 1, 1, 0, 0],
            "test_accuracy": [0.2, 0.4, 0.8, 0.6, 0.7, 0.75, 0.1, 0.5],
        }
    )
    # seed 0: half of the way from 4 to 16, which is 8 on a logarithmic axis; seed 1: at once
    assert metrics.shots_to_reach(runs, "full", 0.6) == pytest.approx([8, 1])
    assert metrics.shots_to_reach(runs.iloc[::-1], "full", 0.4) == pytest.approx([4, 1])
    assert metrics.shots_to_reach(runs, "full", 0.78) == [pytest.approx(16 * 2**-0.1), np.inf]
    assert metrics.shots_to_reach(runs, "probe", 0.6) == [np.inf]
    with pytest.raises(ValueError, match="no runs of 'scratch'; there are full, probe"):
        metrics.shots_to_reach(runs, "scratch", 0.5)


def test_the_first_crossing_counts_where_a_curve_falls_again():
    runs = pd.DataFrame(
        {
            "strategy": "full",
            "shots": [1, 2, 4, 8],
            "seed": 0,
            "test_accuracy": [0.1, 0.5, 0.4, 0.9],
        }
    )
    assert metrics.shots_to_reach(runs, "full", 0.5) == pytest.approx([2])
    assert metrics.shots_to_reach(runs, "full", 0.9) == pytest.approx([8])


def test_runs_on_all_images_have_no_number_of_shots():
    runs = pd.DataFrame(
        {
            "strategy": ["full", "full"],
            "shots": [5, "all"],
            "seed": [0, 0],
            "test_accuracy": [0.5, 0.9],
        }
    )
    with pytest.raises(ValueError, match="'full' has runs on all images"):
        metrics.shots_to_reach(runs, "full", 0.7)


@pytest.mark.parametrize("seed", range(3))
def test_the_measures_of_numbers_are_scikit_learns(seed):
    from sklearn.metrics import mean_absolute_error, r2_score

    random = np.random.default_rng(seed)
    true = random.normal(50, 10, 30)
    answers = true + random.normal(0, 4, 30)
    assert metrics.r_squared(true, answers) == pytest.approx(r2_score(true, answers))
    assert metrics.mean_absolute_difference(true, answers) == pytest.approx(
        mean_absolute_error(true, answers)
    )
    assert metrics.r_squared(true, np.full(30, true.mean())) == pytest.approx(0)
    assert metrics.r_squared([2, 2], [2, 2]) == 1 and metrics.r_squared([2, 2], [2, 3]) == 0
    with pytest.raises(ValueError, match="against"):
        metrics.r_squared([1], [1, 2])
