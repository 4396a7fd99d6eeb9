"""Storage: the file system that a section's files are in, by fsspec, which is loaded when it is first used."""

from __future__ import annotations

import datetime as dt
import errno
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

from monolith_core import MonolithError, PermanentError, TemporaryError
from monolith_plugins_files.loop import Loop
from monolith_plugins_files.place import Place
from monolith_plugins_files.template import Template

MOST_FOLDERS = 64
"""Folders that are listed one by one; where there are more, the tree above them is walked."""

MOST_ASKED = 4
"""Files that are asked for by name where their folder could be listed."""

_TAGS = ("ETag", "etag", "md5Hash", "content_md5", "checksum")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "modified", "created")
_PERMANENT = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.EINVAL}
_NO_CREDENTIALS = (
    "NoCredentialsError",
    "PartialCredentialsError",
    "DefaultCredentialsError",
    "CredentialRetrievalError",
)
_HTTP = ("aiohttp", "asyncio")
_GONE = (404, 410)
_CONTENT_ONLY = ("http", "https")
"""Protocols that often cannot list a folder."""


@dataclass(frozen=True, order=True)
class File:
    """A file as it was found; `tag` changes when its content does, and is empty if nothing tells."""

    path: str
    size: int | None
    tag: str

    @property
    def name(self) -> str:
        """What it is called in its folder."""
        return self.path.rpartition("/")[2]


