"""Criteria and actions of a rule set as readable text."""

from __future__ import annotations

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
    """`raiseBusinessValue 10; setDue after 8h, from created`."""
    parts = []
    for action in msgspec.to_builtins(actions):
        parts += [f"{name} {value_text(value)}" for name, value in action.items() if value is not None]
    return t("rule.sep").join(parts)


def rule_text(rule: RuleConfig, t: Catalogue) -> str:
    """A whole rule in one line."""
    return f"{t('rule.if')} {criteria_text(rule.when, t)} {t('rule.then')} {actions_text(rule.then, t)}"
