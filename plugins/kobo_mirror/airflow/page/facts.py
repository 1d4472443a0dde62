"""From the tables to what the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import quantiles
from typing import Any
from urllib.parse import quote, urlsplit

from croniter import croniter  # type: ignore[import-untyped]  # it has no types
from sqlalchemy import Connection

from kobo_mirror.airflow.page.schemas import (
    Day,
    DeadLetter,
    Freshness,
    Known,
    Lag,
    Overview,
    Proof,
    Rejection,
    Run,
    WaitingDeletes,
    Webhook,
)
from kobo_mirror.airflow.schedules import schedule_from_env
from kobo_mirror.store import overview, runs, tallies
from kobo_mirror.store.proofs import last_proof
from kobo_mirror.store.tables import PROVEN
from kobo_mirror.sync.removal import mark_of

_GRACE = timedelta(minutes=10)
_NEWEST = 500
_SHOWN = 4_000
_MARK = re.compile(r"confirm this list: ([0-9a-f]{12})")
_COLUMN = re.compile(r"(?:^|; )(\w+): the answer to ")
_FAILED_DELIVERY = "its delivery failed"


def overview_of(connection: Connection, form: overview.Bound, moment: datetime) -> Overview:
    """All there is to say of a form at a glance, without asking its server.

    :param moment: now, UTC.
    """
    asset = form.asset_uid
    recent = overview.recent_runs(connection, asset, 1)
    newest = recent[0] if recent else None
    last = runs.last_finished(connection, asset)
    exact = runs.last_finished(connection, asset, "exact")
    totals, doubts = tallies.totals(connection, asset), overview.doubts(connection, asset)
    proof = _proof(last_proof(connection, asset))
    holder = overview.holder(connection, asset)
    return Overview(
        **form._asdict(),
        freshness=_freshness(newest, last, moment),
        since=last["finished_at"] if last else None,
        last_exact_at=exact["finished_at"] if exact else None,
        error=newest["error"] if newest else None,
        running=holder["holder"] if holder else None,
        on_server=_on_server(tallies.server_count(connection, asset), proof),
        in_mirror=totals["applied"],
        rejected=totals["rejected"],
        deleted=totals["deleted"],
        to_fetch=sum(doubts.values()),
        failed_deliveries=doubts.get(_FAILED_DELIVERY, 0),
        dead_letters=overview.letters_waiting(connection),
        proof=proof,
        lag=list(_lag(connection, asset)),
        webhooks=[_webhook(row) for row in overview.registered(connection, asset)],
        waiting_deletes=_waiting_deletes(connection, asset, newest["error"] if newest else None),
    )


def _freshness(newest: overview.Fields | None, last: Any, moment: datetime) -> Freshness:
    if newest and newest["error"]:
        return Freshness.FAILING
    if last is None:
        return Freshness.NEVER
    schedule = schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *")
    if schedule is None:
        return Freshness.FRESH
    due: datetime = croniter(schedule, moment - _GRACE).get_prev(datetime)
    return Freshness.FRESH if last["finished_at"] >= due else Freshness.LATE


def _proof(row: Any) -> Proof | None:
    if row is None:
        return None
    found = {name: row[name] for name in PROVEN}
    equal = not any(row[name] for name in ("missing", "extra", "stale", "different"))
    return Proof(finished_at=row["finished_at"], whole=row["whole"], equal=equal, **found)


def _on_server(counted: tuple[int, datetime] | None, proof: Proof | None) -> Known | None:
    if counted and (proof is None or counted[1] >= proof.finished_at):
        return Known(submissions=counted[0], at=counted[1])
    return Known(submissions=proof.compared, at=proof.finished_at) if proof else None


def _lag(connection: Connection, asset_uid: str) -> Iterator[Lag]:
    first = overview.first_finish(connection, asset_uid)
    seconds: dict[str, list[float]] = {"pushed": [], "pulled": []}
    for row in overview.newest(connection, asset_uid, _NEWEST) if first else []:
        seen, sent = row["first_seen_at"], row["submission_time"]
        if sent and seen > first:
            way = "pushed" if row["pushed_at"] == seen else "pulled"
            seconds[way].append(max(0.0, (seen - sent).total_seconds()))
    for way, found in seconds.items():
        if found:
            parts = quantiles(found, n=20, method="inclusive") if len(found) > 1 else found * 19
            half, most = round(parts[9], 3), round(parts[18], 3)
            yield Lag(way=way, submissions=len(found), median=half, slowest_twentieth=most)  # type: ignore[arg-type]  # its two values are the keys above


def _webhook(row: overview.Fields) -> Webhook:
    address = urlsplit(row["endpoint"])
    shown = address._replace(query="", fragment="", netloc=address.netloc.rpartition("@")[2]).geturl()
    return Webhook(**{**row, "endpoint": shown})


def _waiting_deletes(connection: Connection, asset_uid: str, error: str | None) -> WaitingDeletes | None:
    found = _MARK.search(error or "")
    if not error or not found:
        return None
    mark = found[1]
    ids = overview.asked_for(connection, asset_uid)
    known = mark_of(connection, asset_uid, ids) == mark
    return WaitingDeletes(mark=mark, sentence=error, ids=ids if known else [])


def days_of(connection: Connection, asset_uid: str, moment: datetime, days: int) -> list[Day]:
    """What came on each of the last days, those on which nothing came included."""
    since = moment.date() - timedelta(days=days - 1)
    counts = {(a.day, a.way): a.arrived for a in tallies.arrivals(connection, asset_uid, since)}
    wanted = [since + timedelta(days=number) for number in range(days)]
    return [
        Day(day=day, pushed=counts.get((day, "pushed"), 0), pulled=counts.get((day, "pulled"), 0))
        for day in wanted
    ]


def run_of(row: overview.Fields) -> Run:
    """A run as it is shown."""
    ended = row["finished_at"]
    seconds = round((ended - row["started_at"]).total_seconds(), 1) if ended else None
    shown = {name: row[name] for name in Run.model_fields if name in row}
    return Run(**shown, seconds=seconds, dag_run=_place(row["name"]))


def _place(name: str) -> str | None:
    dag_id, _, run_id = name.partition(" ")
    return f"dags/{dag_id}/runs/{quote(run_id)}" if dag_id == "kobo_sync" and run_id else None


def rejections_of(rows: Sequence[overview.Fields]) -> list[Rejection]:
    """Rejections with the columns that they do not fit."""
    return [
        Rejection(**{"payload": None, **row, "columns": _COLUMN.findall(row["reason"] or "")}) for row in rows
    ]


def letters_of(rows: Sequence[overview.Fields]) -> list[DeadLetter]:
    """Dead letters, their bodies as far as they can be shown."""
    return [DeadLetter(**{**row, "body": _shown(row.get("body"))}) for row in rows]


def _shown(body: bytes | None) -> str | None:
    return None if body is None else body[:_SHOWN].decode("utf-8", "replace")


def utc_now() -> datetime:
    """The moment, as the tables have it."""
    return datetime.now(UTC).replace(tzinfo=None)
