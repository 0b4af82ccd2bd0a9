"""What a study is at: the table that its command keeps up to date."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from activecl_nb.evidence.study.plan import Job, Study

if TYPE_CHECKING:
    from activecl_nb.protocol import Protocol


def _work(job: Job, image_epochs: Callable[[Protocol, str], list[int]]) -> list[int]:
    """Image-epochs of each round; none for a protocol that makes no sense, which fails later."""
    try:
        return image_epochs(job.protocol, job.strategy)
    except (ValueError, ArithmeticError):
        return []


class Board:
    """What runs, what is done, and how long it will take; read from the runs' folders."""

    def __init__(
        self, study: Study, folders: Mapping[Job, Path], results: Mapping[str, str]
    ) -> None:
        from activecl_nb.protocol import image_epochs

        self.study, self.folders, self.results = study, folders, results
        self.work = {job: _work(job, image_epochs) for job in folders}
        self.began = time.monotonic()
        self.at_start = self._done_work()

    def rounds(self, job: Job) -> int:
        """How many rounds of this run are finished."""
        try:
            return max(0, (self.folders[job] / "rounds.csv").read_bytes().count(b"\n") - 1)
        except OSError:  # not there yet, or something else is: the run then says so
            return 0

    def _done_work(self) -> int:
        return sum(sum(self.work[job][: self.rounds(job)]) for job in self.folders)

    def text(self) -> str:
        """A line a grid, a line for each run under way, and the time left."""
        rounds = {job: self.rounds(job) for job in self.folders}
        lines = [f"{'grid':<24}{'runs':>12}{'rounds':>14}"]
        for grid in self.study.questions:
            jobs = {e.job for e in self.study.entries if e.grid == grid} & rounds.keys()
            done = sum(rounds[job] == len(self.work[job]) for job in jobs)
            planned = sum(len(self.work[job]) for job in jobs)
            finished = sum(rounds[job] for job in jobs)
            lines.append(f"{grid:<24}{f'{done}/{len(jobs)}':>12}{f'{finished}/{planned}':>14}")
        for job, n in rounds.items():
            if 0 < n < len(self.work[job]) and self.folders[job].name not in self.results:
                rounds_planned = len(self.work[job])
                lines.append(f"  {job}: {n} of {rounds_planned} rounds ({self.folders[job].name})")
        failed = sum(outcome.startswith("failed") for outcome in self.results.values())
        lines.append(f"{self.left()}{f', {failed} failed' if failed else ''}")
        return "\n".join(lines)

    def left(self) -> str:
        """The time left at the pace so far, image-epochs being what takes it."""
        done, all_work = self._done_work(), sum(map(sum, self.work.values()))
        if done == all_work and self.folders:
            return "all runs are finished"
        if {folder.name for folder in self.folders.values()} <= set(self.results):
            return "no run is left to make"
        if done == self.at_start:
            return "time left: not known before the first round is finished"
        pace = (done - self.at_start) / (time.monotonic() - self.began)
        seconds = (all_work - done) / pace
        return f"time left: about {seconds / 60:.0f} minutes at {pace:.0f} image-epochs a second"

    @contextmanager
    def shown(self, stream: TextIO, every: float = 2.0) -> Iterator[None]:
        """Keep the table up to date on a terminal; elsewhere print it each minute."""
        on_terminal = stream.isatty()
        stop = threading.Event()

        def show() -> None:
            height = 0
            while not stop.wait(every if on_terminal else 60.0):
                height = self._draw(stream, height if on_terminal else 0)

        thread = threading.Thread(target=show, daemon=True)
        print(self.text(), file=stream, flush=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            print(self.text(), file=stream, flush=True)

    def _draw(self, stream: TextIO, height: int) -> int:
        """Print the table over its last ``height`` lines; how many lines it has now."""
        text = self.text()
        print(f"\x1b[{height}F\x1b[J" if height else "", text, sep="", file=stream, flush=True)
        return text.count("\n") + 1
