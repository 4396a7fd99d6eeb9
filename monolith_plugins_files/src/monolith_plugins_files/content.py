"""Content: what is in a file, decompressed, as far as it may be read; and its lines."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from typing import IO, Self

from monolith_core import MonolithError, TemporaryError
from monolith_plugins_files.compression import Compression, by_name, damaged, reader
from monolith_plugins_files.faults import FileFault
from monolith_plugins_files.storage import File, Storage, explained

CHUNK = 2**16
"""Bytes that are read at once."""

LONGEST_LINE = 2**24
"""Most characters of one line, and of one field."""


def allow_long_fields() -> None:
    """Let the module csv read fields of as many characters as a line may have; its limit is the whole process's."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))


class Content:
    """One file that is being read; a context manager.

    A file that grows meanwhile counts as far as it was whole lines when it was found; any other change is a
    TemporaryError, raised when the reading is over.
    """

    def __init__(self, storage: Storage, file: File, compression: Compression | None, *, most: int) -> None:
        self.file = file
        self.compression = by_name(file.path)[1] if compression is None else compression
        self._storage = storage
        self._most = most
        self._size = 0
        self._by_lines = False
        self._stack = ExitStack()
        self._stream: IO[bytes] = io.BytesIO()

    def __enter__(self) -> Self:
        with self._stack as stack:
            raw = stack.enter_context(self._storage.open(self.file))
            self._stream = reader(raw, self.compression)
            if self._stream is not raw:
                stack.enter_context(self._stream)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def stream(self) -> IO[bytes]:
        """The file as such, for a format that reads here and there."""
        return self._stream

    def fault(self, line: int, message: str, unit: str = "") -> FileFault:
        """The fault of a place in this file."""
        return FileFault(self.file.path, line, message, unit=unit)

    def chunks(self) -> Iterator[bytes]:
        """The content, piece by piece."""
        while chunk := self._read(CHUNK):
            self._size += len(chunk)
            if self._size > self._most:
                raise self.fault(
                    0, f"has more than {self._most:,} bytes when decompressed; if that is right, raise max-bytes"
                )
            yield chunk

    def lines(self, encoding: str, comment: str | None = None) -> Iterator[str]:
        """Every line with its end, which is a line feed; a comment is an empty line."""
        self._by_lines = True
        return chain.from_iterable(self._blocks(encoding, comment))

    def finish(self) -> None:
        """Raise TemporaryError if what was read may be a mixture, because the file was changed meanwhile."""
        if self._changed() and not self._by_lines:
            raise self._mixed()

    def _changed(self) -> bool:
        """Whether the file has grown since it was found; raises TemporaryError after any other change."""
        now = self._storage.find(self.file.path)
        if now == self.file or now is None:  # one that is gone was held open
            return False
        if self.compression == "none" and None not in (now.size, self.file.size) and now.size > self.file.size:  # type: ignore[operator]
            return True
        raise self._mixed()

    def _mixed(self) -> TemporaryError:
        return TemporaryError(f"{self.file.path}: it was changed while it was read")

    def _read(self, size: int) -> bytes:
        if self.compression == "none" and self.file.size is not None:
            size = min(size, self.file.size - self._size)
        try:
            return self._stream.read(size) if size > 0 else b""
        except MonolithError:
            raise
        except Exception as error:
            if self.compression != "none" and damaged(error):
                text = " ".join(str(error).split()) or type(error).__name__
                raise self.fault(0, f"is no whole {self.compression} file: {text}; copy it again") from error
            raise explained(error, self.file.path) from error

    def _blocks(self, encoding: str, comment: str | None) -> Iterator[list[str]]:
        rest, line = "", 1
        for text in self.texts(encoding):
            block = io.StringIO(rest + text, newline="\n").readlines()
            rest = block.pop() if block and not block[-1].endswith("\n") else ""
            line += len(block)
            if len(rest) > LONGEST_LINE:
                raise self.fault(line, f"a line of more than {LONGEST_LINE:,} characters; expected lines of text")
            if comment is not None:
                block = ["\n" if line.startswith(comment) else line for line in block]
            yield block
        if rest and not (comment is not None and rest.startswith(comment)) and not self._is_cut():
            yield [rest]

    def _is_cut(self) -> bool:
        """Whether a last line without an end is one that was still being written."""
        return self.compression == "none" and self._changed()

    def texts(self, encoding: str) -> Iterator[str]:
        """The content as text, piece by piece."""
        decoder = _decoder(encoding)
        read = 0
        for chunk in chain(self.chunks(), (b"",)):
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise self._undecodable(error, encoding, read) from None
            read += text.count("\n")
            yield text

    def _undecodable(self, error: UnicodeDecodeError, encoding: str, read: int) -> FileFault:
        good = error.object[: error.start].decode(encoding, errors="replace")
        byte = error.object[error.start]
        wide = error.object[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
        advice = "set encoding = utf-16" if wide else f"set encoding to what it is (it is {encoding})"
        return self.fault(read + good.count("\n") + 1, f"the byte 0x{byte:02x} is not {encoding}; {advice}")


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    name = codecs.lookup(encoding).name
    return codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()
