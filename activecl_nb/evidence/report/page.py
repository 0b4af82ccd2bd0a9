"""The page as files: HTML that needs no other file, Markdown with its figures beside it."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from activecl_nb import files
from activecl_nb.evidence import claims
from activecl_nb.evidence.analysis.gate import ON_PHANTOM, ON_REAL
from activecl_nb.evidence.claims import Line
from activecl_nb.evidence.report.content import Report, by_part, parts
from activecl_nb.evidence.report.first import cells
from activecl_nb.evidence.report.texts import filled, html, markdown, plain, texts
from activecl_nb.pictures.figures import Picture

PAGE, APPENDIX, FIGURES = "report", "report_appendix", "report_figures"
BEGIN, END = (
    "<!-- findings: written by python -m activecl_nb report -->",
    "<!-- end of findings -->",
)
MARKS = dict(zip(claims.VERDICTS, ("●", "◐", "○", "✕", "–"), strict=True))
HEADS = ("Claim", "Paper", "Ours, with interval", "On what", "Replicates", "Verdict")
ROW_HEADS = ("What was tried", "On which tissue", "By how much", "How sure")
MOST_LINES = 30  # of the ledger on the page; what is more goes to the appendix


@dataclass(frozen=True)
class Shown:
    """A line of the ledger as text; middle: (head, cell) of what stands between its ends."""

    anchor: str
    claim: str
    place: str
    grid: str
    notes: tuple[tuple[str, str], ...]
    middle: tuple[tuple[str, str], ...]
    verdict: str
    wanting: str
    untestable: str
    measured: str

    @property
    def in_cells(self) -> tuple[str, ...]:
        """The line in the cells of ``HEADS``, its place and measure beside the claim."""
        parts = [self.claim, self.untestable, f"({self.place})"]
        parts.append(f"Measured: {self.measured}." if self.measured else "")
        return (" ".join(filter(None, parts)), *(cell for _, cell in self.middle), self.wanting)


def shown(line: Line, report: Report) -> Shown:
    """What the page says of a line."""
    claim, found = line.claim, line.measured
    grid = claim.grids[0] if claim.grids else ""
    where = report.tissues.get(grid, "") if grid else "the paper's numbers"
    exact = claim.expect == "exactly" and claim.value is not None and not claim.untestable
    cells = (
        ("= " * exact + claims.printed(claim)) or "–",
        claims.ours(found) if found else "–",
        where if found else "–",
        claims.counted(found) if found is not None and found.needs else "–",
    )
    notes = []
    if claim.untestable:
        notes.append(("Why it cannot be decided", claim.untestable))
    if found is not None:
        notes.append(("Measured", found.how))
        if report.scored.get(claim.id):
            notes.append(("By three scores", report.scored[claim.id]))
        if np.isfinite(found.p):
            notes.append(("p", f"{found.p:.3g}, {line.p_holm:.3g} by Holm within its grid"))
    notes.append(("It would contradict", claim.contradict))
    return Shown(
        f"claim-{claim.id}",
        claim.claim,
        claim.place,
        grid,
        tuple(notes),
        tuple(zip(HEADS[1:-1], cells, strict=True)),
        line.verdict,
        claims.wanting(line),
        claim.untestable,
        found.how if found is not None else "",
    )


def _values(report: Report) -> dict[str, Any]:
    """What all templates know."""
    lines_by_part = {
        name: [shown(line, report) for line in lines] for name, lines in parts(report.lines).items()
    }
    heads = {name: {"name": name, **texts("parts")[name]} for name in lines_by_part}
    claims_left = lines_by_part["claims"][MOST_LINES:]
    rest = {
        "claims": claims_left,
        **{name: lines_by_part[name] for name in lines_by_part if name != "claims"},
    }
    rule = texts("rule")
    numbers = {
        "real": ON_REAL,
        "phantom": ON_PHANTOM,
        "fewest": claims.FEWEST,
        "fewest_median": claims.FEWEST_MEDIAN,
    }
    return {
        "report": report,
        "rows": cells(report.rows),
        "declared": cells(report.declared),
        "row_heads": ROW_HEADS,
        "heads": HEADS,
        "page": PAGE,
        "appendix": APPENDIX,
        "folder": Markup(FIGURES),
        "marks": MARKS,
        "by_part": by_part(report.lines),
        "glossary": texts("glossary"),
        "page_part": heads["claims"] if lines_by_part["claims"] else None,
        "page_lines": lines_by_part["claims"][:MOST_LINES],
        "appendix_parts": [(heads[name], lines) for name, lines in rest.items() if lines],
        "rule": {
            "head": rule["head"],
            "gate": filled(rule["gate"], **numbers),
            "verdicts": {n: filled(text, **numbers) for n, text in rule["verdicts"].items()},
        },
    }


def to_html(report: Report, images: Mapping[str, bytes]) -> str:
    """The page: one file, without script, light or dark as the reader's machine is."""
    encoded = {name: base64.b64encode(content).decode() for name, content in images.items()}
    return html().get_template("report.html").render(**_values(report), images=encoded)


