"""How a server is reached, and what its refusals mean."""

from collections.abc import Mapping

import httpx
import msgspec

from monolith_core import PermanentError, PluginOptions, SecretStr, TemporaryError

_MAY_PASS = {408, 425, 429}


class Access(PluginOptions):
    """What a server may ask of those who ask it."""

    user: str = ""
    """The user of basic authentication."""
    password: SecretStr = SecretStr("")
    """The user's password."""
    token: SecretStr = SecretStr("")
    """A bearer token, instead of a user."""


def server_url(value: str) -> str:
    """A server's URL, without a slash at its end; raises ValueError for another one."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL as error:
        raise ValueError(f"expected a URL such as http://prometheus.example:9090 ({error})") from None
    if url.scheme not in ("http", "https") or not url.host or url.query or url.fragment:
        raise ValueError("expected a URL such as http://prometheus.example:9090, without a query")
    if url.userinfo:
        raise ValueError("expected a URL without a user and password; write them as options of the section")
    return value.rstrip("/")


def open_client(url: str, access: Access, timeout: float) -> httpx.Client:
    """A client of the server at `url`; whoever opens it closes it."""
    token = access.token.get_secret_value()
    auth = httpx.BasicAuth(access.user, access.password.get_secret_value()) if access.user else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url, auth=auth, headers=headers, timeout=timeout)


def send(client: httpx.Client, method: str, path: str, max_size: int, **content: object) -> bytes:
    """The body of the answer to a request.

    Raises TemporaryError for what may pass by itself, and PermanentError for what will not, such as a query that is
    refused, or an answer of more than `max_size` bytes.
    """
    where = f"{client.base_url.host}{client.base_url.path}".rstrip("/")
    try:
        with client.stream(method, path, **content) as response:  # type: ignore[arg-type]
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > max_size:
                    raise PermanentError(f"{where} answered with more than {max_size:,} bytes; ask for less")
    except httpx.HTTPError as error:
        raise TemporaryError(f"{where} cannot be asked: {type(error).__name__} {error}".rstrip()) from None
    if response.is_success:
        return bytes(body)
    said = f"{where} answered {response.status_code}: {_reason(body, response)}"
    if response.is_server_error or response.status_code in _MAY_PASS:
        raise TemporaryError(said, retry_after=_retry_after(response.headers))
    raise PermanentError(said)


def _reason(body: bytearray, response: httpx.Response) -> str:
    """What Prometheus says of an error, or what HTTP says."""
    try:
        return str(msgspec.json.decode(body)["error"])
    except (msgspec.DecodeError, TypeError, KeyError):
        return body[:200].decode(errors="replace").strip().partition("\n")[0] or response.reason_phrase


def _retry_after(headers: Mapping[str, str]) -> float | None:
    given = headers.get("Retry-After", "")
    return float(given) if given.isdecimal() else None
