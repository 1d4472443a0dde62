"""The cost of a form against its size: a first load, a sync with nothing new, a sweep, a proof."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from benchmarks.bulk_contestants import Contestant, Timing, Trial, Workbench, ours
from benchmarks.common import BenchError, report_progress, show

_VERIFY = (sys.executable, "-m", "kobo_mirror", "verify", "--json")
_DERIVED = 10_000_000
_BLOCK = 100_000
_LOADS = ("first load", "nothing new", "sweep, nothing new", "verify", "verify --full")


def measure_sizes(
    kind: str,
    make_workbench: Callable[[int], Workbench],
    sizes: Sequence[int],
    contestant: Contestant | None = None,
) -> tuple[list[dict[str, Any]], float]:
    """Measure each size once and print the tables.

    :param kind: the kind of database server.
    :param make_workbench: makes the workbench of a form with so many submissions.
    :param sizes: submissions of each form.
    :param contestant: this project, where it loads more than one table; that is then proven in full, too.
    :returns: the figures of each size, and the most MiB that this project held.
    """
    found = []
    for size in sizes:
        report_progress(f"{kind}: {size:,} submissions")
        found.append(_measure(make_workbench(size), contestant or ours(), in_full=contestant is not None))
    _show_cost(kind, found)
    _show_start_to_end(kind, found)
    return found, max(load["peak_mib"] for one in found for load in one["loads"].values())


def _measure(workbench: Workbench, contestant: Contestant, *, in_full: bool) -> dict[str, Any]:
    with workbench.start(contestant) as trial:
        count = _Counter(trial)
        timings = {"first load": trial.measure(contestant.first, count.note, with_plain=True)}
        trial.check()
        count.age_the_run()  # the next sync but one may then start where this one ended
        timings["sweep, nothing new"] = trial.measure((*contestant.first, "--mode", "exact"), with_plain=True)
        _nothing_written(timings["sweep, nothing new"])
        timings["nothing new"] = trial.measure((*contestant.first, "--mode", "incremental"), with_plain=True)
        _nothing_written(timings["nothing new"])
        timings["verify"] = trial.measure(_VERIFY, with_plain=True)
        if in_full:
            timings["verify --full"] = trial.measure((*_VERIFY, "--full"), with_plain=True)
        trial.check()
        count.close()
    return {
        "rows": workbench.rows,
        "loads": {name: _figures(timings[name]) for name in _LOADS if name in timings},
        "blocks": _blocks(count.seen, workbench.rows),
        "memory": timings["first load"].run.memory[:: max(1, len(timings["first load"].run.memory) // 50)],
    }


def _nothing_written(timing: Timing) -> None:
    wrote = {name: timing.result[name] for name in ("inserted", "updated", "deleted", "revived")}
    if any(wrote.values()):
        raise BenchError(f"A sync with nothing new wrote {wrote}")


def _figures(timing: Timing) -> dict[str, Any]:
    run = timing.run
    return {
        "seconds": run.seconds,
        "cpu": run.cpu,
        "server_cpu": timing.server,
        "peak_mib": run.peak,
        "requests": timing.requests,
        "wire_bytes": timing.wire,
        "plain_bytes": timing.plain,
    }


class _Counter:
    """Reads the progress of a sync, on a connection of its own."""

    def __init__(self, trial: Trial) -> None:
        self._engine = create_engine(trial.url, isolation_level="AUTOCOMMIT")
        self.seen: list[tuple[float, int]] = []

    def note(self, seconds: float) -> None:
        """Note how many rows are committed so many seconds after the start."""
        with suppress(DBAPIError), self._engine.connect() as connection:  # at first there are no tables
            query = "SELECT coalesce(sum(inserted), 0) FROM kobo_sync_runs"
            self.seen.append((seconds, int(connection.exec_driver_sql(query).scalar_one())))

    def age_the_run(self) -> None:
        """Move the finished run an hour into the past."""
        with self._engine.connect() as connection:
            connection.exec_driver_sql(
                "UPDATE kobo_sync_runs SET started_at = started_at - INTERVAL 1 HOUR, "
                "finished_at = finished_at - INTERVAL 1 HOUR"
            )

    def close(self) -> None:
        self._engine.dispose()


def _blocks(seen: Sequence[tuple[float, int]], rows: int) -> list[float]:
    """Return the rows a second of each 100,000; between two readings the count is taken as even."""
    marks = [_moment(seen, goal) for goal in range(0, rows + 1, _BLOCK)]
    return [_BLOCK / (later - earlier) for earlier, later in pairwise(marks)]


def _moment(seen: Sequence[tuple[float, int]], goal: int) -> float:
    counted = [(0.0, 0), *seen]  # none are there when it starts, whether or not that was read in time
    before = [(seconds, rows) for seconds, rows in counted if rows <= goal]
    after = [(seconds, rows) for seconds, rows in counted if rows >= max(1, goal)]
    if not after:  # it ended before the last count of it was read
        return counted[-1][0]
    (t0, r0), (t1, r1) = before[-1], after[0]
    return t1 if r1 == r0 else t0 + (goal - r0) / (r1 - r0) * (t1 - t0)


def _show_cost(kind: str, found: Sequence[dict[str, Any]]) -> None:
    table = []
    for name in (name for name in _LOADS if name in found[0]["loads"]):
        for one in found:
            load = one["loads"][name]
            first = one["loads"]["first load"]
            table.append(
                [
                    name,
                    one["rows"],
                    load["seconds"],
                    one["rows"] / load["seconds"],
                    first["seconds"] / load["seconds"],
                    load["requests"],
                    load["wire_bytes"] / first["wire_bytes"],
                    load["plain_bytes"] / first["plain_bytes"],
                    load["peak_mib"],
                ]
            )
        if len(found) > 1:
            seconds = _derived(found, name)
            table.append([name, f"{_DERIVED:,} (derived)", seconds, _DERIVED / seconds, *[None] * 5])
    columns = ("", "rows", "seconds", "rows/s", "faster", "requests", "wire", "bytes", "MiB")
    show(
        f"{kind}, growth; faster: than the first load; wire, bytes: as a part of the first load's, with and "
        "before gzip; derived: by the cost a row between the two largest",
        columns,
        table,
    )


def _derived(found: Sequence[dict[str, Any]], name: str) -> float:
    small, large = found[-2], found[-1]
    more = large["loads"][name]["seconds"] - small["loads"][name]["seconds"]
    each = more / (large["rows"] - small["rows"])
    return float(large["loads"][name]["seconds"] + each * (_DERIVED - large["rows"]))


def _show_start_to_end(kind: str, found: Sequence[dict[str, Any]]) -> None:
    blocks = found[-1]["blocks"]
    if len(blocks) > 1:
        rows = [[f"{(n + 1) * _BLOCK:,}", speed, speed / blocks[0]] for n, speed in enumerate(blocks)]
        show(f"{kind}: rows/s of each 100,000", ("up to", "rows/s", "of the first"), rows)
    memory = found[-1]["memory"]
    shown = memory[:: max(1, len(memory) // 10)]
    show(f"{kind}: MiB held over time", ("second", "MiB"), [[seconds, held] for seconds, held in shown])
