"""The options of the `rest` source as they stand in a configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme

from monolith_core import secrets
from monolith_core.config import load_config
from monolith_core.errors import ConfigurationError
from monolith_plugins_rest.options import RestOptions

FRAME = """
[monolith]
database = sqlite:///archive.sqlite
[phase:extract]
sources = items
targets = sql
[target:sql]
[source:items]
use = rest
"""
URL = "url = https://shop.example/items?day={date}\n"


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> None:
    """Which would be hidden in what is tested here."""
    secrets.forget()


def load(folder: Path, section: str) -> RestOptions:
    file = folder / "monolith.ini"
    file.write_text(FRAME + section, encoding="utf-8")
    options: Any = load_config(file, environ={"KEY": "k3y-of-mine"}).sources["items"].options
    return options


def test_a_whole_section(tmp_path: Path) -> None:
    options = load(
        tmp_path,
        """
url = https://shop.example/v1/items
method = POST
param.from = {start_date:%d.%m.%Y}
param.Until = {next_date:epoch}
header.Accept-Language = en
auth-header.X-Api-Key = ${KEY}
auth = header
body = {"day": "{date}",
  "x": {}}
records = data.rows[*].{day: [0], n: [1]}
date = day
group-by = app, country
sum = n
rate-limit = 100/m
paging = cursor
next = meta.next
""",
    )
    assert options.params == {"from": "{start_date:%d.%m.%Y}", "Until": "{next_date:epoch}"}
    assert options.auth_headers["X-Api-Key"].get_secret_value() == "k3y-of-mine"
    assert options.is_daily
    assert options.group_by == ["app", "country"]
    assert options.pause == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("section", "daily", "date"),
    [
        ("url = http://a/?d={date}", True, None),
        ("url = http://a/?d={start_date}", False, "date"),
        ("url = http://a/\nparam.d = {date:%j}", True, None),
        ("url = http://a/\nheader.Day = {date}\ndate = at", True, "at"),
        ('url = http://a/\nmethod = POST\nbody = {"a": "{date}"}', True, None),
        ("url = http://a/\ndate = at", False, "at"),
    ],
)
def test_a_service_is_asked_day_by_day_if_a_text_has_date(
    tmp_path: Path, section: str, daily: bool, date: str | None
) -> None:
    options = load(tmp_path, section)
    assert (options.is_daily, options.date_expression) == (daily, date)


POST = URL + "method = POST\n"
IN_BODY = "\npaging = page\npaging-in = body"

WRONG = [
    ("", "lacks the option url; add url = https://shop.example/api/orders"),
    ("url = shop.example/items", "is no URL of a service; expected something like https://"),
    ("url = ftp://shop.example/items", "is no URL of a service"),
    ("url = https://", "is no URL of a service"),
    ("url = https://shop.example:port/", "is no URL of a service"),
    ("url = https://{date}.example/", "is no URL of a service"),
    ("url = https://shop.example/a b", "is no URL of a service"),
    ("url = https://me:hunter22@shop.example/", "has a user in it; write auth = basic, user = ... and password = ..."),
    ("url = https://shop.example/#top", "has a fragment"),
    ("url = https://shop.example/{day}", "has {day}, which is no day; known are {start_date}, {end_date}"),
    (URL + "param.x = {today}", "has {today}, which is no day"),
    (URL + "param.x = {date:%s}", "unknown directive %s; write {NAME:epoch}"),
    (URL + "header.X = é", "the header X is not one line of ASCII"),
    (URL + "auth = header\nauth-header.X = k3y of\n  two lines", "the header X is not one line of ASCII"),
    (URL + "method = FETCH", "got 'FETCH', expected GET or POST"),
    (URL + "body = {}", "body is given but a GET sends none; add method = POST"),
    (URL + "records = a[", "'a[' is no JMESPath"),
    (URL + "records = a..b", "'a..b' is no JMESPath"),
    (URL + "records = nosuch(@", "is no JMESPath"),
    (URL + "date-format = %d.%m.%Y", "date-format without date: with {date} the day is the one that was asked for"),
    (URL + "date = at\ndate-format = sometimes", "'sometimes' is no format of dates"),
    (URL + "date = at\ndate-format = %Q", "'%Q' is no format of dates"),
    (URL + "category = a\ncategory-field = b", "category and category-field exclude each other"),
    (URL + "charset = klingon", "'klingon' is no charset; expected such as utf-8"),
    (URL + "charset = base64", "'base64' is no charset"),
    (URL + "paging = pages", "got 'pages', expected none, link, next-url, page, offset or cursor"),
    (URL + "paging = next-url", "paging = next-url needs to know where the next URL is; add next = ..."),
    (URL + "paging = cursor", "paging = cursor needs to know where the next cursor is"),
    (URL + "next = next", "next is of no use with paging = none; write paging = next-url or cursor, or remove it"),
    (URL + "paging = page\noffset-param = o", "offset-param is of no use with paging = page; write paging = offset"),
    (URL + "paging = page\nsize-param = per_page", "size-param is given without page-size"),
    (URL + "paging-in = body", "paging-in is of no use with paging = none; write paging = page or offset or cursor"),
    (URL + "paging = link\npaging-in = body", "paging-in is of no use with paging = link"),
    (URL + "paging = page\npaging-in = body", "needs a body; add method = POST and body = {}"),
    (POST + "body = [1]\npaging = page\npaging-in = body", "an object of JSON is needed for page: Expected `object`"),
    (POST + 'body = {"a": 1}\npaging = page\npage-param = a.b\npaging-in = body', "a is no object, so there is no a.b"),
    (POST + 'body = {"limit": []}\npage-size = 5\nsize-param = limit.n' + IN_BODY, "limit is no object"),
    (POST + "header.Content-Type = text/xml\nbody = <a/>" + IN_BODY, "body: text/xml, expected application/json or"),
    (POST + 'body = {"day": {date}}', "body is no JSON: JSON is malformed: "),
    (POST + "body = day={date}", "say with header.Content-Type what else it is"),
    (URL + "purge-url = https://shop.example/\npurge-method = POST\npurge-body = {", "purge-body is no JSON: "),
    (URL + "page-size = 0", "expected a whole number from 1 to 1000000"),
    (URL + "max-pages = 0", "expected a whole number from 1"),
    (URL + "max-bytes = 64M", "got '64M', expected a whole number"),
    (URL + "rate-limit = fast", "'fast' is no rate; expected such as 10/s"),
    (URL + "rate-limit = 0/s", "'0/s' is no rate"),
    (URL + "concurrency = 0", "expected a whole number from 1 to 64"),
    (URL + "request-timeout = 0", "expected a duration such as 30s, 10m or 3d, more than 0s"),
    (URL + "auth = digest", "got 'digest', expected none, basic, bearer, header, param, oauth1 or oauth2"),
    (URL + "auth = basic\nuser = me", "auth = basic needs password; add it"),
    (URL + "user = me", "user is of no use with auth = none; write auth = basic, or remove it"),
    (URL + "token = x", "token is of no use with auth = none; write auth = bearer or oauth1"),
    (URL + "auth = header", "auth = header needs auth-header.NAME; add it"),
    (URL + "auth-param.key = x", "auth-param is of no use with auth = none; write auth = param"),
    (URL + "header.Authorization = Basic xyz", "header.Authorization looks like a secret and would be shown in logs"),
    (URL + "header.X-Api-Key = xyz", "write it as auth-header.X-Api-Key, with auth = header if there is no other"),
    (URL + "param.api_key = xyz", "param.api_key looks like a secret"),
    (URL + "auth = param\nparam.k = 1\nauth-param.k = 2", "param.k and auth-param.k are both given"),
    (URL + "auth = oauth1\nconsumer-key = a\nconsumer-secret = b\ntoken = c", "token and token-secret belong together"),
    (URL + "auth = oauth2\nclient-id = a\nclient-secret = b", "auth = oauth2 needs token-url"),
    (URL + "auth = oauth2\ntoken-url = x", "is no URL of a service"),
    (URL + "ca = nowhere.pem", "nowhere.pem is not there; expected a file with certificates"),
    (URL + f"ca = {__file__}", "test_rest_options.py has no certificates; expected some in PEM"),
    ("url = http://a/{date}\nverify = false", "ca and verify are about TLS; write url = https://"),
    (URL + "group-by = a, b\nsum = b", "group-by and sum have b twice"),
    (URL + "sum = count", "has the field count, which is to get the number of events; name another with count-as"),
    (URL + "count-as = n", "count-as is of no use without group-by or sum"),
    (URL + "purge-method = POST", "purge-method is given without purge-url"),
    (URL + "purge-url = https://other.example/{date}", "purge-url and url are of different services"),
    (URL + "pageing = page", "has no option pageing; did you mean paging?"),
]


@pytest.mark.parametrize(("section", "problem"), WRONG, ids=[section or "nothing" for section, _ in WRONG])
def test_mistakes_are_named_with_their_line(tmp_path: Path, section: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(tmp_path, section)
    text = str(raised.value)
    assert problem in text
    assert all("monolith.ini:" in line for line in text.splitlines())
    assert "hunter22" not in text
    assert "k3y" not in text


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    options = load(tmp_path, URL + "auth = header\nauth-header.X-Api-Key = ${KEY}\n")
    assert "k3y" not in repr(options)


def test_the_options_load_nothing_that_speaks_http() -> None:
    program = (
        "import sys, monolith_plugins_rest.source as s; s.RestSource.Options.model_validate({'url': 'http://a/{date}'})\n"
        "print([name for name in ('httpx', 'httpcore', 'authlib', 'jmespath', 'h11') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_that_plugins_are_told_of_lie_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    (folder / "mappings.json").write_text('{"properties": {"text": {"type": "text"}}}')
    (folder / "monolith.ini").write_text(
        """
[monolith]
database = sqlite:///storage.sqlite
[phase:extract]
sources = items, old
targets = es
[source:items]
use = rest
url = https://items.example/{date}
ca = ca.pem
[source:old]
use = aggregator
database = sqlite:///old.sqlite
rejects = rejects.jsonl
[target:es]
use = elasticsearch
url = https://es.example
ca = ca.pem
mappings = mappings.json
"""
    )
    monkeypatch.chdir(tmp_path)
    config = load_config(folder / "monolith.ini")
    target: Any = config.targets["es"].options
    assert (target.ca, target.mappings) == (folder / "ca.pem", folder / "mappings.json")
    assert target.own_mappings["properties"] == {"text": {"type": "text"}}
    items: Any = config.sources["items"].options
    old: Any = config.sources["old"].options
    assert (items.ca, old.rejects) == (folder / "ca.pem", folder / "rejects.jsonl")
