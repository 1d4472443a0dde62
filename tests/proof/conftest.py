"""Fixtures of the proofs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.options import Options
from tests.support.mirrored_server import MirroredServer, mirrored_server


@pytest.fixture
def mirrored(database_url: str) -> Iterator[MirroredServer]:
    """Start a server without submissions and make an empty mirror of it."""
    with mirrored_server(database_url, Options(rows=0, media=True)) as made:
        yield made
