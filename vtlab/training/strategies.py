"""Strategies: what should be trained, as values of one dataclass.

A strategy says where the training starts, which stages learn, and how fast. It is a value, not a code
path: `fit` trains by all of them in the same way. The four of the course, `scratch, probe, partial(k),
full`, and their relatives `lp_ft` and `surgical` are such values. So comparing strategies is a loop,
and a new strategy is one line.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, TypedDict

from vtlab.models.heads import is_probe_solvable, start_head_at_label_mean
from vtlab.models.network import WEIGHT_KINDS, Network
from vtlab.system.arguments import check_number, check_whole_number

if TYPE_CHECKING:
    from typing import Unpack

    from torch import Tensor

# Peak rates of AdamW where a strategy leaves its rate open, and the other recipes that a study tries within
# the shots. `python data/make/recipes.py FOLDER` searched them on tasks that no table reports
# (data/results/recipes.csv); surgical takes the first of partial. From scratch one serves: others do not add.
DEFAULT_RATES = {"scratch": 3e-3, "partial": 1e-3, "full": 1e-3, "lp_ft": 1e-3, "surgical": 1e-3}
ALTERNATIVES: dict[str, tuple[_StrategyFields, ...]] = {
    "partial": ({"rate": 1e-2}, {"rate": 1e-4, "stage_decay": 0.5, "statistics": "kept"}),
    "full": (
        {"rate": 3e-4, "stage_decay": 0.5, "statistics": "kept"},
        {"rate": 1e-2},
    ),
    "lp_ft": ({"rate": 3e-5, "statistics": "kept"}, {"rate": 3e-3}),
}
RANDOM_HEAD_RATE = 3e-3  # the least rate of a head that cannot be solved and begins at random
PLAIN_RATES = {"scratch": 3e-3, "full": 3e-4, "lp_ft": 3e-4}  # of `plain`: one rate for every task
PLAIN_EPOCHS = 30


@dataclass(frozen=True)
class Strategy:
    """One answer to "what should be trained?".

    Attributes:
        name: As in files and tables, such as "partial".
        start: "pretrained" keeps the backbone's weights, "random" draws new ones.
        stages: What learns beside the head: None for all stages, a number for the last k, or a tuple of names
            of stages and of modules in them, such as ("stage4.1",), as in `Network.find_stages`.
        kind: Which weights of those stages: "all", "norm" for the scales and shifts of their
            normalisation layers (Frankle et al. 2021), "bias" for biases and shifts alone (BitFit,
            Ben Zaken et al. 2022).
        head_start: How the head starts: "random"; "probe" for the linear probe's solution (Kumar et
            al. 2022); "auto" for that solution where the head is linear, and else at random; "kept" for
            the head as it is.
        head_learns: False leaves the head where it starts; it cannot start at random then.
        rate: Peak learning rate; None for the committed default of this name.
        stage_decay: Each stage nearer to the image learns this much slower (stage-wise rates,
            also called discriminative or layer-wise rates); 1 for the same rate everywhere.
        weight_decay: AdamW's decoupled weight decay.
        statistics: Of BatchNorm in stages that learn: "batch" for each batch's own while it trains, which the
            running ones follow; "kept" for the pretrained ones throughout.
        decay_norms: Whether weight decay also pulls on biases, scales and shifts.
        class_weights: Of the loss: "balanced" for classes alike, however many images each has; or a number for
            each class; None for images alike.
        label_smoothing: The share of each target that goes to all classes alike (Szegedy et al. 2016).
        batch_size: Images in a step.
        accumulate: Parts that each batch is computed in, one after the other, to save memory: the gradients
            add up. BatchNorm's statistics are then those of a part.
        epochs: Passes over the training images; None for as many as `choose_epochs` says.

    Lessons 01, 03, 06 and 07.
    """

    name: str
    start: str = "pretrained"
    stages: int | tuple[str, ...] | None = None
    kind: str = "all"
    head_start: str = "random"
    head_learns: bool = True
    rate: float | None = None
    stage_decay: float = 1.0
    weight_decay: float = 0.01
    statistics: str = "batch"
    decay_norms: bool = True
    class_weights: str | tuple[float, ...] | None = None
    label_smoothing: float = 0.0
    batch_size: int = 16
    accumulate: int = 1
    epochs: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            ValueError: If a field is out of range.
        """
        if self.start not in ("pretrained", "random"):
            raise ValueError(f"start is {self.start!r}; it is 'pretrained' or 'random'")
        if self.head_start not in ("random", "probe", "auto", "kept"):
            raise ValueError(
                f"head_start is {self.head_start!r}; it is 'random', 'probe', 'auto' or 'kept'"
            )
        if self.kind not in WEIGHT_KINDS:
            raise ValueError(f"kind is {self.kind!r}; it is 'all', 'norm' or 'bias'")
        if not self.head_learns and self.head_start in ("random", "auto"):
            raise ValueError(f"{self.name}: a head that starts at random must learn")
        if not self.head_learns and self.stages in (0, ()):
            raise ValueError(f"{self.name}: nothing would learn")
        if isinstance(self.stages, bool) or not isinstance(self.stages, int | tuple | None):
            raise ValueError(
                f"stages is {self.stages!r}; it is a number, a tuple of names, such as ('stage4',), or None"
            )
        for name in ("rate", "stage_decay", "weight_decay", "label_smoothing"):
            if name != "rate" or self.rate is not None:
                check_number(getattr(self, name), name)
        for name in ("batch_size", "epochs", "accumulate"):
            if name != "epochs" or self.epochs is not None:
                check_whole_number(getattr(self, name), name)
        if isinstance(self.stages, int) and self.stages < 0:
            raise ValueError(f"{self.name} cannot train {self.stages} stages")
        if 0 in (self.rate, self.stage_decay):
            raise ValueError(
                f"rate is {self.rate} and stage_decay {self.stage_decay}; they are finite, above 0"
            )
        if self.statistics not in ("batch", "kept"):
            raise ValueError(f"statistics is {self.statistics!r}; it is 'batch' or 'kept'")
        if self.start == "random" and self.statistics == "kept":
            raise ValueError(f"{self.name}: a random start has no statistics worth keeping")
        if self.class_weights not in (None, "balanced") and not (
            isinstance(self.class_weights, tuple)
            and all(0 < weight < math.inf for weight in self.class_weights)
        ):
            raise ValueError(
                f"class_weights is {self.class_weights!r}; it is 'balanced', None, or a tuple of numbers "
                "above 0, one for each class"
            )
        if self.label_smoothing >= 1:
            raise ValueError(f"label_smoothing is {self.label_smoothing}; it is from 0 to below 1")
        if self.label_smoothing and self.convex:
            raise ValueError(f"{self.name} is solved, without label smoothing: leave it 0")
        if self.accumulate > self.batch_size:
            raise ValueError(f"accumulate is {self.accumulate}; it is from 1 to the batch's size")
        if self.start == "random" and self.stages is not None:
            raise ValueError("random stages that never learn are of no use: leave stages=None")

    @property
    def convex(self) -> bool:
        """Whether the head alone learns: for a linear head a convex problem, with one solution."""
        return self.stages in (0, ())

    def solves_head_first(self, network: Network) -> bool:
        """Whether training begins with the solution of a linear probe on the stages as they start."""
        solvable = is_probe_solvable(network.head)
        return self.head_start == "probe" or (self.head_start == "auto" and solvable)

    @property
    def peak_rate(self) -> float:
        """The learning rate that training rises to."""
        return self.rate or DEFAULT_RATES.get(self.name.partition("(")[0], 1e-3)

    def candidates(self) -> tuple[Strategy, ...]:
        """The recipes that a study chooses from within the shots; one where the rate is given, or solved.

        A field that was given, and is not as in the strategy of this name, stays in all of them.
        """
        if self.rate is not None or self.convex:
            return (self,)
        family = self.name.partition("(")[0]
        found = [replace(self, rate=self.peak_rate)]
        for other in ALTERNATIVES.get(family, ()):
            given = {
                name: getattr(self, name)
                for name in other
                if getattr(self, name) != getattr(strategy(family), name)
            }
            found.append(replace(replace(self, **other), **given))
        return tuple(dict.fromkeys(found))

    def fingerprint(self) -> str:
        """All fields but the name, in one line: what runs of one name must share."""
        values = asdict(self) | {"rate": self.peak_rate}
        return ", ".join(f"{name} {value}" for name, value in values.items() if name != "name")

    def learning_parts(self, network: Network) -> tuple[str, ...]:
        """The names of the stages that learn, and of modules in them, and "head" where the head learns.

        Raises:
            ValueError: If the network has fewer stages, nothing of that name, or no weights in it to learn.
        """
        names = network.stage_names
        if self.stages is None:
            stages = names
        elif isinstance(self.stages, int):
            if self.stages > len(names):
                raise ValueError(f"{self.name}: {network.name} has {len(names)} stages only")
            stages = names[len(names) - self.stages :]
        else:
            stages = tuple(self.stages)
            for name in (name for name in stages if name != "head"):
                try:
                    inside = network.find_stages(name).values()
                except ValueError as error:
                    raise ValueError(f"{self.name}: {error}") from None
                if not any(WEIGHT_KINDS[self.kind](module) for module in inside):
                    kind = "" if self.kind == "all" else f" of the kind {self.kind!r}"
                    raise ValueError(f"{self.name}: {name} of {network.name} has no weights{kind}")
        return (*stages, "head") if self.head_learns else stages

    def freeze(self, network: Network) -> Network:
        """Let only what learns in this strategy learn, in place."""
        kept = self.statistics == "kept"
        return network.freeze(self.learning_parts(network), self.kind, keep_statistics=kept)

    def prepare(self, network: Network, seed: int, labels: Tensor | None = None) -> Network:
        """Bring the network to this strategy's start, in place: stages, head and freezing.

        Args:
            network: Changed, and returned.
            seed: Of what is random. Seeds are paired: one seed gives every strategy the same new head.
            labels: `(N,)` of the training images. Where they are numbers (float), a random head
                starts at their mean. None where they are classes.
        """
        if self.start == "random":
            network.reset_stages(seed)
        if self.head_start != "kept":
            network.reset_head(seed)
        if (
            self.head_start in ("random", "auto")
            and labels is not None
            and labels.is_floating_point()
        ):
            start_head_at_label_mean(network.head, labels)
        return self.freeze(network)

    def peak_rates(self, network: Network) -> dict[str, float]:
        """The peak learning rate of each part that learns, or of which a module does, from the image on."""
        moving = {
            part
            for name in self.learning_parts(network)
            for part in (["head"] if name == "head" else network.find_stages(name))
        }
        from_the_head = {name: depth for depth, name in enumerate(reversed(network.parts))}
        rates = {
            name: self.peak_rate * self.stage_decay ** from_the_head[name]
            for name in network.parts
            if name in moving
        }
        # a rate that is left open may be the recipe's for a head that is solved
        if self.rate is None and self.head_start == "auto" and "head" in rates:
            if not self.solves_head_first(network):
                rates["head"] = max(rates["head"], RANDOM_HEAD_RATE)
        return rates


