"""Configurations without faults: what they mean."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretBytes
from support import small

from monolith_core import secrets
from monolith_core.config import Config, load_config
from monolith_core.config import secrets as secrets_of
from monolith_core.config.fingerprint import fingerprint
from monolith_core.config.model import MonolithOptions
from monolith_core.errors import ConfigurationError
from monolith_core.options import DATA, SourceOptions, TargetOptions

BASE = """\
[monolith]
database = sqlite:///x.sqlite
[phase:p]
sources = a
targets = t
[target:t]
use = shelf
[source:a]
use = table
url = https://a.example/
"""


@pytest.fixture(autouse=True)
def workplace(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small.only(small.install(tmp_path_factory.mktemp("installed")), monkeypatch)
    monkeypatch.chdir(tmp_path)
    secrets.forget()


def load(text: str | bytes, **kwargs: Any) -> Config:
    Path("monolith.ini").write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_config("monolith.ini", **kwargs)


def options(text: str, **kwargs: Any) -> Any:
    """The options of the source `a` with some more lines."""
    return load(BASE + text, **kwargs).sources["a"].options


def test_relative_files_lie_beside_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "url").write_text("sqlite:///in.sqlite\n", encoding="utf-8")
    text = BASE.replace("x.sqlite", "${NAME}").replace("url = https://a.example/", "url_file = url")
    (tmp_path / "job.ini").write_text(text, encoding="utf-8")
    monkeypatch.chdir("/")
    config = load_config(tmp_path / "job.ini", environ={"NAME": "x.sqlite"})
    assert config.monolith.database.get_secret_value() == f"sqlite:///{tmp_path}/x.sqlite"
    assert config.sources["a"].options.url == f"sqlite:///{tmp_path}/in.sqlite"


def test_every_feature_at_once() -> None:
    Path("secrets").mkdir()
    Path("secrets/password").write_text("50%${off}; # %(here)s\r\n", encoding="utf-8")
    config = load(
        """
; a comment
# another
[monolith]
database = mysql+pymysql://monolith:${DB_PASSWORD}@localhost/monolith
sequence = nightly
timezone = Europe/Madrid
timeout = 10
batch_size = 100
lease: 5m
since = 2024-01-01

[phase:extract]
sources = google-analytics,
          table
targets = shelf,
on-failure = stop

[phase:load]
sources = table
targets = copy, shelf

[sequence:nightly]
phases = extract, load

[ source : table ]
    url = https://a.example/
    Max_Shrink = 1
    retries = 9

[source:google-analytics]
use = table
url: https://user:pa%ss$w@ga.example/?x=1;y=2#z
query =
    SELECT a, b -- ; not a comment # neither
    ; this line is one
    # and this

    FROM t WHERE x LIKE '%s' AND y = '$1' AND z = '%(there)s' AND p = '${not a name}'
columns = ga:pageviews, browser
param.App_Id = 7
password_file = secrets/password
settle = 3d

[target:shelf]

