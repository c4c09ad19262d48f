"""The plan of a case log: which START and COMPLETE belong to which item, and what they do to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.adapters.event_log_file.log import load_plan
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.instant import to_micros
from openiwd.domain.replay.case_log import Case, CaseEvent, Transition, plan_cases
from openiwd.domain.replay.plan import By, Kind, Plan
from tests.factories.xes import START, believable_log, from_table, write_xes

ORIGIN = to_micros(START) // 1000


def planned(table: str, folder: Path) -> list[str]:
    """The plan as text: minute, capture id without the case, kind, agent."""
    plan = load_plan(write_xes(folder / "log.xes", from_table(table)))
    return [_line(plan, n) for n in range(len(plan))]


def _line(plan: Plan, number: int) -> str:
    op = next(plan.operations(after=number))
    minute = (to_micros(op.at) // 1000 - ORIGIN) / 60_000
    who = f" {op.agent}" if op.agent else ""
    source = " by source" if op.kind is Kind.COMPLETE and op.by is By.SOURCE else ""
    return f"{minute:g} {op.capture_id} {op.kind}{who}{source}"


SCENARIOS = {
    "worked in one go": (
        "0 c a SCHEDULE \n 1 c a START ada \n 2 c a COMPLETE ada",
        ["0 c/W_a/1 create", "1 c/W_a/1 assign ada", "2 c/W_a/1 complete ada"],
    ),
    "every COMPLETE but the last returns it": (
        "0 c a SCHEDULE \n 1 c a START ada \n 2 c a COMPLETE ada \n 3 c a START ben \n 4 c a COMPLETE ben",
        [
            *("0 c/W_a/1 create", "1 c/W_a/1 assign ada", "2 c/W_a/1 return ada"),
            *("3 c/W_a/1 assign ben", "4 c/W_a/1 complete ben"),
        ],
    ),
    "START while assigned is a transfer": (
        "0 c a SCHEDULE \n 1 c a START ada \n 2 c a START ben \n 3 c a COMPLETE ben",
        ["0 c/W_a/1 create", "1 c/W_a/1 assign ada", "2 c/W_a/1 assign ben", "3 c/W_a/1 complete ben"],
    ),
    "the session decides, not a SCHEDULE between": (
        "0 c a SCHEDULE \n 1 c a START ada \n 2 c a SCHEDULE \n 3 c a COMPLETE ada \n 4 c a START ben",
        [
            *("0 c/W_a/1 create", "1 c/W_a/1 assign ada", "2 c/W_a/2 create", "3 c/W_a/1 complete ada"),
            "4 c/W_a/2 assign ben",
        ],
    ),
    "no session: the newest item, by the source": (
        "0 c a SCHEDULE \n 1 c a COMPLETE",
        ["0 c/W_a/1 create", "1 c/W_a/1 complete by source"],
    ),
    "no session and not the last: nothing happens": (
        "0 c a SCHEDULE \n 1 c a COMPLETE \n 2 c a START ada \n 3 c a COMPLETE ada",
        ["0 c/W_a/1 create", "2 c/W_a/1 assign ada", "3 c/W_a/1 complete ada"],
    ),
    "the agent's end is a return when the source's comes after": (
        "0 c a SCHEDULE \n 1 c a START ada \n 2 c a COMPLETE ada \n 3 c a COMPLETE",
        [
            *("0 c/W_a/1 create", "1 c/W_a/1 assign ada", "2 c/W_a/1 return ada"),
            "3 c/W_a/1 complete by source",
        ],
    ),
    "a START after the last COMPLETE leaves it assigned": (
        "0 c a SCHEDULE \n 1 c a START ada \n 2 c a COMPLETE ada \n 3 c a START ben",
        ["0 c/W_a/1 create", "1 c/W_a/1 assign ada", "2 c/W_a/1 return ada", "3 c/W_a/1 assign ben"],
    ),
    "nobody named": (
        "0 c a SCHEDULE \n 1 c a START \n 2 c a COMPLETE",
        ["0 c/W_a/1 create", "1 c/W_a/1 assign (none)", "2 c/W_a/1 complete (none)"],
    ),
    "before the first SCHEDULE there is no item": (
        "0 c a START ada \n 1 c a COMPLETE ada \n 2 c a SCHEDULE",
        ["2 c/W_a/1 create"],
    ),
    "activities and cases do not mix": (
        (
            "0 c a SCHEDULE \n 1 c b SCHEDULE \n 1 d a SCHEDULE \n"
            "2 c a START ada \n 3 c b COMPLETE \n 4 c a COMPLETE ada"
        ),
        [
            *("0 c/W_a/1 create", "1 c/W_b/1 create", "1 d/W_a/1 create", "2 c/W_a/1 assign ada"),
            *("3 c/W_b/1 complete by source", "4 c/W_a/1 complete ada"),
        ],
    ),
    "sessions on two items: the one begun last ends first": (
        (
            "0 c a SCHEDULE \n 1 c a START ada \n 2 c a SCHEDULE \n"
            "3 c a START ben \n 4 c a COMPLETE ben \n 5 c a COMPLETE ada"
        ),
        [
            *("0 c/W_a/1 create", "1 c/W_a/1 assign ada", "2 c/W_a/2 create", "3 c/W_a/2 assign ben"),
            *("4 c/W_a/2 complete ben", "5 c/W_a/1 complete ada"),
        ],
    ),
    "out of order in the file, in order of time in the plan": (
        "2 c a COMPLETE ada \n 0 c a SCHEDULE \n 1 c a START ada",
        ["0 c/W_a/1 create", "1 c/W_a/1 assign ada", "2 c/W_a/1 complete ada"],
    ),
    "at one instant the log's order": (
        "0 c a SCHEDULE \n 0 c a START ada \n 0 c a COMPLETE ada \n 0 d a SCHEDULE",
        ["0 c/W_a/1 create", "0 c/W_a/1 assign ada", "0 c/W_a/1 complete ada", "0 d/W_a/1 create"],
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name: str, tmp_path: Path) -> None:
    table, expected = SCENARIOS[name]
    assert planned(table, tmp_path) == expected


def test_figures_say_how_it_ends(tmp_path: Path) -> None:
    table = """
        0 c a SCHEDULE
        1 c a START ada
        2 d a SCHEDULE
        3 d a START ada
        4 d a COMPLETE ada
        5 e a SCHEDULE
        6 f a SCHEDULE
        7 f a COMPLETE
    """
    plan = load_plan(write_xes(tmp_path / "log.xes.gz", from_table(table)))
    figures = plan.figures
    assert (figures.created, figures.assigned, figures.returned) == (4, 2, 0)
    assert (figures.completed_by_agents, figures.completed_by_source) == (1, 1)
    assert (figures.queued_at_end, figures.assigned_at_end, figures.completed_at_end) == (1, 1, 2)
    assert figures.most_assigned_at_once == 2
    assert (plan.agents, plan.categories) == (("ada",), ("W_a",))


def test_a_log_without_work_items_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no work items"):
        plan_cases([Case(id="1", events=[])])


def test_a_case_name_that_comes_twice_gives_two_sets_of_items() -> None:
    case = Case(id="7", events=[CaseEvent("W_a", Transition.SCHEDULE, 0, 1)])
    again = Case(id="7", events=[CaseEvent("W_a", Transition.SCHEDULE, 0, 2)])
    assert [op.capture_id for op in plan_cases([case, again])] == ["7/W_a/1", "7#2/W_a/1"]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "3"]),
        st.sampled_from(["W_a", "W_b"]),
        st.sampled_from(list(Transition)),
        st.integers(0, 5),
        st.sampled_from([None, "ada", "ben"]),
    ),
    min_size=1,
    max_size=40,
)


def _cases(rows: list[tuple[str, str, Transition, int, str | None]]) -> list[Case]:
    cases: dict[str, Case] = {}
    for order, (case, activity, transition, at, resource) in enumerate(rows):
        events = cases.setdefault(case, Case(id=case, events=[])).events
        events.append(CaseEvent(activity, transition, at, order, resource))
    return list(cases.values())


@given(EVENTS)
@settings(deadline=None)
def test_any_log_gives_a_plan_that_the_lifecycle_allows(
    rows: list[tuple[str, str, Transition, int, str | None]],
) -> None:
    rows = [*rows, ("1", "W_a", Transition.SCHEDULE, 9, None)]
    plan = plan_cases(_cases(rows))
    operations = list(plan)
    assert [op.sequence for op in operations] == list(range(1, len(plan) + 1))
    assert [op.at for op in operations] == sorted(op.at for op in operations)
    holder: dict[str, str | None] = {}
    done: set[str] = set()
    for op in operations:
        assert op.capture_id not in done
        match op.kind:
            case Kind.CREATE:
                assert op.capture_id not in holder
                assert op.item is not None
                holder[op.capture_id] = None
            case Kind.ASSIGN:
                assert op.capture_id in holder
                holder[op.capture_id] = op.agent
            case Kind.RETURN:
                assert holder[op.capture_id] == op.agent is not None
                holder[op.capture_id] = None
            case Kind.COMPLETE:
                assert holder[op.capture_id] == op.agent
                assert (op.by is By.AGENT) == (op.agent is not None)
                done.add(op.capture_id)
            case _:
                pytest.fail(f"a case log never gives {op.kind}")
    starts = [op for op in operations if op.kind is Kind.ASSIGN]
    assert plan.figures.assigned == len(starts)
    assert plan.figures.created == sum(row[2] is Transition.SCHEDULE for row in rows)
    assert plan.figures.completed_at_end == len(done)
    assert plan.figures.assigned_at_end == sum(who is not None for c, who in holder.items() if c not in done)


@given(EVENTS, st.randoms(use_true_random=False), st.integers(0, 50))
@settings(deadline=None)
def test_the_plan_depends_on_the_log_alone(
    rows: list[tuple[str, str, Transition, int, str | None]], random: object, after: int
) -> None:
    rows = [*rows, ("1", "W_a", Transition.SCHEDULE, 9, None)]
    cases = _cases(rows)
    plan = list(plan_cases(cases))
    random.shuffle(cases)  # type: ignore[attr-defined]
    again = plan_cases(cases)
    assert list(again) == plan
    assert list(again.operations(after=after)) == plan[after:]


def test_the_generated_log_shows_every_kind_of_end(tmp_path: Path) -> None:
    figures = load_plan(write_xes(tmp_path / "log.xes.gz", believable_log(60))).figures
    ends = (figures.returned, figures.completed_by_agents, figures.completed_by_source)
    assert all(count > 0 for count in (*ends, figures.queued_at_end, figures.assigned_at_end))
