"""``make bench``: how fast a form arrives in SQL, beside peers and the machine's limit."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from benchmarks import growth
from benchmarks.common import (
    BenchError,
    console,
    database,
    databases_here,
    in_turn,
    machine,
    median,
    paired,
    save,
    say,
    show,
)
from benchmarks.field import Contestant, Course, Lap, bare, dlt, make_tables, ours, seed_style, with_settings
from kobo_mirror.errors import KoboMirrorError
from simulator.process import SimulatorProcess
from tests.support.drivers import DRIVERS
from tests.support.server_process import NoServerError

Laps = dict[str, Lap]

_READY = "first, tables there"
"""The lap beside the bare script's, which makes no tables either."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    :param rows: submissions of the form that the peers load.
    :param latency_rows: of the form behind a slow server.
    :param delays: milliseconds that the server waits before each answer.
    :param backfill_rows: of the form that Airflow loads behind a slow server.
    :param sizes: of the forms in the section ``growth``.
    :param dlt_rows: of the form that dlt loads twice: its merge is quadratic there.
    """

    rounds: int = 3
    rows: int = 20_000
    latency_rows: int = 100_000
    delays: tuple[int, ...] = (0, 50, 200)
    backfill_rows: int = 100_000
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    dlt_rows: int = 20_000


QUICK = Plan(rounds=2, rows=3_000, latency_rows=10_000, delays=(200,), sizes=())


@dataclass
class Report:
    """What has been measured so far."""

    results: dict[str, Any] = field(default_factory=dict)
    line: dict[str, str] = field(default_factory=dict)
    peak: float = 0.0

    def note(self, section: str, name: str, laps: Sequence[Laps]) -> None:
        """Keep the figures of a contestant, and our peak memory."""
        figures = [
            {
                kind: {
                    "seconds": lap.run.seconds,
                    "cpu": lap.run.cpu,
                    "peak_mib": lap.run.peak,
                    "server_cpu": lap.server,
                    "simulator_cpu": lap.simulator,
                    "requests": lap.requests,
                    "wire_bytes": lap.wire,
                }
                for kind, lap in turn.items()
            }
            for turn in laps
        ]
        self.results.setdefault(section, {})[name] = figures
        if name.startswith("Kobo Mirror"):
            self.peak = max(self.peak, *(lap.run.peak for turn in laps for lap in turn.values()))

    def last_line(self) -> str:
        """What it comes down to; a part that was not measured is a dash."""
        part = self.line.get
        return (
            f"bulk: {part('dlt', '–')} x dlt, {part('seed', '–')} x seed-style, "
            f"{part('limit', '–')} of limit, {self.peak:.0f} MiB peak"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections asked for; 1 if one could not be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    parser.add_argument("--only", default="", help=f"sections, separated by commas: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, two rounds")
    parser.add_argument("--rows", type=int, help="of the form that is loaded, in place of the usual number")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sizes", help="of the forms in the section growth, separated by commas")
    parser.add_argument("--servers", default=",".join(databases_here()), help="mariadb, mysql, given")
    options = parser.parse_args(arguments)
    all_of_them = ["peers", "latency"] if options.quick else list(SECTIONS)
    chosen = [name for name in options.only.split(",") if name] or all_of_them
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    base = QUICK if options.quick else Plan()
    plan = Plan(
        rounds=options.rounds or base.rounds,
        rows=options.rows or base.rows,
        latency_rows=options.rows or base.latency_rows,
        delays=base.delays,
        sizes=tuple(map(int, options.sizes.split(","))) if options.sizes else base.sizes,
        backfill_rows=options.rows or base.backfill_rows,
        dlt_rows=options.rows or base.dlt_rows,
    )
    report = Report()
    try:
        for kind in options.servers.split(","):
            _on(kind, chosen, plan, report)
    except (BenchError, KoboMirrorError, NoServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        console.print(f"results: {save('bulk', report.results)}")
    print(report.last_line())
    return 0


def _on(kind: str, chosen: Sequence[str], plan: Plan, report: Report) -> None:
    with database(kind) as server:
        facts = machine(server)
        report.results[f"machine, {kind}"] = facts
        for name, fact in facts.items():
            console.print(f"[bold]{name}[/]: {fact}")
        for name in chosen:
            say(f"{kind}: {name}")
            with ExitStack() as stack:

                def course(rows: int, stack: ExitStack = stack) -> Course:
                    options = {"rows": rows, "start_timeout": 120.0}
                    return Course(stack.enter_context(SimulatorProcess(**options)), server)  # type: ignore[arg-type]

                SECTIONS[name](kind, course, plan, report)


def _peers(kind: str, course: Callable[[int], Course], plan: Plan, report: Report) -> None:
    """This project, the limit, the seed's way and dlt, in turn."""
    track = course(plan.rows)
    contestants = [*map(ours, DRIVERS), *map(bare, DRIVERS), bare(DRIVERS[-1], 2), seed_style(), dlt()]
    runs = in_turn({c.name: partial(_all_laps, track, c) for c in contestants}, plan.rounds)
    for name, laps in runs.items():
        report.note(f"peers, {kind}", name, laps)
    _show_peers(kind, plan.rows, runs)
    if kind == "mariadb":
        first = {name: [lap["first"].run.seconds for lap in laps] for name, laps in runs.items()}
        mine = first[ours().name]
        ready = [lap[_READY].run.seconds for lap in runs[ours().name]]
        report.line = {
            "dlt": f"{paired(first['dlt, PyMySQL'], mine):.1f}",
            "seed": f"{paired(first[seed_style().name], mine):.1f}",
            "limit": f"{paired(first[bare().name], ready):.2f}",
        }


