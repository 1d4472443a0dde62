"""The usual way: requests, and one ``insert().values(rows)`` upsert a page into one table, no ledger."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import requests
from sqlalchemy import BigInteger, Column, MetaData, String, Table, create_engine
from sqlalchemy.dialects.mysql import insert

ENV = os.environ


def main() -> None:
    """Page by page: request, shape, upsert, commit."""
    name, columns = json.loads(ENV["BENCH_COLUMNS"])
    table = Table(
        name,
        MetaData(),
        Column("id", String(36), primary_key=True),
        Column("kobo_id", BigInteger, unique=True),
        *(Column(column, String(255)) for column, _, _ in columns),
        mysql_charset="utf8mb4",
    )
    engine = create_engine(ENV["DATABASE_URL"])
    table.metadata.create_all(engine)
    session = requests.Session()
    session.headers["Authorization"] = f"Token {ENV['KOBO_TOKEN']}"
    url: str | None = f"{ENV['KOBO_URL']}/api/v2/assets/{ENV['KOBO_ASSET_ID']}/data.json?limit=1000"
    while url:
        answer: dict[str, Any] = session.get(url, timeout=60).json()
        rows = [
            {"id": str(uuid.uuid4()), "kobo_id": row["_id"]}
            | {column: row.get(path, default) for column, path, default in columns}
            for row in answer["results"]
        ]
        upsert = insert(table).values(rows)
        moved = {column.name: upsert.inserted[column.name] for column in table.columns if column.name != "id"}
        with engine.begin() as connection:
            connection.execute(upsert.on_duplicate_key_update(moved))
        url = answer["next"]


if __name__ == "__main__":
    main()
