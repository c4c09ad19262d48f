"""Threads are joined on evidence alone, and strangers never."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.domain.email.message import ParsedEmail
from openiwd.domain.email.reading import read_email
from openiwd.domain.email.thread import (
    Evidence,
    KnownEmail,
    KnownThread,
    Threading,
    decide,
    own_email_ids,
    pointers,
)
from openiwd.domain.email.token import (
    email_of_message_id,
    message_id_for,
    reply_tag,
    subject_token,
    thread_of_tag,
    threads_of_subject,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
THREAD = KnownThread(thread_id=UUID(int=7), item_id=UUID(int=8), addresses=frozenset({"ada@example.org"}))
OURS = UUID(int=9)
OWN = {OURS: KnownEmail(email_id=OURS, thread_id=THREAD.thread_id, is_outbound=True)}
THEIRS = {"first@example.org": KnownEmail(email_id=uuid4(), thread_id=THREAD.thread_id, is_outbound=False)}


def _email(*, sender: str = "ada@example.org", **headers: str) -> ParsedEmail:
    lines = [f"From: {sender}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return read_email("\r\n".join([*lines, "", "text"]).encode())


def _threading(email: ParsedEmail) -> Threading:
    assert set(own_email_ids(email, KEY)) <= set(OWN)
    return decide(email, pointers(email, OWN, THEIRS, KEY), {THREAD.thread_id: THREAD})


def _our_id(key: bytes = KEY) -> str:
    return f"<{message_id_for(OURS, 'example.com', key)}>"


@pytest.mark.parametrize("header", ["In_Reply_To", "References"])
def test_a_reply_of_the_same_person_joins(header: str) -> None:
    found = _threading(_email(**{header: f"<x@elsewhere> {_our_id()}"}))
    assert (found.joins, found.evidence) == (THREAD, Evidence.REFERENCE)


def test_a_further_email_to_ones_own_joins() -> None:
    found = _threading(_email(References="<first@example.org>"))
    assert (found.joins, found.evidence) == (THREAD, Evidence.OWN_EMAIL)


def test_a_tagged_address_is_the_same_person() -> None:
    assert _threading(_email(sender="ada+shop@example.org", In_Reply_To=_our_id())).joins is THREAD


@pytest.mark.parametrize("header", ["In_Reply_To", "References"])
@pytest.mark.parametrize(
    "sender", ["mallory@example.net", "ada@example.net", '"ada@example.org" <m@example.net>', ""]
)
def test_a_stranger_is_never_merged(sender: str, header: str) -> None:
    found = _threading(_email(sender=sender, **{header: _our_id()}))
    assert found.joins is None
    assert [s.evidence for s in found.suggestions] == [Evidence.STRANGER]


def test_a_message_id_that_we_have_not_signed_is_no_evidence() -> None:
    assert _threading(_email(In_Reply_To=_our_id(OTHER_KEY))) == Threading()


def test_tokens_alone_only_suggest() -> None:
    tag = reply_tag(THREAD.thread_id, KEY)
    by_address = _threading(_email(To=f"care+{tag}@example.com"))
    by_subject = _threading(_email(Subject=f"Re: hello {subject_token(THREAD.thread_id, KEY).upper()}"))
    assert [s.evidence for s in by_address.suggestions] == [Evidence.REPLY_ADDRESS]
    assert [s.evidence for s in by_subject.suggestions] == [Evidence.SUBJECT]
    assert by_address.joins is by_subject.joins is None


def test_forged_tokens_are_nothing() -> None:
    tag = reply_tag(THREAD.thread_id, OTHER_KEY)
    token = subject_token(THREAD.thread_id, OTHER_KEY)
    assert _threading(_email(To=f"care+{tag}@example.com", Subject=token)) == Threading()


def test_the_same_subject_is_no_evidence() -> None:
    assert _threading(_email(Subject="Re: My invoice")) == Threading()


def test_the_newest_reference_counts_first() -> None:
    newer = KnownThread(thread_id=uuid4(), item_id=uuid4(), addresses=THREAD.addresses)
    second = uuid4()
    own = {**OWN, second: KnownEmail(email_id=second, thread_id=newer.thread_id, is_outbound=True)}
    email = _email(References=f"{_our_id()} <{message_id_for(second, 'example.com', KEY)}>")
    threads = {THREAD.thread_id: THREAD, newer.thread_id: newer}
    assert decide(email, pointers(email, own, {}, KEY), threads).joins is newer


@settings(deadline=None)
@given(st.uuids(), st.binary(min_size=16, max_size=32))
def test_marks_are_read_back(one: UUID, key: bytes) -> None:
    assert email_of_message_id(message_id_for(one, "example.com", key), key) == one
    assert thread_of_tag(reply_tag(one, key), key) == one
    assert threads_of_subject(f"Re: {subject_token(one, key)} x", key) == [one]


@settings(deadline=None)
@given(st.text(max_size=80))
def test_marks_are_not_made_up(text: str) -> None:
    assert email_of_message_id(text, KEY) is None
    assert thread_of_tag(text, KEY) is None
    assert threads_of_subject(text, KEY) == []


@settings(deadline=None)
@given(st.integers(0, 41), st.sampled_from("abcdefgh234"))
def test_a_changed_mark_is_refused(at: int, letter: str) -> None:
    good = message_id_for(OURS, "example.com", KEY)
    changed = good[:at] + letter + good[at + 1 :]
    assert changed == good or email_of_message_id(changed, KEY) != OURS
