"""Run one program and say what it cost: CPU-seconds, wall seconds, peak memory, its own meter.

This process must stay small: a forked child starts with its parent's peak memory as its own,
so nothing imported by the runner may load numpy (scores are computed in a child process).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path


class BenchError(Exception):
    """A benchmark cannot go on; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class MeterRecord:
    """One progress record of word2vec's own meter."""

    seconds: float  # wall clock since the program was started, when the record arrived
    percent: float  # of tokens x epochs
    words_per_cpu_s: float  # words trained / CPU-seconds of the process since training began


@dataclass(slots=True)
class Run:
    """What one run of a program cost."""

    command: list[str]
    cpu_s: float  # user + system of the whole process, start-up and saving included
    wall_s: float
    max_rss_bytes: int
    output: str  # standard output without the progress records
    first: MeterRecord | None = None
    last: MeterRecord | None = None
    load_before: float = field(default=0.0)  # one-minute load average of the machine

    @property
    def meter_words_per_cpu_s(self) -> float:
        """The last figure of the program's own meter, in words per CPU-second."""
        if self.last is None:
            raise BenchError(
                f"{self.command[0]} printed no progress record: the text is too short to measure "
                "(the original prints one every 10,000 words)"
            )
        return self.last.words_per_cpu_s

    def wall_words_per_s(self, n_train_words: int) -> float | None:
        """Words trained per second of wall clock between the first and the last progress record.

        `n_train_words` is what the program takes for 100 %: the sum of the vocabulary's counts
        x epochs.  None when the records came too close together.
        """
        if self.first is None or self.last is None:
            return None
        seconds = self.last.seconds - self.first.seconds
        percent = self.last.percent - self.first.percent
        if seconds < 0.05 or percent <= 0:
            return None
        return percent / 100 * n_train_words / seconds


METER = re.compile(rb"Alpha: (\S+)\s+Progress: (\S+)%\s+Words/thread/sec: (\S+)k")
LONGEST_RECORD = 200  # bytes; what may be cut in two by the end of a chunk


class MeterReader:
    """Finds progress records in a stream that arrives in chunks; keeps the rest as output."""

    def __init__(self) -> None:
        self.first: MeterRecord | None = None
        self.last: MeterRecord | None = None
        self._pending = b""
        self._rest = bytearray()

    def feed(self, chunk: bytes, seconds: float) -> None:
        text = self._pending + chunk
        end = 0
        for found in METER.finditer(text):
            self._rest += text[end : found.start()]
            end = found.end()
            record = MeterRecord(seconds, float(found[2]), float(found[3]) * 1000)
            if record.percent > 0:  # a record of 0 % may come before the set-up is over
                self.last = record
                self.first = self.first or record
        keep_from = max(end, len(text) - LONGEST_RECORD)
        self._rest += text[end:keep_from]
        self._pending = text[keep_from:]

    def output(self) -> str:
        text = (self._rest + self._pending).decode("utf-8", "replace")
        return "\n".join(line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip())


def cores_command(n_cores: int | None) -> list[str]:
    """What goes before a command that is to use `n_cores` of the cores this process may use."""
    if n_cores is None:
        return []
    taskset = shutil.which("taskset")
    if taskset is None:
        raise BenchError("no command `taskset` to hold a program to one core (package util-linux)")
    allowed = sorted(os.sched_getaffinity(0))[:n_cores]
    return [taskset, "-c", ",".join(map(str, allowed))]


def run_program(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    output: Path | None = None,
    n_cores: int | None = None,
) -> Run:
    """Run `command` in `folder` to its end; `environment` is added to this process's own.

    Standard output is kept in the result, or goes to the file `output`.  With `n_cores` the
    program may use so many cores and no more, for programs that cannot be told otherwise.
    Raises BenchError when the program is missing or does not end with exit code 0.
    """
    meter = MeterReader()
    command = [*cores_command(n_cores), *command]
    load_before = os.getloadavg()[0]
    with ExitStack() as stack:
        errors = stack.enter_context(tempfile.TemporaryFile())
        target = subprocess.PIPE if output is None else stack.enter_context(output.open("wb"))
        started = time.perf_counter()
        try:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=errors,
            )
        except OSError as error:
            raise BenchError(f"{command[0]} cannot be started: {error}") from error
        try:
            if child.stdout is not None:
                with child.stdout as pipe:
                    while chunk := os.read(pipe.fileno(), 1 << 16):
                        meter.feed(chunk, time.perf_counter() - started)
            # wait4 gives the usage of this child alone; RUSAGE_CHILDREN would add up all of them.
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            child.wait()
            raise
        wall_s = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip() or meter.output()
            last_line = said.splitlines()[-1] if said else "nothing said"
            raise BenchError(
                f"exit code {child.returncode} from `{' '.join(command)}`: {last_line}"
            )
    return Run(
        command=list(command),
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        max_rss_bytes=usage.ru_maxrss * (1 if os.uname().sysname == "Darwin" else 1024),
        output=meter.output(),
        first=meter.first,
        last=meter.last,
        load_before=load_before,
    )
