"""From the state of a mirror to what the page and its endpoints give out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

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
    RejectedColumn,
    Rejection,
    Run,
    WaitingDeletes,
    Webhook,
)
from kobo_mirror.airflow.schedules import schedule_from_env
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.forms.declared import FORM
from kobo_mirror.store import arrivals, lights, proofs, shown_runs, totals
from kobo_mirror.store.codes import WaitingList
from kobo_mirror.store.lights import judge, light_of
from kobo_mirror.store.listings import BoundForm, Fields
from kobo_mirror.store.overview import MirrorState, ServerCount
from kobo_mirror.store.registrations import Registration

_GRACE = timedelta(minutes=10)
SHOWN = 4_000
"""So many characters of what may be long are shown."""
_DAGS = ("kobo_sync", "kobo_verify", "kobo_replay")
_KINDS = {column.name: column.kind for column in FORM.columns}


def overview_of(
    form: BoundForm, state: MirrorState, lags: Mapping[str, arrivals.Lag], secret: str | None = None
) -> Overview:
    """Return a form and its mirror as the page shows them.

    :param form: the form and its table.
    :param state: what the database knows of its mirror.
    :param lags: how long new submissions took, by their origin.
    :param secret: the fingerprint of the webhook's secret; None: it is not known here.
    """
    findings = judge(state, due=due_of(state), secret=secret)
    return Overview(
        **form._asdict(),
        light=light_of(findings),
        findings=findings_of(findings),
        since=state.last_good.finished_at if state.last_good else None,
        last_exact_at=state.last_good_exact.finished_at if state.last_good_exact else None,
        error=state.newest_sync.error if state.newest_sync else None,
        failure=failure_of_run(state.newest_sync),
        running=state.lease_holder,
        on_server=on_server_of(state.on_server),
        in_mirror=state.applied,
        rejected=state.rejected,
        deleted=state.deleted,
        tables=state.tables,
        rejected_cells=state.rejected_cells,
        rejected_columns=[
            RejectedColumn.model_validate(one, from_attributes=True) for one in state.rejected_columns.found
        ],
        to_fetch=state.to_fetch,
        failed_deliveries=state.failed_deliveries,
        dead_letters=state.dead_letters,
        proof=proof_of(state.proof),
        full_proof=proof_of(state.full_proof),
        failed_verification=failure_of_run(state.verification_failure),
        lag=list(_lags(lags)),
        webhooks=[_webhook(known) for known in state.registrations],
        waiting_deletes=_waiting_deletes(state.waiting_deletes),
    )


def findings_of(found: Sequence[lights.Finding]) -> list[Finding]:
    """Return findings as they are shown.

    :param found: what ``judge`` found.
    """
    return [Finding.model_validate(one, from_attributes=True) for one in found]


def due_of(state: MirrorState) -> datetime | None:
    """Return when the last sync should have finished at the latest; None where none is scheduled.

    :param state: what the database knows of the form's mirror.
    """
    usual = schedule_from_env("KOBO_SYNC_SCHEDULE", "*/15 * * * *")
    return state.schedules.due(state.moment - _GRACE, usual) if usual else None


def failure_of(problem: KoboMirrorError) -> Failure:
    """Return what keeps the page from being shown now.

    :param problem: the error that reading the database raised.
    """
    at = datetime.now(UTC).replace(tzinfo=None)
    return Failure(at=at, kind=type(problem).__name__, error=str(problem))


def failure_of_run(run: shown_runs.Run | None) -> Failure | None:
    """Return why a run failed, or None if it did not.

    :param run: a run; None: there is none.
    """
    if run is None or not run.error:
        return None
    return Failure(at=run.finished_at or run.started_at, kind=run.failure, error=run.error)


def proof_of(proof: proofs.Proof | None) -> Proof | None:
    """Return a proof as it is shown, or None.

    :param proof: as the database has it.
    """
    return Proof.model_validate(proof, from_attributes=True) if proof else None


def on_server_of(counted: ServerCount | None) -> OnServer | None:
    """Return a count of the server as it is shown, or None.

    :param counted: as the database has it.
    """
    return OnServer(submissions=counted.submissions, at=counted.at) if counted else None


def _lags(lags: Mapping[str, arrivals.Lag]) -> Iterator[Lag]:
    for origin, lag in lags.items():
        yield Lag(
            way=origin,  # type: ignore[arg-type]  # one of the two that it takes
            looked_at=arrivals.NEWEST,
            submissions=len(lag.prompt),
            median=lag.within(0.5),
            slowest_twentieth=lag.within(0.95),
            late=lag.late,
            late_after_seconds=int(arrivals.PROMPT[origin].total_seconds()),
        )


def _webhook(known: Registration) -> Webhook:
    """Return a registration as it is shown: without what may be a secret in its address."""
    address = urlsplit(known.endpoint)
    shown = address._replace(query="", fragment="", netloc=address.netloc.rpartition("@")[2]).geturl()
    return Webhook(
        endpoint=shown,
        way=known.channel,
        registered_at=known.registered_at,
        failures_read_until=known.failures_read_until,
    )


def _waiting_deletes(waiting: WaitingList | None) -> WaitingDeletes | None:
    return WaitingDeletes(**waiting._asdict()) if waiting else None


def days_of(connection: Connection, asset_uid: str, moment: datetime, days: int) -> list[Day]:
    """Return what came on each of the last days, those on which nothing came included.

    :param connection: an open transaction.
    :param asset_uid: the form's uid.
    :param moment: now (UTC): its day is the last one.
    :param days: how many, at least 1.
    """
    since = moment.date() - timedelta(days=days - 1)
    counts = {(a.day, a.origin): a.arrived for a in totals.arrivals(connection, asset_uid, since)}
    wanted = [since + timedelta(days=number) for number in range(days)]
    return [
        Day(day=day, pushed=counts.get((day, "pushed"), 0), pulled=counts.get((day, "pulled"), 0))
        for day in wanted
    ]


def run_of(run: shown_runs.Run) -> Run:
    """Return a run as it is shown.

    :param run: as the database has it.
    """
    ended = run.finished_at
    seconds = round((ended - run.started_at).total_seconds(), 1) if ended else None
    shown = {name: value for name, value in asdict(run).items() if name in Run.model_fields}
    return Run(**shown, seconds=seconds, dag_run=_place(run.name))


def _place(name: str) -> str | None:
    dag_id, _, run_id = name.partition(" ")
    return f"dags/{dag_id}/runs/{quote(run_id)}" if dag_id.startswith(_DAGS) and run_id else None


def rejections_of(rows: Sequence[Fields]) -> list[Rejection]:
    """Return rejections with the columns that they do not fit, and the kind of answer that each takes.

    :param rows: of ``listings.rejected_submissions``.
    """
    return [_rejection(row) for row in rows]


def _rejection(row: Fields) -> Rejection:
    columns = json.loads(row["column_names"] or "[]")
    kinds = sorted({_KINDS[name].value for name in columns if name in _KINDS})
    return Rejection(**{"payload": None, **row, "columns": columns, "kinds": kinds})


def letters_of(rows: Sequence[Fields]) -> list[DeadLetter]:
    """Return dead letters, their bodies as far as they can be shown.

    :param rows: of ``listings.waiting_dead_letters``.
    """
    return [DeadLetter(**{**row, "body": _shown(row.get("body"))}) for row in rows]


def _shown(body: bytes | None) -> str | None:
    return None if body is None else body[:SHOWN].decode("utf-8", "replace")
