"""Species of plants: points in a space of shapes, colours and patterns.

A *genome* is a row of numbers in [0, 1], one per gene. A *species* is a genome; a *genus* is
a cloud of them; an individual is its species' genome, slightly varied. Genes become traits
(petal counts, superformula exponents, colours) in `express_genes`. The outlines are Gielis'
superformula (Gielis 2003, https://doi.org/10.3732/ajb.90.3.333).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vtlab.garden.colours import DISC_COLOURS, PETAL_COLOURS, interpolate_colours
from vtlab.system.randomness import (
    derive_random_keys,
    make_generator,
    random_normal,
    random_uniform,
)

GENES = tuple(
    """
    petals pinch fullness sharpness aspect spiral ring_size ring_petals ring_fullness
    disc_size disc_grain hue paleness throat_hue throat_reach ring_hue disc_hue pattern
    pattern_pitch pattern_depth edge size
    """.split()
)
GENE_INDEX = {name: i for i, name in enumerate(GENES)}
DISCRETE_GENES = ("petals", "ring_petals", "pattern")  # an individual never differs in these
PATTERNS = ("plain", "rings", "rays", "checks", "stripes")


@dataclass(frozen=True, eq=False)
class Species:
    """Some species: `genomes (K, G)` in [0, 1] and their `names`."""

    genomes: Tensor
    names: tuple[str, ...]

    def __len__(self) -> int:
        """How many species."""
        return len(self.genomes)

    @property
    def petals(self) -> Tensor:
        """The number of petals of each species, `(K,)`."""
        return count_species_petals(self.genomes)


def count_species_petals(genomes: Tensor) -> Tensor:
    """Three to twelve petals, `(N,)` whole numbers."""
    return (3 + (genomes[:, GENE_INDEX["petals"]].clamp(0, 0.999) * 10).floor()).long()


def grow_species(
    count: int,
    seed: int,
    *,
    genera: int | None = None,
    spread: float = 1.0,
    similarity: float = 1.0,
) -> Species:
    """Invent species.

    Args:
        count: How many, K.
        seed: The same seed gives the same species; source and target worlds use far-apart seeds.
        genera: The species are shared out over so many genera. None: each is a genus of its own.
        spread: How far species stand from the middle of their genus, as a share of the whole
            space: 1 is anywhere, 0.1 is hard to tell apart.
        similarity: 1 is the world that the shipped weights were pretrained on; below, shapes
            and colours leave its range (0: twice as wide).

    Raises:
        ValueError: If a count or a share is out of range.
    """
    if count < 1 or (genera is not None and not 1 <= genera <= count):
        raise ValueError(f"cannot grow {count} species in {genera} genera")
    if not 0 < spread <= 1 or not 0 <= similarity <= 1:
        raise ValueError(f"spread {spread} and similarity {similarity} must lie in (0, 1]")
    genera = genera or count
    rows = torch.arange(count)
    centres = random_uniform(derive_random_keys(seed, 11, torch.arange(genera)), len(GENES), 0)[
        rows % genera
    ]
    own = random_uniform(derive_random_keys(seed, 12, rows), len(GENES), 1)
    genomes = centres * (1 - spread) + own * spread if spread < 1 else own
    genomes = 0.5 + (genomes - 0.5) * (2 - similarity)
    genomes[:, GENE_INDEX["hue"]] += (1 - similarity) * 0.5
    return Species(genomes, name_species(seed, rows % genera))


def name_species(seed: int, genus: Tensor) -> tuple[str, ...]:
    """Latin-like names: one genus name per genus, an epithet of its own for every species."""
    random = make_generator(seed, "names")

    def pick(items: tuple[str, ...]) -> str:
        return items[int(torch.randint(len(items), (1,), generator=random))]

    heads = tuple(
        "Vel Cal Ner Pulm Sil Ast Cor Mel Lun Tar Vir Ors Hel Phal Quer Ros Ulm Zeph Bry Dian".split()
    )
    middles = ("ar", "end", "on", "ic", "anth", "el", "or", "in", "os", "um")
    tails = ("ia", "ula", "ella", "aria", "ina", "is", "ium", "ea")
    epithets = tuple(
        """
        montis alba serena vespera minor rivi gracilis lucida umbrosa aurea silvae maris
        nivea dulcis arida stellata borea pallens ventis crispa humilis regia tarda velata
        lenta novella pratens rupestris solis tenera
        """.split()
    )
    genus_names: dict[int, str] = {}
    used: set[str] = set()
    names = []
    for g in genus.tolist():
        while g not in genus_names:
            candidate = pick(heads) + pick(middles) + pick(tails)
            if candidate not in genus_names.values():
                genus_names[g] = candidate
        name = f"{genus_names[g]} {pick(epithets)}"
        while name in used:
            name = f"{genus_names[g]} {pick(epithets)}" if len(used) < 400 else name + "a"
        used.add(name)
        names.append(name)
    return tuple(names)


def express_genes(genomes: Tensor) -> dict[str, Tensor]:
    """The traits that the genes stand for, by name: each `(N,)` or, for colours, `(N, 3)`.

    Values outside [0, 1] are meaningful: they are the plants of a dissimilar world.
    """
    gene = {name: genomes[:, i] for i, name in enumerate(GENES)}
    petals = count_species_petals(genomes).float()
    white = torch.ones(3, device=genomes.device)
    hue, pale = gene["hue"], (gene["paleness"].clamp(0, 1) * 0.45)[:, None]
    outer = interpolate_colours(PETAL_COLOURS, hue) * (1 - pale) + white * pale
    throat = interpolate_colours(PETAL_COLOURS, hue + 0.5 * (gene["throat_hue"] - 0.5))
    ring_ratio = (gene["ring_petals"].clamp(0, 0.999) * 3).floor()  # half, same or double
    return {
        "petals": petals,
        "n1": 0.45 + 2.2 * gene["pinch"].clamp(0, 2).square() + 0.25 * gene["pinch"].clamp(0, 2),
        "n2": 0.5 + 1.6 * gene["fullness"].clamp(-0.2, 2),
        "n3": 0.5 + 1.6 * gene["sharpness"].clamp(-0.2, 2),
        "aspect": 0.82 + 0.36 * gene["aspect"],
        "spiral": (gene["spiral"] - 0.5) * 1.8,
        "ring": 0.30 + 0.38 * gene["ring_size"].clamp(0, 1.5),
        "ring_petals": torch.stack([(petals / 2).ceil().clamp(min=3), petals, 2 * petals]).gather(
            0, ring_ratio.long()[None]
        )[0],
        "ring_n": 0.5 + 1.8 * gene["ring_fullness"].clamp(0, 2),
        "disc": 0.10 + 0.20 * gene["disc_size"].clamp(0, 1.5),
        "grain": 0.15 + 0.5 * gene["disc_grain"].clamp(0, 1),
        "outer": outer,
        "throat": throat,
        "reach": 0.25 + 0.6 * gene["throat_reach"],
        "inner": interpolate_colours(PETAL_COLOURS, hue + 0.7 * (gene["ring_hue"] - 0.5)) * 0.94,
        "disc_colour": interpolate_colours(DISC_COLOURS, gene["disc_hue"]),
        "pattern": (gene["pattern"].clamp(0, 0.999) * len(PATTERNS)).floor().long(),
        "pitch": 1.6 + 2.6 * gene["pattern_pitch"].clamp(0, 2),
        "depth": 0.15 + 0.45 * gene["pattern_depth"].clamp(0, 1),
        "edge": 0.35 * gene["edge"].clamp(0, 1),
        "size": 0.86 + 0.28 * gene["size"].clamp(0, 1),
    }


def vary_genomes(genomes: Tensor, image_keys: Tensor, variation: float, stream: int) -> Tensor:
    """Individuals of species: every gene varies but the discrete ones.

    Args:
        genomes: Of the species, `(N, G)`.
        image_keys: `(N,)`, from `derive_random_keys`.
        variation: The deviation of a gene.
        stream: Of random numbers.

    Returns:
        Genomes `(N, G)`.
    """
    varied = genomes + variation * random_normal(image_keys, len(GENES), stream)
    for name in DISCRETE_GENES:
        varied[:, GENE_INDEX[name]] = genomes[:, GENE_INDEX[name]]
    return varied
