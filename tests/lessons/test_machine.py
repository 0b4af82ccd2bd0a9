"""The dry run for a classroom's machine: each thing that can be wrong is named with its mend."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from notebook_tools import LESSONS

from activecl_nb import profiles, runs, tissue
from activecl_nb.lessons import machine, shelf
from activecl_nb.lessons.machine import Finding, Findings


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """The profile tiny, a cache of its own, and a speed that need not be measured."""
    monkeypatch.setenv("ACTIVECL_PROFILE", "tiny")
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(machine, "speed", lambda profile: machine.REFERENCE_SPEED[profile.name])


def found(what: str) -> Finding:
    lines = [line for line in machine.environment().lines if line.what == what]
    assert len(lines) == 1, what
    return lines[0]


def test_a_machine_without_fault_is_ready(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=16e9))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e12))
    findings = machine.environment()
    assert findings.ready and repr(findings).endswith("\nready")
    names = [line.what for line in findings.lines]
    assert names == [
        *("Python", "packages", "device", "memory", "disk", "data", "stored runs"),
        *("browser", "speed", "lessons"),
    ]


def test_missing_packages_are_named_with_what_they_are_for(monkeypatch):
    known = importlib.metadata.version

    def version(name: str) -> str:
        if name in ("torch", "anywidget"):
            raise importlib.metadata.PackageNotFoundError(name)
        return known(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    findings = machine.environment()  # and nothing that needs torch is tried
    wrong = {line.what: line for line in findings.lines if line.mend}
    assert not findings.ready and set(wrong) == {"torch", "anywidget"}
    assert "the explorer" in wrong["anywidget"].found
    assert "pip install anywidget" in wrong["anywidget"].mend
    assert "not ready" in repr(findings)


def test_every_package_that_is_looked_for_is_one_that_the_kit_needs():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert all(f'"{name}>=' in text for name in machine.NEEDED)


def test_a_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ACTIVECL_HOME", str(tmp_path / "file" / "cache"))
    disk = found("disk")
    assert "cannot be written: Not a directory" in disk.found and "ACTIVECL_HOME" in disk.mend
    assert "data" not in {line.what for line in machine.environment().lines}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_without_permission(monkeypatch, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    monkeypatch.setenv("ACTIVECL_HOME", str(locked))
    assert "cannot be written: Permission denied" in found("disk").found


def test_looking_leaves_nothing_behind(tmp_path):
    assert not found("disk").mend
    assert not list((tmp_path / "home").glob("*.txt"))


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1e8))
    disk = found("disk")
    assert disk.found.startswith("0.1 GB free") and "free some space" in disk.mend


def test_little_memory(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=2e9))
    memory = machine._memory()
    assert memory.found == "2.0 GB" and "ACTIVECL_PROFILE=tiny" in memory.mend


def test_the_home_folder_is_not_spelt_out(monkeypatch, tmp_path):
    """Lesson 00 is stored with this output."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert found("disk").found.endswith("free for ~/home")
    assert str(tmp_path) not in repr(machine.environment())


def test_tissue_that_cannot_be_drawn(monkeypatch):
    def broken(*args: object, **kwargs: object) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr(tissue, "load", broken)
    data = found("data")
    assert "no ink" in data.found and data.mend


def test_stored_runs_may_be_missing_or_damaged(monkeypatch):
    def none(profile: str) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(runs, "stored", none)
    line = found("stored runs")
    assert "make short ones" in line.found and not line.mend
    monkeypatch.setattr(runs, "stored", lambda profile: int("x"))
    assert found("stored runs").mend


def test_stored_runs_are_of_the_tissue_that_is_drawn_here_or_set_aside(monkeypatch):
    """A machine that draws otherwise is ready all the same: the line says what stands in."""
    monkeypatch.setattr(runs, "stored", lambda profile: ["a", "b"])
    monkeypatch.setattr(shelf, "usable", lambda mapped: (["a", "b"], None))
    assert found("stored runs").found.startswith("2, for lessons 05 to 07")

    def other(mapped: bool) -> None:
        raise ValueError("random-0 was made from other patches than this kit draws")

    monkeypatch.setattr(shelf, "usable", other)
    line = found("stored runs")
    assert "other patches" in line.found and "make short ones" in line.found and not line.mend


