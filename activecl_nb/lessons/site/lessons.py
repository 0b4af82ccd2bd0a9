"""A notebook as a page: answers to predictions folded, solutions as they are, formulas drawn."""

from __future__ import annotations

import base64
import copy
import html
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from activecl_nb import files
from activecl_nb.lessons import predictions
from activecl_nb.lessons.site import formulas, texts

PICTURE = re.compile(r'<img alt="([^"]*)"[^>]*src="data:image/png;base64,([^"]+)"')
ANCHOR = re.compile(r'(<h[1-6]\b[^>]*?\bid=")([^"]*)"')
WIDTH = 480  # pixels of a lesson's small picture
FOLDED = """{%- extends 'basic/index.html.j2' -%}
{%- block output_group -%}
{%- if cell.metadata.get('jupyter', {}).get('outputs_hidden') -%}
<details class="answer"><summary>the result, folded: predict first</summary>
{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{%- endblock output_group -%}
"""


@dataclass(frozen=True)
class Lesson:
    """A notebook that was read. name: of its file, without the ending."""

    name: str
    notebook: Any

    @property
    def title(self) -> str:
        found = re.search(r"^# +(.+)$", self.notebook.cells[0].source, re.M)
        return found[1] if found else self.name

    @property
    def minutes(self) -> str:
        """What the lesson says of its own length."""
        found = re.search(r"^Teaching: .*$", self.notebook.cells[0].source, re.M)
        return found[0] if found else ""

    @property
    def goal(self) -> str:
        """The first thing that it teaches to do, as it says itself; empty if it does not."""
        text = "\n".join(c.source for c in self.notebook.cells if c.cell_type == "markdown")
        found = re.search(r"What you will be able to do.*?^[-*] +(.+?)[;.]?$", text, re.M | re.S)
        return found[1] if found else ""

    @property
    def picture(self) -> tuple[str, bytes] | None:
        """(alt text, PNG) of the figure that stands for the lesson: of the cell with the tag
        "picture", or else the first."""
        cells = sorted(
            self.notebook.cells, key=lambda c: "picture" not in c.metadata.get("tags", [])
        )
        for cell in cells:
            for output in cell.get("outputs", []):
                found = PICTURE.search("".join(output.get("data", {}).get("text/html", "")))
                if found:
                    return html.unescape(found[1]), base64.b64decode(found[2])
        return None

    def save_picture(self, folder: Path) -> None:
        """The picture, small, as ``folder/NAME.png``; nothing where the lesson has none."""
        from PIL import Image

        if self.picture:
            with Image.open(io.BytesIO(self.picture[1])) as image:
                image = image.convert("RGB")
                image.thumbnail((WIDTH, 2 * WIDTH))
                with files.replacing(folder / f"{self.name}.png") as temporary:
                    image.quantize(64).save(temporary, "png", optimize=True)

    def body(self) -> str:
        """The page's HTML, without head and frame."""
        from jinja2 import DictLoader
        from nbconvert import HTMLExporter

        shown = copy.deepcopy(self.notebook)
        for cell in shown.cells:
            if cell.cell_type == "markdown":
                cell.source = formulas.drawn(cell.source)
            elif cell.outputs and cell.outputs[0].get("text", "").startswith(predictions.COVER):
                said = cell.outputs[0]  # here the fold has a line of its own
                said.text = said.text.removeprefix(predictions.COVER).lstrip("\n")
        exporter = HTMLExporter(
            template_name="basic",
            extra_loaders=[DictLoader({"folded.html.j2": FOLDED})],
            template_file="folded.html.j2",
            exclude_input_prompt=True,
            exclude_output_prompt=True,
        )
        body, _ = exporter.from_notebook_node(shown, {"metadata": {"name": self.name}})
        body = re.sub(r'<a class="anchor-link"[^>]*>.*?</a>', "", body)
        return texts.readable(ANCHOR.sub(_as_read, body))


def _as_read(heading: re.Match[str]) -> str:
    """nbconvert writes %25 for a percent sign in a heading's name, as a link to it must; a link
    is decoded before it is looked up, so that the name itself stands in plain signs."""
    return f'{heading[1]}{html.escape(unquote(html.unescape(heading[2])))}"'


def read(path: Path, stored: Path) -> Lesson:
    """The notebook at ``path``, or the stored one where there is none."""
    import nbformat

    return Lesson(stored.stem, nbformat.read(path if path.is_file() else stored, as_version=4))
