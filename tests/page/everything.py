"""Whatever the page can show, made up: something of everything, an empty mirror, each error of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, get_args

from kobo_mirror.airflow.page import plan_schemas, schemas
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.forms import plan, question_types
from kobo_mirror.forms.declared_form import Kind
from kobo_mirror.forms.form_schema import Status, TableKind
from kobo_mirror.kobo import responses, transport  # noqa: F401  # they have errors of their own
from kobo_mirror.store.lights import SENTENCES, Light
from kobo_mirror.submissions.shaper import SEVERAL
from tests.support.french import Spoken, faults_of
from tests.support.submissions import ASSET

AT = datetime(2026, 11, 28, 12)  # noqa: DTZ001  # UTC, as the tables have it
MANY = 12_345
ENGLISH = "An English sentence: 1.5 of 2,000 are left."


def errors(family: type[KoboMirrorError] = KoboMirrorError) -> Iterator[type[KoboMirrorError]]:
    yield family
    for kind in family.__subclasses__():
        yield from errors(kind)


def failure(kind: str) -> schemas.Failure:
    return schemas.Failure(at=AT, kind=kind, error=ENGLISH)


def run(mode: str, **changes: Any) -> schemas.Run:
    counts = dict.fromkeys(("rows_read", "inserted", "updated", "deleted", "revived", "requests"), MANY)
    row = {"id": 1, "name": "kobo_sync manual__1", "mode": mode, "started_at": AT, "finished_at": AT}
    row |= {
        "seconds": 1234.5,
        "rejected": MANY,
        "bytes": MANY,
        "error": None,
        "failure": None,
        "dag_run": None,
    }
    return schemas.Run(**{**row, **counts, **changes})


def seen(number: int = MANY, **changes: Any) -> dict[str, Any]:
    """Something of everything that the page can show, all at once."""
    named = {"column": "survey.age", "code": "0123456789ab", "why": "The table survey is in use."}
    names = {name for sentence in SENTENCES.values() for name in re.findall(r"\{(\w+)\}", sentence)}
    numbers = dict.fromkeys(sorted(names - named.keys()), number)
    found = [
        schemas.Finding(
            key=key,
            light=Light.RED,
            numbers={n: numbers[n] for n in re.findall(r"\{(\w+)\}", said) if n in numbers},
            names={n: named[n] for n in re.findall(r"\{(\w+)\}", said) if n in named},
        )
        for key, said in SENTENCES.items()
    ]
    found_proof = schemas.Proof(
        finished_at=AT,
        whole=False,
        equal=False,
        **dict.fromkeys(
            ("compared", "missing", "extra", "stale", "different", "rejected", "unreadable"), number
        ),
    )
    lag = {
        "looked_at": 500,
        "submissions": number,
        "median": 0.5,
        "slowest_twentieth": 4000.25,
        "late": number,
    }
    form = schemas.Overview(
        asset_uid=ASSET,
        server="https://kobo.test",
        form_table="kobo_records",
        light=Light.RED,
        findings=found,
        since=AT,
        last_exact_at=AT,
        error=ENGLISH,
        failure=failure("ServerError"),
        running="kobo_sync manual__1",
        on_server=schemas.OnServer(submissions=number, at=AT),
        in_mirror=number,
        rejected=number,
        deleted=number,
        tables=number,
        rejected_cells=number,
        rejected_columns=[
            schemas.RejectedColumn(
                table="survey", column="age", path="age", label=label, cells=number, submissions=number
            )
            for label in ("Âge", None)
        ],
        to_fetch=number,
        failed_deliveries=number,
        dead_letters=number,
        proof=found_proof,
        full_proof=found_proof,
        failed_verification=failure("UnreachableError"),
        lag=[schemas.Lag(way=way, late_after_seconds=3600, **lag) for way in ("pushed", "pulled")],
        webhooks=[
            schemas.Webhook(
                endpoint="https://mirror.test/api", way=way, registered_at=AT, failures_read_until=AT
            )
            for way in ("rest_service", "registrar")
        ],
        waiting_deletes=schemas.WaitingDeletes(
            code="0123456789ab", issued_at=AT, ids=list(range(1000, 1030))
        ),
    )
    rejected = {"submission_time": AT, "first_seen_at": AT, "payload": None, "reason": ENGLISH}
    everything = {
        "problem": None,
        "failed_start": None,
        "asset_uid": ASSET,
        "name": "Enquête",
        "form": form,
        "days": [{"day": str(date(2026, 11, 28)), "pushed": number, "pulled": number}],
        "rejections": [
            schemas.Rejection(kobo_id=i, columns=["age"] * i, kinds=list(Kind)[:i], **rejected)
            for i in range(3)
        ],
        "letters": [
            schemas.DeadLetter(
                id=1,
                received_at=AT,
                source="webhook",
                reason=ENGLISH,
                attempts=number,
                bytes=number,
                body=None,
            )
        ],
        "more": {"rejections": True, "letters": True, "cells": True},
        "after": {"rejections": 5, "letters": 5, "cells": 1},
        **contents(),
        **history(number),
        "runs": [run(mode) for mode in ("incremental", "exact", "repair", "none", "verify")]
        + [run("none", error=ENGLISH, failure=kind.__name__) for kind in errors()],
        "found_run": run("incremental", finished_at=None, seconds=None),
        "answers": False,
        "operator": True,
        "prover": True,
        "replayer": True,
    }
    return everything | changes


def contents() -> dict[str, Any]:
    """Tables of each kind and status, and rejected cells of columns of each kind."""
    tables = [
        schemas.FormTable(name=f"t_{kind}", kind=kind, path="a", label="Âge", status=status, rows=None)
        for kind in TableKind
        for status in (Status.ACTIVE, Status.REMOVED, Status.MOVED)
    ]
    cell = {"place": "1-0", "kobo_id": 1, "table": "survey", "column": "age", "path": "age", "label": "Âge"}
    cells = [
        schemas.RejectedCell(**cell, pos=pos, kind=kind, reason=reason, value=None)
        for pos, reason in (("", ENGLISH), ("1-2", SEVERAL))
        for kind in (*question_types.Kind, None)
    ]
    return {
        "tables": tables,
        "cells": cells,
        "is_derived": True,
        "summary": "https://kobo.test/#/forms",
        "in_kobotoolbox": "https://kobo.test/#/forms",
    }


def step(key: str, *, names: int = 1, care: plan.Care = plan.Care.CAREFUL) -> plan_schemas.Step:
    """A step that says what is listed under a key."""
    columns = [f"column_{number}" for number in range(names)]
    what = plan.What(key.removesuffix("_alone").removesuffix("_of_files"))
    words = {"table": "survey", "path": "hh/members", "columns": columns, "beside": columns}
    return plan_schemas.Step(care=care, what=what, key=key, sentence=ENGLISH, **words)


def history(number: int = MANY, state: str = "waits") -> dict[str, Any]:
    """A plan that is not applied, and a history with one in each state, with all that steps can say."""
    steps = [step(key, care=care) for key in plan.SENTENCES for care in plan.Care]
    steps.append(step("columns", names=10))
    moments = dict.fromkeys(("noticed_at", "approved_at", "declined_at", "applied_at", "replaced_at"), AT)
    moments["noticed_at"] = datetime(2026, 11, 27, 12)  # noqa: DTZ001
    known = [plan_schemas.BringingVersion(uid="vUid", number=1)]
    many = [plan_schemas.BringingVersion(uid=f"v{i}", number=None) for i in range(20)]
    made: dict[str, Any] = {"code": "0123456789ab", "policy": "additive", **moments}
    plans = [
        plan_schemas.Plan(
            state=found, care=care, steps=[*steps, step("columns", names=10)], versions=by, **made
        )
        for found in get_args(plan_schemas.State)
        for care, by in zip(plan.Care, ([], known, many), strict=True)
    ]
    shown = {**made, "state": state, "care": plan.Care.CAREFUL, "steps": steps[:13], "versions": known}
    versions = [plan_schemas.Version(number=1, uid="vUid", deployed_at=at) for at in (AT, None)]
    entries = [plan_schemas.HistoryEntry(at=AT, plan=found) for found in plans]
    entries += [plan_schemas.HistoryEntry(at=found.deployed_at, version=found) for found in versions]
    return {
        "plan": plan_schemas.OpenPlan(**shown, submissions=number, seconds=1234.5),
        "history": plan_schemas.FormHistory(entries=entries, has_more=True),
        "history_skip": 10,
        "history_entries": 10,
    }


def empty(**changes: Any) -> dict[str, Any]:
    nothing = {"asset_uid": None, "form": None, "found_run": None, "problem": None, "failed_start": None}
    return nothing | {"operator": False, "prover": False, "replayer": False} | changes


def faults_in(html: str) -> list[str]:
    spoken = Spoken(html).texts
    assert len(spoken) > 5
    return faults_of(spoken)
