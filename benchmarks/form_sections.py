"""The sections of the bulk benchmark about forms as they are: one with repeats, and a wide one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from benchmarks import growth
from benchmarks.bulk_report import READY, Report, Timings, note_and_show, show_peers
from benchmarks.common import BenchError, paired_ratio, run_in_turn
from benchmarks.form_contestants import (
    COMMAND,
    SYNC,
    FormContestant,
    FormWorkbench,
    form_contestants,
    form_dlt,
    form_ours,
    form_tables,
    survey_bare,
    survey_ours,
)
from benchmarks.forms import household, wide
from benchmarks.plan import Plan, Section, Workbenches

QUICK_FORMS = ("nested",)
_PROOF = (*COMMAND, "verify", "--json")
_LATER = {
    "sweep": (*SYNC, "--mode", "exact"),
    "no change": (*SYNC, "--mode", "incremental"),
    "proof": _PROOF,
    "full proof": (*_PROOF, "--full"),
}
"""What this project does when nothing has changed."""


def _nested(kind: str, make: Workbenches, plan: Plan, report: Report) -> None:
    """Run all contestants in turn on a form with a repeat in a repeat."""
    runs = _peers(kind, "nested", make.of(household(), plan.household_rows), plan, report)
    if kind == "mariadb":
        first = {name: [timing["first"].run.seconds for timing in timings] for name, timings in runs.items()}
        mine = form_ours().name
        ready = [timing[READY].run.seconds for timing in runs[mine]]
        limit = next(name for name in runs if name.startswith("bare script, PyMySQL"))
        report.line = {
            "dlt": f"{paired_ratio(first[form_dlt().name], first[mine]):.1f}",
            "limit": f"{paired_ratio(first[limit], ready):.2f}",
        }


def _wide(kind: str, make: Workbenches, plan: Plan, report: Report) -> None:
    """Run all contestants in turn on a form of 800 questions, of which a submission answers a third."""
    _peers(kind, "wide", make.of(wide(), plan.wide_rows), plan, report)


def _peers(
    kind: str, section: str, bench: FormWorkbench, plan: Plan, report: Report
) -> dict[str, list[Timings]]:
    contestants = form_contestants(bench, plan.nested_drivers)
    runs = run_in_turn({c.name: partial(_measure_all, bench, c) for c in contestants}, plan.rounds)
    for name, timings in runs.items():
        report.note(f"{section}, {kind}", name, timings)
    show_peers(f"{section}, {kind}", bench.rows, runs)
    return runs


def _measure_all(bench: FormWorkbench, contestant: FormContestant) -> Timings:
    if contestant.name == form_dlt().name:
        return bench.run_both(contestant, again=False)
    if not contestant.name.startswith("Kobo Mirror"):
        return bench.run_both(contestant)
    with bench.start(contestant) as trial:
        timings = {"first": trial.measure(contestant.first)}
        trial.check()
        timings["again"] = trial.measure(contestant.again)
        timings |= {name: trial.measure(command) for name, command in _LATER.items()}
        trial.check()
    if not timings["full proof"].result["equal"]:
        raise BenchError("A full proof found a difference")
    with bench.start(replace(contestant, ready=form_tables(bench.simulator))) as trial:
        timings[READY] = trial.measure(contestant.first)
        trial.check()
    return timings


def _survey(kind: str, make: Workbenches, plan: Plan, report: Report) -> None:
    """Load the survey with all of its tables, beside a bare script that fills as many."""
    bench = make(plan.rows)
    mine, limit = survey_ours(), survey_bare(bench)
    beside = replace(mine, name=f"{mine.name}, tables there", ready=limit.ready)
    contestants = (beside, mine, limit)
    runs = run_in_turn({c.name: partial(bench.run_both, c) for c in contestants}, plan.rounds)
    note_and_show(f"survey, {kind}", bench.rows, runs, report)


def _growth(kind: str, make: Workbenches, plan: Plan, report: Report) -> None:
    """Measure the cost against the size of a form with repeats."""
    if plan.nested_sizes:
        make_sized = partial(make.of, household())
        found, peak = growth.measure_sizes(kind, make_sized, plan.nested_sizes, form_ours())
        report.results[f"nested-growth, {kind}"] = found
        report.peak = max(report.peak, peak)


def _again(kind: str, make: Workbenches, plan: Plan, report: Report) -> None:
    """Let dlt and this project load a form with repeats in full a second time, once: dlt's takes minutes."""
    if kind == "mariadb":
        bench = make.of(household(), plan.nested_dlt_rows)
        runs = {c.name: [bench.run_both(c)] for c in (form_ours(), form_dlt())}
        note_and_show("dlt twice, nested", bench.rows, runs, report)


FORM_SECTIONS: Mapping[str, Section] = {
    "nested": _nested,
    "wide": _wide,
    "survey": _survey,
    "nested-growth": _growth,
    "nested-again": _again,
}
