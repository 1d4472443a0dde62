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


@pytest.mark.parametrize(
    "schedule",
    [
        "61 * * * *", "* 24 * * *", "* * 32 * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "0 0 31 2 *",
        "0 0 30 feb *", "0 0 31 4,6,9,11 *", "*/0 * * * *", "1,,2 * * * *", "* * * *", "* * * * * *",
        "R * * * *", "H * * * *", "r 0 * * *", "@reboot", "@quarterly", "none", "[]", "[a]", "{a: b}", "!x a",
        "banana", "5", "0 0 * * 1#6", "0 0 * jon *", f"{','.join(['*/15'] * 60)} * * * *",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["defaults:\n  schedule: {}", "forms:\n- schedule: {}"])
def test_a_schedule_that_never_comes_round_is_refused_with_its_line(place: str, schedule: str) -> None:
    written = schedule if schedule[0] in "[{!" else f'"{schedule}"'
    assert refusal(place.format(written)).startswith("kobo.yml, line 2: schedule must be @hourly, @daily, ")


SPELT = (
    "https://eu.kobotoolbox.org", "https://eu.kobotoolbox.org/", "HTTPS://EU.KoboToolbox.org",
    "https://eu.kobotoolbox.org:443", "https://EU.kobotoolbox.org:443//",
)  # fmt: skip


@pytest.mark.parametrize("spelt", SPELT)
def test_a_form_that_stands_twice_is_seen_however_its_server_is_spelt(spelt: str) -> None:
    said = refusal(f"server: {SPELT[0]}\nforms:\n- uid: {UID}\n- server: {spelt}\n  uid: {UID}")
    assert said == "kobo.yml, line 5: this form stands here twice: first in line 3."


@pytest.mark.parametrize(
    "address",
    [
        f"/#/forms/{UID}/summary", "/?a=b", "?a=b", "/api/v2", "/api/v2/assets/", f"/forms/{UID}",
        "/accounts/login/", "/API", "/x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["\nserver: {}", "forms:\n- server: {}"])
def test_a_server_is_an_address_without_a_path(place: str, address: str) -> None:
    text = place.format(f"https://kf.kobotoolbox.org{address}")
    assert refusal(text) == (
        "kobo.yml, line 2: server must be only the server's address, such as https://kf.kobotoolbox.org."
    )


def test_dags_of_one_uid_on_two_servers_need_names_of_their_own() -> None:
    text = (
        f"forms:\n- uid: {UID}\n  own_dag: true\n- uid: {UID}\n  server: https://eu.kobotoolbox.org\n"
        "  token: KOBO_TOKEN_2\n"
    )
    assert refusal(text) == (
        "kobo.yml, line 3: several servers have a form of this uid: add table, to name its DAG."
    )
    assert whole(text.replace("own_dag: true", "own_dag: true\n  table: visits")).entries[0].own_dag


def test_the_schedule_of_a_form_is_that_of_its_rounds_or_its_own() -> None:
    file = whole(
        f'defaults: {{schedule: "@hourly"}}\nforms:\n- uid: {UID}\n- {{uid: {OTHER}, schedule: "@daily"}}\n'
        f"- {{uid: {OTHER}2, schedule: '5 * * * *', own_dag: true}}\n- {{uid: {OTHER}3, own_dag: true}}"
    )
    assert [file.schedules_of(entry) for entry in file.entries] == [
        ("@hourly", ""), ("@hourly", "@daily"), ("5 * * * *", ""), ("@hourly", ""),
    ]  # fmt: skip
    assert whole("discover: all").schedules_of(file.defaults) == ("", "@hourly")
