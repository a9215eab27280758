"""The garden's ready tasks, and what can be changed about a world.

A world is: which things (plants, glyphs, textures or arrows), how its scenes vary, in which style
they are pictured and how the camera spoils them. `draw` gives images of any number of individuals;
the training individuals depend on the seed, the test individuals never do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.garden.drawing import Scene, draw_in_chunks, draw_plants, to_bytes
from vtlab.garden.glyphs import DIRECTIONS, draw_arrows, draw_glyphs, draw_textures
from vtlab.garden.species import Species, count_petals, grow_species
from vtlab.system.randomness import derive_keys, normal

TEST_SEED = -1  # no learner's seed is negative


@dataclass(frozen=True)
class World:
    """A task's world; change a dial with `world.turn(style="night")`.

    Attributes:
        name: Of the task.
        seed: Which species.
        count: How many classes, K.
        genera: The species belong to so many genera; fewer are harder.
        spread: How far species stand from the middle of their genus.
        similarity: 1: plants like those of the pretraining; towards 0: unlike.
        things: "plants", "glyphs", "textures" or "arrows".
        target: "class", or "number" (the number of petals).
        scene: How individuals and surroundings vary; holds the planted shortcut.
        style: "photo", "line" or "night".
        corruption: "none", "blur", "noise", "contrast" or "hue".
        strength: Of the corruption, 0 to 5.
    """

    name: str
    seed: int
    count: int = 8
    genera: int = 2
    spread: float = 0.5
    similarity: float = 1.0
    things: str = "plants"
    target: str = "class"
    scene: Scene = field(default_factory=Scene)
    style: str = "photo"
    corruption: str = "none"
    strength: float = 0.0

    def turn(self, **dials: object) -> World:
        """The same world with some dials turned; dials of the scene are found as well."""
        scene = {k: v for k, v in dials.items() if k in Scene.__dataclass_fields__}
        own = {k: v for k, v in dials.items() if k not in scene}
        unknown = [k for k in own if k not in World.__dataclass_fields__]
        if unknown:
            raise ValueError(f"the garden has no dial {unknown[0]!r}")
        return replace(self, scene=replace(self.scene, **scene), **own)

    @property
    def species(self) -> Species:
        """The species that are this world's classes."""
        return grow_species(
            self.count,
            self.seed,
            genera=self.genera,
            spread=self.spread,
            similarity=self.similarity,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names."""
        if self.things == "plants":
            return self.species.names
        if self.things == "arrows":
            return DIRECTIONS[: self.count]
        return tuple(f"{self.things[:-1]} {chr(ord('A') + k)}" for k in range(self.count))

    def draw(
        self, per_class: int, seed: int | None, size: int = 64
    ) -> tuple[Tensor, Tensor, Tensor]:
        """So many individuals of every class, class by class.

        Args:
            per_class: Individuals of each.
            seed: Of a learner (0 or more), or None for the test individuals.
            size: Side in pixels.

        Returns:
            `images (N, 3, H, W)` uint8, `labels (N,)` (whole for classes, float for a number),
            `masks (N, H, W)` bool.

        Raises:
            ValueError: If the seed is negative or a dial is out of range.
        """
        if seed is not None and seed < 0:
            raise ValueError(f"the seed {seed} is negative")
        labels = torch.arange(self.count).repeat_interleave(per_class)
        number = torch.arange(per_class).repeat(self.count)
        stream = 100 + (TEST_SEED if seed is None else seed)
        image_keys = derive_keys(self.seed, stream, labels * 100_003 + number)
        images, masks = draw_in_chunks(
            partial(self._photograph, size=size), labels, image_keys, size
        )
        if self.target == "number":
            return images, count_petals(self.species.genomes)[labels].float(), masks
        return images, labels, masks

    def _photograph(self, labels: Tensor, image_keys: Tensor, size: int) -> tuple[Tensor, Tensor]:
        images, masks = self._painter()(labels, image_keys, size)
        images = restyle(images, masks, image_keys, self.style)
        return corrupt(images, image_keys, self.corruption, self.strength), masks

    def _painter(self) -> Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]:
        if self.things == "plants":
            return lambda labels, ks, size: draw_plants(self.species, labels, ks, size, self.scene)
        painters = {"glyphs": draw_glyphs, "textures": draw_textures, "arrows": draw_arrows}
        painter = painters[self.things]
        return lambda labels, ks, size: painter(self.seed, labels, ks, size)


WORLDS = {
    world.name: world
    for world in (
        World("garden", seed=11, spread=0.35),
        World("fine", seed=23, genera=1, spread=0.35),
        World("far", seed=31, similarity=0.3),
        World("glyphs", seed=41, things="glyphs"),
        World("textures", seed=43, things="textures"),
        World("arrows", seed=53, count=4, things="arrows"),
        World("petals", seed=47, count=20, genera=20, spread=1.0, target="number"),
    )
}

STYLES = ("photo", "line", "night")
CORRUPTIONS = ("none", "blur", "noise", "contrast", "hue")


def restyle(images: Tensor, masks: Tensor, image_keys: Tensor, style: str) -> Tensor:
    """The same scenes as photographs, as ink drawings on paper, or by night.

    Raises:
        ValueError: If the style is unknown.
    """
    if style == "photo":
        return images
    values = images.float() / 255
    if style == "night":
        blue = torch.tensor([0.42, 0.52, 0.78], device=images.device).view(3, 1, 1)
        grain = normal(image_keys, tuple(images.shape[1:]), 81) * 0.03
        return to_bytes(values.pow(1.5) * blue * 0.75 + grain)
    if style == "line":
        grey = values.mean(1, keepdim=True)
        shape = masks[:, None].float()
        ink = 5 * edge_strength(grey) * (0.35 + 0.65 * shape) + 0.9 * edge_strength(shape)
        paper = torch.tensor([0.96, 0.94, 0.89], device=images.device).view(3, 1, 1)
        return to_bytes(paper * (1 - 0.88 * ink.clamp(0, 1)))
    raise ValueError(f"unknown style {style!r}; there are {', '.join(STYLES)}")


def edge_strength(grey: Tensor) -> Tensor:
    """How fast grey levels change at each pixel (Sobel), `(N, 1, H, W)`."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=grey.device) / 8
    kernels = torch.stack([kernel, kernel.T])[:, None]  # (2, 1, 3, 3)
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().sum(1, keepdim=True).sqrt()


def corrupt(images: Tensor, image_keys: Tensor, kind: str, strength: float) -> Tensor:
    """Images spoilt by blur, noise, low contrast or a turned hue, with strength 0 to 5.

    After the corruptions of Hendrycks and Dietterich (2019).

    Raises:
        ValueError: If the kind is unknown or the strength is out of range.
    """
    if kind not in CORRUPTIONS:
        raise ValueError(f"unknown corruption {kind!r}; there are {', '.join(CORRUPTIONS)}")
    if not 0 <= strength <= 5:
        raise ValueError(f"the strength {strength} is not between 0 and 5")
    if kind == "none" or strength == 0:
        return images
    values = images.float() / 255
    if kind == "blur":
        values = _blur(values, 0.35 * strength * images.shape[-1] / 64)
    elif kind == "noise":
        values = values + 0.05 * strength * normal(image_keys, tuple(images.shape[1:]), 82)
    elif kind == "contrast":
        middle = values.mean((1, 2, 3), keepdim=True)
        values = middle + (values - middle) * (1 - 0.17 * strength)
    else:
        values = _rotate_hue(values, torch.pi * strength / 5)
    return to_bytes(values)


def _blur(values: Tensor, sigma: float) -> Tensor:
    reach = max(1, round(3 * sigma))
    line = torch.arange(-reach, reach + 1, device=values.device)
    weights = torch.exp(-(line / sigma).square() / 2)
    weights = (weights / weights.sum()).expand(3, 1, 1, -1)
    padded = F.pad(values, (reach,) * 4, mode="replicate")
    rows = F.conv2d(padded, weights, groups=3)
    return F.conv2d(rows, weights.transpose(2, 3), groups=3)


def _rotate_hue(values: Tensor, angle: float) -> Tensor:
    """Colours turned around the grey axis."""
    cos, sin = torch.cos(torch.tensor(angle)), torch.sin(torch.tensor(angle))
    third, root = (1 - cos) / 3, sin / 3**0.5
    matrix = torch.stack(
        [
            cos + third,
            third - root,
            third + root,
            third + root,
            cos + third,
            third - root,
            third - root,
            third + root,
            cos + third,
        ]
    ).view(3, 3)
    return torch.einsum("cd,ndhw->nchw", matrix.to(values.device), values)
