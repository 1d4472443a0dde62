"""``make bench-shaping``: how long submissions of derived forms take to become rows.

Three contestants shape submissions that are in memory: 60 questions; the same 60 with 20 of them in a repeat
of four rows; and the declared table of the survey, whose answers a struct checks in C.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from benchmarks.common import (
    BenchError,
    machine,
    median,
    paired_ratio,
    report_progress,
    run_in_turn,
    save,
    show,
)
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.submissions.shaper import Shaper
from kobo_mirror.submissions.values import Misfit, shape
from tests.support.judge.verdict import faults
from tests.support.submissions import submission

QUESTIONS, IN_THE_REPEAT, ROWS_OF_THE_REPEAT = 60, 20, 4
MOST = 2.0
"""How many times a value of a flat submission one beside and in a repeat may cost."""
_JUDGED = 50
_FIRST = datetime(2026, 1, 1, 8)  # noqa: DTZ001  # on a device's clock

Document = dict[str, Any]


@dataclass(frozen=True)
class Contestant:
    """Something that shapes submissions.

    :param shape: one of them.
    :param values: answers in each.
    """

    documents: Sequence[Document]
    shape: Callable[[Document], object]
    values: int

    def lap(self) -> float:
        """Shape all of them once, and return the microseconds that a value took."""
        shape_one = self.shape
        started = time.process_time()
        for document in self.documents:
            shape_one(document)
        return (time.process_time() - started) / len(self.documents) / self.values * 1e6


def _answers(chance: random.Random) -> Iterator[tuple[str, str]]:
    """Types and answers, in the proportions of a survey, without end."""
    while True:
        moment = _FIRST + timedelta(seconds=chance.randrange(10**7))
        yield "text", f"Respondent {chance.randrange(10**6)}"
        yield "select_one yn", chance.choice(("yes", "no"))
        yield "integer", str(chance.randrange(100))
        yield "select_multiple yn", "yes no"
        yield "text", "x" * chance.randrange(5, 60)
        yield "select_one yn", "yes"
        yield "date", f"{moment:%Y-%m-%d}"
        yield "decimal", f"{chance.randrange(10**5) / 100}"
        yield "dateTime", f"{moment.isoformat(timespec='milliseconds')}+03:00"
        yield (
            "geopoint",
            f"{chance.uniform(-1, 1):.7f} {chance.uniform(30, 38):.7f} {chance.random():.1f} 4.9",
        )


def _questions(count: int, prefix: str) -> list[dict[str, str]]:
    asked = _answers(random.Random(1))
    return [{"type": next(asked)[0], "name": f"{prefix}{number}"} for number in range(count)]


def _answered(chance: random.Random, count: int, prefix: str, path: str = "") -> Document:
    said = _answers(chance)
    return {f"{path}{prefix}{number}": next(said)[1] for number in range(count)}


def contestants(count: int) -> Mapping[str, Contestant]:
    """Return the contestants, each with its own submissions.

    :param count: of submissions.
    :raises BenchError: a row set is not what the submission says.
    """
    chance = random.Random(394)
    usual = {key: value for key, value in submission(7).items() if key.startswith(("_", "meta/"))}
    beside = QUESTIONS - IN_THE_REPEAT
    flat = [usual | _answered(chance, QUESTIONS, "q") for _ in range(count)]
    nested = [
        usual
        | _answered(chance, beside, "q")
        | {"r": [_answered(chance, IN_THE_REPEAT, "m", "r/") for _ in range(ROWS_OF_THE_REPEAT)]}
        for _ in range(count)
    ]
    repeat = [{"type": "begin_repeat", "name": "r"}, *_questions(IN_THE_REPEAT, "m"), {"type": "end_repeat"}]
    return {
        "60 questions": _derived(flat, _questions(QUESTIONS, "q"), QUESTIONS),
        "40, and 20 in a repeat of four": _derived(
            nested, [*_questions(beside, "q"), *repeat], beside + IN_THE_REPEAT * ROWS_OF_THE_REPEAT
        ),
        "the declared table": _declared(count),
    }


def _derived(documents: Sequence[Document], survey: Sequence[Mapping[str, str]], values: int) -> Contestant:
    choices = [{"list_name": "yn", "name": name} for name in ("yes", "no")]
    schema = derive("aForm", "f", [read_version("v1", {"survey": survey, "choices": choices})])
    shaper = Shaper(schema)
    for document in documents[:_JUDGED]:
        if wrong := faults(schema, document, shaper.shape(document)):
            raise BenchError(f"a submission became other rows: {wrong[0]}")
    return Contestant(documents, shaper.shape, values)


def _declared(count: int) -> Contestant:
    documents = [
        submission(number, age=str(number % 90), client_id=f"M{number}") for number in range(1, count)
    ]
    if any(isinstance(shape(document, FORM), Misfit) for document in documents[:_JUDGED]):
        raise BenchError("a submission of the survey was rejected")
    return Contestant(documents, lambda document: shape(document, FORM), len(FORM.columns))


def measure(count: int = 3000, rounds: int = 7) -> dict[str, float]:
    """Measure the contestants in turn, and return the microseconds a value, and two ratios.

    :param count: submissions each.
    :param rounds: how often each shapes all of its submissions.
    """
    field = contestants(count)
    laps = run_in_turn({name: contestant.lap for name, contestant in field.items()}, rounds)
    flat, nested, declared = laps.values()
    show(
        f"Shaping: {count:,} submissions, microseconds of processor, medians",
        ("submissions", "values", "a value", "a submission", "a value to 60 questions'"),
        [
            [
                name,
                field[name].values,
                median(each),
                median(each) * field[name].values,
                paired_ratio(each, flat),
            ]
            for name, each in laps.items()
        ],
    )
    return {
        **{name: median(each) for name, each in laps.items()},
        "repeat to flat": paired_ratio(nested, flat),
        "flat to declared": paired_ratio(flat, declared),
    }


def main() -> int:
    """Measure, print and keep the figures, and return 1 if a repeat costs too much."""
    results = measure()
    file = save("shaping", {"machine": machine(), "results": results})
    ratio, to_declared = results["repeat to flat"], results["flat to declared"]
    print(f"shaping: {ratio:.2f} x a flat value's cost in a repeat, {to_declared:.1f} x the declared table's")
    report_progress(f"kept in {file}")
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
