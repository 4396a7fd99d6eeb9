"""Reports: ready choices of metrics and dimensions, by the name that the option `report` has."""

from __future__ import annotations

from typing import NamedTuple


class Report(NamedTuple):
    """What one report asks for."""

    metrics: tuple[str, ...]
    dimensions: tuple[str, ...]


REPORTS = {
    "visits": Report(
        ("sessions", "engagedSessions", "activeUsers", "newUsers", "userEngagementDuration"),
        ("country", "deviceCategory"),
    ),
    "pages": Report(("screenPageViews", "activeUsers", "userEngagementDuration"), ("hostName", "pagePath")),
    "events": Report(("eventCount", "totalUsers", "eventValue"), ("eventName",)),
    "acquisition": Report(
        ("sessions", "engagedSessions", "newUsers", "keyEvents", "totalRevenue"),
        ("sessionDefaultChannelGroup", "sessionSource", "sessionMedium", "sessionCampaignName"),
    ),
}
"""By name; its name is also the category of its records, unless the section says another."""
