"""What strangers and broken senders do to the running service: never a 500, a hang, growth or a loss."""

from __future__ import annotations

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine, func, select

from kobo_mirror.store.tables import metadata
from tests.webhook.application import Tables
from tests.webhook.bodies import SECRET, body
from tests.webhook.hostile import CANARY, NOTHING, Attack, attacks
from tests.webhook.service import Service, running_service

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
PATIENCE = 20.0


def statuses(service: Service, attack: Attack) -> tuple[list[int], bytes, float]:
    """The statuses of all answers until the connection ends, what was said, and the seconds it took."""
    started = time.monotonic()
    answer = b""
    with service.connect() as connection:
        connection.settimeout(PATIENCE)
        with suppress(OSError):  # it may be refused before all was sent
            connection.sendall(attack.sent)
            connection.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while piece := connection.recv(65536):
                answer += piece
    found = [int(code) for code in _STATUS.findall(answer)] or [NOTHING]
    return found, answer, time.monotonic() - started


def memory(service: Service) -> int:
    """Bytes that the workers have of their own."""
    return sum(psutil.Process(pid).memory_info().rss for pid in service.workers())


@pytest.mark.parametrize(
    "database_url", ["server", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True
)
def test_five_hundred_hostile_requests(migrated: str, engine: Engine, tables: Tables, tmp_path: Path) -> None:
    every = list(attacks())
    assert len(every) >= 500
    with running_service(migrated, tmp_path) as service:
        for kobo_id in range(1, 41):
            service.post(body(kobo_id))
        with ThreadPoolExecutor(max_workers=8) as senders:
            first = list(senders.map(lambda attack: statuses(service, attack), every))
            grown = memory(service)
            again = list(senders.map(lambda attack: statuses(service, attack), every))
        surprises = [
            (attack.name, found)
            for attack, (found, _, _) in zip(every * 2, first + again, strict=True)
            if len(found) != len(attack.allowed)
            or any(code not in allowed for code, allowed in zip(found, attack.allowed, strict=True))
        ]
        assert not surprises, "\n".join(map(str, surprises))
        assert [
            attack.name for attack, (_, _, took) in zip(every, first, strict=False) if took > PATIENCE - 1
        ] == []
        assert memory(service) < grown * 1.25 + 16 * 2**20
        assert service.post(body(41))[0] == 200
        assert len(service.workers()) == 2
        log = service.log()
    said = b"".join(answer for _, answer, _ in first).decode("latin-1")
    assert CANARY not in log
    assert CANARY not in said
    assert SECRET not in log
    assert '"level": "error"' not in log
    assert tables.cells("kobo_id")[:41] == list(range(1, 42))
    with engine.connect() as connection, connection.begin():
        for table in metadata.sorted_tables:
            connection.execute(select(func.count()).select_from(table))
