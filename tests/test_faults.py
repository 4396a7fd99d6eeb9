"""Fault points do nothing unless the environment names one, and then they do exactly that, once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monolith_core import faults

ROOT = Path(__file__).parent.parent

PROGRAM = """
from monolith_core.faults import point
for number in range(1, 5):
    print(number, flush=True)
    point("staged")
    point("replaced")
print("end", flush=True)
"""


def start(fault: str | None) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name != "MONOLITH_FAULT"}
    if fault is not None:
        environment["MONOLITH_FAULT"] = fault
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, stdout=subprocess.PIPE, text=True)


def run(fault: str | None) -> tuple[list[str], int]:
    """What the program printed, and how it ended."""
    with start(fault) as process:
        output, _ = process.communicate(timeout=60)
    return output.split(), process.returncode


@pytest.mark.parametrize("fault", [None, "", "committed", "stage", "replaced:5", "staged:0", "committed:1:stop"])
def test_points_that_are_not_named_do_nothing(fault: str | None) -> None:
    assert run(fault) == (["1", "2", "3", "4", "end"], 0)


@pytest.mark.parametrize(
    ("fault", "printed"),
    [("staged", ["1"]), ("replaced:1", ["1"]), ("staged:3", ["1", "2", "3"]), ("replaced:4", ["1", "2", "3", "4"])],
)
def test_a_named_point_ends_the_process_at_once(fault: str, printed: list[str]) -> None:
    assert run(fault) == (printed, -signal.SIGKILL)


def test_a_named_point_stops_the_process_once() -> None:
    with start("replaced:2:stop") as process:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status)
            assert os.WSTOPSIG(status) == signal.SIGSTOP
            assert process.stdout is not None
            assert [process.stdout.readline() for _ in range(2)] == ["1\n", "2\n"]
            process.send_signal(signal.SIGCONT)
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert output.split() == ["3", "4", "end"]
    assert process.returncode == 0


def test_every_point_there_is_has_its_place_in_the_code() -> None:
    """One that nothing passes would let a test of it pass for nothing."""
    passed = {
        name
        for folder in ROOT.glob("monolith_*/src")
        for file in folder.rglob("*.py")
        for name in re.findall(r'faults\.point\("(\w+)"\)', file.read_text(encoding="utf-8"))
    }
    assert passed == set(faults.POINTS)
