"""The webhook's benchmark runs, and its last line says what is promised."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from benchmarks import common
from benchmarks.closed_loop import post_all
from benchmarks.common import BenchError
from benchmarks.webhook import CEILINGS, measured, sentence
from benchmarks.webhook_contestants import COMMANDS, EACH, EDITED, HELLO, LONE, NEW, OURS, REPEATED, Plan
from benchmarks.webhook_subjects import Subject, nested, survey
from kobo_mirror.database.engine import open_engine
from kobo_mirror.store.writer import Writer
from kobo_mirror.submissions.rows import read_state
from tests.support.database_server import DatabaseServer
from tests.support.faulty_server import FaultyServer, response

PHASES = {LONE, NEW, EDITED, REPEATED}


@pytest.mark.long
@pytest.mark.parametrize("subject", [survey, nested])
def test_every_contestant_takes_its_turns_and_stores_what_it_accepted(
    subject: Callable[[], Subject],
) -> None:
    with common.database("mariadb") as database:
        results = measured(Plan(rounds=2, lone=4, many=64, naive=32, connections=8), database, subject())
    assert set(results) == {*COMMANDS, *CEILINGS}
    for name, rounds in results.items():
        assert len(rounds) == 2
        wanted = PHASES if name in COMMANDS else {NEW}
        assert set(rounds[0]) == ({LONE, NEW} if name == HELLO else wanted)
        assert all(figures.rate > 0 and figures.p50 <= figures.p99 for figures in rounds[1].values())
    assert all(done[NEW].memory > 10 and done[NEW].cpu > 0 for name in (OURS, EACH) for done in results[name])
    line = sentence(results, subject().title)
    assert re.fullmatch(rf"{subject().title}: [\d.]+ x naive, [\d.]+ of ceiling, p99 \d+ ms", line)


def test_a_delivery_has_four_rows_of_repeats(server: DatabaseServer) -> None:
    """The naive server's rows are ours: both are compared with the same numbers."""
    subject, engine = nested(), open_engine(server.fresh_database())
    subject.prepare(engine)
    writer, mirror = Writer(engine, subject.mirror), subject.mirror
    writer.push_all([read_state(one, mirror) for one in subject.new(range(1, 4))])
    writer.push_all([read_state(one, mirror) for one in subject.edits(range(1, 3))])
    with engine.connect() as connection:
        subject.check(connection, 3, range(1, 3))
        with pytest.raises(BenchError, match="2 edited"):
            subject.check(connection, 3, range(1, 4))
        with pytest.raises(BenchError, match="of 4 submissions"):
            subject.check(connection, 4, range(1, 3))
    assert sum(rows for rows in subject.tables.values()) == 2 + 4
    engine.dispose()


def test_the_loop_sends_each_request_once_and_measures_each_response() -> None:
    with FaultyServer(response(b"{}")) as server:
        sent = [f"POST /{i} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode() for i in range(7)]
        load = post_all(int(server.url.rpartition(":")[2]), sent, connections=3)
        assert sorted(request.split()[1] for request in server.requests) == [f"/{i}" for i in range(7)]
    assert dict(load.statuses) == {200: 7}
    assert len(load.latencies) == 7
    assert 0 < load.quantile(0.5) <= load.quantile(0.99) <= 1000 * load.seconds


def test_a_response_that_is_cut_off_is_an_error() -> None:
    with (
        FaultyServer(response(b"{}", length=50)) as server,
        pytest.raises(BenchError, match="in the middle of an answer"),
    ):
        post_all(int(server.url.rpartition(":")[2]), [b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"], 1)
