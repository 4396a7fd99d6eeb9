"""Output: what a log line looks like and where it goes.

Every line of the log is formatted here, so that none can have a secret or a control character in it.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from monolith_core.blame import nobody
from monolith_core.logs.words import plain
from monolith_core.secrets import hide

LEVELS = ("debug", "info", "warning", "error")
Format = Literal["text", "json"]


class TextFormatter(logging.Formatter):
    """`2024-03-10 12:00:00+01:00 info    message`, and the traceback below it if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        when = dt.datetime.fromtimestamp(record.created, dt.UTC).astimezone().isoformat(" ", "seconds")
        line = f"{when} {record.levelname.lower():<8}{plain(record.getMessage())}"
        trace = _traceback(self, record)
        return f"{line}\n{trace}" if trace else line


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the facts of the event, the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        facts = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": hide(record.getMessage()),
            **{name: _hidden(value) for name, value in getattr(record, "facts", {}).items()},
        }
        trace = _traceback(self, record)
        return json.dumps(facts | {"traceback": trace} if trace else facts, ensure_ascii=False)


class Lines(logging.Handler):
    """Hands each line to `write`; when that fails it says so once on standard error, and the run goes on."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self.write = write
        self._told = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            self.write(self.format(record))
        except Exception as error:  # a full disk, a reader that went away: no reason to stop archiving
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        if self._told:
            return
        self._told = True
        try:
            print(f"monolith: the log cannot be written: {plain(str(error))}", file=sys.stderr, flush=True)
        except OSError:
            return  # standard error is what cannot be written


def to_stderr(line: str) -> None:
    """Write a line to what is standard error now."""
    print(line, file=sys.stderr, flush=True)


def to_stdout(line: str) -> None:
    """Write a line to what is standard output now."""
    with nobody():
        print(escaped(line), flush=True)


def escaped(text: str) -> str:
    """The text with `\\xf1` and the like for what standard output cannot have, as standard error does it by itself."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "backslashreplace").decode(encoding)


@contextmanager
def logging_to(
    output: Path | Callable[[str], None] = to_stderr, *, level: str = "info", form: Format = "text"
) -> Iterator[Lines]:
    """Log what monolith and its plugins say from `level` on, and what libraries warn of, while the context is open.

    `output` is a file, which is appended to, or is called with each line. Within another such context this one stands
    in its place. Raises OSError for a file that cannot be opened.
    """
    file = (
        output.open("a", encoding="utf-8", errors="backslashreplace", buffering=1) if isinstance(output, Path) else None
    )
    write = (lambda line: file.write(f"{line}\n")) if file else output
    handler = Lines(write)  # type: ignore[arg-type]
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root, ours = logging.getLogger(), logging.getLogger("monolith")
    before = root.level, ours.level
    outer = [each for each in root.handlers if isinstance(each, Lines)]
    _exchange(root, outer, [handler])
    ours.setLevel(level.upper())
    root.setLevel(max(logging.WARNING, ours.level) if level != "debug" else logging.INFO)
    logging.captureWarnings(True)
    try:
        yield handler
    finally:
        logging.captureWarnings(bool(outer))
        _exchange(root, [handler], outer)
        root.setLevel(before[0])
        ours.setLevel(before[1])
        if file:
            with suppress(OSError):  # lines that the disk has no room for: it was said when they were logged
                file.close()


def _exchange(logger: logging.Logger, old: Iterable[logging.Handler], new: Iterable[logging.Handler]) -> None:
    for each in old:
        logger.removeHandler(each)
    for each in new:
        logger.addHandler(each)


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return hide(formatter.formatException(record.exc_info)) if record.exc_info and record.exc_info[0] else ""


def _hidden(value: Any) -> Any:
    return hide(value) if isinstance(value, str) else value
