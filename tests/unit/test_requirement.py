from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.domain.errors import RuleError, RuleSetError
from openiwd.domain.instant import HOUR, MINUTE
from openiwd.domain.requirement import (
    PREFER_FOR,
    Relaxation,
    RelaxationStep,
    Requirement,
    RequirementConfig,
    SkillConfig,
    compile_relaxation,
    compile_requirement,
    merged,
    next_step_at,
    parse_skills,
    relaxed,
    signature,
    step_at,
    with_requests,
    with_skill,
)

STEPS = (
    Relaxation(30 * MINUTE, drop_skill="german"),
    Relaxation(HOUR, skill="motor", level=5),
    Relaxation(2 * HOUR, group="everybody"),
)
MOTOR = Requirement(skills=(("german", 3), ("motor", 7)), relaxation=STEPS)


def test_steps_apply_in_order_and_from_their_very_microsecond() -> None:
    assert relaxed(MOTOR, 30 * MINUTE - 1) is MOTOR
    assert relaxed(MOTOR, 30 * MINUTE).skills == (("motor", 7),)
    assert relaxed(MOTOR, HOUR).skills == (("motor", 5),)
    late = relaxed(MOTOR, 2 * HOUR)
    assert (late.skills, late.widened) == ((("motor", 5),), ("everybody",))


def test_a_step_never_raises_a_level_and_ignores_a_skill_that_is_not_asked_for() -> None:
    requirement = Requirement(
        skills=(("motor", 3),),
        relaxation=(Relaxation(0, skill="motor", level=5), Relaxation(0, skill="fleet", level=1)),
    )
    assert relaxed(requirement, 0).skills == (("motor", 3),)


def test_the_steps_of_the_queue_count_only_for_items_without_their_own() -> None:
    plain = Requirement(skills=(("motor", 3),))
    queue = (Relaxation(MINUTE, drop_skill="motor"),)
    assert relaxed(plain, MINUTE, queue).skills == ()
    assert relaxed(MOTOR, MINUTE, queue).skills == MOTOR.skills


def test_a_preference_ends_and_an_only_stays() -> None:
    preferred = Requirement(agents=("ann",), groups=("g",), groups_only=True, prefer_for=10 * MINUTE)
    assert relaxed(preferred, 10 * MINUTE - 1).agents == ("ann",)
    after = relaxed(preferred, 10 * MINUTE)
    assert (after.agents, after.groups) == ((), ("g",))
    only = Requirement(agents=("ann",), agents_only=True, prefer_for=10 * MINUTE)
    assert relaxed(only, HOUR) is only
    assert next_step_at(only, 0) is None


requirements = st.builds(
    Requirement,
    skills=st.dictionaries(st.sampled_from("abc"), st.integers(1, 10)).map(
        lambda d: tuple(sorted(d.items()))
    ),
    agents=st.sampled_from([(), ("ann",), ("ann", "bob")]),
    agents_only=st.booleans(),
    prefer_for=st.integers(0, 60),
    relaxation=st.lists(
        st.one_of(
            st.builds(Relaxation, st.integers(0, 100), drop_skill=st.sampled_from("abc")),
            st.builds(
                Relaxation, st.integers(0, 100), skill=st.sampled_from("abc"), level=st.integers(1, 10)
            ),
            st.builds(Relaxation, st.integers(0, 100), group=st.sampled_from("xyz")),
        )
    ).map(lambda steps: tuple(sorted(steps, key=lambda s: s.after))),
)


@given(requirements, st.integers(0, 120))
def test_nothing_changes_before_the_next_step_and_the_step_is_counted_there(
    r: Requirement, waited: int
) -> None:
    upcoming = next_step_at(r, waited)
    end = 200 if upcoming is None else upcoming
    assert end > waited
    assert relaxed(r, end - 1) == relaxed(r, waited)
    assert step_at(r, end - 1) == step_at(r, waited)
    if upcoming is not None:
        assert step_at(r, upcoming) > step_at(r, waited)


@given(requirements, st.integers(0, 120), st.integers(0, 120))
def test_waiting_never_asks_for_more(r: Requirement, one: int, other: int) -> None:
    early, late = relaxed(r, min(one, other)), relaxed(r, max(one, other))
    before = dict(early.skills)
    assert all(level <= before.get(skill, 0) for skill, level in late.skills)
    assert set(early.widened) <= set(late.widened)


@given(requirements)
def test_a_requirement_survives_json(r: Requirement) -> None:
    assert msgspec.json.decode(msgspec.json.encode(r), type=Requirement) == r


