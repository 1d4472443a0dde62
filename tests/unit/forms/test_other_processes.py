"""Two processes derive the same schema and shape the same rows, whatever seed their hashes have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parents[3]
SCRIPT = """
import json
from kobo_mirror.forms.definition import read_version
from kobo_mirror.forms.derive import derive
from kobo_mirror.submissions.shaper import Shaper
from tests.unit.submissions.test_whole_submissions import HOUSEHOLD
versions = [read_version(uid, content) for uid, content in HOUSEHOLD["versions"].items()]
schema = derive("aAsset", "Households", versions)
print(schema.to_json().decode(), schema.fingerprint.hex())
for document in HOUSEHOLD["documents"].values():
    print(Shaper(schema).shape(document).digest().hex())
"""


def told(seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": f"{HERE / 'plugins'}:{HERE}"}
    command = [sys.executable, "-c", SCRIPT]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def test_no_seed_of_hashes_changes_a_schema_or_a_digest() -> None:
    first = told(1)
    assert first.count("\n") > 3
    assert told(2) == first
