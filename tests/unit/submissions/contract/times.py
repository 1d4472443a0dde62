"""Dates, times of the day, and moments."""

from __future__ import annotations

from datetime import date, datetime, time

from tests.unit.submissions.contract.table import Case, cell, no_cell

_NO_DATE = "is not a date such as 2026-01-31"
_NO_DAY = "is no day of the calendar"
_EARLY = "is before the year 1000"
_LATE = "is after the year 9999"
_NO_TIME = "is not a time such as 13:45:00.000+02:00"
_NO_MOMENT = "is not a time such as 2026-01-31T23:59:59.000+02:00"


def _clock(answer: str, read: time, offset: int | None, why: str) -> Case:
    return cell("woke", answer, read, why, **({} if offset is None else {"woke__offset": offset}))


def _moment(answer: str, read: str, offset: int | None, why: str) -> Case:
    found = datetime.fromisoformat(read)
    return cell("seen", answer, found, why, **({} if offset is None else {"seen__offset": offset}))


DATES = (
    cell("born", "2026-01-31", date(2026, 1, 31), "a date"),
    cell("born", "2024-02-29", date(2024, 2, 29), "a leap day"),
    cell("born", "1000-01-01", date(1000, 1, 1), "the first one that MySQL has"),
    cell("born", "9999-12-31", date(9999, 12, 31), "the last one"),
    no_cell("born", "0999-12-31", _EARLY, "a year that was mistyped"),
    no_cell("born", "10000-01-01", _NO_DATE, "five digits"),
    no_cell("born", "20226-01-01", _NO_DATE, "five digits that were mistyped"),
    no_cell("born", "2026-02-30", _NO_DAY, "no such day"),
    no_cell("born", "2026-13-01", _NO_DAY, "no such month"),
    no_cell("born", "2026-01-02T10:00:00.000+02:00", _NO_DATE, "a moment is no date: its day is a guess"),
    no_cell("born", "2026-1-2", _NO_DATE, "two digits each"),
    no_cell("born", "20260102", _NO_DATE, "with hyphens"),
    no_cell("born", "٢٠٢٦-٠١-٠٢", _NO_DATE, "ASCII digits only"),
    no_cell("born", " 2026-01-02", _NO_DATE, "no blanks"),
    no_cell("born", "", _NO_DATE, "a blank"),
)
TIMES = (
    _clock("13:45:00.000+02:00", time(13, 45), 120, "as clients send it: wall time, and the offset"),
    _clock("13:45", time(13, 45), None, "without seconds and offset"),
    _clock("13:45:10", time(13, 45, 10), None, "without fraction and offset"),
    _clock("13:45+07", time(13, 45), 420, "an offset in hours"),
    _clock("13:45:00+0545", time(13, 45), 345, "one without a colon"),
    _clock("13:45:00Z", time(13, 45), 0, "UTC is an offset of 0"),
    _clock("13:45:00-00:00", time(13, 45), 0, "so is this"),
    _clock("06:30:00.5-03:30", time(6, 30, 0, 500_000), -210, "one digit of a fraction: tenths"),
    _clock("00:00:00.001", time(0, 0, 0, 1000), None, "milliseconds are the finest"),
    _clock("23:59:59.999+14:00", time(23, 59, 59, 999_000), 840, "the last one of a day"),
    _clock("12:00+23:59", time(12, 0), 1439, "an offset of less than a day"),
    no_cell("woke", "13:45:00.0000", _NO_TIME, "four digits of a fraction, even if they are zeros"),
    no_cell("woke", "13:45:00.123456", _NO_TIME, "finer than the column"),
    no_cell("woke", "13:45:60", _NO_TIME, "a leap second"),
    no_cell("woke", "24:00", _NO_TIME, "the end of a day is the start of the next"),
    no_cell("woke", "13:60", _NO_TIME, "no such minute"),
    no_cell("woke", "9:30", _NO_TIME, "two digits each"),
    no_cell("woke", "13:45:00.", _NO_TIME, "a point without digits"),
    no_cell("woke", "13:45:00,5", _NO_TIME, "a comma"),
    no_cell("woke", "13:45z", _NO_TIME, "a capital Z"),
    no_cell("woke", "13:45+24:00", _NO_TIME, "no such offset"),
    no_cell("woke", "1:45 PM", _NO_TIME, "a clock of twelve hours"),
    no_cell("woke", "13", _NO_TIME, "hours alone"),
    no_cell("woke", "2026-01-02T13:45:00", _NO_TIME, "a moment is no time of the day"),
)
MOMENTS = (
    _moment("2026-01-02T10:00:00.123+05:45", "2026-01-02T04:15:00.123", 345, "UTC, and the offset"),
    _moment("2026-01-02T10:00:00", "2026-01-02T10:00:00", None, "without an offset it stays as it is"),
    _moment("2026-01-02T10:00:00Z", "2026-01-02T10:00:00", 0, "UTC"),
    _moment("2026-01-02T01:00:00.000+07", "2026-01-01T18:00:00", 420, "an offset in hours, the day before"),
    _moment("2026-01-02T10:00-0330", "2026-01-02T13:30:00", -210, "without seconds, west of Greenwich"),
    _moment("1970-01-01T00:00:00.000-00:00", "1970-01-01T00:00:00", 0, "a device whose clock was reset"),
    _moment("1000-01-01T00:00:00", "1000-01-01T00:00:00", None, "the first one that MySQL has"),
    _moment("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999", 0, "the last one"),
    _moment("0999-12-31T23:00-01:00", "1000-01-01T00:00:00", -60, "the column holds UTC: that decides"),
    no_cell("seen", "1000-01-01T00:00+01:00", _EARLY, "in UTC it is in the year 999"),
    no_cell("seen", "9999-12-31T23:59:59-01:00", _LATE, "in UTC it is in the year 10000"),
    no_cell("seen", "0001-01-01T00:00+01:00", _EARLY, "before any year that there is"),
    no_cell("seen", "10000-01-01T00:00:00+01:00", _NO_MOMENT, "five digits"),
    no_cell("seen", "2026-02-30T10:00:00Z", _NO_DAY, "no such day"),
    no_cell("seen", "2026-01-02T10:00:00.1234567Z", _NO_MOMENT, "finer than the column"),
    no_cell("seen", "2026-01-02T23:59:60Z", _NO_MOMENT, "a leap second"),
    no_cell("seen", "2026-01-02T24:00:00", _NO_MOMENT, "the end of a day"),
    no_cell("seen", "2026-01-02", _NO_MOMENT, "a date is no moment: its time is a guess"),
    no_cell("seen", "2026-01-02 10:00:00", _NO_MOMENT, "a blank in place of the T"),
    no_cell("seen", "2026-01-02t10:00:00z", _NO_MOMENT, "small letters"),
    no_cell("seen", "1767340800", _NO_MOMENT, "seconds since 1970"),
)
CASES = (*DATES, *TIMES, *MOMENTS)
