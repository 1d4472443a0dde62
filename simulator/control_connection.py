"""The connection of a client to the control API."""

from __future__ import annotations

from typing import Any, cast

import requests


class SimulatorError(Exception):
    """The simulator refused a command."""


class ControlConnection:
    """Sends commands to a simulator.

    :param url: the simulator's address.
    :param asset: the uid of the form that commands are about; empty: the server's first.
    """

    def __init__(self, url: str, asset: str) -> None:
        self.url = url.rstrip("/")
        self._form = {"asset": asset} if asset else {}
        self._session = requests.Session()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def send(self, command: str, **parameters: Any) -> object:
        """Run a command of the control API.

        :param command: its name in the address.
        :param parameters: what is sent as a JSON object.
        :returns: the command's result.
        :raises SimulatorError: it was refused.
        """
        given = self._form | parameters
        answer = self._session.post(f"{self.url}/_control/{command}", json=given, timeout=120)
        if answer.status_code != 200:
            raise SimulatorError(f"{command}: {answer.status_code} {answer.text[:300]}")
        return cast(object, answer.json())
