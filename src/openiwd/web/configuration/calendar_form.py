"""The fields of a business calendar, and the calendar that they make. Pure."""

from __future__ import annotations

from datetime import date
from typing import Any

from openiwd.domain.calendar import WEEKDAYS, CalendarConfig, check_calendar
from openiwd.domain.errors import RuleSetError
from openiwd.domain.rule_set import RuleSetDocument, parse_document
from openiwd.web.configuration.object_form import Reader, Values, row_values


def calendar_values(config: CalendarConfig) -> dict[str, str]:
    """What the fields show: a field for each span of a day."""
    values = {
        "name": config.name,
        "timeZone": config.time_zone,
        "holidays.country": config.holidays.country if config.holidays is not None else "",
        "holidays.region": (config.holidays.region or "") if config.holidays is not None else "",
    }
    for day in WEEKDAYS:
        for k, span in enumerate(getattr(config.weekly, day)):
            values[f"weekly.{day}[{k}]"] = span
    for k, exception in enumerate(config.exceptions):
        values[f"exceptions[{k}].date"] = exception.date.isoformat()
        values[f"exceptions[{k}].hours"] = ", ".join(exception.hours)
        values[f"exceptions[{k}].name"] = exception.name
    return values


def calendar_body(object_id: str, values: Values, _: CalendarConfig | None) -> dict[str, Any]:
    """The calendar as the rule set writes it; RuleSetError with every field that cannot be read."""
    read = Reader(values)
    weekly = {}
    for day in WEEKDAYS:
        spans = [_plain(row.get("", "")) for row in row_values(values, f"weekly.{day}")]
        if any(spans):
            weekly[day] = [span for span in spans if span]
    body: dict[str, Any] = {
        "id": object_id,
        "name": read.required("name", "the calendar has no name"),
        "timeZone": read.required("timeZone", "the calendar has no time zone"),
        "weekly": weekly,
        "exceptions": _exceptions(read),
    }
    country, region = read.text("holidays.country"), read.text("holidays.region")
    if country:
        body["holidays"] = {"country": country, **({"region": region} if region else {})}
    read.done()
    return body


def _plain(span: str) -> str:
    return span.strip().replace("–", "-").replace("—", "-")


def _exceptions(read: Reader) -> list[dict[str, Any]]:
    found = []
    for k, row in enumerate(row_values(read.values, "exceptions")):
        day = row.get("date", "").strip()
        try:
            date.fromisoformat(day)
        except ValueError:
            read.problems.add(
                f"exceptions[{k}].date", "the exception has no date", "choose one, or remove the row"
            )
            continue
        hours = [_plain(part) for part in row.get("hours", "").split(",")]
        found.append({"date": day, "hours": [h for h in hours if h], "name": row.get("name", "").strip()})
    return found


def calendar_config(body: dict[str, Any]) -> CalendarConfig:
    """The calendar of a body, checked in itself; RuleSetError by its own field names."""
    document: RuleSetDocument = parse_document({"name": "preview", "calendars": [body]})
    config = document.calendars[0]
    try:
        check_calendar(config, "calendar")
    except RuleSetError as error:
        field = (error.field or "").removeprefix("calendar.")
        raise RuleSetError(error.message, field=field, hint=error.hint) from error
    return config
