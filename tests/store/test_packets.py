"""One large record never stalls a form, however little a server takes in one message."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.declared_form import Kind
from kobo_mirror.store import dead_letters
from kobo_mirror.store.schema import migrate
from kobo_mirror.store.tables import submissions
from tests.support.database_server import OwnServer, own_server
from tests.support.drivers import DRIVERS
from tests.support.submissions import submission
from tests.support.tables import ledger, letters, records
from tests.support.writing import Writing

PACKETS = {"16K": 16 * 2**10, "64K": 64 * 2**10, "1M": 2**20}


@pytest.fixture(scope="module")
def database() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


@pytest.fixture(
    scope="module", params=["16K", *(pytest.param(size, marks=pytest.mark.long) for size in ("64K", "1M"))]
)
def small(request: pytest.FixtureRequest, database: OwnServer) -> tuple[OwnServer, int]:
    """A server and the bytes that it takes."""
    database.restart(f"--max-allowed-packet={request.param}")
    return database, PACKETS[request.param]


@pytest.fixture(params=[(driver, several) for driver in DRIVERS for several in (True, False)], ids=str)
def limited(request: pytest.FixtureRequest, small: tuple[OwnServer, int]) -> Iterator[tuple[Engine, int]]:
    """A migrated database there, with each driver, in messages of several statements or of one."""
    server, packet = small
    driver, several = request.param
    url = server.fresh_database(driver=driver)
    engine = open_engine(url, several=several)
    migrate(engine, KOBO_RECORDS)
    yield engine, packet
    engine.dispose()
    server.drop_database(url)


def longest_sent(engine: Engine) -> list[int]:
    """The bytes of each message from now on."""
    sizes: list[int] = []

    def measure(connection: Any, cursor: Any, *rest: Any) -> None:
        query = cursor._executed
        sizes.append(len(query if isinstance(query, bytes) else query.encode("utf-8", "surrogateescape")))

    event.listen(engine, "after_cursor_execute", measure)
    return sizes


def at_the_limit(kept: Callable[[int], bool], most: int) -> int:
    """The largest size that is kept, by trying."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if kept(middle) else (low, middle - 1)
    return low


@pytest.mark.parametrize(
    ("letter", "pulled"), [("x", True), ('"', True), ("\\'", False), ("አ", False), ("😀\x00", False)]
)
def test_a_rejection_is_kept_with_as_large_a_payload_as_fits(
    limited: tuple[Engine, int], letter: str, pulled: bool
) -> None:
    engine, packet = limited
    writing = Writing(engine)
    sent = longest_sent(engine)
    ids = iter(range(101, 200))  # of one length each

    def kept(size: int) -> bool:
        key = next(ids)
        data = submission(key, age="abc", other=(letter * size)[:size])
        if pulled:
            assert writing.pull(data)["rejected"] == 1
        else:
            assert writing.writer.push(json.dumps(data, ensure_ascii=False).encode()).result == "rejected"
        found = select(submissions.c.reason, func.length(submissions.c.payload), submissions.c.state)
        with engine.connect() as connection:
            reason, length, state = connection.execute(found.where(submissions.c.kobo_id == key)).one()
        assert state == "rejected"
        note = f"too many for the server's max_allowed_packet ({packet})"
        assert reason.startswith("age: the answer to sec_c/cd_age")
        assert reason.endswith("is not a whole number" if length else note)
        return bool(length)

    limit = at_the_limit(kept, packet)
    assert [kept(limit - 1), kept(limit), kept(limit + 1)] == [True, True, False]
    assert packet - 1200 < max(sent) < packet


@pytest.mark.parametrize("pulled", [True, False])
def test_a_large_one_keeps_its_neighbours_company(limited: tuple[Engine, int], pulled: bool) -> None:
    engine, packet = limited
    writing = Writing(engine, keep_payloads="all")
    page = [submission(key, note="'" * (packet if key == 3 else 5)) for key in range(1, 6)]
    if pulled:
        assert writing.pull(*page)["inserted"] == 5
        assert writing.pull(*page)["unchanged"] == 5
    else:
        assert writing.results(page) == ["inserted"] * 5
        assert writing.results(page) == ["unchanged"] * 5
    assert len(records(engine)) == 5
    stored = ledger(engine)
    assert [key for key, row in stored.items() if row["payload"] is None] == [3]
    assert stored[3]["state"] == "applied"
    assert "its payload is not kept" in stored[3]["reason"]
    assert not any(row["reason"] for key, row in stored.items() if key != 3)


def test_a_row_that_no_message_holds_is_a_rejection(limited: tuple[Engine, int]) -> None:
    engine, packet = limited
    writing = Writing(engine)
    texts = [column.name for column in KOBO_RECORDS.columns if column.kind is Kind.TEXT]
    wide = dict.fromkeys(texts, "😀" * 255)
    assert writing.pull(submission(1), submission(2, **wide), submission(3))["rows_read"] == 3
    fits = packet > 20_000
    assert set(records(engine)) == ({1, 2, 3} if fits else {1, 3})
    if not fits:
        row = ledger(engine)[2]
        assert row["state"] == "rejected"
        assert row["reason"].startswith("its row is too large: ")
        assert f"max_allowed_packet ({packet})" in row["reason"]


@pytest.mark.parametrize("byte", [b"x", b"'", b"\x00", b"\xff"])
def test_a_dead_letter_keeps_as_much_of_its_body_as_fits(limited: tuple[Engine, int], byte: bytes) -> None:
    engine, packet = limited
    for size in (packet // 4, packet * 2):
        dead_letters.keep(engine, body=byte * size, source="webhook", reason="no JSON" + "!" * 600)
    small, large = letters(engine)
    assert (small["body"], small["reason"]) == (byte * (packet // 4), "no JSON" + "!" * 493)
    assert large["body"] == byte * len(large["body"])
    assert packet - 5000 < len(large["body"]) * (2 if byte in b"'\x00" else 1) < packet
    assert large["reason"].startswith("no JSON!")
    assert large["reason"].endswith(f"too many for the server's max_allowed_packet ({packet})")
    assert f"its body after its first {len(large['body'])} bytes is not kept" in large["reason"]
    assert len(large["reason"]) <= 500
