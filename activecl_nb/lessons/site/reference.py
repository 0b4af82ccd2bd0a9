"""The package's docstrings as pages, read from its source: nothing is imported for them."""

from __future__ import annotations

import ast
import html
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
Definition = ast.FunctionDef | ast.ClassDef


def pages() -> Iterator[tuple[str, str, str]]:
    """(url, title, HTML) of each step and wing of the package, and of the list of them all."""
    listed = []
    for name, paths in _rooms():
        url = f"reference/{name}.html"
        modules = [_module(path, alone=len(paths) == 1) for path in paths]
        if not any(modules):
            continue
        first = (ast.get_docstring(ast.parse(paths[0].read_text("utf-8"))) or "").split("\n")[0]
        listed.append(f'<li><a href="{name}.html">{name}</a> {html.escape(first)}</li>')
        yield url, f"Reference: {name}", f"<h1>activecl_nb.{name}</h1>{''.join(modules)}"
    yield "reference/index.html", "Reference", f"<h1>Reference</h1><ul>{''.join(listed)}</ul>"


def _rooms() -> Iterator[tuple[str, list[Path]]]:
    """The files of the top level and the wings, each with its Python files."""
    for path in sorted(PACKAGE.iterdir()):
        if path.suffix == ".py" and not path.name.startswith("_"):
            yield path.stem, [path]
        elif (path / "__init__.py").is_file():
            yield path.name, sorted(path.rglob("*.py"), key=lambda p: (len(p.parts), p))


def _module(path: Path, *, alone: bool) -> str:
    """A file's docstrings. alone: whether it has the page for itself, whose title is its name."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    public = [n for n in tree.body if isinstance(n, Definition) and not n.name.startswith("_")]
    said = ast.get_docstring(tree)
    if not public and not said:
        return ""
    dotted = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    dotted = dotted.removesuffix(".__init__")
    parts = "".join(_entry(node, dotted, 2 if alone else 3) for node in public)
    head = "" if alone else f'<h2 id="{dotted}">{dotted}</h2>'
    return f"<section>{head}{_said(said)}{parts}</section>"


def _entry(node: Definition, dotted: str, level: int) -> str:
    """level: of its heading; a method's is one deeper."""
    words = f"<code>{html.escape(_signature(node))}</code>"
    head = f'<h{level} id="{dotted}.{node.name}">{words}</h{level}>'
    inner = ""
    if isinstance(node, ast.ClassDef):
        inner = "".join(
            f"<h{level + 1}><code>{html.escape(_signature(one))}</code></h{level + 1}>"
            f"{_said(ast.get_docstring(one))}"
            for one in node.body
            if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")
        )
    return f"{head}{_said(ast.get_docstring(node))}{inner}"


def _signature(node: Definition) -> str:
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}"
    gives = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(node.args)}){gives}"


def _said(text: str | None) -> str:
    return f'<pre class="said" tabindex="0">{html.escape(text)}</pre>' if text else ""
