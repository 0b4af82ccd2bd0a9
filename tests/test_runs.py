"""A run's folder: what it holds, what is believed of it, who may write it, which run it is."""

import functools
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from same_runs import assert_same
from sealed import verified

from activecl_nb import experiment, files, imbalance, runs, simclr
from activecl_nb.protocol import BENCHMARK

FILES = [
    "floors.json", "manifest.json", "round-00.npz", "round-01.npz", "rounds.csv", "run.json",
    "split.npz", "weights-01.safetensors",
]  # fmt: skip


class Stop(BaseException):
    """Stands for a kill at a known moment."""


@pytest.fixture(scope="module")
def short(tiny_protocol):
    return replace(tiny_protocol, rounds=2, epochs=1)


@pytest.fixture(scope="module")
def made(tiny_data, short, tmp_path_factory):
    """Three runs: whole, stopped after its first round, and another seed's."""
    folder = tmp_path_factory.mktemp("runs")

    def stop(run):
        raise Stop

    experiment.run(short, tiny_data, "random", 0, folder / "whole", progress=False)
    experiment.run(short, tiny_data, "random", 1, folder / "other", progress=False)
    with pytest.raises(Stop):
        experiment.run(
            short, tiny_data, "random", 0, folder / "half", progress=False, on_round=stop
        )
    return folder


@pytest.fixture
def whole(made, tmp_path):
    return shutil.copytree(made / "whole", tmp_path / "whole")


@pytest.fixture
def half(made, tmp_path):
    return shutil.copytree(made / "half", tmp_path / "half")


@pytest.fixture
def again(tiny_data, short):
    """Ask for the run of seed 0 in a folder, with changes."""

    def ask(folder, protocol=short, data=tiny_data, strategy="random", seed=0):
        return experiment.run(protocol, data, strategy, seed, folder, progress=False)

    return ask


def as_older(folder):
    """The folder as a kit without manifests wrote it."""
    (folder / files.MANIFEST).unlink()
    content = json.loads((folder / "run.json").read_text())
    for name in ("version", "code", "recipe", "environment"):
        content.pop(name, None)
    for name in ("fold", "exact"):
        content["data"].pop(name, None)
    content["protocol"].pop("labelled_by", None)
    (folder / "run.json").write_text(json.dumps(content))
    return folder


# ---- what is kept -----------------------------------------------------------------------


def test_a_run_with_positives_by_number_reads_back(again, short, tiny_data, tmp_path):
    few = replace(short, labelled_positives=6)
    fresh = again(tmp_path / "run", few)
    found = runs.load(tmp_path / "run")
    assert_same(fresh, found)
    assert tiny_data.train_targets[torch.from_numpy(found.labelled)].sum() == 6
    assert_same(again(tmp_path / "run", few), found)
    with pytest.raises(ValueError, match="labelled_positives"):
        again(tmp_path / "run", short)


def test_a_saved_run_reads_back_as_it_was(made, short, again):
    found = runs.load(made / "whole")
    assert_same(again(None), found)
    assert found.protocol == short and found.finished and found.sealed
    assert sorted(p.name for p in (made / "whole").iterdir()) == FILES
    before = {p.name: p.stat().st_mtime_ns for p in (made / "whole").iterdir()}
    assert_same(found, again(made / "whole"))  # asked for again, it has nothing left to do
    assert before == {p.name: p.stat().st_mtime_ns for p in (made / "whole").iterdir()}


def test_the_folder_s_table_is_the_run_s(made):
    import pandas as pd

    found = runs.load(made / "whole").table().drop(columns=["f1_same_proxy", "f1_best"])
    pd.testing.assert_frame_equal(pd.read_csv(made / "whole" / "rounds.csv"), found)


def test_the_environment_is_recorded_and_no_part_of_identity(made, whole, again, monkeypatch):
    run = runs.load(made / "whole")
    assert run.environment["torch"] == torch.__version__ and run.environment["device"] == "cpu"
    assert {"activecl", "python", "numpy", "threads", "processor"} <= run.environment.keys()
    monkeypatch.setattr("platform.python_version", lambda: "9.9")
    assert_same(run, again(whole))


