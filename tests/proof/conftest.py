"""What the proofs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.options import Options
from tests.support.laboratory import Laboratory, laboratory


@pytest.fixture
def lab(database_url: str) -> Iterator[Laboratory]:
    """A server without a submission and an empty mirror."""
    with laboratory(database_url, Options(rows=0, media=True)) as made:
        yield made
