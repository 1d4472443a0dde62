"""The DAGs that docs/airflow.md shows are loaded as Airflow loads any file."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.airflow_environment import ROOT

DOCUMENT = ROOT / "docs" / "airflow.md"


def test_each_dag_that_is_shown_is_imported(tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag

    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for number, block in enumerate(blocks):
        (tmp_path / f"shown_{number}.py").write_text(block)
    found = DagBag(str(tmp_path))
    assert found.import_errors == {}
    assert set(found.dags) == {"mirror_the_form", "report_on_arrivals"}


def test_each_operator_that_is_named_can_be_imported() -> None:
    from kobo_mirror.airflow import operators

    named = set(re.findall(r"`(Kobo\w+Operator)`", DOCUMENT.read_text("utf-8")))
    assert named == set(operators.__all__) - {"KoboOperator"}