# ---- a kill at any moment ---------------------------------------------------------------


KILLED = """
import sys, numpy as np, torch
from activecl_nb import experiment, simclr
from activecl_nb.protocol import Protocol
from activecl_nb.imbalance import Data
from activecl_nb.tissue import Tissue

def tissue(n, seed):
    images = np.random.default_rng(seed).integers(0, 256, (n, 3, 16, 16)).astype(np.uint8)
    labels = torch.arange(n) % 2
    return Tissue(torch.from_numpy(images), labels, ("NORM", "TUM"), f"noise {seed}")

protocol = Protocol.of("tiny", image_size=16, labelled=10, width=4, rounds=3, budget=16,
                       candidates=40, epochs=10, batch_size=8)
real, batches = simclr.contrast, []

def contrast(*arguments):
    batches.append(1)
    if len(batches) == int(sys.argv[2]):
        print("waiting", flush=True)
        sys.stdin.read()
    return real(*arguments)

simclr.contrast = contrast
experiment.run(protocol, Data(tissue(100, 1), tissue(40, 2)), "kcenter", 0, sys.argv[1],
               progress=False)
"""


def test_a_run_killed_in_the_middle_of_a_round_resumes(tmp_path):
    def start(out, waits_at=0):
        return subprocess.Popen(
            [sys.executable, "-c", KILLED, str(out), str(waits_at)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    with start(tmp_path / "unbroken") as unbroken:
        assert unbroken.wait() == 0
    # Ten epochs of 2 batches are round 0, of 4 batches round 1: this is in its middle.
    with start(tmp_path / "killed", 10 * 2 + 5 * 4) as killed:
        assert killed.stdout.readline() == "waiting\n"
        os.kill(killed.pid, signal.SIGKILL)
    assert len(runs.load(tmp_path / "killed").rounds) == 1
    with start(tmp_path / "killed") as resumed:
        assert resumed.wait() == 0
    assert_same(runs.load(tmp_path / "unbroken"), runs.load(tmp_path / "killed"))


WRITES = 5 + 2 * 4  # split, run, floors, two manifests; then four files a round


@pytest.mark.parametrize("at", range(WRITES))
def test_a_kill_before_any_file_appears_is_gone_on_from(made, again, tmp_path, monkeypatch, at):
    real, calls = os.replace, []

    def killing(source, target):
        if len(calls) == at:
            raise Stop
        calls.append(target)
        real(source, target)

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(os, "replace", killing)
        again(tmp_path / "run")
    assert_same(runs.load(made / "whole"), again(tmp_path / "run"))
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == FILES
    assert verified(tmp_path / "run")


def test_weights_that_a_kill_left_beside_the_new_ones_are_not_believed(made, half, again):
    shutil.copy(made / "other" / "weights-01.safetensors", half)
    shutil.copy(made / "other" / "round-01.npz", half)
    assert_same(runs.load(made / "whole"), again(half))
    assert sorted(p.name for p in half.iterdir()) == FILES


def test_the_line_of_a_killed_round_is_not_believed_and_no_other_is_there(made, half, whole):
    line = (whole / "rounds.csv").read_text().splitlines()[-1]
    for folder, ending, fits in [
        (half, f"{line}\n", True),
        (half, line, False),  # cut short
        (half, f"{line}\n{line}\n", False),
        (half, f"0{line[1:]}\n", False),  # of a round that is there
        (whole, f"2{line[1:]}\n", False),  # of a round that the run does not have
    ]:
        before = (folder / "rounds.csv").read_text()
        (folder / "rounds.csv").write_text(before + ending)
        if fits:
            assert len(runs.load(folder).rounds) == 1
        else:
            with pytest.raises(ValueError, match=r"rounds\.csv is damaged"):
                runs.load(folder)
        (folder / "rounds.csv").write_text(before)


def test_leftovers_of_a_killed_process_go(half, again):
    (half / ".round-01.0123abcd.npz").write_bytes(b"half")
    again(half)
    assert sorted(p.name for p in half.iterdir()) == FILES


def test_a_folder_of_something_else_is_left_alone(again, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "holiday.jpg").write_text("beach")
    with pytest.raises(ValueError, match=r"holds files but no run\.json"):
        again(tmp_path / "run")
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["holiday.jpg"]


# ---- damage -----------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["whole", "half"])
def test_a_changed_byte_of_any_file_is_refused(made, folder, tmp_path, again):
    copy = shutil.copytree(made / folder, tmp_path / folder)
    draw = np.random.default_rng(0)
    for path in sorted(copy.iterdir()):
        content = path.read_bytes()
        for at in draw.integers(len(content), size=15):
            damaged = bytearray(content)
            damaged[at] ^= 1 << int(draw.integers(8))
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=path.name):
                runs.load(copy)
        with pytest.raises(ValueError, match=path.name):
            again(copy)
        path.write_bytes(content)
    runs.load(copy)


def lines(change):
    def damage(folder, other):
        path = folder / "rounds.csv"
        path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")

    return damage


def swapped(name):
    return lambda folder, other: shutil.copy(other / name, folder / name)


def other_digit(rows):
    cells = rows[1].split(",")
    cells[3] = str(float(cells[3]) / 2)
    return [rows[0], ",".join(cells), *rows[2:]]


def repeated_picks(folder, other):
    arrays = dict(np.load(folder / "round-01.npz"))
    arrays["picked"] = np.load(folder / "round-00.npz")["picked"]
    np.savez_compressed(folder / "round-01.npz", **arrays)


def other_weights(change):
    def damage(folder, other):
        path = folder / "weights-01.safetensors"
        save_file(change(load_file(path)), path)

    return damage


DAMAGES = {
    "last line twice": lines(lambda rows: [*rows, rows[-1]]),
    "first line missing": lines(lambda rows: [rows[0], *rows[2:]]),
    "lines reversed": lines(lambda rows: [rows[0], *rows[:0:-1]]),
    "another f1": lines(other_digit),
    "split of another seed": swapped("split.npz"),
    "round of another run": swapped("round-01.npz"),
    "rounds picked twice": repeated_picks,
    "weights in half precision": other_weights(
        lambda t: {k: v.half() if v.is_floating_point() else v for k, v in t.items()}
    ),
    "no proxy": other_weights(lambda t: {k: v for k, v in t.items() if "proxy" not in k}),
    "a foreign tensor": other_weights(lambda t: {**t, "proxy.x": torch.zeros(2)}),
    "a wider encoder": other_weights(
        lambda t: {k: torch.cat([v, v]) if "encoder" in k and v.ndim else v for k, v in t.items()}
    ),
    "weights not a number": other_weights(
        lambda t: {k: v * float("nan") if k == "proxy.bias" else v for k, v in t.items()}
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("older", [False, True])
def test_what_does_not_fit_together_is_refused(made, whole, damage, older):
    if older:
        as_older(whole)
    before = {p.name: p.read_bytes() for p in whole.iterdir()}
    DAMAGES[damage](whole, made / "other")
    changed = next(p.name for p in whole.iterdir() if p.read_bytes() != before[p.name])
    with pytest.raises(ValueError, match=changed):
        runs.load(whole)


def with_untrained(**scores):
    return lambda floors: {**floors, "untrained": {**floors["untrained"], **scores}}


@pytest.mark.filterwarnings("ignore:.*without checksums")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda floors: [1], "no table of scores"),
        (lambda floors: floors | {"untrained": 0.5}, "no table of scores"),
        (lambda floors: {}, "it is of nothing"),
        (
            lambda floors: {"untrained": floors["untrained"]},
            "it is of untrained, and not of colour",
        ),
        (lambda floors: floors | {"guessed": floors["untrained"]}, "untrained, guessed, and not"),
        (lambda floors: floors | {"untrained": {}}, "scores of untrained are none"),
        (with_untrained(speed=0.5), "scores of untrained are f1, .*speed"),
        (with_untrained(f1=1.5), "f1 of untrained is 1.5"),
        (with_untrained(f1="0.5"), "f1 of untrained is '0.5'"),
        (with_untrained(f1=True), "f1 of untrained is True"),
        (with_untrained(auroc=math.nan), "auroc of untrained is nan"),
        (with_untrained(auroc=10**400), "auroc of untrained is 10000"),
    ],
)
def test_floors_that_cannot_be(whole, change, said):
    as_older(whole)
    file = whole / "floors.json"
    runs.load(whole)
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    with pytest.raises(ValueError, match=rf"floors\.json is damaged: .*{said}"):
        runs.load(whole)


