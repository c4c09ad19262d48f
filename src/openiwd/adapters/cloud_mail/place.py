"""Where reading goes on, as the token that IWD keeps: the provider's own mark, and since when it holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec
from msgspec import Struct

RECENT: Final = timedelta(days=3)
OVERLAP: Final = timedelta(days=1)
"""After a mark has run out, so much more is gone through again: what is stored already is known again."""


class Place(Struct, frozen=True, omit_defaults=True):
    """`mark`: history id, or delta link. While a listing goes on, `page` says where; `since` limits it (0: all)."""

    mark: str
    since: int
    page: str = ""
    of: str = ""
    """Provider and user: another mailbox's marks are not gone on from."""

    def token(self) -> str:
        return msgspec.json.encode(self).decode()


def place_of(token: str | None, of: str) -> Place | None:
    """None when there is none, or it is another mailbox's: begin anew."""
    try:
        place = None if token is None else msgspec.json.decode(token, type=Place)
    except msgspec.MsgspecError:
        return None
    return place if place is not None and place.of == of else None
