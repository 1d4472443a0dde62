"""An Airflow for the tests alone. To be imported before Airflow, which reads its settings when imported."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from pathlib import Path

from kobo_mirror.config.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(tempfile.mkdtemp(prefix="kobo-mirror-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)

for name in [name for name in os.environ if name.startswith("AIRFLOW_")]:
    del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": str(HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
}


def connection_variables(**settings: str) -> dict[str, str]:
    """Our two connections, made from these settings, as Airflow reads them from its environment."""
    from kobo_mirror.airflow.connections import database_connection, kobo_connection

    given = Settings.from_env(env=settings)
    return {
        "AIRFLOW_CONN_KOBO_DEFAULT": json.dumps(kobo_connection(given)),
        "AIRFLOW_CONN_KOBO_DATABASE": json.dumps(database_connection(given)),
    }
