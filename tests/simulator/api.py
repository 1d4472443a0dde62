"""A plain client of the simulated API."""

from __future__ import annotations

import json
from typing import Any, Self

import requests

from simulator.process import SimulatorProcess

Row = dict[str, Any]


class Api:
    """Requests to one form, by default with its owner's token."""

    def __init__(self, server: SimulatorProcess, asset: str = "") -> None:
        self.server = server
        self.asset = asset or server.asset
        self.control = server.control.of(self.asset)
        self.form = f"{server.url}/api/v2/assets/{self.asset}"
        self._session = requests.Session()
        self._schemes = {
            "owner": f"Token {server.token}",
            "other": "Token 5eed0000demo0000of0another0user000000000",
            "viewer": "Token 5eed0000demo0000may0only0view00000000000",
            "nobody": f"Token {'0' * 40}",
            "bearer": f"Bearer {server.token}",
            "none": "",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._session.close()
        self.control.close()

    def call(self, method: str, path: str, user: str = "owner", **options: Any) -> requests.Response:
        """One request; a path with a leading ``=`` is below the server, any other below the form."""
        url = f"{self.server.url}{path[1:]}" if path.startswith("=") else f"{self.form}{path}"
        return self._session.request(
            method,
            url,
            headers={"Authorization": self._schemes.get(user, f"Token {user}")},
            timeout=20,
            **options,
        )

    def get(self, path: str, user: str = "owner", **params: Any) -> Any:
        """Return the JSON of a successful GET; parameters that are no text are sent as JSON."""
        texts = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()
        }
        answer = self.call("GET", path, user, params=texts)
        assert answer.status_code == 200, answer.text[:300]
        return answer.json()

    def rows(self, **params: Any) -> list[Row]:
        """Return the submissions of a page."""
        found: list[Row] = self.get("/data.json", **params)["results"]
        return found

    def row(self, kobo_id: int) -> Row:
        """Return one submission."""
        found: Row = self.get(f"/data/{kobo_id}.json")
        return found

    def add_hook(self, endpoint: str, **fields: Any) -> Row:
        """Add a REST Service and return it."""
        body = {"name": "sync", "endpoint": endpoint, **fields}
        answer = self.call("POST", "/hooks/", params={"format": "json"}, json=body)
        assert answer.status_code == 201, answer.text
        hook: Row = answer.json()
        return hook

    def hook_logs(self, hook: Row, **params: str) -> list[Row]:
        """Return the logs of the deliveries of a REST Service, newest first."""
        found: list[Row] = self.get(f"/hooks/{hook['uid']}/logs/", **params)["results"]
        return found


class AnyForms:
    """Clients of several forms of a server."""

    def __init__(self, server: SimulatorProcess) -> None:
        self.everything, self.people, self.drift = (Api(server, asset) for asset in server.assets)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        for api in (self.everything, self.people, self.drift):
            api.__exit__()


def changed(before: Row, after: Row) -> set[str]:
    """Return the keys whose values differ."""
    return {key for key in before.keys() | after.keys() if before.get(key, ...) != after.get(key, ...)}
