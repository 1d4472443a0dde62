"""Confirmation codes of two forms in one database: none of them affects the other form."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, Engine

from kobo_mirror.database.engine import transact
from kobo_mirror.store.codes import close_codes, code_for, covered_by, is_open, note_use, waiting_list

ASSET, OTHER = "aCodesForm000000000001", "aCodesForm000000000002"


def test_a_code_confirms_nothing_of_another_form(engine: Engine) -> None:
    def work(connection: Connection) -> None:
        code = code_for(connection, ASSET, [1, 2])
        assert is_open(connection, ASSET, code)
        assert not is_open(connection, OTHER, code)
        assert covered_by(connection, ASSET, code, [1, 2, 3]) == [1, 2]
        assert covered_by(connection, OTHER, code, [1, 2, 3]) == []
        assert waiting_list(connection, OTHER) is None
        other = code_for(connection, OTHER, [1, 2])
        assert other != code
        close_codes(connection, OTHER)
        assert (is_open(connection, ASSET, code), is_open(connection, OTHER, other)) == (True, False)

    transact(engine, work)


@pytest.mark.parametrize("then", [[1], [1, 2, 3], [1, 3], [3, 4], []])
def test_each_list_has_a_code_of_its_own(engine: Engine, then: list[int]) -> None:
    first = transact(engine, lambda connection: code_for(connection, ASSET, [1, 2]))
    assert transact(engine, lambda connection: code_for(connection, ASSET, [1, 2])) == first
    second = transact(engine, lambda connection: code_for(connection, ASSET, then))
    assert second != first
    with engine.connect() as connection:
        found = waiting_list(connection, ASSET)
        assert found is not None
        assert (found.code, found.ids) == (second, then)
        assert covered_by(connection, ASSET, first, [1, 2, 3, 4]) == [1, 2]


@pytest.mark.parametrize("done", [note_use, lambda connection, _: close_codes(connection, ASSET)])
def test_what_is_done_with_is_covered_by_nothing_and_waits_no_more(engine: Engine, done: object) -> None:
    def work(connection: Connection) -> None:
        code = code_for(connection, ASSET, [1, 2])
        assert callable(done)
        done(connection, code)
        assert covered_by(connection, ASSET, code, [1, 2]) == []
        assert waiting_list(connection, ASSET) is None
        assert code_for(connection, ASSET, [1, 2]) != code

    transact(engine, work)
