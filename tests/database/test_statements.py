from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, text

from kobo_mirror.store import dead_letters
from kobo_mirror.store.statements import _STATEMENT_BYTES, _chunks
from tests.support.submissions import edited, submission
from tests.support.tables import ledger, letters, records
from tests.support.writing import Writing

CELL = st.one_of(
    st.none(), st.integers(), st.integers(0, 400_000).map(lambda n: "x" * n), st.just(b"\xff" * 300_000)
)


@given(rows=st.lists(st.tuples(CELL, CELL), max_size=20))
def test_rows_are_cut_into_statements_in_their_order(rows: list[tuple[Any, ...]]) -> None:
    chunks = list(_chunks(rows))
    assert [row for chunk in chunks for row in chunk] == rows
    for chunk in chunks:
        size = sum(4 * len(cell) for row in chunk for cell in row if isinstance(cell, str | bytes))
        assert chunk
        assert size <= _STATEMENT_BYTES or len(chunk) == 1


@pytest.fixture
def sent(server_engine: Engine) -> list[int]:
    """The bytes of each statement as the driver sent it."""
    sizes: list[int] = []

    def measure(connection: Any, cursor: Any, *rest: Any) -> None:
        query = cursor._executed  # both drivers keep what they sent under this name
        sizes.append(len(query if isinstance(query, bytes) else query.encode("utf-8", "surrogateescape")))

    event.listen(server_engine, "after_cursor_execute", measure)
    return sizes


def test_a_page_of_large_submissions_stays_under_a_quarter_of_the_packet(
    server_engine: Engine, sent: list[int]
) -> None:
    with server_engine.connect() as connection:
        packet = connection.execute(text("SELECT @@max_allowed_packet")).scalar_one()
    page = [submission(key, age="abc", other='"አ\\😀\x00' * 2000) for key in range(1, 401)]
    assert Writing(server_engine).pull(*page) == {"rows_read": 400, "rejected": 400}
    assert max(sent) < packet / 4
    assert sum(sent) > 16 * 2**20
    assert len(ledger(server_engine)) == 400


def test_a_page_of_the_survey_is_one_statement_a_table(server_engine: Engine, sent: list[int]) -> None:
    writing = Writing(server_engine)
    page = [submission(key) for key in range(1, 1001)]
    writing.pull(*page)
    del sent[:]
    writing.pull(*(edited(data, age="40") for data in page))
    assert len(sent) < 15
    assert len([size for size in sent if size > 100_000]) == 2
    assert {row["age"] for row in records(server_engine).values()} == {40}


def test_a_dead_letter_is_kept_byte_for_byte(engine: Engine) -> None:
    bodies = [b"", b"{", b"\x00\xff'\"\\%s" * 10, bytes(range(256)) * 4096 * 5]
    for body in bodies:
        dead_letters.keep(engine, body=body, source="webhook", reason="x" * 600)
    kept = letters(engine)
    assert [row["body"] for row in kept] == bodies
    assert {(row["source"], row["reason"], row["attempts"], row["replayed_at"]) for row in kept} == {
        ("webhook", "x" * 500, 0, None)
    }
    assert len({row["id"] for row in kept}) == len(bodies)
