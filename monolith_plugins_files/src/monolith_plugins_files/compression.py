"""Compression: by the ending of a file's name."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from importlib import import_module
from typing import IO, Any, Literal

from monolith_core import PermanentError

Compression = Literal["none", "gzip", "bz2", "xz", "zstd"]
ENDINGS: dict[str, Compression] = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zst": "zstd", ".zstd": "zstd"}


def by_name(path: str) -> tuple[str, Compression]:
    """The path without the ending of a compression, and which one that is."""
    for ending, compression in ENDINGS.items():
        if path.lower().endswith(ending):
            return path[: -len(ending)], compression
    return path, "none"


def reader(raw: IO[bytes], compression: Compression) -> IO[bytes]:
    """What is in a compressed file; closing it leaves `raw` open. Raises PermanentError without the package for it."""
    if compression == "none":
        return raw
    opened: IO[bytes] = _opener(compression)(raw, "rb")
    return opened


def writer(raw: IO[bytes], compression: Compression) -> IO[bytes]:
    """A file whose content goes compressed into `raw`, the same for the same; closing it leaves `raw` open."""
    if compression == "none":
        return raw
    opened: IO[bytes] = _opener(compression)(raw, "wb")
    return opened


def damaged(error: Exception) -> bool:
    """Whether an error of reading means that a file is not what its compression says, or is cut off."""
    if isinstance(error, OSError):  # gzip's own is one, and bz2 has none of its own
        return error.errno is None and type(error).__name__ in ("OSError", "BadGzipFile")
    return isinstance(error, EOFError | zlib.error) or type(error).__name__ in ("LZMAError", "ZstdError")


def _opener(compression: Compression) -> Callable[[IO[bytes], Any], Any]:
    if compression == "gzip":
        import gzip

        return lambda raw, mode: gzip.GzipFile(fileobj=raw, mode=mode, filename="", mtime=0, compresslevel=6)
    if compression == "bz2":
        import bz2

        return bz2.BZ2File
    if compression == "xz":
        import lzma

        return lzma.LZMAFile
    return _zstd()  # type: ignore[no-any-return]


def _zstd() -> Any:
    try:
        # Part of Python since 3.14.
        return import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd").ZstdFile
    except ImportError:
        raise PermanentError(
            "zstd needs a package that is not installed; pip install 'monolith-plugin-files[zstd]'"
        ) from None
