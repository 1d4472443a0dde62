"""The files of the profile `monitoring`: well-formed, and what they name is what /metrics shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from falcon import testing
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from kobo_mirror.store import runs
from kobo_mirror.store.proofs import note_proof
from tests.webhook.application import post
from tests.webhook.bodies import ASSET, body

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
RULES = [
    rule
    for group in yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
BOARD: dict[str, Any] = json.loads((MONITORING / "grafana/dashboards/kobo-mirror.json").read_text())
TARGETS = [target for panel in BOARD["panels"] for target in panel["targets"]]
EXPRESSIONS = [
    *(pytest.param(rule["expr"], id=rule["alert"]) for rule in RULES),
    *(pytest.param(t["expr"], id=f"panel {number}") for number, t in enumerate(TARGETS)),
]
BY_PROMETHEUS = {"up": {"job": {"webhook"}, "instance": set()}}
Shown = dict[str, dict[str, set[str]]]


@pytest.fixture
def shown(engine: Engine, client: testing.TestClient) -> Shown:
    """Of each metric the labels, and of each label the values, once everything has happened at least once."""
    with engine.begin() as connection:
        runs.finish_run(connection, runs.open_run(connection, ASSET, "a run", "exact", None))
    found = dict.fromkeys(("compared", "missing", "extra", "stale", "different", "rejected"), 0)
    note_proof(engine, ASSET, started_at=datetime(2026, 1, 1), whole=True, found=found)  # noqa: DTZ001  # UTC
    assert post(client, body(1)).status_code == 200
    metrics: Shown = {}
    for family in text_string_to_metric_families(client.simulate_get("/metrics").text):
        for sample in family.samples:
            labels = metrics.setdefault(sample.name, {"job": {"webhook"}, "instance": set()})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return metrics | BY_PROMETHEUS


def parsed(expression: str) -> Any:
    return promql_parser.parse(expression.replace("$__rate_interval", "5m"))


def selectors(expression: str) -> Iterator[Any]:
    """What an expression selects."""
    found: list[Any] = []

    def visit(part: Any) -> bool:
        if isinstance(part, promql_parser.VectorSelector):
            found.append(part)
        if isinstance(part, promql_parser.MatrixSelector):
            found.append(part.vector_selector)
        return True

    promql_parser.walk(parsed(expression), visit)
    return iter({str(selector.prettify()): selector for selector in found}.values())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_metric_and_label_in_an_expression_is_one_that_we_show(shown: Shown) -> None:
    for expression in [rule["expr"] for rule in RULES] + [target["expr"] for target in TARGETS]:
        selected = list(selectors(expression))
        assert selected, expression
        for selector in selected:
            assert selector.name in shown, expression
            for matcher in selector.matchers.matchers:
                assert matcher.value in shown[selector.name][matcher.name], expression
        labels = {name for selector in selected for name in shown[selector.name]}
        grouped = re.findall(r"\b(?:by|on) \(([\w, ]+)\)", expression)
        assert {name for names in grouped for name in names.split(", ")} <= labels, expression


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_metric_is_watched_or_drawn(shown: Shown) -> None:
    used = {
        selector.name
        for expression in [rule["expr"] for rule in RULES] + [target["expr"] for target in TARGETS]
        for selector in selectors(expression)
    }
    parts = re.compile(r"_(created|sum|count)$")
    assert {name for name in shown if not parts.search(name)} - used == {
        "kobo_webhook_last_delivery_timestamp_seconds"  # seconds_since_last_delivery says the same
    }


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_is_promql(expression: str) -> None:
    assert parsed(expression)


@pytest.mark.parametrize("broken", ["sum by (", "rate(a)", "a > ", "no_function(a[5m])", "up{job=webhook}"])
def test_an_expression_that_is_no_promql_is_found(broken: str) -> None:
    with pytest.raises(ValueError):
        parsed(broken)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert all(text.count("{{") == text.count("}}") for text in rule["annotations"].values())
    for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
        assert f"by ({label})" in rule["expr"]


def test_there_is_an_alert_for_each_thing_that_goes_wrong() -> None:
    named = [rule["alert"] for rule in RULES]
    assert len(set(named)) == len(named)
    wanted = {"Silence", "Lag", "DeadLetters", "Drift", "DatabaseErrors", "WebhookDown"}
    assert wanted <= set(named)


def test_the_parts_find_each_other() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    prometheus = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    inside = [mount.split(":")[1] for mount in compose["prometheus"]["volumes"]]
    assert set(prometheus["rule_files"]) <= set(inside)
    [job] = prometheus["scrape_configs"]
    assert [job["job_name"], job["static_configs"]] == ["webhook", [{"targets": ["webhook:8000"]}]]
    grafana = MONITORING / "grafana/provisioning"
    [source] = yaml.safe_load((grafana / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    used = {target["datasource"]["uid"] for target in TARGETS}
    assert used == {source["uid"]}
    [provider] = yaml.safe_load((grafana / "dashboards/kobo-mirror.yml").read_text())["providers"]
    assert (
        f"./monitoring/grafana/dashboards:{provider['options']['path']}:ro" in compose["grafana"]["volumes"]
    )
    home = compose["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/kobo-mirror.json"


def test_no_two_panels_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


if promtool := shutil.which("promtool"):

    def test_promtool_finds_nothing_wrong() -> None:
        done = subprocess.run(
            [str(promtool), "check", "rules", MONITORING / "alerts.yml"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
