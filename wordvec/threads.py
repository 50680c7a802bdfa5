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
    lock = threading.Lock()

    def guarded(number: int) -> None:
        try:
            work(number, stop)
        except BaseException as error:
            with lock:
                if stop.error is None:
                    stop.error = error
            stop.request()

    # Daemons, so that a second Ctrl-C can leave without waiting for a kernel call.
    workers = [
        threading.Thread(target=guarded, args=(k,), name=f"wordvec-{k}", daemon=True)
        for k in range(n_threads)
    ]
    started: list[threading.Thread] = []
    try:
        try:
            for worker in workers:
                worker.start()
                started.append(worker)
            _watch(started, tick)
        except KeyboardInterrupt:
            stop.interrupted = True
            stop.request()
            _watch(started, None)  # a second Ctrl-C leaves from here
    except KeyboardInterrupt:
        stop.request()
        raise
    except BaseException:
        stop.request()
        _watch(started, None)
        raise
    if stop.error is not None:
        raise stop.error
    return stop


def _watch(workers: list[threading.Thread], tick: Callable[[], None] | None) -> None:
    for worker in workers:
        while worker.is_alive():
            worker.join(POLL_SECONDS)
            if tick is not None:
                tick()
