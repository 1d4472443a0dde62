"""Registrations of REST Services: each has its own position in its own log."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import reading, transact
from kobo_mirror.store.registrations import (
    Remembered,
    Service,
    note_failures_read,
    remember,
    remembered,
    services,
)
from tests.support.submissions import ASSET

OTHER = "aOtherForm00000000001"
READ_UNTIL = datetime(2026, 11, 23, 12)  # noqa: DTZ001  # UTC, as DATETIME holds it
FIRST = Remembered("rest-service", "https://mirror.example/a", "hFirst", "secret-1")


def known(engine: Engine, asset: str = ASSET) -> list[Service]:
    with reading(engine) as connection:
        return services(connection, asset)


@pytest.mark.parametrize(
    ("later", "read_until"),
    [
        (FIRST._replace(secret_fingerprint="secret-2"), READ_UNTIL),
        (FIRST._replace(endpoint="https://mirror.example/b"), READ_UNTIL),
        (FIRST._replace(hook_uid="hSecond"), None),  # its log was never read
        (FIRST._replace(hook_uid="hSecond", endpoint="https://mirror.example/b"), None),
    ],
)
def test_the_log_of_a_rest_service_goes_on_where_it_was_read(
    engine: Engine, later: Remembered, read_until: datetime | None
) -> None:
    for asset in (ASSET, OTHER):
        remember(engine, asset, FIRST)
        transact(engine, lambda c, asset=asset: note_failures_read(c, asset, FIRST.endpoint, READ_UNTIL))  # type: ignore[misc]
    remember(engine, ASSET, later)
    assert remembered(engine, ASSET) == [later]
    assert known(engine) == [Service(later.endpoint, later.hook_uid or "", read_until)]
    assert known(engine, OTHER) == [Service(FIRST.endpoint, "hFirst", READ_UNTIL)]


def test_what_a_registrar_made_has_no_log(engine: Engine) -> None:
    remember(engine, ASSET, FIRST._replace(channel="registrar", hook_uid=None))
    assert known(engine) == []
    assert len(remembered(engine, ASSET)) == 1
