"""What hangs on an item as shown: files, tags, links. Pure."""

from __future__ import annotations

from typing import NamedTuple

from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import AttachmentInfo, Link
from openiwd.usecases.item_detail import Around
from openiwd.usecases.item_note import LINK_KINDS
from openiwd.web.item.history_view import actor_name
from openiwd.web.item.row_view import Shown
from openiwd.web.shell.time_text import Moment


class FileLine(NamedTuple):
    name: str
    href: str
    size: str
    by: str
    moment: Moment | None


class LinkLine(NamedTuple):
    kind: str
    href: str
    """Empty where the visitor may not read the other item."""
    subject: str
    status: str


class AroundView(NamedTuple):
    files: list[FileLine]
    tags: list[str]
    links: list[LinkLine]
    kinds: list[tuple[str, str]]
    can_change: bool


def size_text(size: int) -> str:
    if size < 1_000:
        return f"{size} B"
    return f"{size / 1_000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def around_view(item: WorkItem, around: Around, shown: Shown, *, can_change: bool) -> AroundView:
    t = shown.t
    return AroundView(
        files=[_file(item, a, shown) for a in around.attachments],
        tags=item.tags,
        links=[_link(link, shown) for link in around.links],
        kinds=[(kind, t(f"uq.link.{kind}")) for kind in LINK_KINDS],
        can_change=can_change,
    )


def _file(item: WorkItem, info: AttachmentInfo, shown: Shown) -> FileLine:
    return FileLine(
        info.file_name,
        f"/iwd/v3/items/{item.id}/attachments/{info.id}",
        size_text(info.size),
        actor_name(info.author, shown),
        shown.times.moment(info.at),
    )


def _link(link: Link, shown: Shown) -> LinkLine:
    kind = shown.t(f"uq.link.{link.kind}_in" if link.incoming else f"uq.link.{link.kind}")
    if link.status is None:
        return LinkLine(kind, "", shown.t("uq.item.link_out_of_reach"), "")
    return LinkLine(
        kind,
        f"/items/{link.item_id}",
        link.subject or shown.t("queue.no_subject"),
        link.status,
    )
