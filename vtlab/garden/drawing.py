"""Drawing of plants, many at a time: from genomes to pictures and their exact masks.

Every picture is a pile of layers, from the back: ground, leaves, weeds (other plants), the
shadow of the plant, the plant. A layer is `(colour (N, 3, H, W), alpha (N, 1, H, W))`. The
mask is what is seen of the plant. One image depends on its own key alone (see `randomness`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from vtlab.garden.colours import LEAF_COLOURS, ground_palettes, interpolate_colours
from vtlab.garden.species import (
    Species,
    express_genes,
    grow_species,
    vary_genomes,
)
from vtlab.system.randomness import random_uniform

OUTLINE_ANGLES = 192  # an outline is a table of radii; 192 angles are finer than a pixel
CHUNK_SIZE = (
    64  # pictures drawn at once, fewer of large ones: their layers stay in the processor's cache
)
TWO_PI = 2 * torch.pi


@dataclass(frozen=True)
class DrawnScene:
    """How individuals and their surroundings vary; all shares lie in [0, 1].

    Attributes:
        variation: How much individuals of a species differ in their genes.
        weeds: Other plants beside the main one (0 to 3).
        leaves: Leaves lying around.
        shortcut: Share of the pictures whose ground is tied to their class (a planted
            shortcut; the other grounds are drawn at random). Lesson 09.
        small: The smallest radius of a plant, as a share of the picture's side.
        large: The largest.
    """

    variation: float = 0.10
    weeds: int = 2
    leaves: int = 3
    shortcut: float = 0.0
    small: float = 0.17
    large: float = 0.30


@dataclass(frozen=True, eq=False)
class _Pose:
    """Where plants stand: `x, y` (centre) and `radius` in units of the picture's side, `(N,)`."""

    x: Tensor
    y: Tensor
    radius: Tensor
    turn: Tensor
    tilt: Tensor
    tilt_direction: Tensor


def draw_plants(
    species: Species,
    labels: Tensor,
    image_keys: Tensor,
    size: int = 64,
    scene: DrawnScene | None = None,
) -> tuple[Tensor, Tensor]:
    """Photographs of individuals, one per label.

    Args:
        species: The K species that the labels count.
        labels: `(N,)` which species each picture shows.
        image_keys: `(N,)` from `randomness.derive_random_keys`; picture i depends on `image_keys[i]` only.
        size: Side in pixels, H = W.
        scene: How pictures vary.

    Returns:
        `images (N, 3, H, W)` uint8 and `masks (N, H, W)` bool, true where the plant is seen.

    Raises:
        ValueError: If labels and keys differ in number.

    Lesson 01.
    """
    if len(labels) != len(image_keys):
        raise ValueError(f"{len(labels)} labels for {len(image_keys)} keys")
    paint = partial(
        _paint_scenes, species.genomes.to(image_keys.device), scene=scene or DrawnScene(), size=size
    )
    return draw_plants_in_chunks(paint, labels, image_keys, size)


