"""Where a figure was taken: processor, versions, and who else was using the machine meanwhile."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import core


def processor() -> str:
    """The processor's own name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def facts() -> dict[str, str | int | float]:
    """Machine and versions."""
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 0,
        "system": f"{platform.system()} {platform.release()}",
        "load_1m": round(os.getloadavg()[0], 2),
        "tradewind": version("tradewind"),
        "commit": _commit(),
        "python": platform.python_version(),
        "rustc": _first_line([core.tool("rustc") or "rustc", "--version"]),
    }


def _commit() -> str:
    commit = _first_line(["git", "rev-parse", "--short", "HEAD"])
    changed = _first_line(["git", "status", "--porcelain", "--untracked-files=no"])
    return f"{commit}, changed since" if commit and changed else commit or "unknown"


def _first_line(command: list[str]) -> str:
    try:
        ran = subprocess.run(command, cwd=core.REPOSITORY, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return ran.stdout.partition("\n")[0] if ran.returncode == 0 else ""


def _busy_s() -> float | None:
    """Time that all processors together have worked since the machine started, stolen time included; Linux only."""
    try:
        fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, fields)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def cpu_s() -> float:
    """Processor time of this process and of the children it has waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in usages)


@dataclass(frozen=True, slots=True)
class Watch:
    """Started before a measurement: tells afterwards what it took, and how much of the machine others used."""

    wall_s: float
    own_s: float
    busy_s: float | None

    @classmethod
    def start(cls) -> Watch:
        """Begin now."""
        return cls(time.perf_counter(), cpu_s(), _busy_s())

    def read(self) -> Mapping[str, float | None]:
        """wall_s, cpu_s (ours), others_cores (mean number of cores busy for somebody else; None: not known)."""
        wall, own, busy = time.perf_counter() - self.wall_s, cpu_s() - self.own_s, _busy_s()
        others = None
        if busy is not None and self.busy_s is not None:
            others = round(max(0.0, busy - self.busy_s - own) / wall, 2)
        return {"wall_s": round(wall, 2), "cpu_s": round(own, 2), "others_cores": others}