@pytest.mark.filterwarnings("ignore:.*without checksums")
@pytest.mark.parametrize(("name", "key"), [("floors.json", "f1"), ("run.json", "seed")])
def test_a_name_that_stands_twice_in_a_file(whole, name, key):
    as_older(whole)
    text = (whole / name).read_text()
    (whole / name).write_text(text.replace(f'"{key}":', f'"{key}": 0, "{key}":', 1))
    with pytest.raises(ValueError, match=rf"{name} cannot be read .*{key} stands in it more than"):
        runs.load(whole)


@pytest.mark.filterwarnings("ignore:.*without checksums")
@pytest.mark.parametrize("older", [False, True])
@pytest.mark.parametrize(
    "name", ["run.json", "split.npz", "floors.json", "round-00.npz", "weights-01.safetensors"]
)
def test_a_folder_in_place_of_a_file(whole, name, older):
    if older:
        as_older(whole)
    (whole / name).unlink()
    (whole / name).mkdir()
    with pytest.raises(ValueError, match=rf"{name} is a folder, a pipe or a device and no file"):
        runs.load(whole)


def test_a_folder_in_place_of_the_manifest(whole):
    (whole / "manifest.json").unlink()
    (whole / "manifest.json").mkdir()
    with pytest.raises(ValueError, match=r"manifest\.json is a folder and no file"):
        runs.load(whole)


