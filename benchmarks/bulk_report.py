"""The figures of the bulk benchmark: kept, shown as tables, and summed up in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.bulk_contestants import (
    Timing,
    ours,
)
from benchmarks.common import (
    median,
    paired_ratio,
    show,
)

Timings = dict[str, Timing]


READY = "first, tables there"
"""The timing beside the bare script's, which makes no tables either."""
LOADS = ("first", READY, "again", "no change", "sweep", "proof", "full proof")


@dataclass
class Report:
    """The figures that were measured so far.

    :param results: by section and contestant, as they are saved.
    :param line: the ratios of the last line, by peer.
    :param peak: the most MiB that this project held.
    """

    results: dict[str, Any] = field(default_factory=dict)
    line: dict[str, str] = field(default_factory=dict)
    peak: float = 0.0

    def note(self, section: str, name: str, timings: Sequence[Timings]) -> None:
        """Keep the figures of a contestant, and our peak memory."""
        figures = [
            {
                kind: {
                    "seconds": timing.run.seconds,
                    "cpu": timing.run.cpu,
                    "peak_mib": timing.run.peak,
                    "server_cpu": timing.server,
                    "simulator_cpu": timing.simulator,
                    "requests": timing.requests,
                    "wire_bytes": timing.wire,
                }
                for kind, timing in turn.items()
            }
            for turn in timings
        ]
        self.results.setdefault(section, {})[name] = figures
        if name.startswith("Kobo Mirror"):
            self.peak = max(self.peak, *(timing.run.peak for turn in timings for timing in turn.values()))

    def last_line(self) -> str:
        """Return the most important figures in one line; what was not measured is a dash."""
        part = self.line.get
        return (
            f"bulk: {part('dlt', '–')} x dlt, {part('seed', '–')} x seed-style, "
            f"{part('limit', '–')} of limit, {self.peak:.0f} MiB peak"
        )

    def nested_line(self) -> str:
        """Return the same of a form with repeats."""
        part = self.line.get
        return f"nested: {part('dlt', '–')} x dlt, {part('limit', '–')} of limit, {self.peak:.0f} MiB peak"


def show_peers(kind: str, rows: int, runs: Mapping[str, Sequence[Timings]]) -> None:
    """Print the table of the section ``peers``.

    :param kind: the kind of database server.
    :param rows: submissions of the form.
    :param runs: the timings of each contestant, a dict for each round.
    """
    mine = runs[ours().name]
    table = []
    for name, timings in runs.items():
        for what in LOADS:
            seen = [
                (timing[what], own[what]) for timing, own in zip(timings, mine, strict=True) if what in timing
            ]
            if not seen:
                continue
            seconds = median([timing.run.seconds for timing, _ in seen])
            ratio = paired_ratio(
                [own.run.seconds for _, own in seen], [timing.run.seconds for timing, _ in seen]
            )
            microseconds = [
                median([getattr(timing, part) for timing, _ in seen]) / rows * 1e6
                for part in ("server", "simulator")
            ]
            client = median([timing.run.cpu for timing, _ in seen]) / rows * 1e6
            peak = max(timing.run.peak for timing, _ in seen)
            wire = median([timing.wire for timing, _ in seen]) / 2**20
            table.append([name, what, seconds, rows / seconds, ratio, client, *microseconds, peak, wire])
    columns = (
        "contestant", "load", "seconds", "rows/s", "of ours", "client", "server", "simulator", "MiB", "wire",
    )  # fmt: skip
    show(
        f"{kind}, {rows:,} submissions, medians; of ours: speed as a part of that of {ours().name} in the "
        "same round; client, server, simulator: CPU µs a row; MiB: most memory; wire: MiB received",
        columns,
        table,
    )


def note_and_show(title: str, rows: int, runs: Mapping[str, Sequence[Timings]], report: Report) -> None:
    """Keep the figures of a section and print its table, each contestant's speed beside the first one's.

    :param title: the section's name.
    :param rows: submissions of the form.
    :param runs: the timings of each contestant, a dict for each round.
    :param report: where the figures are kept.
    """
    base = next(iter(runs.values()))
    table = []
    for name, timings in runs.items():
        report.note(title, name, timings)
        for what in timings[0]:
            seconds = [timing[what].run.seconds for timing in timings]
            ratio = paired_ratio([timing[what].run.seconds for timing in base], seconds)
            table.append([name, what, median(seconds), rows / median(seconds), ratio])
    columns = ("contestant", "load", "seconds", "rows/s", "speed to the first")
    show(f"{title}: {rows:,} submissions, medians", columns, table)
