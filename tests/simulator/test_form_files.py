"""``--form``: what a file may hold, and what is said of one that cannot be served."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simulator.form_file import FormFileError, read_forms
from simulator.options import Options
from simulator.process import SimulatorProcess
from tests.simulator.any_forms import FIRST, SECOND
from tests.simulator.api import Api

ROOT = Path(__file__).resolve().parents[2]


def written(folder: Path, name: str, value: Any) -> str:
    file = folder / name
    file.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{not json", "is no JSON: Expecting property name"),
        ("[1, 2]", "holds no object; it should be a content"),
        ({"name": "x"}, "has no survey; it should be a content"),
        ({"survey": []}, "has no survey; it should be a content"),
        ({"survey": [5]}, "has no survey; it should be a content"),
        ({"versions": []}, "has no survey; it should be a content"),
        ({"versions": [FIRST, {"choices": []}]}, "has no survey; it should be a content"),
        ({"versions": "x"}, "has no list of objects as versions"),
        ({"versions": [FIRST], "rows": -1}, "has no whole number as rows"),
        ({"versions": [FIRST], "rows": True}, "has no whole number as rows"),
        ({"versions": [FIRST], "submissions": [1]}, "has no list of objects as submissions"),
        ({"versions": [FIRST], "submissions": [{"__version__": 2}]}, "has no version 2"),
        ({"versions": [FIRST], "submissions": [{"_id": "x"}]}, "has an _id that is no whole number from 1"),
        ({"versions": [FIRST], "submissions": [{"_id": 2**40}]}, "has an _id that is no whole number from 1"),
    ],
)
def test_a_bad_file_is_told_in_a_sentence(tmp_path: Path, given: Any, sentence: str) -> None:
    file = written(tmp_path, "bad.json", given)
    with pytest.raises(FormFileError) as problem:
        read_forms(Options(form=(file,)))
    assert str(problem.value).startswith(f"--form {file} ")
    assert sentence in str(problem.value)
    assert "\n" not in str(problem.value)


def test_nothing_is_started_with_a_bad_file(tmp_path: Path) -> None:
    good, ready = written(tmp_path, "good.json", FIRST), tmp_path / "ready.json"
    options = [
        "--port",
        "0",
        "--form",
        good,
        "--form",
        str(tmp_path / "none.json"),
        "--ready-file",
        str(ready),
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "simulator", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    sentence = f"python -m simulator: --form {tmp_path}/none.json cannot be read: No such file or directory\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", sentence)
    assert not ready.exists()


def test_uids_and_ids_are_unique_on_a_server(tmp_path: Path) -> None:
    one = written(tmp_path, "one.json", {"uid": "aX", "versions": [FIRST], "submissions": [{"_id": 7}]})
    same = written(tmp_path, "same.json", {"uid": "aX", "versions": [FIRST]})
    other = written(tmp_path, "other.json", {"uid": "aY", "versions": [FIRST], "submissions": [{"_id": 7}]})
    with pytest.raises(FormFileError, match="two forms have the uid aX; give each its own"):
        read_forms(Options(form=(one, same)))
    with pytest.raises(FormFileError, match="two submissions have the _id 7; ids are unique on a server"):
        read_forms(Options(form=(one, other)))


def test_what_a_file_leaves_out_is_filled_in(tmp_path: Path) -> None:
    bare = written(tmp_path, "Household survey.json", FIRST)
    own = written(tmp_path, "own.json", {"versions": [FIRST], "submissions": [{"a": "1"}]})
    first, second = read_forms(Options(form=(bare, own), rows=12))
    assert (first.name, first.rows, first.contents) == ("Household survey", 12, (FIRST,))
    assert first.uid.startswith("a") and len(first.uid) == 22
    assert (second.name, second.rows, second.submissions) == ("own", 0, ({"a": "1"},))
    assert first.uid != second.uid and first.formhub_uuid != second.formhub_uuid


def test_a_file_with_versions_and_submissions_is_served(tmp_path: Path) -> None:
    given = {
        "name": "Two versions",
        "uid": "aTwo",
        "versions": [FIRST, SECOND],
        "rows": 6,
        "submissions": [
            {"a": "of v1", "g/q": "1", "__version__": 1},
            {"_id": 500_000, "a": "of v2", "g": [{"g/q": "1"}], "_submission_time": "2026-01-02T03:04:05"},
            {"a": "of old", "_uuid": "0000aaaa", "__version__": "vUnknown", "_submitted_by": None},
        ],
    }
    with SimulatorProcess(form=[written(tmp_path, "two.json", given)]) as server, Api(server) as api:
        assert (server.asset, server.assets) == ("aTwo", ["aTwo"])
        new, old = (version["uid"] for version in api.get("/versions.json", deployed="True")["results"])
        assert api.get(f"/versions/{old}/")["content"] == FIRST
        rows = api.rows()
        assert [row["__version__"] for row in rows[1:7]] == [old] * 3 + [new] * 3
        v1, v2, unknown = (
            next(row for row in rows if row.get("a") == text) for text in ("of v1", "of v2", "of old")
        )
        assert (v1["__version__"], v1["g/q"]) == (old, "1")
        assert (v2["_id"], v2["g"], v2["__version__"]) == (500_000, [{"g/q": "1"}], new)
        assert v2["_submission_time"] == "2026-01-02T03:04:05"
        assert (unknown["__version__"], unknown["_uuid"]) == ("vUnknown", "0000aaaa")
        assert unknown["meta/instanceID"] == unknown["meta/rootUuid"] == "uuid:0000aaaa"
        assert len({row["_id"] for row in rows}) == 9
        before = api.control.rows()
        api.control.reset()
        assert api.control.rows() == before
        assert api.control.create(1)[0] > 500_000
