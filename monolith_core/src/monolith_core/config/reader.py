"""Reader: an ini file as sections with options, each with its line, and every fault of its form.

The form is that of Python's configparser, which itself knows no lines: `NAME = VALUE` or `NAME: VALUE`; a line that is
indented deeper than its option continues the value; a line that begins with `;` or `#` is a comment, also within a
value. Elsewhere `;` and `#` stand for themselves, since passwords and SQL have them. Names are the same in upper and
lower case, with `_` and with `-`; what follows a dot in a name (`param.App_Id`) is kept as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from monolith_core.config.found import Found
from monolith_core.errors import ConfigurationError, Fault

MAX_BYTES = 2**20
"""Most bytes of a configuration, and of a file that a value is read from."""

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_NEWLINE = re.compile(r"\r\n|\r|\n")
_HEADER = re.compile(r"\[([^\[\]]*)\]\s*(?:[;#].*)?")
_OPTION = re.compile(r"([A-Za-z][\w.-]{0,63})\s*[=:]\s*(.*)", re.ASCII | re.DOTALL)
_INDENTED_HEADER = re.compile(r"\[\s*(?:monolith|(?:phase|source|target|sequence)\s*:.*)\]")


class UnreadableError(Exception):
    """A file cannot be read as text: the message says why and what to do, `line` where (0: no place in it)."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Option:
    """One option as it stands in the file; `name` is its plain form, `written` how it was written."""

    name: str
    written: str
    value: str
    line: int


@dataclass
class Section:
    """One section; `name` is what stands between the brackets."""

    name: str
    line: int
    options: dict[str, Option] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"[{self.name}]"


def plain(name: str) -> str:
    """An option's name in lower case, with `-` for `_`; what follows a dot stays."""
    head, dot, tail = name.partition(".")
    return head.lower().replace("_", "-") + dot + tail


def read_text(path: Path) -> str:
    """The text of a file: UTF-8, with or without a byte-order mark. Raises UnreadableError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableError("there is no such file; check the path") from None
    except IsADirectoryError:
        raise UnreadableError("it is a folder; expected a file") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UnreadableError(f"it cannot be read ({why}); check the path and its permissions") from None
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"it is larger than {MAX_BYTES // 2**20} MiB; expected a text file")
    return _decode(data)


def _decode(data: bytes) -> str:
    if data.startswith(_WIDE_MARKS):
        raise UnreadableError("the file begins with a byte-order mark of UTF-16 or UTF-32; save it as UTF-8", 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind the mark that it skipped, which has no line's end in it.
        before = error.object[: error.start].decode("latin-1")
        byte = error.object[error.start]
        raise UnreadableError(f"the byte 0x{byte:02x} is not UTF-8; save the file as UTF-8", _line_of(before)) from None
    place = text.find("\0")
    if place >= 0:
        raise UnreadableError("a NUL character; expected text, save the file as UTF-8", _line_of(text[:place]))
    return text


def _line_of(before: str) -> int:
    return len(_NEWLINE.findall(before)) + 1


def read_ini(path: Path, found: Found) -> list[Section]:
    """The sections of a file in their order; faults of its form are noted.

    Of a section or an option that is there twice, the first counts. Raises ConfigurationError if there is nothing to
    read at all.
    """
    try:
        text = read_text(path)
    except UnreadableError as error:
        raise ConfigurationError([Fault(found.file, error.line, str(error))]) from None
    if not text.strip():
        message = "the file is empty; expected a section [monolith] with the option database, and phases"
        raise ConfigurationError([Fault(found.file, 1, message)])
    return _Reader(found).read(text)


class _Reader:
    def __init__(self, found: Found) -> None:
        self._found = found
        self._sections: dict[str, Section] = {}
        self._section: Section | None = None
        self._homeless = False
        self._option: tuple[str, int] | None = None
        self._value: list[str] | None = None
        self._indent = 0

    def read(self, text: str) -> list[Section]:
        for number, line in enumerate(_NEWLINE.split(text), 1):
            self._line(number, line)
        self._finish()
        return list(self._sections.values())

    def _line(self, number: int, line: str) -> None:
        text = line.strip()
        if text.startswith((";", "#")):
            return
        if not text:
            if self._value is not None:
                self._value.append("")
            return
        indent = len(line) - len(line.lstrip())
        if self._value is not None and indent > self._indent:
            self._continue(number, text)
            return
        self._finish()
        self._indent = indent
        if text.startswith("["):
            self._header(number, text)
        else:
            self._begin(number, text)

    def _continue(self, number: int, text: str) -> None:
        assert self._value is not None
        if _INDENTED_HEADER.fullmatch(text):
            self._found.add(number, f"the section {text} is indented, so it continues the value above; outdent it")
        self._value.append(text)

    def _header(self, number: int, text: str) -> None:
        match = _HEADER.fullmatch(text)
        if match is None:
            self._found.add(number, "a section's name is not closed; expected [NAME] and nothing behind it")
            self._section = Section("", number)
            return
        name = ":".join(part.strip() for part in match[1].split(":"))
        section = Section(name, number)
        first = self._sections.setdefault(name, section)
        if first is not section:
            self._found.add(
                number, f"the section {section} is already there, in line {first.line}; merge the two or rename one"
            )
        self._section = section

    def _begin(self, number: int, text: str) -> None:
        # A line that is none still may have continuation lines, which are then no faults of their own.
        self._value = []
        match = _OPTION.fullmatch(text)
        if match is None:
            # The line itself is not shown: it may be a piece of a secret.
            self._found.add(
                number,
                "neither an option nor a section; expected NAME = VALUE, or an indented line that continues a value",
            )
            return
        if self._section is None:
            if not self._homeless:
                self._found.add(number, f"the option {match[1]} stands before any section; put [monolith] above it")
            self._homeless = True
            return
        self._option = (match[1], number)
        self._value.append(match[2])

    def _finish(self) -> None:
        """Keep the option whose value has ended."""
        if self._option is not None and self._section is not None and self._value is not None:
            written, line = self._option
            option = Option(plain(written), written, "\n".join(self._value).strip(), line)
            first = self._section.options.setdefault(option.name, option)
            if first is not option:
                self._found.add(
                    line,
                    f"option {written} of {self._section} is already there, in line {first.line}; remove one of them",
                )
        self._option = self._value = None
