"""Waiting: submissions whose answers may wait, told from their row sets as they were written."""

from __future__ import annotations

from kobo_mirror.submissions.row_set import RowSet
from kobo_mirror.submissions.waiting_answers import WaitingAnswers


def may_wait(row_set: RowSet, answers: WaitingAnswers) -> bool:
    """Whether any of its rows, or a list among its rejected cells, may hold an answer that waits."""
    lists = (cell.path for cell in row_set.rejected if cell.value.startswith("["))
    return any(answers.are_in(row.extra_text) for row in row_set.rows if row.extra) or any(
        map(answers.may_be_rejected_at, lists)
    )
