"""What a source is told of its items: which events mean what to it, what its filter lets through, and as files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from defusedxml.ElementTree import fromstring

from openiwd.adapters.files.notice import notices
from openiwd.domain.capture.answer import Notification, NotificationKind
from openiwd.domain.capture.notification import NotificationFilter, kinds_of, wanted
from openiwd.domain.event import LoggedEvent

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVERYTHING = list(NotificationKind)


def event(type_: str, before: str = "-", to: str = "-", actor: str = "user:ines") -> LoggedEvent:
    body = {name: status for name, status in (("from", before), ("to", to)) if status != "-"}
    return LoggedEvent(generation=1, pos=1, type=type_, at=AT, actor=actor, body=body)


TABLE = """
created         -         queued    captured queued
created         -         held      captured held
created         -         captured  captured
created         -         rejected  rejected
created         -         errorheld errored
activated       captured  queued    queued
assigned        queued    assigned  assigned
returned        assigned  queued    queued
held            queued    held      held
resumed         held      queued    resumed queued
updated         queued    queued    updated
updated         -         -         updated
completed       assigned  completed completed
canceled        held      canceled  canceled
restarted       completed queued    restarted queued
reopened        completed queued    queued
reclassified    errorheld queued    queued
reclassified    queued    rejected  rejected
offered         queued    queued
noteAdded       -         -
emailReceived   -         -
backlogSampled  -         -
anUnknownOne    -         -
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_each_event_means_something_to_the_source_or_nothing(line: str) -> None:
    type_, before, to, *kinds = line.split()
    assert [kind.value for kind in kinds_of(event(type_, before, to))] == kinds


def test_every_kind_is_told_of_some_event() -> None:
    told = {kind for line in TABLE.strip().splitlines() for kind in line.split()[3:]}
    assert told == {kind.value for kind in NotificationKind}


@pytest.mark.parametrize(
    ("fields", "path", "passes"),
    [
        ({"kinds": []}, "Claims", False),
        ({"kinds": ["held"]}, "Claims", True),
        ({"kinds": ["completed"]}, "Claims", False),
        ({"kinds": ["held"], "categories": ["Claims"]}, "Claims", True),
        ({"kinds": ["held"], "categories": ["Claims"]}, "Claims/Motor", True),
        ({"kinds": ["held"], "categories": ["Claims"]}, "Claimsmen", False),
        ({"kinds": ["held"], "categories": ["Claims/Motor"]}, "Claims", False),
        ({"kinds": ["held"], "categories": ["Lending", "Claims"]}, "Claims", True),
        ({"kinds": ["held"], "categories": ["Claims"]}, None, False),
    ],
)
def test_the_filter_lets_through_what_it_names(
    fields: dict[str, Any], path: str | None, *, passes: bool
) -> None:
    wish = NotificationFilter(
        kinds=[NotificationKind(k) for k in fields["kinds"]], categories=fields.get("categories", [])
    )
    found = wanted(event("held", "queued", "held"), wish, "claims", path)
    assert found == ([NotificationKind.HELD] if passes else [])


@pytest.mark.parametrize(
    ("actor", "own", "told"),
    [
        ("user:ines", False, ["resumed", "queued"]),
        ("capture:claims", False, ["queued"]),
        ("capture:claims/erika", False, ["queued"]),
        ("capture:claims2", False, ["resumed", "queued"]),
        ("capture:claims", True, ["resumed", "queued"]),
    ],
)
def test_what_the_source_has_asked_for_is_no_news_to_it(actor: str, told: list[str], *, own: bool) -> None:
    wish = NotificationFilter(kinds=EVERYTHING, own=own)
    found = wanted(event("resumed", "held", "queued", actor), wish, "claims", None)
    assert [kind.value for kind in found] == told


def notification(**fields: Any) -> Notification:
    base: dict[str, Any] = {
        "notification": NotificationKind.HELD, "cursor": "1.4711", "at": AT, "capture_point": "claims",
        "capture_id": "a", "id": UUID(int=1), "revision": 3, "status": "held",
    }  # fmt: skip
    return Notification(**{**base, **fields})


def test_notifications_as_xml_are_sound_whatever_they_say() -> None:
    reason = 'wait <b> & "more" ünd \x0b\x1f\ud800 \ufffe'
    name, content = notices([notification(reason=reason), notification(capture_id="b")], "xml")
    assert name == "0001-000000000004711-held.xml"
    first, second = fromstring(content)
    assert (first.get("notification"), first.get("captureId"), first.get("status")) == ("held", "a", "held")
    assert str(first.get("reason")).startswith('wait <b> & "more" ünd ')
    assert second.get("captureId") == "b"
    again, _ = notices([notification(), notification(cursor="1.4712")], "xml")
    assert again == name, "told again it takes the place of what was told"
