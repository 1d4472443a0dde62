"""Sum up a sync that has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from kobo_mirror.errors import UnequalError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.history import Verdict
from kobo_mirror.store.row_counts import TableCount
from kobo_mirror.store.tables import COUNTS

_WORDS = (
    ("inserted", "new"),
    ("updated", "changed"),
    ("deleted", "deleted"),
    ("revived", "revived"),
    ("unchanged", "unchanged"),
    ("deferred", "asked for again"),
)


def outcome_of(run: RowMapping, held: Mapping[str, int], last_exact: datetime | None) -> dict[str, Any]:
    """Sum up a run that has ended.

    :param run: the run's row.
    :param held: how many submissions of the form are ``applied`` and ``rejected`` now.
    :param last_exact: when the last exact run ended (UTC); None where this one was exact.
    :returns: its ``mode``, counts and ``seconds``, the form's ``submissions``, those that are ``unreadable``,
        and a ``sentence``.
    """
    seconds = round((run["finished_at"] - run["started_at"]).total_seconds(), 1)
    counts = {name: int(run[name]) for name in COUNTS}
    number = held["applied"] + held["rejected"]
    words = [f"{counts[name]} {word}" for name, word in _WORDS if counts[name] or name == "inserted"]
    exceptions = ((held["rejected"], "rejected"), (run["unreadable"], "that KoboToolbox cannot send"))
    apart = " and ".join(f"{count} {what}" for count, what in exceptions if count)
    ending = f"success, with {apart}" if apart else "success"
    seen = "this token sees {} of its submissions" if run["sees_part"] else "the form has {} submissions"
    sentence = f"{ending}: {', '.join(words)} in {seconds} s ({_how(run, last_exact)}); {seen.format(number)}"
    return {
        "mode": run["mode"],
        **counts,
        "submissions": number,
        "unreadable": int(run["unreadable"]),
        "seconds": seconds,
        "sentence": sentence,
    }


def _how(run: RowMapping, last_exact: datetime | None) -> str:
    """Say how far a run looked, and what it could not read."""
    if last_exact:
        return f"fresh, last exact {last_exact:%Y-%m-%d %H:%M} UTC"
    return "exact" if run["history"] == Verdict.READ else "exact, but the history could not be read"


def unequal(
    mirror: Mirror, counts: Sequence[TableCount], held: Mapping[str, int], reasons: Sequence[tuple[int, str]]
) -> UnequalError | None:
    """Tell why a run that has read everything is no success all the same.

    :param mirror: the form and its tables.
    :param counts: of the rows of its tables.
    :param held: how many submissions of the form are ``applied`` and ``rejected`` now.
    :param reasons: ``_id`` and reason of the first rejection, if there is one.
    :returns: the error to raise; None for a success.
    """
    wrong = max(counts, key=lambda count: abs(count.difference), default=None)
    if wrong is not None and wrong.difference:
        told = (
            f"{wrong.told} submissions fit it" if wrong.table == mirror.table else f"{wrong.told} are noted"
        )
        return UnequalError(
            f"The table {wrong.table} has {wrong.rows} rows, but {told}: run "
            "`python -m kobo_mirror verify --repair`."
        )
    if held["rejected"] and not held["applied"]:
        first = "".join(f" Submission {i}: {reason.partition('; ')[0]}." for i, reason in reasons)
        return UnequalError(
            f"None of the form's {held['rejected']} submissions fits the table {mirror.table}: check that "
            f"KOBO_ASSET_ID names the form that this table is for.{first}"
        )
    return None
