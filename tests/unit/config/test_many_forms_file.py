"""``kobo.yml`` for many forms: server, defaults, forms by uid, what is discovered, and never a secret."""

from __future__ import annotations

import pytest

from kobo_mirror.config.forms_file import Discover, FormsFile, parse_forms_file
from kobo_mirror.errors import ConfigurationError

SECRET = "5eed0000hunter2"
UID, OTHER = "aInkomokoTestForm00001", "aInkomokoTestForm00002"


def whole(text: str) -> FormsFile:
    return parse_forms_file("kobo.yml", text.encode())


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        whole(text)
    assert SECRET not in str(caught.value)
    return str(caught.value)


MANY = f"""\
server: https://EU.kobotoolbox.org/
token: ${{KOBO_TOKEN_EU}}
defaults: {{schema: review, schedule: "@hourly"}}
discover: {{tag: mirror, owner: field_team, exclude: [{OTHER}]}}
forms:
  - uid: {UID}
    table: households
    schedule: "*/15 * * * *"
    own_dag: true
  - uid: {OTHER}
    server: https://kf.kobotoolbox.org
    token: KOBO_TOKEN
    schema: auto
"""


def test_a_file_for_many_forms() -> None:
    file = whole(MANY)
    first, second = file.entries
    assert (file.server, file.token, file.names_forms) == (
        "https://eu.kobotoolbox.org", "KOBO_TOKEN_EU", True,
    )  # fmt: skip
    assert file.discover == Discover("mirror", "field_team", frozenset({OTHER}))
    assert (first.server, first.token) == (file.server, file.token)
    assert (first.schema, first.schedule, first.own_dag) == ("review", "*/15 * * * *", True)
    assert (second.server, second.token) == ("https://kf.kobotoolbox.org", "KOBO_TOKEN")
    assert (second.schema, second.schedule, second.own_dag) == ("auto", "@hourly", False)
    assert (file.defaults.schema, file.defaults.server) == ("review", file.server)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", False),
        ("forms:\n- table: one", False),
        (f"forms:\n- uid: {UID}", True),
        ("discover: all", True),
        (f"discover:\n  exclude: [{UID}]", True),
    ],
)
def test_forms_share_a_database_only_where_the_file_names_them(text: str, *, names: bool) -> None:
    assert whole(text).names_forms is names


@pytest.mark.parametrize("place", ["{}: {}", "forms:\n- {}: {}"])
def test_a_secret_in_the_place_of_its_variable_is_not_shown(place: str) -> None:
    said = refusal(place.format("token", SECRET))
    assert "secrets do not belong into this file" in said
    assert "must be the name of an environment variable, such as KOBO_TOKEN_2." in said


def test_a_connection_of_airflow_holds_an_account() -> None:
    file = whole(
        f"server: https://eu.kobotoolbox.org\nconnection: kobo_eu\nforms:\n  - uid: {UID}\n"
        f"  - {{uid: {OTHER}, token: KOBO_TOKEN_2}}\n"
        f"  - {{uid: {UID}, server: https://kf.kobotoolbox.org, connection: kobo_kf}}\n"
    )
    accounts = [(entry.connection, entry.token) for entry in file.entries]
    assert accounts == [("kobo_eu", ""), ("", "KOBO_TOKEN_2"), ("kobo_kf", "")]
    assert file.defaults.connection == "kobo_eu"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\nconnection: kobo_eu", "line 2: connection needs its server beside it: add server."),
        (f"\nforms: [{{uid: {UID}, connection: kobo_eu}}]", "line 2: connection needs its server"),
        (f"server: https://eu.kobotoolbox.org\nconnection: {SECRET}/{SECRET}", "line 2: connection must be"),
    ],
)
def test_a_connection_that_makes_no_sense_is_a_sentence(text: str, said: str) -> None:
    assert said in refusal(text)
