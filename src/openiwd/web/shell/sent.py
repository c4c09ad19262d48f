"""What a form sent: its texts, flags, numbers, instants and rows; what cannot be read names its field. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from litestar.datastructures import FormMultiDict, UploadFile

from openiwd.api.decoding import of_validation
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.work_item import check_text
from openiwd.web.shell.visit import Visit

T = TypeVar("T")
LOCAL = "%Y-%m-%dT%H:%M"
"""How inputs of the kind datetime-local write an instant."""


class Sent:
    """A form as sent by a reader, whose zone its times are in."""

    def __init__(self, visit: Visit, form: FormMultiDict) -> None:
        self._visit = visit
        self._form = form

    def text(self, name: str) -> str:
        value = self._form.get(name)
        text = value.strip() if isinstance(value, str) else ""
        check_text(text, name)
        return text

    def raw(self, name: str) -> str:
        """As it was typed, outer spaces too: of passwords."""
        value = self._form.get(name)
        return value if isinstance(value, str) else ""

    def optional(self, name: str) -> str | None:
        return self.text(name) or None

    def texts(self, name: str) -> list[str]:
        return [v.strip() for v in self._form.getall(name, []) if isinstance(v, str)]

    def names(self, prefix: str) -> list[str]:
        """The inputs whose names begin so."""
        return [name for name in dict.fromkeys(self._form.keys()) if name.startswith(prefix)]

    def flag(self, name: str) -> bool:
        return self.text(name) == "true"

    def number(self, name: str) -> int | None:
        return self._number(self.text(name), name)

    def _number(self, text: str, field: str) -> int | None:
        if not text:
            return None
        if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 9:
            raise InvalidInputError(self._visit.t("form.no_number"), field=field)
        return int(text)

    def moment(self, name: str) -> datetime | None:
        return self.moment_of(self.text(name), name)

    def moment_of(self, text: str, field: str) -> datetime | None:
        """An instant of the reader's zone."""
        if not text:
            return None
        try:
            local = datetime.fromisoformat(text)
        except ValueError as error:
            raise InvalidInputError(self._visit.t("form.no_instant"), field=field) from error
        return local.replace(tzinfo=self._visit.times.zone) if local.tzinfo is None else local

    def rows(self, *names: str) -> list[dict[str, str]]:
        """Inputs that come once for each row; rows without any text are left out."""
        columns = [self.texts(name) for name in names]
        lines = [dict(zip(names, cells, strict=True)) for cells in zip(*columns, strict=False)]
        return [line for line in lines if any(line.values())]

    async def file(self, name: str) -> bytes | None:
        upload = self._form.get(name)
        content = await upload.read() if isinstance(upload, UploadFile) else b""
        return content or None

    def revision(self) -> int | None:
        return self.number("revision")


async def sent_by(visit: Visit) -> Sent:
    return Sent(visit, await visit.request.form())


def as_(type_: type[T], values: dict[str, Any]) -> T:
    """The values as this type; InvalidInputError with the field's name otherwise."""
    try:
        return msgspec.convert(values, type_)
    except msgspec.ValidationError as error:
        raise of_validation(str(error), type_) from error


def require(visit: Visit, sent: Sent, names: Sequence[str]) -> None:
    """InvalidInputError when one of these is empty."""
    faults = [
        {"field": n, "message": visit.t("form.needed"), "hint": None} for n in names if not sent.text(n)
    ]
    if faults:
        first = faults[0]
        raise InvalidInputError(str(first["message"]), field=first["field"], errors=faults)
