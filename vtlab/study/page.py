"""The page a report is printed on: its frame, its look, its small parts.

Everything that comes in as text is escaped here, in one place; the names `markup` and `cells`
mark what is HTML already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from vtlab.plots import export, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CSS = """
:root { color-scheme: light; --ink: #1f2933; --quiet: #5f6b7a; --line: #e3e6ea; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); line-height: 1.6;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans",
  sans-serif; font-size: 1rem; -webkit-text-size-adjust: 100%; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1rem 4rem; }
p, li, dd, figcaption { max-width: 44rem; overflow-wrap: anywhere; }
.kicker { margin: 0 0 .6rem; color: var(--quiet); font-size: .9rem; letter-spacing: .02em; }
h1 { margin: 0 0 1rem; max-width: 50rem; font-size: clamp(1.25rem, 1rem + 1.2vw, 1.6rem);
  font-weight: 600; line-height: 1.35; letter-spacing: -.01em; text-wrap: pretty;
  overflow-wrap: anywhere; }
h2 { margin: 0 0 .8rem; font-size: 1.2rem; font-weight: 600; }
section { margin-top: 3rem; }
aside { margin: 1.8rem 0 0; padding: 1rem 1.2rem; border-left: 4px solid #d39b2a;
  background: #fdf8ec; }
aside h2 { margin-bottom: .3rem; font-size: 1rem; }
ul { margin: 0; padding-left: 1.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .94rem; }
th, td { padding: .5rem 1.5rem .5rem 0; border-bottom: 1px solid var(--line); text-align: right;
  vertical-align: baseline; white-space: nowrap; }
th:first-child { text-align: left; }
th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--quiet); font-size: .84rem; font-weight: 500; vertical-align: bottom;
  white-space: normal; min-width: 4.5rem; }
tbody th { font-weight: 500; }
tr.reference th, tr.reference td, .quiet { color: var(--quiet); font-weight: 400; }
.swatch { display: inline-block; width: .7rem; height: .7rem; margin-right: .55rem;
  border-radius: 2px; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
figure { margin: 1.2rem 0 0; }
figure img { display: block; max-width: 100%; height: auto; }
figcaption { margin-top: .7rem; color: var(--quiet); font-size: .9rem; }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .45rem 1.5rem;
  margin: 0; }
dt { color: var(--quiet); overflow-wrap: anywhere; }
dd { margin: 0; }
pre { margin: 0 0 1.4rem; padding: .8rem 1rem; background: #f4f5f7; border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .9rem; }
dl + ul, .scroll + dl { margin-top: 1.4rem; }
@media (max-width: 44rem) {
  main { padding-top: 1.6rem; }
  section { margin-top: 2.2rem; }
  figure .scroll img { max-width: none; }
  figure .scroll picture img { max-width: 100%; }
  dl { grid-template-columns: 1fr; gap: .1rem; }
  dd { margin-bottom: .7rem; }
}
@media print {
  @page { margin: 16mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  section { margin-top: 1.6rem; }
  figure, tr, aside, dl > * { break-inside: avoid; }
  h2 { break-after: avoid; }
  .scroll { overflow: visible; }
  figure .scroll img { max-width: 100%; max-height: 218mm; width: auto; }
  table { font-size: 8.5pt; }
}
"""


def frame(title: str, parts: Iterable[str]) -> str:
    """A whole HTML page of these parts, which may load nothing from anywhere.

    Args:
        title: Text, for the window.
        parts: Markup, in order.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>{CSS}</style>
</head>
<body>
<main>
{chr(10).join(part for part in parts if part)}
</main>
</body>
</html>
"""


def section(title: str, *markup: str) -> str:
    """A part of the page under a heading; nothing where there is nothing to say."""
    inside = "\n".join(part for part in markup if part)
    return f"<section>\n<h2>{escape(title)}</h2>\n{inside}\n</section>" if inside else ""


def paragraph(words: str) -> str:
    """A paragraph of text; nothing for no words."""
    return f"<p>{escape(words)}</p>" if words else ""


def bullets(sentences: Sequence[str]) -> str:
    """A list of sentences."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def pairs(values: Mapping[str, object]) -> str:
    """Terms and what they are."""
    items = "".join(
        f"<dt>{escape(str(k))}</dt><dd>{escape(str(v))}</dd>" for k, v in values.items()
    )
    return f"<dl>{items}</dl>" if items else ""


def command(line: str) -> str:
    """Something to type."""
    return f"<pre><code>{escape(line)}</code></pre>" if line else ""


def picture(
    figure: Figure,
    alt: str,
    caption: str = "",
    *,
    narrow: Figure | None = None,
    photographs: bool = False,
) -> str:
    """A figure with its text for those who cannot see it.

    Args:
        figure: What is shown.
        alt: What it says, in words.
        caption: Text below it.
        narrow: What phones show instead; without it they scroll sideways.
        photographs: Whether most of it is pictures.
    """
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    image = (
        f"<img src='{export.data_uri(figure, photographs=photographs)}' {_size(figure)} "
        f"alt='{escape(alt)}'>"
    )
    if narrow is not None:
        image = (
            f"<picture><source media='(max-width: 44rem)' {_size(narrow)} "
            f"srcset='{export.data_uri(narrow)}'>{image}</picture>"
        )
    return f"<figure><div class='scroll'>{image}</div>{below}</figure>"


def _size(figure: Figure) -> str:
    """In pixels of the page."""
    width, height = (round(inches * style.DPI) for inches in figure.get_size_inches())
    return f"width='{width}' height='{height}'"


def grid(columns: Sequence[str], rows: Iterable[str]) -> str:
    """A table: the columns' names, and rows from `row`."""
    head = "".join(f"<th scope='col'>{escape(column)}</th>" for column in columns)
    return (
        f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>"
        + "\n".join(rows)
        + "</tbody></table></div>"
    )


def row(name: str, cells: Sequence[str], *, colour: str = "", reference: bool = False) -> str:
    """A table's row.

    Args:
        name: Text of its head.
        cells: Markup, one for each further column.
        colour: Of a square before the name.
        reference: Greyed, for what was not trained.
    """
    swatch = f"<span class='swatch' style='background:{escape(colour)}'></span>" if colour else ""
    inside = "".join(f"<td>{cell}</td>" for cell in cells)
    kind = " class='reference'" if reference else ""
    return f"<tr{kind}><th scope='row'>{swatch}{escape(name)}</th>{inside}</tr>"
