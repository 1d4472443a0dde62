"""What a test says after all others, wherever it ran: in this process or in one of several workers."""

from __future__ import annotations

import pytest

SAID_AT_THE_END = "said at the end"


def say(terminal: pytest.TerminalReporter) -> None:
    """Write what tests kept by ``record_property(SAID_AT_THE_END, sentence)``, passed or failed."""
    for outcome in ("passed", "failed"):
        for report in terminal.getreports(outcome):
            for name, sentence in report.user_properties:
                if name == SAID_AT_THE_END:
                    terminal.write_line(str(sentence))
