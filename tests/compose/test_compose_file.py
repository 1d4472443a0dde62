from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kobo_mirror.config.settings import Settings
from simulator.options import Options

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = [
    "airflow-init",
    "airflow-api-server",
    "airflow-scheduler",
    "airflow-dag-processor",
    "airflow-triggerer",
]
OURS = ["webhook", "simulator"]
MONITORING = ["prometheus", "grafana"]
LONG_RUNNING = [name for name in SERVICES if name != "airflow-init"]
DOCKER_COMPOSE = ["docker", "compose"]


def has_docker_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run([*DOCKER_COMPOSE, "version"], capture_output=True, check=False).returncode == 0


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))


def filled(directory: Path) -> dict[str, str]:
    """What `make env` writes into a checkout that has no .env."""
    shutil.copy(ROOT / ".env.example", directory)
    (directory / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/env.sh", directory / "scripts")
    subprocess.run([directory / "scripts/env.sh"], check=True, capture_output=True)
    lines = (directory / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))


def flat(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in flat(item)]
    if isinstance(value, list):
        return [text for item in value for text in flat(item)]
    return [str(value)]


def variables() -> dict[str, str]:
    """Every variable of the compose file and what follows its name: a default, an error, or nothing."""
    found: dict[str, str] = {}
    for name, rest in re.findall(r"\$\{([A-Z_]+)([^}$]*)", "\n".join(flat(COMPOSE))):
        found[name] = max(found.get(name, ""), rest, key=len)
    return found


