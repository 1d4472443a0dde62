"""``make bench``: how fast a form arrives in SQL, beside peers and the machine's limit."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

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
from benchmarks.form_contestants import FormWorkbench
from benchmarks.form_sections import FORM_SECTIONS, QUICK_FORMS
from benchmarks.forms import BenchForm
from benchmarks.plan import QUICK, Plan, Section, Workbenches
from kobo_mirror.errors import KoboMirrorError
from simulator.process import SimulatorProcess
from tests.support.database_server import DatabaseServer
from tests.support.drivers import DRIVERS
from tests.support.server_process import NoServerError


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the sections asked for; return 1 if one could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    parser.add_argument("--only", default="", help=f"sections, separated by commas: {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, two rounds")
    parser.add_argument("--rows", type=int, help="of the form that is loaded, in place of the usual number")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--sizes", help="of the forms in the sections of growth, separated by commas")
    parser.add_argument("--servers", default=",".join(databases_here()), help="mariadb, mysql, given")
    options = parser.parse_args(arguments)
    all_of_them = ["peers", "latency", *QUICK_FORMS] if options.quick else list(SECTIONS)
    chosen = [name for name in options.only.split(",") if name] or all_of_them
    if unknown := set(chosen) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    plan = _plan(options)
    report, of_forms = Report(), Report()
    try:
        for kind in options.servers.split(","):
            _on(kind, chosen, plan, report, of_forms)
    except (BenchError, KoboMirrorError, NoServerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        console.print(f"results: {save('bulk', report.results | of_forms.results)}")
    if not FORM_SECTIONS.keys() >= set(chosen):
        print(report.last_line())
    if not FORM_SECTIONS.keys().isdisjoint(chosen):
        print(of_forms.nested_line())
    return 0


def _plan(options: argparse.Namespace) -> Plan:
    base = QUICK if options.quick else Plan()
    sizes = tuple(map(int, options.sizes.split(","))) if options.sizes else None
    numbers = [field.name for field in fields(Plan) if field.name.endswith("rows")] if options.rows else []
    return replace(
        base,
        rounds=options.rounds or base.rounds,
        sizes=sizes or base.sizes,
        nested_sizes=sizes or base.nested_sizes,
        **dict.fromkeys(numbers, options.rows),
    )


class _Workbenches:
    """Starts a simulator for each workbench; they end with the stack."""

    def __init__(self, stack: ExitStack, server: DatabaseServer) -> None:
        self._stack, self._server = stack, server

    def __call__(self, rows: int) -> Workbench:
        return Workbench(self._simulator(rows), self._server)

    def of(self, form: BenchForm, rows: int) -> FormWorkbench:
        folder = self._stack.enter_context(TemporaryDirectory())
        return FormWorkbench(self._simulator(rows, form=[form.write(Path(folder))]), self._server, form)

    def _simulator(self, rows: int, **options: list[str]) -> SimulatorProcess:
        return self._stack.enter_context(SimulatorProcess(rows=rows, start_timeout=120.0, **options))


def _on(kind: str, chosen: Sequence[str], plan: Plan, report: Report, of_forms: Report) -> None:
    with database(kind) as server:
        facts = machine(server)
        report.results[f"machine, {kind}"] = facts
        for name, fact in facts.items():
            console.print(f"[bold]{name}[/]: {fact}")
        for name in chosen:
            report_progress(f"{kind}: {name}")
            with ExitStack() as stack:
                mine = of_forms if name in FORM_SECTIONS else report
                SECTIONS[name](kind, _Workbenches(stack, server), plan, mine)


def _peers(kind: str, make_workbench: Workbenches, plan: Plan, report: Report) -> None:
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


def _payloads(kind: str, make_workbench: Workbenches, plan: Plan, report: Report) -> None:
    """Measure with the raw JSON of every submission kept, and without."""
    workbench = make_workbench(plan.rows)
    contestants = [
        with_settings(make(), f"{make().name}, payloads of {kept}", KOBO_KEEP_PAYLOADS=kept)
        for make in (ours, bare)
        for kept in ("rejected", "all")
    ]
    runs = run_in_turn({c.name: partial(workbench.run_both, c) for c in contestants}, plan.rounds)
    note_and_show(f"payloads, {kind}", plan.rows, runs, report)


def _latency(kind: str, make_workbench: Workbenches, plan: Plan, report: Report) -> None:
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


def _growth(kind: str, make_workbench: Workbenches, plan: Plan, report: Report) -> None:
    """Measure the cost against the size of the form."""
    if plan.sizes:
        report.results[f"growth, {kind}"], peak = growth.measure_sizes(kind, make_workbench, plan.sizes)
        report.peak = max(report.peak, peak)


def _dlt_again(kind: str, make_workbench: Workbenches, plan: Plan, report: Report) -> None:
    """Let dlt and this project load the same data in full a second time, once: dlt's takes minutes."""
    if kind == "mariadb":
        workbench = make_workbench(plan.dlt_rows)
        runs = {c.name: [workbench.run_both(c)] for c in (ours(), dlt())}
        note_and_show("dlt twice", plan.dlt_rows, runs, report)


def _airflow(kind: str, make_workbench: Workbenches, plan: Plan, report: Report) -> None:
    """Measure Airflow's share of a sync, and the gain of a second worker."""
    from benchmarks.airflow_share import measure_airflow  # noqa: PLC0415  # takes seconds to import

    if kind == "mariadb":
        report.results[f"airflow, {kind}"] = measure_airflow(
            kind, make_workbench(plan.rows), make_workbench(plan.backfill_rows), plan.rounds
        )


SECTIONS: Mapping[str, Section] = {
    "peers": _peers,
    "payloads": _payloads,
    "latency": _latency,
    "growth": _growth,
    "airflow": _airflow,
    "dlt-again": _dlt_again,
    **FORM_SECTIONS,
}


if __name__ == "__main__":
    sys.exit(main())
