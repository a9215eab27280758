"""The house in figures: `python tests/house.py` prints wings by floor, their imports, and sizes of files.

`lint-imports` holds the same graph to the contracts in pyproject.toml.
"""

from __future__ import annotations

import ast
import io
import tokenize
from graphlib import TopologicalSorter
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "vtlab"


def wings() -> dict[str, set[str]]:
    """Each wing (and the command) with the wings that its files import."""
    graph = grimp.build_graph("vtlab", exclude_type_checking_imports=True, cache_dir=None)
    found: dict[str, set[str]] = {
        wing.split(".")[1]: set() for wing in graph.find_children("vtlab")
    }
    for module in graph.modules - {"vtlab"}:
        wing = module.split(".")[1]
        others = {
            m.split(".")[1] for m in graph.find_modules_directly_imported_by(module) if "." in m
        }
        found[wing] |= others - {wing}
    return found


def floors(needs: dict[str, set[str]]) -> list[set[str]]:
    """Wings from the ground up: each as low as its imports allow; `graphlib.CycleError` for a circle."""
    order: list[set[str]] = []
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    while sorter:
        order.append(set(sorter.get_ready()))
        sorter.done(*order[-1])
    return order


def lines_of_code(path: Path) -> int:
    """Lines without docstrings, comments and blank ones."""
    source = path.read_text(encoding="utf-8")
    documented: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            documented |= {*range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
    empty = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    full: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in empty | {tokenize.ENDMARKER}:
            full |= {*range(token.start[0], token.end[0] + 1)}
    return len(full - documented)


def main() -> None:
    """Print it."""
    needs = wings()
    for number, floor in reversed([*enumerate(floors(needs), 1)]):
        for wing in sorted(floor):
            files = [*(PACKAGE / wing).rglob("*.py")] or [PACKAGE / f"{wing}.py"]
            code = sum(map(lines_of_code, files))
            below = " ".join(sorted(needs[wing])) or "nothing"
            print(
                f"{number}  {wing:9} {len(files):3} files {code:5} lines of code; imports {below}"
            )
    for folder in ("vtlab", "data/make", "lessons/tools", "tests"):
        files = sorted((ROOT / folder).rglob("*.py"))
        sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
        print(
            f"{folder}: {len(files)} files, {sum(map(lines_of_code, files))} lines of code, "
            f"{sum(size > 400 for size in sizes.values())} files of more than 400 lines, the longest "
            f"{max(sizes, key=lambda path: sizes[path]).relative_to(ROOT)} ({max(sizes.values())})"
        )


if __name__ == "__main__":
    main()
