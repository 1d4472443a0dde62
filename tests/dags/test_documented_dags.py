"""The DAGs that docs/airflow.md shows are loaded as Airflow loads any file."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.airflow_environment import ROOT

DOCUMENT = ROOT / "docs" / "airflow.md"


def test_each_dag_that_is_shown_is_imported(tmp_path: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag

    from kobo_mirror.airflow.assets import RECORDS

    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    for number, block in enumerate(blocks):
        (tmp_path / f"shown_{number}.py").write_text(block)
    found = DagBag(str(tmp_path))
    assert found.import_errors == {}
    assert set(found.dags) == {"mirror_the_form", "report_on_arrivals"}
    (awaited,) = found.dags["report_on_arrivals"].timetable.asset_condition.objects
    (told,) = found.dags["mirror_the_form"].get_task("sync").outlets
    # Under another name it is another asset, which nothing tells.
    assert {(asset.name, asset.uri) for asset in (awaited, told)} == {(RECORDS.name, RECORDS.uri)}


def test_each_operator_that_is_named_can_be_imported() -> None:
    from kobo_mirror.airflow import operators

    named = set(re.findall(r"`(Kobo\w+Operator)`", DOCUMENT.read_text("utf-8")))
    assert named == set(operators.__all__) - {"KoboOperator"}
