"""The options of the google-analytics source, its filter expressions and its names; no server is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from monolith_core import secrets
from monolith_core.config import load_config
from monolith_core.errors import ConfigurationError
from monolith_plugins_ga.filters import Filters, parse
from monolith_plugins_ga.names import nearest, successor
from monolith_plugins_ga.options import GoogleAnalyticsOptions
from monolith_plugins_ga.reports import REPORTS

KEY = {"type": "service_account", "client_email": "me@x", "private_key": "secret", "token_uri": "https://t"}


def options(**given: Any) -> GoogleAnalyticsOptions:
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return GoogleAnalyticsOptions.model_validate({"property": ["123"], "metrics": ["sessions"], **named})


@pytest.mark.parametrize("report", REPORTS)
def test_a_ready_report(report: str):
    made = options(report=report, metrics=[])
    assert (made.asked_metrics, made.asked_dimensions) == REPORTS[report]
    assert 0 < len(made.asked_metrics) <= 10
    assert len(made.asked_dimensions) <= 8


def test_defaults():
    made = options()
    assert made.settle == 3 * 86400
    assert made.endpoint == "https://analyticsdata.googleapis.com"
    assert not made.anonymous
    assert made.filters == Filters()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://proxy.example/", "https://proxy.example"),
        ("proxy.example:444", "https://proxy.example:444"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_addresses(given: str, expected: str):
    made = options(endpoint=given)
    assert made.endpoint == expected
    assert made.anonymous is expected.startswith("http:")


WRONG = {
    "no property": ({"property": []}, "at least 1"),
    "a profile": ({"property": ["ga:1234"]}, "'ga:1234' is a profile of Universal Analytics, .* expected the number"),
    "a tracking id": ({"property": ["UA-1234-1"]}, "is a profile of Universal Analytics"),
    "a measurement id": ({"property": ["G-ABC"]}, "is the id of a tag; expected the number"),
    "a name": ({"property": ["my site"]}, "is no property"),
    "a property twice": ({"property": ["123", "properties/123"]}, "names 123 more than once"),
    "a classic metric": ({"metrics": ["ga:pageviews"]}, "is a name of Universal Analytics; write screenPageViews"),
    "a classic metric without ga:": ({"metrics": ["visits"]}, "is a name of Universal Analytics; write sessions"),
    "an unknown classic metric": ({"metrics": ["ga:percentNewVisits"]}, "has those of Google Analytics 4"),
    "the day": ({"dimensions": ["date"]}, "which is always asked for"),
    "the classic day": ({"dimensions": ["ga:date"]}, "which is always asked for"),
    "no name": ({"metrics": ["a b"]}, "is no name of a dimension or a metric"),
    "a metric twice": ({"metrics": ["sessions", "sessions"]}, "names sessions more than once"),
    "too many metrics": ({"metrics": [f"m{n}" for n in range(11)]}, "has 11 names, Google takes 10"),
    "too many dimensions": ({"dimensions": [f"d{n}" for n in range(9)]}, "has 9 names, Google takes 8"),
    "in both": ({"dimensions": ["sessions"]}, "both have sessions"),
    "no metrics": ({"metrics": []}, "lacks metrics; add metrics = sessions, ... or report = visits |"),
    "a report and metrics": ({"report": "visits"}, "report and metrics exclude each other"),
    "an unknown report": ({"report": "visit"}, "Input should be"),
    "plain http": ({"endpoint": "http://proxy.example"}, "for all to read; write https"),
    "a path": ({"endpoint": "https://proxy.example/v1"}, "more than a scheme, a host and a port"),
    "no host": ({"endpoint": "https://"}, "is no address"),
    "a wrong port": ({"endpoint": "https://a:b"}, "is no address"),
    "a user in the address": ({"endpoint": "https://me:word@a"}, "more than a scheme"),
    "no such key": ({"credentials": "/nowhere.json"}, "cannot be read: No such file"),
    "a negative reserve": ({"quota_reserve": -1}, "greater than or equal to 0"),
    "too large a page": ({"page_size": 250_001}, "less than or equal to 250000"),
}


@pytest.mark.parametrize(("given", "text"), WRONG.values(), ids=WRONG)
def test_wrong_options(given: dict[str, Any], text: str):
    with pytest.raises(ValidationError, match=text):
        options(**given)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "is not JSON; expected the JSON key"),
        ("[]", "is another kind of file"),
        ('{"type": "external_account"}', "is another kind of file"),
        ('{"installed": {"client_secret": "secret"}}', "is an OAuth client; expected the JSON key"),
    ],
)
def test_wrong_credentials(tmp_path: Path, content: str, text: str):
    file = tmp_path / "key.json"
    file.write_text(content)
    with pytest.raises(ValidationError, match=text) as caught:
        options(credentials=str(file))
    assert "secret" not in str(caught.value)


def configuration(folder: Path, section: str) -> Path:
    file = folder / "monolith.ini"
    file.write_text(
        "[monolith]\ndatabase = sqlite:///x.sqlite\n[phase:extract]\nsources = ga\ntargets = sql\n"
        f"[target:sql]\n[source:ga]\nuse = google-analytics\n{section}"
    )
    return file


def test_credentials_lie_beside_the_configuration(tmp_path: Path):
    (tmp_path / "key.json").write_text(json.dumps(KEY))
    file = configuration(tmp_path, "property = 1\nreport = visits\ncredentials = key.json\n")
    assert load_config(file).sources["ga"].options.credentials == tmp_path / "key.json"


def test_a_classic_section_says_what_to_write(tmp_path: Path):
    secrets.forget()
    file = configuration(
        tmp_path,
        "url = https://www.googleapis.com/\nuser = me\npassword = secret\noauth_token = auth.json\n"
        "profile_id = ga:1234\nmetrics = ga:pageviews\ndimensions = browser\nfilters = ga:country==Spain\n"
        "rate_limit = 3\nproperty = UA-1-1\n",
    )
    with pytest.raises(ConfigurationError) as caught:
        load_config(file)
    lines = [str(fault).removeprefix(f"{file}:") for fault in caught.value.faults]
    number = {
        9: "has no option url; Google's address is known",
        10: "has no option user; write credentials = FILE",
        11: "has no option password; write credentials = FILE",
        12: "has no option oauth_token; write credentials = FILE",
        13: "has no option profile_id; write property = NUMBER",
        14: "option metrics of [source:ga]: 'ga:pageviews' is a name of Universal Analytics; write screenPageViews",
        16: "has no option filters; write filter = ",
        17: "has no option rate_limit; requests are planned with Google's quota",
        18: "option property of [source:ga]: 'UA-1-1' is a profile of Universal Analytics",
    }
    assert [int(line.partition(":")[0]) for line in lines] == [*number]
    for line, text in zip(lines, number.values(), strict=True):
        assert text in line
        assert "secret" not in line


def test_a_wrong_filter_is_a_fault_of_its_line(tmp_path: Path):
    file = configuration(tmp_path, "property = 1\nmetrics = sessions\nfilter = country = Spain\n")
    with pytest.raises(ConfigurationError) as caught:
        load_config(file)
    assert str(caught.value) == (
        f"{file}:11: [source:ga]: filter cannot be read from '= Spain' on; write == to compare, and, or"
    )


def exact(name: str, value: str, kind: str = "EXACT") -> dict[str, Any]:
    return {"filter": {"fieldName": name, "stringFilter": {"matchType": kind, "value": value, "caseSensitive": True}}}


def number(name: str, operation: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"filter": {"fieldName": name, "numericFilter": {"operation": operation, "value": value}}}


SPAIN = exact("country", "Spain")
READABLE = {
    'country == "Spain"': (SPAIN, None),
    "country == 'Spain'": (SPAIN, None),
    'country != "Spain"': ({"notExpression": SPAIN}, None),
    'not country != "Spain"': ({"notExpression": {"notExpression": SPAIN}}, None),
    'country not != "Spain"': (SPAIN, None),
    'pagePath contains "/admin"': (exact("pagePath", "/admin", "CONTAINS"), None),
    'pagePath not contains "/admin"': ({"notExpression": exact("pagePath", "/admin", "CONTAINS")}, None),
    'pagePath startswith "/a"': (exact("pagePath", "/a", "BEGINS_WITH"), None),
    'pagePath endswith "/a"': (exact("pagePath", "/a", "ENDS_WITH"), None),
    r'pagePath matches "/a\d+\"?\'x"': (exact("pagePath", r"/a\d+\"?'x".replace(r"\"", '"'), "FULL_REGEXP"), None),
    'customEvent:app == "x"': (exact("customEvent:app", "x"), None),
    'country IN ("Spain", "Peru")': (
        {"filter": {"fieldName": "country", "inListFilter": {"values": ["Spain", "Peru"], "caseSensitive": True}}},
        None,
    ),
    "sessions > 10": (None, number("sessions", "GREATER_THAN", {"int64Value": "10"})),
    "sessions <= -1.5": (None, number("sessions", "LESS_THAN_OR_EQUAL", {"doubleValue": -1.5})),
    'country == "Spain" and not pagePath contains "/admin"': (
        {
            "andGroup": {
                "expressions": [SPAIN, {"notExpression": exact("pagePath", "/admin", "CONTAINS")}],
            }
        },
        None,
    ),
    'country == "Spain" and sessions != 0': (
        SPAIN,
        {"notExpression": number("sessions", "EQUAL", {"int64Value": "0"})},
    ),
    'a == "1" or b == "2" and (c == "3" or not d == "4") and sessions >= 2': None,
    '(a == "1" and b == "2") and (sessions < 3 and c == "3")': (
        {"andGroup": {"expressions": [exact("a", "1"), exact("b", "2"), exact("c", "3")]}},
        number("sessions", "LESS_THAN", {"int64Value": "3"}),
    ),
    'a == "1" or b == "2" and c == "3"': (
        {
            "orGroup": {
                "expressions": [exact("a", "1"), {"andGroup": {"expressions": [exact("b", "2"), exact("c", "3")]}}]
            }
        },
        None,
    ),
}


@pytest.mark.parametrize(("text", "expected"), [each for each in READABLE.items() if each[1]])
def test_readable_filters(text: str, expected: tuple[Any, Any]):
    found = parse(text, ["sessions"])
    assert (found.dimensions, found.metrics) == expected
    assert found.metric_names == ({"sessions"} if found.metrics else set())


def test_the_names_in_a_filter():
    found = parse('a == "1" and not (b == "2" or a == "3") and sessions > 1', ["sessions"])
    assert (found.dimension_names, found.metric_names) == ({"a", "b"}, {"sessions"})


WRONG_FILTERS = {
    "": "has nothing more, expected the name of a dimension",
    "country": "has nothing more after 'country', expected ==, !=",
    "country ==": "has nothing more after '==', expected a text between quotes, or a number",
    "country = 'Spain'": "write == to compare",
    "country == Spain": "has 'Spain' after '==', expected a text between quotes, or a number",
    "country == 'Spain": "the quotes are never closed",
    "country == 'Spain' pagePath == 'x'": "has 'pagePath' after \"'Spain'\", expected and, or, or the end",
    "(country == 'Spain'": "has nothing more after \"'Spain'\", expected \\)",
    "country == 'Spain')": "has '\\)'",
    "and country == 'Spain'": "has 'and', expected the name of a dimension",
    "country == 5": "compares country with a number, and metrics has no country",
    "sessions == 'many'": "compares the metric sessions with a text",
    "sessions in ('1')": "compares the metric sessions with a text",
    "sessions contains 5": "has '5' after 'contains', expected a text between quotes for contains",
    "country < 'Spain'": "expected a number for <",
    "country in 'Spain'": "expected \\( and texts between quotes",
    "country in ('Spain' 'Peru')": "expected , or \\)",
    "country in ()": "expected a text between quotes",
    "country == 'Spain' or sessions > 5": "mixes dimensions and metrics \\(country, sessions\\) with or",
    "not (country == 'Spain' and sessions > 5)": "mixes dimensions and metrics",
    "sessions > 1.2.3": "cannot be read from '1.2.3' on",
    "{": "begins like JSON and is none",
    '{"dimensionFilter": {}}': "dimensionFilter has nothing, expected one of andGroup",
    '{"dimensionFilter": {"filter": {}}}': "dimensionFilter.filter lacks a fieldName",
    '{"dimensionFilter": {"filter": {"fieldName": "a"}}}': "dimensionFilter.filter has nothing, expected one of string",
    '{"metricFilter": {"orGroup": []}}': "metricFilter.orGroup lacks a list of expressions",
    '{"orGroup": {"expressions": [{"x": 1}]}}': r"dimensionFilter.orGroup.expressions\[0\] has x, expected one of",
    '{"metricFilter": null, "limit": 5}': "has 'limit', expected dimensionFilter and metricFilter",
}


@pytest.mark.parametrize(("text", "said"), WRONG_FILTERS.items(), ids=[*WRONG_FILTERS])
def test_wrong_filters(text: str, said: str):
    with pytest.raises(ValueError, match=said):
        parse(text, ["sessions"])


def test_raw_filters():
    raw = {
        "dimensionFilter": SPAIN,
        "metricFilter": {"notExpression": number("sessions", "EQUAL", {"int64Value": "1"})},
    }
    assert parse(json.dumps(raw), []) == Filters(
        raw["dimensionFilter"], raw["metricFilter"], frozenset({"country"}), frozenset({"sessions"})
    )
    assert parse(json.dumps(SPAIN), []).dimensions == SPAIN


def test_names_that_resemble():
    known = {"country": "Country", "city": "City", "screenPageViews": "Views", "sessionSource": "Session source"}
    labels = [(label, name) for name, label in known.items()]
    assert nearest("contry", known)[0] == "country"
    assert nearest("Country", known)[0] == "country"
    assert nearest("pageviews", known)[0] == "screenPageViews"
    assert nearest("session_source", known) == ["sessionSource"]
    assert nearest("views", known, labels) == ["screenPageViews"]
    assert nearest("zzzzzz", known, labels) == []
    assert successor("source") is None
    assert successor("ga:source") == "sessionSource"


def test_reading_a_configuration_imports_nothing_of_google(tmp_path: Path):
    """An hourly run that finds nothing due must not pay a second for the client."""
    file = configuration(tmp_path, "property = 1\nreport = visits\nfilter = country == 'Spain'\n")
    code = (
        "import sys; from monolith_core.config import load_config; load_config(sys.argv[1]);"
        "print([name for name in sys.modules if name.split('.')[0] in ('google', 'grpc', 'requests')])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_client_is_imported_without_a_warning():
    code = "import monolith_plugins_ga.check, monolith_plugins_ga.service, grpc"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
