"""The fields of a queue, and the queue that they make. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from openiwd.domain.instant import format_duration, parse_duration
from openiwd.domain.queue import Delivery, QueueConfig, RoutingTarget
from openiwd.domain.requirement import RelaxationStep
from openiwd.web.configuration.object_form import Reader, Values, row_values

STEPS: Final = ("drop_skill", "skill", "group")
_DURATIONS: Final = {
    "offerTimeout": "offer_timeout",
    "wrapUp": "wrap_up",
    "reserveFor": "reserve_for",
    "returnAfter": "return_after",
    "declineExclusion": "decline_exclusion",
}
_NUMBERS: Final = {"weight": "weight", "limit": "limit", "alarmAfterDeclines": "alarm_after_declines"}


def span_text(duration: str | int) -> str:
    """A duration as it is written: `30s`, `1d`."""
    return format_duration(parse_duration(duration)) if isinstance(duration, int) else duration


def queue_values(config: QueueConfig) -> dict[str, str]:
    """What the fields show."""
    values = {
        "name": config.name,
        "delivery": config.delivery.value,
        "routingTarget": config.routing_target.value,
        "hours": config.hours or "",
        "segmentBy": config.segment_by or "",
        "autoAccept": "true" if config.auto_accept else "",
        "notReadyOnTimeout": "true" if config.not_ready_on_timeout else "",
        "preferLastAgent": "true" if config.prefer_last_agent is not None else "",
        "preferLastAgent.within": "",
        "preferLastAgent.wait": "",
    }
    values |= {name: span_text(getattr(config, own)) for name, own in _DURATIONS.items()}
    for name, own in _NUMBERS.items():
        number = getattr(config, own)
        values[name] = "" if number is None else str(number)
    if config.prefer_last_agent is not None:
        values["preferLastAgent.within"] = span_text(config.prefer_last_agent.within)
        values["preferLastAgent.wait"] = span_text(config.prefer_last_agent.wait)
    for k, group in enumerate(config.groups):
        values[f"groups[{k}].group"] = group.group
        values[f"groups[{k}].delay"] = span_text(group.delay)
    for k, step in enumerate(config.relaxation):
        kind, name = step_of(step)
        values[f"relaxation[{k}].after"] = span_text(step.after)
        values[f"relaxation[{k}].kind"] = kind
        values[f"relaxation[{k}].name"] = name
        values[f"relaxation[{k}].level"] = str(step.level) if kind == "skill" else ""
    for k, (key, value) in enumerate(config.attached_data.items()):
        values[f"attachedData[{k}].key"] = key
        values[f"attachedData[{k}].value"] = (
            value if _is_plain(value) else msgspec.json.encode(value).decode()
        )
    return values


def _is_plain(value: Any) -> bool:
    """Whether a text is shown as it is: one that would be read as another JSON value is shown in quotes."""
    return isinstance(value, str) and value.strip() == value and bool(value) and _json_or_text(value) == value


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def step_of(step: RelaxationStep) -> tuple[str, str]:
    """Which of its kinds a step of relaxation is, and the skill or group that it names."""
    if step.drop_skill is not None:
        return "drop_skill", step.drop_skill
    if step.skill is not None:
        return "skill", step.skill
    return "group", step.group or ""


def queue_body(object_id: str, values: Values, before: QueueConfig | None) -> dict[str, Any]:
    """The queue as the rule set writes it; RuleSetError with every field that cannot be read."""
    read = Reader(values)
    body: dict[str, Any] = {
        "id": object_id,
        "name": read.required("name", "the queue has no name"),
        "groups": _groups(read, before),
        "delivery": read.text("delivery"),
        "routingTarget": read.text("routingTarget") or RoutingTarget.NATIVE.value,
        "autoAccept": read.flag("autoAccept"),
        "notReadyOnTimeout": read.flag("notReadyOnTimeout"),
        "relaxation": _relaxation(read, before),
        "attachedData": _attached(read),
    }
    if body["delivery"] not in {d.value for d in Delivery}:
        read.problems.add("delivery", "there is no such delivery", "choose push, pull or both")
    if body["routingTarget"] not in {target.value for target in RoutingTarget}:
        read.problems.add("routingTarget", "there is no such routing target", "choose native or gws")
    optional: dict[str, Any] = {
        "hours": read.text("hours") or None,
        "segmentBy": read.text("segmentBy") or None,
        "preferLastAgent": _last_agent(read, before),
    }
    optional |= {name: read.whole(name) for name in _NUMBERS}
    for name, own in _DURATIONS.items():
        optional[name] = read.duration(name, getattr(before, own) if before is not None else None)
    _check_numbers(read, optional)
    read.done()
    return body | {name: value for name, value in optional.items() if value is not None}


def _check_numbers(read: Reader, optional: dict[str, Any]) -> None:
    least = {"weight": 0, "limit": 1, "alarmAfterDeclines": 1}
    for name, low in least.items():
        if optional[name] is not None and optional[name] < low:
            read.problems.add(name, f"{optional[name]} is less than {low}", f"use {low} or more")
    if optional["weight"] is not None and optional["weight"] > 10_000:
        read.problems.add("weight", f"{optional['weight']} is more than 10000", "use a smaller number")


def _groups(read: Reader, before: QueueConfig | None) -> list[dict[str, Any]]:
    known = {g.group: g.delay for g in before.groups} if before is not None else {}
    groups = []
    for k, row in enumerate(row_values(read.values, "groups")):
        name = row.get("group", "").strip()
        if not name:
            read.problems.add(f"groups[{k}].group", "no group is chosen", "choose one, or remove the row")
            continue
        delay = read.duration(f"groups[{k}].delay", known.get(name))
        groups.append({"group": name, "delay": "0s" if delay is None else delay})
    return groups


def _last_agent(read: Reader, before: QueueConfig | None) -> dict[str, Any] | None:
    if not read.flag("preferLastAgent"):
        return None
    known = before.prefer_last_agent if before is not None else None
    within = read.duration("preferLastAgent.within", known.within if known is not None else None)
    wait = read.duration("preferLastAgent.wait", known.wait if known is not None else None)
    return {"within": "30d" if within is None else within, "wait": "10m" if wait is None else wait}


def _relaxation(read: Reader, before: QueueConfig | None) -> list[dict[str, Any]]:
    known = list(before.relaxation) if before is not None else []
    steps = []
    for k, row in enumerate(row_values(read.values, "relaxation")):
        after = read.duration(f"relaxation[{k}].after", known[k].after if k < len(known) else None)
        if after is None and not row.get("after", "").strip():
            read.problems.add(f"relaxation[{k}].after", "the step has no time", "write for example 2h")
        name, kind = row.get("name", "").strip(), row.get("kind", "")
        if not name:
            read.problems.add(f"relaxation[{k}].name", "the step names nothing", "name a skill or a group")
        step: dict[str, Any] = {"after": after}
        if kind == "drop_skill":
            step["dropSkill"] = name
        elif kind == "group":
            step["group"] = name
        else:
            step["skill"] = name
            step["level"] = read.whole(f"relaxation[{k}].level") or 1
        steps.append(step)
    return steps


def _attached(read: Reader) -> dict[str, Any]:
    """Values as JSON where they are JSON, else as text."""
    found: dict[str, Any] = {}
    for k, row in enumerate(row_values(read.values, "attachedData")):
        key = row.get("key", "").strip()
        if not key:
            read.problems.add(f"attachedData[{k}].key", "the entry has no key", "name it, or remove the row")
        elif key in found:
            read.problems.add(
                f"attachedData[{k}].key", f"'{key[:40]}' stands there twice", "keep one of them"
            )
        else:
            found[key] = _json_or_text(row.get("value", "").strip())
    return found
