"""Compose: the requests that the options describe, for some days."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from monolith_core import Window
from monolith_plugins_rest.bodies import JSON
from monolith_plugins_rest.calls import Call, with_params
from monolith_plugins_rest.options import RestOptions
from monolith_plugins_rest.template import DAILY, Days, Template


def parts(window: Window, *, daily: bool) -> Iterator[Window]:
    """A window whole, or its days, the newest first."""
    if not daily:
        yield window
        return
    for day in reversed(list(window.days())):
        yield Window(window.source, day, day)


def first_call(options: RestOptions, days: Days) -> Call:
    """The request for some days, before paging adds to it."""
    params = [(name, Template(text).render(days)) for name, text in options.params.items()]
    return _call(options, options.method, with_params(_url(options.url, days), params), options.body, days)


def purge_call(options: RestOptions, days: Days) -> Call:
    """The request that deletes some days at the service; there must be a purge-url."""
    return _call(options, options.purge_method, _url(options.purge_url or "", days), options.purge_body, days)


def is_purged_daily(options: RestOptions) -> bool:
    """Whether there is a purge request for each day."""
    texts = (options.purge_url or "", options.purge_body or "")
    return any(DAILY in Template(text, strict=False).names for text in texts)


def _call(options: RestOptions, method: str, url: str, body: str | None, days: Days) -> Call:
    headers = {name: Template(text).render(days) for name, text in options.headers.items()}
    if body is None:
        return Call(method, url, tuple(headers.items()))
    if options.content_type is None:
        headers["Content-Type"] = JSON
    return Call(method, url, tuple(headers.items()), Template(body, strict=False).render(days).encode())


def _url(url: str, days: Days) -> str:
    return Template(url).render(days, lambda text: quote(text, safe=""))
