"""From the tables to what the page shows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from croniter import croniter  # type: ignore[import-untyped]  # it has no types
from sqlalchemy import Connection

from kobo_mirror.airflow.page.schemas import (
    Day,
    DeadLetter,
    Failure,
    Finding,
    Lag,
    OnServer,
    Overview,
    Proof,
    Rejection,
    Run,
    WaitingDeletes,
    Webhook,
)
from kobo_mirror.airflow.schedules import schedule_from_env
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import overview, runs, totals
from kobo_mirror.store.arrivals import NEWEST, PROMPT, lags_of
from kobo_mirror.store.dead_letters import letters_waiting
from kobo_mirror.store.lights import Known, differences_of, judge, known_of, light_of
from kobo_mirror.store.tables import PROVEN

_GRACE = timedelta(minutes=10)
_SHOWN = 4_000
_DAGS = ("kobo_sync", "kobo_verify", "kobo_replay")
_FAILED_DELIVERY = "its delivery failed"


def overview_of(
    connection: Connection, form: overview.Bound, moment: datetime, secret: str | None = None
) -> Overview:
    """All there is to say of a form at a glance, without asking its server.

    :param moment: now, UTC.
    :param secret: the fingerprint of the webhook's secret; None: it is not known.
    """
    asset = form.asset_uid
    known = known_of(connection, FORM, asset)
    findings = judge(known, moment, due=_due(moment), secret=secret)
    exact = runs.last_finished(connection, asset, "exact", well=True)
    doubts = overview.doubts(connection, asset)
    proof = _proof(known.proof)
    holder = overview.holder(connection, asset)
    return Overview(
        **form._asdict(),
        light=light_of(findings),
        findings=[Finding.model_validate(found, from_attributes=True) for found in findings],
        since=known.last["finished_at"] if known.last else None,
        last_exact_at=exact["finished_at"] if exact else None,
        error=known.newest["error"] if known.newest else None,
        failure=_failure(known.newest),
        running=holder["holder"] if holder else None,
        on_server=_on_server(totals.server_count(connection, asset), proof),
        in_mirror=known.held["applied"],
        rejected=known.held["rejected"],
        deleted=known.held["deleted"],
        to_fetch=sum(doubts.values()),
        failed_deliveries=doubts.get(_FAILED_DELIVERY, 0),
        dead_letters=letters_waiting(connection, asset),
        proof=proof,
        failed_verification=_failure(known.failed_verification) if known.last_verification_failed else None,
        full_proof=_proof(known.full_proof),
        lag=list(_lag(connection, asset)),
        webhooks=[_webhook(row) for row in overview.registered(connection, asset)],
        waiting_deletes=_waiting_deletes(known),
    )


def _due(moment: datetime) -> datetime | None:
    """When the last sync should have ended at the latest, by the schedule; None without one."""
    schedule = schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *")
    if schedule is None:
        return None
    due: datetime = croniter(schedule, moment - _GRACE).get_prev(datetime)
    return due


def _proof(row: Any) -> Proof | None:
    if row is None:
        return None
    found = {name: row[name] for name in PROVEN}
    equal = not differences_of(row)
    return Proof(finished_at=row["finished_at"], whole=row["whole"], equal=equal, **found)


def failure_of(problem: KoboMirrorError) -> Failure:
    """What keeps the page from being shown now."""
    return Failure(at=utc_now(), kind=type(problem).__name__, error=str(problem))


def _failure(run: Any) -> Failure | None:
    """Why a run failed; None if it did not."""
    if run is None or not run["error"]:
        return None
    return Failure(at=run["finished_at"] or run["started_at"], kind=run["failure"], error=run["error"])


def _on_server(counted: tuple[int, datetime] | None, proof: Proof | None) -> OnServer | None:
    if counted and (proof is None or counted[1] >= proof.finished_at):
        return OnServer(submissions=counted[0], at=counted[1])
    return OnServer(submissions=proof.compared, at=proof.finished_at) if proof else None


def _lag(connection: Connection, asset_uid: str) -> Iterator[Lag]:
    for origin, lag in lags_of(connection, asset_uid).items():
        yield Lag(
            way=origin,  # type: ignore[arg-type]  # one of the two that it takes
            looked_at=NEWEST,
            submissions=len(lag.prompt),
            median=lag.within(0.5),
            slowest_twentieth=lag.within(0.95),
            late=lag.late,
            late_after_seconds=int(PROMPT[origin].total_seconds()),
        )


def _webhook(row: overview.Fields) -> Webhook:
    address = urlsplit(row["endpoint"])
    shown = address._replace(query="", fragment="", netloc=address.netloc.rpartition("@")[2]).geturl()
    return Webhook(**{**row, "endpoint": shown})


def _waiting_deletes(known: Known) -> WaitingDeletes | None:
    waiting = known.waiting
    return (
        WaitingDeletes(code=waiting.code, issued_at=waiting.issued_at, ids=waiting.ids) if waiting else None
    )


def days_of(connection: Connection, asset_uid: str, moment: datetime, days: int) -> list[Day]:
    """What came on each of the last days, those on which nothing came included."""
    since = moment.date() - timedelta(days=days - 1)
    counts = {(a.day, a.origin): a.arrived for a in totals.arrivals(connection, asset_uid, since)}
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
    return f"dags/{dag_id}/runs/{quote(run_id)}" if dag_id in _DAGS and run_id else None


def rejections_of(rows: Sequence[overview.Fields]) -> list[Rejection]:
    """Rejections with the columns that they do not fit."""
    return [
        Rejection(**{"payload": None, **row, "columns": json.loads(row["column_names"] or "[]")})
        for row in rows
    ]


def letters_of(rows: Sequence[overview.Fields]) -> list[DeadLetter]:
    """Dead letters, their bodies as far as they can be shown."""
    return [DeadLetter(**{**row, "body": _shown(row.get("body"))}) for row in rows]


def _shown(body: bytes | None) -> str | None:
    return None if body is None else body[:_SHOWN].decode("utf-8", "replace")


def utc_now() -> datetime:
    """The moment, as the tables have it."""
    return datetime.now(UTC).replace(tzinfo=None)
