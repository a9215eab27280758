"""Check notebooks by rules: what a lesson must be, and what nbval would let pass.

A rule is a function of a `LintedLesson` that yields `(cell number or None, sentence)`. `RULES` holds
them all by name; each has a planted fault in the tests.
"""

from __future__ import annotations

import base64
import configparser
import copy
import io
import itertools
import re
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import nbformat

SECTIONS = (
    "You will",
    "The question",
    "Look",
    "Predict",
    "By hand, once",
    "With vtlab",
    "Explore",
    "Look inside",
    "What we saw",
    "Caveats",
    "Exercises",
    "In short",
    "References",
)
KNOWN_TAGS = {"nbval-ignore-output", "parameters", "raises-exception", "solution"}
MAX_NOTEBOOK_BYTES = 1_250_000
CLAIM_CALL = re.compile(r"^\s*vt\.claim\(", re.M)  # not one that is commented out
COMPARED_TYPES = ("text/", "application/json", "image/svg")  # kinds of data that nbval compares
Finding = tuple[int | None, str]


def _read_sanitized_pattern() -> re.Pattern[str]:
    """What nbval is told to leave out of its comparison."""
    settings = configparser.RawConfigParser()
    settings.read(Path(__file__).with_name("nbval.cfg"), encoding="utf-8")
    return re.compile(settings["numbers of a claim"]["regex"])


SANITIZED = _read_sanitized_pattern()


@dataclass(frozen=True, eq=False)
class LintedLesson:
    """A notebook, its mirror as a notebook, and whether it is one of the solutions."""

    notebook: nbformat.NotebookNode
    mirror: nbformat.NotebookNode
    solution: bool = False

    @cached_property
    def numbered_cells(self) -> list[tuple[int, nbformat.NotebookNode]]:
        """Cells with their numbers."""
        return list(enumerate(self.notebook.cells))

    @cached_property
    def code_cells(self) -> list[tuple[int, nbformat.NotebookNode]]:
        """Code cells with their numbers."""
        return [(i, cell) for i, cell in self.numbered_cells if cell.cell_type == "code"]

    @cached_property
    def compared_texts(self) -> list[tuple[int, str]]:
        """What nbval compares: cell number and text of each stored text output."""
        found = []
        for i, cell in self.code_cells:
            if "nbval-ignore-output" in lint_cell_tags(cell):
                continue
            texts = [text for output in cell.outputs for text in _output_texts(output)]
            found += [(i, SANITIZED.sub("", text)) for text in texts]
        return found


def lint_cell_tags(cell: nbformat.NotebookNode) -> list[str]:
    """A cell's tags."""
    return cell.metadata.get("tags", [])


def _output_texts(output: nbformat.NotebookNode) -> list[str]:
    """All of an output that nbval compares as text: not pictures, widget views or tracebacks."""
    parts = [
        output.get("text", ""),
        output.get("evalue", ""),
        *(v for k, v in output.get("data", {}).items() if k.startswith(COMPARED_TYPES)),
    ]
    return [str(part) for part in parts if part]


def _code_lines(source: str) -> list[str]:
    """The lines of code that are not blank."""
    return [line for line in source.splitlines() if line.strip()]


RULES: dict[str, Callable[[LintedLesson], Iterator[Finding]]] = {}


def lint_rule(
    check: Callable[[LintedLesson], Iterator[Finding]],
) -> Callable[[LintedLesson], Iterator[Finding]]:
    """Register a rule by its function's name."""
    RULES[check.__name__] = check
    return check


@lint_rule
def mirror_equals_notebook(lesson: LintedLesson) -> Iterator[Finding]:
    """Source, kind and tags are the same, cell by cell."""

    def shape(notebook: nbformat.NotebookNode) -> list:
        return [(c.cell_type, c.source, sorted(lint_cell_tags(c))) for c in notebook.cells]

    ours, theirs = shape(lesson.notebook), shape(lesson.mirror)
    if len(ours) != len(theirs):
        yield None, f"{len(ours)} cells, {len(theirs)} in the mirror: build it again"
    for i, pair in enumerate(zip(ours, theirs, strict=False)):
        if pair[0] != pair[1]:
            yield i, "differs from the mirror: build it again"


@lint_rule
def title_is_a_question(lesson: LintedLesson) -> Iterator[Finding]:
    """The first cell is `# NN · …?`."""
    first = lesson.notebook.cells[0].source.split("\n")[0]
    if not re.fullmatch(r"# \d\d · .+\?", first):
        yield 0, f"the title {first!r} is not '# NN · a question?'"


@lint_rule
def sections_are_complete(lesson: LintedLesson) -> Iterator[Finding]:
    """The sections are those of a lesson, in order."""
    if lesson.solution:
        return
    found = [
        m
        for _, c in lesson.numbered_cells
        if c.cell_type == "markdown"
        for m in re.findall(r"^## (.+)$", c.source, re.M)
    ]
    if tuple(found) != SECTIONS:
        odd = next((a for a in SECTIONS if a not in found), "their order")
        yield None, f"sections are not a lesson's: look at {odd!r}"


