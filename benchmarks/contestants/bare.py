"""The limit: download, decode and write the same cells to the same two tables, with no library of ours.

One thread downloads and slices, the others render statements as text and send them, a transaction a page.
It checks nothing, keeps no checkpoint, proves nothing: nothing more could be left out but data.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import queue
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
import urllib3
from sqlalchemy.engine import make_url

SEPARATOR, NOTHING = "\x1f", "\x1e"
LEDGER = (
    "asset_uid, kobo_id, uuid, root_uuid, previous_uuid, form_version, submission_time, submitted_by, "
    "document_digest, row_digest, state, first_seen_at"
)
LEDGER_FIELDS = (
    "_uuid",
    "meta/rootUuid",
    "meta/deprecatedID",
    "__version__",
    "_submission_time",
    "_submitted_by",
)
ASCENDING = quote('{"_id":1}')
SESSION = "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'"
ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"


Escape = Callable[[str], str]


class Page(msgspec.Struct):
    """A response; the submissions stay slices of it."""

    results: list[msgspec.Raw]


class Script(ABC):
    """Downloads in one thread and writes in others; what it writes to is for subclasses to say."""

    def __init__(self, env: dict[str, str], writers: int) -> None:
        self._url, self._token, self._asset = env["KOBO_URL"], env["KOBO_TOKEN"], env["KOBO_ASSET_ID"]
        self._keep = env.get("KOBO_KEEP_PAYLOADS") == "all"
        self._page = msgspec.json.Decoder(Page).decode
        self._pages: queue.Queue[list[Any] | None] = queue.Queue(4)
        self._database = make_url(env["DATABASE_URL"])
        self._writers = writers
        self._errors: list[BaseException] = []
        self._row: Any = msgspec.json.Decoder(self._row_type(env)).decode

    @abstractmethod
    def _row_type(self, env: dict[str, str]) -> Any:
        """Return the struct that a submission is decoded into, with its ``kobo_id``."""

    @abstractmethod
    def _send(self, cursor: Any, rows: list[Any], escape: Escape, verb: str) -> None:
        """Write submissions, each a row, the digest of its JSON and that JSON.

        :param verb: INSERT, or REPLACE where the ledger has them.
        """

    def run(self) -> None:
        """Download in this thread, write in others."""
        threads = [threading.Thread(target=self._write) for _ in range(self._writers)]
        for thread in threads:
            thread.start()
        self._read()
        for _ in threads:
            self._pages.put(None)
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _read(self) -> None:
        http = urllib3.PoolManager()
        headers = {"Authorization": f"Token {self._token}", "Accept-Encoding": "gzip"}
        base = f"{self._url}/api/v2/assets/{self._asset}/data.json?limit=1000&sort={ASCENDING}&query="
        last = 0
        while not self._errors:
            query = quote(f'{{"_id":{{"$gt":{last}}}}}')
            raws = self._page(http.request("GET", base + query, headers=headers).data).results
            if not raws:
                return
            rows: list[Any] = [self._row(raw) for raw in raws]
            digests = [hashlib.blake2b(raw, digest_size=16).hexdigest() for raw in raws]
            self._pages.put(list(zip(rows, digests, raws, strict=True)))
            last = rows[-1].kobo_id

    def _write(self) -> None:
        try:
            connection, escape = connect(self._database)
            while (page := self._pages.get()) is not None:
                self._apply(connection.cursor(), page, escape)
                connection.commit()
        except BaseException as error:
            self._errors.append(error)
            while self._pages.get() is not None:
                pass

    def _apply(self, cursor: Any, page: list[Any], escape: Escape) -> None:
        first, last = page[0][0].kobo_id, page[-1][0].kobo_id
        cursor.execute(
            f"SELECT kobo_id, document_digest FROM kobo_submissions WHERE asset_uid = '{self._asset}' "
            f"AND kobo_id BETWEEN {first} AND {last} FOR UPDATE"
        )
        stored = {kobo_id: digest.hex() for kobo_id, digest in cursor.fetchall()}
        for known in (False, True):
            some = [p for p in page if (p[0].kobo_id in stored) is known and stored.get(p[0].kobo_id) != p[1]]
            if some:
                self._send(cursor, some, escape, "REPLACE" if known else "INSERT")


class FlatScript(Script):
    """Writes to the ledger and one table."""

    def _row_type(self, env: dict[str, str]) -> Any:
        self._table, columns = json.loads(env["BENCH_COLUMNS"])
        self._names = ", ".join(("id", "kobo_id", *(name for name, _, _ in columns), "inserted_at"))
        answers = {path: default for _, path, default in columns}
        paths = {**dict.fromkeys(LEDGER_FIELDS), **answers}
        fields: list[Any] = [("kobo_id", int, msgspec.field(name="_id"))]
        fields += [(f"f{i}", str | None, field_of(*pair)) for i, pair in enumerate(paths.items())]
        places = {path: place for place, path in enumerate(paths)}
        self._of_form = [places[path] for path in answers]
        self._time = f"f{places['_submission_time']}"
        return msgspec.defstruct("Row", fields)

    def _send(self, cursor: Any, rows: list[Any], escape: Escape, verb: str) -> None:
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}"
        ledger, form = [], []
        count = len(LEDGER_FIELDS)
        for row, digest, raw in rows:
            cells = msgspec.structs.astuple(row)
            kobo_id = cells[0]
            text = SEPARATOR.join([NOTHING if cell is None else cell for cell in cells[1:]])
            parts = escape(text).replace(f"{SEPARATOR}{NOTHING}", f"{SEPARATOR}NULL").split(SEPARATOR)
            known = [part if part == "NULL" else f"'{part}'" for part in parts]
            own = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
            kept = f", '{escape(bytes(raw).decode())}'" if self._keep else ""
            ledger.append(
                f"('{self._asset}', {kobo_id}, {', '.join(known[:count])}, x'{digest}', x'{own}', "
                f"'applied', '{now}'{kept})".replace("'uuid:", "'")
            )
            record = self._id(kobo_id, getattr(row, self._time))
            form.append(
                f"(x'{record}', {kobo_id}, {', '.join([known[place] for place in self._of_form])}, '{now}')"
            )
        payload = ", payload" if self._keep else ""
        cursor.execute(f"{verb} INTO kobo_submissions ({LEDGER}{payload}) VALUES {', '.join(ledger)}")
        cursor.execute(f"{verb} INTO {self._table} ({self._names}) VALUES {', '.join(form)}")

    def _id(self, kobo_id: int, time: str) -> str:
        milliseconds = int(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()) * 1000
        seed = f"{self._url}\n{self._asset}\n{kobo_id}".encode()
        rest = int.from_bytes(hashlib.sha256(seed).digest()[:10]) & (2**74 - 1)
        number = milliseconds << 80 | 8 << 76 | (rest >> 62) << 64 | 2 << 62 | rest & (2**62 - 1)
        return f"{number:032x}"


def field_of(path: str, default: str | None) -> Any:
    """Return a field that is called as a question."""
    return msgspec.field(name=path, default=default)


def connect(url: Any) -> tuple[Any, Escape]:
    """Return a connection by the address's driver, and what escapes texts for it."""
    driver = importlib.import_module("pymysql" if url.drivername.endswith("pymysql") else "MySQLdb")
    connection = driver.connect(
        host=url.host,
        port=url.port,
        user=url.username,
        password=url.password,
        database=url.database,
        charset="utf8mb4",
        init_command=SESSION,
    )
    connection.cursor().execute(ISOLATION)
    if driver.__name__ == "pymysql":
        return connection, driver.converters.escape_string
    return connection, lambda text: connection.escape_string(text.encode()).decode()


if __name__ == "__main__":
    FlatScript(dict(os.environ), int(sys.argv[1])).run()
