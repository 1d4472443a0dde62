from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

from sqlalchemy import create_engine, text

from tests.dags.test_integrity import IDS
from tests.support.airflow_environment import ROOT


def test_the_dag_processor_itself_loads_the_dags(airflow_db: None) -> None:
    started = datetime.now(UTC).replace(tzinfo=None)
    command = [sys.executable, "-m", "airflow", "dag-processor", "--num-runs", "1"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    # Whatever this process has imported before it made the tables: the processor's own idea of them counts.
    migrate = [sys.executable, "-m", "airflow", "db", "migrate"]
    subprocess.run(migrate, env=env, capture_output=True, timeout=120, check=True)
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]

    engine = create_engine(os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    with engine.connect() as connection:
        assert connection.execute(text("SELECT stacktrace FROM import_error")).all() == []
        parsed = connection.execute(
            text(
                "SELECT dag_id FROM dag JOIN serialized_dag USING (dag_id) WHERE last_parsed_time >= :started"
            ),
            {"started": started},
        )
        assert set(parsed.scalars()) == IDS
    engine.dispose()
