"""Further cases of a kind, which the long tests try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def further(*cases: Any) -> Iterator[Any]:
    """Return the cases as parameters of the long tests alone."""
    return (pytest.param(case, marks=pytest.mark.long) for case in cases)
