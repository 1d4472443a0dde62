"""A submission with a row that no message holds becomes a rejection, and its neighbours are written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.store.schema import migrate
from tests.support.database_server import OwnServer, own_server
from tests.support.drivers import DRIVERS
from tests.support.forms.applied import Applying
from tests.support.forms.members import MEMBERS, check, document, put
from tests.support.forms.row_set_writing import RowSetWriting
from tests.support.forms.surveys import survey
from tests.support.tables import ledger

PACKET = 64 * 2**10


@pytest.fixture(scope="module")
def small() -> Iterator[OwnServer]:
    with own_server() as server:
        server.restart("--max-allowed-packet=64K")
        yield server


@pytest.fixture(params=[(driver, several) for driver in DRIVERS for several in (True, False)], ids=str)
def limited(request: pytest.FixtureRequest, small: OwnServer) -> Iterator[Engine]:
    """A database there, with each driver, in messages of several statements or of one."""
    driver, several = request.param
    url = small.fresh_database(driver=driver)
    engine = open_engine(url, several=several)
    migrate(engine, KOBO_RECORDS)
    yield engine
    engine.dispose()
    small.drop_database(url)


@pytest.fixture
def writing(limited: Engine) -> RowSetWriting:
    applying = Applying(limited)
    applying.apply(survey(MEMBERS))
    return RowSetWriting(applying)


def with_member(**answers: Any) -> dict[str, Any]:
    return {"members": [{"members/who": "a"}, {f"members/{name}": text for name, text in answers.items()}]}


def oversized(size: int) -> dict[str, dict[str, Any]]:
    """What may be large, by the table in which it is."""
    text = "'\\ሰx"[:size] + "x" * (size - 4)
    file = {"uid": "att", "media_file_basename": "x" * size}
    pets = [{"members/who": "a", "members/pets": [{"members/pets/pet": text}]}]
    return {
        "survey": {"name": text},
        "survey__members": with_member(who=text),
        "survey__pets": {"members": pets},
        "survey__files": {"_attachments": [file]},
        "kobo_rejected_cells": with_member(born=text),
    }


@pytest.mark.parametrize("table", [*oversized(4), "extra"])
def test_what_no_message_holds_stalls_nothing_else(writing: RowSetWriting, table: str) -> None:
    large = {"other": "x" * PACKET} if table == "extra" else oversized(PACKET)[table]
    neighbours = [document(6), document(8)]
    for known in (False, True):
        put(writing, neighbours[0], document(7, **large), neighbours[1])
        check(writing, *neighbours)
        row = ledger(writing.engine)[7]
        assert row["state"] == "rejected"
        where = "survey" if table == "extra" else table
        assert row["reason"].startswith(f"its row of {where} is too large: ")
        assert row["reason"].endswith(f"too many for the server's max_allowed_packet ({PACKET})")
        if not known:
            put(writing, document(7))
            check(writing, *neighbours, document(7))


@pytest.mark.parametrize("table", oversized(4))
def test_the_largest_row_that_is_taken_is_written(writing: RowSetWriting, table: str) -> None:
    """Whatever is not a rejection, up to the last byte, reaches the database."""
    low, high = 4, PACKET
    while low < high:
        middle = (low + high + 1) // 2
        put(writing, document(7, **oversized(middle)[table]))
        taken = ledger(writing.engine)[7]["state"] == "applied"
        low, high = (middle, high) if taken else (low, middle - 1)
    assert low > PACKET - 2000
    put(writing, document(7, **oversized(low)[table]))
    check(writing, document(7, **oversized(low)[table]))
