"""The one place where threads are started, watched and joined.

Workers run nogil kernels; the main thread only waits, so that it can report progress, take
Ctrl-C and notice errors.  It lies below the corpus (which counts in parallel) and the trainer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

POLL_SECONDS = 0.1


@dataclass
class Stop:
    """Shared by the workers of one job; each checks `requested` between two pieces of work."""

    _event: threading.Event = field(default_factory=threading.Event)
    interrupted: bool = False
    error: BaseException | None = None

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self) -> None:
        self._event.set()


def run_workers(
    work: Callable[[int, Stop], None],
    n_threads: int,
    tick: Callable[[], None] | None = None,
) -> Stop:
    """Run `work(number, stop)` in `n_threads` threads until all return.

    `tick` is called on the calling thread about ten times a second.  The first Ctrl-C asks the
    workers to stop after their current piece and makes the result's `interrupted` true; the
    second raises KeyboardInterrupt at once and abandons them.  The first error of a worker (or
    of `tick`) stops the others and is raised here.
    """
    stop = Stop()
    crew = _Crew()

    def guarded(number: int) -> None:
        try:
            work(number, stop)
        except BaseException as error:
            with crew.lock:
                stop.error = stop.error or error
            stop.request()
        finally:
            crew.leave()

    try:
        try:
            for number in range(n_threads):
                crew.start(guarded, number)
            crew.wait(tick)
        except KeyboardInterrupt:
            stop.interrupted = True
            stop.request()
            crew.wait(None)  # a second Ctrl-C leaves from here
    except KeyboardInterrupt:
        raise
    except BaseException:  # of tick, or no more threads to be had
        stop.request()
        crew.wait(None)
        raise
    if stop.error is not None:
        raise stop.error
    return stop


class _Crew:
    """Counts the workers that are still at it.

    Thread.join would do, but for CPython 3.11 and 3.12: when Ctrl-C interrupts it, the thread is
    taken for ended although it runs on.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._n_running = 0
        self._nobody_left = threading.Event()
        self._nobody_left.set()

    def start(self, target: Callable[[int], None], number: int) -> None:
        # Daemons, so that a second Ctrl-C can leave without waiting for a kernel call.
        thread = threading.Thread(
            target=target, args=(number,), name=f"wordvec-{number}", daemon=True
        )
        with self.lock:
            self._n_running += 1
            self._nobody_left.clear()
        try:
            thread.start()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        with self.lock:
            self._n_running -= 1
            if self._n_running == 0:
                self._nobody_left.set()

    def wait(self, tick: Callable[[], None] | None) -> None:
        while not self._nobody_left.wait(POLL_SECONDS):
            if tick is not None:
                tick()
