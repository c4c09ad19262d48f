"""What the doctor makes of figures: findings with evidence, fix and link; nothing where nothing is wrong."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

import pytest

from openiwd.cli.doctor import exit_code
from openiwd.domain.agent import Absence, Agent, AgentSkill, AgentState, Capacity, MediaState
from openiwd.domain.backlog import Wanted
from openiwd.domain.doctor import connection_check, rule_check, system_check, work_check
from openiwd.domain.doctor.connection_check import CaptureFact, MailboxFact, MartFacts
from openiwd.domain.doctor.finding import Finding, Severity, finding, in_order
from openiwd.domain.doctor.system_check import (
    DatabaseFacts,
    DraftFact,
    KeyFact,
    LeaseFacts,
    LogFacts,
    ProcessFact,
    RunFact,
    TableFact,
)
from openiwd.domain.doctor.wording import WORDING
from openiwd.domain.doctor.work_check import ErrorCause, Overdue
from openiwd.domain.instant import to_micros
from openiwd.domain.lint.finding import FindingKind
from openiwd.domain.lint.rule_lint import lint_rules
from openiwd.domain.requirement import Relaxation, Requirement
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.usecases.doctor import Report
from tests.factories.life import rules as life_rules
from tests.factories.rule_set import NOW, compiled, document

MONDAY = datetime(2026, 3, 2, 10, tzinfo=UTC)
AT = to_micros(MONDAY)
READY = {"*": MediaState(AgentState.READY)}
MOTOR = Requirement(skills=(("motor", 5),))


def agent(agent_id: str = "amara", **fields: Any) -> Agent:
    return Agent(id=agent_id, name=agent_id.title(), **{"skills": (AgentSkill("motor", 7),), **fields})


def codes(findings: list[Finding]) -> list[tuple[str, Severity]]:
    return [(f.code, f.severity) for f in findings]


def wanted(requirement: Requirement = MOTOR, items: int = 3, queue: str = "claims") -> Wanted:
    return Wanted(queue, "workitem", requirement, items, UUID(int=items))


def nobody(agents: list[Agent], one: Wanted | None = None) -> list[tuple[str, Severity]]:
    return codes(work_check.items_for_nobody([one or wanted()], agents, life_rules(), AT))


def test_items_that_nobody_can_take_ever_this_week_and_now() -> None:
    assert nobody([]) == [("nobodyEver", Severity.CRITICAL)]
    assert nobody([agent(skills=(AgentSkill("motor", 4),))]) == [("nobodyEver", Severity.CRITICAL)]
    assert nobody([agent(active=False)]) == [("nobodyEver", Severity.CRITICAL)]
    assert nobody([agent(capacity=Capacity(total=0))]) == [("nobodyEver", Severity.CRITICAL)]
    away = Absence(MONDAY - timedelta(days=1), MONDAY + timedelta(days=30))
    assert nobody([agent(absences=(away,))]) == [("nobodyThisWeek", Severity.WARNING)]
    assert nobody([agent()]) == [("nobodyNow", Severity.WARNING)]
    assert nobody([agent(states=READY)]) == []


def test_nobody_now_is_no_warning_while_the_queue_is_closed() -> None:
    night = AT + 12 * 3600 * 1_000_000
    found = work_check.items_for_nobody([wanted()], [agent()], life_rules(), night)
    assert codes(found) == [("nobodyNow", Severity.INFO)]


def test_relaxation_counts_before_anything_is_said() -> None:
    soft = Requirement(skills=(("motor", 9),), relaxation=(Relaxation(after=10, skill="motor", level=3),))
    assert nobody([agent(states=READY)], wanted(soft)) == []
    hard = Requirement(skills=(("motor", 9),), relaxation=(Relaxation(after=10, skill="motor", level=8),))
    assert nobody([agent(states=READY)], wanted(hard)) == [("nobodyEver", Severity.CRITICAL)]


def test_who_is_asked_for_by_name_counts() -> None:
    only = Requirement(agents=("lena",), agents_only=True)
    assert nobody([agent(states=READY)], wanted(only)) == [("nobodyEver", Severity.CRITICAL)]
    assert nobody([agent("lena", states=READY)], wanted(only)) == []


def test_a_finding_has_figures_an_example_and_a_link() -> None:
    (one,) = work_check.items_for_nobody([wanted(items=1234)], [], life_rules(), AT)
    assert one.what.startswith("No active agent can take these items of Claims, whatever relaxation adds.")
    assert "Asked for: motor 5. Waiting: 1,234." in one.what
    assert one.figures == {"items": 1234}
    assert one.examples[0].link == f"/?item={UUID(int=1234)}"
    assert one.link == "/?status=queued&queue=claims"
    assert one.id == "nobodyEver:claims/motor 5"


def test_kinds_that_read_alike_are_told_together() -> None:
    likes = Requirement(skills=(("motor", 5),), agents=("lena",), prefer_for=10)
    (one,) = work_check.items_for_nobody([wanted(items=3), wanted(likes, items=4)], [], life_rules(), AT)
    assert one.figures == {"items": 7}


def test_links_name_whatever_queue_there_is() -> None:
    assert work_check.waiting_link("a b/ü&c") == "/?status=queued&queue=a%20b%2F%C3%BC%26c"


def test_items_of_a_queue_that_is_gone() -> None:
    assert nobody([agent(states=READY)], wanted(queue="old")) == [("noQueue", Severity.CRITICAL)]


def test_very_many_kinds_are_told_in_part() -> None:
    many = [wanted(Requirement(skills=((f"s{n}", 1),)), items=n) for n in range(200)]
    found = work_check.items_for_nobody(many, [], life_rules(), AT)
    assert len(found) == work_check.MOST_TOLD
    assert found[0].figures == {"items": 199}


def served(**queue: Any) -> CompiledRuleSet:
    """One category that asks for a skill, in a queue."""
    skill = {"skills": [{"skill": "motor", "level": 5}]}
    tree = [{"id": "a", "name": "A", "schema": "s", "queue": "q", "requirement": skill}]
    return compiled(document(categories=tree, queues=[{"id": "q", "name": "Q", **queue}]))


def test_agents_who_can_take_nothing_and_queues_without_agents() -> None:
    rules = served(groups=[{"group": "claims"}])
    one, other = agent(groups=("claims",)), agent("lena", skills=(), groups=("claims",))
    found = work_check.agents_for_nothing([one, other], rules, NOW)
    assert [(f.code, f.id) for f in found] == [("agentTakesNothing", "agentTakesNothing:lena")]
    found = work_check.agents_for_nothing([agent(groups=("others",))], rules, NOW)
    assert [f.code for f in found] == ["agentTakesNothing", "queueWithoutAgents"]
    assert work_check.agents_for_nothing([agent()], served(), NOW) == []


def test_words_that_nothing_uses() -> None:
    found = work_check.unused_words(
        [agent()],
        {"motor": "Motor", "latin": "Latin", "law": "Law"},
        {"a": "A", "b": "B"},
        {"motor": 2, "law": 1},
        all_known=True,
        served={"a"},
    )
    assert [(f.code, f.id.partition(":")[2]) for f in found] == [
        ("skillOfNobody", "law"), ("skillUnused", "latin"), ("groupUnused", "b"),
    ]  # fmt: skip
    found = work_check.unused_words([agent()], {"x": "X"}, {}, {}, all_known=False, served=set())
    assert found == []


def test_what_is_late_and_held_by_errors() -> None:
    late = [
        Overdue("claims", 3, MONDAY - timedelta(hours=2), [(UUID(int=1), "c1")]),
        Overdue("gone", 9, None, []),
    ]
    found = work_check.overdue_waiting(late, life_rules(), MONDAY)
    assert [f.id for f in found] == ["overdueWaiting:gone", "overdueWaiting:claims"]
    assert found[1].figures["lateMinutes"] == 120
    assert found[1].link == "/?status=queued&queue=claims&overdue=1"
    (held,) = work_check.errorheld([ErrorCause("no category", 2, [(UUID(int=1), "c1")])])
    assert held.what == "Items are held by an error: 2. The error says: no category"


# The rule set --------------------------------------------------------------------------------------------------------


def test_every_kind_of_the_linter_has_its_sentences() -> None:
    assert set(rule_check._CODES) == set(FindingKind)
    assert set(rule_check._CODES.values()) <= set(WORDING)


def test_findings_of_the_linter_lead_to_what_is_edited() -> None:
    rule = {
        "id": "r", "name": "R", "then": [{"raiseBusinessValue": 1}],
        "when": {"all": [{"attribute": "channel", "operator": "eq", "value": v} for v in ("a", "b")]},
    }  # fmt: skip
    (one,) = rule_check.of_rules(lint_rules(compiled(document(rules=[rule])), NOW))
    assert (one.code, one.severity, one.link) == (
        "ruleNeverMatches",
        Severity.WARNING,
        "/configuration/rules",
    )
    assert one.what == "r matches no item: its conditions contradict each other."


# Processes, log, runs, keys, database ---------------------------------------------------------------------------------


def process(**fields: Any) -> ProcessFact:
    return ProcessFact(
        **{"id": UUID(int=1), "kind": "serve", "address": None, "left": 2.0, "skew": 0.0, **fields}
    )


def lease_facts(**fields: Any) -> LeaseFacts:
    usual = {"has_decider": True, "processes": [], "stranded": [], "offers_expired": [], "next_timer": None}
    return LeaseFacts(**{**usual, **fields})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"has_decider": False}, [("noDecider", Severity.CRITICAL)]),
        ({"processes": [process()]}, []),
        ({"processes": [process(left=-40.0)]}, [("processGone", Severity.INFO)]),
        ({"processes": [process(skew=-1.5)]}, [("clockSkew", Severity.WARNING)]),
        ({"processes": [process(skew=70.0)]}, [("clockSkew", Severity.CRITICAL)]),
        ({"processes": [process(skew=None)]}, []),
        ({"stranded": ["amara"]}, [("agentsStranded", Severity.WARNING)]),
        ({"offers_expired": [(UUID(int=1), "amara")]}, [("offersExpired", Severity.CRITICAL)]),
        ({"next_timer": MONDAY - timedelta(seconds=20)}, []),
        ({"next_timer": MONDAY - timedelta(minutes=2)}, [("timersLate", Severity.CRITICAL)]),
    ],
)
def test_leases(facts: dict[str, Any], expected: list[tuple[str, Severity]]) -> None:
    assert codes(system_check.leases(lease_facts(**facts), MONDAY)) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        ({"missing": 2}, [("logGap", Severity.CRITICAL)]),
        ({"differing": [UUID(int=1)]}, [("logDiffers", Severity.CRITICAL)]),
        ({"lag": 6_000}, [("deciderLags", Severity.WARNING)]),
        ({"lag": None, "fruitless": None}, []),
        ({"fruitless": 3}, [("claimsFail", Severity.WARNING)]),
        ({"past_lag": 50_000}, [("pastLags", Severity.INFO)]),
    ],
)
def test_the_log(facts: dict[str, Any], expected: list[tuple[str, Severity]]) -> None:
    usual: dict[str, Any] = {
        "lag": 0, "fruitless": 0, "past_lag": 0, "looked": 10, "missing": 0, "items_looked": 5, "differing": [],
    }  # fmt: skip
    assert codes(system_check.log_health(LogFacts(**{**usual, **facts}))) == expected


def test_runs_drafts_and_keys() -> None:
    def run(minutes: int) -> RunFact:
        return RunFact(
            id=UUID(int=minutes), action="hold", created_at=MONDAY - timedelta(minutes=minutes), left=7
        )

    (stuck,) = system_check.stuck_runs([run(5), run(45)], MONDAY)
    assert stuck.link == f"/bulk/{UUID(int=45)}"
    drafts = [DraftFact(id=UUID(int=d), name="D", changed_at=MONDAY - timedelta(days=d)) for d in (3, 40)]
    assert [f.figures["changed"] for f in system_check.old_drafts(drafts, MONDAY)] == [
        (MONDAY - timedelta(days=40)).isoformat()
    ]

    def key(days: int, *, used: bool = True) -> KeyFact:
        return KeyFact(
            id=UUID(int=days + 100), name="K", expires_at=MONDAY + timedelta(days=days),
            last_used_at=MONDAY if used else None,
        )  # fmt: skip

    found = system_check.ending_keys([key(90), key(3), key(-2), key(3, used=False)], MONDAY)
    assert codes(found) == [("keyExpires", Severity.WARNING), ("keyExpired", Severity.INFO)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, []),
        (
            {"tables": [TableFact(name="item", rows=100_000, dead=60_000)]},
            [("databaseDead", Severity.WARNING)],
        ),
        ({"tables": [TableFact(name="item", rows=100, dead=60)]}, []),
        ({"tables": [TableFact(name="item", rows=1_000_000, dead=60_000)]}, []),
        ({"transactions": [(90, "psql")]}, [("databaseTransaction", Severity.WARNING)]),
        ({"connections": 85}, [("databaseConnections", Severity.WARNING)]),
        ({"connections": 99}, [("databaseConnections", Severity.CRITICAL)]),
        ({"age": 600_000_000}, [("databaseWraparound", Severity.WARNING)]),
        ({"age": 1_900_000_000}, [("databaseWraparound", Severity.CRITICAL)]),
        ({"invalid_indexes": ["item_x"]}, [("databaseIndex", Severity.CRITICAL)]),
        ({"autovacuum": False}, [("databaseAutovacuum", Severity.CRITICAL)]),
    ],
)
def test_the_database(facts: dict[str, Any], expected: list[tuple[str, Severity]]) -> None:
    usual: dict[str, Any] = {
        "size": 1_400_000_000, "tables": [], "transactions": [], "connections": 10, "most_connections": 100,
        "age": 1_000, "invalid_indexes": [], "autovacuum": True,
    }  # fmt: skip
    size, *others = system_check.database_health(DatabaseFacts(**{**usual, **facts}))
    assert size.what == "The tenant's database takes 1.4 GB."
    assert codes(others) == expected


def test_the_disk() -> None:
    assert system_check.disk_space(50, 100) == []
    assert codes(system_check.disk_space(5, 100)) == [("diskFull", Severity.WARNING)]
    assert codes(system_check.disk_space(2, 100)) == [("diskFull", Severity.CRITICAL)]


def test_a_redis_that_is_away() -> None:
    assert system_check.redis_away(None) == []
    (away,) = system_check.redis_away(90.4)
    assert (away.code, away.severity, away.figures) == ("redisAway", Severity.WARNING, {"seconds": 90})
    assert away.what == "Redis has not answered this process for 90 s."


def ago(minutes: float) -> datetime:
    return MONDAY - timedelta(minutes=minutes)


def test_capture_points_that_are_not_read() -> None:
    unread = [
        CaptureFact(id="new", name="New", since=ago(1)),
        CaptureFact(id="files", name="Files", since=ago(5)),
        CaptureFact(id="crm", name="CRM", since=ago(90), error="no route to host"),
    ]
    errors = {"files": 3, "crm": 20, "gone": 7}
    names = {"files": "Files", "crm": "CRM", "new": "New"}
    files, crm, waiting = connection_check.capture_points(unread, errors, names, MONDAY)
    assert (files.code, files.link) == ("captureUnread", "/configuration/capture-points/files")
    assert (
        crm.what
        == "The source of the capture point CRM has not been readable for 90 minutes: no route to host"
    )
    assert (waiting.code, waiting.severity, waiting.figures) == (
        "captureErrors",
        Severity.WARNING,
        {"errors": 23},
    )
    assert [e.text for e in waiting.examples] == ["CRM: 20", "Files: 3"]


def test_mailboxes_that_stand_still() -> None:
    boxes = [
        MailboxFact(id="a", name="Sales", is_held=False, failing=[("incoming", ago(60), "refused")]),
        MailboxFact(id="b", name="Care", is_held=True, failing=[("outgoing", ago(7), "535 no")]),
        MailboxFact(id="c", name="Claims", is_held=True, failing=[("incoming", ago(1), "reset")]),
        MailboxFact(id="d", name="Well", is_held=True),
    ]
    found = connection_check.mailboxes(boxes, 2, MONDAY)
    assert codes(found) == [
        ("mailboxUnserved", Severity.CRITICAL),
        ("mailboxOutDown", Severity.CRITICAL),
        ("emailsUnknown", Severity.WARNING),
    ]
    assert found[1].what == "Nothing can be sent from the mailbox Care for 7 minutes: 535 no"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (MartFacts(fresh_at=ago(2), balanced=True), []),
        (MartFacts(fresh_at=None), [("martEmpty", Severity.WARNING)]),
        (MartFacts(fresh_at=ago(11)), [("martStale", Severity.WARNING)]),
        (MartFacts(fresh_at=ago(400)), [("martStale", Severity.CRITICAL)]),
        (
            MartFacts(fresh_at=ago(1), balanced=False, last_error="disk full"),
            [("martFails", Severity.WARNING), ("martUnbalanced", Severity.CRITICAL)],
        ),
    ],
)
def test_the_data_mart(facts: MartFacts, expected: list[tuple[str, Severity]]) -> None:
    assert codes(connection_check.mart(facts, MONDAY)) == expected


def test_the_worst_comes_first() -> None:
    found = [
        finding("x", "notInstalled", Severity.INFO, about="a", area="a"),
        finding("x", "noDecider", Severity.CRITICAL),
        finding("a", "groupUnused", Severity.WARNING, group="g"),
    ]
    assert [f.severity for f in in_order(found)] == [Severity.CRITICAL, Severity.WARNING, Severity.INFO]


def test_the_ui_says_the_same_sentences() -> None:
    folder = resources.files("openiwd.web").joinpath("messages", "en", "doctor.toml")
    texts = tomllib.loads(folder.read_text(encoding="utf-8"))
    assert {code: (texts["doctor_what"][code], texts["doctor_fix"][code]) for code in WORDING} == WORDING
    assert texts["doctor_what"].keys() == WORDING.keys()


@pytest.mark.parametrize(
    ("severities", "code"),
    [
        ([], 0),
        ([Severity.INFO], 0),
        ([Severity.INFO, Severity.WARNING], 1),
        ([Severity.WARNING, Severity.CRITICAL], 2),
    ],
)
def test_the_command_ends_by_the_worst_finding(severities: list[Severity], code: int) -> None:
    found = in_order([finding("x", "groupUnused", s, about=s.value, group="g") for s in severities])
    report = Report(at=MONDAY, tenant="t", counts={}, checks=[], findings=found)
    assert exit_code(report) == code
