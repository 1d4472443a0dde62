"""The interleaved server: its actions end with their block."""

from __future__ import annotations

import time

import pytest
import requests

from simulator.options import Options
from tests.support.interleaved_server import InterleavedServer, ScheduledAction


def test_an_action_does_not_outlive_its_block_when_the_client_gives_up() -> None:
    done: list[bool] = []

    def happening() -> None:
        time.sleep(1)
        done.append(True)

    with InterleavedServer(Options()) as server:
        with (
            server.meanwhile([ScheduledAction(0, False, happening)]),
            pytest.raises(requests.Timeout),
        ):
            requests.get(f"{server.url}/api/v2/", timeout=0.2)
        assert done == [True]
