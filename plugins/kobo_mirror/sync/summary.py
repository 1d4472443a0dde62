"""Sum up a sync that has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from kobo_mirror.errors import UnequalError
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.kobo.history import Verdict
from kobo_mirror.store.plans import StoredPlan
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
_NAMED = 5


def outcome_of(
    run: RowMapping, held: Mapping[str, int], last_exact: datetime | None, tables: Sequence[str] = ()
) -> dict[str, Any]:
    """Sum up a run that has ended.

    :param run: the run's row.
    :param held: how many submissions of the form are ``applied`` and ``rejected`` now.
    :param last_exact: when the last exact run ended (UTC); None where this one was exact.
    :param tables: what has become of the form's tables, as ``told_of_tables`` says.
    :returns: its ``mode``, counts and ``seconds``, the form's ``submissions``, those that are ``unreadable``,
        ``tables``, and a ``sentence``.
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
        "tables": list(tables),
        "sentence": "; ".join((sentence, *tables)),
    }


def told_if_archived(outcome: dict[str, Any], *, archived: bool) -> dict[str, Any]:
    """Say that a form takes no further submissions, if so.

    :param outcome: what :func:`outcome_of` returned.
    :param archived: the form is archived.
    :returns: the outcome, with a sentence that says so.
    """
    if not archived:
        return outcome
    sentence = f"{outcome['sentence']}; the form is archived in KoboToolbox, and takes no submissions"
    return outcome | {"sentence": sentence}


def told_of_tables(
    changed: Sequence[StoredPlan], waiting: StoredPlan | None, refused: str | None = None
) -> list[str]:
    """Say what was done about new versions of the form, and what waits.

    :param changed: the plans that were noticed or applied since the run before.
    :param waiting: the plan that is open, or None.
    :param refused: why the database refuses a change of the tables, or None.
    :returns: no sentence where nothing happened; none starts with a capital or ends with a full stop.
    """
    steps = [step.sentence for plan in changed if plan.applied_at for step in plan.plan.steps]
    told = []
    if steps:
        more = f", and {len(steps) - _NAMED} more steps" if len(steps) > _NAMED else ""
        told.append(f"the tables have changed: {'; '.join(steps[:_NAMED])}{more}")
    if waiting is not None and waiting.declined_at is None:
        whom = "a person" if waiting.waits_for_a_person else "the next exact sync"
        told.append(f"a change of its tables waits for {whom}: plan {waiting.code}")
    if refused:
        told.append(f"the database refuses a change of its tables; the next sync tries again: {refused}")
    return told


def _how(run: RowMapping, last_exact: datetime | None) -> str:
    """Say how far a run looked, and what it could not read."""
    if last_exact:
        return f"fresh, last exact {last_exact:%Y-%m-%d %H:%M} UTC"
    return "exact" if run["history"] == Verdict.READ else "exact, but the history could not be read"


def unequal(
    mirror: Mirror,
    counts: Sequence[TableCount],
    held: Mapping[str, int],
    reasons: Sequence[tuple[int, str]],
    uid_setting: str,
) -> UnequalError | None:
    """Tell why a run that has read everything is no success all the same.

    :param mirror: the form and its tables.
    :param counts: of the rows of its tables.
    :param held: how many submissions of the form are ``applied`` and ``rejected`` now.
    :param reasons: ``_id`` and reason of the first rejection, if there is one.
    :param uid_setting: the name of the setting that gives the form.
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
            f"{uid_setting} names the form that this table is for.{first}"
        )
    return None
