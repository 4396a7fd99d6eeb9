"""Files: the report, written so that a reader sees the old one or the new one."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from monolith_core.cli.paint import json_text


class FileReport:
    """A place for the report; `-` is standard output. Raises UsageError at once if nothing can be written there."""

    def __init__(self, path: str) -> None:
        self.path = path
        if path != "-":
            self._check(Path(path))

    def write(self, report: dict[str, Any]) -> None:
        """Write the report; a file is replaced in one step. Raises OSError."""
        path = Path(self.path)
        if self.path == "-":
            sys.stdout.write(json_text(report) + "\n")
            sys.stdout.flush()
            return
        text = json.dumps(report, indent=2, ensure_ascii=False) + "\n"
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a pipe or a device has nothing that could be replaced
        else:
            _replace(path.resolve(), text)

    def _check(self, path: Path) -> None:
        folder = path.resolve().parent
        if path.is_dir():
            raise click.UsageError(f"--report: {path} is a folder; name a file in it")
        if not folder.is_dir():
            raise click.UsageError(f"--report: there is no folder {folder}; create it, or name another file")
        if not os.access(path if path.exists() and not path.is_file() else folder, os.W_OK):
            raise click.UsageError(f"--report: {path} is not writable by this user; name another file")


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
