"""Drawing of glyphs, textures and arrows: classes unlike plants, each drawn by a rule of its own.

A glyph is a written sign, a few strokes between the points of a 3 x 3 lattice; a texture is two interfering
waves; arrows, as on a map of the wind, point all in one of four directions. They share grounds
of noise with the garden and nothing else.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from vtlab.garden.colours import PETAL_COLOURS, ground_palettes, interpolate_colours
from vtlab.garden.drawing import draw_fractal_noise, draw_plants_in_chunks, drawing_to_bytes
from vtlab.system.randomness import derive_random_keys, random_normal, random_uniform

STROKES_PER_GLYPH = 5
DIRECTIONS = ("north-east", "north-west", "south-west", "south-east")


def draw_glyphs(
    seed: int, labels: Tensor, image_keys: Tensor, size: int = 64
) -> tuple[Tensor, Tensor]:
    """Handwritten signs, one per label.

    Args:
        seed: Which alphabet.
        labels: `(N,)`.
        image_keys: `(N,)`; picture i depends on `image_keys[i]` only.
        size: Side in pixels.

    Returns:
        `images (N, 3, H, W)` uint8 and `masks (N, H, W)` bool, true on the ink.
    """
    return draw_plants_in_chunks(partial(_paint_glyphs, seed, size=size), labels, image_keys, size)


def draw_texture_glyphs(
    seed: int, labels: Tensor, image_keys: Tensor, size: int = 64
) -> tuple[Tensor, Tensor]:
    """Woven surfaces, one per label; arguments and results as in `draw_glyphs`.

    The surface covers the whole picture, and so does the mask.
    """
    return draw_plants_in_chunks(
        partial(_paint_textures, seed, size=size), labels, image_keys, size
    )


def draw_arrow_glyphs(
    seed: int, labels: Tensor, image_keys: Tensor, size: int = 64
) -> tuple[Tensor, Tensor]:
    """Nine arrows that point all in one of the `DIRECTIONS`; arguments and results as in `draw_glyphs`."""
    return draw_plants_in_chunks(partial(_paint_arrows, seed, size=size), labels, image_keys, size)


def _paint_glyphs(
    seed: int, labels: Tensor, image_keys: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """Strokes between lattice points that the class chooses; each individual shifts, turns and scales them."""
    points = (
        random_uniform(derive_random_keys(seed, 21, labels), (STROKES_PER_GLYPH + 1,), 0) * 9
    ).floor()
    corners = torch.stack([points % 3, (points / 3).floor()], 2) - 1  # (N, S + 1, 2)
    corners = corners + 0.14 * random_normal(image_keys, (STROKES_PER_GLYPH + 1, 2), 1)
    turn = 0.25 * random_normal(image_keys, (), 2)
    scale = 0.13 + 0.09 * random_uniform(image_keys, (), 3)
    cos, sin = (turn.cos() * scale)[:, None], (turn.sin() * scale)[:, None]
    reach = 1.25 * scale[:, None]
    centre = reach + (1 - 2 * reach) * random_uniform(image_keys, 2, 4)
    x = centre[:, :1] + cos * corners[..., 0] - sin * corners[..., 1]
    y = centre[:, 1:] + sin * corners[..., 0] + cos * corners[..., 1]
    thick = (0.018 + 0.022 * random_uniform(image_keys, (1, 1), 5)) * size
    return _paint_ink(_stroke_distance(x, y, size) * size, thick, image_keys, size)


def _paint_arrows(
    seed: int, labels: Tensor, image_keys: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """A 3 x 3 grid of arrows that point in the direction of the class, each a little astray."""
    barb = 0.6 + 0.3 * random_uniform(image_keys, (1,), 8)  # (N, 1)
    zero, one = torch.zeros_like(barb), torch.ones_like(barb)
    along = torch.cat([-one, one, one - barb, one, one - barb], 1)  # tail, tip, barb, tip, barb
    aside = torch.cat([zero, zero, barb, zero, -barb], 1)
    scale = 0.09 + 0.05 * random_uniform(image_keys, (1,), 3)
    thick = (0.015 + 0.02 * random_uniform(image_keys, (1, 1), 5)) * size
    wobble = 0.15 * random_normal(image_keys, 9, 2)  # (N, 9), of each arrow
    turn = torch.pi / 4 * (2 * labels[:, None] + 1) + wobble
    away = 0.05 * (2 * random_uniform(image_keys, (9, 2), 4) - 1)
    nearest = torch.full((len(labels), size, size), 9.0, device=labels.device)
    for i in range(9):
        cos, sin = turn[:, i : i + 1].cos() * scale, turn[:, i : i + 1].sin() * scale
        x = (i % 3 + 0.5) / 3 + away[:, i, :1] + cos * along - sin * aside
        y = (i // 3 + 0.5) / 3 + away[:, i, 1:] - sin * along - cos * aside  # rows count downwards
        nearest = torch.minimum(nearest, _stroke_distance(x, y, size))
    return _paint_ink(nearest * size, thick, image_keys, size)


def _paint_ink(away: Tensor, thick: Tensor, image_keys: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Paper with ink on each pixel whose distance `away (N, H, W)` from a stroke is `thick` at most."""
    alpha = (0.5 + thick - away).clamp(0, 1)[:, None]
    papers = ground_palettes(away.device)[:, 2]
    paper = papers[(random_uniform(image_keys, (), 6) * len(papers)).long()][:, :, None, None]
    paper = paper * (0.8 + 0.35 * draw_fractal_noise(image_keys, size)[:, None])
    ink = (
        0.7
        * interpolate_colours(PETAL_COLOURS, random_uniform(image_keys, (), 7))[:, :, None, None]
    )
    return drawing_to_bytes(torch.lerp(paper, ink * ink, alpha)), alpha[:, 0] > 0.5


