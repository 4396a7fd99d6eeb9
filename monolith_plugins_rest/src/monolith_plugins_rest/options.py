"""What the `rest` source can be told."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from monolith_core import DATA, Certificates, Duration, SecretStr, SourceOptions
from monolith_plugins_rest import fitting
from monolith_plugins_rest.calls import origin
from monolith_plugins_rest.dates import check_date_format
from monolith_plugins_rest.expressions import check_expression
from monolith_plugins_rest.template import DAILY, Template

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_RATE = re.compile(r"(\d+)\s*/\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _strict(text: str) -> str:
    Template(text)
    return text


def _lenient(text: str) -> str:
    Template(text, strict=False)
    return text


def _is_url(text: str) -> str:
    address, _, query = text.partition("?")
    try:
        found = origin(text)
    except ValueError:
        found = ""
    if "@" in address.partition("://")[2].partition("/")[0]:
        raise ValueError("the URL has a user in it; write auth = basic, user = ... and password = ...")
    if not found or re.search(r"[\s\x00-\x1f]", text) or "{" in re.split(r"[/?]", address.partition("://")[2])[0]:
        raise ValueError(f"{text!r} is no URL of a service; expected something like https://shop.example/api/orders")
    if "#" in query or "#" in address:
        raise ValueError(f"{text!r} has a fragment; remove what stands after #, or write the # as %23")
    return text


Text = Annotated[str, AfterValidator(_strict)]
"""A text that may have days in it."""

Body = Annotated[str, AfterValidator(_lenient)]
"""A text that may have days in it, and other braces."""

Address = Annotated[str, AfterValidator(_is_url), AfterValidator(_strict)]
"""A URL that may have days in its path and in its query."""

Expression = Annotated[str, AfterValidator(check_expression)]
"""A JMESPath."""

Name = Annotated[str, Field(min_length=1)]


class RestOptions(SourceOptions):
    """Options of the `rest` source."""

    url: Annotated[Address, DATA] = Field(examples=["https://shop.example/api/orders"])
    """Where the service answers; `{start_date}`, `{end_date}` and `{next_date}` stand for the days asked for, and
    with `{date}` it is asked day by day."""
    method: Annotated[Literal["GET", "POST"], DATA] = "GET"
    """How it is asked."""
    params: Annotated[dict[str, Text], DATA] = Field(default_factory=dict, alias="param")
    """Parameters of the query, `param.NAME = value`, which may have days in them too."""
    headers: Annotated[dict[str, Text], DATA] = Field(default_factory=dict, alias="header")
    """Headers of each request; those that are secret are `auth-header.NAME`."""
    body: Annotated[Body | None, DATA] = Field(None, min_length=1)
    """What is sent with `method = POST`, with days in it; JSON unless `header.Content-Type` says otherwise."""

    records: Annotated[Expression, DATA] = "@"
    """Where the list of records is in an answer, a JMESPath such as `results`; `@` is the whole answer."""
    date: Annotated[Expression | None, DATA] = None
    """Where the day is in a record, a JMESPath; default: the day that was asked for, or the field `date` if
    the service is not asked day by day."""
    date_format: Annotated[Annotated[str, AfterValidator(check_date_format)], DATA] = "iso"
    """How the day is written: `iso`, `epoch`, `epoch-ms`, or such as `%d.%m.%Y`."""
    category: Annotated[str | None, DATA] = Field(None, min_length=1)
    """The records' category; default: the source's id."""
    category_field: Annotated[Expression | None, DATA] = None
    """Where the category is in a record, a JMESPath, in place of `category`."""
    id: Annotated[Expression | None, DATA] = None
    """Where a record has what tells it from every other, a JMESPath: one that comes twice, because the pages were
    changed while they were read, is an error then."""
    nan: Annotated[Literal["error", "null"], DATA] = "error"
    """What to do with numbers that JSON has not (NaN and the infinities): refuse the answer, or write null."""
    charset: Annotated[str, DATA] = "utf-8"
    """What the answers are written in."""

    paging: Annotated[Literal["none", "link", "next-url", "page", "offset", "cursor"], DATA] = "none"
    """How an answer goes on: not; by a header Link; by the next URL in it; or by a parameter that has the page's
    number, how many records to pass over, or a cursor."""
    next: Annotated[Expression | None, DATA] = None
    """Where an answer has the next URL or cursor, a JMESPath; there is none in the last answer."""
    more: Annotated[Expression | None, DATA] = None
    """Where an answer says whether another one follows, a JMESPath; default: all are read up to an empty one."""
    total: Annotated[Expression | None, DATA] = None
    """Where an answer has the number of all records, a JMESPath: where reading ends, and what must have come then."""
    paging_in: Annotated[Literal["params", "body"], DATA] = "params"
    """Where a request says which page is wanted: in a parameter of the query, or in a field of `body`; then dots in
    the names below lead into objects of its JSON, such as `variables.after`."""
    page_param: Annotated[Name, DATA] = "page"
    """The parameter that has the page's number."""
    first_page: Annotated[Annotated[int, Field(ge=0, le=1)], DATA] = 1
    """The number of the first page."""
    offset_param: Annotated[Name, DATA] = "offset"
    """The parameter that has how many records to pass over."""
    cursor_param: Annotated[Name, DATA] = "cursor"
    """The parameter that has the cursor; the first request has none."""
    size_param: Name = "limit"
    """The parameter that has how many records an answer may have."""
    page_size: int | None = Field(None, ge=1, le=1_000_000)
    """How many records to ask for at once; default: as the service likes."""
    max_pages: int = Field(10_000, ge=1, le=1_000_000)
    """Most answers that belong together; more are an error."""
    max_bytes: int = Field(64 * 2**20, ge=1024, le=2**31)
    """Most bytes of one answer, unpacked; more are an error."""

    auth: Literal["none", "basic", "bearer", "header", "param", "oauth1", "oauth2"] = "none"
    """How the service knows who asks."""
    user: str | None = Field(None, min_length=1)
    """The user of `auth = basic`."""
    password: SecretStr | None = None
    """The user's password."""
    token: SecretStr | None = Field(None, min_length=1)
    """The token of `auth = bearer`, or, with `token-secret`, of `auth = oauth1`."""
    auth_headers: dict[str, SecretStr] = Field(default_factory=dict, alias="auth-header")
    """Secret headers, such as `auth-header.X-Api-Key`; beside any other `auth` too."""
    auth_params: dict[str, SecretStr] = Field(default_factory=dict, alias="auth-param")
    """Secret parameters of the query, such as `auth-param.key`; beside any other `auth` too."""
    consumer_key: str | None = Field(None, min_length=1)
    """The consumer's key of `auth = oauth1`."""
    consumer_secret: SecretStr | None = None
    """The consumer's secret."""
    token_secret: SecretStr | None = None
    """The secret of `token`, with `auth = oauth1`; without the two, requests are signed for the consumer alone."""
    token_url: Annotated[str, AfterValidator(_is_url)] | None = None
    """Where `auth = oauth2` gets its tokens."""
    client_id: str | None = Field(None, min_length=1)
    """The client's id of `auth = oauth2`."""
    client_secret: SecretStr | None = None
    """The client's secret."""
    client_auth: Literal["basic", "post"] = "basic"
    """Where the client's id and secret are sent for a token: in a header, or in the body."""
    scope: str | None = Field(None, min_length=1)
    """The scope to ask a token for."""
    token_params: dict[str, str] = Field(default_factory=dict, alias="token-param")
    """Further parameters when a token is asked for, such as `token-param.audience`."""
    ca: Certificates | None = None
    """A file with the certificates of the authorities to trust; default: those that the system trusts."""
    verify: bool = True
    """Whether the server's certificate is verified."""

    rate_limit: str | None = Field(None, examples=["10/s"])
    """Most requests in a time: `10/s`, `100/m`, `5000/h` or `20000/d`, evenly spread."""
    concurrency: int = Field(4, ge=1, le=64)
    """Most requests at once; days are asked at once where the service is asked day by day."""
    request_timeout: Annotated[Duration, Field(gt=0)] = 60.0
    """Longest time that one request may take."""

    group_by: Annotated[list[str], DATA] = Field(default_factory=list)
    """For a service that gives single events: the fields by which they are counted, one record for each combination."""
    sums: Annotated[list[str], DATA] = Field(default_factory=list, alias="sum")
    """The fields that are added up, for each combination of `group-by`."""
    count_as: Annotated[Name, DATA] = "count"
    """The field that gets the number of events."""

    purge_url: Address | None = None
    """What to request, with days in it, to delete days that every target holds as final."""
    purge_method: Literal["DELETE", "POST", "PUT"] = "DELETE"
    """How `purge-url` is requested."""
    purge_body: Body | None = Field(None, min_length=1)
    """What is sent to `purge-url`."""

    @field_validator("headers", "auth_headers", mode="after")
    @classmethod
    def _are_headers(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, text in value.items():
            content: str = text.get_secret_value() if isinstance(text, SecretStr) else text
            if not _TOKEN.fullmatch(name) or not content.isascii() or not content.isprintable():
                raise ValueError(f"the header {name} is not one line of ASCII")
        return value

    @field_validator("rate_limit")
    @classmethod
    def _is_rate(cls, value: str | None) -> str | None:
        match = _RATE.fullmatch(value) if value is not None else None
        if value is not None and (match is None or int(match[1]) == 0):
            raise ValueError(f"{value!r} is no rate; expected such as 10/s, 100/m, 5000/h or 20000/d")
        return value

    @field_validator("charset")
    @classmethod
    def _is_charset(cls, value: str) -> str:
        try:
            "".encode(value)
        except LookupError:
            raise ValueError(f"{value!r} is no charset; expected such as utf-8, latin-1 or cp1252") from None
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        fitting.check(self)
        return self

    @property
    def is_daily(self) -> bool:
        """Whether the service is asked day by day."""
        return DAILY in self._days

    @property
    def names_a_day(self) -> bool:
        """Whether the service is told at all which days are wanted."""
        return bool(self._days)

    @property
    def date_expression(self) -> str | None:
        """Where the day is in a record; None if it is the one that was asked for."""
        return self.date or (None if self.is_daily else "date")

    @property
    def content_type(self) -> str | None:
        """The header Content-Type, if there is one."""
        return next((text for name, text in self.headers.items() if name.lower() == "content-type"), None)

    @property
    def _days(self) -> frozenset[str]:
        texts = [self.url, *self.params.values(), *self.headers.values(), self.body or ""]
        return frozenset().union(*(Template(text, strict=False).names for text in texts))

    @property
    def pause(self) -> float:
        """Seconds from one request to the next."""
        match = _RATE.fullmatch(self.rate_limit or "")
        return _SECONDS[match[2]] / int(match[1]) if match is not None else 0.0
