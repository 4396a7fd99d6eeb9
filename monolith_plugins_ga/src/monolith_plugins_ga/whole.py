"""Whole or not: what Google says about how much of the truth an answer is."""

from __future__ import annotations

from google.analytics.data_v1beta.types import ResponseMetaData, RunReportResponse


def shortcomings(answer: RunReportResponse) -> list[str]:
    """Why an answer is not whole, though it may be if less is asked at once; nothing for one that is."""
    found = answer.metadata
    lines = [_sampled(found)] if found.sampling_metadatas else []
    if found.data_loss_from_other_row:
        lines.append("rare values are summed up as (other)")
    if found.subject_to_thresholding:
        lines.append("rows of few users may be left out (thresholding)")
    return lines


def restrictions(answer: RunReportResponse) -> list[str]:
    """What these credentials are not shown, however they ask."""
    active = answer.metadata.schema_restriction_response.active_metric_restrictions
    return [
        f"{each.metric_name} is not shown to these credentials ({', '.join(_kinds(each)) or 'restricted'})"
        for each in active
    ]


def _kinds(restriction: ResponseMetaData.SchemaRestrictionResponse.ActiveMetricRestriction) -> list[str]:
    return [kind.name for kind in restriction.restricted_metric_types]


def _sampled(found: ResponseMetaData) -> str:
    read = sum(each.samples_read_count for each in found.sampling_metadatas)
    space = sum(each.sampling_space_size for each in found.sampling_metadatas)
    return f"sampled: {100 * read / space:.3g} % of the events" if space else "sampled"
