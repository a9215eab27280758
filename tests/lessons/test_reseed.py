import pandas as pd
import pytest
import reseed

LESSON = """# %%
import vtlab as vt
seed = vt.begin(0)
vt.claim("a seed is a number", seed >= 0)

# %%
vt.claim("the seed is not one", seed != 1, seed=seed)

# %%
vt.claim("after a claim that failed, the rest is still tried", True)
"""


@pytest.fixture
def lesson(write_mirror):
    return write_mirror("07_tiny", LESSON)


def test_claims_that_fail_with_a_seed_are_counted_and_told(lesson):
    assert reseed.reseed_lesson(lesson, 0) == {
        "lesson": "07_tiny",
        "seed": 0,
        "claims": 3,
        "held": 3,
        "failed": "",
    }
    row = reseed.reseed_lesson(lesson, 1)
    assert (row["claims"], row["held"]) == (3, 2)
    assert row["failed"] == "the seed is not one (seed 1)"


def test_new_rows_take_the_place_of_old_ones(tmp_path):
    def row(lesson, seed, held):
        return {"lesson": lesson, "seed": seed, "claims": 3, "held": held, "failed": ""}

    path = tmp_path / "reseeds.csv"
    reseed.store_reseeds([row("02_b", 0, 1), row("01_a", 1, 3)], path)
    reseed.store_reseeds([row("02_b", 0, 3), row("01_a", 0, 3)], path)
    table = pd.read_csv(path)
    assert table[["lesson", "seed", "held"]].values.tolist() == [
        ["01_a", 0, 3],
        ["01_a", 1, 3],
        ["02_b", 0, 3],
    ]


def test_an_unknown_lesson_is_named(lesson, capsys):
    assert reseed.main(["99"]) == 2
    assert capsys.readouterr().err == "no lesson 99\n"


def test_of_ten_seeds_at_least_nine_keep_every_stored_claim():
    table = pd.read_csv(reseed.TABLE_FILE, keep_default_na=False)
    assert (table.groupby("lesson").seed.nunique() >= 10).all()
    kept = (table.held == table.claims).groupby(table.lesson).mean()
    assert (kept >= 0.9).all(), table[table.failed != ""].to_string()
