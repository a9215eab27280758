from dataclasses import replace

import pandas as pd
import pytest
from recipes import GRIDS, SEARCHED, Case, find_recipes, is_inside, order_recipes, vary_recipe

from vtlab.system.files import find_shipped_files
from vtlab.training.strategies import full, lp_ft, partial, scratch


def rows_of(recipe, accuracies):
    """A row for each case: the recipe and its accuracy there."""
    return [
        {name: getattr(recipe, name) for name in SEARCHED}
        | Case(f"case {number}", "garden", 5, 0)._asdict()
        | {"test_accuracy": accuracy}
        for number, accuracy in enumerate(accuracies)
    ]


def grid_of(rates, decays=(0.25, 0.5, 1.0)):
    return [replace(full, rate=rate, stage_decay=decay) for rate in rates for decay in decays]


def test_the_second_recipe_is_the_one_that_adds_most_where_the_first_is_weak():
    grid = grid_of((1e-5, 1e-4, 1e-3, 1e-2, 1e-1))
    best, weaker, other = (replace(full, rate=rate, stage_decay=0.5) for rate in (1e-4, 1e-3, 1e-2))
    table = pd.DataFrame(
        [
            *rows_of(best, (0.9, 0.8, 0.3)),
            *rows_of(weaker, (0.89, 0.79, 0.31)),
            *rows_of(other, (0.1, 0.2, 0.7)),
        ]
    )
    assert order_recipes(table, grid) == [best, other, weaker]


def test_a_recipe_at_an_edge_of_its_grid_is_not_taken():
    grid = grid_of((1e-4, 1e-3, 1e-2))
    inside, edges = replace(full, rate=1e-3, stage_decay=0.5), ((1e-4, 0.5), (1e-3, 1.0))
    table = pd.DataFrame(rows_of(inside, (0.5, 0.5)))
    for rate, decay in edges:
        edge = replace(full, rate=rate, stage_decay=decay)
        assert not is_inside(edge, grid)
        table = pd.concat([table, pd.DataFrame(rows_of(edge, (0.9, 0.9)))])
    assert order_recipes(table, grid) == [inside]


def test_a_recipe_that_did_not_train_on_every_case_is_not_looked_at():
    grid = grid_of((1e-4, 1e-3, 3e-3, 1e-2))
    some, every = (replace(full, rate=rate, stage_decay=0.5) for rate in (1e-3, 3e-3))
    table = pd.DataFrame([*rows_of(some, (0.9,)), *rows_of(every, (0.5, 0.5))])
    assert order_recipes(table, grid) == [every]


def test_one_thing_is_changed_at_a_time():
    for changed, length in vary_recipe(full):
        differing = {name for name in vars(full) if getattr(changed, name) != getattr(full, name)}
        assert len(differing) + (length not in (1.0, changed.batch_size / full.batch_size)) == 1


@pytest.mark.parametrize("strategy", [scratch, partial(1), full, lp_ft], ids=lambda one: one.name)
def test_the_recipes_of_the_package_are_those_that_the_committed_search_found(strategy):
    path = find_shipped_files("results") / "recipes.csv"
    found = find_recipes(pd.read_csv(path), strategy.name)
    taken = strategy.candidates()
    assert [tuple(getattr(one, name) for name in SEARCHED) for one in taken] == [
        tuple(getattr(one, name) for name in SEARCHED) for one in found[: len(taken)]
    ]
    assert len(taken) == (1 if strategy is scratch else 3)


def test_every_grid_has_recipes_on_both_sides_of_those_inside():
    for grid in GRIDS.values():
        inside = [one for one in grid if is_inside(one, grid)]
        assert 0 < len(inside) < len(grid)
