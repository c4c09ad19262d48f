"""What happens to customers: invented items of every category, in German and English. Pure, given a random source."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from openiwd.domain.work_item import ContactInput, Ext, ItemSubmission
from openiwd.processes.demo import people
from openiwd.processes.demo.people import Customer


class Kind(Struct, frozen=True, rename="camel", kw_only=True):
    """A kind of item, as `kinds.yaml` lists them; `due_hours` is a rough promise, for planning only."""

    id: str
    share: int
    data: dict[str, str]
    amount: tuple[int, int]
    german: list[str]
    english: list[str]
    group: str
    skill: tuple[str, int] | None = None
    minutes: float
    due_hours: float
    dispositions: list[str]
    queue: str
    capture_points: list[str]


HOME: Final = ZoneInfo("Europe/Berlin")
VEHICLES: Final = (
    "VW Golf", "Skoda Octavia", "BMW 320d", "Opel Corsa", "Mercedes C 200", "Fiat 500", "Toyota Yaris", "Audi A4",
    "Ford Transit", "Renault Zoe", "Volvo V60", "Tesla Model 3",
)  # fmt: skip
SPAM: Final = (
    "Congratulations, you won a prize",
    "Improve your SEO ranking today",
    "Gewinnspiel: nur noch heute",
    "Crypto investment, guaranteed",
)
_MEDIA: Final = {
    "mail_claims": ("email", "email"),
    "mail_service": ("email", "email"),
    "portal": ("webform", "web"),
    "crm": ("workitem", "phone"),
    "archive": ("letter", "letter"),
}
_SCREENS: Final = {
    "claimcenter": "https://claimcenter.nordhaven.example/claims/",
    "loancore": "https://loancore.nordhaven.example/cases/",
}


@cache
def kinds() -> tuple[Kind, ...]:
    """All kinds, read once."""
    return tuple(msgspec.convert(people.rows("kinds.yaml"), list[Kind]))


class Trait(NamedTuple):
    """What is special about an item."""

    documents_missing: bool = False
    broken_amount: bool = False
    unclassified: bool = False
    spam: bool = False
    later: timedelta | None = None
    """Activation so much later."""


NOTHING_SPECIAL: Final = Trait()


def submission(
    rng: random.Random, kind: Kind, who: Customer, number: int, at: datetime, trait: Trait = NOTHING_SPECIAL
) -> ItemSubmission:
    """An item as its source hands it over at an instant."""
    point = "mail_service" if trait.spam else rng.choice(kind.capture_points)
    media, channel = _MEDIA.get(point, ("workitem", "system"))
    amount = round(rng.triangular(*kind.amount, kind.amount[0]), 2) if kind.amount[1] else None
    vehicle = rng.choice(VEHICLES)
    due = _callback_due(rng, at) if kind.id == "callback" else None
    words = _words(rng, number, amount, vehicle, due or at)
    subjects = SPAM if trait.spam else (kind.german if who.language == "de" else kind.english)
    data = _data(rng, kind, who, at, trait, amount, words)
    return ItemSubmission(
        capture_id=f"{kind.id[:3].upper()}-{at.year}-{number:06d}",
        capture_point=point,
        media_type=media,
        channel=channel,
        business_value=rng.choice((0, 0, 10, 20, 40)) + int((amount or 0) ** 0.5 / 4),
        subject=rng.choice(subjects).format(**words),
        description=_description(who, rng),
        source_url=f"{_SCREENS[point]}{words['claim']}" if point in _SCREENS else None,
        due_date_time=due,
        activation_date_time=None if trait.later is None else at + trait.later,
        contact=ContactInput(
            customer_id=who.id, name=who.name, emails=[who.email], phones=[who.phone], language=who.language
        ),
        ext=Ext(
            customer_id=who.id,
            customer_segment=who.segment,
            product_type=kind.data.get("line") or kind.data.get("loanType") or "service",
            source_created_date_time=at - timedelta(minutes=rng.randint(0, 45)) if kind.group == "lending" else None,
        ),
        data=data,
        tags=["reopened before"] if rng.random() < 0.01 else [],
    )  # fmt: skip


def _words(
    rng: random.Random, number: int, amount: float | None, vehicle: str, clock: datetime
) -> dict[str, Any]:
    """What stands in subjects, by the names that `kinds.yaml` has for it."""
    return {
        "amount": _money(amount),
        "road": rng.choice((1, 7, 20, 23, 24, 25)),
        "claim": f"88-{20_000 + number % 70_000}",
        "policy": f"HR-{70_000 + number % 20_000}",
        "vehicle": vehicle,
        "photos": rng.randint(2, 14),
        "flight": rng.randint(1000, 1999),
        "clock": clock.astimezone(HOME).strftime("%H:00"),
    }


def _data(
    rng: random.Random,
    kind: Kind,
    who: Customer,
    at: datetime,
    trait: Trait,
    amount: float | None,
    words: dict[str, Any],
) -> dict[str, Any]:
    """The attributes that rules and reports read."""
    data: dict[str, Any] = {
        "language": "german" if who.language == "de" else "english",
        "zipArea": who.zip_area,
    }
    if not trait.unclassified and not trait.spam:
        data |= kind.data
    if amount is not None:
        data["amount"] = f"ca. {_money(amount)} EUR" if trait.broken_amount else amount
    if kind.group in ("motor", "property"):
        data |= {"claimNumber": words["claim"], "photos": words["photos"]}
    if kind.group == "motor":
        data["vehicle"] = words["vehicle"]
    if kind.id == "theft" and rng.random() < 0.6:
        data["policeReport"] = True
    if kind.id == "mortgage" and rng.random() < 0.5:
        data["rateLockEnds"] = (at + timedelta(days=rng.randint(1, 9))).date().isoformat()
    if kind.group == "lending" or kind.id in ("theft", "fire"):
        data["documents"] = "missing" if trait.documents_missing else "complete"
    return data


def _money(amount: float | None) -> str:
    return (
        "" if amount is None else (f"{amount:,.0f}".replace(",", " ") if amount >= 2_000 else f"{amount:.2f}")
    )


def _callback_due(rng: random.Random, at: datetime) -> datetime:
    due = at + timedelta(hours=rng.randint(2, 7))
    return due.replace(minute=0, second=0, microsecond=0)


def _description(who: Customer, rng: random.Random) -> str:
    german = (
        "Guten Tag, ich bitte um eine kurze Rückmeldung, wie es weitergeht. Mit freundlichen Grüßen, {name}",
        "Alle Unterlagen liegen bei. Tagsüber bin ich unter {phone} zu erreichen. {name}",
        "Bitte prüfen Sie den Vorgang. Ich habe dazu bereits einmal angerufen. {name}",
    )
    english = (
        "Good morning, please let me know what happens next. Kind regards, {name}",
        "All documents are attached. You can reach me at {phone} during the day. {name}",
        "Could you please look into this? I have called about it once already. {name}",
    )
    text = rng.choice(german if who.language == "de" else english)
    return text.format(name=who.name, phone=who.phone)
