"""`make demo`: mirror two simulated forms through Airflow and the webhook, and prove the mirrors equal."""

from __future__ import annotations

import json
import os
import secrets
import select
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from demo_household import BOTH_FORMS, DELETED, FORMS_FILE, Household
from demo_household import PUSHED as PUSHED_HOUSEHOLDS
from demo_household import ROWS as HOUSEHOLDS
from demo_scene import Scene
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from shown_tables import show_tables, tables_in
from sqlalchemy import Engine
from stack import (
    ROOT,
    WEBHOOK_PATH,
    Children,
    StackError,
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
from kobo_mirror.sync.verify import Report, verify
from simulator.control_client import SimulatorControl
from simulator.options import HOUSEHOLD_ASSET

FOLDER = ROOT / ".demo"
ROWS, PUSHED, LEFT = 5000, 200, 5180
ROWS_LEFT = HOUSEHOLDS + PUSHED_HOUSEHOLDS - DELETED, LEFT
INTERRUPTED = 130


def main() -> int:
    """Run the demo; return 0 only if the mirror is proven equal at the end."""
    end_like_ctrl_c()
    os.umask(0o077)  # Airflow's database holds the connections
    try:
        with lock_folder(FOLDER, "make demo"), Children(FOLDER) as children:
            return _demo(children)
    except KoboMirrorError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped; nothing is left running", file=sys.stderr)
        return INTERRUPTED
    return 1


def _demo(children: Children) -> int:
    given = {"DATABASE_URL": os.environ.get("DATABASE_URL", "")}
    target = Settings.from_env(env=given).database_url or empty_sqlite(FOLDER / "mirror.sqlite")
    engine = open_engine(target)
    remove_simulated_mirror(engine)
    migrate(engine)
    with Progress(
        SpinnerColumn(finished_text="[green]✓"),
        TextColumn("{task.description:34}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ) as progress:
        demo = Demo(children, engine, progress)
        demo.start(target)
        demo.run()
    Console().print(demo.summary)
    print(f"database: {engine.url.render_as_string(hide_password=True)}")
    for asset, report in demo.reports.items():
        Console().print(show_tables(tables_in(engine, asset)))
        print(report.sentence)
    are_equal = all(report.equal for report in demo.reports.values())
    return 0 if are_equal and [report.compared for report in demo.reports.values()] == [*ROWS_LEFT] else 1


class Demo:
    """The steps of the demo and the summary of them."""

    def __init__(self, children: Children, engine: Engine, progress: Progress) -> None:
        self._children, self._engine, self._progress = children, engine, progress
        self.summary = Table(box=SIMPLE_HEAD)
        self.summary.add_column("step", no_wrap=True)
        self.summary.add_column("what happened", overflow="fold")
        self.summary.add_column("seconds", justify="right")
        self.reports: dict[str, Report] = {}
        self._told: set[str] = set()

    def start(self, target: str) -> None:
        """Start the simulated server, the webhook and Airflow.

        :raises StackError: one of them does not start.
        """
        with self._scene("start simulator, webhook, Airflow", 3) as scene:
            self._start_simulator()
            scene.done(1)
            port = free_port()
            self._env = clean_environment() | {
                **airflow_settings(FOLDER / "airflow"),
                "DATABASE_URL": target,
                "KOBO_URL": self._simulator["url"],
                "KOBO_TOKEN": self._simulator["token"],
                "KOBO_ASSET_ID": self._simulator["asset"],
                "KOBO_FORMS_FILE": FORMS_FILE,
                "REAL_TIME_POST_ENDPOINT_URL": f"http://127.0.0.1:{port}{WEBHOOK_PATH}",
                "WEBHOOK_SECRET": secrets.token_urlsafe(32),
                "WEBHOOK_BIND": f"127.0.0.1:{port}",
            }
            (FOLDER / "airflow").mkdir(exist_ok=True)
            self._airflow = Airflow(self._children, self._env)
            serve = ("-m", "gunicorn", "-c", "webhook/gunicorn.conf.py", "webhook.app:get_app()")
            self._children.start("webhook", *serve, env=self._env)
            ready = f"http://127.0.0.1:{port}/health/ready"
            self._children.wait_for(lambda: is_ready(ready), "the start of the webhook")
            scene.done(2)
            self._airflow.wait_for_result(lambda: None)
            scene.done(3)
            scene.note("all three answer on free loopback ports")

    def _start_simulator(self) -> None:
        ready = FOLDER / "simulator.json"
        ready.unlink(missing_ok=True)
        options = ("--port=0", f"--rows={ROWS}", f"--ready-file={ready}", *BOTH_FORMS)
        self._children.start("simulator", "-m", "simulator", *options, env=clean_environment())
        self._children.wait_for(ready.exists, "the start of the simulator")
        self._simulator: dict[str, str] = json.loads(ready.read_text())

    def run(self) -> None:
        """Run all steps: first sync, pushes, second sync, changes without a push, third sync, proof."""
        self._household = Household(self._engine, self._env)
        self._sync("kobo_sync in Airflow", ROWS)
        self._sync_households("the household form", HOUSEHOLDS)
        self.summary.add_row("register-webhook", self._household.register(), "")
        self._push()
        self._sync("kobo_sync again", ROWS + PUSHED)
        self._change()
        self._sync("kobo_sync once more", LEFT)
        self._sync_households("the household form again", ROWS_LEFT[0])
        self._verify()

    def _sync_households(self, title: str, rows: int) -> None:
        with self._scene(title, rows) as scene:
            scene.note(self._household.sync())
            scene.done(rows)

    def _sync(self, title: str, rows: int) -> None:
        with self._scene(title, rows) as scene:
            answer = self._airflow.run("kobo_sync", lambda: scene.done(min(self._count(), rows - 1)))
            if answer["state"] != "success":
                reasons = " ".join(answer["errors"].values()) or f"see {self._children.log('airflow')}"
                raise StackError(f"kobo_sync failed: {reasons}")
            scene.done(rows)
            scene.note(answer["results"]["publish"]["sentence"])
        registered = answer["results"]["register_webhook"]
        if registered not in self._told:
            self._told.add(registered)
            self.summary.add_row("register_webhook", registered, "")

    def _push(self) -> None:
        with (
            self._scene(f"{PUSHED} new through the webhook", PUSHED) as scene,
            closing(self._control()) as control,
        ):
            control.create(PUSHED)
            self._household.push()

            def arrived() -> bool:
                count = self._count()
                scene.done(count - ROWS)
                return count >= ROWS + PUSHED

            self._children.wait_for(arrived, "the delivery of new submissions")
            control.wait_deliveries()
            scene.note(
                f"posted by the REST Service, in the database before any sync, and {PUSHED_HOUSEHOLDS} "
                "households to their own path"
            )

    def _change(self) -> None:
        """Change submissions on the server; the webhook is told of none of it."""
        with self._scene("changes on the server", 4) as scene, closing(self._control()) as control:
            ids = control.ids()
            edited, bulk, validated, deleted = ids[100:150], ids[1000:1020], ids[2000:2030], ids[3000:3020]
            for kobo_id in edited:
                control.edit(kobo_id, cd_age=str(20 + kobo_id % 50), members=_household(kobo_id % 4))
            scene.done(1)
            control.bulk_edit(bulk, cd_cohort="Cohort of the bulk edit")
            scene.done(2)
            control.validate(validated, "approved")
            scene.done(3)
            control.delete(deleted)
            scene.done(4)
            scene.note(
                f"{len(edited)} edited, and their members, {len(bulk)} in bulk, {len(validated)} validated, "
                f"{len(deleted)} deleted; {self._household.change()}; none is pushed"
            )

    def _control(self) -> SimulatorControl:
        return SimulatorControl(self._simulator["url"])

    def _verify(self) -> None:
        with self._scene("verify every answer", LEFT) as scene:
            compared = 0

            def tell(phase: str, done: int, total: int | None) -> None:
                nonlocal compared
                compared += done
                scene.done(compared)

            env = self._env
            mirror = load_mirror(self._engine, env["KOBO_URL"], env["KOBO_ASSET_ID"])
            with open_form(env["KOBO_URL"], env["KOBO_TOKEN"], env["KOBO_ASSET_ID"]) as client:
                report = verify(client, self._engine, mirror, tell)
            self.reports = {HOUSEHOLD_ASSET: self._household.verify(), mirror.asset_uid: report}
            compared = sum(one.compared for one in self.reports.values())
            scene.note(f"{compared} submissions compared, every answer of each")

    def _count(self) -> int:
        tables = tables_in(self._engine, self._env["KOBO_ASSET_ID"])
        return tables[0].rows or 0 if tables else 0

    def _scene(self, title: str, total: int) -> Scene:
        return Scene(self._progress, self.summary, title, total)


def _household(size: int) -> list[dict[str, str]]:
    return [{"members/name": f"Member {n}", "members/age": str(10 * n)} for n in range(1, size + 1)]


class Airflow:
    """Airflow in a process of its own; see demo_airflow.py."""

    def __init__(self, children: Children, env: Mapping[str, str]) -> None:
        self._children = children
        self._asked, self._answers = children.start_piped("airflow", "scripts/demo_airflow.py", env=env)

    def run(self, dag: str, meanwhile: Callable[[], None]) -> dict[str, Any]:
        """Run a DAG to its end.

        :param dag: its id.
        :param meanwhile: called ten times a second.
        :returns: its state, and the results and errors of its tasks.
        """
        self._asked.write(f"{dag}\n".encode())
        self._asked.flush()
        return self.wait_for_result(meanwhile)

    def wait_for_result(self, meanwhile: Callable[[], None]) -> dict[str, Any]:
        """Wait for the next line of the process.

        :param meanwhile: called ten times a second.
        :returns: the line's JSON.
        :raises StackError: the process ends or takes too long.
        """

        def has_line() -> bool:
            meanwhile()
            return bool(select.select([self._answers], [], [], 0.1)[0])

        self._children.wait_for(has_line, "Airflow", seconds=300)
        line = self._answers.readline()
        if not line:  # it is about to end
            self._children.wait_for(lambda: False, "the end of Airflow")
        return dict(json.loads(line))


if __name__ == "__main__":
    sys.exit(main())
