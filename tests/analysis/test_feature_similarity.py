"""Linear CKA against its definition, and stage by stage."""

import copy

import numpy as np
import pytest
import torch

from vtlab.analysis.feature_similarity import linear_cka, measure_similarity
from vtlab.models.cutting import CutFunction


def hsic(x: np.ndarray, y: np.ndarray) -> float:
    """The definition: the sum of the products of two centred kernel matrices."""
    n = len(x)
    centre = np.eye(n) - 1 / n
    return np.trace(centre @ x @ x.T @ centre @ y @ y.T)


def test_linear_cka_is_its_definition_by_kernel_matrices():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 5)) + 3, random.normal(size=(20, 7))
    y[:, 0] += 2 * x[:, 1]
    wanted = hsic(x, y) / (hsic(x, x) * hsic(y, y)) ** 0.5
    assert linear_cka(torch.tensor(x), torch.tensor(y)) == pytest.approx(wanted)
    assert 0.05 < wanted < 0.95


def test_a_rotation_a_shift_and_a_scale_change_nothing():
    x = torch.randn(30, 6, generator=torch.Generator().manual_seed(1))
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(2))).Q
    assert linear_cka(x, 3 * x @ rotation + 5) == pytest.approx(1)


def test_features_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 2\) and \(5, 2\)"):
        linear_cka(torch.rand(4, 2), torch.rand(5, 2))
    with pytest.raises(ValueError, match="do not vary"):
        linear_cka(torch.ones(4, 2), torch.rand(4, 2))


def test_a_changed_stage_is_unlike_from_there_on(network):
    pixels = torch.randint(0, 256, (12, 3, 16, 16), dtype=torch.uint8)
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.stages["stage2"][0].weight.normal_()
    found = measure_similarity(network, other, pixels)
    assert list(found) == list(network.stage_names)
    assert found["stem"] == pytest.approx(1) and found["stage1"] == pytest.approx(1)
    assert found["stage2"] < 0.99 and found["stage4"] < 0.99


def test_a_stage_is_like_itself_however_its_numbers_lie(network):
    twin = copy.deepcopy(network)
    twin.stages["stage2"].append(
        CutFunction(lambda maps: maps.permute(0, 2, 3, 1), "channels last")
    )
    twin.stages["stage3"].insert(
        0, CutFunction(lambda maps: maps.permute(0, 3, 1, 2), "channels first")
    )
    twin.layouts = {**twin.layouts, "stage2": "channels_last"}
    pixels = torch.randint(0, 256, (12, 3, 16, 16), dtype=torch.uint8)
    assert list(measure_similarity(network, twin, pixels).values()) == pytest.approx([1] * 5)
    twin.layouts["stage2"] = "tokens"
    with pytest.raises(ValueError, match=r"tiny, stage2: the stage gives \(12, 4, 4, 8\)"):
        measure_similarity(network, twin, pixels)
