"""The explorer's JavaScript under plain node: its unit tests, and that it agrees with Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from activecl_nb.pictures import explorer
from activecl_nb.pictures.explorer import ViewModel, filters, script, sending, wording

HERE = Path(__file__).parent
MODULES = Path(explorer.__file__).parent / "js"
sys.path.insert(0, str(HERE.parent / "browser"))
import stand_ins  # noqa: E402

node = pytest.mark.skipif(
    shutil.which("node") is None, reason="node is not installed; .ci/run brings it"
)


def run_node(*words: str, text: str = "") -> str:
    done = subprocess.run(["node", *words], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def ask(body: str, sent: object = None) -> object:
    """What this piece of JavaScript returns, with all modules at hand and ``sent`` unpacked."""
    imports = "".join(
        f'import * as {path.stem} from "{path.as_uri()}";\n'
        for path in sorted(MODULES.glob("*.mjs"))
    )
    code = (
        f"{imports}import {{ readFileSync }} from 'node:fs';\n"
        "const sent = main.default.unpack(readFileSync(0, 'utf8'));\n"
        f"const result = (() => {{ {body} }})();\nconsole.log(JSON.stringify(result));"
    )
    words = ("--input-type=module", "--eval", code)
    return json.loads(run_node(*words, text=json.dumps(sent, default=sending.packed)))


@pytest.fixture(scope="module")
def view() -> ViewModel:
    made = stand_ins.everything(400, rounds=4, budget=20)
    return ViewModel(made.runs, made.data, made.map)


@pytest.fixture(scope="module")
def sent(view) -> dict:
    return {"fixed": sending.fixed(view), "runs": sending.rounds_so_far(view)}


@node
@pytest.mark.parametrize("file", sorted(p.name for p in (HERE / "js").glob("*.test.mjs")))
def test_unit_tests_in_javascript(file):
    told = run_node("--test", "--test-reporter=tap", str(HERE / "js" / file))
    assert int(re.search(r"# pass (\d+)", told).group(1)) >= 5


@node
def test_joined_it_is_one_module_in_which_no_name_stands_twice(tmp_path):
    whole = script.joined()
    assert not re.search(r"^import ", whole, flags=re.M)
    assert re.findall(r"^export .*", whole, flags=re.M) == [
        "export default { render, pageModel, unpack };"
    ]
    file = tmp_path / "joined.mjs"
    file.write_text(whole)
    run_node("--check", str(file))


def test_every_module_is_part_of_it_and_imports_only_what_it_says():
    whole = script.joined()
    for path in MODULES.glob("*.mjs"):
        source = path.read_text()
        assert source.splitlines()[0].startswith("// "), path  # says what it is for
        assert source.splitlines()[0] in whole, f"{path.name} is imported by no module"
        foreign = re.findall(r"^import .*", source, flags=re.M)
        assert all(re.match(r'import \{[^}]*\} from "\./[\w-]+\.mjs";', line) for line in foreign)
        for names, module in re.findall(
            r'^import \{([^}]*)\} from "\./([\w-]+\.mjs)"', source, re.M
        ):
            text = (MODULES / module).read_text()
            for name in names.split(","):
                assert re.search(rf"^export .*\b{name.strip()}\b", text, re.M), (path, name)


def test_modules_and_their_functions_are_short():
    for path in MODULES.glob("*.mjs"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 400, path
        assert max(map(len, lines)) <= 140, path
        starts = [
            i for i, line in enumerate(lines)
            if re.match(r"(export )?(async )?function |  (async |get )?\w+\(.*\) \{$", line)
        ]  # fmt: skip
        for start in starts:
            indent = re.match(r" *", lines[start]).group()
            end = next(i for i in range(start, len(lines)) if lines[i] == f"{indent}}}")
            assert end - start < 60, f"{path.name}: {lines[start].strip()}"


@node
def test_shares_and_numbers_are_written_alike_everywhere():
    whole = [(part, of) for of in range(45) for part in range(of + 1)]
    draw = np.random.default_rng(0)
    numbers = [0.125, 0.375, 2.5, -0.125, 0.005, 1.005, *draw.normal(size=400).tolist()]
    told = ask(
        "return [sent.shares.map(([a, b]) => numbers.percent(a, b)),"
        " [0, 1, 2, 3].map((k) => sent.numbers.map((x) => numbers.digits(x, k)))];",
        {"shares": whole, "numbers": numbers},
    )
    assert told[0] == [wording.percent(part, of) for part, of in whole]
    assert told[1] == [[wording.digits(x, places) for x in numbers] for places in range(4)]


FILTERS = [
    {},
    {"only": {"class": [8]}},
    {"only": {"class": [7, 8], "artefact": [1]}},
    {"by": "entropy"},
    {"by": "none"},
    {"by": "any", "rounds": [2, 3]},
    {"rounds": [1, 1], "only": {"centre": [0]}},
    {"by": "kcenter", "rounds": [0, 2]},
]


@node
def test_filters_let_the_same_patches_through(view, sent):
    told = ask(
        "const held = new patches.Patches(sent.fixed);"
        "const runs = new patches.Runs(sent.runs, held.n);"
        "return sent.filters.map((f) => Array.from(filters.shownBy(f, held, runs, 1, 2)));",
        sent | {"filters": FILTERS},
    )
    for filter, shown in zip(FILTERS, told, strict=True):
        assert np.array_equal(shown, filters.shown(view, filter, 1, 2)), filter


@node
def test_a_score_range_lets_the_same_patches_through_but_for_rounding(view, sent):
    for score, low, high, step in (
        ("probability", 0.3, 0.7, 0.006),
        ("entropy", 0.5, None, 0.01),
        ("distance", None, 3.0, 0.05),
        ("difficulty", 0.2, 0.8, 0.004),
    ):
        filter = {"score": score, "low": low, "high": high}
        told = ask(
            "const held = new patches.Patches(sent.fixed);"
            "const runs = new patches.Runs(sent.runs, held.n);"
            "return Array.from(filters.shownBy(sent.filter, held, runs, 1, 2));",
            sent | {"filter": filter},
        )
        shown = filters.shown(view, filters.checked(view, filter), 1, 2)
        assert 0 < shown.sum() < view.n
        values = view.values(score, 1, 2)[np.asarray(told, bool) != shown]
        bounds = np.array([x for x in (low, high) if x is not None])
        assert (np.abs(values[:, None] - bounds).min(axis=1) <= step).all()


@node
def test_picks_differences_and_selections_are_the_same(view, sent):
    box = [(-3.0, -4.0), (4.0, -4.0), (4.0, 3.0), (-3.0, 3.0)]
    strokes = [("add", [(2, 2), (8, 2), (8, 8), (2, 8)]), ("take", [(-1, -1), (1, -1), (1, 1)])]
    told = ask(
        "const held = new patches.Patches(sent.fixed);"
        "const runs = new patches.Runs(sent.runs, held.n);"
        "const found = [false, true].map((far) => difference.differenceOf(runs, 0, 1, 2, far));"
        "return { picks: runs.picks(1, 2), found, half: runs.nearestHalf(1, 2),"
        " inside: lasso.selectedRows(sent.box, sent.strokes, held.places) };",
        sent | {"box": box, "strokes": strokes},
    )
    assert told["picks"] == view.picks(1, 2).tolist()
    for so_far, groups in zip((False, True), told["found"], strict=True):
        found = view.difference(0, 1, 2, so_far)
        assert groups["onlyA"] == found.only_a.tolist()
        assert groups["both"] == found.both.tolist()
        assert groups["onlyB"] == found.only_b.tolist()
    assert told["half"] == sorted(view.nearest_half(1, 2).tolist())
    assert len(told["half"]) == 20  # as many as the round picks
    assert told["inside"] == filters.selected(view, box, strokes).tolist()
    assert len(told["inside"]) > 20


@node
def test_the_table_of_patches_is_the_same(view, sent):
    import io

    import pandas as pd

    rows = [0, 5, 77, 200]
    text = ask(
        "const held = new patches.Patches(sent.fixed);"
        "const runs = new patches.Runs(sent.runs, held.n);"
        "return csv.csvOf(sent.rows, held, runs, 2);",
        sent | {"rows": rows},
    )
    there = pd.read_csv(io.StringIO(text), keep_default_na=False, dtype=str)
    here = filters.table(view, np.array(rows), 2)
    assert list(there.columns) == list(here.columns)
    for name in here.columns:
        if str(here[name].dtype).startswith("float"):
            assert np.allclose(there[name].astype(float), here[name], atol=0.06), name
        else:
            assert there[name].tolist() == ["" if pd.isna(x) else str(x) for x in here[name]], name