class _StrategyFields(TypedDict, total=False):
    """The fields of a `Strategy` that `partial` and `surgical` leave open."""

    start: str
    kind: str
    head_start: str
    head_learns: bool
    rate: float | None
    stage_decay: float
    weight_decay: float
    statistics: str
    decay_norms: bool
    class_weights: str | tuple[float, ...] | None
    label_smoothing: float
    batch_size: int
    accumulate: int
    epochs: int | None


scratch = Strategy("scratch", start="random")
probe = Strategy("probe", stages=0)
full = Strategy("full", head_start="auto", stage_decay=0.7)
lp_ft = Strategy("lp_ft", head_start="probe")


def partial(k: int = 1, **changes: Unpack[_StrategyFields]) -> Strategy:
    """The strategy that trains the head and the last k stages.

    Args:
        k: How many stages, at least one.
        changes: Other fields of the `Strategy`, such as `rate=3e-3`.

    Raises:
        ValueError: If k is below 1 (that is `probe`).
    """
    if k < 1:
        raise ValueError(f"partial({k}) trains no stage: that is probe")
    name = "partial" if k == 1 else f"partial({k})"
    return replace(Strategy(name, stages=k, head_start="auto"), **changes)


def surgical(*stages: str, **changes: Unpack[_StrategyFields]) -> Strategy:
    """The strategy that trains the head and just these stages or modules (Lee et al. 2023). Lesson 06."""
    base = Strategy(f"surgical({'+'.join(stages)})", stages=stages, head_start="auto")
    return replace(base, **changes)


