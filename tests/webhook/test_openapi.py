"""The webhook's description of itself is true."""

from __future__ import annotations

import re
from typing import Any

import pytest
import schemathesis
from falcon import testing
from hypothesis import HealthCheck, Phase, assume, given, settings
from sqlalchemy import Engine

from kobo_mirror import __version__
from kobo_mirror.config.deliveries import form_secret
from tests.webhook.application import client_of
from tests.webhook.bodies import PATH, SECRET

FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)


def has_a_fraction(submission: Any) -> bool:
    """Whether its _id is written as 5.0, which JSON Schema calls an integer and the webhook does not."""
    return isinstance(submission, dict) and isinstance(submission.get("_id"), float)


OF_FORM = f"{PATH}/{{form_key}}"
OPERATIONS = [
    ("POST", PATH), ("POST", OF_FORM), ("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/metrics"),
]  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_every_answer_is_one_that_is_described(
    engine: Engine, method: str, path: str, mode: schemathesis.GenerationMode
) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", client_of(engine).app)
    schema.config.generation.update(modes=[mode])
    statuses: set[int] = set()

    @FEW
    @given(case=schema[path][method].as_strategy())
    def explore(case: Any) -> None:
        assume(not has_a_fraction(case.body))
        form_key = case.path_parameters.get("form_key")
        secret = SECRET if form_key is None else form_secret(SECRET, str(form_key))
        statuses.add(case.call_and_validate(headers={"X-Webhook-Secret": secret}).status_code)

    explore()
    assert statuses


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_description_names_what_there_is(client: testing.TestClient) -> None:
    described = client.simulate_get("/openapi.json").json
    assert {
        (method.upper(), path) for path, methods in described["paths"].items() for method in methods
    } == set(OPERATIONS)
    assert described["openapi"].startswith("3.1")
    assert described["info"]["version"] == __version__
    codes = set(described["paths"][PATH]["post"]["responses"])
    assert codes == {"200", "400", "401", "403", "404", "408", "410", "411", "413", "415", "503"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_page_for_people_loads_nothing_and_runs_nothing(client: testing.TestClient) -> None:
    page = client.simulate_get("/docs")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert re.findall(r"(?:src|href)=['\"]([^'\"]*)", page.text) == ["openapi.json"]
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for _, path in OPERATIONS:
        assert path in page.text
    assert "X-Webhook-Secret" in page.text
