"""Memory that nobody uses is the machine's again."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
from pathlib import Path
from gateway.resident import give_back
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
held = [ctypes.create_string_buffer(b"x" * 4000) for _ in range(20_000)]
last = held.pop()  # at the top of the heap: what is below stays with the process by itself
del held
before = resident()
give_back()
print(before - resident(), last.value[:1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_freed_goes_back_to_the_machine():
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    given, last = done.stdout.split()
    assert int(given) > 40_000_000
    assert last == "b'x'"
