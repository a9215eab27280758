"""What a study holds: its networks, its comparisons."""

import pytest
import torch

from vtlab.models.evaluation import predict
from vtlab.study.compare import compare
from vtlab.study.run import Runner
from vtlab.study.setting import Setting
from vtlab.training.strategies import full, partial, probe

SMALL = dict(shots=1, seeds=1, setting=Setting(image_size=32, epochs=2), progress=False)


def test_the_best_network_is_kept_when_it_is_trained(monkeypatch):
    """The first seed of each strategy, since only the means of all seeds say which is the best."""
    trained, train = [], Runner.train
    monkeypatch.setattr(
        Runner, "train", lambda self, *rest: trained.append(rest[2]) or train(self, *rest)
    )
    ways = [probe, partial(1), full]
    kept = compare("garden", strategies=ways, **{**SMALL, "seeds": 2}, keep_networks=True)
    best = kept.best()
    network = kept.model(best, say=pytest.fail)
    assert trained == [0, 0, 0, 1, 1, 1] and not network.training
    assert predict(network, kept.task.test.pixels).argmax(1).tolist() == list(best.predictions)
    assert sorted(kept.networks) == ["full-1-0", "partial-1-0", "probe-1-0"]
    # another seed's is trained once more, to the same predictions, and that is said
    said, other = [], next(run for run in kept.runs if run.key == "probe-1-1")
    kept.model(other, say=said.append)
    assert trained[6:] == [1] and said == [
        "the network of probe-1-1 was not kept: it is trained once more"
    ]


def test_kept_networks_hold_their_frozen_weights_once_and_are_not_handed_out():
    found = compare("garden", strategies=[probe], **SMALL, keep_networks=True)
    (key,) = found.networks
    start = found.runner.start
    stages = found.networks[key].stages.state_dict()
    assert all(value.data_ptr() == start[name].data_ptr() for name, value in stages.items())
    mine = found.model(found.runs[0])
    with torch.no_grad():
        next(mine.stages.parameters()).add_(1)
    again = found.model(found.runs[0]).stages.state_dict()
    assert all(torch.equal(value, start[name]) for name, value in again.items())


def test_a_resumed_study_says_that_it_trains_its_best_network_once_more(tmp_path):
    few = dict(strategies=[probe], folder=tmp_path, **SMALL)
    compare("garden", **few, keep_networks=True)
    said, resumed = [], compare("garden", **few, keep_networks=True)
    network = resumed.model(resumed.best(), say=said.append)
    assert said == ["the network of probe-1-0 was not kept: it is trained once more"]
    guesses = predict(network, resumed.task.test.pixels).argmax(1).tolist()
    assert guesses == list(resumed.runs[0].predictions)


def test_a_comparison_is_made_once_for_each_number_of_shots():
    found = compare("garden", strategies=[probe], **{**SMALL, "shots": [1, 2]})
    first = found.comparison(1)
    assert found.comparison(1) is first
    assert found.comparison(2).shots == 2 and first.chance == found.task.chance
    with pytest.raises(ValueError, match="no run with all training images"):
        found.comparison()
