"""A list that holds something else than was asked for is a server's error, whatever the list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from kobo_mirror.errors import ServerError
from kobo_mirror.kobo.client import KoboClient
from simulator.process import SimulatorProcess


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
