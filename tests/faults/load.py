"""Clients under whose feet an installation breaks: sources and agents over the real API, each answer written down."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from random import Random
from typing import Any, NamedTuple

import httpx

from tests.faults.evidence import Act, Journal
from tests.faults.installation import PREFIX

REQUEST_SECONDS = 12.0
"""Longer than a request waits for the next decider."""
PAUSE_SECONDS = 0.25
OVERLOADED = 429
UNEXPECTED = 500
REMEMBERED_ITEMS = 400
REPEATS = 5


class Entry:
    """Where clients reach the installation; a new address after each restart."""

    def __init__(self) -> None:
        self.url = ""


class Answer(NamedTuple):
    """`known`: done, and answered; `refused`: surely not done; neither: nobody knows."""

    known: bool
    refused: bool
    body: Any = None
    revision: int | None = None
    status: int = 0


class Client:
    """One key's requests. Connection lost, timed out or 5xx: the outcome is unknown."""

    def __init__(self, entry: Entry, http: httpx.AsyncClient, key: str, random: Random) -> None:
        self._entry = entry
        self._http = http
        self._headers = {"x-api-key": key}
        self.random = random
        self.requests = 0
        self.stopping = False
        self.unexpected: list[str] = []
        """Answers with 500: faults make parts unavailable (503), and nothing unforeseen."""

    async def ask(self, method: str, path: str, json: Any = None, *, key: str | None = None) -> Answer:
        """`key`: under it the request may be sent again, and is carried out once."""
        self.requests += 1
        more = {} if key is None else {"idempotency-key": key}
        try:
            answer = await self._http.request(
                method,
                self._entry.url + PREFIX + path,
                json=json,
                headers={**self._headers, **more},
                timeout=REQUEST_SECONDS,
            )
        except httpx.HTTPError:
            await self.pause()
            return Answer(False, False)
        if answer.status_code == UNEXPECTED:
            self.unexpected.append(f"{method} {path} was answered with 500: {answer.text}")
        if answer.status_code >= UNEXPECTED:
            await self.pause()
            return Answer(False, False)
        etag = answer.headers.get("etag", "").strip('"')
        revision = int(etag) if etag.isdigit() else None
        body = answer.json() if answer.content else None
        return Answer(answer.is_success, not answer.is_success, body, revision, answer.status_code)

    async def pause(self, longest: float = PAUSE_SECONDS) -> None:
        await asyncio.sleep(longest * (0.2 + 0.8 * self.random.random()))

    async def hold_stream(self) -> None:
        """The workspace: comes back whenever it is cut off."""
        while not self.stopping:
            with suppress(httpx.HTTPError):
                url = f"{self._entry.url}{PREFIX}/stream"
                async with self._http.stream(
                    "GET", url, headers=self._headers, timeout=REQUEST_SECONDS * 4
                ) as answer:
                    async for _ in answer.aiter_bytes():
                        pass
            await self.pause()


def outcome(journal: Journal, answer: Answer, act: Act) -> None:
    """Writes an act down, unless it was refused."""
    if answer.refused:
        journal.refused += 1
        return
    journal.act(
        Act(
            item_id=act.item_id, action=act.action, revision=answer.revision, agent=act.agent, mark=act.mark,
            known=answer.known,
        )
    )  # fmt: skip


