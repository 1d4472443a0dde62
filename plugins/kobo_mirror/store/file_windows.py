"""Files as a form's table of files has them, by windows of ids."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select

from kobo_mirror.database.exact_cells import exact
from kobo_mirror.forms.form_schema import FormSchema, TableKind
from kobo_mirror.store.form_tables import physical_tables
from kobo_mirror.submissions.files import ListedFile


class FileWindows:
    """Reads the files of submissions; compiled once for a schema, and used by any number of threads.

    :param schema: of the form, as it was applied.
    """

    def __init__(self, schema: FormSchema) -> None:
        tables = physical_tables(schema).tables
        root = tables[schema.root.name].c
        (files,) = (tables[table.name] for table in schema.tables if table.kind is TableKind.FILES)
        cells = (exact(files.c[name]) for name in ListedFile._fields)
        query = select(root.kobo_id, *cells)
        query = query.join_from(root.kobo_id.table, files, root.kobo_id == files.c.kobo_id, isouter=True)
        self._between = query.where(root.kobo_id > bindparam("after"), root.kobo_id <= bindparam("upto"))

    def between(self, connection: Connection, after: int, upto: int) -> dict[int, set[ListedFile]]:
        """Return the files of each submission with ``after < id <= upto`` that has rows, by one statement.

        :param connection: an open connection; nothing is locked.
        :param after: the highest ``_id`` below the window.
        :param upto: the last ``_id`` of the window.
        :returns: by ``_id``; of a submission without files an empty set. One that has no row of the root, as
            one that is rejected whole, is missing.
        """
        found: dict[int, set[ListedFile]] = {}
        for kobo_id, *cells in connection.execute(self._between, {"after": after, "upto": upto}):
            files = found.setdefault(kobo_id, set())
            if cells[0] is not None:
                files.add(ListedFile._make(cells))
        return found
