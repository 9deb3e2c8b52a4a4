"""What a figure was measured on: date, processor, load, versions, and who else used the cores."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sqlite3
import subprocess
import time
from pathlib import Path

import psutil

from tests.bench import nodered
from tests.support.need import find

WATCH_S = 1.0
BUSIEST = 5


def header() -> str:
    """Several lines."""
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    packages = ("numpy", "numba", "paho-mqtt", "river", "influxdb-client")
    versions = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    versions |= {name: _package(name) for name in packages}
    versions |= {"mosquitto": _mosquitto(), "node": _said("node", "--version")}
    versions["node-red"] = nodered.installed() or f"{nodered.VERSION}, to be installed"
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    cores = len(os.sched_getaffinity(0))
    now = time.strftime("%Y-%m-%d %H:%M:%S %z")
    return f"{now}; {processor()}, {cores} cores; load {load}\n{told}\n{busiest()}"


def processor() -> str:
    """Its model."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"(?m)^model name\s*: (.*)$", text)
    return found[1] if found else platform.machine()


def busiest(watch_s: float = WATCH_S) -> str:
    """What took most of the processor within a second, this process left out."""
    before = _used()
    time.sleep(watch_s)
    used = [(took - before.get(pid, (0.0, ""))[0], name) for pid, (took, name) in _used().items()]
    most = sorted((one for one in used if one[0] >= 0.01 * watch_s), reverse=True)[:BUSIEST]
    told = ", ".join(f"{name} {100 * took / watch_s:.0f} %" for took, name in most)
    return f"what else runs on the cores: {told or 'nothing above 1 %'}; load {os.getloadavg()[0]:.2f}"


def _used() -> dict[int, tuple[float, str]]:
    """By process id: the kernel's workers change their names."""
    found = {}
    for process in psutil.process_iter(["pid", "name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None and process.pid != os.getpid():
            found[process.pid] = (times.user + times.system, process.info["name"])
    return found


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _mosquitto() -> str:
    found = re.search(r"version (\S+)", _said("mosquitto", "-h"))
    return found[1] if found else "missing"


def _said(program: str, word: str) -> str:
    path = find(program)
    if not path:
        return "missing"
    done = subprocess.run([path, word], check=False, capture_output=True, text=True, timeout=10)
    return done.stdout.strip()
