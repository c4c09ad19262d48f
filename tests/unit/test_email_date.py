"""The Date header: the instant is the one that was meant, however the zone is written."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.domain.email.sent_date import read_date, stated_date


@pytest.mark.parametrize(
    ("zone", "offset"),
    [
        *(("+0530 (IST)", "+05:30"), ("+01:00", "+01:00"), ("+100", "+01:00"), ("-0330", "-03:30")),
        *(("GMT+2", "+02:00"), ("GMT+0200", "+02:00"), ("UTC-5", "-05:00"), ("EDT-0400", "-04:00")),
        *(("EST", "-05:00"), ("PDT", "-07:00"), ("UT", "+00:00"), ("Z", "+00:00"), ('"GMT"', "+00:00")),
        *(("CET", "+01:00"), ("CEST", "+02:00"), ("MEZ", "+01:00"), ("MESZ", "+02:00"), ("EEST", "+03:00")),
        *(("MSK", "+03:00"), ("JST", "+09:00"), ("AEDT", "+11:00"), ("NZDT", "+13:00"), ("BST", "+01:00")),
        *(("+0000 UTC", "+00:00"), ("-0000", "+00:00"), ("", "+00:00"), ("XYZ", "+00:00"), ("IST", "+00:00")),
        ("+0100 (Mitteleuropäische Zeit)", "+01:00"),
    ],
)
def test_the_zone_counts(zone: str, offset: str) -> None:
    found = stated_date(f"Thu, 26 Nov 2026 05:00:00 {zone}")
    assert found is not None
    assert found.isoformat() == f"2026-11-26T05:00:00{offset}"


@pytest.mark.parametrize(
    ("value", "iso"),
    [
        ("2026-11-26T05:00:00+01:00", "2026-11-26T05:00:00+01:00"),
        ("2026-11-26T05:00:00.123Z", "2026-11-26T05:00:00+00:00"),
        ("2026-11-26 05:00:00 -0330", "2026-11-26T05:00:00-03:30"),
        ("2026-11-26 05:00:00", "2026-11-26T05:00:00+00:00"),
        ("Thu, 26 Nov 2026 05:00:00.123 +0100", "2026-11-26T05:00:00+01:00"),
        ("Thu,26 Nov 2026 05:00:00+0100", "2026-11-26T05:00:00+01:00"),
        ("Thu Nov 26 05:00:00 EST 2026", "2026-11-26T05:00:00-05:00"),
        ("Thu Nov 26 05:00:00 2026 +0100", "2026-11-26T05:00:00+01:00"),
        ("Do, 26 Nov 2026 05:00:00 +0100", "2026-11-26T05:00:00+01:00"),
        ("Thu, 26-Nov-26 05:00:00 GMT", "2026-11-26T05:00:00+00:00"),
        ("Thursday, November 26, 2026 5:00 PM", "2026-11-26T17:00:00+00:00"),
        ("26 Nov 2026 12:30:00 am +0100", "2026-11-26T00:30:00+01:00"),
        ("Thu, 31 Dec 2026 23:59:60 +0000", "2026-12-31T23:59:59+00:00"),
    ],
)
def test_other_ways_to_write_it(value: str, iso: str) -> None:
    found = stated_date(value)
    assert found is not None
    assert found.isoformat() == iso


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "Thu, 26 Nov 2026",
        "26/11/2026 05:00",
        "Fri, 99 Foo 2026 25:61:00 +9999",
        "1795669200",
    ],
)
def test_what_is_no_date_is_none(value: str) -> None:
    assert stated_date(value) is None
    assert read_date(value) is None


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001
def test_what_the_standard_library_writes_is_read_back(at: datetime) -> None:
    value = format_datetime(at)
    found = stated_date(value)
    assert found is not None
    assert format_datetime(found) == value


@given(st.text(max_size=80) | st.text(st.sampled_from("Thu, 26Nov:+-0()TZ"), max_size=40))
def test_any_text_is_taken(value: str) -> None:
    read_date(value)
