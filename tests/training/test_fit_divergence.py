"""A training whose losses or outputs are no finite numbers ends, with words and without a number."""

import math
from dataclasses import replace

import pytest
import torch
from conftest import tiny_network

from vtlab.data.images import Images
from vtlab.models.evaluation import (
    NonFiniteOutputsError,
    compute_outputs,
    evaluate,
    mean_absolute_error,
    predict,
)
from vtlab.training.checkpoints import checkpointed
from vtlab.training.fit import fit
from vtlab.training.strategies import full, lp_ft, partial, probe, scratch, surgical

TRAINED = (scratch, partial(1), partial(3), full, lp_ft, surgical("stage2"))


def too_fast(strategy):
    return replace(strategy, rate=1e30)


def counting(toy):
    """The toy task, of which a number is asked."""

    def as_numbers(images):
        return Images(images.pixels, images.labels.float())

    return replace(toy, classes=("count",), train=as_numbers(toy.train), test=as_numbers(toy.test))


@pytest.mark.parametrize("strategy", TRAINED, ids=lambda s: s.name)
@pytest.mark.parametrize("kind", ["classes", "numbers", "mixed"])
def test_a_loss_that_is_no_number_ends_the_training_with_words(toy, strategy, kind):
    task = counting(toy) if kind == "numbers" else toy
    network, said = tiny_network(len(task.classes)), []
    how = {"mixup": 0.5} if kind == "mixed" else {}
    training = fit(network, task, too_fast(strategy), epochs=40, say=said.append, **how)
    records = list(training)
    assert all(math.isfinite(record.loss) for record in records)
    assert training.done and training.batches_done < 40 and list(training) == []
    assert said == [training.diverged]
    step = training.batches_done + 1
    assert training.diverged.startswith(
        f"{strategy.name} diverged at a rate of 1e+30: at step {step} the loss was "
    )
    with pytest.raises(NonFiniteOutputsError):
        evaluate(network, task.test.pixels, task.test.labels)


def test_without_anybody_to_say_it_to_it_is_a_warning(network, toy):
    with pytest.warns(UserWarning, match=r"full diverged at a rate of 1e\+30: at step \d"):
        list(fit(network, toy, too_fast(full), epochs=9))


def test_outputs_are_looked_at_after_the_last_step(network, toy):
    training = fit(network, toy, replace(scratch, rate=1e38), epochs=1, say=lambda line: None)
    (record,) = training
    assert math.isfinite(record.loss) and record.loss < 2
    assert "after the last step the network's outputs are no finite numbers" in training.diverged


@pytest.mark.parametrize("strategy", (*TRAINED, probe), ids=lambda s: s.name)
def test_a_training_whose_losses_are_numbers_has_not_diverged(network, toy, strategy):
    training = fit(network, toy, strategy, epochs=None if strategy.convex else 2)
    assert list(training) and training.diverged == ""


def test_a_rate_says_nothing_to_the_solver(network, toy):
    training = fit(network, toy, too_fast(probe))
    assert list(training) and not training.diverged


def test_a_diverged_training_stays_so_in_its_folder(toy, tmp_path):
    said = []
    for _ in range(2):
        training = fit(tiny_network(), toy, too_fast(full), epochs=40, say=said.append)
        list(checkpointed(training, tmp_path))
        assert training.done and said == [training.diverged]


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("head.bias", math.nan),
        ("head.bias", math.inf),
        ("head.bias", -math.inf),
        ("stages.stem.0.weight", math.inf),
        ("stages.stage4.1.running_mean", math.nan),
    ],
)
def test_outputs_that_are_no_numbers_give_no_class_and_no_accuracy(toy, where, value):
    for outputs, looks in (
        (3, (predict, compute_outputs, lambda n, pixels: evaluate(n, pixels, toy.test.labels))),
        (1, (lambda n, pixels: mean_absolute_error(n, pixels, toy.test.labels.float()),)),
    ):
        network = tiny_network(outputs)
        with torch.no_grad():
            network.state_dict()[where].fill_(value)
        for look in looks:
            with pytest.raises(NonFiniteOutputsError, match=r"first those for image 0 of 30"):
                look(network, toy.test.pixels)
