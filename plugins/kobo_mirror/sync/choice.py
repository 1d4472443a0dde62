"""What a run does: whether it is exact, and from where on it reads (docs/architecture.md, "A sync")."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Engine

from kobo_mirror.forms.form import Form
from kobo_mirror.kobo.client import KoboClient
from kobo_mirror.store import runs
from kobo_mirror.store.database import clock, reading, transact
from kobo_mirror.store.ledger import holds_any
from kobo_mirror.store.schema import is_shaped_by
from kobo_mirror.store.tallies import note_server_count


class Exactness(NamedTuple):
    """How often a run is exact by itself: of forms up to a size each one, of larger ones one in that time."""

    up_to: int
    every: timedelta


def count_and_check_form(client: KoboClient) -> int:
    """How many submissions the server shows; the form is asked for beside that, since both take their time.

    :raises CredentialsError: this token may not see the form, or there is none.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="count") as beside:
        counting = beside.submit(client.count)
        client.form()
    return counting.result()


def choose(
    engine: Engine,
    client: KoboClient,
    form: Form,
    exactness: Exactness,
    *,
    count: int,
    mode: str,
    since: int | None,
) -> tuple[str, int]:
    """``exact`` or ``usual``, and the ``_id`` above which all is read.

    :param count: how many submissions the server shows now.
    :param mode: what was asked for: ``auto``, ``usual``, ``exact``.
    :param since: what was asked for; what must be read is not left out.
    """
    asset = client.asset_uid
    with reading(engine) as connection:
        watermark = runs.watermark(connection, asset)
        last = runs.last_finished(connection, asset)
        last_exact = runs.last_finished(connection, asset, "exact")
        is_new = not holds_any(connection, asset)
        reshaped = not is_shaped_by(connection, form)
    known = last["highest_id"] if last and not is_new else None
    start = 0 if reshaped else (watermark if watermark is not None else known) or 0
    restored = watermark is not None and (client.newest_id() or 0) < watermark
    overdue = last_exact is None or last_exact["finished_at"] < clock(engine) - exactness.every
    transact(engine, lambda connection: note_server_count(connection, asset, count))
    must = watermark is None or restored
    due = mode == "auto" and (overdue or count <= exactness.up_to)
    chosen = "exact" if mode == "exact" or must or due else "usual"
    return chosen, start if since is None else min(since, start)
