"""What the results of ``verify`` and ``status`` look like in a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kobo_mirror.cli.next_steps import repair_command
from kobo_mirror.sync.verify import Report

_OLD_NAMES = ("last_run", "last_exact_run")


def print_report(report: Report, *, full: bool, repair: bool, strict: bool, as_json: bool) -> None:
    """Print the result of a proof.

    :param full, repair, strict: how the proof was asked for.
    """
    strictly = strict and report.rejected
    if as_json:
        facts = {"equal": report.equal, "compared": report.compared, "rejected": report.rejected}
        facts |= {"strict": strict, "passed": report.equal and not strictly}
        print(json.dumps({**facts, "differences": report.differences, "ids": report.named}))
        return
    for kind, ids in report.named.items():
        if ids:
            more = " …" if report.differences[kind] > len(ids) else ""
            print(f"{kind}: {', '.join(map(str, ids))}{more}")
    if strictly and report.equal:
        print(f"{report.sentence}; --strict counts a rejection as a difference: exit code 1")
    elif any(report.differences.values()) and not repair:
        print(f"{report.sentence}; `{repair_command(full=full)}` mends it")
    else:
        print(report.sentence)


def print_status(facts: Mapping[str, Any]) -> None:
    """Print what the database knows of its mirror as a table."""
    from rich.console import Console  # noqa: PLC0415  # elsewhere it is not even imported
    from rich.table import Table  # noqa: PLC0415

    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        if name not in _OLD_NAMES:
            shown = "\n".join(map(_line, value)) if isinstance(value, list) else value
            table.add_row(name.replace("_", " "), "–" if shown in (None, "") else str(shown))
    Console().print(table)


def _line(value: str | tuple[int, str]) -> str:
    return value if isinstance(value, str) else f"{value[0]}: {value[1]}"
