"""Status: what the database knows of its mirror, without asking the server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from kobo_mirror.database.engine import moment_of, reading
from kobo_mirror.forms.schema import Form
from kobo_mirror.store import runs
from kobo_mirror.store.bindings import bound_to
from kobo_mirror.store.dead_letters import letters_waiting
from kobo_mirror.store.ledger import rejections
from kobo_mirror.store.lights import SENTENCES, Known, Light, describe_proof, judge, known_of, light_of
from kobo_mirror.store.refetch_queue import waiting
from kobo_mirror.store.schema import require_tables
from kobo_mirror.sync.next_steps import SYNC, after_a_failed_first_sync, next_steps

_NAMED = 10
_LATE = timedelta(days=1)  # the schedule is not known here


def status(engine: Engine, form: Form) -> dict[str, Any]:
    """Counts, the last runs, the first ten rejections (id and reason) and what to do next, as plain data.

    ``last_run`` and ``last_exact_run`` are former names of ``last_good_sync`` and ``last_good_exact_sync``.

    :raises SchemaError: our tables are not all there, or are old.
    """
    require_tables(engine, form)
    bound = bound_to(engine, form)
    if bound is None:
        return _unbound(engine, form)
    server, asset = bound
    with reading(engine) as connection:
        known = known_of(connection, form, asset)
        moment = moment_of(connection)
        findings = judge(known, moment, due=moment - _LATE)
        exact = runs.last_finished(connection, asset, "exact", well=True)
        unfinished = runs.unfinished_run(connection, asset)
        newest, waiting_deletes = known.newest, known.waiting
        return {
            "form_table": form.table,
            "mirrors": f"form {asset} of {server}",
            "light": light_of(findings).value,
            "findings": [finding.sentence for finding in findings],
            "submissions": known.held["applied"],
            "rejected": known.held["rejected"],
            "deleted": known.held["deleted"],
            "rejections": rejections(connection, asset, _NAMED),
            "to_fetch": waiting(connection, asset),
            "dead_letters": letters_waiting(connection, asset),
            "last_good_sync": _time(known.last),
            "last_good_exact_sync": _time(exact),
            "last_run": _time(known.last),
            "last_exact_run": _time(exact),
            "unfinished_run": unfinished["name"] if unfinished else None,
            "last_proof": _proof(known.proof),
            "last_full_proof": _proof(known.full_proof),
            "error": newest["error"] if newest else None,
            "verify_error": _failed(known),
            "waiting_deletes": waiting_deletes.code if waiting_deletes else None,
            "next": next_steps(known, findings),
        }


def _unbound(engine: Engine, form: Form) -> dict[str, Any]:
    """What is known while the table mirrors no form: whether a sync was tried, and why it failed."""
    with reading(engine) as connection:
        tried = runs.newest_sync(connection, runs.unbound_uid(form.table))
    error = tried["error"] if tried else None
    nothing_read = "The tables are there, but no form has been read into them yet."
    return {
        "form_table": form.table,
        "mirrors": None,
        "light": (Light.RED if error else Light.AMBER).value,
        "findings": [SENTENCES["sync_failed"], nothing_read] if error else [nothing_read],
        "error": error,
        "next": after_a_failed_first_sync()
        if error
        else f"set KOBO_URL, KOBO_TOKEN and KOBO_ASSET_ID, then run {SYNC}",
    }


def _failed(known: Known) -> str | None:
    if (row := known.failed_verification) is None or not known.last_verification_failed:
        return None
    return f"{row['started_at']:%Y-%m-%d %H:%M:%S} UTC: {row['error']}"


def _proof(row: Any) -> str | None:
    return f"{row['finished_at']:%Y-%m-%d %H:%M:%S} UTC: {describe_proof(row)}" if row else None


def _time(row: Any) -> str | None:
    return f"{row['finished_at']:%Y-%m-%d %H:%M:%S} UTC" if row else None