def test_signature_separates_what_separates_agents_and_nothing_else() -> None:
    base = signature(MOTOR, "q", "email", 1)
    assert base == signature(Requirement(skills=MOTOR.skills, prefer_for=5), "q", "email", 1)
    assert len({base, signature(relaxed(MOTOR, HOUR), "q", "email", 1), signature(MOTOR, "q", "sms", 1)}) == 3
    assert base != signature(MOTOR, "q", "email", 2)
    assert base != signature(msgspec.structs.replace(MOTOR, excluded=("ann",)), "q", "email", 1)


def test_the_more_specific_requirement_overrides_levels_and_adds_skills() -> None:
    parent = Requirement(
        skills=(("english", 2), ("motor", 8)), agents=("ann",), excluded=("bob",), relaxation=STEPS
    )
    child = Requirement(skills=(("motor", 3), ("fleet", 1)), groups=("g",), excluded=("cid",))
    result = merged(parent, child)
    assert result.skills == (("english", 2), ("fleet", 1), ("motor", 3))
    assert (result.agents, result.groups, result.excluded) == (("ann",), ("g",), ("bob", "cid"))
    assert result.relaxation == STEPS


def test_adding_a_skill_keeps_the_higher_level() -> None:
    assert with_skill(MOTOR, "german", 9).skills == (("german", 9), ("motor", 7))
    assert with_skill(MOTOR, "german", 1) == MOTOR


@pytest.mark.parametrize(
    ("requested", "skills"),
    [
        ("german", [("german", 1)]),
        (" german >= 4 ", [("german", 4)]),
        (["german>=4", "motor claims"], [("german", 4), ("motor claims", 1)]),
        ("german>=10, motor", [("german", 10), ("motor", 1)]),
        (None, []),
        ("", []),
    ],
)
def test_requested_skills_are_read(requested: object, skills: list[tuple[str, int]]) -> None:
    assert parse_skills(requested) == skills


@pytest.mark.parametrize(
    "requested", ["german>=0", "german>=11", "german>5", ">=3", 7, [["german"]], "x" * 80]
)
def test_unreadable_skills_are_rule_errors_that_name_the_attribute(requested: object) -> None:
    with pytest.raises(RuleError) as caught:
        parse_skills(requested)
    assert caught.value.field == "ext.requestedSkill"
    assert caught.value.hint


def test_what_the_item_requests_is_added_to_the_requirement() -> None:
    result = with_requests(
        MOTOR,
        {"requestedSkill": ["motor>=9", "fleet"], "requestedAgent": "ann", "requestedAgentGroup": "vip"},
    )
    assert result.skills == (("fleet", 1), ("german", 3), ("motor", 9))
    assert (result.agents, result.groups, result.prefer_for) == (("ann",), ("vip",), PREFER_FOR)
    assert with_requests(MOTOR, {"customerId": "7"}) is MOTOR
    with pytest.raises(RuleError, match="requestedAgent"):
        with_requests(MOTOR, {"requestedAgent": ["ann"]})


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([RelaxationStep("1h"), RelaxationStep("2h", group="g")], "r[0]"),
        ([RelaxationStep("1h", drop_skill="a", group="g")], "r[0]"),
        ([RelaxationStep("1h", skill="a")], "r[0]"),
        ([RelaxationStep("2h", group="g"), RelaxationStep("1h", group="h")], "r[1].after"),
        ([RelaxationStep("soon", group="g")], "r[0].after"),
        ([RelaxationStep("-1h", group="g")], "r[0].after"),
        ([RelaxationStep("1h", drop_skill="a>=3")], "r[0].dropSkill"),
    ],
)
def test_unclear_steps_are_refused_with_their_path(steps: list[RelaxationStep], field: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        compile_relaxation(steps, "r")
    assert caught.value.field == field
    assert caught.value.hint


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (RequirementConfig(skills=[SkillConfig("german>=3")]), "c.skills[0].skill"),
        (RequirementConfig(skills=[SkillConfig("a"), SkillConfig("a", 3)]), "c.skills[1]"),
        (RequirementConfig(agents_only=True), "c.agentsOnly"),
        (RequirementConfig(prefer_for="9" * 5000 + "d"), "c.preferFor"),
    ],
)
def test_unclear_requirements_are_refused_with_their_path(config: RequirementConfig, field: str) -> None:
    with pytest.raises(RuleSetError) as caught:
        compile_requirement(config, [], "c", "r")
    assert caught.value.field == field
