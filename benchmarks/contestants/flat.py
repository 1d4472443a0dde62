"""This project with the declared table alone, as its peers have one table: a sync without derived ones."""

from __future__ import annotations

import argparse
import json
import sys

from kobo_mirror import startup
from kobo_mirror.cli.wiring import engine_of
from kobo_mirror.config.settings import Settings
from kobo_mirror.errors import KoboMirrorError
from kobo_mirror.forms.declared.kobo_records import KOBO_RECORDS
from kobo_mirror.kobo.form import open_form
from kobo_mirror.store.mode_names import AUTO
from kobo_mirror.store.retention import Retention
from kobo_mirror.store.schema import migrate
from kobo_mirror.sync.mirror import MirrorSync


def main() -> int:
    """Sync once and print what was done, as JSON; return the exit code."""
    startup.use_one_heap()
    startup.collect_rarely()
    startup.switch_threads_rarely()
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", default=AUTO)
    parser.add_argument("--since", type=int)
    options = parser.parse_args()
    settings = Settings.from_env(["DATABASE_URL", "KOBO_TOKEN", "KOBO_ASSET_ID"])
    engine = engine_of(settings)
    try:
        migrate(engine, KOBO_RECORDS)
        at_once = settings.kobo_max_in_flight
        with open_form(
            settings.kobo_url, settings.kobo_token, settings.kobo_asset_id, max_in_flight=at_once
        ) as client:
            sync = MirrorSync(
                client,
                engine,
                server=settings.kobo_url,
                form=KOBO_RECORDS,
                keep_payloads=settings.kobo_keep_payloads,
                page_size=settings.kobo_page_size,
                in_flight=settings.kobo_max_in_flight,
                in_flight_in_all=settings.kobo_max_in_flight,
                exact_up_to=settings.kobo_exact_up_to,
                exact_every_hours=settings.kobo_exact_every_hours,
                retention=Retention(settings.kobo_keep_history_days, settings.kobo_keep_dead_letters_days),
            )
            print(json.dumps(sync.run(mode=options.mode, since=options.since)))
    except KoboMirrorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