def test_the_services_that_make_the_system() -> None:
    assert set(SERVICES) == {"mysql", *AIRFLOW, *OURS, *MONITORING}
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {"simulator": ["demo"], "prometheus": ["monitoring"], "grafana": ["monitoring"]}


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_is_the_stock_image_with_the_library_mounted_read_only(name: str) -> None:
    service = SERVICES[name]
    version = re.search(r"^apache-airflow==(.+)$", (ROOT / "requirements.txt").read_text(), re.M)
    assert version is not None
    assert service["image"] == f"apache/airflow:{version[1]}"
    assert "build" not in service
    assert service["environment"]["PYTHONPATH"] == "/opt/airflow/plugins"
    mounts = [mount.rsplit(":", 2) for mount in service["volumes"] if mount.startswith("./")]
    assert {(source, mode) for source, _, mode in mounts} == {
        ("./dags", "ro"),
        ("./plugins", "ro"),
        ("./docker", "ro"),
        ("./forms", "ro"),
    }
    assert not any("PIP" in variable for variable in service["environment"])


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_every_service_that_keeps_running_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_ports_are_open_on_this_machine_only(name: str) -> None:
    address = ("${BIND_ADDRESS:-127.0.0.1}:", "127.0.0.1:")
    assert all(port.startswith(address) for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", [*AIRFLOW, *OURS, *MONITORING])
def test_no_container_of_ours_may_gain_rights(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", [*OURS, *MONITORING])
def test_containers_that_strangers_reach_have_read_only_files(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert SERVICES[name]["tmpfs"] == ["/tmp"]  # noqa: S108  # a memory file system of the container


@pytest.mark.parametrize("name", MONITORING)
def test_monitoring_images_are_pinned_run_as_nobody_and_read_our_files(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])
    assert not service["user"].startswith(("0", "root"))
    mounts = [mount.split(":") for mount in service["volumes"] if mount.startswith("./")]
    assert all((ROOT / mount[0]).exists() and mount[2] == "ro" for mount in mounts)
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.parametrize("name", ["airflow-scheduler", "airflow-api-server"])
def test_services_that_call_kobotoolbox_get_the_outbound_proxy(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment["HTTP_PROXY"] == "${HTTP_PROXY:-}"
    assert environment["HTTPS_PROXY"] == "${HTTPS_PROXY:-}"
    *inside, named = environment["NO_PROXY"].split(",")
    assert named == "${NO_PROXY:-}"
    assert {"airflow-api-server", "simulator", "localhost"} <= set(inside)


def test_the_webhook_gets_time_to_finish_its_requests() -> None:
    configured = re.search(
        r"^graceful_timeout = (\d+)", (ROOT / "webhook/gunicorn.conf.py").read_text(), re.M
    )
    assert configured is not None
    assert int(SERVICES["webhook"]["stop_grace_period"].removesuffix("s")) >= int(configured[1]) + 5


def test_no_secret_is_in_the_file_and_each_unset_one_is_an_error_that_helps() -> None:
    secrets = {
        name: rest for name, rest in variables().items() if re.search(r"_(PASSWORD|SECRET|KEY)$", name)
    }
    assert len(secrets) == 10
    for name, rest in secrets.items():
        assert rest.startswith(":?"), name
        assert "make env" in rest


def test_every_variable_is_explained_in_the_example_and_every_example_is_used() -> None:
    text = (ROOT / ".env.example").read_text()
    assert [name for name in variables() if not re.search(rf"^(# )?{name}=", text, re.M)] == []
    assert set(example()) - set(variables()) == set()


def test_the_example_gives_the_defaults() -> None:
    given = {name: value for name, value in example().items() if value}
    assert {name: f":-{value}" for name, value in given.items()} == {
        name: variables()[name] for name in given
    }


def test_make_env_writes_fresh_secrets_that_fit_and_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = filled(tmp_path / "a"), filled(tmp_path / "b")
    secrets = [name for name, value in example().items() if first[name] != value]
    assert sorted(secrets) == sorted(name for name, rest in variables().items() if rest.startswith(":?"))
    assert all(first[name] != second[name] for name in secrets)
    assert len({first[name] for name in secrets}) == len(secrets)
    assert len(base64.urlsafe_b64decode(first["AIRFLOW_FERNET_KEY"])) == 32
    assert all(re.fullmatch(r"[\w-]{32,}", first[name]) for name in secrets if name != "AIRFLOW_FERNET_KEY")
    env = tmp_path / "a" / ".env"
    assert env.stat().st_mode & 0o077 == 0
    before = env.read_bytes()
    subprocess.run([tmp_path / "a" / "scripts/env.sh"], check=True, capture_output=True)
    assert env.read_bytes() == before
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [".env", ".env.example", "scripts"]


def test_the_library_accepts_the_example_as_it_is(tmp_path: Path) -> None:
    assert Settings.from_env(env=filled(tmp_path)).webhook_secret


def with_form(directory: Path, *, simulator_runs: bool, **env: str) -> subprocess.CompletedProcess[str]:
    """Run docker/with-form.sh where the name `simulator` is known, or not."""
    getent = directory / "getent"
    getent.write_text(f"#!/bin/sh\nexit {0 if simulator_runs else 2}\n")
    getent.chmod(0o755)
    return subprocess.run(
        ["sh", ROOT / "docker/with-form.sh", "env"],
        env={"PATH": f"{directory}:{os.environ['PATH']}", "KOBO_TOKEN": "", "KOBO_ASSET_ID": ""} | env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_configured_form_the_running_simulator_is_used(tmp_path: Path) -> None:
    done = with_form(tmp_path, simulator_runs=True)
    options = Options()
    assert f"KOBO_TOKEN={options.token}\n" in done.stdout
    assert f"KOBO_ASSET_ID={options.asset}\n" in done.stdout
    assert f"KOBO_URL=http://simulator:{options.port}\n" in done.stdout


def test_a_configured_form_is_used_even_if_the_simulator_runs(tmp_path: Path) -> None:
    done = with_form(tmp_path, simulator_runs=True, KOBO_TOKEN="t", KOBO_ASSET_ID="a", KOBO_URL="https://k")
    assert {"KOBO_TOKEN=t", "KOBO_ASSET_ID=a", "KOBO_URL=https://k"} <= set(done.stdout.splitlines())


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({}, "KOBO_TOKEN: is not set. Put the API token"),
        ({"KOBO_ASSET_ID": "a"}, "KOBO_TOKEN: is not set. Put the API token"),
        ({"KOBO_TOKEN": "t"}, "KOBO_ASSET_ID: is not set. Put the uid"),
    ],
)
def test_an_incomplete_form_setting_is_refused_with_a_sentence(
    tmp_path: Path, env: dict[str, str], sentence: str
) -> None:
    done = with_form(tmp_path, simulator_runs=False, **env)
    assert done.returncode != 0
    assert sentence in done.stderr


def config(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DOCKER_COMPOSE, "--profile=*", "--env-file=/dev/null", "config", "--format=json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")} | env,
        capture_output=True,
        text=True,
        check=False,
    )


if has_docker_compose():  # no engine is needed for what follows

    def test_docker_finds_the_file_valid_and_publishes_on_loopback_only(tmp_path: Path) -> None:
        done = config(filled(tmp_path))
        assert done.returncode == 0, done.stderr
        services = json.loads(done.stdout)["services"]
        published = [port for service in services.values() for port in service.get("ports", [])]
        assert {port["host_ip"] for port in published} == {"127.0.0.1"}

    @pytest.mark.parametrize("missing", [name for name, rest in variables().items() if rest.startswith(":?")])
    def test_docker_names_an_unset_secret_and_what_to_do(missing: str, tmp_path: Path) -> None:
        done = config(filled(tmp_path) | {missing: ""})
        assert done.returncode != 0
        assert missing in done.stderr
        assert "make env" in done.stderr
