"""The outbound proxy of a server, by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies_environment

from kobo_mirror.errors import ConfigurationError, UnreachableError

WANTS_LOGIN = 407
_USUAL_PORT = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxy:
    """An outbound proxy.

    :param address: its scheme, host and port, without user and password.
    :param setting: the environment variable that names it, for messages.
    :param login: ``user:password`` for it, empty if there is none.
    """

    address: str
    setting: str
    login: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"The proxy {self.address} of {self.setting}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that are for the proxy itself."""
        if not self.login:
            return {}
        return {"Proxy-Authorization": f"Basic {b64encode(self.login.encode()).decode()}"}

    def refusal(self, server: str, status: int) -> ConfigurationError | UnreachableError:
        """Return the error for a request that the proxy does not let pass.

        :param server: the address that was to be reached.
        :param status: the status of the proxy's response.
        """
        if status != WANTS_LOGIN:
            return UnreachableError(
                f"{server} could not be reached. {self} answered {status}. "
                "Ask those who run the proxy to let us through, or name the server in NO_PROXY."
            )
        if self.login:
            return ConfigurationError(f"{self} refused the user and password in {self.setting} (407).")
        return ConfigurationError(
            f"{self} wants a user and a password (407). Set {self.setting} to http://user:password@host:port."
        )


def proxy_for(server: SplitResult) -> Proxy | None:
    """Return the proxy that the environment names for a server, None to connect directly.

    Names in lower case go before those in upper case; HTTP_PROXY does not count in a CGI process, where a
    client can set it.

    :param server: its address: scheme, host and port.
    :raises ConfigurationError: the variable names no HTTP proxy.
    """
    named = getproxies_environment()
    kind = server.scheme if server.scheme in named else "all"
    if kind not in named or _is_exempt(server, named.get("no", "")):
        return None
    return _proxy(named[kind].strip(), f"{kind.upper()}_PROXY")


def _proxy(url: str, setting: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        usable = parts.scheme in _USUAL_PORT and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{setting} must be the address of an HTTP proxy, such as http://proxy.example.org:3128."
        )
    login = "" if parts.username is None else f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", setting, login)


def _is_exempt(server: SplitResult, no_proxy: str) -> bool:
    """Return True if NO_PROXY names the server: ``*``, a domain (and port), an address or a network."""
    host, port = (server.hostname or "").rstrip("."), server.port or _USUAL_PORT[server.scheme]
    return any(_names(entry, host, port) for entry in no_proxy.lower().replace(",", " ").split())


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(host) in ip_network(entry.strip("[]"), strict=False)
    except ValueError:  # one of them is a name
        name, _, its_port = entry.rpartition(":")
        if not its_port.isdecimal():
            name, its_port = entry, ""
        domain = name.removeprefix("*").strip(".[]")
        return its_port in ("", str(port)) and domain != "" and f".{host}".endswith(f".{domain}")
