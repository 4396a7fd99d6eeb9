"""The configurations that `monolith init` writes, from the templates in `templates/init/`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from monolith_core.errors import MonolithError
from monolith_core.registry import Kind, installed

_DEMO_NEEDS: tuple[tuple[Kind, str], ...] = (("source", "random"), ("target", "sql"))
"""What the demonstration is of, by the names of entry points: no plugin is known here, or imported."""


def write_starter(file: Path) -> None:
    """Write a commented configuration to begin with.

    Raises MonolithError if the file is there already, or cannot be written.
    """
    _write(file, "starter.ini.txt")


def write_demo(file: Path) -> None:
    """Write a configuration that runs at once.

    Raises MonolithError as `write_starter` does, and if a plugin that it needs is not installed.
    """
    for kind, name in _DEMO_NEEDS:
        if name not in {entry.name for entry in installed(kind)}:
            raise MonolithError(
                f"got no {kind} {name!r} among the installed plugins, expected it for the demo; "
                f"pip install monolith-plugin-{name}"
            )
    _write(file, "demo.ini.txt")


def _write(file: Path, template: str) -> None:
    text = (files(__package__) / "templates" / "init" / template).read_text(encoding="utf-8")
    try:
        with file.open("x", encoding="utf-8") as new:  # never into a file that is there
            new.write(text)
    except FileExistsError:
        raise MonolithError(f"{file} is there already; remove it, or give another FILE") from None
    except OSError as error:
        raise MonolithError(f"{file} cannot be written: {error.strerror}; give another FILE") from None
