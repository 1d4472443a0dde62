"""What a sync says of itself when it has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from kobo_mirror.errors import UnequalError
from kobo_mirror.forms.schema import Form
from kobo_mirror.kobo.history import Verdict
from kobo_mirror.store import runs
from kobo_mirror.store.bindings import note_epoch_read
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
    """What a run that has ended did: ``mode``, its counts, ``seconds``, and all of it in a ``sentence``.

    :param held: how many submissions of the form are ``applied`` and ``rejected`` now.
    :param last_exact: when the last exact run ended (UTC); None where this one was exact.
    """
    seconds = round((run["finished_at"] - run["started_at"]).total_seconds(), 1)
    counts = {name: int(run[name]) for name in COUNTS}
    number = held["applied"] + held["rejected"]
    words = [f"{counts[name]} {word}" for name, word in _WORDS if counts[name] or name == "inserted"]
    ending = f"success, with {held['rejected']} rejected" if held["rejected"] else "success"
    seen = "this token sees {} of its submissions" if run["sees_part"] else "the form has {} submissions"
    sentence = f"{ending}: {', '.join(words)} in {seconds} s ({_how(run, last_exact)}); {seen.format(number)}"
    return {"mode": run["mode"], **counts, "submissions": number, "seconds": seconds, "sentence": sentence}


def _how(run: RowMapping, last_exact: datetime | None) -> str:
    """How far a run looked, and what it could not look into."""
    if last_exact:
        return f"fresh, last exact {last_exact:%Y-%m-%d %H:%M} UTC"
    return "exact" if run["history"] == Verdict.READ else "exact, but the history could not be read"


def unequal(
    form: Form, difference: int, held: Mapping[str, int], reasons: Sequence[tuple[int, str]]
) -> UnequalError | None:
    """Why a run that has read all it set out to read is no success all the same, or None.

    :param difference: how many rows the form table has too many, or too few.
    :param reasons: ``_id`` and reason of the first rejection, if there is one.
    """
    if difference:
        number = held["applied"]
        return UnequalError(
            f"The table {form.table} has {number + difference} rows, but {number} submissions fit it: run "
            "`python -m kobo_mirror verify --repair`."
        )
    if held["rejected"] and not held["applied"]:
        first = "".join(f" Submission {i}: {reason.partition('; ')[0]}." for i, reason in reasons)
        return UnequalError(
            f"None of the form's {held['rejected']} submissions fits the table {form.table}: check that "
            f"KOBO_ASSET_ID names the form that this table is for.{first}"
        )
    return None


def close_run(
    form: Form, run: RowMapping, difference: int, error: UnequalError | None, connection: Connection
) -> None:
    """Note that a run has ended, what its rows were counted to, and what it has read by that."""
    runs.note_findings(connection, run["id"], {"count_difference": difference})
    if error and not run["error"]:
        runs.note_error(connection, run["id"], error)
    runs.finish_run(connection, run["id"])
    if not run["watermark"]:
        note_epoch_read(connection, form, run["epoch"])
