"""What the proofs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.options import Options
from tests.support.mirrored_server import MirroredServer, mirrored_server


@pytest.fixture
def mirrored(database_url: str) -> Iterator[MirroredServer]:
    """A server without a submission and an empty mirror."""
    with mirrored_server(database_url, Options(rows=0, media=True)) as made:
        yield made
