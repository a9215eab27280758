"""Saving and loading of trained networks: a folder with weights (safetensors) and a sealed JSON card.

`vt.save(network, "model", task, strategy=vt.partial(2))` writes one; `network, card =
vt.load("model")` reads it, on any machine; `vtlab predict model photo.jpg` names what is in a photo.
"""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vtlab import __version__
from vtlab.data.decoding import DEEP_BITS
from vtlab.data.tasks import Task
from vtlab.models.backbones import BackboneLike, is_known_backbone
from vtlab.models.backbones import backbone as make_backbone
from vtlab.models.network import WEIGHT_KINDS, Network
from vtlab.models.normalisation import Normalisation
from vtlab.models.weights import find_weights_mismatch
from vtlab.models.weights_files import CARD_FILE
from vtlab.results.records import check_record_fields
from vtlab.system.files import expand_home, write_bytes
from vtlab.system.fingerprints import fingerprint_bytes
from vtlab.system.sealing import seal_json, unseal_json
from vtlab.training.fit import check_fit_outputs
from vtlab.training.strategies import Strategy


@dataclass(frozen=True)
class SavedModelCard:
    """What is known of a saved model, beside its weights.

    Attributes:
        backbone: The backbone's name; of a network of one's own what it is called.
        classes: The K class names; logit k is of `classes[k]`.
        image_size: Side in pixels of the images it was trained on.
        resize: How image files became such squares (`decoding.RESIZES`).
        bits: Of grey image files with more than 8 bits, those that were used.
        mean: Channel means that are subtracted, in [0, 1]; one of a network for grey images.
        std: Channel deviations that are divided by.
        weights: Where the weights came from that the training started with.
        strategy: The strategy's name, or None.
        learning: The parts that learnt: stages, modules in them, and "head".
        kind: Which weights of them learnt, as in `Strategy`.
        task: The task's name.
        test_accuracy: On the task's test images, or None.
        vtlab: The version that wrote it.
        cut: How a network of one's own was cut (`network.Source`); empty of others.
        file: Name of the file with the weights.
        sha256: Of that file.
    """

    backbone: str
    classes: tuple[str, ...]
    image_size: int
    resize: str
    bits: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    weights: str
    strategy: str | None
    learning: tuple[str, ...]
    kind: str
    task: str
    test_accuracy: float | None
    vtlab: str
    cut: dict[str, Any]
    file: str
    sha256: str


