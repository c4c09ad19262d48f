"""Messages of source systems as commands on items."""

from __future__ import annotations

from typing import Final

from openiwd.domain.capture.message import (
    Cancel,
    Complete,
    Create,
    GetInfo,
    Hold,
    Ping,
    Restart,
    Resume,
    Update,
)
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import WORK_ITEMS, Caller
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import WorkItem
from openiwd.usecases.command import Command
from openiwd.usecases.item_action import ActionRequest, acting, command_of

INTERNAL_PRIVILEGES: Final = WORK_ITEMS
"""What a capture point may do: everything that is done to items."""
_ACTION: Final = {
    Hold: Action.HOLD,
    Resume: Action.RESUME,
    Cancel: Action.CANCEL,
    Complete: Action.COMPLETE,
    Restart: Action.RESTART,
}
OnExisting = Update | Hold | Resume | Cancel | Complete | Restart | GetInfo


def command_of_message(
    message: Create | OnExisting | Ping, point: str, caller: Caller, *, update: bool
) -> Command:
    """The command of a message; `update`: a repeated creation updates."""
    if isinstance(message, Create):
        return Command(
            action=Action.CREATE,
            caller=acting(caller, message.actor),
            submission=message.item,
            on_duplicate_update=update,
        )
    if isinstance(message, Ping):
        raise InvalidInputError("a ping changes nothing", field="message")
    capture = (point, message.capture_id) if message.id is None and message.capture_id is not None else None
    if isinstance(message, Update):
        return Command(
            action=Action.UPDATE,
            caller=acting(caller, message.actor),
            item_id=message.id,
            capture=capture,
            update=message.item,
            reclassify=message.reclassify,
        )
    if isinstance(message, GetInfo):
        return Command(
            action=Action.UPDATE,
            caller=acting(caller, message.actor),
            item_id=message.id,
            capture=capture,
            custom=_only_look,
            privilege="workitems.read",
        )
    return command_of(_ACTION[type(message)], _request(message), caller, item_id=message.id, capture=capture)


def _request(message: Hold | Resume | Cancel | Complete | Restart) -> ActionRequest:
    request = ActionRequest(reason=message.reason, comment=message.comment, actor=message.actor)
    match message:
        case Hold():
            request.hold_until = message.hold_until
            request.wakes_on = message.wakes_on
            request.keep_for = message.keep_for
        case Complete():
            request.result_code = message.result_code
            request.agent = message.agent
        case Restart():
            request.item = message.item
        case Resume() | Cancel():
            pass
    return request


def _only_look(_: WorkItem, __: Context) -> Change | None:
    return None
