"""Whether the holder of a lease is certainly dead."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from monolith_core.storage import holder, identity


def changed(**parts: str) -> str:
    """This process's identity with other parts."""
    text = identity()
    for name, value in parts.items():
        text = re.sub(rf"\b{name}=\S*", f"{name}={value}", text)
    return text


def free_pid() -> str:
    """The pid of a process that has been and gone."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return str(done.pid)


def test_an_identity_names_this_process_and_stays():
    assert identity() == identity()
    assert f" pid={os.getpid()} " in identity()
    assert re.fullmatch(r"host=\S+ boot=[0-9a-f-]{36} pidns=pid:\[\d+\] pid=\d+ start=\d+", identity())


def test_the_living_are_alive():
    assert not holder.is_dead(identity())
    assert not holder.is_dead(changed(pid=str(os.getppid()), start=holder._start(os.getppid()) or ""))


def test_a_process_that_is_gone_is_dead():
    assert holder.is_dead(changed(pid=free_pid()))


def test_a_later_process_with_the_same_pid_is_another_one():
    assert holder.is_dead(changed(start="1"))


@pytest.mark.parametrize("part", ["host", "boot", "pidns"])
def test_what_runs_elsewhere_cannot_be_known(part: str):
    assert not holder.is_dead(changed(pid=free_pid(), **{part: "other"}))


@pytest.mark.parametrize("text", ["", "nonsense", "host=a"])
def test_what_cannot_be_read_is_alive(text: str):
    assert not holder.is_dead(text)


@pytest.mark.parametrize("pid", ["", "0", "-1", "x", "٣"])
def test_a_process_without_a_number_is_alive(pid: str):
    assert not holder.is_dead(changed(pid=pid))


def test_a_process_of_another_user_is_alive(monkeypatch: pytest.MonkeyPatch):
    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    monkeypatch.setattr(holder, "_start", lambda pid: "5" if pid == os.getpid() else None)
    assert not holder.is_dead(changed(pid="1", start="1"))


def test_without_proc_nobody_is_known_to_be_dead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    gone = changed(pid=free_pid())
    monkeypatch.setattr(holder, "_PROC", tmp_path)
    assert re.fullmatch(r"host=\S+ boot= pidns= pid=\d+ start=", identity())
    assert not holder.is_dead(gone)
    assert not holder.is_dead(changed(pid=free_pid()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("host=web1 boot=b pidns=pid:[1] pid=7 start=9", "host web1, pid 7"),
        ("somebody", "somebody"),
        ("", "nobody"),
    ],
)
def test_a_holder_as_a_person_reads_it(text: str, shown: str):
    assert holder.describe(text) == shown
