import pytest
import torch
import torch.nn.functional as F
from conftest import tiny_network

from vtlab.data.mixup import Mix, draw_mix
from vtlab.models.evaluation import predict
from vtlab.training.fit import fit
from vtlab.training.strategies import full, partial, plain


def test_a_mix_is_the_weighted_mean_with_the_partner():
    values = torch.tensor([[0.0, 8.0], [4.0, 0.0], [1.0, 1.0]])
    mixed = Mix(torch.tensor([1, 0, 2]), 0.75).of(values)
    assert mixed.tolist() == [[1, 6], [3, 2], [1, 1]]


def test_shares_are_a_betas_turned_to_the_larger_half():
    torch.manual_seed(0)
    drawn = [draw_mix(5, 1.0) for _ in range(400)]
    shares = torch.tensor([mix.share for mix in drawn])
    assert shares.min() >= 0.5 and shares.mean() == pytest.approx(
        0.75, abs=0.02
    )  # uniform on [0.5, 1]
    assert all(sorted(mix.partner.tolist()) == [0, 1, 2, 3, 4] for mix in drawn)
    small = torch.tensor([draw_mix(2, 0.05).share for _ in range(200)])
    assert (small > 0.99).float().mean() > 0.5


def test_mixing_two_losses_is_the_loss_of_mixed_labels():
    logits, labels, partner = (
        torch.randn(6, 3),
        torch.tensor([0, 1, 2, 0, 1, 2]),
        torch.arange(6).flip(0),
    )
    hot = F.one_hot(labels, 3).float()
    soft = F.cross_entropy(logits, 0.7 * hot + 0.3 * hot[partner])
    two = 0.7 * F.cross_entropy(logits, labels) + 0.3 * F.cross_entropy(logits, labels[partner])
    assert torch.allclose(soft, two)


def test_one_mixed_step_equals_a_step_by_hand(network, toy):
    from vtlab.system.randomness import seed_torch

    descent = plain(full)  # no solver before the step
    descent.prepare(network, 0)
    start = {k: v.clone() for k, v in network.state_dict().items()}
    training = fit(network, toy, descent, epochs=1, augment=None, mixup=1.0, bfloat16=False)
    record = training.step()
    network.load_state_dict(start)
    network.train()
    (index,) = training._batches(1)
    with seed_torch(0, 0):
        mix = draw_mix(len(index), 1.0)
        inputs, labels = network.normalise(toy.train.pixels[index]), toy.train.labels[index]
        logits = network(mix.share * inputs + (1 - mix.share) * inputs[mix.partner])
        hot = F.one_hot(labels, 3).float()
        loss = F.cross_entropy(logits, mix.share * hot + (1 - mix.share) * hot[mix.partner])
    assert record.loss == pytest.approx(loss.item(), rel=1e-4)


@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_cached_prefix_changes_nothing_where_activations_are_mixed(toy, k):
    results = []
    for cache in (True, False):
        torch.manual_seed(0)
        network = tiny_network()
        list(fit(network, toy, partial(k), epochs=3, mixup=0.5, cache=cache, bfloat16=False))
        results.append(predict(network, toy.test.pixels, bfloat16=False))
    assert torch.allclose(*results, atol=1e-5)


def test_mixup_changes_what_is_learnt_and_is_off_by_default(toy):
    def learnt(**options):
        torch.manual_seed(0)
        network = tiny_network()
        list(fit(network, toy, full, epochs=2, bfloat16=False, **options))
        return predict(network, toy.test.pixels, bfloat16=False)

    assert torch.equal(learnt(), learnt(mixup=0.0))
    assert not torch.equal(learnt(), learnt(mixup=0.5))


def test_a_checkpoint_knows_its_mixup_and_one_without_is_as_before(network, toy):
    assert "mixup" not in fit(network, toy, full, epochs=1).fingerprint()
    state = fit(network, toy, full, epochs=1).state()
    with pytest.raises(ValueError, match="mixup is None there and 0.3 here"):
        fit(network, toy, full, epochs=1, mixup=0.3, resume=state)


@pytest.mark.parametrize("wrong", [{"mixup": -0.1}, {"views": 0}])
def test_numbers_out_of_range_are_refused(network, toy, wrong):
    with pytest.raises(ValueError, match="number from 0|0 views"):
        fit(network, toy, full, **wrong)