FOUR = (scratch, probe, partial(1), full)


def plain(given: Strategy | str) -> Strategy:
    """The same strategy with the plain recipe, as a first notebook has it.

    What learns stays. The head starts at random, every part has one rate (the strategy's own, or one
    that serves every task), batches have 32 images, and there are 30 epochs.

    Args:
        given: A strategy or its name. The probe stays as it is: it is solved.

    Raises:
        ValueError: If no strategy has that name.

    Lessons 01 and 07 show what the recipe makes of a strategy.
    """
    given = as_strategy(given)
    if given.convex:
        return given
    rate = given.rate or PLAIN_RATES.get(given.name, 1e-3)
    head = "random" if given.head_start == "auto" else given.head_start
    return replace(
        given,
        head_start=head,
        rate=rate,
        stage_decay=1.0,
        statistics="batch",
        batch_size=32,
        epochs=PLAIN_EPOCHS,
    )


def strategy(name: str) -> Strategy:
    """The strategy of that name: "full", "partial", "partial(2)", "surgical(stage1)".

    Raises:
        ValueError: If there is none; the message lists the names.
    """
    simple = {s.name: s for s in (*FOUR, lp_ft)}
    if name in simple:
        return simple[name]
    if match := re.fullmatch(r"partial\((\d+)\)", name):
        return partial(int(match[1]))
    if match := re.fullmatch(r"surgical\(([\w.+]+)\)", name):
        return surgical(*match[1].split("+"))
    raise ValueError(
        f"unknown strategy {name!r}; there are {', '.join(simple)}, partial(K), surgical(STAGE)"
    )


