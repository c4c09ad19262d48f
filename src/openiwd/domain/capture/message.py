"""The messages that a source system can send, whatever way they come. Pure values; they change nothing themselves."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct

from openiwd.domain.judging import Reclassify
from openiwd.domain.work_item import (
    AwareDateTime,
    CaptureId,
    ItemSubmission,
    ItemUpdate,
    Name,
    ShortText,
)

Comment = Annotated[str, Meta(max_length=4_000)]


class MessageKind(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    COMPLETE = "complete"
    RESTART = "restart"
    GET_INFO = "getInfo"
    PING = "ping"


class Create(
    Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="message", tag="create"
):
    """A new item."""

    item: ItemSubmission
    actor: Name | None = None


class OnItem(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="message"):
    """What is about an item that exists: named by `id`, or by the `captureId` at its own capture point."""

    id: UUID | None = None
    capture_id: CaptureId | None = None
    actor: Name | None = None
    """Who acted in the source system; the history shows it beside the capture point."""


class Explained(OnItem):
    """An act with its reason."""

    reason: ShortText | None = None
    comment: Comment | None = None


class Update(OnItem, tag="update"):
    item: ItemUpdate
    reclassify: Reclassify = Reclassify.ON_CHANGE


class Hold(Explained, tag="hold"):
    hold_until: AwareDateTime | None = None
    wakes_on: Name | None = None
    keep_for: Name | None = None


class Resume(Explained, tag="resume"):
    pass


class Cancel(Explained, tag="cancel"):
    pass


class Complete(Explained, tag="complete"):
    result_code: ShortText | None = None
    agent: Name | None = None
    """Who completed it, if it was an agent of the tenant."""


class Restart(Explained, tag="restart"):
    item: ItemUpdate | None = None
    """Changes that come with it."""


class GetInfo(OnItem, tag="getInfo"):
    """Asks how the item stands; changes nothing."""


class Ping(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, tag_field="message", tag="ping"):
    """Asks whether anybody is there."""

    actor: Name | None = None


Message = Create | Update | Hold | Resume | Cancel | Complete | Restart | GetInfo | Ping

KINDS: Final[dict[type[Message], MessageKind]] = {
    Create: MessageKind.CREATE,
    Update: MessageKind.UPDATE,
    Hold: MessageKind.HOLD,
    Resume: MessageKind.RESUME,
    Cancel: MessageKind.CANCEL,
    Complete: MessageKind.COMPLETE,
    Restart: MessageKind.RESTART,
    GetInfo: MessageKind.GET_INFO,
    Ping: MessageKind.PING,
}


def kind_of(message: Message) -> MessageKind:
    """Which of the messages it is."""
    return KINDS[type(message)]


def capture_id_of(message: Message) -> str | None:
    """The captureId that a message names, if it names one."""
    match message:
        case Create():
            return message.item.capture_id
        case Ping():
            return None
        case _:
            return message.capture_id
