import os
import sys

import pandas as pd
import pytest

from activecl_nb import __main__ as terminal
from activecl_nb import runs
from activecl_nb.lessons import commands as lessons

SMALL = ["--set=rounds=2", "--set=epochs=1", "--set=width=4", "--set=benchmark_epochs=2"]


def test_a_run_is_made_resumed_and_reported(tmp_path, capsys):
    out = tmp_path / "run"
    command = ["run", "--profile", "tiny", "--strategy", "random", "--out", str(out), *SMALL]
    assert terminal.main(command) == 0
    printed = capsys.readouterr().out
    assert "profile tiny" in printed and "(paper: 224)" in printed and str(out) in printed
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    run = runs.load(out)
    assert run.strategy == "random" and len(run.rounds) == 2 and run.protocol.width == 4

    before = {p.name: p.stat().st_mtime_ns for p in out.glob("round-*")}
    assert terminal.main(command) == 0  # nothing left to do
    assert before == {p.name: p.stat().st_mtime_ns for p in out.glob("round-*")}

    bench = tmp_path / "benchmark"
    assert terminal.main(["benchmark", "--profile", "tiny", "--out", str(bench), *SMALL]) == 0
    assert terminal.main(["report", str(out), str(bench), "--out", str(tmp_path / "report")]) == 0
    assert "average precision of the probe by strategy and round" in capsys.readouterr().out
    rows = pd.read_csv(tmp_path / "report" / "rounds.csv")
    assert set(rows["strategy"]) == {"random", "benchmark"}
    assert (tmp_path / "report" / "curve.png").exists()
    assert terminal.main(["report", str(out), str(out), "--out", str(tmp_path / "twice")]) == 2
    assert "are both random of seed 0, which would count twice" in capsys.readouterr().err
    assert terminal.main(["report", str(out), "--out", str(out)]) == 2
    assert "is a run's folder, which a report would damage" in capsys.readouterr().err
    runs.load(out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "best"], "unknown strategy 'best'"),
        (["--set", "speed=9"], "speed: unknown; there are name, image_size"),
        (["--set", "rounds=many"], "rounds: should be a whole number, not 'many'"),
        (["--set", "rounds"], "'rounds' is not NAME=VALUE"),
        (["--set", "temperature=-1", "--set", "batch_size=1"], "batch_size: should be at least 2"),
        (["--set", "rounds=2", "--set", " rounds = 3"], "rounds: is given twice; give one value"),
        (["--set", "image_size=99999"], "image_size: should be at most 4096, not '99999'"),
        (["--profile", "auto", "--minutes", "inf"], "minutes must be above 0 and at most 525,600"),
        (["--out", "a\0b"], "'a\\x00b' is no path, since it holds a NUL; take it out"),
        (["--seed", "9" * 30], "seed: should be below"),
        (["--device", "cpu:x"], "'cpu:x' is not on this machine"),
        (["--data", "nothing"], "unknown source 'nothing'"),
        (["--data", "folder", "--path", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--device", "tpu"], "'tpu' is not on this machine"),
        (["--path", "patches.csv"], "path='patches.csv' is not for the phantom, which is drawn"),
        (["--fold", "3"], "fold 3: phantom has a test part of its own, and so no folds"),
        (["--target", "nuclei"], "--target nuclei is for --set task=regression or segmentation"),
        (["--positive", "XYZ"], "no class is called 'XYZ'"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(tmp_path, capsys, arguments, message):
    out = tmp_path / "run"
    assert terminal.main(["run", "--profile", "tiny", "--out", str(out), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert "Traceback" not in error and error.count("\n") == 1


@pytest.mark.parametrize("words", [["--out", ""], ["--out=x", "--path", " "], ["--out="]])
def test_a_word_that_says_nothing_is_refused(tmp_path, capsys, monkeypatch, words):
    """Of an empty path the system makes the folder that one is in."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        terminal.main(["run", "--profile", "tiny", *words])
    assert "says nothing; is it a variable without a value?" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


ODD = """
def interrupt():
    raise KeyboardInterrupt

class Nameless(type):
    @property
    def __name__(cls):
        raise RuntimeError

class Shy(Exception, metaclass=Nameless):
    pass

class Moody(Exception):
    @property
    def __cause__(self):
        raise KeyError
"""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise GeneratorExit", "GeneratorExit: "),
        ("next(iter(()))", "RuntimeError: generator raised StopIteration"),
        ("raise ValueError", "ValueError: "),
        ("open('/nowhere/at/all')", "FileNotFoundError: [Errno 2]"),
        ("raise RuntimeError('one\\ntwo')", "RuntimeError: one two"),
        (
            "raise type('Odd', (Exception,), {'__str__': lambda self: [][0]})",
            "Odd: (its text raises IndexError)",
        ),
        (
            "raise type('Odd', (Exception,), {'__str__': lambda self: exit(0)})",
            "Odd: (its text raises SystemExit)",
        ),
        (
            "raise type('Odd', (Exception,), {'__str__': lambda self: sorted(nobody)})",
            "Odd: (its text raises NameError)",
        ),
        (
            "raise type('Odd', (Exception,), {'__str__': lambda self: interrupt()})",
            "Odd: (its text raises KeyboardInterrupt)",
        ),
        ("raise Shy('mine')", "Shy: mine"),
        ("raise Moody('mine')", "Moody: mine"),
        (r"raise OSError('a\x1b[2Jb\x07')", r"OSError: a\x1b[2Jb\x07"),
        ("raise BrokenPipeError('mine')", "BrokenPipeError: mine"),
    ],
)
def test_whatever_a_strategy_raises_is_a_failure_with_its_place(tmp_path, capsys, line, said):
    (tmp_path / "mine.py").write_text(f"def slip(f, l, c, b, g):\n    {line}\n{ODD}")
    command = ["run", "--profile", "tiny", *SMALL, "--strategy", f"{tmp_path}/mine.py:slip"]
    assert terminal.main([*command, "--out", str(tmp_path / "run")]) == 1
    assert f"mine.py, line 2: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WORLD_SIZE", "abc"),
        ("RANK", "-1"),
        ("WORLD_SIZE", "0"),
        ("NUMBA_NUM_THREADS", "1.5"),
        ("RANK", "9" * 5000),
    ],
)
def test_numbers_that_the_surroundings_tell(capsys, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert terminal.main(["check"]) == 2
    told = capsys.readouterr().err
    assert f"error: {name}='{value[:20]}" in told and "': a whole number from " in told
    assert len(told) < 100
    monkeypatch.setenv(name, "")  # as if it were not set
    terminal.main(["check"])
    assert "a whole number from" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rank", "address", "port", "said"),
    [
        ("3", "localhost", None, "no such rank"),
        ("1", "", None, "MASTER_ADDR and MASTER_PORT say nothing"),
        ("1", "localhost", "abc", "MASTER_PORT='abc' is no port"),
        ("1", "localhost", "99999999", "MASTER_PORT='99999999' is no port"),
    ],
)
def test_half_of_what_torchrun_says(tmp_path, capsys, monkeypatch, rank, address, port, said):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", address)
    monkeypatch.setenv("MASTER_PORT", port or "")
    assert terminal.main(["run", "--device", "cpu", "--out", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert f"RANK={rank} and WORLD_SIZE=2, but" in told and said in told
    assert "start it with torchrun" in told


@pytest.mark.filterwarnings("error")
def test_ctrl_c_leaves_nothing_half_made_that_complains(capsys, monkeypatch):
    class Bar:  # as a progress bar that is interrupted while it is made
        def __init__(self):
            raise KeyboardInterrupt

        def __del__(self):
            self.position  # noqa: B018  # an AttributeError, of which Python says that it is ignored

    monkeypatch.setattr(lessons, "_check", lambda options: Bar())
    hook = sys.unraisablehook
    assert terminal.main(["check"]) == 130
    assert capsys.readouterr().err == (
        "\nstopped; the finished rounds are kept, and the same command goes on from there\n"
    )
    assert sys.unraisablehook is hook


def test_a_folder_that_is_gone_and_a_user_without_home_are_told(tmp_path, capsys, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert terminal.main(["run", "--out", str(tmp_path / "run")]) == 2
    assert "this terminal's folder is gone; cd to one that exists" in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)

    def no_home(options):
        raise RuntimeError("Could not determine home directory.")  # of Path.expanduser

    monkeypatch.setattr(lessons, "_check", no_home)
    assert terminal.main(["check"]) == 2
    assert "Set HOME to a folder that you may write to" in capsys.readouterr().err


def test_ctrl_c_before_the_command_has_begun_is_no_traceback(capsys, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(terminal, "parser", interrupted)
    assert terminal.main(["check"]) == 130
    assert "stopped" in capsys.readouterr().err


def test_a_link_that_leads_back_to_itself_is_one_line_and_exit_1(tmp_path, capsys):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert terminal.main(["run", "--profile", "tiny", "--out", str(tmp_path / "a")]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and str(tmp_path / "a") in error and "name another" in error


def test_a_slip_in_a_strategy_of_ones_own_is_named_with_its_line(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("def slip(f, l, c, b, g):\n    return [][0]\n")
    fast = ["--set", "rounds=2", "--set", "epochs=1", "--set", "width=4"]
    line = ["run", "--profile", "tiny", *fast, "--strategy", f"{tmp_path / 'mine.py'}:slip"]
    assert terminal.main([*line, "--out", str(tmp_path / "run")]) == 1
    error = capsys.readouterr().err
    assert "mine.py, line 2: IndexError: list index out of range" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("place", ["file", "file/below", "x" * 300])
def test_a_place_that_cannot_be_written_is_one_line_and_exit_1(tmp_path, capsys, place):
    (tmp_path / "file").write_text("mine")
    command = ["run", "--profile", "tiny", "--out", str(tmp_path / place), *SMALL]
    assert terminal.main(command) in (1, 2)
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert str(tmp_path / place.split("/")[0]) in error  # what is in the way
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_is_one_line_and_the_rounds_are_kept(tmp_path, capsys, monkeypatch):
    import errno

    from activecl_nb import files

    out = tmp_path / "run"
    command = ["run", "--profile", "tiny", "--strategy", "random", "--out", str(out), *SMALL]
    real = files.seal

    def full(folder, *names, **options):
        if "round-01.npz" in names:
            raise OSError(errno.ENOSPC, "No space left on device", str(out / "manifest.json"))
        return real(folder, *names, **options)

    monkeypatch.setattr(files, "seal", full)
    assert terminal.main(command) == 1
    assert "No space left on device; free some space there" in capsys.readouterr().err
    assert len(runs.load(out).rounds) == 1


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    home, here = tmp_path / "home", tmp_path / "here"
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    command = ["run", "--profile", "tiny", "--strategy", "random", *SMALL[1:], "--set=rounds=1"]
    monkeypatch.setattr(terminal, "_show", lambda run: None)
    assert terminal.main([*command, "--out", "~/runs/a"]) == 0
    assert runs.load("~/runs/a").path == home / "runs" / "a"
    assert not list(here.iterdir())


def test_what_no_user_can_cause_keeps_its_traceback(monkeypatch, tmp_path):
    monkeypatch.setattr(lessons, "_check", lambda options: {}["slip"])
    with pytest.raises(KeyError):
        terminal.main(["check"])


def test_an_unknown_profile_lists_the_known_ones(tmp_path, capsys, monkeypatch):
    with pytest.raises(SystemExit) as stop:
        terminal.main(["run", "--profile", "huge", "--out", str(tmp_path)])
    assert stop.value.code == 2 and "tiny" in capsys.readouterr().err
    monkeypatch.setenv("ACTIVECL_PROFILE", "huge")
    assert terminal.main(["run", "--out", str(tmp_path)]) == 2
    assert "no profile is called 'huge'" in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["run"], ["benchmark"], ["report"], ["check"]])
def test_help_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as stop:
        terminal.main([*command, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "usage: python -m activecl_nb" in text
    if command in (["run"], ["benchmark"]):
        for option in ("--data", "--profile", "--seed", "--out", "--path", "--device"):
            assert option in text


def test_check_says_ready_or_not(capsys):
    code = terminal.main(["check"])
    printed = capsys.readouterr().out
    assert (code == 0) == printed.strip().endswith("ready")
    assert "OMP_WAIT_POLICY" in printed and "disk" in printed


def test_a_report_is_of_runs_or_of_a_study(tmp_path, capsys):
    assert terminal.main(["report", str(tmp_path), str(tmp_path), "--claims", "c.toml"]) == 2
    assert "--claims and --readme go with one study" in capsys.readouterr().err
    assert terminal.main(["report", str(tmp_path / "none"), "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "none is no folder; give a stored study" in error and error.count("\n") == 1
    assert terminal.main(["report", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "holds neither a stored study nor finished runs" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(
    "ACTIVECL_REAL_SAMPLE" not in os.environ,
    reason="ACTIVECL_REAL_SAMPLE does not name the folder of the real sample",
)
def test_the_loop_runs_on_real_tissue(tmp_path):
    sample = os.path.join(os.environ["ACTIVECL_REAL_SAMPLE"], "pathmnist_mini.npz")
    command = ["run", "--profile", "tiny", "--data", "pathmnist", "--path", sample]
    assert terminal.main([*command, "--out", str(tmp_path / "run")]) == 0
    run = runs.load(tmp_path / "run")
    assert run.finished and "pathmnist" in run.data["source"]
    assert (tmp_path / "run" / "curve.png").exists()
