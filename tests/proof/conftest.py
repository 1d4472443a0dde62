"""Fixtures of the proofs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kobo_mirror.sync import deletes, drain, lanes, repair, settle, sweep
from simulator.options import Options
from tests.support.mirrored_server import MirroredServer, mirrored_server


@pytest.fixture
def mirrored(database_url: str) -> Iterator[MirroredServer]:
    """Start a server without submissions and make an empty mirror of it."""
    with mirrored_server(database_url, Options(rows=0, media=True)) as made:
        yield made


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every boundary between pages, lanes and queries is met by a handful of submissions."""
    monkeypatch.setattr(sweep, "SWEEP_PAGE", 3)
    monkeypatch.setattr(lanes, "_LANE_LEAST", 2)
    monkeypatch.setattr(deletes, "_GUARD_LEAST", 2)
    for module in (drain, deletes, repair, settle):
        monkeypatch.setattr(module, "ASK_AT_ONCE", 2)