def with_arrays(**changed):
    def change(folder):
        arrays = dict(np.load(folder / "round-01.npz"))
        arrays |= {name: how(arrays[name]) for name, how in changed.items()}
        np.savez_compressed(folder / "round-01.npz", **arrays)

    return change


def with_table(old, new):
    def change(folder):
        text = (folder / "rounds.csv").read_text()
        assert re.search(old, text, flags=re.M)
        (folder / "rounds.csv").write_text(re.sub(old, new, text, count=1, flags=re.M))

    return change


@pytest.mark.filterwarnings("ignore:.*without checksums")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        *(
            (with_arrays(**{name: lambda a: np.array(1)}), rf"round-01.*: {name} are no lists")
            for name in ("picked", "candidates", "losses", "watched_logits", "proxy_f1")
        ),
        (with_arrays(candidates=lambda a: a[None]), "candidates are no lists"),
        (with_arrays(picked=lambda a: a[:, None]), "picked are no lists"),
        (with_table(r"^1,", "1.5,"), "1.5 is no whole number"),
        (with_table(r"\n(.|\n)*", "\n"), "0 rounds, and beside it lies round-01.npz"),
        (lambda folder: (folder / "rounds.csv").unlink(), "0 rounds, and beside it lies round-01"),
    ],
)
def test_what_an_older_folder_cannot_hold(whole, change, said):
    as_older(whole)
    runs.load(whole)
    change(whole)
    with pytest.raises(ValueError, match=said):
        runs.load(whole)


def test_other_sealed_files_than_the_manifest_s_are_refused(made, whole):
    shutil.copy(made / "other" / "weights-01.safetensors", whole)
    with pytest.raises(ValueError, match="weights-01"):
        runs.load(whole)


@pytest.mark.parametrize("name", ["run.json", "split.npz", "rounds.csv", "round-00.npz"])
def test_a_missing_file_is_named(whole, name):
    (whole / name).unlink()
    with pytest.raises((ValueError, FileNotFoundError), match=name):
        runs.load(whole)


