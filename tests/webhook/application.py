"""The application in this process, and what it wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from falcon import testing
from sqlalchemy import Engine, func, select

from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.tables import dead_letters, form_table, submissions, to_fetch
from tests.webhook.bodies import ASSET, PATH, PREVIOUS_SECRET, SECRET
from webhook.app import Dependencies, create_app

MIRROR = Mirror(KOBO_RECORDS, "https://kobo.example", ASSET)


@dataclass
class Tables:
    """The tables that a delivery may write to."""

    engine: Engine

    def count(self) -> dict[str, int]:
        """How many rows each table has that a delivery may write to."""
        records = form_table(KOBO_RECORDS)
        tables = {"records": records, "ledger": submissions, "to_fetch": to_fetch, "dead": dead_letters}
        with self.engine.connect() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in tables.items()
            }

    def cells(self, column: str) -> list[Any]:
        """One column of the form table, in the order of ``kobo_id``."""
        records = form_table(KOBO_RECORDS)
        with self.engine.connect() as connection:
            return list(connection.scalars(select(records.c[column]).order_by(records.c.kobo_id)))

    def dead_letter(self) -> tuple[str, str, bytes]:
        """Source, reason and body of the only dead letter."""
        c = dead_letters.c
        with self.engine.connect() as connection:
            source, reason, body = connection.execute(select(c.source, c.reason, c.body)).one()
            return source, reason, body


def client_of(engine: Engine, *mirrors: Mirror, secrets: tuple[str, ...] = (SECRET, PREVIOUS_SECRET)) -> Any:
    """Return a client of an application on this database."""
    deps = Dependencies(engine=engine, probe=engine, mirrors=mirrors or [MIRROR], secrets=secrets)
    return testing.TestClient(create_app(deps))


def post(client: testing.TestClient, body: bytes, **options: Any) -> testing.Result:
    """Deliver a body as KoboToolbox does; ``headers`` are added."""
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "X-Webhook-Secret": SECRET,
    } | options.pop("headers", {})
    return client.simulate_post(PATH, body=body, headers=headers, **options)


NOTHING = {"records": 0, "ledger": 0, "to_fetch": 0, "dead": 0}


OTHER = "aAnotherForm00000000001"


def outcome(result: testing.Result) -> tuple[int, Any, Any]:
    """Return status, ``result`` and ``reason`` of a response."""
    return result.status_code, result.json.get("result"), result.json.get("reason")
