"""What the `google-analytics` source can be told."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, ValidationInfo, field_validator, model_validator

from monolith_core import DATA, BesidePath, Duration, SourceOptions
from monolith_plugins_ga.filters import Filters, parse
from monolith_plugins_ga.names import EXPLORER, successor
from monolith_plugins_ga.reports import REPORTS

MOST_METRICS = 10
MOST_DIMENSIONS = 8
"""Google's limits for one request; it takes 9 dimensions, and the day is always one of them."""

_NAME = re.compile(r"[A-Za-z]\w*(?::.+)?")
_HERE = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1")
_KEY = "expected the JSON key of a service account (Google Cloud > IAM > Service accounts > Keys)"
_KINDS = ("service_account", "authorized_user")

_WRITE_PROPERTY = "write property = NUMBER, the property's id in Admin > Property details"
_WRITE_CREDENTIALS = "write credentials = FILE, the JSON key of a service account"


class GoogleAnalyticsOptions(SourceOptions):
    """Options of the `google-analytics` source."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"property": ["123456789"], "report": "visits"}]})

    moved: ClassVar[Mapping[str, str]] = {
        "url": "Google's address is known; a server in its place is named by endpoint",
        "user": _WRITE_CREDENTIALS,
        "password": _WRITE_CREDENTIALS,
        "oauth-token": _WRITE_CREDENTIALS,
        "profile-id": _WRITE_PROPERTY,
        "profile": _WRITE_PROPERTY,
        "view-id": _WRITE_PROPERTY,
        "domain": _WRITE_PROPERTY,
        "filters": 'write filter = ..., such as country == "Spain" and not pagePath contains "/admin"',
        "rate-limit": "requests are planned with Google's quota; quota-reserve says what is left to others",
        "rate-span": "requests are planned with Google's quota; quota-reserve says what is left to others",
    }

    properties: Annotated[list[str], DATA] = Field(min_length=1, alias="property", examples=["123456789"])
    """The number of one or more Google Analytics 4 properties (Admin > Property details). With several, each record has
    the field `property`."""
    report: Annotated[Literal["visits", "pages", "events", "acquisition"] | None, DATA] = None
    """A ready choice of metrics and dimensions, in place of `metrics` and `dimensions`."""
    metrics: Annotated[list[str], DATA] = Field(default_factory=list)
    """What to count, such as `sessions, activeUsers`, by the names of the API; ten at most."""
    dimensions: Annotated[list[str], DATA] = Field(default_factory=list)
    """By what to break it down, such as `country, deviceCategory`; eight at most. The day is always asked for."""
    category: Annotated[str | None, DATA] = Field(None, min_length=1)
    """The records' category; default: the name of the report, and without one the source's id."""
    filter: Annotated[str | None, DATA] = Field(None, min_length=1)
    """Which data to count, such as `country == "Spain" and not pagePath contains "/admin"`, or the API's own
    `dimensionFilter` and `metricFilter` as JSON."""
    keep_empty_rows: Annotated[bool, DATA] = False
    """Whether rows come too whose metrics are all 0."""
    credentials: BesidePath | None = None
    """The JSON key of a service account, or the file that `gcloud auth application-default login` writes; default:
    Google's application default credentials."""
    endpoint: str = "https://analyticsdata.googleapis.com"
    """Google's address, or that of a server in its place. A server on this machine may be plain `http`, and is asked
    without credentials when none are given."""
    transport: Literal["rest", "grpc"] = "rest"
    """How Google is spoken to: HTTP with JSON, or gRPC, which takes much less time for large reports."""
    quota_reserve: int = Field(1000, ge=0)
    """Tokens of the property's quotas that are left to others, such as dashboards: no request is begun that would eat
    into them; the rest comes with a later run."""
    page_size: int = Field(10_000, ge=1, le=250_000)
    """Most rows in one answer: more need fewer requests and more memory, about 35 MB for 10,000 rows."""
    settle: Duration = 259200.0
    """How long after a day's end its records may still change; Google counts on for one or two days."""
    nan: Annotated[Literal["error", "null"], DATA] = "error"
    """What to do with a metric that is no number JSON has (NaN or infinite): refuse the record, or write null."""

    @field_validator("properties")
    @classmethod
    def _are_properties(cls, values: list[str]) -> list[str]:
        return _once([_property(value.strip()) for value in values])

    @field_validator("metrics", "dimensions")
    @classmethod
    def _are_names(cls, values: list[str], info: ValidationInfo) -> list[str]:
        most = MOST_METRICS if info.field_name == "metrics" else MOST_DIMENSIONS
        if len(values) > most:
            raise ValueError(f"has {len(values)} names, Google takes {most} in a request; divide them between sources")
        return _once([_name(value) for value in values])

    @field_validator("credentials")
    @classmethod
    def _is_key(cls, value: Path | None) -> Path | None:
        if value is not None:
            _check_key(value)
        return value

    @field_validator("endpoint")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _address(value)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        given = [name for name in ("metrics", "dimensions") if getattr(self, name)]
        if self.report is not None and given:
            raise ValueError(f"report and {given[0]} exclude each other; remove one of them")
        if self.report is None and not self.metrics:
            raise ValueError(f"lacks metrics; add metrics = sessions, ... or report = {' | '.join(REPORTS)}")
        both = set(self.metrics) & set(self.dimensions)
        if both:
            raise ValueError(f"metrics and dimensions both have {min(both)}; remove it from one of them")
        try:
            _ = self.filters
        except ValueError as error:
            raise ValueError(f"filter {error}") from None
        return self

    @property
    def asked_metrics(self) -> tuple[str, ...]:
        """The metrics of the request."""
        return REPORTS[self.report].metrics if self.report else tuple(self.metrics)

    @property
    def asked_dimensions(self) -> tuple[str, ...]:
        """The dimensions of the request, without the day."""
        return REPORTS[self.report].dimensions if self.report else tuple(self.dimensions)

    @cached_property
    def filters(self) -> Filters:
        """What `filter` says."""
        return parse(self.filter, self.asked_metrics) if self.filter is not None else Filters()

    @property
    def anonymous(self) -> bool:
        """Whether no credentials are sent."""
        return self.credentials is None and self.is_local

    @property
    def is_local(self) -> bool:
        """Whether the endpoint is a server on this machine."""
        return bool(_HERE.fullmatch(urlsplit(self.endpoint).hostname or ""))


