"""Mailboxes as shown: how each is doing, since when, and what to do about it. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import quote

from openiwd.ports.email import MailboxStatus
from openiwd.usecases.mailbox import MailboxState
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.time_text import Moment, TimeText

PATH: Final = "/configuration/mailboxes"
LOOKS: Final = {
    "working": ("ok", "check"),
    "failing": ("bad", "alert"),
    "unserved": ("warn", "alert"),
    "waiting": ("accent", "clock"),
    "disabled": ("", "pause"),
}
SILENT: Final = timedelta(minutes=15)
"""A direction that nobody has told of for so long is not known any more."""


class DirectionLine(NamedTuple):
    name: str
    css: str
    icon: str
    text: str
    error: str
    since: Moment | None
    last: Moment | None


class MailboxLine(NamedTuple):
    id: str
    name: str
    address: str
    href: str
    enabled: bool
    css: str
    icon: str
    text: str
    detail: str
    directions: list[DirectionLine]
    held_by: str
    waiting: str


def href_of(mailbox_id: str) -> str:
    return f"{PATH}/{quote(mailbox_id, safe='')}"


def mailbox_line(state: MailboxState, waiting: int, t: Catalogue, times: TimeText) -> MailboxLine:
    """A mailbox with its health in one word, and why."""
    box = state.mailbox
    wanted = [d for d, is_used in (("incoming", box.reads), ("outgoing", box.sends)) if is_used]
    directions = [_direction(d, state.statuses, t, times) for d in wanted]
    held = state.lease is not None and state.lease.seconds > 0
    name = _health(state, wanted, held=held)
    css, icon = LOOKS[name]
    failing = next((d for d in directions if d.error), None)
    detail = ""
    if name == "failing" and failing is not None:
        detail = f"{failing.name}: {failing.error}"
    elif name in ("unserved", "waiting"):
        detail = t(f"mailbox_state.{name}_hint")
    return MailboxLine(
        id=box.id,
        name=box.name,
        address=box.address,
        href=href_of(box.id),
        enabled=box.enabled,
        css=css,
        icon=icon,
        text=t(f"mailbox_state.{name}"),
        detail=detail,
        directions=directions,
        held_by=t("mailbox.held", holder=str(state.lease.holder)[-12:], epoch=str(state.lease.epoch))
        if held and state.lease is not None
        else t("mailbox.not_held"),
        waiting=number(waiting),
    )


def _health(state: MailboxState, wanted: list[str], *, held: bool) -> str:
    if not state.mailbox.enabled:
        return "disabled"
    told = {s.direction: s for s in state.statuses}
    if any(d in told and not told[d].ok for d in wanted):
        return "failing"
    if not held:
        return "unserved"
    return "working" if all(d in told for d in wanted) else "waiting"


def _direction(direction: str, statuses: list[MailboxStatus], t: Catalogue, times: TimeText) -> DirectionLine:
    name = t(f"mailbox.{direction}")
    status = next((s for s in statuses if s.direction == direction), None)
    if status is None:
        return DirectionLine(name, "", "clock", t("mailbox.never_told"), "", None, None)
    silent = times.now - status.at > SILENT
    key = "silent" if silent and status.ok else "ok" if status.ok else "bad"
    css, icon = {"ok": ("ok", "check"), "bad": ("bad", "alert"), "silent": ("warn", "clock")}[key]
    return DirectionLine(
        name,
        css,
        icon,
        t(f"mailbox.direction_{key}"),
        "" if status.ok else status.error or t("mailbox.no_reason"),
        times.moment(status.since),
        times.ago(status.at),
    )
