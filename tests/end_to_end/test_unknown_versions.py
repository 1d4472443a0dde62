"""A version that is named by a page or a delivery and is not kept: the next sync lists the versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from kobo_mirror.store.tables import forms
from kobo_mirror.store.writer import Writer
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import content, row
from tests.support.forms.any_mirror import AnyMirror, any_mirror, form_file, uid_of

FORM = content(row("text", "village"), row("integer", "age"))
UNKNOWN = "vUnknown00000000000001"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[AnyMirror]:
    file = form_file(tmp_path, "unknown", FORM, rows=6)
    database = f"sqlite:///{tmp_path / 'mirror.sqlite'}"
    with (
        SimulatorProcess(form=[file]) as simulator,
        any_mirror(simulator, uid_of("unknown"), database) as made,
    ):
        made.sync()
        yield made


def deployed(mirror: AnyMirror) -> str | None:
    with mirror.engine.connect() as connection:
        return connection.execute(select(forms.c.deployed_version)).scalar_one()


def deliver(mirror: AnyMirror, **changes: str) -> None:
    """Write a delivery of a new submission, as the webhook does."""
    (document,) = mirror.control.rows(mirror.control.create(1))
    Writer(mirror.engine, mirror.mirror).push(json.dumps(document | changes).encode())


def test_a_page_names_one(mirror: AnyMirror) -> None:
    assert deployed(mirror)
    (kobo_id,) = mirror.control.create(1)
    mirror.control.raw(kobo_id, {"__version__": UNKNOWN})
    mirror.sync()
    assert deployed(mirror) is None
    assert lists_versions(mirror)
    assert deployed(mirror)
    assert not lists_versions(mirror)


def test_a_delivery_names_one(mirror: AnyMirror) -> None:
    deliver(mirror, __version__=UNKNOWN)
    assert deployed(mirror) is None
    assert lists_versions(mirror)


def test_a_delivery_names_one_that_is_kept(mirror: AnyMirror) -> None:
    deliver(mirror)
    assert deployed(mirror)
    assert not lists_versions(mirror)


def lists_versions(mirror: AnyMirror) -> bool:
    """Sync; return True if the versions of the form were listed."""
    mirror.control.clear_requests()
    mirror.sync()
    return any("/versions/" in request["path"] for request in mirror.control.requests())
