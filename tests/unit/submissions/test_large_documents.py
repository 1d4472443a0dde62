"""What a large form or submission costs grows with its size, not with a power of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest

from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.forms.form_schema import FormSchema
from kobo_mirror.submissions.shaper import Shaper

PATIENCE = 5.0  # seconds; each takes under one here, and ten to two hundred if all are compared with all


def schema(survey: list[dict[str, Any]], versions: int = 1) -> FormSchema:
    content = {"survey": survey, "choices": []}
    return derive("aAsset", "Form", [read_version(f"v{n}", content) for n in range(versions)])


def seconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return process_time() - start


def around(group: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    kind, _, _ = group.partition("_")
    return [{"type": f"begin_{kind}", "name": group}, *rows, {"type": f"end_{kind}"}]


def test_lists_of_thousands_of_groups() -> None:
    survey = [row for n in range(3000) for row in around(f"group_{n}", {"type": "text", "name": f"q{n}"})]
    shaper = Shaper(schema(survey))
    document = {"_id": 1, **{f"group_{n}": [{f"group_{n}/q{n}": "x"}] for n in range(3000)}}
    assert seconds(lambda: shaper.shape(document)) < PATIENCE
    (root,) = shaper.shape(document).rows
    assert {root.cells[f"q{n}"] for n in range(3000)} == {"x"}


def test_thousands_of_files() -> None:
    shaper = Shaper(schema(around("repeat_1", {"type": "image", "name": "photo"})))
    names = [f"photo {n}.jpg" for n in range(5000)]
    rows = [{"repeat_1/photo": name} for name in names]
    files = [{"uid": name, "media_file_basename": name.replace(" ", "_")} for name in names]
    document = {"_id": 1, "repeat_1": rows, "_attachments": files}
    assert seconds(lambda: shaper.shape(document)) < PATIENCE
    assert [file.pos for file in shaper.shape(document).files] == [str(n + 1) for n in range(5000)]


def test_hundreds_of_repeats() -> None:
    survey = [
        row
        for n in range(500)
        for row in around(f"repeat_{n}", *({"type": "text", "name": f"q{n}_{i}"} for i in range(10)))
    ]
    assert seconds(lambda: schema(survey, versions=3)) < PATIENCE


@pytest.mark.parametrize("question", ["integer", "decimal", "date", "text", "datetime"])
def test_long_answers_and_keys_are_not_remembered(question: str) -> None:
    """What many submissions say is: but memory may not grow with what they say."""
    shaper = Shaper(schema([{"type": question, "name": "q"}]))
    tracemalloc.start()
    try:
        for number in range(20):
            shaper.shape({"_id": 1, "q": f"{number}." + "0" * 500_000, f"{number}" * 500_000: "x"})
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2_000_000
