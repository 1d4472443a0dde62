"""Each container gets the settings that its program reads and no others, least of all a secret."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kobo_mirror.airflow.connection_fields import CONNECTION_SETTINGS
from kobo_mirror.config.settings import Settings
from tests.compose.test_compose_file import ROOT, SERVICES

OURS = re.compile(r"(KOBO|WEBHOOK|INKOMOKO|REAL_TIME|DATABASE|WEB)_[A-Z_]+|AIRFLOW_ADMIN_PASSWORD")
LIBRARY = "plugins/kobo_mirror"
DAGS = (
    "dags",
    f"{LIBRARY}/airflow/dag_ids.py",
    f"{LIBRARY}/airflow/pools.py",
    f"{LIBRARY}/airflow/sync_dag.py",
)
READERS = {
    "airflow-init": (
        *DAGS,
        f"{LIBRARY}/airflow/connections.py",
        "docker/with-form.sh",
        "docker/airflow-init.sh",
    ),
    "airflow-api-server": (
        f"{LIBRARY}/airflow/page",
        f"{LIBRARY}/airflow/hooks.py",
        "docker/airflow-api-server.sh",
    ),
    "airflow-scheduler": (
        *DAGS,
        f"{LIBRARY}/airflow/alerts.py",
        f"{LIBRARY}/airflow/hooks.py",
        f"{LIBRARY}/airflow/operators",
        f"{LIBRARY}/config/forms_file.py",
        f"{LIBRARY}/sync/context.py",
        f"{LIBRARY}/sync/mirror.py",
    ),
    "airflow-dag-processor": DAGS,
    "airflow-triggerer": (),
    "webhook": ("webhook", f"{LIBRARY}/sync/context.py"),
    "simulator": ("simulator",),
}
BY_CONNECTION = ("airflow-api-server", "airflow-scheduler")
ELSEWHERE = {"webhook": {"WEBHOOK_AUTH", "WEBHOOK_BIND"}}  # never off with compose; set by the image
SECRETS = {
    "mysql": {"MYSQL_ROOT_PASSWORD", "MYSQL_KOBO_PASSWORD", "MYSQL_TEST_PASSWORD", "MYSQL_AIRFLOW_PASSWORD"},
    "airflow-init": {
        "AIRFLOW_FERNET_KEY",
        "KOBO_TOKEN",
        "MYSQL_AIRFLOW_PASSWORD",
        "MYSQL_KOBO_PASSWORD",
        "WEBHOOK_SECRET",
        "WEBHOOK_SECRET_PREVIOUS",
    },
    "airflow-api-server": {
        "AIRFLOW_ADMIN_PASSWORD",
        "AIRFLOW_API_SECRET",
        "AIRFLOW_FERNET_KEY",
        "AIRFLOW_JWT_SECRET",
        "MYSQL_AIRFLOW_PASSWORD",
        "WEBHOOK_AIRFLOW_LOGIN",
    },
    "airflow-scheduler": {
        "AIRFLOW_API_SECRET",
        "AIRFLOW_FERNET_KEY",
        "AIRFLOW_JWT_SECRET",
        "MYSQL_AIRFLOW_PASSWORD",
    },
    "airflow-dag-processor": {"AIRFLOW_FERNET_KEY", "MYSQL_AIRFLOW_PASSWORD"},
    "airflow-triggerer": {"AIRFLOW_API_SECRET", "AIRFLOW_FERNET_KEY", "MYSQL_AIRFLOW_PASSWORD"},
    "webhook": {
        "MYSQL_KOBO_PASSWORD",
        "WEBHOOK_AIRFLOW_LOGIN",
        "WEBHOOK_SECRET",
        "WEBHOOK_SECRET_PREVIOUS",
    },
    "simulator": set(),
    "prometheus": set(),
    "grafana": {"GRAFANA_ADMIN_PASSWORD"},
}


def sources(*places: str) -> Iterator[Path]:
    for place in places:
        path = ROOT / place
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def read_in(path: Path) -> Iterator[str]:
    """The settings that a source reads: as a field of ``Settings``, by name, or as a shell's variable."""
    text = path.read_text()
    if path.suffix == ".sh":
        yield from (name for name in re.findall(r"\$\{?([A-Z_]+)", text) if OURS.fullmatch(name))
        text = "\n".join(re.findall(r"<<'PYTHON'\n(.*?)\nPYTHON", text, re.S))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr in Settings.__dataclass_fields__:
            yield node.attr.upper()
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and OURS.fullmatch(node.value):
            yield node.value


def reads(service: str) -> set[str]:
    found = {name for path in sources(*READERS[service]) for name in read_in(path)}
    return found - CONNECTION_SETTINGS if service in BY_CONNECTION else found


def gets(service: str) -> set[str]:
    return {name for name in SERVICES[service].get("environment", {}) if OURS.fullmatch(name)}


@pytest.mark.parametrize("service", READERS)
def test_a_container_gets_the_settings_that_its_program_reads_and_no_others(service: str) -> None:
    assert gets(service) == reads(service) - ELSEWHERE.get(service, set())


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_gets_no_secret_that_it_has_no_use_for(service: str) -> None:
    named = re.findall(r"\$\{([A-Z_]+)", str(SERVICES[service].get("environment", {})))
    secret = re.compile(r".*_(PASSWORD|SECRET|SECRET_PREVIOUS|KEY|TOKEN|LOGIN)")
    assert {name for name in named if secret.fullmatch(name)} == SECRETS[service]


@pytest.mark.parametrize(("manifest", "service"), [("webhook", "webhook"), ("set-up", "airflow-init")])
def test_a_pod_gets_nothing_that_the_container_of_compose_does_not(manifest: str, service: str) -> None:
    text = (ROOT / "deploy" / "kubernetes" / f"{manifest}.yaml").read_text()
    env = [entry["name"] for one in yaml.safe_load_all(text) for entry in _environment(one)]
    assert {name for name in env if OURS.fullmatch(name)} <= reads(service)
    assert {name for name in env if not OURS.fullmatch(name)} <= set(SERVICES[service]["environment"])


def _environment(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    template = manifest["spec"].get("template", {"spec": {"containers": []}})
    return [entry for container in template["spec"]["containers"] for entry in container["env"]]


def test_no_pod_of_airflow_gets_more_than_the_dags_and_their_tasks_read() -> None:
    values = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "airflow-values.yaml").read_text())
    given = {entry["name"] for entry in values["env"]} - {"PYTHONPATH"}
    assert given <= reads("airflow-scheduler")
    assert not any(re.search("TOKEN|SECRET|LOGIN|PASSWORD|DATABASE", name) for name in given)
