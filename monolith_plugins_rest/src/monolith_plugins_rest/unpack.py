"""Unpack: gzip, with a limit on what comes out, so that a small answer cannot fill the memory."""

from __future__ import annotations

import zlib

ACCEPTED = "gzip"
"""The only coding that is asked for."""

_GZIP = 16 + zlib.MAX_WBITS


class TooLong(Exception):
    """More came out than the limit."""


class Damaged(Exception):
    """It is not gzip, or was cut."""


class Plain:
    """Collects what is not packed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._out = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next piece; raises TooLong."""
        self._out += data
        if len(self._out) > self._most:
            raise TooLong

    def finish(self) -> bytes:
        """All of it."""
        return bytes(self._out)


class Gzip(Plain):
    """Collects what gzip packed, also in several members one after the other."""

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self._unpacker = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, data: bytes) -> None:
        """Take the next packed piece; raises TooLong or Damaged."""
        while data:
            if self._unpacker.eof:
                self._unpacker = zlib.decompressobj(_GZIP)
            self._begun = True
            try:
                super().feed(self._unpacker.decompress(data, self._most - len(self._out) + 1))
            except zlib.error as error:
                raise Damaged(str(error)) from None
            data = self._unpacker.unused_data or self._unpacker.unconsumed_tail

    def finish(self) -> bytes:
        """All of it; raises Damaged if the end is missing."""
        if self._begun and not self._unpacker.eof:
            raise Damaged("its end is missing")
        return super().finish()