def to_markdown(report: Report) -> str:
    """The page as Markdown, its figures in the folder ``FIGURES`` beside it."""
    return _markdown("report.md", report)


def _markdown(name: str, report: Report) -> str:
    text = markdown().get_template(name).render(**_values(report))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def write(report: Report, out: str | os.PathLike[str]) -> list[Path]:
    """Write the page and its appendix, as HTML and as Markdown; the page's HTML comes first."""
    out = files.expanded(out)
    sections = [*filter(None, [report.when]), *report.sections]
    pictures = [one for section in sections for one in section.files]
    if report.gains:
        pictures.append(("gains.webp", report.gains))
    images = {name: small(picture) for name, picture in pictures}
    values = _values(report)
    written = []
    contents: dict[str, str | bytes] = {
        f"{PAGE}.html": to_html(report, images),
        f"{PAGE}.md": to_markdown(report),
        f"{APPENDIX}.html": html().get_template("appendix.html").render(**values, images={}),
        f"{APPENDIX}.md": _markdown("appendix.md", report),
        **{f"{FIGURES}/{name}": image for name, image in images.items()},
    }
    for name, content in contents.items():
        files.write(out / name, content)
        written.append(out / name)
    ours = [one for kind in ("png", "webp") for one in (out / FIGURES).glob(f"grid-*.{kind}")]
    ours.append(out / FIGURES / "gains.png")
    for old in set(ours) - set(written):  # of a grid that is no more, or of an older kit
        old.unlink(missing_ok=True)
    return written


def small(picture: Picture) -> bytes:
    """The picture as a WebP of 64 colours, a fifth of a PNG's bytes."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(picture.png(dpi=100))) as image:
        few = image.convert("RGB").quantize(64, Image.Quantize.FASTOCTREE)
        few.save(buffer, "webp", lossless=True, quality=100, method=6)
    return buffer.getvalue()


def rows_table(report: Report) -> list[str]:
    """The rows of the first screen as a Markdown table; nothing where there are none."""
    if not report.rows:
        return []
    heads = ["| " + " | ".join(ROW_HEADS) + " |", "|" + " --- |" * len(ROW_HEADS)]
    return [*heads, *(f"| {' | '.join(map(plain, row))} |" for row in cells(report.rows))]


def findings(report: Report) -> str:
    """What README carries, as Markdown: the rows of the first screen, what they are of, and the
    picture of gains as ``write`` keeps it."""
    facts = dict(report.facts)
    profile = re.split("[,:]", facts.get("Profile", ""))[0]
    summary = f"Sizes: the kit's {profile} profile. Runs: {facts['Runs']}."
    page = (
        f"The paper's claims, {len(report.lines)} lines, are in [results/{PAGE}.md]"
        f"(results/{PAGE}.md) and [its appendix](results/{APPENDIX}.md)."
    )
    picture = []
    if report.gains:
        picture = ["", f"![{plain(report.gains.alt)}](results/{FIGURES}/gains.webp)"]
    return "\n".join([*rows_table(report), "", f"{plain(summary)} {page}", *picture])


def put_findings(report: Report, path: str | os.PathLike[str]) -> None:
    """Write the findings between their two marks in a Markdown file.

    ValueError: the file lacks the marks.
    """
    files.put_between(path, BEGIN, END, findings(report))
