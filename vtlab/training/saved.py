"""Trained networks as folders: weights as safetensors, and a sealed JSON card that says whose.

`vt.save(network, "model", task, strategy=vt.partial(2))` writes one, `network, card =
vt.load("model")` reads it, anywhere; `vtlab predict model photo.jpg` names what is in a photo.
"""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from vtlab import __version__
from vtlab.data.tasks import Task
from vtlab.models.backbones import backbone
from vtlab.models.network import WEIGHT_KINDS, Network
from vtlab.models.normalisation import Normalisation
from vtlab.results.records import check_fields
from vtlab.system.files import write_bytes
from vtlab.system.fingerprints import fingerprint_bytes
from vtlab.system.sealing import seal_json, unseal_json
from vtlab.training.strategies import Strategy

CARD_FILE = "card.json"


@dataclass(frozen=True)
class ModelCard:
    """What stands beside a model's weights.

    Attributes:
        backbone: Its name.
        classes: The K class names; logit k is of `classes[k]`.
        image_size: Side in pixels of the images it was trained on.
        mean: Channel means that are subtracted, in [0, 1].
        std: Channel deviations that are divided by.
        weights: Where the training started from.
        strategy: The strategy's name, or None.
        learning: The parts that learnt, with "head".
        kind: Which weights of them, as in `Strategy`.
        task: The task's name.
        test_accuracy: On the task's test images, or None.
        vtlab: The version that wrote it.
        file: The weights' file name.
        sha256: Of that file.
    """

    backbone: str
    classes: tuple[str, ...]
    image_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str
    strategy: str | None
    learning: tuple[str, ...]
    kind: str
    task: str
    test_accuracy: float | None
    vtlab: str
    file: str
    sha256: str


def save(
    network: Network,
    folder: str | Path,
    task: Task,
    *,
    strategy: Strategy | str | None = None,
    test_accuracy: float | None = None,
) -> ModelCard:
    """Keep a network in a folder; a model that is there already is replaced, or stays whole.

    Args:
        network: One of the package's backbones with a linear head.
        folder: Made where it is missing.
        task: Gives the class names and the size of the images.
        strategy: What it was trained by, for the card.
        test_accuracy: For the card, if known.

    Raises:
        ValueError: If `load` could not build this network again.
        OSError: If it could not be written; the message names the file.

    Lesson 16.
    """
    from safetensors.torch import save as to_bytes

    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; a model needs a folder")
    if network.output_count != len(task.classes):
        raise ValueError(
            f"the head has {network.output_count} outputs, the task {len(task.classes)} classes"
        )
    state = {
        name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()
    }
    plain = backbone(network.name, classes=len(task.classes), weights=None)
    if odd := _odd(state, plain) or _other(network, plain):
        raise ValueError(
            f"this network is not a plain {network.name} ({odd}), so it could not be "
            "loaded again: keep its state_dict yourself"
        )
    content = to_bytes(state)
    digest = fingerprint_bytes(content)
    card = ModelCard(
        backbone=network.name,
        classes=tuple(task.classes),
        image_size=task.image_size,
        mean=tuple(network.normalisation.mean),
        std=tuple(network.normalisation.std),
        weights=network.origin,
        strategy=strategy.name if isinstance(strategy, Strategy) else strategy,
        learning=tuple(sorted(network.learning_parts)),
        kind=_kind(network, plain),
        task=task.name,
        test_accuracy=None
        if test_accuracy is None
        else float(test_accuracy),  # a tensor's or NumPy's, too
        vtlab=__version__,
        file=f"weights-{digest[:8]}.safetensors",
        sha256=digest,
    )
    written = seal_json(asdict(card))  # before the weights lie there without it
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / card.file, content)
    write_bytes(folder / CARD_FILE, written)  # from here on it is the folder's model
    for other in folder.glob("weights-????????.safetensors"):
        if other.name != card.file:
            with contextlib.suppress(OSError):
                other.unlink()
    return card


def load(folder: str | Path) -> tuple[Network, ModelCard]:
    """The network that `save` kept, in evaluation mode, and its card.

    The parts that learnt can learn on; the others are frozen as they were.

    Raises:
        FileNotFoundError: If there is no model.
        ValueError: If it is damaged, or not what `save` writes. No pickle is ever read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    folder = Path(folder)
    if not (folder / CARD_FILE).is_file():
        raise FileNotFoundError(f"no model in {folder}: there is no {CARD_FILE}")
    try:
        card = _card(unseal_json((folder / CARD_FILE).read_bytes()))
        content = (folder / card.file).read_bytes()
        if fingerprint_bytes(content) != card.sha256:
            raise ValueError(f"the sha256 of {card.file} is not the card's")
        state = from_bytes(content)
        network = backbone(card.backbone, classes=len(card.classes), weights=None)
        if odd := _odd(state, network):
            raise ValueError(odd)
        network.load_state_dict(state)
        network.freeze(card.learning, card.kind)
        network.normalisation = Normalisation(tuple(card.mean), tuple(card.std))
    except (ValueError, TypeError, KeyError, OSError, SafetensorError) as error:
        raise ValueError(f"the model in {folder} is damaged or foreign: {error}") from None
    network.origin = card.weights
    return network.eval(), card


def _kind(network: Network, plain: Network) -> str:
    """Which weights of its stages learn; the plain network is there to be frozen."""
    learning = [p.requires_grad for p in network.parameters()]
    return next(
        (
            kind
            for kind in WEIGHT_KINDS
            if learning
            == [p.requires_grad for p in plain.freeze(network.learning_parts, kind).parameters()]
        ),
        "all",
    )


def _card(values: dict) -> ModelCard:
    values = {"kind": "all"} | values  # cards from before there were kinds
    check_fields(ModelCard, values)
    if Path(values["file"]).name != values["file"]:
        raise ValueError(f"the weights lie elsewhere: {values['file']!r}")
    lists = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return ModelCard(**lists)


def _other(network: Network, plain: Network) -> str:
    """The first part that computes something else than the plain network's, by its layers; "" if none."""
    own, plains = ({**one.stages, "head": one.head} for one in (network, plain))
    for name in own | plains:
        if str(own.get(name)) != str(plains.get(name)):
            return f"{name} has other layers"
    return "" if network.pooling == plain.pooling else "other pooling"


def _odd(state: dict[str, torch.Tensor], network: Network) -> str:
    """The first entry in which a state differs from a network's; "" if it fits."""
    own = network.state_dict()
    for name in sorted(own.keys() | state.keys()):
        if name not in own or name not in state:
            return f"{name} is {'unknown' if name not in own else 'missing'}"
        if own[name].shape != state[name].shape or own[name].dtype != state[name].dtype:
            return f"{name} has another shape or type"
    return ""
