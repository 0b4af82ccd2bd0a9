"""Which code a strategy is: every edit that may change its picks is seen, nothing else is."""

from __future__ import annotations

import importlib
import py_compile
import subprocess
import sys

import pytest

from activecl_nb import sampling
from activecl_nb.sampling import code, from_file

HEAD = """
import abc, array, collections, datetime, decimal, enum, fractions, functools, itertools
import operator, pathlib, random, re, threading, types
import numba, numpy as np, pandas as pd, torch

"""
MINE = "\ndef mine(features, logits, chosen_features, budget, generator):\n    return {}\n"


@pytest.fixture
def code_of(tmp_path, monkeypatch):
    """The code of the strategy ``mine`` in a file with this text, beside modules with theirs."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def of(text, **helpers):
        for name, content in helpers.items():
            (tmp_path / f"{name}.py").write_text(content)
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        (tmp_path / "mine.py").write_text(HEAD + text)
        return code.of(from_file(f"{tmp_path / 'mine.py'}:mine"))

    yield of
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def test_the_kit_s_own_strategies_are_known_by_their_names():
    assert {code.of(select) for select in sampling.STRATEGIES.values()} == {""}


THREE = """
def base(x, k): return x * k
class Scale:
    def __init__(self, k): self.k = k
    def go(self, x): return x * self.k
