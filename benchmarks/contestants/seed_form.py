"""The usual way, extended by hand to repeats: an upsert a page and table, child rows deleted and inserted.

All answers are texts, as in most scripts. A table holds as many of them as a row of InnoDB takes, so a wide
form has several.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import requests
from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, Text, create_engine, delete
from sqlalchemy.dialects.mysql import insert

ENV = os.environ
MOST = 150  # texts a table
Row = dict[str, Any]


class Target:
    """The table of the form or of a repeat, and of what does not fit into it.

    :param path: of the repeat; empty for the form.
    :param questions: their paths.
    """

    def __init__(self, metadata: MetaData, name: str, path: str, questions: Sequence[str]) -> None:
        self.path = path
        depth = path.count("/") + 1 if path else 0
        self.keys = ["kobo_id", *(f"pos_{level}" for level in range(1, depth + 1))]
        self.pieces = [questions[first : first + MOST] for first in range(0, len(questions), MOST)]
        self.tables = [
            Table(
                f"{name}_{number}" if number else name,
                metadata,
                *(
                    Column(
                        key,
                        Integer if key != "kobo_id" else BigInteger,
                        primary_key=True,
                        autoincrement=False,
                    )
                    for key in self.keys
                ),
                *(Column(question.replace("/", "__"), Text) for question in piece),
                mysql_charset="utf8mb4",
            )
            for number, piece in enumerate(self.pieces)
        ]

    def write(self, connection: Connection, found: Sequence[tuple[tuple[int, ...], Row]]) -> None:
        """Write the rows of a page."""
        for table, piece in zip(self.tables, self.pieces, strict=True):
            rows = [
                dict(zip(self.keys, key, strict=True))
                | {question.replace("/", "__"): row.get(question) for question in piece}
                for key, row in found
            ]
            if self.path and rows:
                connection.execute(insert(table).values(rows))
            elif rows:
                upsert = insert(table).values(rows)
                moved = {c.name: upsert.inserted[c.name] for c in table.columns if c.name != "kobo_id"}
                connection.execute(upsert.on_duplicate_key_update(moved))

    def clear(self, connection: Connection, ids: Sequence[int]) -> None:
        """Delete the rows of repeats of these submissions."""
        for table in self.tables if self.path else ():
            connection.execute(delete(table).where(table.c.kobo_id.in_(ids)))


def rows_of(row: Row, path: str, key: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], Row]]:
    """Yield the rows of a repeat in a submission, with their keys."""
    if not path:
        yield key, row
        return
    outer = path.rpartition("/")[0]
    for around, inside in rows_of(row, outer, key) if outer else [(key, row)]:
        for number, one in enumerate(inside.get(path, []), 1):
            yield (*around, number), one


def main() -> None:
    """Page by page: request, shape, upsert, commit."""
    metadata = MetaData()
    targets = [Target(metadata, *one) for one in json.loads(ENV["BENCH_TABLES"])]
    engine = create_engine(ENV["DATABASE_URL"])
    metadata.create_all(engine)
    session = requests.Session()
    session.headers["Authorization"] = f"Token {ENV['KOBO_TOKEN']}"
    url: str | None = f"{ENV['KOBO_URL']}/api/v2/assets/{ENV['KOBO_ASSET_ID']}/data.json?limit=1000"
    while url:
        answer: dict[str, Any] = session.get(url, timeout=60).json()
        with engine.begin() as connection:
            for target in targets:
                target.clear(connection, [row["_id"] for row in answer["results"]])
                found = (rows_of(row, target.path, (row["_id"],)) for row in answer["results"])
                target.write(connection, [one for rows in found for one in rows])
        url = answer["next"]


if __name__ == "__main__":
    main()
