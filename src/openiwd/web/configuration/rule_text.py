"""Criteria, actions and requirements of a rule set as readable text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from openiwd.domain.rule import RuleConfig
from openiwd.web.shell.catalogue import Catalogue


def criteria_text(criteria: Any, t: Catalogue) -> str:
    """`data.amount > 1 000 and channel is one of email, webform`; nothing means always."""
    if criteria is None:
        return t("rule.always")
    return _criteria(msgspec.to_builtins(criteria), t, nested=False)


def _criteria(node: Any, t: Catalogue, *, nested: bool) -> str:
    if not isinstance(node, dict):
        return str(node)
    for key in ("all", "any"):
        parts = node.get(key)
        if parts:
            text = t(f"rule.{key}").join(_criteria(p, t, nested=True) for p in parts)
            return f"({text})" if nested and len(parts) > 1 else text
    if node.get("not"):
        return t("rule.not", what=_criteria(node["not"], t, nested=False))
    comparison = t.named("comparison", str(node.get("operator", "")))
    value = node.get("value")
    shown = "" if value is None else f" {value_text(value)}"
    return f"{node.get('attribute', '')} {comparison}{shown}"


def value_text(value: Any) -> str:
    if isinstance(value, dict):
        return str(
            value.get("attribute")
            or value.get("calendar")
            or ", ".join(f"{k} {value_text(v)}" for k, v in value.items())
        )
    if isinstance(value, list):
        return ", ".join(value_text(v) for v in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def actions_text(actions: Any, t: Catalogue) -> str:
    """`raise the business value by 10; due 8h after creation`."""
    return t("rule.sep").join(action_text(a, t) for a in msgspec.to_builtins(actions))


def action_text(action: Mapping[str, Any], t: Catalogue) -> str:
    """One action in words; one that is not finished yet as far as it goes."""
    kind, value = next(iter(action.items()), ("", None))
    get = value.get if isinstance(value, dict) else (lambda _: None)
    match kind:
        case "setDue":
            start = t.named("due_start", str(get("from") or "now"))
            clock = str(get("clock") or "wall")
            on = "" if clock == "wall" else t("action_text.on_clock", clock=clock)
            return t("action_text.setDue", after=str(get("after") or ""), start=start, clock=on)
        case "addSkill":
            skill = value_text(get("skill") or "")
            return t("action_text.addSkill", skill=skill, level=value_text(get("level") or 1))
        case "setRequirement":
            return t("action_text.setRequirement", what=requirement_text(value, t))
        case "setAttribute":
            return t("action_text.setAttribute", name=str(get("name") or ""), value=value_text(get("value")))
        case "lookup":
            into = ", ".join(f"{c} → {a}" for c, a in (get("into") or {}).items())
            key = value_text(get("key") or "")
            return t("action_text.lookup", table=str(get("table") or ""), key=key, into=into)
        case "hold":
            until = t("action_text.hold_for", span=str(get("until"))) if get("until") is not None else ""
            return t("action_text.hold", reason=str(get("reason") or ""), until=until)
        case _:
            return t(f"action_text.{kind}", value=value_text(value)) if kind else ""


def requirement_text(requirement: Any, t: Catalogue) -> str:
    """`motor ≥ 3, german ≥ 5; preferably by agents rossi`."""
    plain = msgspec.to_builtins(requirement) or {}
    skills = [
        t("field.skill", skill=s["skill"], level=str(s.get("level", 1))) for s in plain.get("skills", [])
    ]
    parts = [", ".join(skills)] if skills else []
    for kind in ("agents", "groups"):
        if plain.get(kind):
            mode = "only" if plain.get(f"{kind}Only") else "prefer"
            parts.append(t(f"requirement.{mode}_{kind}", who=", ".join(plain[kind])))
    if plain.get("excluded"):
        parts.append(t("requirement.excluded", who=", ".join(plain["excluded"])))
    return t("rule.sep").join(parts) or t("requirement.nothing")


def relaxation_text(steps: Any, t: Catalogue) -> str:
    """`after 2h motor ≥ 5; after 4h also group service`."""
    told = []
    for step in msgspec.to_builtins(steps) or []:
        after = str(step.get("after", ""))
        if step.get("dropSkill"):
            told.append(t("requirement.drop", after=after, skill=step["dropSkill"]))
        elif step.get("group"):
            told.append(t("requirement.widen", after=after, group=step["group"]))
        else:
            level = str(step.get("level", 1))
            told.append(t("requirement.lower", after=after, skill=step.get("skill", ""), level=level))
    return t("rule.sep").join(told)


def plain_text(name: str, value: Any, t: Catalogue) -> str:
    """The value of a field of an object in words, by the field's name."""
    if value in (None, "", [], {}) and name != "when":
        return t("conf_value.none")
    match name:
        case "when":
            return criteria_text(value, t)
        case "then":
            return actions_text(value, t)
        case "requirement":
            return requirement_text(value, t)
        case "relaxation":
            return relaxation_text(value, t)
        case "rules":
            return " · ".join(f"{r.get('name') or r.get('id')}: {_rule(r, t)}" for r in value)
        case "rows":
            return t("conf_value.rows", n=len(value))
        case "columns":
            return ", ".join(
                f"{c['attribute']} {t.named('comparison', c.get('operator', 'eq'))}" for c in value
            )
        case _:
            if isinstance(value, bool):
                return t("conf_value.yes" if value else "conf_value.no")
            return value_text(value)


def _rule(rule: Mapping[str, Any], t: Catalogue) -> str:
    actions = actions_text(rule.get("then") or [], t)
    return f"{t('rule.if')} {criteria_text(rule.get('when'), t)} {t('rule.then')} {actions}"


def rule_text(rule: RuleConfig, t: Catalogue) -> str:
    """A whole rule in one line."""
    return f"{t('rule.if')} {criteria_text(rule.when, t)} {t('rule.then')} {actions_text(rule.then, t)}"
