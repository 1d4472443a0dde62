"""Deliveries a second: this webhook, Flask's own server, one commit a request, and the limits of the parts.

`make bench-webhook` runs it. The contestants take turns, each on a database of its own, all on one server.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial

from benchmarks import common
from benchmarks.common import BenchError, median, paired_ratio
from benchmarks.webhook_ceiling import Ceiling
from benchmarks.webhook_contestants import (
    COMMANDS,
    EACH,
    EDITED,
    HELLO,
    LONE,
    NAIVE,
    NEW,
    OURS,
    REPEATED,
    Contestant,
    Figures,
    Plan,
    Round,
    running,
)  # fmt: skip
from benchmarks.webhook_subjects import Subject, nested, survey
from kobo_mirror.database.engine import open_engine
from tests.support.database_server import DatabaseServer

TOGETHER = 32
CEILINGS = {"database, 1 a transaction": 1, f"database, {TOGETHER} a transaction": TOGETHER}
_COLUMNS = (
    "req/s",
    "p50 ms",
    "p99 ms",
    "CPU ms",
    "its DB",
    "MiB",
    "x naive",
    "of ceiling",
    "x one each",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; return 2 where that is not possible."""
    options = _options().parse_args(arguments)
    plan = Plan(options.rounds, options.lone, options.requests, options.naive, options.connections)
    try:
        with common.database(options.database) as database:
            facts = common.machine(database)
            for name, fact in facts.items():
                print(f"{name + ':':15} {fact}", flush=True)
            results = {s.title: measured(plan, database, s) for s in (survey(), nested())}
    except BenchError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    for title, rounds in results.items():
        for phase in (LONE, NEW, EDITED, REPEATED):
            _show(f"{title}, {phase}", phase, rounds)
    common.save("webhook", {"machine": facts, "plan": asdict(plan), "results": results})
    for title, rounds in results.items():
        print(sentence(rounds, title))
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhook", description=__doc__)
    parser.add_argument("--database", choices=("mariadb", "mysql", "given"), default="mariadb")
    parser.add_argument("--rounds", type=int, default=5, help="each contestant takes so many turns")
    parser.add_argument("--requests", type=int, default=4000, help="of each phase")
    parser.add_argument("--lone", type=int, default=300, help="requests by one connection")
    parser.add_argument("--naive", type=int, default=500, help="requests of each phase to Flask's server")
    parser.add_argument("--connections", type=int, default=32)
    return parser


def measured(plan: Plan, database: DatabaseServer, subject: Subject) -> dict[str, list[Round]]:
    """Run the rounds of each contestant; before the first, each is warmed up.

    :param subject: what is delivered.
    :returns: the rounds of each contestant.
    :raises BenchError: a server does not start, does not take everything, or does not hold it afterwards.
    """
    turns: dict[str, Callable[[], Round]] = {}
    with ExitStack() as servers:
        for name, command in COMMANDS.items():
            url = database.fresh_database()
            engine = open_engine(url)
            subject.prepare(engine)
            process, port = servers.enter_context(running(command, url, subject.naive))
            contestant = Contestant(name, subject, process, port, None if name == HELLO else engine)
            warm = min(100, plan.many)
            contestant.round(Plan(1, min(20, plan.lone), warm, warm, plan.connections), warm, database)
            many = plan.naive if name == NAIVE else plan.many
            turns[name] = partial(contestant.round, plan, many, database)
        for name, together in CEILINGS.items():
            turns[name] = partial(Ceiling(database, together, subject).round, plan.many)
        return common.run_in_turn(turns, plan.rounds)


def sentence(results: Mapping[str, Sequence[Round]], title: str) -> str:
    """Return README's figures: new submissions by many connections.

    :param title: of the subject.
    """
    ours = results[OURS]
    naive, ceiling = (_ratio(results, OURS, other, NEW) for other in (NAIVE, HELLO))
    p99 = median([done[NEW].p99 for done in ours])
    return f"{title}: {naive:.1f} x naive, {ceiling:.2f} of ceiling, p99 {p99:.0f} ms"


def _ratio(results: Mapping[str, Sequence[Round]], one: str, other: str, phase: str) -> float | None:
    rates = [[done[phase].rate for done in results[name] if phase in done] for name in (one, other)]
    return paired_ratio(*rates) if all(rates) else None


def _show(title: str, phase: str, results: Mapping[str, Sequence[Round]]) -> None:
    rows = []
    for name, rounds in results.items():
        seen = [done[phase] for done in rounds if phase in done]
        if seen:
            figures = Figures(*(median(values) for values in zip(*seen, strict=True)))
            ceiling = _ratio(results, name, HELLO, phase) or _ratio(results, name, HELLO, NEW)
            others = (_ratio(results, name, NAIVE, phase), ceiling, _ratio(results, name, EACH, phase))
            rows.append((name, *figures, *others))
    common.show(f"{title} submissions", ("", *_COLUMNS), rows)


if __name__ == "__main__":
    sys.exit(main())
