"""Shelf: puts whole files in their place, and takes them away; a reader never sees a part of one.

A local file, and one on a server that can rename, is written beside its place, under a name that begins with a dot, and
renamed. In an object store a file appears when all of it is there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from monolith_core import PermanentError
from monolith_plugins_files.storage import Storage


class Shelf:
    """The files of a place; `confirm` is called just before a change is made, and may raise."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @contextmanager
    def put(self, path: str, confirm: Callable[[], None]) -> Iterator[IO[bytes]]:
        """A file to write to, which takes its place at the end; after an error everything is as before."""
        with self._storage.faults(path):
            writing = self._local if self._storage.place.is_local else self._remote
            with writing(path, confirm) as file:
                yield file

    def remove(self, path: str, confirm: Callable[[], None]) -> None:
        """Take a file away, if it is there."""
        confirm()
        with self._storage.faults(path), suppress(FileNotFoundError):
            self._storage.system.rm_file(path)

    @contextmanager
    def _local(self, path: str, confirm: Callable[[], None]) -> Iterator[IO[bytes]]:
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        for left in place.parent.glob(f".{_escaped(place.name)}.*.part"):  # by a run that was killed
            left.unlink(missing_ok=True)
        part = place.with_name(f".{place.name}.{uuid4().hex[:12]}.part")
        try:
            with part.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            confirm()
            part.replace(place)
            _sync_folder(place.parent)
        finally:
            part.unlink(missing_ok=True)

    @contextmanager
    def _remote(self, path: str, confirm: Callable[[], None]) -> Iterator[IO[bytes]]:
        system = self._storage.system
        with tempfile.NamedTemporaryFile(prefix="monolith-") as file:
            yield file
            file.flush()
            confirm()
            if self._storage.place.is_store:
                system.put_file(file.name, path)
                return
            folder, _, name = path.rpartition("/")
            part = f"{folder}/.{name}.part"
            system.makedirs(folder, exist_ok=True)
            system.put_file(file.name, part)
            system.mv(part, path)


def _escaped(name: str) -> str:
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def writable(folder: Path) -> str:
    """What is to be said of a folder that files are to be written to; raises PermanentError if they cannot be."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise PermanentError(f"{there} is not a folder that may be written to; give the right to it, or change path")
    return f"{folder} is there" if there == folder else f"{folder} is not there yet, the first run makes it"
