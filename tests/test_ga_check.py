"""`monolith check` of the google-analytics source: names, compatibility, time zone, quota."""

from __future__ import annotations

import pytest
from support.ga_emulator import Asked, Emulator, Quota
from support.ga_fixtures import PROPERTY, Make, _new_process, by_day, google, make
from support.ga_property import Property, Refusal

from monolith_core.errors import PermanentError

__all__ = ["_new_process", "google", "make"]


def test_all_is_well(make: Make, google: Emulator):
    said = make().check()
    assert said.startswith("property 123: 2 rows on ")
    assert said.endswith(", time zone UTC, 13,999 tokens per hour and project left")
    assert [each.method for each in google.asked] == ["metadata", "checkCompatibility", "runReport"]


def test_the_filter_is_asked_about_too(make: Make, google: Emulator):
    make(filter='pagePath contains "/x" and sessions > 5').check()
    assert {"dimensionFilter", "metricFilter"} <= google.asked[1].body.keys()


WRONG_NAMES = {
    "a dimension": (
        {"dimensions": ["contry"]},
        "dimensions has contry, which is no dimension of it; did you mean country",
    ),
    "a metric": ({"metrics": ["session"]}, "metrics has session, which is no metric of it; did you mean sessions"),
    "its label": ({"metrics": ["Views"]}, "metrics has Views, which is no metric of it; did you mean screenPageViews"),
    "nothing like it": ({"metrics": ["zzzz"]}, "metrics has zzzz, which is no metric of it"),
    "a metric for a dimension": ({"dimensions": ["activeUsers"]}, "dimensions has activeUsers, which is a metric"),
    "a dimension for a metric": ({"metrics": ["country"], "dimensions": []}, "metrics has country, which is a dimen"),
    "one in the filter": ({"filter": 'pagepath == "/x"'}, "filter has pagepath, which is no dimension of it; did you"),
    "a custom one": (
        {"dimensions": ["customEvent:ap"]},
        "dimensions has customEvent:ap, which is no dimension of it; did you mean customEvent:app",
    ),
}


@pytest.mark.parametrize(("options", "text"), WRONG_NAMES.values(), ids=WRONG_NAMES)
def test_wrong_names(make: Make, google: Emulator, options: dict[str, object], text: str):
    with pytest.raises(PermanentError) as caught:
        make(**options).check()
    assert f"property 123: {text}" in str(caught.value)
    assert [each.method for each in google.asked] == ["metadata"]


def test_every_wrong_name_is_named(make: Make):
    with pytest.raises(PermanentError) as caught:
        make(dimensions=["contry", "pagePath", "sesionSource"], metrics=["sesions"]).check()
    for name in ("contry", "sesionSource", "sesions"):
        assert f"has {name}, which is no" in str(caught.value)
    assert "pagePath, which" not in str(caught.value)


def test_a_deprecated_name_is_good(make: Make, google: Emulator):
    """Google goes on answering to it."""
    found = google.properties[PROPERTY]
    plain = found.metadata
    google.properties[PROPERTY].metadata = lambda number: {  # type: ignore[method-assign]
        **plain(number),
        "metrics": [{"apiName": "keyEvents", "deprecatedApiNames": ["conversions"]}],
    }
    found.metrics["conversions"] = ("Conversions", "TYPE_INTEGER")
    assert make(metrics=["conversions"]).check()


def test_names_that_do_not_go_together(make: Make):
    with pytest.raises(PermanentError) as caught:
        make(metrics=["activeUsers", "sessions"], dimensions=["country", "itemName"]).check()
    assert str(caught.value).startswith(
        "property 123: itemName does not go together with activeUsers, sessions, country; did you mean hostName"
    )


def test_metrics_that_do_not_go_together(make: Make, google: Emulator):
    google.properties[PROPERTY].clashes = [frozenset({"activeUsers", "itemsViewed"})]
    with pytest.raises(PermanentError, match="property 123: itemsViewed does not go together with activeUsers"):
        make(metrics=["activeUsers", "itemsViewed"]).check()


def test_a_clash_that_shows_only_in_the_whole(make: Make, google: Emulator):
    """Names that fit one by one, and a filter that does not: what Google says is passed on."""
    refused = "Please remove itemName to make the request compatible."

    def rule(asked: Asked) -> None:
        if "dimensionFilter" in asked.body:
            raise Refusal(400, "INVALID_ARGUMENT", refused)

    google.rule = rule
    with pytest.raises(PermanentError, match=refused):
        make(filter='itemName == "x"').check()


def test_another_time_zone(make: Make, google: Emulator):
    google.properties[PROPERTY].timezone = "America/Los_Angeles"
    assert (
        "; warning: its days are those of America/Los_Angeles, not of the configuration's UTC: they are kept as they "
        "are; write timezone = America/Los_Angeles into [monolith]" in make().check()
    )
    assert "warning" not in make(timezone="America/Los_Angeles").check()


def test_metrics_that_are_not_shown(make: Make, google: Emulator):
    google.properties[PROPERTY].restricted = ("totalRevenue",)
    said = make(metrics=["totalRevenue"]).check()
    assert said.endswith("; warning: totalRevenue is not shown to these credentials (REVENUE_DATA)")


def test_a_quota_that_is_used_up_is_no_fault(make: Make, google: Emulator):
    google.quota = Quota(per_hour=0)
    assert make().check().startswith("property 123: warning: the quota is used up: Exhausted property tokens per hour")


def test_every_property_is_asked(make: Make, google: Emulator):
    google.properties["456"] = by_day({})
    said = make(property=[PROPERTY, "456"]).check()
    assert "property 123: 2 rows" in said
    assert "; property 456: 0 rows" in said
    google.properties["456"] = Property(lambda day, now: [], dimensions={"date": "Date"}, timezone="UTC")
    with pytest.raises(PermanentError, match="property 456: dimensions has country"):
        make(property=[PROPERTY, "456"]).check()


def test_a_property_without_the_right(make: Make):
    with pytest.raises(PermanentError, match=r"list the dimensions and metrics of property 9 \(403\): User does not"):
        make(property=["9"]).check()
