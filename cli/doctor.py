"""`wordvec doctor`: what a bug report needs, and what is missing for what."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from wordvec import __version__

# Optional import -> (what it is for, the line that installs it).
EXTRAS = {
    "zstandard": ("reading .zst corpora", "pip install 'wordvec[zst]'"),
    "pyarrow": ("Parquet and Arrow files", "pip install 'wordvec[arrow]'"),
    "scipy": ("graphs in .mat files", "pip install 'wordvec[mat]'"),
    "usearch": ("approximate indexes", "pip install 'wordvec[ann]'"),
    "pytest": ("the tests", "pip install 'wordvec[test]'"),
    "hypothesis": ("the tests", "pip install 'wordvec[test]'"),
    "gensim": ("comparison with gensim", "pip install 'wordvec[rivals]'"),
}
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
UNKNOWN = "unknown"


def examine() -> dict[str, Any]:
    """Everything that doctor reports, ready for JSON."""
    simd: Any
    try:
        simd = importlib.import_module("wordvec.kernels.simd")
        sets, active, problem = list(simd.available()), simd.active(), None
    except Exception as error:  # a broken build is just what doctor must be able to report
        sets, active, problem = [], None, f"{type(error).__name__}: {error}"
    return {
        "versions": {name: installed_version(name) for name in ("numpy", "click")}
        | {"wordvec": __version__, "python": platform.python_version()},
        "python": sys.executable,
        "platform": platform.platform(),
        "processor": processor_name(),
        "instruction_sets": sets,
        "instruction_set_active": active,
        "instruction_set_forced": os.environ.get("WORDVEC_SIMD") or None,
        "kernels_problem": problem,
        "cores": os.cpu_count(),
        "cores_usable": usable_cores(),
        "huge_pages": huge_pages(),
        "memory_bytes": memory_bytes("SC_PHYS_PAGES"),
        "memory_free_bytes": free_memory_bytes(),
        "extras": {
            name: {
                "version": installed_version(name) if find_spec(name) else None,
                "for": purpose,
                "install": line,
            }
            for name, (purpose, line) in EXTRAS.items()
        },
    }


def installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def processor_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or UNKNOWN


def usable_cores() -> int | None:
    """Cores this process may run on: containers and taskset give fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def huge_pages() -> str:
    """The kernel's mode for transparent huge pages: always, madvise, never, or unknown."""
    try:
        text = HUGE_PAGES.read_text()
    except OSError:
        return UNKNOWN
    return text.partition("[")[2].partition("]")[0] or UNKNOWN


def memory_bytes(pages: str) -> int | None:
    try:
        return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None


def free_memory_bytes() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return memory_bytes("SC_AVPHYS_PAGES")


def gigabytes(n_bytes: int | None) -> str:
    return UNKNOWN if n_bytes is None else f"{n_bytes / 2**30:.1f} GiB"


def lines_of(report: dict[str, Any]) -> list[str]:
    versions = report["versions"]
    sets = ", ".join(report["instruction_sets"]) or "none"
    forced = report["instruction_set_forced"]
    rows = [
        ("wordvec", versions["wordvec"] or UNKNOWN),
        ("Python", f"{versions['python']} ({report['python']})"),
        ("numpy, click", f"{versions['numpy']}, {versions['click']}"),
        ("platform", report["platform"]),
        ("processor", report["processor"]),
        ("instruction sets", f"{sets}; active: {report['instruction_set_active'] or 'none'}"
         + (f" (WORDVEC_SIMD={forced})" if forced else "")),
        ("cores", f"{report['cores']}, usable by this process: {report['cores_usable']}"),
        ("huge pages", describe_huge_pages(report["huge_pages"])),
        ("memory", f"{gigabytes(report['memory_bytes'])}, "
         f"available now: {gigabytes(report['memory_free_bytes'])}"),
    ]  # fmt: skip
    for name, extra in report["extras"].items():
        found = extra["version"]
        state = found if found else f"absent (for {extra['for']}: {extra['install']})"
        rows.append((name, state))
    if report["kernels_problem"]:
        rows.append(("PROBLEM", f"the kernels do not load: {report['kernels_problem']}"))
    return [f"{name:<17} {value}" for name, value in rows]


def describe_huge_pages(mode: str) -> str:
    meaning = {
        "always": "on",
        "madvise": "on for the weights (madvise)",
        "never": "off; training of large vocabularies is up to 1.5 times faster with them "
        "(echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, as root)",
    }
    return meaning.get(mode, mode)


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable: one JSON object.")
def command(as_json: bool) -> int:
    """Say what this machine offers and what is installed; exit 1 if the kernels do not load."""
    report = examine()
    click.echo(json.dumps(report, indent=2) if as_json else "\n".join(lines_of(report)))
    return 1 if report["kernels_problem"] else 0
