"""The `rest` source: asks a service that answers with JSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import ClassVar

from monolith_core import Context, Note, Record, Source, Window
from monolith_plugins_rest import check
from monolith_plugins_rest.asking import Asking
from monolith_plugins_rest.loops import wait_for
from monolith_plugins_rest.options import RestOptions
from monolith_plugins_rest.purging import purge
from monolith_plugins_rest.service import Service
from monolith_plugins_rest.together import together


class RestSource(Source):
    """Records from a service over HTTP: each object in the list that an answer has is one."""

    Options: ClassVar[type[RestOptions]] = RestOptions
    options: RestOptions

    def __init__(self, options: RestOptions, context: Context) -> None:
        super().__init__(options, context)
        self._service = Service(options)
        self._asking = Asking(options, context)

    def setup(self) -> None:
        """Warn if the server's certificate is not verified."""
        if not self.options.verify:
            self.context.log.warning(
                "%s: the certificate of the server is not verified (verify = false)", self.context.id
            )

    async def extract(self, window: Window) -> AsyncIterator[Record | Note]:
        """Yield what the service answers, and what it tells of versions."""
        async with self._service.session() as session:
            questions = self._asking.questions(session, window)
            async with together(questions, self.options.concurrency) as batches:
                async for batch in batches:
                    for each in batch:
                        yield each

    @property
    def purges(self) -> bool:
        """Whether there is a purge-url."""
        return self.options.purge_url is not None

    def purge(self, window: Window) -> None:
        """Send the purge request for the window's days."""
        wait_for(lambda: purge(self._service, self.context, window))

    def check(self) -> str:
        """Ask for yesterday, or the last day wanted if that is earlier, and say what came."""
        yesterday = dt.datetime.now(self.context.timezone).date() - dt.timedelta(days=1)
        day = min(yesterday, self.options.until or yesterday)
        window = Window(self.context.id, day, day)
        return wait_for(lambda: check.report(self._service, self._asking, window))
