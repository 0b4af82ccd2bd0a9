"""Results that threads make before they are needed, while the caller is busy with earlier ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def ahead(
    make: Callable[[Item], Made], items: Iterable[Item], threads: int, waiting: int
) -> Generator[Made, None, None]:
    """``map(make, items)``, by so many threads, with at most ``waiting`` results ahead.

    The results come in the order of the items. What ``make`` raises is raised here, in the place
    of its result. Closing the iterator drops what has not begun and waits for what has.

    Threads, not processes: reading, inflating and copying let go of Python's lock, and threads
    need no guarded main module on Windows and macOS.
    """
    made: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(threads, "read-ahead") as pool:
        try:
            for item in items:
                made.append(pool.submit(make, item))
                if len(made) > waiting:
                    yield made.popleft().result()
            while made:
                yield made.popleft().result()
        finally:
            for future in made:
                future.cancel()
