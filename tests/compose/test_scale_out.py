"""The Celery override and the files for Kubernetes agree with the code and with the compose file."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kobo_mirror.config.settings import Settings
from tests.compose.test_compose_file import (
    AIRFLOW,
    DOCKER_COMPOSE,
    ROOT,
    SERVICES,
    filled,
    has_docker_compose,
)

KUBERNETES = ROOT / "deploy/kubernetes"
VALUES: dict[str, Any] = yaml.safe_load((KUBERNETES / "airflow-values.yaml").read_text())
OURS_BESIDE_SETTINGS = (
    r"AIRFLOW__|PYTHONPATH$|WEBHOOK_BIND$|WEB_CONCURRENCY$|KOBO_(SYNC|VERIFY)_(SCHEDULE|DEADLINE_)"
)


def manifests() -> dict[str, Any]:
    found = [one for name in ("webhook", "set-up") for one in yaml.safe_load_all(text_of(f"{name}.yaml"))]
    return {manifest["kind"]: manifest for manifest in found}


def text_of(name: str) -> str:
    return (KUBERNETES / name).read_text()


def container(kind: str) -> dict[str, Any]:
    (found,) = manifests()[kind]["spec"]["template"]["spec"]["containers"]
    return dict(found)


def names(env: list[dict[str, Any]]) -> set[str]:
    return {entry["name"] for entry in env}


def config(directory: Path) -> dict[str, Any]:
    files = ["-f", "docker-compose.yml", "-f", "docker-compose.celery.yml"]
    done = subprocess.run(
        [*DOCKER_COMPOSE, *files, "--env-file", "/dev/null", "config", "--format", "json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | filled(directory),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["services"])


if has_docker_compose():  # no engine is needed for what follows

    def test_celery_is_all_that_the_override_changes(tmp_path: Path) -> None:
        services = config(tmp_path)
        airflow = [name for name in services if name.startswith("airflow-")]
        assert {services[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] for name in airflow} == {
            "CeleryExecutor"
        }
        worker, scheduler = services["airflow-worker"], services["airflow-scheduler"]
        for same in ("image", "volumes", "environment", "cap_drop", "security_opt"):
            assert worker[same] == scheduler[same], same
        assert worker["command"] == ["celery", "worker"]
        assert "ports" not in services["redis"]
        assert "--requirepass" in services["redis"]["command"]
        assert services["redis"]["read_only"] is True


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_kubernetes_sets_nothing_that_the_code_does_not_know(kind: str) -> None:
    known = {name.upper() for name in Settings.__dataclass_fields__}
    others = {name for name in names(container(kind)["env"]) if not re.match(OURS_BESIDE_SETTINGS, name)}
    assert others <= known


def test_the_values_set_what_the_compose_file_sets_too() -> None:
    assert names(VALUES["env"]) <= set(SERVICES["airflow-scheduler"]["environment"])
    for option, value in VALUES["config"]["core"].items():
        variable = f"AIRFLOW__CORE__{option.upper()}"
        given = [SERVICES[part]["environment"].get(variable) for part in AIRFLOW]
        assert {str(found).lower() for found in given if found} == {value.lower()}, option


def test_the_versions_are_those_of_the_compose_file() -> None:
    image = SERVICES["airflow-scheduler"]["image"]
    assert f"FROM {image}\n" in text_of("Dockerfile.airflow")
    assert image == f"apache/airflow:{VALUES['airflowVersion']}"
    repository = f"{VALUES['images']['airflow']['repository']}:{VALUES['images']['airflow']['tag']}"
    assert container("Job")["image"] == repository


def test_the_probes_and_the_port_are_those_of_the_service() -> None:
    webhook = container("Deployment")
    routes = re.findall(r'add_route\("([^"]+)"', (ROOT / "webhook/app.py").read_text())
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert webhook[probe]["httpGet"]["path"] in routes
    (port,) = [entry["containerPort"] for entry in webhook["ports"]]
    assert f"EXPOSE {port}\n" in (ROOT / "Dockerfile.webhook").read_text()
    assert manifests()["Service"]["spec"]["ports"][0]["port"] == port


def test_the_webhook_has_what_it_needs_and_time_to_finish_its_requests() -> None:
    spec = manifests()["Deployment"]["spec"]["template"]["spec"]
    assert {"DATABASE_URL", "KOBO_ASSET_ID", "KOBO_URL", "WEBHOOK_SECRET"} <= names(
        container("Deployment")["env"]
    )
    assert f"{spec['terminationGracePeriodSeconds']}s" == SERVICES["webhook"]["stop_grace_period"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container("Deployment")["securityContext"]["readOnlyRootFilesystem"] is True


def test_no_secret_is_in_a_manifest_and_each_is_asked_for_by_the_instructions() -> None:
    keys = {
        entry["valueFrom"]["secretKeyRef"]["key"]
        for kind in ("Deployment", "Job")
        for entry in container(kind)["env"]
        if entry.get("valueFrom", {}).get("secretKeyRef", {}).get("name") == "kobo-mirror"
    }
    asked = set(re.findall(r"--from-literal=([\w-]+)=", (ROOT / "docs/airflow.md").read_text()))
    assert keys == asked