def _once(values: list[str]) -> list[str]:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise ValueError(f"names {repeated[0]} more than once; name it once")
    return values


def _property(text: str) -> str:
    number = text.removeprefix("properties/")
    if number.isascii() and number.isdigit():
        return number.lstrip("0") or number
    expected = "expected the number of a Google Analytics 4 property, in Admin > Property details"
    if re.match(r"(?:ga:|UA-)", text):
        raise ValueError(f"{text!r} is a profile of Universal Analytics, which Google has switched off; {expected}")
    if re.match(r"(?:G|GT|GTM|AW)-", text):
        raise ValueError(f"{text!r} is the id of a tag; {expected}")
    raise ValueError(f"{text!r} is no property; {expected}")


def _name(text: str) -> str:
    if text in ("date", "ga:date"):
        raise ValueError("has date, which is always asked for: it is the day of the record; remove it")
    new = successor(text)
    if new is not None:
        raise ValueError(f"{text!r} is a name of Universal Analytics; write {new}")
    if text.startswith("ga:"):
        raise ValueError(f"{text!r} is a name of Universal Analytics; {EXPLORER} has those of Google Analytics 4")
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no name of a dimension or a metric; expected one such as sessions or country")
    return text


def _check_key(path: Path) -> None:
    """Raise ValueError unless the file is one of credentials; nothing of what is in it is said."""
    try:
        found: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f"{path} cannot be read: {error.strerror}; expected the JSON key of a service account"
        ) from None
    except ValueError:
        raise ValueError(f"{path} is not JSON; expected the JSON key of a service account") from None
    kind = found.get("type") if isinstance(found, dict) else None
    if kind not in _KINDS:
        is_client = isinstance(found, dict) and {"installed", "web"} & found.keys()
        raise ValueError(f"{path} is {'an OAuth client' if is_client else 'another kind of file'}; {_KEY}")


def _address(text: str) -> str:
    parts = urlsplit(text if "://" in text else f"https://{text}")
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise ValueError(f"{text!r} is no address; expected one such as https://analyticsdata.googleapis.com")
    if parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"the address of {parts.hostname} has more than a scheme, a host and a port; remove the rest")
    if parts.scheme == "http" and not _HERE.fullmatch(parts.hostname):
        raise ValueError(f"http sends the credentials to {parts.hostname} for all to read; write https")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"