class Source:
    """A source system: creates (single, batch, again), updates, holds, resumes, cancels, restarts."""

    def __init__(self, name: str, client: Client, journal: Journal) -> None:
        self.client = client
        self._name = name
        self._journal = journal
        self._random = client.random
        self._sent = 0
        self._unsure: list[str] = []
        self._mine: list[str] = []
        self._held: list[str] = []

    async def run(self) -> None:
        steps = {
            self._create: 40, self._batch: 6, self._create_again: 8, self._contradict: 4,
            self._update: 14, self._hold: 8, self._resume: 8, self._cancel: 3, self._restart: 4,
        }  # fmt: skip
        while not self.client.stopping:
            (step,) = self._random.choices(list(steps), list(steps.values()))
            await step()
            await self.client.pause()

    def _new(self) -> dict[str, Any]:
        self._sent += 1
        capture_id = f"{self._name}-{self._sent}"
        data = {"n": self._sent, "text": "x" * self._random.randrange(40)}
        self._journal.submit(capture_id, data)
        return self._submission(capture_id)

    def _submission(self, capture_id: str) -> dict[str, Any]:
        category = "P" if self._journal.submitted[capture_id]["n"] % 3 == 0 else "C"
        return {"captureId": capture_id, "category": category, "data": self._journal.submitted[capture_id]}

    def _keep(self, capture_id: str, item_id: str) -> None:
        self._journal.create(capture_id, item_id)
        self._mine = [*self._mine[-REMEMBERED_ITEMS:], item_id]

    async def _create(self) -> None:
        await self._send(self._new())

    async def _send(self, submission: dict[str, Any]) -> None:
        answer = await self.client.ask("POST", "/items", submission)
        if answer.known:
            self._keep(submission["captureId"], answer.body["id"])
            return
        self._journal.unknown += not answer.refused
        self._unsure.append(submission["captureId"])
        if answer.refused and answer.status != OVERLOADED:
            self._journal.contradictions.append(f"{submission['captureId']} was refused: {answer.body}")

    async def _batch(self) -> None:
        batch = [self._new() for _ in range(self._random.randint(2, 15))]
        answer = await self.client.ask("POST", "/items/batch", batch)
        if not answer.known:
            self._journal.unknown += not answer.refused
            self._unsure += [s["captureId"] for s in batch]
            return
        for submission, result in zip(batch, answer.body["results"], strict=True):
            if result["outcome"] == "error":
                self._unsure.append(submission["captureId"])
            else:
                self._keep(submission["captureId"], result["id"])

    async def _create_again(self) -> None:
        """What may have been lost is sent again; so is what surely was not: the same id must come back."""
        if self._unsure:
            await self._send(self._submission(self._unsure.pop()))
        elif self._journal.created:
            await self._send(self._submission(self._random.choice(list(self._journal.created))))

    async def _contradict(self) -> None:
        """Other content under a known captureId changes nothing."""
        if not self._journal.created:
            return
        capture_id = self._random.choice(list(self._journal.created))
        answer = await self.client.ask(
            "POST", "/items", {**self._submission(capture_id), "data": {"n": "another", "text": "one"}}
        )
        if answer.known:
            self._journal.contradictions.append(f"{capture_id} was accepted again with other content")
        self._journal.refused += answer.refused

    async def _act(self, action: str, item_id: str, json: Any, mark: str | None = None) -> bool:
        method, path = ("PATCH", "") if action == "update" else ("POST", f"/{action}")
        answer = await self.client.ask(method, f"/items/{item_id}{path}", json)
        outcome(self._journal, answer, Act(item_id=item_id, action=action, mark=mark))
        return answer.known

    async def _update(self) -> None:
        if self._mine:
            self._sent += 1
            mark = f"u-{self._name}-{self._sent}"
            await self._act("update", self._random.choice(self._mine), {"data": {mark: 1}}, mark)

    async def _hold(self) -> None:
        if self._mine:
            item_id = self._random.choice(self._mine)
            if await self._act("hold", item_id, {"reason": "review"}):
                self._held.append(item_id)

    async def _resume(self) -> None:
        if self._held:
            await self._act("resume", self._held.pop(0), {})

    async def _cancel(self) -> None:
        if self._mine:
            await self._act("cancel", self._random.choice(self._mine), {"reason": "test"})

    async def _restart(self) -> None:
        """Possible in every status, so that one too many would show: sent again under its key until it is answered."""
        if not self._mine:
            return
        self._sent += 1
        key, item_id = f"{self._name}-{self._sent}", self._random.choice(self._mine)
        body = {"operations": [{"op": "restart", "id": item_id}]}
        for _ in range(REPEATS):
            answer = await self.client.ask("POST", "/items/operations", body, key=key)
            if answer.known:
                break
            await self.client.pause()
        told = answer.body["results"][0] if answer.known else {}
        if "error" in told:
            self._journal.refused += 1
            return
        revision = told.get("revision")
        self._journal.act(Act(item_id=item_id, action="restart", revision=revision, known=answer.known))


