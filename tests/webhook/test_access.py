"""An optional list of networks that may send, in front of the secret."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from falcon import testing
from sqlalchemy import Engine

from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import ConfigurationError
from tests.webhook.application import MIRROR, Tables, post
from tests.webhook.bodies import SECRET, body
from webhook.app import Dependencies, create_app

ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def guarded(engine: Engine) -> testing.TestClient:
    return testing.TestClient(
        create_app(
            Dependencies(
                engine=engine,
                probe=engine,
                mirrors=[MIRROR],
                secrets=(SECRET,),
                allowed=[ip_network("203.0.113.0/24"), ip_network("2001:db8::/32")],
                proxies=[ip_network("10.0.0.0/8")],
            )
        )
    )


@ON_ONE_DATABASE
@pytest.mark.parametrize(
    ("address", "forwarded", "status"),
    [
        ("203.0.113.9", None, 200),
        ("2001:db8::1", None, 200),
        ("::ffff:203.0.113.9", None, 200),
        ("198.51.100.1", None, 403),
        ("198.51.100.1", "203.0.113.9", 403),
        ("10.0.0.1", "203.0.113.9", 200),
        ("10.0.0.1", "198.51.100.1", 403),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", 403),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.2.3.4", 200),
        ("10.0.0.1", None, 403),
        ("10.0.0.1", "nonsense", 403),
        ("", None, 403),
    ],
)
def test_only_the_listed_networks_may_send(
    guarded: testing.TestClient, tables: Tables, address: str, forwarded: str | None, status: int
) -> None:
    headers: dict[str, Any] = {"X-Forwarded-For": forwarded} if forwarded else {}
    result = post(guarded, body(1), headers=headers, remote_addr=address)
    assert result.status_code == status
    assert tables.count()["records"] == (status == 200)
    assert guarded.simulate_get("/health/live", remote_addr=address).status_code == 200


@ON_ONE_DATABASE
def test_an_allowed_network_is_no_secret(guarded: testing.TestClient) -> None:
    headers = {"X-Webhook-Secret": "wrong"}
    assert post(guarded, body(1), headers=headers, remote_addr="203.0.113.9").status_code == 401


def test_networks_are_settings() -> None:
    settings = Settings.from_env(env={"WEBHOOK_ALLOWED_NETWORKS": "203.0.113.0/24, 2001:db8::/32"})
    assert settings.webhook_allowed_networks == "203.0.113.0/24,2001:db8::/32"
    for wrong in ("203.0.113.0/33", "example.org", "203.0.113.1/24", ","):
        with pytest.raises(ConfigurationError, match="WEBHOOK_ALLOWED_NETWORKS must be networks"):
            Settings.from_env(env={"WEBHOOK_ALLOWED_NETWORKS": wrong})
