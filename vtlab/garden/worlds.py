"""Worlds: the garden's ready tasks, and what can be changed about each.

A world says which things (plants, glyphs, textures or arrows), how its scenes vary, in which style
they are shown and which corruption spoils the images. `draw` gives images of any number of individuals;
the training individuals depend on the seed, the test individuals never do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from vtlab.garden.corruptions import corrupt
from vtlab.garden.drawing import DrawnScene, draw_plants, draw_plants_in_chunks
from vtlab.garden.glyphs import DIRECTIONS, draw_arrow_glyphs, draw_glyphs, draw_texture_glyphs
from vtlab.garden.species import Species, grow_species
from vtlab.garden.styles import restyle
from vtlab.system.randomness import derive_random_keys

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
    scene: DrawnScene = field(default_factory=DrawnScene)
    style: str = "photo"
    corruption: str = "none"
    strength: float = 0.0

    def turn(self, **dials: Any) -> World:
        """The same world with some dials turned; dials of the scene are found as well."""
        scene = {k: v for k, v in dials.items() if k in DrawnScene.__dataclass_fields__}
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
        image_keys = derive_random_keys(self.seed, stream, labels * 100_003 + number)
        images, masks = draw_plants_in_chunks(
            partial(self._photograph, size=size), labels, image_keys, size
        )
        if self.target == "number":
            return images, self.species.petals[labels].float(), masks
        return images, labels, masks

    def _photograph(self, labels: Tensor, image_keys: Tensor, size: int) -> tuple[Tensor, Tensor]:
        images, masks = self._painter()(labels, image_keys, size)
        images = restyle(images, masks, image_keys, self.style)
        return corrupt(images, image_keys, self.corruption, self.strength), masks

    def _painter(self) -> Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]:
        """What draws these things, from labels, keys and a size."""
        if self.things == "plants":
            return partial(draw_plants, self.species, scene=self.scene)
        painters = {
            "glyphs": draw_glyphs,
            "textures": draw_texture_glyphs,
            "arrows": draw_arrow_glyphs,
        }
        return partial(painters[self.things], self.seed)


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