@pytest.mark.parametrize(
    ("part", "name", "value"),
    [
        ("protocol", "warp", 9),
        ("protocol", "rounds", 0),
        ("protocol", "learning_rate", "x"),
        (None, "seed", {}),
        (None, "strategy", {}),
        (None, "data", {}),
        (None, "speed", 1),
        ("data", "train", -1),
    ],
)
def test_values_that_run_json_cannot_hold_are_named(whole, again, part, name, value):
    as_older(whole)
    content = json.loads((whole / "run.json").read_text())
    (content[part] if part else content)[name] = value
    (whole / "run.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"run\.json"):
        runs.load(whole)
    with pytest.raises(ValueError, match=r"run\.json"):
        again(whole, seed=5)


def test_no_run_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no run's folder"):
        runs.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no runs; make some with"):
        runs.stored("laptop", tmp_path)


def test_without_weights_a_run_loads_but_does_not_go_on(whole, half, again):
    runs.drop_weights(whole)
    run = runs.load(whole)
    assert len(run.rounds) == 2 and verified(whole)
    with pytest.raises(ValueError, match="holds no weights"):
        run.encoder()
    assert not [*whole.glob("weights-*")]


def test_weights_are_dropped_of_a_run_that_is_there_and_whole(whole, tmp_path):
    with pytest.raises(FileNotFoundError, match="is no run's folder"):
        runs.drop_weights(tmp_path / "nowhere" / "run")
    assert not (tmp_path / "nowhere").exists()
    (whole / "weights-01.safetensors").unlink()
    (whole / "weights-01.safetensors").mkdir()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"weights-01\.safetensors is a folder"):
            runs.drop_weights(whole)
        with pytest.raises(ValueError, match=r"weights-01\.safetensors is a folder"):
            runs.load(whole)


def test_weights_that_are_gone(whole, half, again):
    """Of a finished run they may be; nothing can go on without them, so that nothing drops them."""
    (whole / "weights-01.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"on purpose, activecl_nb\.runs\.drop_weights"):
        runs.load(whole)
    runs.drop_weights(whole)
    assert runs.load(whole).finished
    with pytest.raises(ValueError, match="1 finished rounds and is to have more"):
        runs.drop_weights(half)
    (half / "weights-00.safetensors").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"weights-00\.safetensors is missing; restore"
    ) as e:
        again(half)
    assert "drop_weights" not in str(e.value)
    with pytest.raises(ValueError, match="1 finished rounds and is to have more"):
        runs.drop_weights(half)
    as_older(half)
    with (
        pytest.warns(UserWarning, match="without checksums"),
        pytest.raises(ValueError, match="1 finished rounds but no weights"),
    ):
        again(half)


# ---- folders of an older kit ------------------------------------------------------------


def test_an_older_folder_is_read_and_said_to_be_unverified(made, whole):
    with pytest.warns(UserWarning, match="without checksums by an older kit"):
        found = runs.load(as_older(whole))
    assert not found.sealed and found.code is None
    assert_same(found, runs.load(made / "whole"))


@pytest.mark.filterwarnings("ignore:.*without checksums")
def test_an_older_folder_is_gone_on_from_and_sealed(made, half, again):
    as_older(half)
    rows = (half / "rounds.csv").read_text().splitlines()  # of fewer columns than today's
    (half / "rounds.csv").write_text("\n".join(row.rpartition(",")[0] for row in rows) + "\n")
    assert_same(runs.load(made / "whole"), again(half))
    assert verified(half)
    assert set(files.Manifest.of(half).entries) == {*FILES} - {files.MANIFEST}


