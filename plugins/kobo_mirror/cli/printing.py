"""The results of ``verify`` and ``status``, printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kobo_mirror.cli.next_steps import repair_command
from kobo_mirror.cli.voice import Voice
from kobo_mirror.sync.verify import Report

_OLD_NAMES = ("last_run", "last_exact_run")


def print_report(
    report: Report, voice: Voice, *, full: bool, repair: bool, strict: bool, as_json: bool
) -> None:
    """Print the result of a proof.

    :param report: the result.
    :param voice: prints what is said of the form.
    :param full: the proof compared every answer.
    :param repair: a repair has been made; otherwise the command that repairs is printed beside differences.
    :param strict: rejections, and what the server cannot send, count as differences.
    :param as_json: print one JSON object instead of sentences.
    """
    strictly = strict and (report.rejected or report.unreadable)
    if as_json:
        facts = {"equal": report.equal, "compared": report.compared, "rejected": report.rejected}
        facts |= {"unreadable": len(report.unreadable)}
        facts |= {"strict": strict, "passed": report.equal and not strictly}
        voice.tell({**facts, "differences": report.differences, "ids": report.named})
        return
    for kind, ids in report.named.items():
        if ids:
            more = " …" if report.differences[kind] > len(ids) else ""
            voice.say(f"{kind}: {', '.join(map(str, ids))}{more}")
    if strictly and report.equal:
        counted = "a rejection" if report.rejected else "what was not compared"
        voice.say(f"{report.sentence}; --strict counts {counted} as a difference: exit code 1")
    elif any(report.differences.values()) and not repair:
        voice.say(f"{report.sentence}; `{repair_command(full=full)}` mends it")
    else:
        voice.say(report.sentence)


def print_status(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the state of a mirror as a table, or as one line of JSON.

    :param facts: what ``status`` returned, as text, numbers or lists of these, by name.
    :param as_json: print JSON.
    """
    if as_json:
        print(json.dumps(facts))
        return
    from rich.console import Console  # noqa: PLC0415  # no other command imports it
    from rich.table import Table  # noqa: PLC0415

    table = Table(show_header=False, box=None)
    for name, value in facts.items():
        if name not in _OLD_NAMES:
            shown = "\n".join(map(_line, value)) if isinstance(value, list) else value
            table.add_row(name.replace("_", " "), "–" if shown in (None, "") else str(shown))
    Console().print(table)


def _line(value: str | tuple[Any, Any]) -> str:
    if isinstance(value, str):
        return value
    name, told = value
    return f"{name}: {'missing' if told is None else told}"
