"""An engine for greenlets waits in Python, whichever driver its address names."""

from __future__ import annotations

import pytest

from kobo_mirror.database.engine import open_engine


@pytest.mark.parametrize("scheme", ["mysql", "mariadb", "mysql+mysqldb", "mysql+pymysql"])
def test_greenlets_get_a_driver_in_python(scheme: str) -> None:
    assert open_engine(f"{scheme}://user@host/mirror", in_greenlets=True).dialect.driver == "pymysql"
