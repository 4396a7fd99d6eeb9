"""Names: what things of Universal Analytics are called in Google Analytics 4, and names that resemble one another.

The pairs are those of Google's page "UA/GA4 API schema equivalence" where it names one that counts the same things.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

CLASSIC = {
    "avgSessionDuration": "averageSessionDuration",
    "campaign": "sessionCampaignName",
    "channelGrouping": "sessionDefaultChannelGroup",
    "customVarValue7": "customEvent:NAME",
    "eventAction": "eventName",
    "eventCategory": "eventName",
    "goalCompletionsAll": "keyEvents",
    "hostname": "hostName",
    "landingPagePath": "landingPage",
    "medium": "sessionMedium",
    "newVisits": "newUsers",
    "pageviews": "screenPageViews",
    "pageviewsPerSession": "screenPageViewsPerSession",
    "source": "sessionSource",
    "sourceMedium": "sessionSourceMedium",
    "timeOnSite": "userEngagementDuration",
    "totalEvents": "eventCount",
    "transactionRevenue": "purchaseRevenue",
    "userType": "newVsReturning",
    "users": "totalUsers",
    "visitors": "totalUsers",
    "visits": "sessions",
}
"""Names of Universal Analytics, without `ga:`, and what to ask for now."""

EXPLORER = "https://ga-dev-tools.google/ga4/dimensions-metrics-explorer/"
"""Where Google lists every dimension and metric."""

_SAME_IN_BOTH = frozenset({"source", "medium", "campaign"})
"""Classic names that Google Analytics 4 has too, maybe for something else."""


def successor(name: str) -> str | None:
    """What a name of Universal Analytics has become; None for a name that may be one of Google Analytics 4."""
    plain = name.removeprefix("ga:")
    if plain == name and plain in _SAME_IN_BOTH:
        return None
    return CLASSIC.get(plain)


def nearest(name: str, known: Iterable[str], labels: Iterable[tuple[str, str]] = ()) -> list[str]:
    """The known names that may be meant, the best first, three at most; `labels` are (label, name) for people."""
    written: dict[str, str] = {}
    for label, meant in (*((each, each) for each in known), *labels):
        written.setdefault(_folded(label), meant)
    new = successor(name)
    first = [new] if new in written.values() and new is not None else []
    near = get_close_matches(_folded(name), written, n=3, cutoff=0.6)
    return list(dict.fromkeys([*first, *(written[each] for each in near)]))[:3]


def _folded(text: str) -> str:
    return re.sub(r"[\s_-]", "", text.removeprefix("ga:")).casefold()
