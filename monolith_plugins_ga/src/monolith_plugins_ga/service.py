"""Service: Google Analytics through the official client, whose errors come out as monolith's.

This module imports the client, which takes a second: it is itself imported when a source is first used.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.services.beta_analytics_data.transports import BetaAnalyticsDataTransport
from google.analytics.data_v1beta.types import (
    CheckCompatibilityRequest,
    CheckCompatibilityResponse,
    Metadata,
    RunReportRequest,
    RunReportResponse,
)
from google.auth.credentials import Credentials
from google.protobuf.json_format import ParseDict, ParseError

from monolith_core import Deferred, PermanentError
from monolith_plugins_ga.credentials import load, owner
from monolith_plugins_ga.failures import of_client, one_line
from monolith_plugins_ga.options import GoogleAnalyticsOptions
from monolith_plugins_ga.quota import Gate, Left, gate

LONGEST_WAIT = 180.0
"""Seconds that an answer may take to begin, however patient the section is; Google gives up earlier."""

_QUOTAS = {
    "hour": "tokens_per_hour",
    "hour and project": "tokens_per_project_per_hour",
    "day": "tokens_per_day",
}

_T = TypeVar("_T")


class Service:
    """Answers requests for the properties of one source; any thread may ask at any time."""

    def __init__(self, options: GoogleAnalyticsOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._client: BetaAnalyticsDataClient | None = None
        self._who = ""
        self._project = ""

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.transport.close()

    def gate(self, number: str) -> Gate:
        """What requests for a property go through."""
        return gate(self._options.endpoint, number, self._project)

    def report(self, number: str, request: dict[str, Any], doing: str) -> RunReportResponse:
        """The answer to a request, which is given as JSON; waits until the quota allows it, or raises Deferred."""
        asked = _message(RunReportRequest, {**request, "property": f"properties/{number}", "returnPropertyQuota": True})
        client = self._open()
        with self.gate(number).passing(f"property {number}", self._options.quota_reserve) as told:
            try:
                answer = self._ask(lambda: client.run_report(asked, retry=None, timeout=self._timeout), doing)
            except Deferred as error:
                self.gate(number).close(str(error))
                raise
            told(quotas(answer))
        return answer

    def metadata(self, number: str) -> Metadata:
        """Every dimension and metric of a property."""
        client, name = self._open(), f"properties/{number}/metadata"
        doing = f"list the dimensions and metrics of property {number}"
        with self.gate(number).place():
            return self._ask(lambda: client.get_metadata(name=name, retry=None, timeout=self._timeout), doing)

    def compatibility(self, number: str, request: dict[str, Any]) -> CheckCompatibilityResponse:
        """Which dimensions and metrics of a property can join those of a request."""
        asked = _message(CheckCompatibilityRequest, {**request, "property": f"properties/{number}"})
        client, doing = self._open(), f"compare the dimensions and metrics of property {number}"
        with self.gate(number).place():
            return self._ask(lambda: client.check_compatibility(asked, retry=None, timeout=self._timeout), doing)

    @property
    def _timeout(self) -> float:
        return min(self._options.timeout, LONGEST_WAIT)

    def _ask(self, call: Callable[[], _T], doing: str) -> _T:
        try:
            return call()
        except Exception as error:
            raise of_client(error, doing, self._who) from error

    def _open(self) -> BetaAnalyticsDataClient:
        with self._lock:
            if self._client is None:
                credentials = load(self._options)
                self._who = owner(credentials)
                self._project = str(getattr(credentials, "project_id", None) or self._who)
                self._client = BetaAnalyticsDataClient(transport=_transport(self._options, credentials))
            return self._client


def quotas(answer: RunReportResponse) -> dict[str, Left]:
    """What an answer tells of the quotas that are planned with."""
    told = answer.property_quota
    found = {name: getattr(told, field) for name, field in _QUOTAS.items() if field in told}
    return {name: Left(status.consumed, status.remaining) for name, status in found.items()}


def _message(kind: Any, content: dict[str, Any]) -> Any:
    """A message of the API from its JSON; what is no such message can only have come from the option `filter`."""
    made = kind()
    try:
        ParseDict(content, kind.pb(made))
    except ParseError as error:
        raise PermanentError(f"filter is none of the API's: {one_line(str(error))}") from None
    return made


def _transport(options: GoogleAnalyticsOptions, credentials: Credentials) -> BetaAnalyticsDataTransport:
    address = urlsplit(options.endpoint)
    make = BetaAnalyticsDataClient.get_transport_class(options.transport)
    if options.transport == "rest":
        return make(host=address.netloc, credentials=credentials, url_scheme=address.scheme)
    if address.scheme == "https":
        return make(host=address.netloc, credentials=credentials)
    import grpc

    return make(channel=grpc.insecure_channel(address.netloc))
