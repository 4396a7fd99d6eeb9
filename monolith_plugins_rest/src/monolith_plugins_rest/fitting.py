"""Fitting: which options of the `rest` source go together; every check raises ValueError saying what to change."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from monolith_plugins_rest.bodies import check_json, setter
from monolith_plugins_rest.template import Days, Template

if TYPE_CHECKING:
    from monolith_plugins_rest.options import RestOptions

_SECRET = re.compile(
    r"(?:^|[-_.])(?:authorization|cookie|pass|password|passwd|pwd|secret|token|key|apikey|credentials?)(?:$|[-_.])",
    re.IGNORECASE,
)

_PAGED = {
    "none": (),
    "link": (),
    "next-url": ("next",),
    "page": ("more", "page_param", "first_page", "paging_in"),
    "offset": ("more", "offset_param", "paging_in"),
    "cursor": ("next", "more", "cursor_param", "paging_in"),
}
"""The options of each kind of paging; `total`, `id` and the page's size go with all."""

_AUTH: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "basic": (("user", "password"), ()),
    "bearer": (("token",), ()),
    "header": (("auth_headers",), ()),
    "param": (("auth_params",), ()),
    "oauth1": (("consumer_key", "consumer_secret"), ("token", "token_secret")),
    "oauth2": (("token_url", "client_id", "client_secret"), ("client_auth", "scope", "token_params")),
}
"""The options that each kind of authentication needs, and those that it may have."""

_BESIDE_ANY = frozenset({"auth_headers", "auth_params"})


def check(options: RestOptions) -> None:
    """Raise ValueError for the first thing that does not fit."""
    _check_request(options)
    _check_bodies(options)
    _check_paging(options)
    _check_auth(options)
    _check_groups(options)
    _check_purge(options)


def written(options: RestOptions, name: str) -> str:
    """How a field is written in the file."""
    return type(options).model_fields[name].alias or name


def _check_request(options: RestOptions) -> None:
    if options.body is not None and options.method == "GET":
        raise ValueError("body is given but a GET sends none; add method = POST, or remove body")
    for kind, names in (("param", options.params), ("header", options.headers)):
        secret = next((name for name in names if _SECRET.search(name)), None)
        if secret is not None:
            raise ValueError(
                f"{kind}.{secret} looks like a secret and would be shown in logs; write it as auth-{kind}.{secret}, "
                f"with auth = {kind} if there is no other"
            )
    _check_twice("header", options.headers, options.auth_headers)
    _check_twice("param", options.params, options.auth_params)
    if options.category is not None and options.category_field is not None:
        raise ValueError("category and category-field exclude each other; remove one of them")
    if options.date is None and options.date_format != "iso" and options.is_daily:
        raise ValueError("date-format without date: with {date} the day is the one that was asked for; add date = ...")


def _check_bodies(options: RestOptions) -> None:
    for name in ("body", "purge_body"):
        text: str | None = getattr(options, name)
        if text is None:
            continue
        try:
            check_json(_of_some_day(text), options.content_type)
        except ValueError as error:
            raise ValueError(f"{written(options, name)} is no JSON: {error}") from None


def _of_some_day(text: str) -> str:
    day = dt.date(2000, 1, 1)
    return Template(text, strict=False).render(Days(day, day, ZoneInfo("UTC")))


def _check_twice(kind: str, plain: Mapping[str, object], secret: Mapping[str, object]) -> None:
    both = {name.lower() for name in plain} & {name.lower() for name in secret}
    if both:
        name = min(both)
        raise ValueError(f"{kind}.{name} and auth-{kind}.{name} are both given; remove one of them")


def _check_paging(options: RestOptions) -> None:
    uses, given = _PAGED[options.paging], options.model_fields_set
    for name in sorted({each for names in _PAGED.values() for each in names} & given - {*uses}):
        kinds = [kind for kind, names in _PAGED.items() if name in names]
        raise ValueError(
            f"{written(options, name)} is of no use with paging = {options.paging}; "
            f"write paging = {' or '.join(kinds)}, or remove it"
        )
    if "next" in uses and options.next is None:
        what = "URL" if options.paging == "next-url" else "cursor"
        raise ValueError(f"paging = {options.paging} needs to know where the next {what} is; add next = ...")
    if options.paging_in == "body":
        _check_paging_in_body(options)
    if "size_param" in given and options.page_size is None:
        raise ValueError("size-param is given without page-size; add page-size = 100, or remove it")


def _check_paging_in_body(options: RestOptions) -> None:
    if options.body is None:
        raise ValueError("paging-in = body needs a body; add method = POST and body = {}, or write paging-in = params")
    names: list[str] = [
        getattr(options, f"{options.paging}_param"),
        *([options.size_param] if options.page_size else []),
    ]
    body = _of_some_day(options.body).encode()
    try:
        put = setter(options.content_type)
        for name in names:
            body = put(body, name, 1)
    except ValueError as error:
        raise ValueError(f"paging-in = body cannot be done in this body: {error}") from None


def _check_auth(options: RestOptions) -> None:
    needed, possible = _AUTH[options.auth]
    given = options.model_fields_set
    others = {name for pair in _AUTH.values() for names in pair for name in names} - {*needed, *possible}
    beside = _BESIDE_ANY if options.auth != "none" else frozenset()
    for name in sorted(others & given - beside):
        kinds = [kind for kind, pair in _AUTH.items() if name in (*pair[0], *pair[1])]
        raise ValueError(
            f"{written(options, name)} is of no use with auth = {options.auth}; "
            f"write auth = {' or '.join(kinds)}, or remove it"
        )
    for name in needed:
        if not getattr(options, name):
            raise ValueError(f"auth = {options.auth} needs {_example(options, name)}")
    if options.auth == "oauth1" and (options.token is None) is not (options.token_secret is None):
        raise ValueError("token and token-secret belong together with auth = oauth1; add the other one")
    _check_tls(options)


def _check_tls(options: RestOptions) -> None:
    is_used = any(url.startswith("https:") for url in (options.url, options.token_url or ""))
    if not is_used and (options.ca is not None or not options.verify):
        raise ValueError("ca and verify are about TLS; write url = https://..., or remove them")
    if options.ca is not None and not options.verify:
        raise ValueError("ca and verify = false exclude each other; remove one of them")


def _example(options: RestOptions, name: str) -> str:
    suffix = ".NAME" if name in ("auth_headers", "auth_params") else ""
    return f"{written(options, name)}{suffix}; add it, maybe as ${{VARIABLE}}"


def _check_groups(options: RestOptions) -> None:
    names = [*options.group_by, *options.sums]
    if "count_as" in options.model_fields_set and not names:
        raise ValueError("count-as is of no use without group-by or sum; add one of them, or remove it")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"group-by and sum have {repeated[0]} twice; remove one of them")
    if names and options.count_as in names:
        raise ValueError(
            f"group-by or sum has the field {options.count_as}, which is to get the number of events; "
            "name another with count-as"
        )


def _check_purge(options: RestOptions) -> None:
    given = options.model_fields_set
    for name in ("purge_method", "purge_body"):
        if name in given and options.purge_url is None:
            raise ValueError(f"{written(options, name)} is given without purge-url; add it, or remove this one")
    if options.purge_url is not None and options.purge_url.split("/")[:3] != options.url.split("/")[:3]:
        raise ValueError("purge-url and url are of different services, and the credentials of one; give them one host")
