"""The schema: our tables and the form table, migrated to the newest revision and compared with it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    insert,
    inspect,
    select,
    text,
    update,
)

from kobo_mirror.database.ddl import change_in_turn
from kobo_mirror.database.dialects import dialect_of
from kobo_mirror.database.engine import read
from kobo_mirror.database.errors import database_errors
from kobo_mirror.database.sql import Identifier, Sql, run
from kobo_mirror.errors import SchemaError, column_is_missing, tables_are_missing
from kobo_mirror.forms.declared import FORM
from kobo_mirror.forms.declared_form import Form
from kobo_mirror.store import catalog_tables
from kobo_mirror.store.bindings import is_declared_otherwise, note_declaration, raise_epochs
from kobo_mirror.store.catalog import VIEW
from kobo_mirror.store.days import recount_days
from kobo_mirror.store.form_schemas import derived_names
from kobo_mirror.store.page_tables import days
from kobo_mirror.store.tables import form_table, forms, metadata

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "kobo_alembic_version"

_BEGUN = "begun"  # before a revision: a database that was empty gets its tables
_VERSION = Table(  # as Alembic makes it
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
_REJECTED = "kobo_rejected"
_VIEW = text(
    "CREATE VIEW kobo_rejected AS "
    "SELECT asset_uid, kobo_id, reason, submission_time, first_seen_at, payload "
    "FROM kobo_submissions WHERE state = 'rejected'"
)
_MIGRATIONS = Path(__file__).parent / "migrations"


def migrate(engine: Engine, form: Form | None = None) -> list[str]:
    """Bring our tables to the newest revision, and a declared table where it is missing. Safe to repeat.

    A table of ours that is missing although the revision has it was dropped: the next sync reads the whole
    form and so restores what it knew. Derived tables are made by the sync (``store/applying.py``).

    :param engine: made by ``open_engine``.
    :param form: a declared table that is to be there, too; None: only where a form is bound to it.
    :returns: the names of tables that were dropped.
    :raises SchemaError: a table of that name exists and is another one; nothing was changed.
    :raises DatabaseError: the database cannot take it.
    """
    with database_errors(), engine.begin() as connection, dialect_of(engine).migration_lock(connection):
        declared = form or _bound_declaration(connection)
        is_there = declared is not None and inspect(connection).has_table(declared.table)
        if declared and is_there:
            _check_columns(connection, declared)
        is_new = _begins(connection)
        if not is_new and _known_revisions(connection) != {_newest()}:
            change_in_turn(connection, _upgrade)
        _require_columns(connection, declared)
        dropped = _missing(connection)
        metadata.create_all(connection, [metadata.tables[name] for name in dropped], checkfirst=False)
        if _REJECTED not in inspect(connection).get_view_names():
            connection.execute(_VIEW)
        if is_new:
            dropped = []
            _finish(connection)
        if dropped:
            raise_epochs(connection)
        if days.name in dropped:
            recount_days(connection)
        if declared:
            if not dropped and (not is_there or is_declared_otherwise(connection, declared)):
                # Before the table is made again: after a crash, an empty one must not count as read.
                raise_epochs(connection, declared.table)
            note_declaration(connection, declared)
            make_declared_table(connection, declared)
        return dropped


def _begins(connection: Connection) -> bool:
    """Return True if the database gets its first tables, and note that where none of them is there yet.

    They are made as they are declared, which takes a third of the time of all migrations and of Alembic's
    import. Where making them is interrupted, the note says that the next process may go on with it; what
    another version has begun to make, and nothing was written to, is made anew.
    """
    ours = {VERSION_TABLE, *metadata.tables}.intersection(inspect(connection).get_table_names())
    revisions = _known_revisions(connection)
    if revisions == {_begun(_newest())}:
        return True
    if any(revision.startswith(_BEGUN) for revision in revisions):
        for name in sorted(ours - {VERSION_TABLE}):
            metadata.tables[name].drop(connection)
        _VERSION.drop(connection)
    elif ours:
        return False
    _VERSION.create(connection)
    connection.execute(insert(_VERSION).values(version_num=_begun(_newest())))
    return True


def _begun(revision: str) -> str:
    return f"{_BEGUN} {revision}"


def _finish(connection: Connection) -> None:
    """Make the indexes that an interrupted process left out, and note the newest revision."""
    for one in metadata.tables.values():
        for index in one.indexes:
            index.create(connection, checkfirst=True)
    connection.execute(update(_VERSION).values(version_num=_newest()))


def make_declared_table(connection: Connection, form: Form) -> None:
    """Create a declared table where it is missing.

    :param connection: an open transaction that holds the migration lock.
    :param form: names the table and its columns.
    """
    filled = form_table(form)
    filled.create(connection, checkfirst=True)
    for index in filled.indexes:
        index.create(connection, checkfirst=True)
    if trigger := dialect_of(connection).moving_trigger(filled, "updated_at"):
        run(connection, trigger)


def _bound_declaration(connection: Connection) -> Form | None:
    """Return the declared form if a form is bound to its table."""
    if not inspect(connection).has_table(forms.name):
        return None
    mine = select(forms.c.form_table).where(forms.c.form_table == FORM.table)
    return FORM if connection.execute(mine).first() else None


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415  # Alembic's import takes as long as a small sync

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415

    if dialect_of(connection).reads_views_to_rename:
        _drop_our_views(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _drop_our_views(connection: Connection) -> None:
    """Drop the views of all forms, which may be broken; the next sync makes them anew."""
    if not inspect(connection).has_table(catalog_tables.tables.name):
        return
    t = catalog_tables.tables.c
    for name in connection.scalars(select(t.table_name).where(t.kind == VIEW)).all():
        run(connection, Sql("DROP VIEW IF EXISTS {}").format(Identifier(name)))
    if "views_fingerprint" in _names_of(connection, forms.name):
        connection.execute(update(forms).values(views_fingerprint=None))


def _names_of(connection: Connection, name: str) -> set[str]:
    return dialect_of(connection).column_names(connection, [name]).get(name, set())


def _check_columns(connection: Connection, form: Form) -> None:
    is_ours = inspect(connection).has_table(VERSION_TABLE)
    type_of = partial(dialect_of(connection).comparable_type, connection)
    there = {
        c["name"]: (type_of(c["type"]), c["nullable"]) for c in inspect(connection).get_columns(form.table)
    }
    wanted = {c.name: (type_of(c.type), bool(c.nullable)) for c in form_table(form).columns}
    if is_ours and (lacking := [name for name in wanted if name not in there]):
        raise column_is_missing(form.table, lacking, is_form=True)
    if list(there.items()) != list(wanted.items()):
        odd = sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))
        raise SchemaError(
            f"The table {form.table} exists with other columns ({', '.join(odd) or 'their order'}): rename "
            "it or use another database."
        )


def _newest() -> str:
    """Return the newest revision: the number in the name of the last migration."""
    return max(path.name[1:5] for path in (_MIGRATIONS / "versions").glob("m[0-9]*.py"))


def _revisions(connection: Connection) -> set[str]:
    """Return what Alembic has noted in the database; nothing before the first migration."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return set()
    return set(connection.execute(select(_VERSION.c.version_num)).scalars())