@pytest.mark.filterwarnings("ignore:.*without checksums")
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("losses", np.array(["many", "little"]), "losses are no numbers"),
        ("test_logits", np.zeros(3, np.float32), r"test_logits of shape \(3,\), unlike round 0's"),
        ("proxy_epochs", np.array([-1]), "negative proxy_epochs"),
    ],
)
def test_an_older_folder_is_checked_as_far_as_it_can_be(whole, name, value, said):
    file = as_older(whole) / "round-01.npz"
    with np.load(file) as arrays:
        np.savez(file, **{**arrays, name: value})
    with pytest.raises(ValueError, match=rf"round-01\.npz is damaged: {said}"):
        runs.load(whole)


def test_stored_runs_are_verified_and_fit_together():
    for run in [*runs.stored("laptop"), *runs.stored("tiny")]:
        assert verified(run.path), run.path


@pytest.mark.parametrize("folder", ["whole", "half"])
def test_a_lost_manifest_is_damage_and_no_older_kit_s(made, folder, tmp_path, again):
    copy = shutil.copytree(made / folder, tmp_path / folder)
    (copy / files.MANIFEST).unlink()
    for ask in (runs.load, again):
        with pytest.raises(ValueError, match=r"manifest\.json is missing.*restore it, or remove"):
            ask(copy)


