"""Throwaway distributions: a folder with metadata, entry points and modules, as an installation would leave it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent


def make_distribution(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    groups: Mapping[str, Mapping[str, str]] | None = None,
    modules: Mapping[str, str] | None = None,
) -> Path:
    """Write a distribution into `folder`, which the caller puts on `sys.path` (or into PYTHONPATH).

    `groups` are its entry points, `{"monolith.sources": {"tiny": "tiny_module:Tiny"}}`, `modules` the text of its
    modules by name.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(_entry_points(groups or {}), encoding="utf-8")
    for module, text in (modules or {}).items():
        (folder / f"{module}.py").write_text(dedent(text), encoding="utf-8")
    return info


def _entry_points(groups: Mapping[str, Mapping[str, str]]) -> str:
    sections = (
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in groups.items()
    )
    return "\n".join(sections)
