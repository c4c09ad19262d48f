"""The invented people of the demo tenant: agents, logins, customers. Data only; it writes nothing."""

from __future__ import annotations

import random
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import yaml

from openiwd.domain.agent import AgentProfile, AgentSkill, Capacity
from openiwd.domain.privilege import Caller, Role, Scope, role_privileges
from openiwd.processes.bootstrap import FirstUser

SKILLS: Final = {
    "motor_claims": "Motor claims",
    "property_claims": "Property claims",
    "mortgage": "Mortgages",
    "consumer_credit": "Consumer credit",
    "business_credit": "Business credit",
    "complaints": "Complaints",
    "german": "German",
    "english": "English",
}
GROUPS: Final = {
    "motor": "Motor team",
    "property": "Property team",
    "lending": "Lending team",
    "complaints": "Complaints team",
    "service": "Service team",
}
REGIONS: Final = {
    "20": ("Hamburg", "Hamburg Mitte"),
    "22": ("Hamburg", "Hamburg Altona"),
    "24": ("Schleswig-Holstein", "Kiel"),
    "28": ("Bremen", "Bremen"),
    "30": ("Niedersachsen", "Hannover"),
    "21": ("Niedersachsen", "Lüneburg"),
    "18": ("Mecklenburg-Vorpommern", "Rostock"),
    "10": ("Berlin", "Berlin Mitte"),
    "50": ("Nordrhein-Westfalen", "Köln"),
    "80": ("Bayern", "München"),
}
CAPTURE_POINTS: Final = {
    "claimcenter": "ClaimCenter",
    "loancore": "LoanCore",
    "mail_claims": "motor-claims@nordhaven.example",
    "mail_service": "service@nordhaven.example",
    "portal": "Customer portal",
    "crm": "Contact centre",
    "archive": "Archive files",
}
OWN_SCREENS: Final = frozenset({"amara.rossi", "lena.kowalczyk", "johanna.lindqvist", "yusuf.haddad"})
"""Agents with a login of their own: a person may sit there, so nobody acts in their name."""

SEGMENTS: Final = {"private": 62, "silver": 20, "gold": 12, "vip": 6}
_PLAIN: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class Customer(NamedTuple):
    id: str
    name: str
    email: str
    phone: str
    language: str
    """`de` or `en`."""
    segment: str
    zip_area: str


def rows(file: str) -> Any:
    """What a data file of this package holds."""
    text = files(__package__).joinpath(file).read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - a safe loader


@cache
def agent_profiles() -> list[AgentProfile]:
    """The 25 agents."""
    return [
        AgentProfile(
            id=row["id"],
            name=row["name"],
            user_login=row["id"] if row["id"] in OWN_SCREENS else None,
            employee_id=row["employeeId"],
            groups=row["groups"],
            skills=[AgentSkill(skill, level) for skill, level in row["skills"].items()],
            capacity=Capacity(total=row["capacity"], media={"email": 3}),
            time_zone=row["timeZone"],
        )
        for row in rows("agents.yaml")
    ]


def first_users(password: str) -> list[FirstUser]:
    """The demo logins, one for each kind of visitor first; all share one password."""
    named = {profile.id: profile.name for profile in agent_profiles()}
    users = [
        ("admin", "Ingrid Albers", Role.ADMINISTRATOR, None),
        ("business", "Clemens Voss", Role.BUSINESS, None),
        ("supervisor", "Renate Siemers", Role.SUPERVISOR, None),
        ("supervisor2", "Daniel Osei", Role.SUPERVISOR, None),
        ("viewer", "Marta Lindberg", Role.VIEWER, None),
        *((agent_id, named[agent_id], Role.AGENT, agent_id) for agent_id in named if agent_id in OWN_SCREENS),
    ]
    return [
        FirstUser(login=login, password=password, role=role.value, name=name, agent_id=agent_id)
        for login, name, role, agent_id in users
    ]


def customers(rng: random.Random, count: int = 700) -> list[Customer]:
    """Customers with names, addresses and segments; many have several items."""
    names: dict[str, list[str]] = rows("names.yaml")
    found: dict[str, Customer] = {}
    while len(found) < count:
        first, last = rng.choice(names["first"]), rng.choice(names["last"])
        number = len(found) + 1
        address = f"{first}.{last}{number}".lower().translate(_PLAIN)
        found[address] = Customer(
            id=f"C-{100_000 + number * 37}",
            name=f"{first} {last}",
            email=f"{address}@mail.example",
            phone=f"+49 40 555 {1000 + number}",
            language="en" if last in names["english"] else "de",
            segment=rng.choices(list(SEGMENTS), list(SEGMENTS.values()))[0],
            zip_area=rng.choice(list(REGIONS)),
        )
    return list(found.values())


def source_caller(tenant_id: str, capture_point: str) -> Caller:
    """The source system behind a capture point, as its key would act."""
    name = CAPTURE_POINTS.get(capture_point, capture_point)
    names = ("create", "update", "cancel", "complete", "resume", "reopen")
    return Caller(
        tenant_id=tenant_id, actor=f"key:{name}", name=name,
        privileges={f"workitems.{n}": Scope.ALL for n in names},
    )  # fmt: skip


def agent_caller(tenant_id: str, agent_id: str, name: str) -> Caller:
    """An agent with the privileges of the role."""
    return Caller(
        tenant_id=tenant_id, actor=f"agent:{agent_id}", name=name, role=Role.AGENT,
        privileges=role_privileges(Role.AGENT, grouped=False), agent_id=agent_id,
    )  # fmt: skip


def supervisor_caller(tenant_id: str, login: str = "supervisor", name: str = "Renate Siemers") -> Caller:
    """A supervisor."""
    return Caller(
        tenant_id=tenant_id, actor=f"user:{login}", name=name, role=Role.SUPERVISOR,
        privileges=role_privileges(Role.SUPERVISOR, grouped=False), login=login,
    )  # fmt: skip
