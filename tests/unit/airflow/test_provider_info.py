from __future__ import annotations

import json
from importlib.metadata import distribution
from pathlib import Path

import jsonschema
import pytest

from kobo_mirror.airflow.connection_fields import EXTRAS
from kobo_mirror.airflow.hooks import KoboDatabaseHook, KoboHook
from kobo_mirror.airflow.provider_info import get_provider_info
from kobo_mirror.config.address import read_options


def fields() -> dict[str, dict[str, object]]:
    connection_type, _ = get_provider_info()["connection-types"]
    found: dict[str, dict[str, object]] = connection_type["conn-fields"]
    return found


def test_airflow_accepts_it() -> None:
    import airflow

    schema = json.loads(Path(airflow.__path__[0], "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_folder_beside_the_package_leads_to_it() -> None:
    (entry,) = distribution("kobo-mirror").entry_points.select(group="apache_airflow_provider")
    assert entry.load() is get_provider_info


def test_it_describes_the_hooks_that_there_are() -> None:
    described = get_provider_info()["connection-types"]
    for connection_type, hook in zip(described, (KoboHook, KoboDatabaseHook), strict=True):
        assert connection_type["hook-class-name"] == f"{hook.__module__}.{hook.__name__}"
        assert connection_type["connection-type"] == hook.conn_type
        assert connection_type["hook-name"] == hook.hook_name


def test_every_field_of_the_database_is_an_option_that_is_known() -> None:
    _, database = get_provider_info()["connection-types"]
    options = {name: "VERIFY_CA" if name == "ssl_mode" else "/x" for name in database["conn-fields"]}
    assert options.pop("url")
    assert read_options(options).tls.mode == "VERIFY_CA"


def test_every_field_of_the_form_is_read_under_its_label() -> None:
    labels = {name: field["label"] for name, field in fields().items()}
    assert labels == {"server": "Server", **dict(EXTRAS.values())}


def test_the_server_is_one_of_the_public_ones_or_any_other() -> None:
    schema = fields()["server"]["schema"]
    assert isinstance(schema, dict)
    assert schema["examples"] == ["https://kf.kobotoolbox.org", "https://eu.kobotoolbox.org"]
    assert "enum" not in schema


@pytest.mark.parametrize("name", ["webhook_secret", "webhook_secret_previous"])
def test_a_secret_is_not_shown(name: str) -> None:
    assert fields()[name]["schema"] == {"type": ["string", "null"], "format": "password"}
