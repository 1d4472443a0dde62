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
from tests.simulator.any_forms import FIRST, SECOND, content, row
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
        ({"versions": [FIRST], "answers": [1]}, "has no list of objects as answers"),
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


def test_generated_submissions_take_turns_with_the_answers_of_the_file(tmp_path: Path) -> None:
    form = content(row("text", "town"), row("image", "photo"), row("geopoint", "gps"))
    answers = [{"town": "100 % Goma", "photo": "a.jpg"}, {"town": "Bor", "gps": "1 2 0 0"}, {}]
    file = written(tmp_path, "turns.json", {"versions": [form], "answers": answers})
    with SimulatorProcess(rows=9, form=[file]) as simulator:
        rows = simulator.control.rows()
        light = Api(simulator).get("/data.json", fields=["_uuid"])["results"]
        new = simulator.control.create(1, town="Juba")
        edited = simulator.control.edit(rows[0]["_id"], town="Lodwar")
        assert simulator.control.rows(new)[0]["town"] == "Juba"
        assert simulator.control.rows(rows[0]["_id"])[0]["_uuid"] == edited[0]
    for one in rows:
        asked = answers[one["_id"] % 3]
        assert {key: one[key] for key in ("town", "photo", "gps") if key in one} == asked
        assert one["meta/rootUuid"] == one["meta/instanceID"] == f"uuid:{one['_uuid']}"
        assert one["_geolocation"] == ([1.0, 2.0] if "gps" in asked else [None, None])
        assert [file["media_file_basename"] for file in one["_attachments"]] == ["a.jpg"] * ("photo" in asked)
        assert all(f"/data/{one['_id']}/" in file["download_url"] for file in one["_attachments"])
    assert [one["_uuid"] for one in light] == [one["_uuid"] for one in rows]
    assert len({one["_uuid"] for one in rows}) == 9
    times = [one["_submission_time"] for one in rows]
    assert times == sorted(times)
