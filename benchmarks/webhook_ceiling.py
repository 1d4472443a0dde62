"""The limit of the database: the same statements in the same transactions, without anything of ours."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pymysql
from pymysql.constants import CLIENT
from sqlalchemy import Engine, event

from benchmarks import common
from benchmarks.closed_loop import Load
from benchmarks.webhook_contestants import NEW, Figures, Round
from benchmarks.webhook_subjects import Subject
from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import read_state
from tests.support.database_server import DatabaseServer

_ESCAPED = "surrogateescape"  # how PyMySQL sends bytes in a statement


class Ceiling:
    """Sends transactions of so many submissions each, by as many connections as are best for that.

    :param together: submissions a transaction.
    :param subject: what they are.
    """

    def __init__(self, database: DatabaseServer, together: int, subject: Subject) -> None:
        self._database, self._together, self._subject = database, together, subject
        self._source, self._target = (open_engine(database.fresh_database(), several=True) for _ in range(2))
        for engine in (self._source, self._target):
            subject.prepare(engine)
        event.listen(self._source.pool, "checkout", self._record_statements)
        self._sent: list[list[bytes]] = []
        self._next = 1

    def round(self, count: int) -> Round:
        """Write so many new submissions."""
        ready = iter(self._transactions(count))
        lock = threading.Lock()

        def send() -> list[float]:
            times: list[float] = []
            with closing(_connect(self._target)) as connection, connection.cursor() as cursor:
                while True:
                    with lock:
                        transaction = next(ready, None)
                    if transaction is None:
                        return times
                    since = time.perf_counter()
                    cursor.execute(transaction)
                    while cursor.nextset():
                        pass
                    times.append(time.perf_counter() - since)

        senders = 8 if self._together == 1 else 2
        before, started = common.server_cpu(self._database), time.perf_counter()
        with ThreadPoolExecutor(senders) as threads:
            running = [threads.submit(send) for _ in range(senders)]
        times = [seconds for sender in running for seconds in sender.result()]
        seconds = time.perf_counter() - started
        load = Load(seconds, sorted(times), Counter())
        cpu = 1000 * (common.server_cpu(self._database) - before) / count
        return {NEW: Figures(count / seconds, load.quantile(0.5), load.quantile(0.99), 0.0, cpu, 0.0)}

    def _transactions(self, count: int) -> list[bytes]:
        """Return the statements that the writer sends for them, as they were sent: one text a transaction."""
        self._sent = []
        mirror = self._subject.mirror
        writer = Writer(self._source, mirror)
        for first in range(self._next, self._next + count, self._together):
            self._sent.append([b"BEGIN"])
            ids = range(first, min(first + self._together, self._next + count))
            writer.push_all([read_state(body, mirror) for body in self._subject.new(ids)])
        self._next += count
        return [b"; ".join([*statements, b"COMMIT"]) for statements in self._sent]

    def _record_statements(self, connection: Any, *_: Any) -> None:
        """Record the statements that a connection of PyMySQL sends."""
        if hasattr(connection, "recorded"):
            return
        query = connection.query

        def note(statement: str | bytes, *others: Any) -> Any:
            as_bytes = statement if isinstance(statement, bytes) else statement.encode("utf-8", _ESCAPED)
            self._sent[-1].append(as_bytes)
            return query(statement, *others)

        connection.query, connection.recorded = note, True


def _connect(engine: Engine) -> Any:
    url = engine.url
    return pymysql.connect(
        host=url.host, port=url.port or 3306, user=url.username, password=str(url.password or ""),
        database=url.database, client_flag=CLIENT.MULTI_STATEMENTS, autocommit=True, charset="utf8mb4",
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )  # fmt: skip