def save(
    network: Network,
    folder: str | Path,
    task: Task,
    *,
    strategy: Strategy | str | None = None,
    test_accuracy: float | None = None,
) -> SavedModelCard:
    """Save a network in a folder. A model that is there is replaced; if saving fails, it stays as it is.

    Args:
        network: One of the package's backbones with a linear head, or a network of one's own.
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

    folder = Path(expand_home(folder))
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; a model needs a folder")
    check_fit_outputs(network, task)
    state = {
        name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()
    }
    known, classes = is_known_backbone(network.name), len(task.classes)
    plain = (
        make_backbone(network.name, classes=classes, weights=None, in_chans=network.channels)
        if known
        else make_backbone(network, classes=classes)
    )
    if mismatch := find_weights_mismatch(plain, state) or _find_layer_mismatch(network, plain):
        raise ValueError(
            f"this network is not a plain {network.name} ({mismatch}), so it could not be "
            "loaded again: keep its state_dict yourself"
        )
    content = to_bytes(state)
    digest = fingerprint_bytes(content)
    card = SavedModelCard(
        backbone=network.name,
        classes=tuple(task.classes),
        image_size=task.image_size,
        resize=task.resize,
        bits=task.bits,
        mean=network.normalisation.mean,
        std=network.normalisation.std,
        weights=network.origin,
        strategy=strategy.name if isinstance(strategy, Strategy) else strategy,
        learning=tuple(sorted(network.learning_names)),
        kind=_find_learning_kind(network, plain),
        task=task.name,
        # a float of JSON, also where it is NumPy's or a tensor
        test_accuracy=None if test_accuracy is None else float(test_accuracy),
        vtlab=__version__,
        cut=network.source.cut if network.source else {},
        file=f"weights-{digest[:8]}.safetensors",
        sha256=digest,
    )
    # The card is made first: where that fails, no weights lie about without one. It is written last:
    # until then the folder holds the former model.
    sealed = seal_json(asdict(card))
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes(folder / card.file, content)
    write_bytes(folder / CARD_FILE, sealed)
    for other in folder.glob("weights-????????.safetensors"):
        if other.name != card.file:
            with contextlib.suppress(OSError):
                other.unlink()
    return card


def load(
    folder: str | Path, backbone: BackboneLike | None = None
) -> tuple[Network, SavedModelCard]:
    """Load the network that `save` saved, in evaluation mode, and its card.

    The parts that learnt can go on learning; the others are frozen, as they were.

    Args:
        folder: The model's.
        backbone: A network of one's own, as it was given to `vt.backbone` (it is cut as it was then) or came
            from there; its weights are replaced. None for the package's, which are built by their names.

    Raises:
        FileNotFoundError: If there is no model.
        ValueError: If the model is damaged, is not what `save` writes, or is of a network of one's own that
            was not given. No pickle is ever read, and no code is run that the folder names.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    folder = Path(expand_home(folder))
    if not (folder / CARD_FILE).is_file():
        inside = (folder / "model" / CARD_FILE).is_file()
        hint = f"; {folder / 'model'} is one" if inside else ""
        raise FileNotFoundError(f"no model in {folder}: there is no {CARD_FILE}{hint}")
    what = "is damaged or foreign"
    try:
        card = _parse_card(unseal_json((folder / CARD_FILE).read_bytes()))
        content = (folder / card.file).read_bytes()
        if fingerprint_bytes(content) != card.sha256:
            raise ValueError(f"the sha256 of {card.file} is not the card's")
        state = from_bytes(content)
        if backbone is not None:
            what = "has no network with the backbone that was given"
        network = _build_network(card, backbone)
        what = "is damaged or foreign"
        if mismatch := find_weights_mismatch(network, state):
            raise ValueError(mismatch)
        network.load_state_dict(state)
        network.freeze(card.learning, card.kind)
        network.normalisation = Normalisation(card.mean, card.std)
    except (ValueError, TypeError, KeyError, OSError, SafetensorError) as error:
        raise ValueError(f"the model in {folder} {what}: {error}") from None
    network.origin = card.weights
    return network.eval(), card


def _build_network(card: SavedModelCard, given: BackboneLike | None) -> Network:
    """The network that a card tells of, its weights still to be filled in."""
    classes = len(card.classes)
    if isinstance(given, str) and is_known_backbone(given) and given != card.backbone:
        raise ValueError(f"it is a {card.backbone}, not a {given}: leave backbone out")
    if given is not None:
        return make_backbone(
            given,
            classes=classes,
            mean=card.mean,
            std=card.std,
            say=lambda sentence: None,
            **({} if isinstance(given, Network) else card.cut),
        )
    if not is_known_backbone(card.backbone):
        raise ValueError(
            f"it is of a network of one's own, {card.backbone}: give that as backbone, too, as vt.backbone "
            "took it or gave it"
        )
    return make_backbone(card.backbone, classes=classes, weights=None, in_chans=len(card.mean))


def _parse_card(values: dict[str, Any]) -> SavedModelCard:
    # cards from before there were these
    values = {**{"kind": "all", "resize": "crop", "bits": DEEP_BITS, "cut": {}}, **values}
    check_record_fields(SavedModelCard, values)
    if Path(values["file"]).name != values["file"]:
        raise ValueError(f"the weights lie elsewhere: {values['file']!r}")
    for name, value in values.items():
        values[name] = tuple(value) if isinstance(value, list) else value
    return SavedModelCard(**values)


def _find_learning_kind(network: Network, plain: Network) -> str:
    """Which kind of weights of its stages learn; the plain network is frozen in every way to see."""
    learning = [p.requires_grad for p in network.parameters()]
    for kind in WEIGHT_KINDS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what was frozen by hand was said before
            plain.freeze(network.learning_names, kind)
        if learning == [p.requires_grad for p in plain.parameters()]:
            return kind
    return "all"


def _find_layer_mismatch(network: Network, plain: Network) -> str:
    """The first part whose layers are not those of the plain network; "" if there is none."""
    parts, plain_parts = (one.parts for one in (network, plain))
    for name in parts | plain_parts:
        if str(parts.get(name)) != str(plain_parts.get(name)):
            return f"{name} has other layers"
    return "" if network.pooling == plain.pooling else "other pooling"
