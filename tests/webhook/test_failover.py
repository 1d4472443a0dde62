"""A cluster's address leads to another primary: deliveries follow, and nothing is written to the old one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import make_url

from kobo_mirror.database.dialects.mysql.connecting import IDLE_SECONDS
from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from tests.support.database_server import OwnServer, own_server
from tests.support.tcp_relay import TcpRelay, relay_to
from tests.webhook.application import MIRROR, Tables
from tests.webhook.bodies import body
from tests.webhook.service import Service, running_service, wait_for

USER = "'app'@'127.0.0.1'"


class Cluster:
    """An old primary, a new one, and the address of both."""

    def __init__(self, old: OwnServer, new: OwnServer, relay: TcpRelay) -> None:
        self.old, self.new, self._relay = old, new, relay
        self.url = f"mysql+pymysql://app:made-up@127.0.0.1:{relay.port}/kobo"
        for server in (old, new):
            server.run(
                "CREATE DATABASE kobo CHARACTER SET utf8mb4",
                f"CREATE USER {USER} IDENTIFIED BY 'made-up'",
                f"GRANT ALL ON kobo.* TO {USER}",
            )
            engine = open_engine(server.url("kobo"))
            migrate(engine, KOBO_RECORDS)
            bind(engine, MIRROR)
            engine.dispose()

    def fail_over(self) -> None:
        """As a managed database does: the old one takes nothing more, but ends no connection."""
        self.old.run("SET GLOBAL read_only = 1")
        self._relay.target = make_url(self.new.url()).port or 0

    def ids(self, server: OwnServer) -> list[int]:
        engine = open_engine(server.url("kobo"))
        found = Tables(engine).cells("kobo_id")
        engine.dispose()
        return found


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with ExitStack() as open_:
        old, new = (open_.enter_context(own_server()) for _ in range(2))
        relay = open_.enter_context(relay_to(make_url(old.url()).port or 0))
        yield Cluster(old, new, relay)


def deliver(service: Service, ids: range) -> list[int]:
    """The statuses of deliveries that come eight at once."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda kobo_id: service.post(body(kobo_id))[0], ids))


def test_deliveries_follow_the_primary(cluster: Cluster, tmp_path: Path) -> None:
    with running_service(cluster.url, tmp_path) as service:
        assert deliver(service, range(1, 41)) == [200] * 40
        cluster.fail_over()
        first = [service.post(body(kobo_id))[0] for kobo_id in range(101, 121)]
        assert first.count(503) <= 1
        assert set(first[1:]) == {200}
        assert service.get("/health/ready") == 200
        assert deliver(service, range(201, 241)) == [200] * 40
        time.sleep(IDLE_SECONDS + 1)  # what has seen no refusal is older than this when it is used again
        cluster.old.run("SET GLOBAL read_only = 0")
        assert deliver(service, range(301, 341)) == [200] * 40
    assert cluster.ids(cluster.old) == [*range(1, 41)]
    assert {*range(102, 121), *range(201, 241), *range(301, 341)} <= set(cluster.ids(cluster.new))


def test_an_idle_webhook_follows_a_failover_without_a_refusal(cluster: Cluster, tmp_path: Path) -> None:
    with running_service(cluster.url, tmp_path) as service:
        assert deliver(service, range(1, 41)) == [200] * 40
        cluster.fail_over()
        time.sleep(IDLE_SECONDS + 1)
        cluster.old.run("SET GLOBAL read_only = 0")
        assert deliver(service, range(101, 141)) == [200] * 40
    assert cluster.ids(cluster.old) == [*range(1, 41)]
    assert cluster.ids(cluster.new) == [*range(101, 141)]


def test_it_is_not_ready_while_there_is_no_primary(cluster: Cluster, tmp_path: Path) -> None:
    with running_service(cluster.url, tmp_path) as service:
        assert service.post(body(1))[0] == 200
        for server in (cluster.old, cluster.new):
            server.run("SET GLOBAL read_only = 1")
        for kobo_id in (2, 3):
            started = time.monotonic()
            assert service.post(body(kobo_id))[0] == 503
            assert time.monotonic() - started < 5
        started = time.monotonic()
        status, answer, _ = service.request("GET", "/health/ready")
        assert status == 503
        assert time.monotonic() - started < 5
        assert answer["status"] == "error"
        assert "read-only" in service.log()
        assert service.get("/health/live") == 200
        cluster.old.run("SET GLOBAL read_only = 0")
        wait_for(lambda: service.get("/health/ready") == 200, 3)
        assert service.post(body(4))[0] == 200
    assert cluster.ids(cluster.old) == [1, 4]
