"""Lists that are shown page by page: each entry is shown once, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Engine

from kobo_mirror.database.engine import reading
from kobo_mirror.store import listings
from kobo_mirror.store.dead_letters import keep
from tests.support.submissions import ASSET, submission
from tests.support.writing import Writing

Listed = Callable[[Connection, int], list[dict[str, Any]]]
LISTS: dict[str, tuple[str, Listed]] = {
    "letters of a form": (
        "id", lambda c, after: listings.waiting_dead_letters(c, ASSET, after=after, limit=2, answers=False),
    ),
    "all letters": (
        "id", lambda c, after: listings.waiting_dead_letters(c, None, after=after, limit=2, answers=True),
    ),
    "rejections": (
        "kobo_id",
        lambda c, after: listings.rejected_submissions(c, ASSET, after=after, limit=2, answers=False),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_paged_through_without_a_repetition(engine: Engine, name: str) -> None:
    Writing(engine).pull(*(submission(number, age="x") for number in range(1, 6)))
    ids = [keep(engine, body=b"{", source="webhook", reason="no", asset_uid=ASSET) for _ in range(5)]
    key, listed = LISTS[name]
    expected = [1, 2, 3, 4, 5] if key == "kobo_id" else ids
    shown: list[int] = []
    with reading(engine) as connection:
        while page := [row[key] for row in listed(connection, shown[-1] if shown else 0)]:
            assert len(page) <= 2
            assert len(shown) < len(expected)
            shown += page
    assert shown == expected