def test_a_browser_is_information_only(monkeypatch):
    monkeypatch.setattr(machine.platform, "system", lambda: "Linux")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" * (name == "firefox"))
    assert machine._browser() == Finding("browser", "firefox")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    browser = machine._browser()
    assert browser.found.startswith("none found") and not browser.mend


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [("ACTIVECL_DEVICE", "tpu", "device"), ("ACTIVECL_PROFILE", "huge", "speed")],
)
def test_a_choice_that_is_not_there(monkeypatch, variable, value, line):
    monkeypatch.setenv(variable, value)
    wrong = found(line)
    assert value in wrong.found and variable in wrong.mend


# ---- how long it will take ---------------------------------------------------------------


def minutes() -> float:
    return float(found("lessons").found.split("about ")[1].split(" minutes")[0])


def test_a_machine_at_half_the_speed_takes_twice_as_long(monkeypatch):
    monkeypatch.setitem(machine.LESSON_SECONDS, "tiny", {"00": 60, "01": 300, "02": 12})
    monkeypatch.setitem(machine.REFERENCE_SPEED, "tiny", 1000)
    monkeypatch.setattr(machine, "speed", lambda profile: 1000)
    assert "00: 1, 01: 5, 02: <1" in found("lessons").found
    assert minutes() == 6 and not found("lessons").mend
    monkeypatch.setattr(machine, "speed", lambda profile: 500)
    assert minutes() == 12 and "500 images/s" in found("speed").found


def test_a_slow_machine_gets_a_mend(monkeypatch):
    monkeypatch.setenv("ACTIVECL_PROFILE", "laptop")
    monkeypatch.setitem(machine.LESSON_SECONDS, "laptop", {"05": 600})
    monkeypatch.setitem(machine.REFERENCE_SPEED, "laptop", 1000)
    monkeypatch.setattr(machine, "speed", lambda profile: 100)
    lessons = found("lessons")
    assert "100 minutes" in lessons.found and "ACTIVECL_PROFILE=tiny" in lessons.mend
    assert lessons.mend.startswith("close other programs")  # two seconds were measured, busy or not
    assert not machine.environment().ready


def test_a_profile_without_times_says_so(monkeypatch):
    monkeypatch.setenv("ACTIVECL_PROFILE", "paper")
    monkeypatch.setattr(machine, "speed", lambda profile: 3)
    assert "no times are known" in found("lessons").found


def test_the_table_covers_every_lesson_of_the_profiles_that_lessons_run_in():
    lessons = [path.name[:2] for path in LESSONS]
    for profile in ("tiny", "laptop"):
        assert list(machine.LESSON_SECONDS[profile]) == lessons
        assert machine.REFERENCE_SPEED[profile] > 0


def test_measured_speed_is_that_of_training(monkeypatch):
    """Images of batches trained on, over the seconds they took; the clock here runs on its own."""
    monkeypatch.undo()
    from activecl_nb import simclr

    clock, calls = [0.0], []

    def train(model, images, *, epochs, batch_size):
        calls.append(epochs)
        clock[0] += 0.25 * epochs
        assert images.shape[0] == batch_size == 16 and images.shape[2] == 32

    monkeypatch.setattr(simclr, "train", train)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    assert machine.speed(profiles.PROFILES["tiny"], seconds=2) == pytest.approx(16 / 0.25)
    assert calls == [1, 1, 8]  # once to compile, once to see how long, then two seconds of it


def test_speed_of_large_patches_does_not_take_minutes(monkeypatch):
    """On a processor it is measured on eight of them, not on the paper's batch of 128."""
    monkeypatch.undo()
    monkeypatch.setenv("ACTIVECL_DEVICE", "cpu")
    from activecl_nb import simclr

    train, trained = simclr.train, []

    def counted(model, images, *, epochs, batch_size):
        trained.append((len(images), batch_size, epochs))
        return train(model, images, epochs=epochs, batch_size=batch_size)

    monkeypatch.setattr(simclr, "train", counted)
    large = replace(profiles.PROFILES["paper"], width=8, image_size=96)
    assert machine.speed(large, seconds=1e-6) > 0
    assert trained == [(8, 8, 1)] * 3  # even where one batch takes longer than it was given


def test_a_finding_prints_its_mend():
    text = str(Findings((Finding("a", "fine"), Finding("b", "broken", "mend it"))))
    assert text.splitlines() == [
        "ok  a            fine",
        "->  b            broken",
        "     to do: mend it",
        "not ready: see the lines marked ->",
    ]
