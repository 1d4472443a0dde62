"""``make bench``: how fast a form arrives in SQL, beside peers and the machine's limit."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from benchmarks import growth
from benchmarks.bulk_contestants import (
    Contestant,
    Workbench,
    bare,
    dlt,
    make_tables,
    ours,
    seed_style,
    with_settings,
)
from benchmarks.bulk_report import READY, Report, Timings, note_and_show, show_peers
from benchmarks.common import (
    BenchError,
    console,
    database,
    databases_here,
    machine,
    paired_ratio,
    report_progress,
    run_in_turn,
    save,
)
from kobo_mirror.errors import KoboMirrorError
from simulator.process import SimulatorProcess
from tests.support.drivers import DRIVERS
from tests.support.server_process import NoServerError


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections asked for; return 1 if one could not be measured."""
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
            report_progress(f"{kind}: {name}")
            with ExitStack() as stack:

                def workbench(rows: int, stack: ExitStack = stack) -> Workbench:
                    options = {"rows": rows, "start_timeout": 120.0}
                    return Workbench(stack.enter_context(SimulatorProcess(**options)), server)  # type: ignore[arg-type]

                SECTIONS[name](kind, workbench, plan, report)


def _peers(kind: str, make_workbench: Callable[[int], Workbench], plan: Plan, report: Report) -> None:
    """Run this project, the bare script, the seed's way and dlt in turn."""
    workbench = make_workbench(plan.rows)
    contestants = [*map(ours, DRIVERS), *map(bare, DRIVERS), bare(DRIVERS[-1], 2), seed_style(), dlt()]
    runs = run_in_turn({c.name: partial(_measure_all, workbench, c) for c in contestants}, plan.rounds)
    for name, timings in runs.items():
        report.note(f"peers, {kind}", name, timings)
    show_peers(kind, plan.rows, runs)
    if kind == "mariadb":
        first = {name: [timing["first"].run.seconds for timing in timings] for name, timings in runs.items()}
        mine = first[ours().name]
        ready = [timing[READY].run.seconds for timing in runs[ours().name]]
        report.line = {
            "dlt": f"{paired_ratio(first['dlt, PyMySQL'], mine):.1f}",
            "seed": f"{paired_ratio(first[seed_style().name], mine):.1f}",
            "limit": f"{paired_ratio(first[bare().name], ready):.2f}",
        }


def _measure_all(workbench: Workbench, contestant: Contestant) -> Timings:
    if contestant.name == dlt().name:
        return workbench.run_both(contestant, again=False)
    if not contestant.name.startswith("Kobo Mirror"):
        return workbench.run_both(contestant)
    with workbench.start(contestant) as trial:
        timings = {"first": trial.measure(contestant.first)}
        trial.check()
        timings["again"] = trial.measure(contestant.again)
        timings["no change"] = trial.measure(contestant.first)
        trial.check()
    with workbench.start(replace(contestant, ready=make_tables)) as trial:
        timings[READY] = trial.measure(contestant.first)
        trial.check()
    return timings


def _payloads(kind: str, make_workbench: Callable[[int], Workbench], plan: Plan, report: Report) -> None:
    """Measure with the raw JSON of every submission kept, and without."""
    workbench = make_workbench(plan.rows)
    contestants = [
        with_settings(make(), f"{make().name}, payloads of {kept}", KOBO_KEEP_PAYLOADS=kept)
        for make in (ours, bare)
        for kept in ("rejected", "all")
    ]
    runs = run_in_turn({c.name: partial(workbench.run_both, c) for c in contestants}, plan.rounds)
    note_and_show(f"payloads, {kind}", plan.rows, runs, report)


def _latency(kind: str, make_workbench: Callable[[int], Workbench], plan: Plan, report: Report) -> None:
    """Measure behind a server that waits before each response, with one, four and eight requests at once."""
    workbench = make_workbench(plan.latency_rows)
    for delay in plan.delays:
        workbench.simulator.control.faults.clear()
        if delay:
            workbench.simulator.control.faults.add("slow", count=None, seconds=delay / 1000, path="^/api/")
        contestants = [
            with_settings(ours(), f"{ours().name}, {n} in flight", KOBO_MAX_IN_FLIGHT=str(n))
            for n in (1, 4, 8)
        ]
        runs = run_in_turn(
            {c.name: partial(workbench.run_both, c, again=False) for c in contestants}, plan.rounds
        )
        note_and_show(f"latency {delay} ms, {kind}", plan.latency_rows, runs, report)


def _growth(kind: str, make_workbench: Callable[[int], Workbench], plan: Plan, report: Report) -> None:
    """Measure the cost against the size of the form."""
    if plan.sizes:
        report.results[f"growth, {kind}"], peak = growth.measure_sizes(kind, make_workbench, plan.sizes)
        report.peak = max(report.peak, peak)


def _dlt_again(kind: str, make_workbench: Callable[[int], Workbench], plan: Plan, report: Report) -> None:
    """Let dlt and this project load the same data in full a second time, once: dlt's takes minutes."""
    if kind == "mariadb":
        workbench = make_workbench(plan.dlt_rows)
        runs = {c.name: [workbench.run_both(c)] for c in (ours(), dlt())}
        note_and_show("dlt twice", plan.dlt_rows, runs, report)


def _airflow(kind: str, make_workbench: Callable[[int], Workbench], plan: Plan, report: Report) -> None:
    """Measure Airflow's share of a sync, and the gain of a second worker."""
    from benchmarks.airflow_share import measure_airflow  # noqa: PLC0415  # takes seconds to import

    if kind == "mariadb":
        report.results[f"airflow, {kind}"] = measure_airflow(
            kind, make_workbench(plan.rows), make_workbench(plan.backfill_rows), plan.rounds
        )


SECTIONS: Mapping[str, Callable[[str, Callable[[int], Workbench], Plan, Report], None]] = {
    "peers": _peers,
    "payloads": _payloads,
    "latency": _latency,
    "growth": _growth,
    "airflow": _airflow,
    "dlt-again": _dlt_again,
}


if __name__ == "__main__":
    sys.exit(main())
