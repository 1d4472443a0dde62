"""A connection of PyMySQL that requires TLS: PyMySQL itself signs in without if the server offers none."""

from __future__ import annotations

from pymysql.connections import Connection
from pymysql.constants import CLIENT, CR
from pymysql.err import OperationalError


class StrictConnection(Connection):
    """A connection that ends before anything secret is sent to a server that offers no TLS."""

    def _request_authentication(self) -> None:
        if not self.server_capabilities & CLIENT.SSL:  # type: ignore[attr-defined]
            raise OperationalError(CR.CR_SSL_CONNECTION_ERROR, "the server offers no TLS")
        super()._request_authentication()  # type: ignore[misc]
