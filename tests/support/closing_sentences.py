"""Sentences of tests that are printed after all tests, wherever they ran: in this process or in a worker."""

from __future__ import annotations

import pytest

CLOSING_SENTENCE = "said at the end"


def write(terminal: pytest.TerminalReporter) -> None:
    """Write what tests kept by ``record_property(CLOSING_SENTENCE, sentence)``, passed or failed."""
    for outcome in ("passed", "failed"):
        for report in terminal.getreports(outcome):
            for name, sentence in report.user_properties:
                if name == CLOSING_SENTENCE:
                    terminal.write_line(str(sentence))
