"""Status: what the database knows of its mirror, without asking the server."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, func, select

from kobo_mirror.errors import SchemaError
from kobo_mirror.forms.form import Form
from kobo_mirror.store import runs
from kobo_mirror.store.database import reading
from kobo_mirror.store.fetch_list import waiting
from kobo_mirror.store.ledger import rejections
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.schema import at_head, bound_to
from kobo_mirror.store.tables import PROVEN, dead_letters
from kobo_mirror.store.tallies import totals

_NAMED = 10


def status(engine: Engine, form: Form) -> dict[str, Any]:
    """Counts, the last runs and the first ten rejections (id and reason), as plain data.

    :raises SchemaError: the database has not been set up.
    """
    if not at_head(engine, form):
        raise SchemaError("The database is not set up: run `python -m kobo_mirror migrate`.")
    bound = bound_to(engine, form)
    if bound is None:
        return {"form_table": form.table, "mirrors": None}
    server, asset = bound
    with reading(engine) as connection:
        counts = totals(connection, asset)
        last, exact = runs.last_finished(connection, asset), runs.last_finished(connection, asset, "exact")
        unfinished = runs.unfinished_run(connection, asset)
        newest = unfinished or last
        letters = connection.execute(
            select(func.count()).select_from(dead_letters).where(dead_letters.c.replayed_at.is_(None))
        )
        return {
            "form_table": form.table,
            "mirrors": f"form {asset} of {server}",
            "submissions": counts.get("applied", 0),
            "rejected": counts.get("rejected", 0),
            "deleted": counts.get("deleted", 0),
            "rejections": rejections(connection, asset, _NAMED),
            "to_fetch": waiting(connection, asset),
            "dead_letters": letters.scalar_one(),
            "last_run": _time(last),
            "last_exact_run": _time(exact),
            "unfinished_run": unfinished["name"] if unfinished else None,
            "last_proof": _proof(last_proof(connection, asset)),
            "error": newest["error"] if newest else None,
        }


def _proof(row: Any) -> str | None:
    if row is None:
        return None
    found = ", ".join(f"{row[name]} {name}" for name in PROVEN if row[name])
    return f"{row['finished_at']:%Y-%m-%d %H:%M:%S} UTC: {found or 'an empty form'}"


def _time(row: Any) -> str | None:
    return f"{row['finished_at']:%Y-%m-%d %H:%M:%S} UTC" if row else None