def _stroke_distance(x: Tensor, y: Tensor, size: int) -> Tensor:
    """Each pixel's distance to the nearest stroke, `(N, H, W)`, in sides of the picture."""
    line = (torch.arange(size, device=x.device) + 0.5) / size
    px, py = line[None, None, :], line[None, :, None]
    nearest = torch.full((len(x), size, size), 9.0, device=x.device)
    for s in range(x.shape[1] - 1):
        ax, ay = x[:, s, None, None], y[:, s, None, None]
        dx, dy = x[:, s + 1, None, None] - ax, y[:, s + 1, None, None] - ay
        length = (dx.square() + dy.square()).clamp(min=1e-8)
        along = (((px - ax) * dx + (py - ay) * dy) / length).clamp(0, 1)
        gap = (px - ax - along * dx).square() + (py - ay - along * dy).square()
        nearest = torch.minimum(nearest, gap.sqrt())
    return nearest


def _paint_textures(
    seed: int, labels: Tensor, image_keys: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """Two waves whose angles and lengths the class chooses, multiplied, or the larger of both."""
    kind = random_uniform(derive_random_keys(seed, 22, labels), 6, 0)
    turn = 0.35 * random_normal(image_keys, (), 1)
    zoom = torch.exp(0.25 * random_normal(image_keys, (), 2))[:, None, None]
    line = torch.arange(size, device=labels.device) / size - 0.5
    x, y = line[None, None, :] * zoom, line[None, :, None] * zoom
    waves = []
    for i in (0, 1):
        angle = (torch.pi * kind[:, i] + turn)[:, None, None]
        pitch = (5 + 14 * kind[:, 2 + i])[:, None, None]
        phase = 6.28 * random_uniform(image_keys, (1, 1), 3 + i)
        bend = 1.5 * kind[:, 4, None, None] * (6.28 * (x - y) * 1.5 + phase).sin()
        waves.append((6.28 * pitch * (x * angle.cos() + y * angle.sin()) + bend + phase).sin())
    first, second = waves
    cloth = kind[:, 5, None, None] < 0.5
    woven = torch.where(cloth, first * second, torch.maximum(first, second))
    woven = (1.5 * woven).clamp(-1, 1)
    share = (0.5 + 0.35 * woven + 0.4 * (draw_fractal_noise(image_keys, size) - 0.5)).clamp(0, 1)[
        :, None
    ]
    palettes = ground_palettes(labels.device)
    chosen = palettes[(random_uniform(image_keys, (), 8) * len(palettes)).long()]
    image = torch.lerp(chosen[:, 0, :, None, None] * 0.7, chosen[:, 2, :, None, None], share)
    return drawing_to_bytes(image), torch.ones(
        len(labels), size, size, dtype=torch.bool, device=labels.device
    )
