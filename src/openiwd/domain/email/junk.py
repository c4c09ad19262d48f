"""Junk filters: ordered rules over a read email, in the language of criteria; the first match says what happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from openiwd.domain.attribute import Attribute, Family, Root, Vocabulary
from openiwd.domain.condition import AllOf, AnyOf, Condition, Criterion, NotOf, holds
from openiwd.domain.criteria import CriteriaConfig, Surroundings, compile_criteria
from openiwd.domain.email.address import domain_of
from openiwd.domain.email.message import EmailKind, ParsedEmail
from openiwd.domain.errors import InvalidInputError, RuleError
from openiwd.domain.instant import to_micros
from openiwd.domain.problem import Problems

MAX_TEXT: Final = 100_000
ATTRIBUTES: Final = {
    "subject": Family.TEXT,
    "text": Family.TEXT,
    "from": Family.TEXT,
    "fromName": Family.TEXT,
    "fromDomain": Family.TEXT,
    "to": Family.LIST,
    "cc": Family.LIST,
    "mailbox": Family.TEXT,
    "kind": Family.TEXT,
    "size": Family.INTEGER,
    "attachments": Family.INTEGER,
    "attachmentNames": Family.LIST,
    "listId": Family.TEXT,
    "precedence": Family.TEXT,
    "autoSubmitted": Family.TEXT,
    "spamFlag": Family.TEXT,
    "spamStatus": Family.TEXT,
    "mailer": Family.TEXT,
    "language": Family.TEXT,
}
"""What the conditions of filters can name."""


class FilterAction(StrEnum):
    DROP = "drop"
    HOLD = "hold"
    CATEGORY = "category"
    PRIORITY = "priority"


class JunkFilter(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One filter. `order` decides among those that match; `value`: a category's path, or an adjustment."""

    id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    order: int = 0
    enabled: bool = True
    mailboxes: Annotated[list[Annotated[str, Meta(min_length=1, max_length=32)]], Meta(max_length=100)] = []
    """By id; none: all of them."""
    when: CriteriaConfig
    action: FilterAction
    value: str | None = None


class CompiledFilter(Struct, frozen=True):
    filter: JunkFilter
    criterion: Criterion


class Filtered(Struct, frozen=True):
    """The filter that matched, if one did, and the errors of those that could not be asked."""

    filter: JunkFilter | None
    errors: list[str]


class _Vocabulary(Vocabulary):
    def __init__(self) -> None:
        super().__init__()
        self._known = {name: Attribute(name, f, Root.ITEM, (name,)) for name, f in ATTRIBUTES.items()}

    def resolve(self, name: str) -> Attribute | None:
        return self._known.get(name)


def compile_filter(filter_: JunkFilter) -> CompiledFilter:
    """The checked filter; raises `RuleSetError` or `InvalidInputError` naming what is wrong with it."""
    problems = Problems()
    around = Surroundings(vocabulary=_Vocabulary(), clocks={}, zone=UTC, problems=problems)
    criterion = compile_criteria(filter_.when, f"filter {filter_.id}", "when", around)
    problems.raise_any()
    if criterion is None:
        raise InvalidInputError("a filter needs a condition", field="when", hint="name an attribute")
    _check_value(filter_)
    return CompiledFilter(filter_, criterion)


def _check_value(filter_: JunkFilter) -> None:
    value = (filter_.value or "").strip()
    match filter_.action:
        case FilterAction.CATEGORY:
            if not value:
                raise InvalidInputError("a category is needed", field="value", hint="give its path")
        case FilterAction.PRIORITY:
            digits = value.removeprefix("+").removeprefix("-")
            if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
                raise InvalidInputError(
                    "an adjustment of the priority is needed", field="value", hint="such as -50 or +20"
                )
        case FilterAction.DROP | FilterAction.HOLD:
            pass


def values_of(
    email: ParsedEmail, kind: EmailKind, mailbox: str, language: str | None = None
) -> dict[str, Any]:
    """What the conditions of filters see of an email; what is empty counts as missing."""
    sender = email.sender
    values: dict[str, Any] = {
        "subject": email.subject,
        "text": email.text[:MAX_TEXT],
        "from": sender.address if sender else None,
        "fromName": sender.name if sender else None,
        "fromDomain": domain_of(sender.address) if sender else None,
        "to": [a.address for a in email.to],
        "cc": [a.address for a in email.cc],
        "mailbox": mailbox,
        "kind": kind.value,
        "size": email.size,
        "attachments": len(email.files),
        "attachmentNames": [f.file_name for f in email.files],
        "listId": email.headers.get("list-id"),
        "precedence": email.headers.get("precedence"),
        "autoSubmitted": email.headers.get("auto-submitted"),
        "spamFlag": email.headers.get("x-spam-flag"),
        "spamStatus": email.headers.get("x-spam-status"),
        "mailer": email.headers.get("x-mailer") or email.headers.get("user-agent"),
        "language": language,
    }
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def first_match(filters: Sequence[CompiledFilter], values: Mapping[str, Any], now: datetime) -> Filtered:
    """The first enabled filter whose condition holds. One that fails is passed over and told."""
    errors: list[str] = []
    for one in sorted(filters, key=lambda f: (f.filter.order, f.filter.id)):
        if not one.filter.enabled or not _is_for(one.filter, values):
            continue
        try:
            if _holds(one.criterion, values, to_micros(now)):
                return Filtered(one.filter, errors)
        except RuleError as error:
            errors.append(error.message)
    return Filtered(None, errors)


def _is_for(filter_: JunkFilter, values: Mapping[str, Any]) -> bool:
    return not filter_.mailboxes or values.get("mailbox") in filter_.mailboxes


def _holds(criterion: Criterion, values: Mapping[str, Any], now_us: int) -> bool:
    match criterion:
        case Condition():
            others = tuple(values.get(ref.attribute.name) for ref in criterion.refs)
            return holds(criterion, values.get(criterion.attribute.name), others, now_us)
        case NotOf():
            return not _holds(criterion.part, values, now_us)
        case AllOf():
            return all(_holds(part, values, now_us) for part in criterion.parts)
        case AnyOf():
            return any(_holds(part, values, now_us) for part in criterion.parts)
