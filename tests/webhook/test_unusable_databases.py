"""A database that cannot take a delivery: 503, and a readiness check that says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine

from kobo_mirror.database.engine import open_engine
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.forms.mirror import Mirror
from kobo_mirror.store.binding_checks import bind
from kobo_mirror.store.schema import migrate
from tests.webhook.application import MIRROR, OTHER, client_of, post
from tests.webhook.bodies import ASSET, body

UNUSABLE = ("unreachable", "old schema", "another form", "another declaration")


def unusable(kind: str, tmp_path: Path) -> Engine:
    """A database that cannot take anything, in one of several ways."""
    if kind == "unreachable":
        return open_engine("mysql+pymysql://kobo:made-up-password@127.0.0.1:9/kobo", patience=1)
    engine = open_engine(f"sqlite:///{tmp_path}/kobo.db", patience=1)
    if kind == "old schema":
        return engine
    migrate(engine, KOBO_RECORDS)
    if kind == "another form":
        bind(engine, Mirror(KOBO_RECORDS, MIRROR.server, OTHER))
        return engine
    if kind == "another declaration":
        fewer = replace(KOBO_RECORDS, columns=KOBO_RECORDS.columns[1:])
        bind(engine, Mirror(fewer, MIRROR.server, ASSET))
        return engine
    engine.dispose()
    return open_engine(f"sqlite:///file:{tmp_path}/kobo.db?mode=ro&uri=true", patience=1)


@pytest.mark.parametrize(
    "kind", ["unreachable", "old schema", "another form", "another declaration", "read-only"]
)
def test_a_database_that_cannot_take_it_is_a_503_that_says_when_to_come_again(
    kind: str, tmp_path: Path
) -> None:
    client = client_of(unusable(kind, tmp_path))
    result = post(client, body(1))
    assert result.status_code == 503
    assert int(result.headers["Retry-After"]) > 0
    assert "made-up-password" not in result.text


@pytest.mark.parametrize("sent", [b"[]", body(1, _xform_id_string=OTHER)])
def test_a_dead_letter_that_cannot_be_kept_is_a_503_too(tmp_path: Path, sent: bytes) -> None:
    client = client_of(unusable("unreachable", tmp_path))
    assert post(client, sent).status_code == 503


@pytest.mark.parametrize("kind", UNUSABLE)
def test_health_tells_a_living_process_from_one_that_can_work(
    kind: str, engine: Engine, tmp_path: Path
) -> None:
    for sound, ready in ((client_of(engine), 200), (client_of(unusable(kind, tmp_path)), 503)):
        assert sound.simulate_get("/health/live").status_code == 200
        assert sound.simulate_get("/health/ready").status_code == ready