def as_strategy(strategy_or_name: Strategy | str) -> Strategy:
    """A strategy as it is, or the one of that name.

    Raises:
        ValueError: If no strategy has that name.
        TypeError: If it is neither.
    """
    if isinstance(strategy_or_name, str):
        return strategy(strategy_or_name)
    if not isinstance(strategy_or_name, Strategy):
        raise TypeError(
            f"{strategy_or_name!r} is no strategy; vt.probe and vt.partial(2) are, and so are "
            "their names"
        )
    return strategy_or_name


def as_strategies(given: Strategy | str | Iterable[Strategy | str]) -> tuple[Strategy, ...]:
    """One strategy or more, or their names, as strategies.

    Raises:
        ValueError: If there is none, or none of that name.
        TypeError: If one is no strategy.
    """
    if isinstance(given, str | Strategy) or not isinstance(given, Iterable):
        given = [given]
    strategies = tuple(as_strategy(one) for one in given)
    if not strategies:
        raise ValueError("there is no strategy in the list: give one or more, such as vt.probe")
    return strategies


def strategy_code(given: Strategy) -> str:
    """A strategy in Python, such as `vt.partial(2, rate=0.003)`; it asks for no other import."""
    base, start = Strategy(given.name), f"vt.Strategy({given.name!r}"
    with contextlib.suppress(ValueError):  # a name of its own
        known = strategy(given.name)
        if isinstance(known.stages, tuple):
            base, start = known, f"vt.surgical({', '.join(map(repr, known.stages))}"
        elif known.stages:
            base, start = known, f"vt.partial({known.stages}"
        elif given in (known, replace(known, rate=known.peak_rate)):
            return f"vt.{given.name}"
    values = {field.name: getattr(given, field.name) for field in fields(given)}
    if given.rate == base.peak_rate:
        del values["rate"]
    changes = (
        f"{name}={value!r}" for name, value in values.items() if value != getattr(base, name)
    )
    return f"{', '.join([start, *changes])})"
