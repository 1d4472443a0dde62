"""The benchmark of shaping judges what is shaped, and says what a repeat costs."""

from __future__ import annotations

import pytest

from benchmarks import shaping
from benchmarks.common import BenchError
from kobo_mirror.submissions.row_set import RowSet


def test_a_value_in_a_repeat_costs_at_most_twice_a_flat_one(capsys: pytest.CaptureFixture[str]) -> None:
    results = shaping.measure(count=300, rounds=5)
    assert 0 < results["repeat to flat"] <= shaping.MOST
    assert results["flat to declared"] > 1
    assert "60 questions" in capsys.readouterr().out


def test_no_time_counts_whose_rows_are_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    right = shaping.Shaper.shape

    def forgetful(self: shaping.Shaper, document: shaping.Document) -> RowSet:
        row_set = right(self, document)
        values = row_set.rows[0].values
        values[next(place for place, cell in enumerate(values) if cell is not None)] = None
        return row_set

    monkeypatch.setattr(shaping.Shaper, "shape", forgetful)
    with pytest.raises(BenchError, match="became other rows"):
        shaping.contestants(2)
