"""The webhook's benchmark runs, and its last line says what is promised."""

from __future__ import annotations

import re

import pytest

from benchmarks import common
from benchmarks.closed_loop import post_all
from benchmarks.common import BenchError
from benchmarks.webhook import CEILINGS, measured, sentence
from benchmarks.webhook_contestants import COMMANDS, EACH, EDITED, HELLO, LONE, NEW, OURS, REPEATED, Plan
from tests.support.faulty_server import FaultyServer, response

PHASES = {LONE, NEW, EDITED, REPEATED}


@pytest.mark.long
def test_every_contestant_takes_its_turns_and_stores_what_it_accepted() -> None:
    with common.database("mariadb") as database:
        results = measured(Plan(rounds=2, lone=4, many=64, naive=32, connections=8), database)
    assert set(results) == {*COMMANDS, *CEILINGS}
    for name, rounds in results.items():
        assert len(rounds) == 2
        wanted = PHASES if name in COMMANDS else {NEW}
        assert set(rounds[0]) == ({LONE, NEW} if name == HELLO else wanted)
        assert all(figures.rate > 0 and figures.p50 <= figures.p99 for figures in rounds[1].values())
    assert all(done[NEW].memory > 10 and done[NEW].cpu > 0 for name in (OURS, EACH) for done in results[name])
    assert re.fullmatch(r"webhook: [\d.]+ x naive, [\d.]+ of ceiling, p99 \d+ ms", sentence(results))


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
