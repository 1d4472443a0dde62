"""`make up`: the whole stack without Docker, until Ctrl-C: Airflow with its UI, the webhook, a form."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import requests
from demo_household import BOTH_FORMS, FORMS_FILE, Household
from dotenv import dotenv_values
from first_sync import FirstSync
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from shown_tables import show_tables, tables_in
from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from stack import (
    ROOT,
    WEBHOOK_PATH,
    Children,
    airflow_settings,
    clean_environment,
    empty_sqlite,
    end_like_ctrl_c,
    free_port,
    is_ready,
    lock_folder,
    remove_simulated_mirror,
)

from kobo_mirror.config.settings import Settings
from kobo_mirror.database.engine import open_engine
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.mirrors import load_mirror
from kobo_mirror.store.schema import migrate
from kobo_mirror.sync.verify import verify
from simulator.options import DEMO_ASSET, DEMO_TOKEN, HOUSEHOLD_ASSET

FOLDER = ROOT / ".up"
ROWS = 5000
SUBMIT = '.venv/bin/python -c "from simulator.control_client import SimulatorControl as S; S'
PASSED_ON = (
    "KOBO_ALERT_URL",
    "KOBO_SYNC_DEADLINE_MINUTES",
    "KOBO_SYNC_SCHEDULE",
    "KOBO_VERIFY_DEADLINE_MINUTES",
    "KOBO_VERIFY_SCHEDULE",
)


def main() -> int:
    """Run until Ctrl-C; return 1 where a part does not start or ends by itself."""
    end_like_ctrl_c()
    console = Console(stderr=True)
    try:
        with lock_folder(FOLDER, "make up"), Children(FOLDER) as children:
            with console.status("starting: half a minute, a little more the first time"):
                stack = Stack(children, _given())
                stack.start()
                first = stack.sync_once()
            console.print(stack.describe())
            with console.status("the first kobo_sync is running"):
                watch(children, first, console)
            for shown in stack.results(is_synced=first.succeeded):
                console.print(shown)
            while True:
                children.check()
                time.sleep(1)
    except KoboMirrorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing is left running", file=sys.stderr)
        return 0


def watch(children: Children, sync: FirstSync, console: Console) -> None:
    """Print what becomes of the first sync, until it has ended.

    :raises StackError: a part ended by itself.
    """
    while not sync.ended:
        children.check()
        for level, sentence in sync.new_notices():
            console.print(sentence, style=level.value, markup=False, highlight=False)
        time.sleep(1)


def _given() -> dict[str, str]:
    """Return the settings of .env; those of the environment go before them, and empty ones are left out."""
    known = {name.upper() for name in Settings.__dataclass_fields__} | set(PASSED_ON)
    known |= {"AIRFLOW_ADMIN_PASSWORD", "AIRFLOW_PORT", "WEBHOOK_PORT", "SIMULATOR_PORT"}
    found = {**dotenv_values(ROOT / ".env"), **os.environ}
    return {name: value for name, value in found.items() if name in known and value}


class Stack:
    """All processes, and their addresses.

    :param given: the settings that a person gave.
    :raises ConfigurationError: one of them is malformed, or only one of token and form is there.
    """

    def __init__(self, children: Children, given: Mapping[str, str]) -> None:
        self._children, self._given = children, given
        self._simulated = not (given.get("KOBO_TOKEN") or given.get("KOBO_ASSET_ID"))
        self._home = FOLDER / ("simulator" if self._simulated else given.get("KOBO_ASSET_ID", ""))
        Settings.from_env([] if self._simulated else ["KOBO_TOKEN", "KOBO_ASSET_ID"], given)
        self._home.mkdir(exist_ok=True)
        self._secrets = _remembered_secrets(FOLDER / "secrets.json")
        ports = {name: free_port(int(given.get(name, default))) for name, default in _PORTS.items()}
        self._airflow_port = ports["AIRFLOW_PORT"]
        self._airflow = f"http://127.0.0.1:{self._airflow_port}"
        self._webhook = f"http://127.0.0.1:{ports['WEBHOOK_PORT']}"
        self._simulator_port = ports["SIMULATOR_PORT"]
        self._password = given.get("AIRFLOW_ADMIN_PASSWORD") or self._secrets["airflow_password"]
        self._settings = self._mirror_settings()
        self._started = datetime.now(UTC)

    def _mirror_settings(self) -> dict[str, str]:
        file = self._home / "mirror.sqlite"
        defaults = {
            "DATABASE_URL": empty_sqlite(file) if self._simulated else f"sqlite:///{file}",
            "WEBHOOK_SECRET": self._secrets["webhook_secret"],
        }
        simulated = {
            "KOBO_URL": f"http://127.0.0.1:{self._simulator_port}",
            "KOBO_TOKEN": DEMO_TOKEN,
            "KOBO_ASSET_ID": DEMO_ASSET,
            "KOBO_FORMS_FILE": FORMS_FILE,
            "REAL_TIME_POST_ENDPOINT_URL": f"{self._webhook}{WEBHOOK_PATH}",
        }
        return defaults | dict(self._given) | (simulated if self._simulated else {})

    def start(self) -> None:
        """Start everything and wait until it works.

        :raises KoboMirrorError: a part does not start, or the database mirrors another form.
        """
        engine = open_engine(self._settings["DATABASE_URL"])
        if self._simulated:
            remove_simulated_mirror(engine)  # the simulated server starts anew, and so does its mirror
            self._start_simulator()
        migrate(engine)
        engine.dispose()
        env = self._environment()
        fresh = ["--fresh"] if self._simulated else []
        self._children.run("airflow-setup", "scripts/airflow_setup.py", *fresh, env=env)
        serve = ("-m", "gunicorn", "-c", "webhook/gunicorn.conf.py", "webhook.app:get_app()")
        self._children.start("webhook", *serve, env=self._webhook_environment())
        env = {name: value for name, value in env.items() if name not in _IN_CONNECTIONS}
        api = ("api-server", "--host", "127.0.0.1", "--port", str(self._airflow_port), "--workers", "1")
        self._children.start("airflow-api-server", "-m", "airflow", *api, env=env)
        self._children.start("airflow-scheduler", "-m", "airflow", "scheduler", "--skip-serve-logs", env=env)
        self._children.start("airflow-dag-processor", "-m", "airflow", "dag-processor", env=env)
        self._children.wait_for(lambda: is_ready(f"{self._webhook}/health/ready"), "the start of the webhook")
        self._children.wait_for(self._airflow_is_healthy, "the start of Airflow", seconds=300)

    def _start_simulator(self) -> None:
        ready = self._home / "simulator.json"
        ready.unlink(missing_ok=True)
        options = (f"--port={self._simulator_port}", f"--rows={ROWS}", f"--ready-file={ready}")
        self._children.start("simulator", "-m", "simulator", *options, *BOTH_FORMS, env=clean_environment())
        self._children.wait_for(ready.exists, "the start of the simulator")

    def _environment(self) -> dict[str, str]:
        home = self._home / "airflow"
        home.mkdir(exist_ok=True)
        passwords = home / "passwords.json"
        passwords.touch(mode=0o600)
        passwords.write_text(json.dumps({"admin": self._password}))
        return (
            clean_environment()
            | airflow_settings(home)
            | {
                "AIRFLOW__API__SECRET_KEY": self._secrets["api_secret"],
                "AIRFLOW__API_AUTH__JWT_SECRET": self._secrets["jwt_secret"],
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
                "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self._airflow}/execution/",
                "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
                "AIRFLOW__CORE__FERNET_KEY": self._secrets["fernet_key"],
                "AIRFLOW__CORE__PARALLELISM": "4",  # as many idle processes
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
                "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
                "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
            }
            | self._settings
        )

    def _webhook_environment(self) -> dict[str, str]:
        """Return the webhook's settings: it never calls KoboToolbox, so the token is not among them."""
        given = {name: value for name, value in self._settings.items() if name != "KOBO_TOKEN"}
        return clean_environment() | given | {"WEBHOOK_BIND": self._webhook.removeprefix("http://")}

    def _airflow_is_healthy(self) -> bool:
        try:
            health = requests.get(f"{self._airflow}/api/v2/monitor/health", timeout=5).json()
        except requests.RequestException:
            return False
        parts = ("metadatabase", "scheduler", "dag_processor")
        return all(health[part]["status"] == "healthy" for part in parts)

    def sync_once(self) -> FirstSync:
        """Start a first kobo_sync, rather than wait for its schedule.

        :raises StackError: Airflow does not take it.
        """
        first = FirstSync(self._airflow, self._password, self._started)
        self._children.wait_for(first.start, "the first kobo_sync")
        return first

    def results(self, *, is_synced: bool) -> Iterator[Table | str]:
        """Yield what the first syncs came to: the form's tables, and those of the household form of the demo.

        :param is_synced: the first ``kobo_sync`` ended well, so that its mirror can be proven equal.
        :raises KoboMirrorError: the household form cannot be synced.
        """
        engine = open_engine(self._settings["DATABASE_URL"])
        try:
            yield show_tables(tables_in(engine, self._settings["KOBO_ASSET_ID"]))
            if self._simulated:
                if is_synced:
                    yield self._proof(engine)
                household = Household(engine, self._settings)
                yield f"households: {household.sync()}"
                yield f"webhook: {household.register()}"
                yield show_tables(tables_in(engine, HOUSEHOLD_ASSET))
                yield household.verify().sentence
        finally:
            engine.dispose()

    def _proof(self, engine: Engine) -> str:
        server, asset = self._settings["KOBO_URL"], self._settings["KOBO_ASSET_ID"]
        with open_form(server, self._settings["KOBO_TOKEN"], asset) as client:
            return verify(client, engine, load_mirror(engine, server, asset), lambda *_: None).sentence

    def describe(self) -> Panel:
        """Return what a person needs to know: addresses, the password, the folder of the logs."""
        facts = Table.grid(padding=(0, 2))
        facts.add_column(no_wrap=True, style="bold")
        facts.add_column(overflow="fold")
        facts.add_row("Airflow", f"{self._airflow}   user admin, password {self._password}")
        facts.add_row("webhook", f"{self._webhook}{WEBHOOK_PATH}")
        if self._simulated:
            url = self._settings["KOBO_URL"]
            facts.add_row("form", f"two simulated, at {url}; for your own set KOBO_TOKEN and KOBO_ASSET_ID")
            facts.add_row("submit", f"{SUBMIT}('{url}').create(3)\"")
        else:
            facts.add_row("form", self._settings["KOBO_ASSET_ID"])
        database = make_url(self._settings["DATABASE_URL"]).render_as_string(hide_password=True)
        facts.add_row("database", f"{database}")
        facts.add_row("logs", str(FOLDER))
        return Panel(facts, title="all of it is started; Ctrl-C stops it", highlight=False)


_IN_CONNECTIONS = (
    "DATABASE_URL",
    "INKOMOKO_REGISTER_WEBHOOK_URL",
    "KOBO_TOKEN",
    "WEBHOOK_SECRET",
    "WEBHOOK_SECRET_PREVIOUS",
)
_PORTS = {"AIRFLOW_PORT": "8080", "WEBHOOK_PORT": "8000", "SIMULATOR_PORT": "8800"}


def _remembered_secrets(file: Path) -> dict[str, str]:
    """Return the secrets of this checkout, made at the first start and readable by their owner alone."""
    if not file.exists():
        names = ("airflow_password", "api_secret", "jwt_secret", "webhook_secret")
        made = {name: secrets.token_urlsafe(9 if name == "airflow_password" else 32) for name in names}
        made["fernet_key"] = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        file.touch(mode=0o600)
        file.write_text(json.dumps(made))
    return dict(json.loads(file.read_text()))


if __name__ == "__main__":
    sys.exit(main())