def _known_revisions(connection: Connection) -> set[str]:
    """Return what Alembic has noted in the database.

    :raises SchemaError: it is a revision that this version does not have.
    """
    revisions = _revisions(connection)
    known = {path.name[1:5] for path in (_MIGRATIONS / "versions").glob("m[0-9]*.py")}
    if unknown := sorted(revisions - known - {*map(_begun, known)}):
        raise SchemaError(
            f"The database has the revision {unknown[0]}, which this version of Kobo Mirror does not know: "
            "use the version that migrated it, or a newer one."
        )
    return revisions


def _missing(connection: Connection, *further: str) -> list[str]:
    return sorted({*metadata.tables, *further}.difference(inspect(connection).get_table_names()))


def _require_columns(connection: Connection, form: Form | None) -> None:
    """Refuse tables that lack a column; a whole table may be missing.

    :raises MissingColumnError: the first such table.
    """
    ours = [*metadata.sorted_tables, *([form_table(form)] if form else [])]
    there = dialect_of(connection).column_names(connection, [one.name for one in ours])
    for one in ours:
        lacking = [c.name for c in one.columns if c.name not in there.get(one.name, {c.name})]
        if lacking:
            raise column_is_missing(one.name, lacking, is_form=form is not None and one.name == form.table)


def at_head(engine: Engine, form: Form | None = None) -> bool:
    """Return True if the schema is the newest and all tables are there that the next sync does not make.

    :param engine: made by ``open_engine``.
    :param form: a declared table that is to be there, too.
    :raises DatabaseError: the database cannot be asked.
    """
    try:
        require_tables(engine, form, derived=False)
    except SchemaError:
        return False
    return True


def require_tables(
    engine: Engine, form: Form | None = None, *, derived: bool = True, asset_uid: str | None = None
) -> None:
    """Refuse a database whose tables are not all there, or are old.

    :param engine: made by ``open_engine``.
    :param form: a declared table that is to be there, too; None: only where a form is bound to it.
    :param derived: the derived tables of forms are to be there, which a sync makes again where they are not.
    :param asset_uid: the key of the form whose derived tables are meant; None: those of all forms.
    :raises MissingTablesError: tables are missing or old.
    :raises MissingColumnError: a column was dropped.
    """

    def work(connection: Connection) -> tuple[set[str], list[str]]:
        revisions = _known_revisions(connection)
        if revisions != {_newest()}:
            return revisions, _missing(connection, *([form.table] if form else []))
        declared = form or _bound_declaration(connection)
        _require_columns(connection, declared)
        further = [declared.table] if declared else []
        if derived and not _missing(connection):
            further += derived_names(connection, asset_uid)
        return revisions, _missing(connection, *further)

    revisions, missing = read(engine, work)  # runs again where another process changes tables meanwhile
    if missing or revisions != {_newest()}:
        raise tables_are_missing(missing if revisions else ())
