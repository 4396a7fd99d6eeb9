"""Asking: one question, page by page, from the first call to the records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import trio

from monolith_core import Context, MonolithError, Note, TemporaryError, Window
from monolith_plugins_rest.answers import Answer
from monolith_plugins_rest.calls import Call
from monolith_plugins_rest.compose import first_call, parts
from monolith_plugins_rest.decode import decode
from monolith_plugins_rest.groups import Groups
from monolith_plugins_rest.options import RestOptions
from monolith_plugins_rest.paging import Page, Pages, paged
from monolith_plugins_rest.records import Shape, found
from monolith_plugins_rest.service import NO_CONTENT, NOT_MODIFIED, Session
from monolith_plugins_rest.tally import Tally
from monolith_plugins_rest.template import Days
from monolith_plugins_rest.together import Batch, Question, Send
from monolith_plugins_rest.versions import condition, version_of

_LONGEST_PAUSE = 60.0


class Asking:
    """Asks the questions of one source."""

    def __init__(self, options: RestOptions, context: Context) -> None:
        self._options = options
        self._context = context
        self._paged = paged(options)
        self._found = found(options)
        self._shape = Shape.of(options, context.id, context.timezone)

    def questions(self, session: Session, window: Window) -> Iterator[Question]:
        """What is to be asked for a window: one question, or one for each day, the newest first."""
        for part in parts(window, daily=self._options.is_daily):
            yield partial(self._answer, session, part)

    def pages(self, window: Window) -> Pages:
        """The calls that a question takes."""
        return self._paged(first_call(self._options, Days(window.start, window.end, self._context.timezone)))

    def read(self, answer: Answer, window: Window, tally: Tally) -> tuple[Page, Batch]:
        """The page that came, and its records; `tally` counts them. Raises what is wrong with it."""
        if answer.status == NO_CONTENT:
            return Page(answer.url, None, [], answer.link), []
        value = decode(answer, charset=self._options.charset, nan=self._options.nan)
        with _in(answer):
            page = Page(answer.url, value, self._found(value), answer.link)
            batch: Batch = list(self._shape.records(page.records, window, tally.count))
            tally.add(page)
        return page, batch

    async def _answer(self, session: Session, window: Window, send: Send) -> None:
        pages = self.pages(window)
        first = call = next(pages)
        known = self._known(window)
        answer = await session.ask(call, condition(call, known))
        if answer.status == NOT_MODIFIED:
            await send([Note(day, version=known, unchanged=True) for day in window.days()])
            return
        version = version_of(first, answer.headers)
        tally, groups = Tally.of(self._options), Groups.of(self._options)
        while True:
            page, batch = self.read(answer, window, tally)
            if groups is None:
                await send(batch)
            else:
                with _in(answer):
                    groups.extend(batch)
            try:
                with _in(answer):
                    call = pages.send(page)
            except StopIteration:
                break
            version = ""  # what one page tells of itself says nothing of the others
            answer = await self._patiently(session, call)
        tally.finish()
        if groups is not None:
            await send(list(groups.records()))
        await send([Note(day, version=version) for day in window.days() if version])

    def _known(self, window: Window) -> str:
        """The version under which all days of a question are known."""
        versions = {self._context.known(day) for day in window.days()}
        return versions.pop() if len(versions) == 1 else ""

    async def _patiently(self, session: Session, call: Call) -> Answer:
        """The answer to a call for a further page, which is tried again by itself.

        The engine would begin with the first page again, and might never get to the last one.
        """
        for attempt in range(self._options.retries):
            try:
                return await session.ask(call)
            except TemporaryError as error:
                pause = min(2.0**attempt, _LONGEST_PAUSE) if error.retry_after is None else error.retry_after
                if pause > self._options.timeout / 2:  # the engine would take it for idleness
                    raise
                self._context.log.info("%s; trying that page again in %g s", error, pause)
                await trio.sleep(pause)
        return await session.ask(call)


@contextmanager
def _in(answer: Answer) -> Iterator[None]:
    """Say of an error in which answer it is."""
    try:
        yield
    except MonolithError as error:
        error.args = (f"{answer.secrets.hide(str(error))} (in the answer to {answer.asked})",)
        raise