@lint_rule
def cells_are_short(lesson: LintedLesson) -> Iterator[Finding]:
    """Median at most 4 lines, nine in ten at most 10, none over 15."""
    counts = sorted(len(_code_lines(c.source)) for _, c in lesson.code_cells)
    if not counts:
        return
    if statistics.median(counts) > 4 or counts[int(0.9 * (len(counts) - 1))] > 10:
        yield None, "code cells are too long on the whole"
    for i, cell in lesson.code_cells:
        if len(_code_lines(cell.source)) > 15:
            yield i, "over 15 lines"


@lint_rule
def prose_explains_code(lesson: LintedLesson) -> Iterator[Finding]:
    """12 to 25 words of prose per line of code."""
    if lesson.solution:
        return
    words = sum(
        len(c.source.split()) for _, c in lesson.numbered_cells if c.cell_type == "markdown"
    )
    ratio = words / max(1, sum(len(_code_lines(c.source)) for _, c in lesson.code_cells))
    if not 12 <= ratio <= 25:
        yield None, f"{ratio:.0f} words per line of code; 12 to 25 are right"


@lint_rule
def no_accidental_lists(lesson: LintedLesson) -> Iterator[Finding]:
    """No line inside a paragraph begins like a list, a heading or a quotation: it would become one."""
    item = r"(?:[-+*]|\d+[.)]|#+|>)\s"
    for i, cell in lesson.numbered_cells:
        if cell.cell_type != "markdown":
            continue
        for above, line in itertools.pairwise(cell.source.split("\n")):
            amid = above.strip() and not above.startswith(" ") and not re.match(item, above)
            if amid and re.match(item, line):
                yield i, f"{line[:20]!r} would begin a list, a heading or a quotation"


@lint_rule
def no_forbidden_code(lesson: LintedLesson) -> Iterator[Finding]:
    """No plotting code, magics, trailing semicolons, Output, interact, Styler, warnings."""
    banned = (
        r"\bplt\.",
        r"pyplot",
        r"^\s*(?:\w+\s*=\s*)?[%!]",
        r";\s*(?:#.*)?$",
        r"\b(?:Output|interact)\(",
        r"\.style\b",
        r"\bpip\b",
        r"\bwarnings\b",
    )
    for i, cell in lesson.code_cells:
        for pattern in banned:
            if found := re.search(pattern, cell.source, re.M):
                yield i, f"{found[0].strip()!r} has no place in a lesson"


@lint_rule
def tags_are_known(lesson: LintedLesson) -> Iterator[Finding]:
    """A misspelt tag is silently ignored by nbval, and so is a comment with a note."""
    for i, cell in lesson.numbered_cells:
        for tag in set(lint_cell_tags(cell)) - KNOWN_TAGS:
            yield i, f"unknown tag {tag!r}"
        if cell.cell_type == "code" and re.search("NBVAL|PYTEST_VALIDATE", cell.source):
            yield i, "nbval's marks are tags, not comments"


@lint_rule
def seed_is_a_parameter(lesson: LintedLesson) -> Iterator[Finding]:
    """One cell before `vt.begin` sets the seed (papermill's tag), and whatever takes a seed takes that one."""
    if lesson.solution:
        return
    tagged = [i for i, cell in lesson.numbered_cells if "parameters" in lint_cell_tags(cell)]
    begun = [
        i for i, c in lesson.code_cells if re.search(r"^seed = vt\.begin\(seed\)$", c.source, re.M)
    ]
    if len(tagged) != 1 or len(begun) != 1 or tagged[0] > begun[0]:
        yield (
            None,
            "one cell tagged 'parameters' stands before the one with 'seed = vt.begin(seed)'",
        )
    elif not re.match(r"seed = 0\b", lesson.notebook.cells[tagged[0]].source):
        yield tagged[0], "the cell tagged 'parameters' is 'seed = 0'"
    for i, cell in lesson.code_cells:
        if found := re.search(r"\bseed=\d+|VTLAB_SEED|\bfor seed\b", cell.source):
            yield i, f"{found[0]!r} leaves the lesson's own seed"


@lint_rule
def every_cell_was_run(lesson: LintedLesson) -> Iterator[Finding]:
    """Counts are 1..n: nbval compares nothing of a cell that was never run."""
    counts = [cell.execution_count for _, cell in lesson.code_cells]
    if counts != list(range(1, len(counts) + 1)):
        yield None, f"execution counts are {counts[:4]}…: build it again"
    for i, cell in lesson.code_cells:
        if any(
            o.get("execution_count", cell.execution_count) != cell.execution_count
            for o in cell.outputs
        ):
            yield i, "its output has another number than itself: build it again"


