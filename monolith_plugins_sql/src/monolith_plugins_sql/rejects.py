"""Rejects: a file of the records that could not be read, so that what is left out of an archive is not lost."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monolith_core import Partition, PermanentError
from monolith_plugins_sql.original import Row, shown_id


class Rejects:
    """The file at `path`, with one JSON object a line; each record stands in it once, however often it is read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._known: set[str] = set()
        self.counts: Counter[Partition] = Counter()
        self._read()

    @property
    def total(self) -> int:
        """How many records are in the file."""
        return len(self._known)

    def add(self, found: Iterable[tuple[Row, Partition | None, str]]) -> None:
        """Add records, each with its partition, if it has one, and what is wrong; they are on the disk afterwards."""
        with self._lock:
            new = [each for each in found if shown_id(each[0].id) not in self._known]
            if not new:
                return
            try:
                with self.path.open("a", encoding="utf-8") as file:
                    file.writelines(_line(*each) for each in new)
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise PermanentError(f"the rejects cannot be written to {self.path}: {error.strerror}") from None
            for row, partition, _ in new:
                self._note(shown_id(row.id), partition)

    def _note(self, name: str, partition: Partition | None) -> None:
        self._known.add(name)
        if partition is not None:
            self.counts[partition] += 1

    def _read(self) -> None:
        try:
            text = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
            whole = text[: text.rfind("\n") + 1]
            if whole != text:  # the end of a process that was killed; it reads that record again
                os.truncate(self.path, len(whole.encode()))
            for line in whole.splitlines():
                known = json.loads(line)
                self._note(known["id"], _partition(known))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PermanentError(
                f"{self.path} cannot be read as a file of rejects ({type(error).__name__}: {error}); name another file"
            ) from None


def _partition(known: dict[str, Any]) -> Partition | None:
    import datetime as dt

    day = known["day"]
    return None if day is None else Partition(known["source"], dt.date.fromisoformat(day))


def _line(row: Row, partition: Partition | None, why: str) -> str:
    facts = {
        "id": shown_id(row.id),
        "why": why,
        "day": partition.date.isoformat() if partition else None,
        "source": partition.source if partition else _plain(row.source),
        "original": {name: _plain(value) for name, value in row._asdict().items() if name != "id"},
    }
    return json.dumps(facts, ensure_ascii=True) + "\n"


def _plain(value: Any) -> Any:
    """A value as JSON; bytes that are no text are base64."""
    if isinstance(value, bytes | memoryview):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(value).decode()}
    return value if value is None or isinstance(value, str | int | float | dict | list) else str(value)
