"""Reads the values of foreign records: dates, numbers, lists and texts, as a mapping says. Pure; errors name no
field.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from openiwd.domain.errors import InvalidInputError

_NUMBER_FORMS: Final = {
    "1234.56": ("", "."),
    "1,234.56": (",", "."),
    "1.234,56": (".", ","),
    "1 234,56": (" \u00a0\u202f", ","),
    "1'234.56": ("'\u2019", "."),
}
NAMED_DATES: Final = ("iso", "epochSeconds", "epochMilliseconds", "excel")
_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_DIRECTIVES: Final = frozenset("YmdHMSfyzpIjbBaA%")
_LOOSE_DATE: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)\s*(Z|z|UTC|[+-]\d{2}:?\d{2})?)?"
)
_STORED_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")
"""A date that was a date already (a cell of a workbook), as the inbox and files that come back keep it."""
_EXCEL_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a workbook's dates have no zone
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def is_nothing(value: Any) -> bool:
    """Whether a source's value says nothing: missing, or text without a sign."""
    return value is None or (isinstance(value, str) and not value.strip())


def read_text(value: Any) -> Any:
    """Text, and what a table has instead of it: whole numbers without decimals, dates as ISO."""
    match value:
        case str():
            return value.strip()
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case int() | float() | Decimal():
            return str(value)
        case datetime() | date():
            return value.isoformat()
        case _:
            return value


def number_reader(form: str | None) -> Callable[[Any], Any]:
    """Reads numbers written in this form; whole ones become integers."""
    thousands, point = _NUMBER_FORMS[form or "1234.56"]

    def read(value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            raise _no_number(value, form)
        text = str(value).strip()
        if isinstance(value, str):
            for sign in thousands:
                text = text.replace(sign, "")
            if point != "." and "." in text:
                raise _no_number(value, form)
            text = text.replace(point, ".")
        try:
            number = Decimal(text.replace("−", "-"))  # a minus as texts are set
        except InvalidOperation:
            raise _no_number(value, form) from None
        if not number.is_finite() or number.adjusted() > 300:
            raise _no_number(value, form)
        return int(number) if number == number.to_integral_value() else float(number)

    return read


def _no_number(value: Any, form: str | None) -> InvalidInputError:
    return InvalidInputError(
        f"'{str(value)[:60]}' is no number",
        hint=f"write it like {form or '1234.56'}, or choose another form of numbers in the mapping",
        code="noNumber",
    )


def read_integer(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same, and only whole numbers."""

    def read_whole(value: Any) -> Any:
        number = read(value)
        if not isinstance(number, int):
            raise InvalidInputError(
                f"'{str(value)[:60]}' is no whole number", hint="leave the decimals out", code="noNumber"
            )
        return number

    return read_whole


def check_date_form(form: str) -> None:
    """Refuses date forms that cannot be read."""
    if form in NAMED_DATES:
        return
    wrong = [d for d in _DIRECTIVE.findall(form) if d not in _DIRECTIVES]
    if "%" not in form or wrong:
        raise InvalidInputError(
            f"'{form}' is no form of dates: %{wrong[0]} is not known"
            if wrong
            else f"'{form}' is no form of dates",
            hint="write iso, epochSeconds, epochMilliseconds, excel, or a form such as %d.%m.%Y %H:%M",
        )


def date_reader(form: str | None, zone: tzinfo) -> Callable[[Any], str]:
    """Reads dates of a form; those without an offset are of the zone. The result is ISO text with an offset."""
    if form in ("epochSeconds", "epochMilliseconds"):
        one = timedelta(seconds=1) if form == "epochSeconds" else timedelta(milliseconds=1)
        return lambda value: _within_reach(value, lambda v: _EPOCH + float(v) * one, form)
    if form == "excel":
        return lambda value: _within_reach(
            value, lambda v: (_EXCEL_EPOCH + timedelta(days=float(v))).replace(tzinfo=zone), form
        )

    def read(value: Any) -> str:
        match value:
            case datetime():
                found = value
            case date():
                found = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone follows
            case str():
                found = _parsed(value.strip(), form)
            case _:
                raise _no_date(value, form)
        return (found if found.tzinfo else found.replace(tzinfo=zone)).isoformat()

    return read


def _within_reach(value: Any, convert: Callable[[Any], datetime], form: str) -> str:
    if isinstance(value, datetime):
        raise _no_date(value, form)
    try:
        return convert(value).isoformat()
    except (ValueError, TypeError, OverflowError) as error:
        raise _no_date(value, form) from error


def _parsed(text: str, form: str | None) -> datetime:
    if form is not None and form != "iso":
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - the zone follows where the text has none
        except ValueError as error:
            if _STORED_DATE.fullmatch(text) is None:
                raise _no_date(text, form) from error
    match = _LOOSE_DATE.fullmatch(text)
    if match is None:
        raise _no_date(text, form)
    day, time, offset = match.groups()
    if offset in ("Z", "z", "UTC"):
        offset = "+00:00"
    fraction = (time or "00:00").replace(",", ".")
    whole, dot, decimals = fraction.partition(".")
    try:
        return datetime.fromisoformat(
            f"{day}T{whole}{dot}{decimals[:6].ljust(6, '0') if dot else ''}{offset or ''}"
        )
    except ValueError as error:
        raise _no_date(text, form) from error


def _no_date(value: Any, form: str | None) -> InvalidInputError:
    written = form or "iso (2026-12-24T18:00 or 2026-12-24)"
    return InvalidInputError(
        f"'{str(value)[:60]}' is no date of the form {written}",
        hint="correct the date, or the form of dates in the mapping",
        code="noDate",
    )


def list_reader(split: str | None) -> Callable[[Any], Any]:
    """Reads lists: those that are one already, and texts with a sign between the entries."""
    between = re.compile(re.escape(split) if split else "[;,]")

    def read(value: Any) -> Any:
        if isinstance(value, list):
            return [read_text(v) for v in value if not is_nothing(v)]
        text = read_text(value)
        return (
            [part.strip() for part in between.split(text) if part.strip()] if isinstance(text, str) else text
        )

    return read