class SimulatedAgent:
    """An agent: ready, holds a stream, answers offers or lets them pass, pulls, and works its items to an end."""

    def __init__(self, agent_id: str, others: list[str], client: Client, journal: Journal) -> None:
        self.client = client
        self._id = agent_id
        self._others = others
        self._journal = journal
        self._random = client.random
        self._ignored: set[str] = set()

    async def run(self) -> None:
        stream = asyncio.create_task(self.client.hold_stream())
        try:
            while not self.client.stopping:
                await self._stay_ready()
                await self._answer_offers()
                await self._work()
                if self._random.random() < 0.3:
                    await self._pull()
                await self.client.pause()
        finally:
            stream.cancel()
            await asyncio.gather(stream, return_exceptions=True)

    async def _stay_ready(self) -> None:
        me = await self.client.ask("GET", "/agents/me")
        if me.known and me.body["states"].get("*", {}).get("state") != "ready":
            await self.client.ask("POST", "/agents/me/state", {"state": "ready"})

    async def _answer_offers(self) -> None:
        answer = await self.client.ask("GET", "/agents/me/offers")
        for offer in answer.body["offers"] if answer.known else ():
            if offer["id"] in self._ignored:
                continue
            what = self._random.choices(("accept", "decline", "ignore"), (70, 15, 15))[0]
            if what == "ignore":
                self._ignored.add(offer["id"])
                continue
            done = await self.client.ask("POST", f"/offers/{offer['id']}/{what}", None)
            act = Act(item_id=offer["item"]["id"], action=what, agent=self._id, mark=offer["id"])
            outcome(self._journal, done, act)

    async def _work(self) -> None:
        mine = await self.client.ask("GET", "/agents/me/items")
        for item in mine.body["assigned"] if mine.known else ():
            what = self._random.choices(
                ("complete", "return", "transfer", "reserve", "hold", "keep"), (40, 8, 6, 6, 5, 35)
            )[0]
            if what == "keep":
                continue
            action = "transfer" if what == "reserve" else what
            done = await self.client.ask("POST", f"/items/{item['id']}/{action}", self._body(what))
            outcome(self._journal, done, Act(item_id=item["id"], action=action, agent=self._id))

    def _body(self, what: str) -> dict[str, Any]:
        match what:
            case "transfer":
                return {"queue": self._random.choice(("p", "q"))}
            case "reserve":
                return {"agent": self._random.choice(self._others)}
            case "hold":
                return {"reason": "review"}
            case _:
                return {}

    async def _pull(self) -> None:
        answer = await self.client.ask("POST", "/agents/me/next")
        if answer.known and answer.body["item"] is not None:
            item = answer.body["item"]
            self._journal.act(
                Act(item_id=item["id"], action="pull", agent=self._id, revision=item["revision"])
            )
        elif not answer.known and not answer.refused:
            self._journal.unknown += 1


class Load:
    """All clients of a run."""

    def __init__(self, keys: Mapping[str, str], agents: list[str], sources: int, seed: int) -> None:
        self.entry = Entry()
        self.journal = Journal()
        self._http = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=50), trust_env=False
        )
        self._runs: list[asyncio.Task[None]] = []

        def client(name: str, key: str) -> Client:
            return Client(self.entry, self._http, keys[key], Random(f"{seed}-{name}"))

        self.sources = [Source(f"s{n}", client(f"s{n}", "admin"), self.journal) for n in range(sources)]
        self.agents = [
            SimulatedAgent(a, [b for b in agents if b != a], client(a, a), self.journal) for a in agents
        ]

    @property
    def _all(self) -> list[Source | SimulatedAgent]:
        return [*self.sources, *self.agents]

    @property
    def requests(self) -> int:
        return sum(each.client.requests for each in self._all)

    @property
    def unexpected(self) -> list[str]:
        return [text for each in self._all for text in each.client.unexpected]

    def start(self) -> None:
        self._runs = [asyncio.create_task(each.run()) for each in self._all]

    def failed(self) -> list[BaseException]:
        """What ended a client that should have gone on."""
        return [error for run in self._runs if run.done() and (error := run.exception()) is not None]

    async def stop(self) -> None:
        """Ends all clients; each is left to hear the answer to its last request."""
        for each in self._all:
            each.client.stopping = True
        await asyncio.gather(*self._runs, return_exceptions=True)

    async def close(self) -> None:
        await self._http.aclose()