def test_a_kill_while_the_table_gets_new_columns_loses_nothing(made, half, again, monkeypatch):
    """The run was begun by a kit of other columns, which sealed it."""
    rows = (half / "rounds.csv").read_text().splitlines()
    (half / "rounds.csv").write_text("\n".join(row.rpartition(",")[0] for row in rows) + "\n")
    files.seal(half, "rounds.csv")

    def killed(*_, **__):
        raise Stop

    with monkeypatch.context() as patched, pytest.raises(Stop):
        patched.setattr(files, "seal", killed)
        again(half)
    damaged = shutil.copytree(half, half.with_name("damaged"))
    flipped = bytearray((damaged / "weights-00.safetensors").read_bytes())
    flipped[len(flipped) // 2] ^= 1
    (damaged / "weights-00.safetensors").write_bytes(flipped)
    with pytest.raises(ValueError, match=r"weights-00\.safetensors is damaged: it is not what"):
        runs.load(damaged)
    with pytest.warns(UserWarning, match="stopped while its table was written anew; the table is"):
        found = again(half)
    assert_same(runs.load(made / "whole"), found)
    assert not found.sealed


# ---- one writer -------------------------------------------------------------------------


def test_a_second_process_is_told_that_another_is_at_the_run(made, half, again):
    code = "import sys; from activecl_nb import runs\nwith runs.locked(sys.argv[1]):\n print(1, flush=True); sys.stdin.read()"  # noqa: E501
    with subprocess.Popen(
        [sys.executable, "-c", code, str(half)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"1\n"
        with pytest.raises(runs.Busy, match="another process is at the run"):
            again(half)
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        assert_same(runs.load(made / "whole"), again(half))


def test_a_thread_takes_its_own_lock_again_and_no_other_s(tmp_path):
    refused = []

    def other():
        try:
            with runs.locked(tmp_path / "run"):
                pass
        except runs.Busy:
            refused.append(1)

    with runs.locked(tmp_path / "run"), runs.locked(tmp_path / "run"):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert refused == [1]
    with runs.locked(tmp_path / "run"):
        pass


@pytest.mark.parametrize("after", [1, 2])
def test_a_folder_that_vanishes_is_an_error(tiny_data, short, tmp_path, after):
    def vanish(run):
        if len(run.rounds) == after:
            shutil.rmtree(tmp_path / "run")

    with pytest.raises(FileNotFoundError, match="has vanished while the run went on"):
        experiment.run(
            short, tiny_data, "random", 0, tmp_path / "run", progress=False, on_round=vanish
        )
    assert not (tmp_path / "run").exists()


def test_another_run_s_folder_in_its_place_is_an_error(tiny_data, short, made, tmp_path):
    def replaced(run):
        shutil.rmtree(tmp_path / "run")
        shutil.copytree(made / "other", tmp_path / "run")

    with pytest.raises(ValueError, match=r"replaced by another run's while .* another seed;"):
        experiment.run(
            short, tiny_data, "random", 0, tmp_path / "run", progress=False, on_round=replaced
        )
    assert_same(runs.load(tmp_path / "run"), runs.load(made / "other"))


@pytest.mark.parametrize("again_there", [False, True])
def test_a_lock_that_is_removed_stops_the_run(tiny_data, short, made, again, tmp_path, again_there):
    lock = tmp_path / "run.lock"

    def remove(run):
        lock.unlink()
        if again_there:
            lock.touch()

    with pytest.raises(runs.Busy, match=r"run\.lock was removed or replaced"):
        experiment.run(
            short, tiny_data, "random", 0, tmp_path / "run", progress=False, on_round=remove
        )
    assert len(runs.load(tmp_path / "run").rounds) == 1
    assert_same(runs.load(made / "whole"), again(tmp_path / "run"))


def test_a_run_is_read_while_its_next_round_is_written(made, half, monkeypatch):
    """The weights that the manifest named a moment ago have gone with the next round."""
    real = files.Manifest.read

    def overtaken(manifest, name, **options):
        if name.startswith("weights-00"):
            for path in sorted((made / "whole").iterdir()):
                shutil.copy(path, half)
            (half / "weights-00.safetensors").unlink(missing_ok=True)
            raise FileNotFoundError(half / name)
        return real(manifest, name, **options)

    monkeypatch.setattr(files.Manifest, "read", overtaken)
    assert_same(runs.load(half), runs.load(made / "whole"))


# ---- which run it is --------------------------------------------------------------------


def test_another_run_in_the_folder_is_named_and_left_alone(tiny_data, short, whole, again):
    before = {p.name: p.read_bytes() for p in whole.iterdir()}
    for changes, message in [
        ({"strategy": "entropy"}, "strategy: 'random' there, 'entropy' here"),
        ({"seed": 1}, "seed: 0 there, 1 here"),
        ({"protocol": replace(short, epochs=9)}, r"protocol\.epochs: 1 there, 9 here"),
        (
            {"data": replace(tiny_data, test=tiny_data.test.take(range(30)))},
            r"data\.test: 45 there, 30 here",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            again(whole, **changes)
    assert before == {p.name: p.read_bytes() for p in whole.iterdir()}


@pytest.mark.parametrize("part", ["train", "test"])
def test_one_other_pixel_is_another_run(tiny_data, half, again, part):
    images = getattr(tiny_data, part).images.clone()
    images[17, 0, 3, 5] ^= 1
    other = replace(tiny_data, **{part: replace(getattr(tiny_data, part), images=images)})
    with pytest.raises(ValueError, match=r"data\.exact"):
        again(half, data=other)
    assert runs.same_tissue(runs.load(half).data, other)  # as rounding on another processor is


def test_patients_and_fold_are_part_of_a_run(tiny_data):
    def exact(**facts):
        train = replace(tiny_data.train, facts={k: np.array(v) for k, v in facts.items()})
        return runs.described(replace(tiny_data, train=train))["exact"]

    a, b = (["p", "q", "r"] * 30, ["p", "p", "r"] * 30)
    assert len({exact(), exact(patient=a), exact(patient=b)}) == 3
    assert exact(patient=a, artefact=[0] * 90) == exact(patient=a)
    assert runs.described(replace(tiny_data, recipe={"fold": np.int64(3)}))["fold"] == 3


def test_other_tissue_is_told_from_what_was_recorded(tiny_data):
    recorded = runs.described(tiny_data)
    assert runs.same_tissue(recorded, tiny_data) and runs.same_tissue(recorded, recorded)
    brighter = replace(tiny_data.train, images=tiny_data.train.images + 8)
    for other in (
        replace(tiny_data, train=brighter),
        replace(tiny_data, positive="STR"),
        replace(tiny_data, train=replace(tiny_data.train, source="elsewhere")),
        replace(tiny_data, test=tiny_data.test.take(range(44))),
    ):
        assert not runs.same_tissue(recorded, other)


# What the recipe of a run.json cannot hold.
STRANGE = [
    *[(name, {"x": 1}) for name in ("source", "share", "by", "seed", "fold", "folds", "target")],
    *[("path", 5), ("centre_shift", "x"), ("speed", 1), ("masks", "no"), ("split", "test")],
    *[("columns", ["file"]), ("rows", "x"), ("nested", "yes"), ("size", 32), ("at_most", 5)],
]


def test_the_patches_of_a_run_are_loaded_again(tiny_data, short):
    protocol = replace(short, train_images=200, test_images=40, image_size=32, labelled=10)
    data = imbalance.load("phantom", protocol, share=0.3, seed=np.int64(4), centre_shift=0.5)
    run = runs.fresh(protocol, data, "random", 0)
    assert json.loads(json.dumps(run.recipe)) == run.recipe
    there = runs.load_data(run)
    assert runs.described(there) == runs.described(data)
    with pytest.raises(ValueError, match="holds other patches"):
        runs.load_data(replace(run, recipe={**run.recipe, "seed": 5}))
    for name, value in STRANGE:
        with pytest.raises(ValueError, match=str(name)):
            runs.load_data(replace(run, recipe={**run.recipe, name: value}))
    by_hand = runs.fresh(short, tiny_data, "random", 0)
    with pytest.raises(ValueError, match="was made from test patches 1"):
        runs.load_data(by_hand)


def first(features, logits, chosen_features, budget, generator, skip=0):
    return torch.arange(skip, skip + budget)


def test_an_edited_strategy_is_another(tiny_data, short, again, tmp_path):
    def mine(features, logits, chosen_features, budget, generator):
        return torch.arange(budget)

    again(tmp_path / "run", strategy=mine)
    assert runs.load(tmp_path / "run").code
    again(tmp_path / "run", strategy=mine)

    def mine(features, logits, chosen_features, budget, generator):
        return torch.arange(len(features) - budget, len(features))

    with pytest.raises(ValueError, match="code: "):
        again(tmp_path / "run", strategy=mine)


def test_a_bound_argument_is_part_of_a_strategy(again, tmp_path):
    run = again(tmp_path / "run", strategy=functools.partial(first, skip=1))
    assert run.strategy == "first(skip=1)"
    again(tmp_path / "run", strategy=functools.partial(first, skip=1))
    with pytest.raises(ValueError, match="holds another run"):
        again(tmp_path / "run", strategy=functools.partial(first, skip=2))


# ---- what is said before anything is trained --------------------------------------------


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3)])
def test_numpy_s_whole_numbers_are_seeds(tiny_data, short, seed):
    run = runs.fresh(short, tiny_data, "random", seed)
    assert run == replace(run, seed=3) if run.seed != 3 else type(run.seed) is int


@pytest.mark.parametrize("seed", [True, np.bool_(True), 1.0, "1", None, 2**70])
def test_what_is_no_seed_is_refused(tiny_data, short, seed):
    with pytest.raises(ValueError, match="seed: should be"):
        runs.fresh(short, tiny_data, "random", seed)


def test_labels_of_one_class_are_said_before_training(tiny_data, short, monkeypatch, tmp_path):
    few = replace(short, labelled=3)
    seed = next(
        s
        for s in range(99)
        if not tiny_data.train_targets[imbalance.split(tiny_data.train, 3, s)[1]].any()
    )
    monkeypatch.setattr(simclr, "train", None)
    with pytest.raises(ValueError, match=f"all 3 labels of seed {seed} are of one class"):
        experiment.run(few, tiny_data, "random", seed, tmp_path / "run", progress=False)
    assert not list(tmp_path.iterdir())


def test_a_benchmark_whose_epochs_do_not_divide_is_refused_at_once(tiny_data, short, monkeypatch):
    monkeypatch.setattr(simclr, "train", None)
    odd = replace(short, benchmark_epochs=5, benchmark_every=2)
    with pytest.raises(ValueError, match="benchmark_epochs 5 is not a multiple"):
        experiment.run(odd, tiny_data, BENCHMARK, 0, progress=False)