"""
HELPERS = {
    "default": "def {name}(x, k={k}): return x * k\n",
    "keyword default": "def {name}(x, *, k={k}): return x * k\n",
    "partial": "{name} = functools.partial(base, k={k})\n",
    "positional partial": "{name} = functools.partial(base, {k})\n",
    "bound method": "{name} = Scale({k}).go\n",
    "function attribute": "def {name}(x): return x * {name}.k\n{name}.k = {k}\n",
    "list": "{name} = [{k}]\n",
    "one of two objects": "{name} = A if {k} == 2 else B\n",
}


@pytest.mark.parametrize("kind", HELPERS)
def test_each_of_three_helpers_counts(code_of, kind):
    def text(*ks):
        made = [HELPERS[kind].format(name=f"h{i}", k=k) for i, k in enumerate(ks)]
        return THREE + "A, B = Scale(1), Scale(2)\n" + "".join(made) + MINE.format("h0, h1, h2")

    seen = {code_of(text(*ks)) for ks in [(1, 1, 1), (2, 1, 1), (1, 2, 1), (1, 1, 2)]}
    assert len(seen) == 4
    assert code_of(text(1, 1, 1)) in seen


VALUES = {
    "range": ("range(3)", "range(5)"),
    "slice": ("slice(0, 3)", "slice(1, 5)"),
    "deque": ("collections.deque([1, 2])", "collections.deque([2, 1])"),
    "counter": ("collections.Counter('aab')", "collections.Counter('abb')"),
    "defaultdict": ("collections.defaultdict(list, a=1)", "collections.defaultdict(list, a=2)"),
    "bytearray": ("bytearray(b'a')", "bytearray(b'b')"),
    "array": ("array.array('d', [1])", "array.array('d', [2])"),
    "decimal": ("decimal.Decimal('0.1')", "decimal.Decimal('0.9')"),
    "fraction": ("fractions.Fraction(1, 2)", "fractions.Fraction(1, 3)"),
    "date": ("datetime.date(2020, 1, 1)", "datetime.date(2021, 1, 1)"),
    "pattern": ("re.compile('a')", "re.compile('b')"),
    "itemgetter": ("operator.itemgetter(0)", "operator.itemgetter(1)"),
    "proxy": ("types.MappingProxyType({'a': 1})", "types.MappingProxyType({'a': 2})"),
    "namespace": ("types.SimpleNamespace(k=1)", "types.SimpleNamespace(k=2)"),
    "iterator": ("iter([1, 2])", "iter([3])"),
    "method in C": ("[1, 2].index", "[2, 1].index"),
    "function in C": ("max", "min"),
    "path": ("pathlib.Path('a')", "pathlib.Path('b')"),
    "random": ("random.Random(0)", "random.Random(1)"),
    "cached": ("functools.lru_cache(lambda x: x)", "functools.lru_cache(lambda x: x + 1)"),
    "numba": ("numba.njit(lambda x: x)", "numba.njit(lambda x: x + 1)"),
    "singledispatch": ("functools.singledispatch(lambda x: x)", "functools.singledispatch(abs)"),
    "partial's attribute": ("with_attribute(functools.partial(max), 1)",
                            "with_attribute(functools.partial(max), 2)"),
    "list's attribute": ("with_attribute(List(), 1)", "with_attribute(List(), 2)"),
    "private slot": ("Slot(1)", "Slot(2)"),
    "property": ("Computed(1)", "Computed(2)"),
    "member of an enum": ("Choice.A", "Choice.B"),
    "namedtuple": ("Pair(1)", "Pair(2)"),
    "numpy's dtype": ("np.dtype('f2')", "np.dtype('f8')"),
    "numpy's generator": ("np.random.default_rng(0)", "np.random.default_rng(1)"),
    "ufunc": ("np.add", "np.subtract"),
    "objects": ("np.array([List(), 1], object)", "np.array([List(), 2], object)"),
    "masked": ("np.ma.array([1, 2], mask=[0, 1])", "np.ma.array([1, 2], mask=[1, 0])"),
    "frame": ("pd.DataFrame({'a': [1, 2]})", "pd.DataFrame({'a': [1, 3]})"),
    "series": ("pd.Series([1, 2])", "pd.Series([1, 3])"),
    "torch's dtype": ("torch.float16", "torch.float64"),
    "device": ("torch.device('cpu')", "torch.device('meta')"),
    "bfloat16": ("torch.ones(3).bfloat16()", "torch.zeros(3).bfloat16()"),
    "number": ("torch.tensor(1.0)", "torch.tensor(2.0)"),
    "conjugate": ("torch.tensor([1j]).conj()", "torch.tensor([1j])"),
    "sparse": ("torch.eye(2).to_sparse()", "(torch.eye(2) * 2).to_sparse()"),
    "parameter": ("torch.nn.Parameter(torch.ones(2))", "torch.nn.Parameter(torch.zeros(2))"),
    "module": ("torch.nn.Dropout(0.1)", "torch.nn.Dropout(0.2)"),
    "wrapped by torch": ("torch.no_grad()(lambda: 1)", "torch.no_grad()(lambda: 2)"),
}  # fmt: skip
CLASSES = """
class List(list): pass
class Slot:
    __slots__ = ("__k",)
    def __init__(self, k): self.__k = k
class Computed(abc.ABC):
    def __init__(self, k): self._k = k
    k = property(lambda self: self._k)
    @functools.cached_property
    def twice(self): return 2 * self.k
class Choice(enum.Enum):
    A, B = 1, 2
Pair = collections.namedtuple("Pair", "k")
def with_attribute(value, k):
    value.k = k
    return value