class Storage:
    """The files of one place; any thread may use it."""

    def __init__(self, place: Place, options: Mapping[str, Any]) -> None:
        self.place = place
        self._options = options
        self._hidden = frozenset(_texts(options))
        self._lock = threading.Lock()
        self._loop: Loop | None = None

    def close(self) -> None:
        """End the connections, and the thread that they are in; a file system that is asked again is opened anew."""
        with self._lock:
            loop, self._loop = self._loop, None
            if loop is None:
                return
            system, _ = self.__dict__.pop("_opened", (None, None))
            loop.close(system)

    @property
    def template(self) -> Template:
        """The template of the paths that the file system knows."""
        return self._opened[1]

    @property
    def system(self) -> Any:
        """fsspec's file system."""
        return self._opened[0]

    @cached_property
    def _opened(self) -> tuple[Any, Template]:
        with self._lock, self.faults("open"):
            from fsspec.core import url_to_fs

            if self.place.is_local:
                from fsspec.implementations.local import LocalFileSystem

                return LocalFileSystem(), self.place.template
            system, path = url_to_fs(self.place.template.text, **self._options, **self._own_loop())
            return system, Template(path)

    def _own_loop(self) -> dict[str, Any]:
        """What lets a file system use a loop that ends with the section, if it uses one."""
        from fsspec.asyn import AsyncFileSystem
        from fsspec.core import split_protocol
        from fsspec.registry import get_filesystem_class

        text = self.place.template.text
        protocol, _ = split_protocol(text)
        if "::" in text or not issubclass(get_filesystem_class(protocol), AsyncFileSystem):
            return {}
        self._loop = self._loop or Loop()
        return {"loop": self._loop.loop, "skip_instance_cache": True}

    def files(self, days: Iterable[dt.date] | None = None) -> Iterator[File]:
        """The files that fit the template for any of these days, or for any day at all; in no order, each once."""
        template = self.template
        wanted = list(days) if days is not None else None
        keys = template.keys(wanted) if wanted is not None else None
        for file in self._candidates(template, wanted):
            key = template.key_of(file.path)
            if key is not None and (keys is None or key in keys):
                yield file

    def find(self, path: str) -> File | None:
        """The file of a path, if there is one."""
        with self.faults(path):
            self.system.invalidate_cache()
            try:
                found = self.system.info(path)
            except (FileNotFoundError, NotADirectoryError) as error:
                _raise_real(error)
                return None
            return _file(found) if found["type"] == "file" else None

    def is_there(self, folder: str) -> bool:
        """Whether there is such a folder."""
        with self.faults(folder):
            try:
                self.system.info(folder)
            except (FileNotFoundError, NotADirectoryError) as error:
                _raise_real(error)
                return False
            return True

    def open(self, file: File) -> IO[bytes]:
        """The content of a file."""
        with self.faults(file.path):
            opened: IO[bytes] = self.system.open(file.path, "rb")
            return opened

    @contextmanager
    def faults(self, path: str) -> Iterator[None]:
        """Make errors of the file system errors of monolith."""
        try:
            yield
        except MonolithError:
            raise
        except Exception as error:
            raise explained(error, path, self._hidden) from error

    def _candidates(self, template: Template, days: list[dt.date] | None) -> Iterator[File]:
        """Files among which those of the days are."""
        if days is None or "**" in template.text:
            yield from self._walk(template.root(days))
            return
        if template.is_plain:
            paths = list(dict.fromkeys(map(template.written, days)))
            if len(paths) <= MOST_ASKED or self.place.protocol in _CONTENT_ONLY:
                yield from (file for path in paths if (file := self.find(path)))
                return
        folders, rest = template.folders(days)
        if len(folders) > MOST_FOLDERS:
            yield from self._walk(template.root(days))
        elif rest is None:
            yield from (file for folder in folders for file in self._list(folder))
        else:
            yield from self._below(
                [below for folder in folders for below in self._folders(folder)], rest, template, days
            )

    def _below(self, folders: list[str], rest: str, template: Template, days: list[dt.date]) -> Iterator[File]:
        """Files in folders that a part with wildcards may mean."""
        if len(folders) > MOST_FOLDERS:
            yield from self._walk(template.root(days))
        for folder in folders if len(folders) <= MOST_FOLDERS else ():
            yield from self._candidates(Template(rest, f"{folder}/"), days)

    def _list(self, folder: str) -> Iterator[File]:
        return (_file(each) for each in self._entries(folder) if each["type"] == "file")

    def _folders(self, folder: str) -> Iterator[str]:
        return (each["name"].rstrip("/") for each in self._entries(folder) if each["type"] == "directory")

    def _entries(self, folder: str) -> list[Mapping[str, Any]]:
        """What is in a folder, nothing if there is none."""
        with self.faults(folder):
            self.system.invalidate_cache()
            try:
                found = self.system.ls(folder, detail=True)
            except (FileNotFoundError, NotADirectoryError) as error:
                _raise_real(error)
                return []
            return [each for entry in found if (each := self._followed(entry)) is not None]

    def _walk(self, folder: str) -> Iterator[File]:
        """Every file in a folder and below; an object store lists all of them at once."""
        with self.faults(folder):
            self.system.invalidate_cache()
            if self.place.is_store:
                try:
                    entries: Iterable[Mapping[str, Any]] = self.system.find(folder, detail=True).values()
                except FileNotFoundError:
                    return
            else:
                tree = self.system.walk(folder, detail=True, on_error=_raise_real)
                entries = (entry for _, _, files in tree for entry in files.values())
            for entry in entries:
                each = self._followed(entry)
                if each is not None and each["type"] == "file":
                    yield _file(each)

    def _followed(self, entry: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """What a link points to, None if that is not there; a listing tells of the link itself."""
        if not entry.get("islink"):
            return entry
        try:
            found: Mapping[str, Any] = self.system.info(entry["name"])
        except FileNotFoundError:
            return None
        return found


def _raise_real(error: OSError) -> None:
    """Raise an error, unless nothing was there; fsspec's HTTP says that it was so whatever was wrong."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
    cause = error.__cause__
    if type(cause).__module__.startswith(_HTTP) and getattr(cause, "status", 0) not in _GONE:
        assert cause is not None
        raise cause


def _file(info: Mapping[str, Any]) -> File:
    size = info.get("size")
    tag = next((f"{info[name]}" for name in _TAGS if info.get(name)), "")
    time = next((f"{info[name]}" for name in _TIMES if info.get(name)), "")
    return File(info["name"], size, f"{size} {tag or time}" if tag or time else "")


def explained(error: BaseException, path: str, hidden: Iterable[str] = ()) -> MonolithError:
    """The error of monolith for one of a file system, without the values of its options."""
    text = " ".join(str(error).split()) or type(error).__name__
    for each in sorted(hidden, key=len, reverse=True):
        text = text.replace(each, "***")
    kind = type(error).__name__
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return PermanentError(f"{path}: it is not there any more; check the path")
    if isinstance(error, PermissionError) or getattr(error, "status", 0) in (401, 403):
        return PermanentError(f"{path}: may not be read or written ({_reason(error, text)}); give the right to it")
    if kind in _NO_CREDENTIALS:
        return PermanentError(
            f"{path}: no credentials ({text}); add option.key and option.secret, or option.anon = true"
        )
    if isinstance(error, ImportError):
        return PermanentError(f"{path}: {text}")
    if isinstance(error, OSError) and error.errno in _PERMANENT:
        return PermanentError(f"{path}: {_reason(error, text)}")
    permanent = isinstance(error, ValueError | TypeError | IsADirectoryError)
    return (PermanentError if permanent else TemporaryError)(f"{path}: {kind}: {text}")


def _reason(error: BaseException, text: str) -> str:
    return getattr(error, "strerror", None) or text


def _texts(value: Any) -> Iterator[str]:
    """Every text in the values of options, but for the shortest ones."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str) and len(value) > 3:
        yield value
