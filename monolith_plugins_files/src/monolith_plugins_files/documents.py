"""Documents: the items of a list in a JSON document, one by one, however long the list is.

The document is read as a stream of text: what was taken is dropped, and an item that is not yet complete makes more be
read. `json` decodes each item; only the way to the list is walked here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from monolith_plugins_files.content import LONGEST_LINE, Content
from monolith_plugins_files.faults import FileFault
from monolith_plugins_files.values import number

_SPACE = re.compile(r"[ \t\n\r]*")
_LONGEST_WORD = 16
"""More characters than a word, a sign or an escape of JSON has, but for texts and numbers."""

_decoder = json.JSONDecoder(parse_float=number)


def items(content: Content, encoding: str, path: str | None) -> Iterator[tuple[int, Any]]:
    """Each item of the list, with the line that it begins in.

    `path` names the members that lead to the list, divided by dots. Without it the list is the document; a document
    that is an object is the one item then.
    """
    document = _Document(content, encoding)
    if path is None and document.peek() != "[":
        yield document.value()
    else:
        yield from _below(document, path.split(".") if path else [])
    document.end()


def _below(document: _Document, names: list[str]) -> Iterator[tuple[int, Any]]:
    """The items of the list that the names lead to; everything else of the document is read, and left out."""
    if not names:
        yield from _list(document)
        return
    found = False
    document.take("{", f"an object with {names[0]}")
    while not document.took("}"):
        _, name = document.value()
        document.take(":", "a colon")
        if name == names[0] and not found:
            found = True
            yield from _below(document, names[1:])
        else:
            document.value()
        if not document.took(","):
            document.take("}", "a comma or a closing brace")
            break
    if not found:
        raise document.fault(f"an object without {names[0]}, which records names")


def _list(document: _Document) -> Iterator[tuple[int, Any]]:
    document.take("[", "a list of records")
    if document.took("]"):
        return
    while True:
        yield document.value()
        if not document.took(","):
            document.take("]", "a comma or a closing bracket")
            return


class _Document:
    """The text of a document, from where it was taken up to."""

    def __init__(self, content: Content, encoding: str) -> None:
        self._content = content
        self._texts = content.texts(encoding)
        self._text = ""
        self._at = 0
        self._line = 1
        self._over = False

    def peek(self) -> str:
        """The next character that is no space, empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None
            self._line += match[0].count("\n")
            self._at = match.end()
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def took(self, character: str) -> bool:
        """Whether the next character was this one; then it is taken."""
        if self.peek() != character:
            return False
        self._at += 1
        return True

    def take(self, character: str, expected: str) -> None:
        """Take this character; raises FileFault for another one."""
        if not self.took(character):
            raise self.fault(f"got {self._next()}, expected {expected}")

    def value(self) -> tuple[int, Any]:
        """Take a value, with the line that it begins in."""
        self.peek()
        while True:
            error: json.JSONDecodeError | None = None
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
                # What ends with the text, as a number does, may go on in the next one.
                if end < len(self._text) or self._over:
                    return self._taken(end), value
            except json.JSONDecodeError as wrong:
                error = wrong
            except (ValueError, RecursionError) as wrong:
                raise self.fault(f"cannot be read: {wrong}") from None
            if error is not None and (self._is_final(error) or not self._more()):
                raise self._malformed(error)
            if error is None:
                self._more()
            if len(self._text) > LONGEST_LINE:
                raise self.fault(f"a value of more than {LONGEST_LINE:,} characters; expected records")

    def end(self) -> None:
        """Raise FileFault if anything follows."""
        if self.peek():
            raise self.fault(f"got {self._next()} after the end of the document")

    def fault(self, message: str) -> FileFault:
        """The fault of this place."""
        return self._content.fault(self._line, f"is no JSON of records: {message}")

    def _taken(self, end: int) -> int:
        line = self._line
        self._line += self._text.count("\n", self._at, end)
        self._at = end
        return line

    def _is_final(self, error: json.JSONDecodeError) -> bool:
        """Whether no further text could mend it: it stands before the last word."""
        return error.pos < len(self._text) - _LONGEST_WORD and not error.msg.startswith("Unterminated string")

    def _malformed(self, error: json.JSONDecodeError) -> FileFault:
        line = self._line + self._text.count("\n", self._at, error.pos)
        text = error.msg[:1].lower() + error.msg[1:]
        cut = " (the file ends here)" if error.pos >= len(self._text) else ""
        return self._content.fault(line, f"is no JSON: {text}{cut}")

    def _next(self) -> str:
        return repr(self._text[self._at : self._at + 20]) if self._at < len(self._text) else "the end of the file"

    def _more(self) -> bool:
        """Read on, as much as is there already, so that a long value is not decoded again and again."""
        if self._over:
            return False
        parts = [self._text[self._at :]]
        wanted = max(len(parts[0]), 1)
        while wanted > 0 and not self._over:
            text = next(self._texts, None)
            self._over = text is None
            parts.append(text or "")
            wanted -= len(text or "")
        self._text, self._at = "".join(parts), 0
        return True
