"""A list that holds something else than was asked for is a server error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.form import KoboClient
from simulator.process import SimulatorProcess
from tests.support.faulty_server import FaultyServer, response


@pytest.mark.parametrize(
    "listed", [KoboClient.history, KoboClient.hooks, lambda client: client.hook_logs("h")]
)
def test_submissions_in_place_of_a_list_are_refused(
    client: KoboClient, simulator: SimulatorProcess, listed: Callable[[KoboClient], Iterable[Any]]
) -> None:
    client.page(after=0, limit=5)
    simulator.control.faults.add("repeat", count=None, path="history|hooks")
    with pytest.raises(ServerError, match="something else than the JSON that was asked for"):
        list(listed(client))


LISTS: dict[str, tuple[Callable[[KoboClient], Iterable[Any]], dict[str, Any]]] = {
    "REST Services": (KoboClient.hooks, {"uid": "h1"}),
    "deliveries": (
        lambda client: client.hook_logs("h"),
        {"submission_id": 7, "date_modified": "2026-11-23T16:19:05Z"},
    ),
    "history": (KoboClient.history, {"action": "add-submission", "date_created": "2026-11-23T16:19:05Z"}),
    "forms": (lambda client: client.server.forms(), {"uid": "aForm"}),
}


@pytest.mark.parametrize(
    "odd", [{}, None, 7, "x", [], {"uid": None, "submission_id": "7", "action": 1}], ids=repr
)
@pytest.mark.parametrize("kind", LISTS)
def test_one_odd_item_is_left_out_of_a_list(kind: str, odd: Any, connect: Callable[..., KoboClient]) -> None:
    listed, item = LISTS[kind]
    body = json.dumps({"count": 4, "results": [item, odd, item, item]}).encode()
    with FaultyServer(response(body)) as server, connect(server.url) as client:
        assert len(list(listed(client))) == 3
        assert len(server.requests) == 1
    with (
        FaultyServer(response(json.dumps({"count": 1, "results": [odd]}).encode())) as server,
        connect(server.url) as client,
        pytest.raises(ServerError, match="something else than the JSON that was asked for"),
    ):
        list(listed(client))


@pytest.mark.parametrize("kind", LISTS)
def test_half_a_character_keeps_no_item_from_being_read(
    kind: str, connect: Callable[..., KoboClient]
) -> None:
    listed, item = LISTS[kind]
    body = json.dumps({"count": 2, "results": [item, item | {"submitted_by": "half \ud83d"}]}).encode()
    with FaultyServer(response(body)) as server, connect(server.url) as client:
        assert len(list(listed(client))) == 2
