"""The servers beside which the webhook is measured: no database, one commit a request, Flask with an ORM."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import falcon
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session, registry

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.tables import form_table, submissions
from kobo_mirror.store.writer import Writer

Application: TypeAlias = "falcon.App[falcon.Request, falcon.Response]"

PATH = "/api/real-time-updates"
POOL = 8


class _Hello:
    """Reads the body and responds with success."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        req.bounded_stream.read()
        resp.media = {"status": "success", "result": "inserted", "reason": None}


class _OneCommitEach:
    """Uses the same writer as the webhook, for one submission at a time."""

    def __init__(self, engine: Engine) -> None:
        mirror = load_mirror(engine, os.environ["KOBO_URL"], os.environ["KOBO_ASSET_ID"])
        engine.dispose()  # this runs before gunicorn forks, and workers must not share a connection
        self._writer = Writer(engine, mirror)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        pushed = self._writer.push(req.bounded_stream.read())
        resp.media = {"status": "success", "result": pushed.result, "reason": pushed.reason}


def hello() -> Application:
    """Return Falcon without a database."""
    app: Application = falcon.App()
    app.add_route(PATH, _Hello())
    return app


def one_commit_each() -> Application:
    """Return Falcon with a transaction for each request."""
    app: Application = falcon.App()
    url = os.environ["DATABASE_URL"]
    engine = open_engine(url, pool_size=POOL, in_greenlets=True, several=True)
    app.add_route(PATH, _OneCommitEach(engine))
    return app


class Ledger:
    """A row of the ledger as an object."""


class Record:
    """A row of the form table as an object."""


def serve_flask(port: int, take: Callable[[Session, dict[str, Any], bytes], None]) -> None:
    """Serve with Flask's own server: a session a request, query, then write, commit; nothing is checked.

    :param take: writes a submission; it is given the digest of its body.
    """
    from flask import Flask, request  # noqa: PLC0415  # only this server needs it

    engine = create_engine(os.environ["DATABASE_URL"], pool_size=POOL)
    app = Flask("naive")

    @app.post(PATH)
    def post() -> dict[str, Any]:
        body = request.get_data()
        with Session(engine) as session:
            take(session, json.loads(body), hashlib.md5(body).digest())  # noqa: S324  # a digest
            session.commit()
        return {"status": "success"}

    app.run(host="127.0.0.1", port=port, threaded=True)


def takes_survey() -> Callable[[Session, dict[str, Any], bytes], None]:
    """Return what writes a submission of the survey to ledger and form table."""
    mapped = registry()
    mapped.map_imperatively(Ledger, submissions)
    mapped.map_imperatively(Record, form_table(KOBO_RECORDS))

    def take(session: Session, submission: dict[str, Any], digest: bytes) -> None:
        write_ledger(session, submission, digest)
        _write_record(session, submission)

    return take


def write_ledger(session: Session, submission: dict[str, Any], digest: bytes) -> None:
    """Query the ledger's row, then write it."""
    asset_uid = os.environ["KOBO_ASSET_ID"]
    row: Any = session.get(Ledger, (asset_uid, submission["_id"]))
    if row is None:
        row = Ledger()
        row.asset_uid, row.kobo_id = asset_uid, submission["_id"]
        row.first_seen_at = submission["_submission_time"]
        session.add(row)
    row.uuid, row.root_uuid = submission["_uuid"], submission["meta/rootUuid"][5:]
    row.previous_uuid = submission.get("meta/deprecatedID", "")[5:]
    row.submission_time, row.submitted_by = submission["_submission_time"], submission.get("_submitted_by")
    row.document_digest = row.row_digest = digest
    row.state = "applied"


def _write_record(session: Session, submission: dict[str, Any]) -> None:
    row: Any = session.scalars(select(Record).filter_by(kobo_id=submission["_id"])).one_or_none()
    if row is None:
        row = Record()
        row.id, row.kobo_id = submission["_id"].to_bytes(16, "big"), submission["_id"]
        session.add(row)
    for column in KOBO_RECORDS.columns:
        setattr(row, column.name, submission.get(column.question, column.default))


def _main(port: str, naive: str) -> None:
    from benchmarks.webhook_naive_form import takes_form  # noqa: PLC0415  # it imports this

    serve_flask(int(port), takes_form() if naive == "nested" else takes_survey())


if __name__ == "__main__":
    _main(*sys.argv[1:])