[target:copy]
use = shelf
place = %(here)s/copy ; not a comment
""",
        environ={"DB_PASSWORD": "pass${X}%20(here)s"},
    )
    here = str(Path.cwd())
    assert config.path == Path("monolith.ini")
    assert config.sequence == ("extract", "load")
    assert config.sequences == {"nightly": ("extract", "load")}
    assert config.monolith.database.get_secret_value() == (
        "mysql+pymysql://monolith:pass${X}%20(here)s@localhost/monolith"
    )
    assert config.monolith.timezone == ZoneInfo("Europe/Madrid")
    assert config.monolith.lease == 300
    extract = config.phases["extract"]
    assert (extract.sources, extract.targets, extract.on_failure) == (
        ("google-analytics", "table"),
        ("shelf",),
        "stop",
    )
    assert config.phases["load"].on_failure == "continue"
    ga = config.sources["google-analytics"]
    assert (ga.kind, ga.id, ga.use, ga.file, ga.line) == ("source", "google-analytics", "table", "monolith.ini", 31)
    assert ga.plugin.__name__ == "Table"
    assert ga.options.url == "https://user:pa%ss$w@ga.example/?x=1;y=2#z"
    assert ga.options.query == (
        "SELECT a, b -- ; not a comment # neither\n"
        "\n"
        "FROM t WHERE x LIKE '%s' AND y = '$1' AND z = '%(there)s' AND p = '${not a name}'"
    )
    assert ga.options.columns == ["ga:pageviews", "browser"]
    assert ga.options.params == {"App_Id": 7}
    assert ga.options.password.get_secret_value() == "50%${off}; # %(here)s"
    assert (ga.options.settle, ga.options.timeout, ga.options.since) == (259200, 10, dt.date(2024, 1, 1))
    table = config.sources["table"].options
    assert (table.max_shrink, table.retries, table.until) == (1, 9, None)
    assert config.targets["copy"].options.place == f"{here}/copy ; not a comment"
    assert config.targets["shelf"].options.batch_size == 100
    assert config.targets["shelf"].options.database == config.monolith.database


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text,
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"\n", b"\r"),
        lambda text: text.rstrip(b"\n"),
        lambda text: text.replace(b" = ", b"="),
        lambda text: text.replace(b" = ", b": "),
        lambda text: text.replace(b"]\n", b"] ; a comment\n"),
        lambda text: text.replace(b"url", b"  url").replace(b"use = table", b"  use = table"),
    ],
)
def test_files_as_editors_write_them(change: Callable[[bytes], bytes]) -> None:
    assert load(change(BASE.encode())).sources["a"].options.url == "https://a.example/"


def test_the_section_wins_and_the_command_line_wins_over_it() -> None:
    text = BASE.replace("[phase", "retries = 1\ntimeout = 5s\nwait = 9s\n[phase") + "retries = 2\n"
    config = load(text, overrides={"retries": "7", "batch_size": "10"})
    assert (config.sources["a"].options.retries, config.targets["t"].options.retries) == (7, 7)
    assert config.targets["t"].options.batch_size == 10
    config = load(text)
    assert (config.sources["a"].options.retries, config.targets["t"].options.retries) == (2, 1)
    assert (config.sources["a"].options.timeout, config.sources["a"].options.wait) == (5, 9)


def test_a_value_from_a_file_counts_as_the_option() -> None:
    Path("retries").write_text("8\n", encoding="utf-8")
    shared = BASE.replace("[phase", "retries_file = retries\n[phase")
    assert load(shared).sources["a"].options.retries == 8
    assert load(shared + "retries = 2\n").sources["a"].options.retries == 2
    assert options("param.n_file = retries\n").params == {"n": 8}


def test_only_the_last_line_end_of_a_file_is_dropped() -> None:
    Path("query.sql").write_text("\n select 1 \n\n", encoding="utf-8")
    assert options("query-file = %(here)s/query.sql\n").query == "\n select 1 \n"


def test_options_made_by_a_program() -> None:
    made = MonolithOptions.model_validate({"database": "sqlite:///x", "timezone": ZoneInfo("Europe/Madrid")})
    assert made.timezone.key == "Europe/Madrid"


def test_use_may_come_from_the_environment() -> None:
    config = load(BASE.replace("use = table", "use = ${PLUGIN}"), environ={"PLUGIN": "table"})
    assert config.sources["a"].use == "table"


def test_a_plugin_may_take_any_option() -> None:
    config = load(BASE.replace("use = table\nurl", "use = open\nAny_Thing"))
    assert config.sources["a"].options.model_extra == {"any-thing": "https://a.example/"}


def test_user_is_no_mistake_where_a_plugin_has_it() -> None:
    config = load(BASE.partition("[source")[0].replace("= a", "= open") + "[source:open]\nuser = sql\n")
    assert config.sources["open"].options.user == "sql"


def test_validators_are_told_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    config = load(BASE)
    model = type(config.sources["a"].options)
    original = model.model_validate

    def validate(values: object, *, context: object) -> object:
        seen.append(context)
        return original(values, context=context)

    monkeypatch.setattr(model, "model_validate", validate)
    load(BASE)
    assert seen == [{"here": Path.cwd(), "id": "a"}]


PHASES = BASE + "[phase:q]\nsources = a\ntargets = t\n[sequence:both]\nphases = q, p\n"


def test_all_phases_in_the_order_of_the_file_unless_told_otherwise() -> None:
    assert load(PHASES).sequence == ("p", "q")
    assert load(PHASES, sequence=["q"]).sequence == ("q",)
    assert load(PHASES, sequence=["both"]).sequence == ("q", "p")
    assert load(PHASES, sequence=["p", "both"]).sequence == ("p", "q")
    assert load(PHASES.replace("[phase:p]", "sequence = both\n[phase:p]")).sequence == ("q", "p")
    assert load(PHASES.replace("[phase:p]", "sequence = p\n[phase:p]")).sequence == ("p",)


def test_no_secret_is_shown() -> None:
    text = BASE.replace("sqlite:///x.sqlite", "mysql://me:hunter%402@localhost/x").replace(
        "https://a.example/", "https://you:swordfish@a.example/?api_key=abcdefgh"
    )
    config = load(text + "password = correct horse\nparam.n = 1\ncode = abc\n")
    assert secrets_of(config) == {"hunter%402", "hunter@2", "swordfish", "abcdefgh", "correct horse"}
    for secret in secrets_of(config):
        assert secret not in repr(config)
        assert secrets.hide(f"it is {secret}!") == "it is ***!"


def test_a_fault_shows_no_secret() -> None:
    with pytest.raises(ConfigurationError) as caught:
        options("password = correct horse\ncode = correct horse\nretries = mysql://me:hunter2@x/\n")
    assert "correct" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def print_of(text: str = "", *, base: str = BASE) -> tuple[str, str]:
    config = load(base + text)
    return config.sources["a"].fingerprint, config.targets["t"].fingerprint


def odd_print(value: dict[str, object], timezone: str = "UTC") -> str:
    return fingerprint("source", "odd", OddOptions.model_validate(value), storage="", timezone=timezone)


def test_the_fingerprint_is_that_of_the_data() -> None:
    first = print_of("query = select 1\n")
    assert all(len(each) == 16 and int(each, 16) for each in first)
    assert print_of("query = select 2\n")[0] != first[0]
    assert print_of("query = select 1\nparam.n = 1\n")[0] != first[0]
    assert print_of("query = select 1\ncolumns = a\n")[0] != first[0]
    assert print_of("query = select 1\nkey = k1\n")[0] != print_of("query = select 1\nkey = k2\n")[0]
    assert print_of("query = select 1\nretries = 9\npassword = x\ncolumns =\n") == first
    assert print_of("query = https://me:old@x/\n") == print_of("query = https://me:new@x/\n")
    assert print_of(base=BASE.replace("use = table", "use = open"))[0] != print_of()[0]


def test_the_fingerprint_of_a_target_is_its_place() -> None:
    elsewhere = BASE.replace("use = shelf", "use = shelf\nplace = there\nretries = 9")
    assert print_of(base=elsewhere)[0] == print_of()[0]
    assert print_of(base=elsewhere)[1] != print_of()[1]
    assert print_of(base=elsewhere) == print_of(base=elsewhere.replace("= 9", "= 8"))


class Shade(Enum):
    DARK = "dark"


class Part(BaseModel):
    name: str = "x"
    key: SecretBytes = SecretBytes(b"bytes of a key")


class OddOptions(SourceOptions):
    shade: Annotated[Shade | None, DATA] = None
    part: Annotated[Part | None, DATA] = None
    parts: Annotated[list[Part], DATA] = Field(default_factory=list)
    tags: Annotated[frozenset[str], DATA] = frozenset()
    day: Annotated[dt.date | None, DATA] = None
    exact: Annotated[bool, DATA] = False


def test_every_type_of_option_counts() -> None:
    values: list[dict[str, Any]] = [
        {},
        {"shade": "dark"},
        {"part": {}},
        {"part": {"name": "y"}},
        {"part": {"key": b"another key"}},
        {"parts": [{}]},
        {"tags": ["a", "b"]},
        {"day": "2024-01-01"},
        {"exact": True},
    ]
    prints = [odd_print(value) for value in values]
    assert len(set(prints)) == len(values)
    assert prints == [odd_print(value) for value in values]


def test_secrets_in_every_type_of_option() -> None:
    config = load(BASE)
    odd = OddOptions.model_validate({"part": {"key": b"a long key"}, "parts": [{"name": "https://me:swordfish@x/"}]})
    changed = replace(config, sources={"a": replace(config.sources["a"], options=odd)})
    assert secrets_of(changed) == {"a long key", "swordfish", "bytes of a key"}


def test_fingerprints_stay_the_same_for_ever() -> None:
    assert print_of("query = select 1\nparam.n = 1\ncolumns = a, b\nkey = k\n") == PINNED


PINNED = ("607b527c55c306c5", "a88b7cd4b37053b9")


LINES = [
    *BASE.splitlines(),
    " x",
    "retries = 3",
    "[source:a",
    "${A}",
    "= b",
    "[x]",
    "[source:a\x1c\u2028b]",
    "\x85 = 1",
]
TRIED = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="[]=:;#% \n\t${}(here)monlithsurcepg-_.,", max_size=300),
    st.lists(st.sampled_from(LINES)).map("\n".join),
    st.binary(max_size=100),
)


@given(TRIED)
@example("\x85[monolith]")
@example("[monolith]\n\x1c=")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_text_is_a_configuration_or_has_faults(text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    Path("any.ini").write_bytes(data)
    try:
        load_config("any.ini", environ={})
    except ConfigurationError as error:
        faults = error.faults
    else:
        return
    assert faults
    assert all(fault.file == "any.ini" and len(str(fault).splitlines()) == 1 for fault in faults)
    assert list(faults) == sorted(faults, key=lambda fault: fault.line)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_a_value_is_what_was_written(value: str) -> None:
    value = value.strip().replace("${", "$ {").replace("%(here)s", "here") or "x"
    assert load(BASE.replace("https://a.example/", value)).sources["a"].options.url == value


def test_a_target_in_the_storage_may_move_with_it() -> None:
    class Placed(TargetOptions):
        place: str = "here"

        def location(self) -> str | None:
            return self.place

    def mark(place: str, storage: str) -> str:
        options = Placed.model_validate({"place": place})
        return fingerprint("target", "placed", options, storage=storage, timezone="UTC")

    assert mark("old", "old") == mark("new", "new")
    assert len({mark("old", "old"), mark("old", "new"), mark("new", "old")}) == 3


def test_days_of_another_time_zone_are_other_days() -> None:
    assert odd_print({}) != odd_print({}, timezone="Europe/Madrid")