"""


def uses(value: str) -> str:
    return f"{CLASSES}K = {value}\n{MINE.format('K')}"


@pytest.mark.parametrize("kind", VALUES)
def test_values_count_with_their_content(code_of, kind):
    one, other = VALUES[kind]
    assert code_of(uses(one)) == code_of(uses(one)) != code_of(uses(other))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("(x for x in 'ab')", "K, a generator,"),
        ("{'held': [threading.Lock()]}", "K.held, a lock,"),
        ("memoryview(b'a')", "K, a memoryview,"),
        ("with_attribute(List(), open('/dev/null'))", "K.k, a TextIOWrapper,"),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(code_of, value, kind):
    with pytest.raises(ValueError, match=f"'mine' uses .*{kind} whose content cannot be told"):
        code_of(uses(value))


def test_a_global_that_is_only_an_attribute_s_name_is_not_looked_at(code_of):
    text = "topk = threading.Lock()\n" + MINE.format("logits.topk(budget).indices")
    assert code_of(text) == code_of(MINE.format("logits.topk(budget).indices"))


EDITS = {
    "parameter": [f"\ndef mine(features, {name}):\n    return {name}\n" for name in "ab"],
    "asks_for": [f"{MINE.format('1')}mine.asks_for = ('{what}',)\n" for what in ("doubt", "truth")],
    "what try covers": [
        f"\ndef mine(x):\n    try:\n        x()\n{a}    except ValueError:\n        pass\n{b}"
        for a, b in [("        x()\n", ""), ("", "    x()\n")]
    ],
    "by globals": [f"W = {k}\n" + MINE.format("globals()['W']") for k in (1, 2)],
    "decorated": ["@torch.no_grad()" + MINE.format(k) for k in (1, 2)],
    "decorator's argument": [
        f"def times(k):\n    return lambda f: lambda *a: f(*a) * k\n@times({k})" + MINE.format(1)
        for k in (1, 2)
    ],
    "class attribute": [
        f"class Mine:\n    k = {k}\n    def __call__(self, *a): return self.k\nmine = Mine()\n"
        for k in (1, 2)
    ],
}


@pytest.mark.parametrize("kind", EDITS)
def test_edits_are_seen(code_of, kind):
    one, other = EDITS[kind]
    assert code_of(one) == code_of(one) != code_of(other)


def test_comments_and_names_of_variables_do_not_count(code_of):
    one = "\ndef mine(x):\n    y = x + 1\n    return y\n"
    assert code_of(one) == code_of(
        one.replace("y", "z").replace("    return", "    # z\n    return")
    )


WAYS = {
    "attribute": ("import helper_a\n" + MINE.format("helper_a.score(logits)")),
    "inside": MINE.format("score(logits)").replace("return", "from helper_a import score; return"),
    "module inside": MINE.format("h.s(logits)").replace("return", "import helper_a as h; return"),
    "by its text": ("import helper_a\n" + MINE.format("getattr(helper_a, 'sco' + 're')(logits)")),
    "through another": ("import helper_b\n" + MINE.format("helper_b.helper_a.score(logits)")),
    "hidden in another": ("import helper_b\n" + MINE.format("helper_b.score(logits)")),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("loaded", [True, False])
def test_modules_of_one_s_own_count_with_their_content(code_of, way, loaded):
    def of(k):
        sys.modules.pop("helper_a", None)
        sys.modules.pop("helper_b", None)
        text = ("import helper_a\n" if loaded else "") + WAYS[way]
        helper = f"def score(x):  # {k}\n    return x * {abs(k)}\n"
        between = "import helper_a\ndef score(x): return getattr(helper_a, 'score')(x)\n"
        return code_of(text, helper_a=helper, helper_b=between)

    assert of(1) == of(-1) != of(2)


def test_what_was_set_in_a_module_counts(code_of):
    def of(k):
        text = f"import helper_c\nhelper_c.K = {k}\n" + MINE.format("helper_c.K")
        return code_of(text, helper_c="K = 0\n")

    assert of(1) == of(1) != of(2)


def test_the_same_file_has_the_same_code_in_every_process(tmp_path):
    """Compiled, or read from the cache of compiled files; whatever the order of a set is."""
    values = [one for one, _ in VALUES.values()]
    text = HEAD + CLASSES + f"K = [{', '.join(values)}, {{'a', 'b', 'c'}}]\n{MINE.format('K')}"
    (tmp_path / "mine.py").write_text(text)
    ask = (
        "import sys; from activecl_nb.sampling import code, from_file; "
        "print(code.of(from_file(sys.argv[1])))"
    )
    command = [sys.executable, "-c", ask, f"{tmp_path / 'mine.py'}:mine"]
    printed = []
    for _ in "12":
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        printed.append(done.stdout)
        py_compile.compile(str(tmp_path / "mine.py"))  # what the second process reads
    assert printed[0] == printed[1] and len(printed[0].strip()) == 32
