"""Count the claims that hold with other seeds: `python lessons/tools/reseed.py [NN …] [--seeds 10]`.

Runs each lesson in fresh kernels with the environment variable VTLAB_SEED, which `vt.begin` takes in
place of the lesson's parameter `seed`, at 0, 1, …, counts the claims that held, and keeps the table in
`data/results/reseeds.csv`, a row per lesson and seed.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from build import (
    LESSONS_FOLDER,
    lesson_notebook_path,
    read_lesson_mirror,
    run_notebook,
    select_lesson_mirrors,
)
from lint import CLAIM_CALL, lint_cell_tags

from vtlab.system.files import write_text

if TYPE_CHECKING:
    import nbformat

TABLE_FILE = LESSONS_FOLDER.parent / "data" / "results" / "reseeds.csv"
COLUMNS = ["lesson", "seed", "claims", "held", "failed"]


def _count_claims(notebook: nbformat.NotebookNode) -> dict[str, object]:
    """Claims made and held in a notebook that was run, and what went wrong otherwise."""
    made, held, failed = 0, 0, []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        made += len(CLAIM_CALL.findall(cell.source))
        for output in cell.outputs:
            held += len(re.findall("^✓ ", output.get("text", ""), re.M))
            if output.output_type == "error" and "raises-exception" not in lint_cell_tags(cell):
                failed.append(output.evalue.removeprefix("not so: "))
    return {"claims": made, "held": held, "failed": "; ".join(failed)}


def reseed_lesson(mirror: Path, seed: int) -> dict[str, object]:
    """Run a lesson with that seed, to its end also where a claim fails; a row of the table."""
    notebook = run_notebook(
        read_lesson_mirror(mirror),
        lesson_notebook_path(mirror).parent,
        environment={"VTLAB_SEED": str(seed)},
        allow_errors=True,
    )
    return {"lesson": mirror.stem, "seed": seed, **_count_claims(notebook)}


def store_reseeds(rows: list[dict[str, object]], path: Path = TABLE_FILE) -> pd.DataFrame:
    """Put rows into the stored table, in place of those of the same lesson and seed."""
    new = pd.DataFrame(rows, columns=COLUMNS)
    old = pd.read_csv(path, keep_default_na=False) if path.exists() else new[:0]
    both = pd.concat([old, new]).drop_duplicates(["lesson", "seed"], keep="last")
    both = both.sort_values(["lesson", "seed"])
    write_text(path, both.to_csv(index=False))
    return both


def main(arguments: list[str] | None = None) -> int:
    """Reseed the lessons named by number, or all; 1 if a claim failed."""
    parser = argparse.ArgumentParser(prog="python lessons/tools/reseed.py", description=__doc__)
    parser.add_argument("numbers", nargs="*", metavar="NN", help="such as 04 (default: all)")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args(arguments)
    mirrors = select_lesson_mirrors(given.numbers)
    if not mirrors:
        return 2
    all_held = True
    for mirror in mirrors:
        for seed in range(given.first, given.first + given.seeds):
            row = reseed_lesson(mirror, seed)
            store_reseeds([row])
            all_held &= row["held"] == row["claims"]
            print(
                f"{row['lesson']} seed {seed}: {row['held']} of {row['claims']} claims held "
                f"{row['failed']}".rstrip(),
                flush=True,
            )
    return int(not all_held)


if __name__ == "__main__":
    raise SystemExit(main())