def draw_plants_in_chunks(
    paint: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    labels: Tensor,
    image_keys: Tensor,
    size: int,
) -> tuple[Tensor, Tensor]:
    """Draw many pictures a few at a time.

    Args:
        paint: From labels and keys, `(n,)` each, to images and masks.
        labels: `(N,)`.
        image_keys: `(N,)`.
        size: Side in pixels.

    Returns:
        `images (N, 3, H, W)` uint8 and `masks (N, H, W)` bool.
    """
    if not len(labels):
        return torch.empty(0, 3, size, size).byte(), torch.empty(0, size, size).bool()
    count = max(1, min(CHUNK_SIZE, CHUNK_SIZE * 64**2 // size**2))
    chunks = zip(labels.split(count), image_keys.split(count), strict=True)
    pairs = [paint(*chunk) for chunk in chunks]
    images, masks = zip(*pairs, strict=True)
    return torch.cat(images), torch.cat(masks)


def _paint_scenes(
    genomes: Tensor, labels: Tensor, image_keys: Tensor, scene: DrawnScene, size: int
) -> tuple[Tensor, Tensor]:
    """Pile up the layers of each picture, from the back; `genomes (K, G)` are of the species."""
    image = _paint_ground(labels, image_keys, size, scene)
    light = 0.85 + 0.3 * random_uniform(image_keys, (1, 1, 1), 70)
    for i in range(scene.leaves):
        image = torch.lerp(image, *_paint_leaf(image_keys, size, 100 + i))
    for i in range(scene.weeds):
        weeds = WEED_SPECIES.genomes.to(genomes.device)
        chosen = (random_uniform(image_keys, (), 200 + i) * len(WEED_SPECIES)).long()
        pose = _sample_poses(image_keys, 210 + i, 0.09, 0.15, overhang=0.0)
        seen = (random_uniform(image_keys, (1, 1, 1), 220 + i) < 0.6).float()
        individuals = vary_genomes(weeds[chosen], image_keys, 0.1, 230 + i)
        colour, alpha = _paint_plant(individuals, pose, size)
        image = torch.lerp(image, colour, alpha * seen)
    pose = _sample_poses(image_keys, 300, scene.small, scene.large, overhang=0.35)
    individuals = vary_genomes(genomes[labels], image_keys, scene.variation, 310)
    colour, alpha = _paint_plant(individuals, pose, size)
    image = image * (1 - 0.45 * _cast_shadow(alpha))
    image = torch.lerp(image, colour, alpha) * light
    return drawing_through_camera(image, image_keys), alpha[:, 0] > 0.5


def _sample_poses(
    image_keys: Tensor, stream: int, small: float, large: float, overhang: float
) -> _Pose:
    """Random poses; up to `overhang` of the radius may lie outside the picture."""
    draws = random_uniform(image_keys, 6, stream).unbind(1)
    radius = small + (large - small) * draws[0]
    margin = radius * (1 - overhang)
    x = margin + (1 - 2 * margin) * draws[1]
    y = margin + (1 - 2 * margin) * draws[2]
    return _Pose(x, y, radius, TWO_PI * draws[3], 1 - 0.35 * draws[4], TWO_PI * draws[5])


def _polar_coordinates(pose: _Pose, size: int, aspect: Tensor) -> tuple[Tensor, Tensor]:
    """Every pixel in the plant's own polar coordinates: distance in radii, angle; `(N, H, W)`."""
    line = (torch.arange(size, device=pose.x.device) + 0.5) / size
    x = (line[None, None, :] - _per_image(pose.x)) / _per_image(pose.radius)
    y = (line[None, :, None] - _per_image(pose.y)) / _per_image(pose.radius)
    # the plant leans away from us: squeezed along one direction
    cos, sin = _per_image(pose.tilt_direction.cos()), _per_image(pose.tilt_direction.sin())
    along, across = (x * cos + y * sin) / _per_image(pose.tilt), y * cos - x * sin
    turn = pose.turn - pose.tilt_direction
    cos, sin = _per_image(turn.cos()), _per_image(turn.sin())
    u, v = along * cos + across * sin, (across * cos - along * sin) / _per_image(aspect)
    return (u.square() + v.square()).sqrt().clamp(min=1e-6), torch.atan2(v, u)


def _superformula(petals: Tensor, n1: Tensor, n2: Tensor, n3: Tensor) -> Tensor:
    """Outlines as radii at `OUTLINE_ANGLES` angles, the largest 1, `(N, OUTLINE_ANGLES)` (Gielis 2003)."""
    angle = torch.arange(OUTLINE_ANGLES, device=petals.device) * (TWO_PI / OUTLINE_ANGLES)
    phase = petals[:, None] * angle / 4
    sum_ = phase.cos().abs().pow(n2[:, None]) + phase.sin().abs().pow(n3[:, None])
    radii = sum_.clamp(min=1e-4).pow(-1 / n1[:, None]).clamp(max=50)
    radii = radii / radii.amax(1, keepdim=True)
    return 0.42 + 0.58 * radii  # petals meet in a body, so that no plant is a star of hairs


def _outline_radius(outline: Tensor, angle: Tensor) -> Tensor:
    """The outline's radius at each pixel's angle, linear between table entries. `(N, H, W)`."""
    place = angle.remainder(TWO_PI) * (OUTLINE_ANGLES / TWO_PI)
    low = place.floor()
    share = place - low
    low = low.long().clamp(max=OUTLINE_ANGLES - 1)
    index = low.flatten(1)
    first = outline.gather(1, index)
    second = outline.gather(1, (index + 1) % OUTLINE_ANGLES)
    return (first + (second - first) * share.flatten(1)).view_as(angle)


def _paint_plant(genomes: Tensor, pose: _Pose, size: int) -> tuple[Tensor, Tensor]:
    """One plant per genome: `colour (N, 3, H, W)` and `alpha (N, 1, H, W)`."""
    trait = express_genes(genomes)
    pose = replace(pose, radius=pose.radius * trait["size"])
    distance, angle = _polar_coordinates(pose, size, trait["aspect"])
    pixels = _per_image(pose.radius * size)  # pixels per radius
    twisted = angle + _per_image(trait["spiral"]) * distance
    outer = _superformula(trait["petals"], trait["n1"], trait["n2"], trait["n3"])
    edge = _outline_radius(outer, twisted)
    alpha = _coverage((edge - distance) * pixels)

    # petals: the throat's colour gives way to the outer one
    inside = (distance / edge).clamp(max=1)
    mix = ((_per_image(trait["reach"]) - inside) * 2.2 + 0.5).clamp(0, 1)[:, None]
    colour = torch.lerp(_per_channel(trait["outer"]), _per_channel(trait["throat"]), mix)
    # a fold along each petal, darker where petals meet and at the rim
    fold = 0.86 + 0.14 * (twisted * _per_image(trait["petals"])).cos()
    fold = fold * (1 - _per_image(trait["edge"]) * inside.square().square())
    colour = colour * (fold * _pattern_shade(trait, distance, twisted, inside))[:, None]

    # the inner ring is an outline of its own, turned by 36 degrees
    ring_outline = _superformula(
        trait["ring_petals"], trait["ring_n"], trait["ring_n"] + 0.4, trait["ring_n"] + 0.4
    )
    ring_edge = _outline_radius(ring_outline, twisted + torch.pi / 5) * _per_image(trait["ring"])
    ring = _coverage((ring_edge - distance) * pixels)[:, None]
    shade = 0.78 + 0.3 * (distance / ring_edge).clamp(max=1)
    colour = torch.lerp(colour, _per_channel(trait["inner"]) * shade[:, None], ring)

    disc = _coverage((_per_image(trait["disc"]) - distance) * pixels)[:, None]
    seeds = 1 - _per_image(trait["grain"]) * (0.5 + 0.5 * (distance * 42).cos() * (angle * 9).cos())
    colour = torch.lerp(colour, _per_channel(trait["disc_colour"]) * seeds[:, None], disc)
    return colour, alpha[:, None]


def _pattern_shade(
    trait: dict[str, Tensor], distance: Tensor, angle: Tensor, inside: Tensor
) -> Tensor:
    """How much darker the pattern makes each pixel, a factor `(N, H, W)`."""
    pitch, depth = _per_image(trait["pitch"]), _per_image(trait["depth"])
    rings = (TWO_PI * pitch * inside).cos()
    rays = (_per_image(trait["petals"]) * 2 * angle).cos()
    stripes = (TWO_PI * pitch * distance * angle.cos()).cos()
    kinds = torch.stack([torch.ones_like(rings), rings, rays, rings * rays, stripes])
    kind = trait["pattern"][None, :, None, None].expand(1, *rings.shape)
    wave = kinds.gather(0, kind)[0]
    return 1 - depth * (0.5 - 0.5 * (3 * wave).clamp(-1, 1))


def _paint_leaf(image_keys: Tensor, size: int, stream: int) -> tuple[Tensor, Tensor]:
    """A pointed leaf somewhere: `colour, alpha` as in `_paint_plant`."""
    pose = _sample_poses(image_keys, stream, 0.10, 0.24, overhang=0.8)
    wide = 0.34 + 0.2 * random_uniform(image_keys, (), stream + 30)
    distance, angle = _polar_coordinates(pose, size, wide)
    cos = angle.cos()
    edge = 1 - 0.35 * (1 - cos.abs())
    alpha = _coverage((edge - distance) * _per_image(pose.radius * size * wide))
    tone = interpolate_colours(LEAF_COLOURS, random_uniform(image_keys, (), stream + 40))
    vein = 0.78 + 0.22 * (angle.sin() * distance * 9).abs().clamp(max=1)
    colour = _per_channel(tone) * (vein * (0.8 + 0.2 * distance.clamp(max=1)))[:, None]
    return colour, alpha[:, None]


def _paint_ground(labels: Tensor, image_keys: Tensor, size: int, scene: DrawnScene) -> Tensor:
    """A calm ground of fractal noise in one of a few palettes, `(N, 3, H, W)`."""
    palettes = ground_palettes(image_keys.device)  # (P, 3, 3)
    free = (random_uniform(image_keys, (), 50) * len(palettes)).long()
    tied = random_uniform(image_keys, (), 51) < scene.shortcut
    chosen = palettes[torch.where(tied, labels % len(palettes), free)]
    height = draw_fractal_noise(image_keys, size)[:, None]
    low, middle, high = (chosen[:, i, :, None, None] for i in range(3))
    share = (2 * height).clamp(max=1)
    image = low + (middle - low) * share
    return image + (high - middle) * (2 * height - 1).clamp(min=0)  # (N, 3, H, W)


def draw_fractal_noise(image_keys: Tensor, size: int) -> Tensor:
    """Noise summed over four scales, some of it stretched like grass, `(N, H, W)` in [0, 1]."""
    total = torch.zeros(len(image_keys), size, size, device=image_keys.device)
    weights = (0.45, 0.28, 0.17, 0.10)
    for octave, weight in enumerate(weights):
        cells = 3 * 2**octave
        grid = random_uniform(image_keys, (1, cells + 1, cells + 1), 60 + octave)
        total += weight * F.interpolate(grid, (size, size), mode="bilinear")[:, 0]
    blades = random_uniform(image_keys, (1, 5, 33), 66)
    blades = F.interpolate(blades, (size, size), mode="bilinear")[:, 0]
    grassy = 0.5 * random_uniform(image_keys, (1, 1), 67)
    mixed = total * (1 - grassy) + blades * grassy
    return ((mixed - 0.5) * 1.7 + 0.5).clamp(0, 1)


def drawing_through_camera(image: Tensor, image_keys: Tensor) -> Tensor:
    """The pictures through a camera: light from one side, white balance, sensor noise; `(N, 3, H, W)` uint8."""
    size = image.shape[-1]
    line = torch.linspace(-0.5, 0.5, size, device=image.device)
    side = random_uniform(image_keys, 2, 71) - 0.5
    slope = side[:, :1, None] * line[None, None, :] + side[:, 1:, None] * line[None, :, None]
    balance = 1 + 0.14 * (random_uniform(image_keys, (3, 1, 1), 72) - 0.5)
    grain = (random_uniform(image_keys, (1, size, size), 73) - 0.5) * 0.05
    return drawing_to_bytes(image * (1 + 0.5 * slope)[:, None] * balance + grain)


def drawing_to_bytes(image: Tensor) -> Tensor:
    """[0, 1] floats to uint8, rounded."""
    return (image.clamp(0, 1) * 255 + 0.5).to(torch.uint8)


def _cast_shadow(alpha: Tensor) -> Tensor:
    """The plant's soft shadow, thrown down and to the right, `(N, 1, H, W)`."""
    size = alpha.shape[-1]
    step = max(1, round(size * 0.03))
    moved = F.pad(alpha, (step, 0, step, 0))[:, :, :size, :size]
    width = 2 * step + 1
    return F.avg_pool2d(moved, width, stride=1, padding=step, count_include_pad=False)


def _coverage(distance: Tensor) -> Tensor:
    """Coverage of a pixel by a shape whose edge is `distance` pixels away."""
    return (distance + 0.5).clamp(0, 1)


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None]  # (N, 1, 1)


def _per_channel(colours: Tensor) -> Tensor:
    return colours[:, :, None, None]  # (N, 3, 1, 1)


WEED_SPECIES = grow_species(40, seed=-7)  # beside the plant, the same in every world: no class
