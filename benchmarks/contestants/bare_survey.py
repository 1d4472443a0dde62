"""The limit for the survey mirrored whole: its declared table, and beside it those of all other answers."""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec

from benchmarks.contestants.bare import Escape, FlatScript
from benchmarks.contestants.bare_form import FormTables


class SurveyScript(FlatScript):
    """Writes to the ledger, the declared table and the derived ones; a submission is decoded for each."""

    def _row_type(self, env: dict[str, str]) -> Any:
        self._tables = FormTables(self._database, self._asset)
        self._whole = msgspec.json.Decoder(self._tables.struct()).decode
        return super()._row_type(env)

    def _send(self, cursor: Any, rows: list[Any], escape: Escape, verb: str) -> None:
        super()._send(cursor, rows, escape, verb)
        filled = self._tables.filled()
        for _, _, raw in rows:
            filled.add(self._whole(raw))
        filled.send(cursor, escape, verb)


if __name__ == "__main__":
    SurveyScript(dict(os.environ), int(sys.argv[1])).run()