@lint_rule
def nothing_on_stderr(lesson: LintedLesson) -> Iterator[Finding]:
    """No stored warning or bar."""
    for i, cell in lesson.code_cells:
        if any(o.get("name") == "stderr" for o in cell.outputs):
            yield i, "stderr is stored"


@lint_rule
def errors_are_announced(lesson: LintedLesson) -> Iterator[Finding]:
    """A stored error and the tag raises-exception go together."""
    for i, cell in lesson.code_cells:
        failed = any(o.output_type == "error" for o in cell.outputs)
        if failed != ("raises-exception" in lint_cell_tags(cell)):
            yield i, "an error without its tag, or the tag without an error"
        elif failed and "nbval-ignore-output" in lint_cell_tags(cell):
            yield i, "an error whose text is ignored may vanish unseen"


@lint_rule
def stored_text_is_portable(lesson: LintedLesson) -> Iterator[Finding]:
    """No path, address, warning, progress bar or time in any stored text."""
    patterns = {
        "a path": r"/home/|/tmp/|/root/|/Users/|[A-Z]:\\|site-packages"
        r"|(?<![\w.:/])/(?:[\w.-]+/){2,}",
        "an address": r"\b0x[0-9a-f]{6,}",
        "a warning": r"Warning\b",
        "a progress bar": r"[\d?] ?(?:it/s|s/it)\b|\d%\|",
        "a time": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d|\b\d\d:\d\d:\d\d\b",
    }
    for i, cell in lesson.code_cells:
        text = "\n".join(
            t for o in cell.outputs for t in [*_output_texts(o), *o.get("traceback", [])]
        )
        for name, pattern in patterns.items():
            if re.search(pattern, text):
                yield i, f"{name} is stored"


@lint_rule
def compared_digits_are_portable(lesson: LintedLesson) -> Iterator[Finding]:
    """Five and more decimals differ between machines."""
    for i, text in lesson.compared_texts:
        if re.search(r"\d\.\d{5,}", text):
            yield i, "more decimals than two machines agree on"


@lint_rule
def no_widget_state(lesson: LintedLesson) -> Iterator[Finding]:
    """Stored widget state breaks pages that show notebooks."""
    if "widgets" in lesson.notebook.metadata:
        yield None, "widget state is stored"


@lint_rule
def claims_are_made_and_compared(lesson: LintedLesson) -> Iterator[Finding]:
    """Two claims at least, none with its output ignored."""
    if lesson.solution:
        return
    claims = [(i, c) for i, c in lesson.code_cells if CLAIM_CALL.search(c.source)]
    if sum(len(CLAIM_CALL.findall(c.source)) for _, c in claims) < 2:
        yield None, "a lesson makes two claims or more"
    for i, cell in claims:
        if "nbval-ignore-output" in lint_cell_tags(cell):
            yield i, "a claim's output must be compared"


@lint_rule
def something_is_compared(lesson: LintedLesson) -> Iterator[Finding]:
    """A notebook without stored text passes nbval whatever it does."""
    if not lesson.compared_texts:
        yield None, "no stored output is compared"


@lint_rule
def pictures_can_be_read(lesson: LintedLesson) -> Iterator[Finding]:
    """Stored pictures can be read: nbval never looks at them."""
    from PIL import Image

    for i, cell in lesson.code_cells:
        data = [o.get("data", {}) for o in cell.outputs]
        for picture in (d["image/png"] for d in data if "image/png" in d):
            try:
                Image.open(io.BytesIO(base64.b64decode(picture))).load()
            except (OSError, ValueError, SyntaxError):
                yield i, "a stored picture cannot be read"


@lint_rule
def notebook_is_small(lesson: LintedLesson) -> Iterator[Finding]:
    """No larger than `MAX_NOTEBOOK_BYTES`."""
    if len(nbformat.writes(lesson.notebook).encode()) > MAX_NOTEBOOK_BYTES:
        yield None, f"larger than {MAX_NOTEBOOK_BYTES // 1000} kB"


def lint(lesson: LintedLesson) -> list[str]:
    """All findings as sentences, empty for a good lesson."""
    return [
        f"{name}{'' if i is None else f' (cell {i})'}: {sentence}"
        for name, check in RULES.items()
        for i, sentence in check(lesson)
    ]


def tamper_with_cell(notebook: nbformat.NotebookNode, cell: int) -> nbformat.NotebookNode:
    """A copy in which one compared text of a cell is another: nbval must fail on it.

    Raises:
        ValueError: If nothing of that cell is compared.
    """
    if cell not in {i for i, _ in LintedLesson(notebook, notebook).compared_texts}:
        raise ValueError(f"nothing of cell {cell} is compared")
    changed = copy.deepcopy(notebook)
    output = next(o for o in changed.cells[cell].outputs if _output_texts(o))
    if "data" in output:
        kind = next(k for k in output.data if k.startswith(COMPARED_TYPES))
        output.data[kind] = f"tampered {output.data[kind]}"
    else:
        field = "text" if "text" in output else "evalue"
        output[field] = f"tampered {output[field]}"
    return changed
