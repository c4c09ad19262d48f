"""The suite of the messages: what every kind of capture point understands, and answers in the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.factories.api import World
from tests.factories.capture import NOTIFYING, WAYS, Way, inbox, items_at, put_point


@pytest.fixture(params=WAYS)
async def way(request: pytest.FixtureRequest, api: World, tmp_path: Path) -> Way:
    made = WAYS[request.param](tmp_path)
    made.begin(api)
    await put_point(api, source=made.source(), timeZone="Europe/Berlin")
    return made


def new(capture_id: str, **fields: Any) -> dict[str, Any]:
    return {"message": "create", "captureId": capture_id, "kind": "claim", "line": "motor", **fields}


async def test_an_item_is_created_updated_held_resumed_and_completed(api: World, way: Way) -> None:
    answers = await way.send(
        api,
        [
            new("a", subject="Hail", Business_Value="7", dueDateTime="2027-01-05 09:00"),
            {"message": "update", "captureId": "a", "subject": "Hail and glass"},
            {"message": "hold", "captureId": "a", "reason": "waitingForCustomer", "actor": "erika"},
            {"message": "getInfo", "captureId": "a"},
            {"message": "resume", "captureId": "a"},
            {"message": "complete", "captureId": "a", "resultCode": "paid", "reason": "done there"},
        ],
    )
    assert [a["outcome"] for a in answers] == ["created", "done", "done", "info", "done", "done"], answers
    assert [a["status"] for a in answers] == ["queued", "queued", "held", "held", "queued", "completed"]
    assert {a["captureId"] for a in answers} == {"a"}
    info = answers[3]["item"]
    assert (info["subject"], info["status"], info["capturePoint"]) == ("Hail and glass", "held", "claims")
    (item,) = await items_at(api)
    assert (item["status"], item["businessValue"]) == ("completed", 7)
    assert item["dueDateTime"] == "2027-01-05T08:00:00Z", "in the zone of the capture point"
    assert item["ext"]["resultCode"] == "paid"
    assert item["data"] == {"kind": "claim", "line": "motor"}
    history = (await api.get(f"/items/{item['id']}/history")).json()["events"]
    actors = [e["actor"] for e in history]
    if way.source()["kind"] != "rest":
        assert actors[0] == "capture:claims"
        assert actors[2] == "capture:claims/erika"


async def test_an_item_is_cancelled_and_restarted_by_its_id(api: World, way: Way) -> None:
    (created,) = await way.send(api, [new("a")])
    answers = await way.send(
        api,
        [
            {"message": "cancel", "id": created["id"], "reason": "withdrawn"},
            {"message": "restart", "id": created["id"], "subject": "Once more"},
            {"message": "getInfo", "id": created["id"]},
        ],
    )
    assert [a["status"] for a in answers] == ["canceled", "queued", "queued"], answers
    assert answers[2]["item"]["subject"] == "Once more"


async def test_a_ping_is_answered_and_changes_nothing(api: World, way: Way) -> None:
    (answer,) = await way.send(api, [{"message": "ping"}])
    assert answer["outcome"] == "pong"
    assert await items_at(api) == []


async def test_the_same_again_is_known_and_other_content_refused(api: World, way: Way) -> None:
    answers = await way.send(api, [new("a"), new("a"), new("a", subject="other")])
    assert [a["outcome"] for a in answers] == ["created", "existing", "error"]
    assert answers[2]["error"]["code"] == "duplicate"
    assert len(await items_at(api)) == 1


@pytest.mark.parametrize(
    ("policy", "outcome", "subject"), [("keep", "existing", None), ("update", "done", "other")]
)
async def test_the_policy_for_duplicates(
    api: World, way: Way, policy: str, outcome: str, subject: str | None
) -> None:
    await put_point(api, source=way.source(), onDuplicate=policy)
    answers = await way.send(api, [new("a"), new("a", subject="other")])
    assert [a["outcome"] for a in answers] == ["created", outcome], answers
    (item,) = await items_at(api)
    assert item["subject"] == subject


async def test_one_bad_message_never_stands_in_the_way_of_the_others(api: World, way: Way) -> None:
    answers = await way.send(
        api,
        [
            new("a"),
            new("b", dueDateTime="31.02.2026"),
            {"message": "dance", "captureId": "a"},
            {"message": "hold", "captureId": "nobody", "reason": "waitingForCustomer"},
            {"message": "resume", "captureId": "a"},
            {"message": "update"},
            new("c", subject="x" * 600),
            new("d\0"),
            new("e"),
        ],
    )
    codes = [a["error"]["code"] if a["outcome"] == "error" else a["outcome"] for a in answers]
    assert codes == [
        "created", "noDate", "unknownMessage", "notFound", "invalidTransition", "missing", "invalidInput",
        "invalidText", "created",
    ], answers  # fmt: skip
    assert all(
        a["error"].get("hint") or a["error"]["code"] == "invalidTransition" for a in answers if "error" in a
    )
    assert answers[1]["error"]["field"] == "dueDateTime"
    assert [i["captureId"] for i in await items_at(api)] == ["a", "e"]
    kept = await inbox(api)
    assert len(kept) == (0 if way.source()["kind"] == "rest" else 7)


async def test_items_of_other_capture_points_are_out_of_reach(api: World, way: Way) -> None:
    other = await api.item("a", capturePoint="portal")
    answers = await way.send(
        api,
        [
            {"message": "cancel", "id": other["id"]},
            {"message": "cancel", "captureId": "a"},
            {"message": "getInfo", "id": other["id"]},
        ],
    )
    assert [a["error"]["code"] for a in answers] == ["notFound"] * 3
    assert (await api.get(f"/items/{other['id']}")).json()["status"] == "queued"


async def test_a_mapping_with_constants_values_and_defaults(api: World, way: Way) -> None:
    await put_point(
        api,
        source=way.source(),
        timeZone="Europe/Berlin",
        defaults={"channel": "import", "businessValue": 3},
        mapping={
            "message": {"from": "art", "values": {"N": "create", "S": "cancel"}},
            "unmapped": "ignore",
            "fields": [
                {"to": "captureId", "from": "nr", "required": True},
                {"to": "subject", "from": ["first", "last"], "join": ", "},
                {"to": "dueDateTime", "from": "faellig", "date": "%d.%m.%Y %H:%M"},
                {"to": "data.amount", "from": "betrag", "number": "1.234,56"},
                {"to": "data.kind", "constant": "claim"},
                {"to": "data.line", "from": "sparte", "values": {"KFZ": "motor"}, "otherwise": "other"},
                {"to": "tags", "from": "marken", "split": "|"},
            ],
        },
    )
    answers = await way.send(
        api,
        [
            {
                "art": "N", "nr": 17, "first": "Erika", "last": "Muster", "faellig": "24.12.2026 18:00",
                "betrag": "1.234,50", "sparte": "KFZ", "marken": "a|b", "rest": "not looked at",
            },
            {"art": "N", "nr": "", "sparte": "KFZ"},
            {"art": "S", "nr": "17"},
        ],
    )  # fmt: skip
    assert [a["outcome"] for a in answers] == ["created", "error", "done"], answers
    assert answers[1]["error"]["field"] == "nr"
    (item,) = await items_at(api)
    assert item["captureId"] == "17"
    assert item["subject"] == "Erika, Muster"
    assert item["dueDateTime"] == "2026-12-24T17:00:00Z"
    assert item["data"] == {"amount": 1234.5, "kind": "claim", "line": "motor"}
    assert (item["tags"], item["channel"], item["businessValue"]) == (["a", "b"], "import", 3)


@pytest.mark.parametrize("way", NOTIFYING, indirect=True)
async def test_what_becomes_of_the_items_goes_back_in_order(api: World, way: Way) -> None:
    await put_point(
        api, source=way.source(), notify={"kinds": ["captured", "queued", "held", "canceled", "completed"]}
    )
    await api.follow()
    assert await way.notifications(api) == [], "from now on"
    created, _ = await way.send(api, [new("a"), new("b")])
    await api.post(f"/items/{created['id']}/hold", {"reason": "waitingForCustomer"})
    await api.post(f"/items/{created['id']}/cancel", {"reason": "withdrawn"})
    await way.send(api, [{"message": "complete", "captureId": "b"}])
    await api.item("a", capturePoint="portal")
    told = await way.notifications(api)
    assert [(n["captureId"], n["notification"]) for n in told] == [
        ("a", "captured"), ("a", "queued"), ("b", "captured"), ("b", "queued"), ("a", "held"), ("a", "canceled"),
    ], "in the log's order; not what the source has done itself"  # fmt: skip
    assert (told[4]["status"], told[4]["previousStatus"], told[4]["reason"]) == (
        "held",
        "queued",
        "waitingForCustomer",
    )
    assert len(await way.notifications(api)) == len(told), (
        "nothing is told twice by a reader that comes after"
    )
