"""Responses to requests for parts of submissions are never taken for whole submissions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.form import KoboClient
from simulator.process import SimulatorProcess

Asked = Callable[[KoboClient, dict[str, Any]], Any]

PARTS: dict[str, Asked] = {
    "sweep": lambda client, row: client.sweep_page(after=row["_id"] - 1),
    "files": lambda client, row: client.files_page(after=row["_id"] - 1),
    "position": lambda client, row: client.id_at(0, after=row["_id"] - 1),
    "newest": lambda client, row: client.newest_id(),
    "is newest": lambda client, row: client.is_newest(row["_id"]),
    "count": lambda client, row: client.count(after=row["_id"] - 1),
}
WHOLE: dict[str, Asked] = {
    "page": lambda client, row: client.page(after=row["_id"] - 1, limit=9),
    "ids": lambda client, row: client.by_ids([row["_id"]]),
    "root uuids": lambda client, row: client.by_root_uuids([row["meta/rootUuid"].removeprefix("uuid:")]),
}


@pytest.mark.parametrize("whole", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_an_answer_with_parts_of_submissions_is_no_page(
    simulator: SimulatorProcess, client: KoboClient, parts: Asked, whole: Asked
) -> None:
    """A cache in between may repeat what a question with ``fields=`` was answered just before."""
    newest = simulator.control.rows()[-1]
    parts(client, newest)
    assert "fields=" in simulator.control.requests()[-1]["query"]
    simulator.control.faults.add("repeat", count=None)
    with pytest.raises(ServerError):
        whole(client, newest)
    simulator.control.faults.clear()
    assert whole(client, newest).ids == [newest["_id"]]
