"""Dimensions of the data mart: their views, and the members that are given by the code. Declarations only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from openiwd.domain.event import EventType
from openiwd.domain.mart_subject import AGE_RANGES
from openiwd.domain.mart_view import MartView
from openiwd.domain.priority_range import PRIORITY_BOUNDS, PRIORITY_RANGES
from openiwd.domain.report import RANGES
from openiwd.domain.work_item import Status


class Range(NamedTuple):
    """From its first number up to one that is not in it; None: no end on that side."""

    name: str
    place: int
    from_value: int | None
    to_value: int | None


def _ranges(names: Sequence[str], bounds: Sequence[int | None]) -> tuple[Range, ...]:
    ends = zip(names, pairwise(bounds), strict=True)
    return tuple(Range(name, place, low, high) for place, (name, (low, high)) in enumerate(ends, 1))


STATUSES: Final = tuple((s.value, s.is_final, s.is_held) for s in Status)
EVENT_TYPES: Final = tuple(kind.value for kind in EventType)
PRIORITIES: Final = _ranges(PRIORITY_RANGES, (None, *PRIORITY_BOUNDS, None))
VALUES: Final = _ranges(RANGES["value_range"], (None, 0, 1, 100, 1_000, 10_000, None))
AGES: Final = _ranges(
    tuple(AGE_RANGES.values()), (None, 3_600, 4 * 3_600, 24 * 3_600, 72 * 3_600, 168 * 3_600, None)
)
_RANGE: Final = ("place", "from_value", "to_value")
_VALID: Final = ("valid_from", "valid_to")
DIMENSION_VIEWS: Final = (
    MartView("iwd_dim_tenant", "The tenant whose mart it is.", ("tenant_id", "time_zone")),
    MartView(
        "iwd_dim_department",
        "First levels of the category tree, with their history.",
        ("category_id", "name", *_VALID),
    ),
    MartView(
        "iwd_dim_process",
        "Second levels of the category tree, with their history.",
        ("category_id", "name", "department", *_VALID),
    ),
    MartView(
        "iwd_dim_category",
        "Categories of all levels with their history.",
        ("category_id", "name", "category_path", "level", "target_handle_seconds", *_VALID),
    ),
    MartView("iwd_dim_queue", "Queues with their history.", ("queue_id", "name", *_VALID)),
    MartView(
        "iwd_dim_agent",
        "Agents with the history of their names in IWD.",
        ("agent_id", "name", *_VALID),
    ),
    MartView(
        "iwd_dim_metric",
        "Targets by category, with the time for which they held.",
        ("metric", "category_id", "target_handle_seconds", *_VALID),
    ),
    MartView(
        "iwd_resource",
        "Agents, with their names of Info Mart where it has some.",
        ("agent_id", "name", "employee_id", "active", "first_name", "last_name"),
    ),
    MartView("iwd_resource_skill", "Skills of agents as they are now.", ("agent_id", "skill", "skill_level")),
    MartView("iwd_dim_skill", "Skills that agents have.", ("skill",)),
    MartView("iwd_dim_capture_point", "Capture points that items came by.", ("capture_point",)),
    MartView("iwd_dim_media_type", "Media types of items.", ("media_type",)),
    MartView("iwd_dim_channel", "Channels of items.", ("channel",)),
    MartView("iwd_dim_segment", "Customer segments of items.", ("segment",)),
    MartView("iwd_dim_product", "Products of items.", ("product_type", "product_subtype")),
    MartView("iwd_dim_result_code", "Dispositions that items were given.", ("result_code",)),
    MartView(
        "iwd_dim_source_process",
        "Processes in the source of items.",
        ("source_process", "source_process_subtype"),
    ),
    MartView("iwd_dim_source_tenant", "Tenants in the source of items.", ("source_tenant",)),
    MartView("iwd_dim_status", "Statuses of items.", ("status", "is_final", "is_held")),
    MartView("iwd_dim_event_type", "Types of events.", ("event_type",)),
    MartView("iwd_dim_priority_range", "Ranges of priority.", ("priority_range", *_RANGE)),
    MartView("iwd_dim_value_range", "Ranges of business value.", ("value_range", *_RANGE)),
    MartView("iwd_dim_age_range", "Ranges of age.", ("age_range", *_RANGE)),
    MartView(
        "iwd_dim_date",
        "Days of the reporting zone, from the first one of which something is known.",
        (
            *("day", "year", "quarter", "month", "week", "weekday", "starts_at", "ends_at", "quarter_hours"),
            "is_closed",
        ),
    ),
    MartView("iwd_dim_time_of_day", "Quarters of an hour of a day.", ("time_of_day", "hour", "minute")),
    MartView(
        "iwd_dim_time_zone",
        "Time zones in which the instants of these views can be asked for.",
        ("time_zone", "utc_offset_seconds", "is_reporting_zone"),
    ),
    MartView(
        "iwd_dim_custom",
        "Attributes of the tenant's own that are dimensions.",
        ("slot", "attribute", "mapped_at"),
    ),
)
