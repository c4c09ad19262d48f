"""A whole server for browser tests: real PostgreSQL, API, UI and decider in one process, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from msgspec.structs import replace

from openiwd.domain.agent import AgentProfile, AgentSkill, AgentState, Capacity
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import Role, system
from openiwd.domain.work_item import ContactInput, Ext, ItemSubmission, WorkItem
from openiwd.ports.holiday_source import HolidaySource
from openiwd.ports.tenant_store import Tenant
from openiwd.processes import bootstrap
from openiwd.processes.bootstrap import FirstUser
from openiwd.processes.serve import Serving
from openiwd.processes.settings import SearchSettings
from openiwd.processes.wiring import Wiring
from openiwd.usecases import agent as agent_use
from openiwd.usecases import item_action
from openiwd.usecases.alarm_watch import watch
from openiwd.usecases.command import Command, Done
from openiwd.usecases.intake import Intake
from openiwd.usecases.item_action import ActionRequest
from openiwd.usecases.platform import Platform, TenantServices
from openiwd.usecases.rule_set import publish
from openiwd.usecases.work_item import apply
from tests.factories.api import LOOPBACK, SECRET_KEY
from tests.factories.password import hashed
from tests.servers.postgres import TEMPLATE_CONTROL, TEMPLATE_TENANT, PostgresServer
from tests.servers.until import until

PASSWORD = "correct horse 24"
RULES = Path(__file__).with_name("tenant.yaml")
CALLER = system("tests")
USERS = [
    FirstUser(login="vera", password=PASSWORD, role=Role.VIEWER.value, name="Vera Viewer"),
    FirstUser(login="ines", password=PASSWORD, role=Role.SUPERVISOR.value, name="Ines Albrecht"),
    FirstUser(login="bea", password=PASSWORD, role=Role.BUSINESS.value, name="Bea Busch"),
    FirstUser(login="ada", password=PASSWORD, role=Role.ADMINISTRATOR.value, name="Ada Min"),
    FirstUser(login="amara", password=PASSWORD, role=Role.AGENT.value, name="Amara Rossi", agent_id="rossi"),
    FirstUser(
        login="tomasz", password=PASSWORD, role=Role.AGENT.value, name="Tomasz Nowak", agent_id="nowak"
    ),
    FirstUser(login="piet", password=PASSWORD, role=Role.AGENT.value, name="Piet Brandt", agent_id="brandt"),
    FirstUser(login="lock", password=PASSWORD, role=Role.VIEWER.value, name="Locked Out"),
]
T = TypeVar("T")


def profile(agent_id: str, name: str, group: str, *, level: int = 7, total: int = 4) -> AgentProfile:
    return AgentProfile(
        id=agent_id,
        name=name,
        groups=[group],
        skills=[AgentSkill("motor_claims", level), AgentSkill("german", 9)],
        capacity=Capacity(total=total, media={"workitem": 3, "email": 2}),
        time_zone="Europe/Berlin",
    )


AGENTS = [
    profile("rossi", "Amara Rossi", "motor"),
    profile("nowak", "Tomasz Nowak", "motor"),
    profile("brandt", "Piet Brandt", "service", level=2),
]


def submission(
    capture_id: str, subject: str, product: str, *, hours: float = 1.0, **more: Any
) -> ItemSubmission:
    """An item that was created so many hours ago."""
    values: dict[str, Any] = {
        "media_type": "workitem",
        "created_date_time": datetime.now(UTC) - timedelta(hours=hours),
        "data": {"product": product, "plate": "HH-OW 2024", "amount": 1250.5},
        **more,
    }
    return ItemSubmission(capture_id=capture_id, subject=subject, **values)


STANDING = [
    submission(
        "COL-1",
        "Collision A7, two vehicles, towed",
        "collision",
        hours=9.2,
        source_url="https://claims.example/88",
    ),
    submission(
        "THF-1",
        "Theft VW Golf, police report attached",
        "theft",
        hours=5.9,
        description="The car was parked in Lerchenstraße and was gone this morning.\n\nWhen is the replacement?",
        contact=ContactInput(
            name="Katrin Vogel", customer_id="C-1001", emails=["katrin.vogel@example.com"], language="de"
        ),
        ext=Ext(customer_segment="vip"),
        tags=["police report"],
    ),
    submission("COL-2", "Re: 88-20533, shop refuses repair", "collision", hours=6.7, media_type="email"),
    submission("GLS-1", "Windscreen replaced, invoice 684.20 €", "glass", hours=5.3),
    submission("GLS-2", "Hail damage, 14 photos", "glass", hours=3.1),
    submission("CMP-1", "Payout refused without a reason", "complaint", hours=30.0),
    submission("QST-1", "Callback wanted before 16:00", "question", hours=2.2, media_type="email"),
    submission("QST-2", "Question about the deductible after a move", "question", hours=4.3),
    submission("FIX-1", "Board inquiry 2026/1183", "question", hours=50.0, priority_fixed=700),
]


class Site:
    """The running server and its tenant; use cases may be called from the test's own thread."""

    def __init__(self, postgres: PostgresServer, search: SearchSettings | None = None) -> None:
        self._search = search
        self._postgres = postgres
        self._folder = TemporaryDirectory(prefix="openiwd-capture-")
        self.capture_dir = Path(self._folder.name)
        self._urgent = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.url = self.run(self._start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self) -> str:
        control = await self._postgres.create_database(TEMPLATE_CONTROL)
        database = await self._postgres.create_database(TEMPLATE_TENANT)
        tenant = Tenant(
            id="main", name="Nordhaven Insurance", database_name=database, time_zone="Europe/Berlin"
        )
        self._wiring = Wiring(
            self._postgres.dsn(control),
            secret_keys=[SECRET_KEY],
            outbound_allowed=LOOPBACK,
            capture_dir=Path(self._folder.name),
            search=self._search,
        )
        await bootstrap.ensure_tenant(self._wiring, tenant)
        services = await self._wiring.platform.services("main")
        await publish(
            services,
            self._wiring.holidays,
            RULES.read_text(encoding="utf-8"),
            CALLER,
            comment="first version",
        )
        await agent_use.save_profiles(services, AGENTS, CALLER)
        await bootstrap.make_users(self._wiring, tenant, USERS, await hashed(PASSWORD))
        await self.create(*STANDING)
        self._server = Serving(self._wiring, host="127.0.0.1", port=0, metrics_port=None)
        await self._server.start()
        return self._server.url.replace("localhost", "127.0.0.1")

    @property
    def platform(self) -> Platform:
        return self._wiring.platform

    @property
    def holidays(self) -> HolidaySource:
        return self._wiring.holidays

    async def add_tenant(self, tenant_id: str, rules: str | None, user: FirstUser) -> TenantServices:
        """A further tenant of the same server, with one user of its own."""
        database = await self._postgres.create_database(TEMPLATE_TENANT)
        tenant = Tenant(
            id=tenant_id, name=tenant_id.capitalize(), database_name=database, time_zone="Europe/Berlin"
        )
        await bootstrap.ensure_tenant(self._wiring, tenant)
        services = await self._wiring.platform.services(tenant_id)
        if rules is not None:
            await publish(services, self._wiring.holidays, rules, CALLER, comment="first version")
        await bootstrap.make_users(self._wiring, tenant, [user], await hashed(PASSWORD))
        return services

    async def services(self) -> TenantServices:
        return await self._wiring.platform.services("main")

    async def create(self, *submissions: ItemSubmission) -> list[WorkItem]:
        results = await Intake((await self.services()).runtime).submit_all(submissions, CALLER)
        assert all(isinstance(r, Done) for r in results), results
        return [r.item for r in results if isinstance(r, Done)]

    def add(self, *submissions: ItemSubmission) -> list[WorkItem]:
        return self.run(self.create(*submissions))

    def add_one(self, subject: str, product: str, **more: Any) -> WorkItem:
        return self.add(submission(f"T-{uuid.uuid4().hex[:10]}", subject, product, **more))[0]

    def add_urgent(self, subject: str, product: str, **more: Any) -> WorkItem:
        """An item that stands before all others, those of earlier tests too."""
        self._urgent += 1
        return self.add_one(subject, product, priority_fixed=9_000 + self._urgent, **more)

    def item(self, item_id: Any) -> WorkItem:
        async def read() -> WorkItem:
            async with (await self.services()).runtime.store.reading() as reading:
                return (await reading.items_by_id([item_id]))[item_id]

        return self.run(read())

    def look_for_alarms(self) -> None:
        """What the deciding process does by itself every few seconds."""

        async def look() -> None:
            await watch(await self.services())

        self.run(look())

    def cancel(self, item_id: Any) -> None:
        async def act() -> None:
            command = Command(action=Action.CANCEL, caller=CALLER, item_id=item_id)
            await apply((await self.services()).runtime, [command])

        self.run(act())

    def finish(self, item_id: Any) -> None:
        """Completes an item, as its source would."""

        async def done() -> None:
            services = await self.services()
            await item_action.perform(services, Action.COMPLETE, ActionRequest(), CALLER, item_id)

        self.run(done())

    def work_on(self, item_id: Any, agent_id: str, focus_seconds: int) -> None:
        """Assigned to an agent, who completes it."""

        async def worked() -> None:
            services = await self.services()
            given = ActionRequest(agent=agent_id)
            await item_action.perform(services, Action.ASSIGN, given, CALLER, item_id)
            done = ActionRequest(agent=agent_id, result_code="Settled", focus_seconds=focus_seconds)
            await item_action.perform(services, Action.COMPLETE, done, CALLER, item_id)

        self.run(worked())

    def set_state(self, agent_id: str, state: AgentState, reason: str | None = None) -> None:
        async def change() -> None:
            await agent_use.set_state(await self.services(), agent_id, state, caller=CALLER, reason=reason)

        self.run(change())

    def wait_for_offer(self, agent_id: str) -> None:
        async def wait() -> None:
            services = await self.services()

            async def is_there() -> bool:
                return bool((await agent_use.my_items(services, agent_id)).offers)

            await until(is_there)

        self.run(wait())

    def agent_count(self) -> int:
        async def count() -> int:
            async with (await self.services()).runtime.store.reading() as reading:
                return len(await reading.agents())

        return self.run(count())

    def lose(self, agent_id: str) -> None:
        """No sign of life of the agent's workspace for too long."""

        async def lost() -> None:
            await agent_use.lose(await self.services(), agent_id)

        self.run(lost())

    def set_language(self, login: str, language: str) -> None:
        async def change() -> None:
            control = self._wiring.control
            user = next(u for u in await control.users("main") if u.login == login)
            await control.save_user(replace(user, language=language), revision=user.revision)
            self._wiring.platform.identities.forget()

        self.run(change())

    def log_agents_out(self, agents: Sequence[str] = ("rossi", "nowak", "brandt")) -> None:
        for agent_id in agents:
            self.set_state(agent_id, AgentState.LOGGED_OUT)

    def return_everything(self) -> None:
        """What agents have in hand goes back to its queue, and what they hold is gone: their lists are empty."""

        async def back() -> list[WorkItem]:
            services = await self.services()
            held: list[WorkItem] = []
            for agent in AGENTS:
                await agent_use.return_all(services, agent.id, CALLER, "end of a test")
                held += (await agent_use.my_items(services, agent.id)).held
            return held

        for item in self.run(back()):
            self.cancel(item.id)

    def close(self) -> None:
        self.run(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
        self._folder.cleanup()