def _all_laps(course: Course, contestant: Contestant) -> Laps:
    if contestant.name == dlt().name:
        return course.run_both(contestant, again=False)
    if not contestant.name.startswith("Kobo Mirror"):
        return course.run_both(contestant)
    with course.start(contestant) as track:
        laps = {"first": track.lap(contestant.first)}
        track.check()
        laps["again"] = track.lap(contestant.again)
        laps["no change"] = track.lap(contestant.first)
        track.check()
    with course.start(replace(contestant, ready=make_tables)) as track:
        laps[_READY] = track.lap(contestant.first)
        track.check()
    return laps


def _show_peers(kind: str, rows: int, runs: Mapping[str, Sequence[Laps]]) -> None:
    mine = runs[ours().name]
    table = []
    for name, laps in runs.items():
        for what in ("first", _READY, "again", "no change"):
            seen = [(lap[what], own[what]) for lap, own in zip(laps, mine, strict=True) if what in lap]
            if not seen:
                continue
            seconds = median([lap.run.seconds for lap, _ in seen])
            ratio = paired([own.run.seconds for _, own in seen], [lap.run.seconds for lap, _ in seen])
            microseconds = [
                median([getattr(lap, part) for lap, _ in seen]) / rows * 1e6
                for part in ("server", "simulator")
            ]
            client = median([lap.run.cpu for lap, _ in seen]) / rows * 1e6
            peak = max(lap.run.peak for lap, _ in seen)
            wire = median([lap.wire for lap, _ in seen]) / 2**20
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


def _payloads(kind: str, course: Callable[[int], Course], plan: Plan, report: Report) -> None:
    """Raw JSON kept of every submission, or not."""
    track = course(plan.rows)
    contestants = [
        with_settings(make(), f"{make().name}, payloads of {kept}", KOBO_KEEP_PAYLOADS=kept)
        for make in (ours, bare)
        for kept in ("rejected", "all")
    ]
    runs = in_turn({c.name: partial(track.run_both, c) for c in contestants}, plan.rounds)
    _note_and_show(f"payloads, {kind}", plan.rows, runs, report)


def _latency(kind: str, course: Callable[[int], Course], plan: Plan, report: Report) -> None:
    """A server that thinks before it answers, and one request, four or eight at once."""
    track = course(plan.latency_rows)
    for delay in plan.delays:
        track.simulator.control.faults.clear()
        if delay:
            track.simulator.control.faults.add("slow", count=None, seconds=delay / 1000, path="^/api/")
        contestants = [
            with_settings(ours(), f"{ours().name}, {n} in flight", KOBO_MAX_IN_FLIGHT=str(n))
            for n in (1, 4, 8)
        ]
        runs = in_turn({c.name: partial(track.run_both, c, again=False) for c in contestants}, plan.rounds)
        _note_and_show(f"latency {delay} ms, {kind}", plan.latency_rows, runs, report)


def _note_and_show(title: str, rows: int, runs: Mapping[str, Sequence[Laps]], report: Report) -> None:
    base = next(iter(runs.values()))
    table = []
    for name, laps in runs.items():
        report.note(title, name, laps)
        for what in laps[0]:
            seconds = [lap[what].run.seconds for lap in laps]
            ratio = paired([lap[what].run.seconds for lap in base], seconds)
            table.append([name, what, median(seconds), rows / median(seconds), ratio])
    columns = ("contestant", "load", "seconds", "rows/s", "speed to the first")
    show(f"{title}: {rows:,} submissions, medians", columns, table)


def _growth(kind: str, course: Callable[[int], Course], plan: Plan, report: Report) -> None:
    """Cost against size."""
    if plan.sizes:
        report.results[f"growth, {kind}"], peak = growth.measure_sizes(kind, course, plan.sizes)
        report.peak = max(report.peak, peak)


def _dlt_again(kind: str, course: Callable[[int], Course], plan: Plan, report: Report) -> None:
    """dlt and this project load the same data in full a second time, once: dlt's takes minutes."""
    if kind == "mariadb":
        track = course(plan.dlt_rows)
        runs = {c.name: [track.run_both(c)] for c in (ours(), dlt())}
        _note_and_show("dlt twice", plan.dlt_rows, runs, report)


def _airflow(kind: str, course: Callable[[int], Course], plan: Plan, report: Report) -> None:
    """Airflow's share, and what a second worker brings."""
    from benchmarks.airflow_share import measure_airflow  # noqa: PLC0415  # takes seconds to import

    if kind == "mariadb":
        report.results[f"airflow, {kind}"] = measure_airflow(
            kind, course(plan.rows), course(plan.backfill_rows), plan.rounds
        )


SECTIONS: Mapping[str, Callable[[str, Callable[[int], Course], Plan, Report], None]] = {
    "peers": _peers,
    "payloads": _payloads,
    "latency": _latency,
    "growth": _growth,
    "airflow": _airflow,
    "dlt-again": _dlt_again,
}


if __name__ == "__main__":
    sys.exit(main())
