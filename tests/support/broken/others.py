"""Transforms, executors and hooks that get one thing wrong, and the case that is about it."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

from monolith_core import Executor, MonolithError, PermanentError, Record, Transform, WindowTask, hookimpl, run_window

TRANSFORMS: dict[str, type[Transform]] = {}
EXECUTORS: dict[str, type[Executor]] = {}
HOOKS: dict[str, type[Any]] = {}


class Doubled(Transform):
    """The right way to double numbers."""

    caught_by = ""

    def __init_subclass__(cls) -> None:
        TRANSFORMS[cls.__name__] = cls

    def record(self, record):
        return Record(record.date, record.category, {"n": record.data["n"] * 2}, record.source)


class Trebled(Doubled):
    caught_by = "test_changes_what_it_should"

    def record(self, record):
        return Record(record.date, record.category, {"n": record.data["n"] * 3}, record.source)


class GoesToTomorrow(Doubled):
    caught_by = "test_changes_what_it_should"

    def record(self, record):
        changed = super().record(record)
        return Record(changed.date.replace(day=28), changed.category, changed.data, changed.source)


class ChangesInPlace(Doubled):
    caught_by = "test_leaves_what_it_is_given"

    def record(self, record):
        changed = super().record(record)
        record.data["seen"] = True
        return changed


class Remembers(Doubled):
    """Leaves out what it has seen."""

    caught_by = "test_is_pure"

    def __init__(self, options, context):
        super().__init__(options, context)
        self.seen = set()

    def record(self, record):
        if record.data["n"] in self.seen:
            return None
        self.seen.add(record.data["n"])
        return super().record(record)


class CountsOn(Doubled):
    """Needs its records in order."""

    caught_by = "test_order_does_not_matter"
    last: Any = None

    def record(self, record):
        n = record.data["n"]
        wrong = self.last is not None and n == self.last - 1
        self.last = n
        return None if wrong else super().record(record)


class Prints(Doubled):
    caught_by = "test_is_silent"

    def record(self, record):
        print(record)
        return super().record(record)


class Elsewhere(Executor):
    """Asks from nothing but the task, as another process would; the right way."""

    caught_by = ""

    def __init_subclass__(cls) -> None:
        EXECUTORS[cls.__name__] = cls

    def extract(self, task):
        found: list[Any] = []
        try:
            run_window(replace(task, ask=tuple), found.append)
        finally:
            yield from found


class ForgetsWhatIsKnown(Elsewhere):
    caught_by = "test_gives_what_the_source_yields"

    def extract(self, task):
        return super().extract(replace(task, known={}))


class GivesTheFirstPage(Elsewhere):
    caught_by = "test_gives_many_records"

    def extract(self, task):
        for number, item in enumerate(super().extract(task)):
            if number < 1000:
                yield item


class SwallowsErrors(Elsewhere):
    caught_by = "test_raises_what_the_source_raises"

    def extract(self, task):
        try:
            yield from super().extract(task)
        except MonolithError as error:
            if "surprise" in str(error):
                raise


class MakesErrorsPermanent(Elsewhere):
    caught_by = "test_raises_what_the_source_raises"

    def extract(self, task):
        try:
            yield from super().extract(task)
        except MonolithError as error:
            raise PermanentError(str(error)) from error


class SwallowsWhatNobodyForesaw(Elsewhere):
    caught_by = "test_raises_what_nobody_foresaw"

    def extract(self, task):
        try:
            yield from super().extract(task)
        except MonolithError as error:
            if "surprise" not in str(error):
                raise


class SharesItsTask(Elsewhere):
    caught_by = "test_asks_several_at_once"

    def extract(self, task):
        self.now: WindowTask = task
        for number, item in enumerate(super().extract(task)):
            if number == 1 and self.now != task:
                return
            yield item


class LeavesAWorkerWaiting(Elsewhere):
    caught_by = "test_leaks_nothing_when_given_up"
    left: list[Any] = []  # noqa: RUF012

    def extract(self, task):
        here, there = socket.socketpair()
        self.left.append(there)
        with here:
            yield from super().extract(task)
        there.close()


class Hears:
    """Hears, and that is all."""

    caught_by = ""

    def __init_subclass__(cls) -> None:
        HOOKS[cls.__name__] = cls

    @hookimpl
    def partition_finished(self, event):
        return


class Stumbles(Hears):
    caught_by = "test_hears_of_runs"

    @hookimpl
    def partition_finished(self, event):
        return {"done": 1, "unchanged": 1, "failed": 2}[event.outcome]


class SpeaksUp(Hears):
    caught_by = "test_is_silent"

    @hookimpl
    def run_finished(self, report):
        print(report["status"])


class KeepsTheLine(Hears):
    caught_by = "test_leaks_nothing"
    open: list[Any] = []  # noqa: RUF012

    @hookimpl
    def run_started(self, run):
        self.open.append(socket.socket())


class AsksForMore(Hears):
    caught_by = "test_fits_the_contract"

    @hookimpl
    def window_started(self, event, colour):
        return


class AsksForWhatIsNot(Hears):
    caught_by = "test_fits_the_contract"

    @hookimpl
    def run_ended(self):
        return
