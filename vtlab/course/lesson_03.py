"""What lesson 03 uses: its table of heads, ways to begin a new head, the old task, checks of exercises."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from vtlab.course.exercise import Verdict, call_answer, exercise, letter_exercise
from vtlab.course.old_task import OldTask as OldTask
from vtlab.course.tables import heads_table as heads_table
from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.losses import compute_loss, label_variance_loss
from vtlab.models.network import Network
from vtlab.models.normalisation import IMAGENET_NORMALISATION as IMAGENET_NORMALISATION
from vtlab.models.normalisation import Normalisation as Normalisation
from vtlab.system.randomness import make_generator


def _head_init_xavier(weight: Tensor, random: torch.Generator) -> None:
    """Variance 2 / (inputs + outputs), uniform (Glorot and Bengio 2010)."""
    nn.init.xavier_uniform_(weight, generator=random)


def _head_init_he(weight: Tensor, random: torch.Generator) -> None:
    """Variance 2 / inputs, normal (He et al. 2015)."""
    nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=random)


def _head_init_large(weight: Tensor, random: torch.Generator) -> None:
    """Variance 1, as if there were one input: far too large."""
    nn.init.normal_(weight, generator=random)


# each fills a head's weights in place; None leaves PyTorch's own
HEAD_INITS: dict[str, Callable[[Tensor, torch.Generator], object] | None] = {
    "default": None,
    "xavier": _head_init_xavier,
    "he": _head_init_he,
    "zero": lambda weight, random: nn.init.zeros_(weight),
    "large": _head_init_large,
}


def network_with_head_init(way: str, seed: int, classes: int = 8) -> Network:
    """A pretrained network whose new head begins in one of the `HEAD_INITS`; its bias is 0 but in "default".

    Raises:
        KeyError: If there is no such way.

    Lesson 03.
    """
    network, init = backbone("mini_resnet", classes=classes), HEAD_INITS[way]
    network.reset_head(seed)
    if init is not None:
        head = network.head
        assert isinstance(head, nn.Linear)
        weight = torch.empty_like(head.weight, device="cpu")  # where the generator is
        init(weight, make_generator(seed, way))
        with torch.no_grad():
            head.bias.zero_()
            head.weight.copy_(weight)
    return network


def first_loss_and_gradient(network: Network, task: Task) -> tuple[float, float]:
    """The loss on the shots, and how long its gradient in the stages is, before any step.

    Args:
        network: In evaluation mode meanwhile; its gradients are gone afterwards.
        task: Its training images are used.

    Lesson 03.
    """
    network.freeze(network.parts).eval()
    labels = task.train.labels.to(network.device)
    loss = compute_loss(
        network(network.normalise(task.train.pixels)), labels, label_variance_loss(labels)
    )
    weights = list(network.stages.parameters())
    gradient = torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)]).norm()
    return loss.item(), gradient.item()


@exercise("03.1")
def _hidden_head(answer: object) -> Verdict:
    if not isinstance(answer, nn.Module):
        return False, "The answer is a module, such as nn.Sequential(…)."
    features = torch.rand(5, 256)
    with torch.no_grad():
        outputs = answer.eval()(features)
    if outputs.shape != (5, 8):
        return False, f"Features (5, 256) should become (5, 8), and became {tuple(outputs.shape)}."
    kinds = [type(module) for module in answer.modules()]
    sizes = [module.out_features for module in answer.modules() if isinstance(module, nn.Linear)]
    if sizes != [64, 8]:
        return False, f"Its linear layers have {sizes} outputs; a hidden one of 64 is wanted."
    if nn.ReLU not in kinds:
        return False, "Without a ReLU two linear layers are no more than one."
    drops = [module.p for module in answer.modules() if isinstance(module, nn.Dropout)]
    right = drops == [0.5] and kinds.index(nn.Dropout) > kinds.index(nn.Linear)
    return right, "Hidden, bent, and half of it dropped." if right else (
        "Where is the dropout of a half before the last layer?"
    )


@exercise("03.2", function_of="the numbers of inputs and outputs")
def _xavier(answer: Callable) -> Verdict:
    for inputs, outputs in ((400, 100), (100, 400), (256, 8)):
        values = np.asarray(call_answer(answer, inputs, outputs))
        if values.shape != (outputs, inputs):
            return False, f"{inputs} inputs and {outputs} outputs gave the shape {values.shape}."
        wanted = (2 / (inputs + outputs)) ** 0.5
        # the spread of n normal numbers is known to within 1 / sqrt(2 n), here 1.6 % at most
        if abs(values.std() / wanted - 1) > 0.08:
            return False, (
                f"For {inputs} inputs and {outputs} outputs the spread is {values.std():.4f}: "
                "is the variance what it should be, or the spread?"
            )
        if abs(values.mean()) > 0.1 * wanted:
            return False, "The weights should have mean zero."
    return True, "It keeps signals their size, there and back."


letter_exercise(
    "03.3",
    "c",
    "What differs around it makes its weights differ at the first step.",
    "What would two units of a hidden layer at zero get as inputs and as gradients?",
)
