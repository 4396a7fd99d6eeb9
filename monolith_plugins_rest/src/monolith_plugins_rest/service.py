"""Service: sends calls, and gives back whole answers, within bounds of time, size, rate and origin."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import trio

from monolith_core import PermanentError, TemporaryError
from monolith_plugins_rest import unpack
from monolith_plugins_rest.answers import Answer
from monolith_plugins_rest.auth import Authorization, Both, Nobody, Signer, secrets_of, signer
from monolith_plugins_rest.calls import Call, origin
from monolith_plugins_rest.failures import of_network, refusal
from monolith_plugins_rest.options import RestOptions
from monolith_plugins_rest.pace import Pace
from monolith_plugins_rest.tokens import Token, token_call

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 5
ACCEPTED, NO_CONTENT, NOT_MODIFIED, UNAUTHORIZED = 202, 204, 304, 401
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEP_METHOD = frozenset({307, 308})
_PLAIN = frozenset({"", "identity"})
_CODINGS = _PLAIN | {"gzip", "x-gzip"}
_ALWAYS = {"Accept": "application/json", "Accept-Encoding": unpack.ACCEPTED, "User-Agent": "monolith"}


def proxy_of(url: str) -> str | None:
    """The proxy that the environment names for a URL (`HTTPS_PROXY`, `NO_PROXY`)."""
    address = urlsplit(url)
    return None if proxy_bypass(address.netloc) else getproxies().get(address.scheme)


class Service:
    """One service: what is kept of it for a whole phase, however many sessions it is asked in."""

    def __init__(self, options: RestOptions) -> None:
        self.options = options
        self.secrets = secrets_of(options)
        self.pace = Pace(options.concurrency, options.pause)
        self.signer = signer(options)
        self.token: Token | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Connections that live as long as the block."""
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=self.options.concurrency)
        transports: dict[str, httpx.AsyncHTTPTransport] = {}
        async with AsyncExitStack() as stack:
            for url in (self.options.url, self.options.token_url):
                # Not a client: its cookies, redirects and the like are not wanted here, and take a third of the time.
                if url is not None and origin(url) not in transports:
                    transport = httpx.AsyncHTTPTransport(verify=self._tls, limits=limits, proxy=proxy_of(url))
                    transports[origin(url)] = await stack.enter_async_context(transport)
            yield Session(self, transports)

    @cached_property
    def _tls(self) -> ssl.SSLContext | bool:
        if not any(url.startswith("https:") for url in (self.options.url, self.options.token_url or "")):
            return False
        context = ssl.create_default_context(cafile=self.options.ca)
        if not self.options.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Session:
    """Asks a service; any number of tasks may do so at once."""

    def __init__(self, service: Service, transports: dict[str, httpx.AsyncHTTPTransport]) -> None:
        self._service = service
        self._transports = transports
        self._options = service.options
        limit = service.options.request_timeout
        self._limits = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), limit)}
        self._renewing = trio.Lock()

    async def ask(self, call: Call, condition: dict[str, str] | None = None) -> Answer:
        """The answer to a call, whose status is one of success, or 304 if there is a `condition`.

        Raises the MonolithError that says what came instead.
        """
        answer = await self._authorized(call, condition or {})
        if answer.status // 100 == 2 and answer.status != ACCEPTED:
            return answer
        if answer.status == NOT_MODIFIED and condition:
            return answer
        raise refusal(answer, self._options.timeout)

    async def tell(self, call: Call, missing: frozenset[int]) -> bool:
        """Send a call whose answer does not matter; False if its status is one of `missing`, others are errors."""
        answer = await self._authorized(call, {})
        if answer.status // 100 != 2 and answer.status not in missing:
            raise refusal(answer, self._options.timeout)
        return answer.status not in missing

    async def _authorized(self, call: Call, condition: dict[str, str]) -> Answer:
        if self._options.auth != "oauth2":
            return await self._followed(call, condition, self._service.signer)
        token = await self._token(None)
        answer = await self._followed(call, condition, self._bearer(token))
        if answer.status != UNAUTHORIZED:
            return answer
        # It may have been withdrawn before its time.
        return await self._followed(call, condition, self._bearer(await self._token(token)))

    def _bearer(self, token: Token) -> Signer:
        return Both(Authorization(f"Bearer {token.text}"), self._service.signer)

    async def _token(self, refused: Token | None) -> Token:
        """The token that is in use, or a new one if that was refused or is over."""
        async with self._renewing:
            token = self._service.token
            if token is None or token is refused or token.is_over:
                answer = await self._sent(token_call(self._options), {}, Nobody())
                if answer.status // 100 != 2:
                    raise refusal(answer, self._options.timeout)
                token = Token(replace(answer, private=True))
                self._service.secrets.add(token.text)
                self._service.token = token
            return token

    async def _followed(self, call: Call, condition: dict[str, str], signer: Signer) -> Answer:
        """The answer after redirects, which must stay on this origin."""
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._sent(call, condition, signer)
            where = answer.headers.get("location")
            if answer.status not in _REDIRECTS or where is None:
                return answer
            if call.method != "GET" and answer.status not in _KEEP_METHOD:
                raise PermanentError(f"{answer.asked} is redirected to {where[:200]!r} as a GET; write that as url")
            what = f"the redirect of {answer.asked}"
            call = call.follow(call.url, where, what)
        raise PermanentError(f"{answer.asked} was redirected more than {MOST_REDIRECTS} times")

    async def _sent(self, call: Call, condition: dict[str, str], signer: Signer) -> Answer:
        """The answer to one request, in time."""
        asked = self._service.secrets.hide(str(call))
        limit = self._options.request_timeout
        async with self._service.pace.turn():
            try:
                with trio.fail_after(limit):
                    return await self._exchange(call, condition, signer, asked)
            except trio.TooSlowError:
                raise TemporaryError(
                    f"{asked}: no whole answer within {limit:g} s; see the option request-timeout"
                ) from None

    async def _exchange(self, call: Call, condition: dict[str, str], signer: Signer, asked: str) -> Answer:
        import httpx

        try:
            url, headers = signer.sign(call, {**_ALWAYS, **dict(call.headers), **condition})
            request = httpx.Request(call.method, url, headers=headers, content=call.body, extensions=self._limits)
            response = await self._transports[origin(call.url)].handle_async_request(request)
            try:
                body = await self._body(response, asked)
            finally:
                await response.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            raise of_network(asked, error) from error
        link = response.links.get("next", {}).get("url")
        return Answer(asked, call.url, response.status_code, response.headers, body, link, self._service.secrets)

    async def _body(self, response: httpx.Response, asked: str) -> bytes:
        """The body, unpacked, and not more of it than is allowed."""
        most = self._options.max_bytes
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in _CODINGS:
            raise PermanentError(
                f"{asked}: the answer is packed as {coding[:60]!r}, and {unpack.ACCEPTED} was asked for"
            )
        collected = unpack.Plain(most) if coding in _PLAIN else unpack.Gzip(most)
        try:
            await _collect(response, collected)
            return collected.finish()
        except unpack.TooLong:
            raise PermanentError(
                f"{asked}: the answer has more than {most} bytes; ask for less at once (page-size, span), or set "
                "max-bytes higher"
            ) from None
        except unpack.Damaged as error:
            raise TemporaryError(f"{asked}: the answer cannot be unpacked: {error}") from None


async def _collect(response: httpx.Response, collected: unpack.Plain) -> None:
    """Feed the body's pieces; raises what `collected` raises.

    Reading that is left before its end is closed first and then let run into that: httpx reads by a row of async
    generators, of which only the outermost could be closed here.
    """
    import httpx

    failure: Exception | None = None
    assert isinstance(response.stream, httpx.AsyncByteStream)
    try:
        async for piece in response.stream:
            if failure is None:
                try:
                    collected.feed(piece)
                except (unpack.TooLong, unpack.Damaged) as error:
                    failure = error
                    await response.aclose()
    except (httpx.HTTPError, httpx.StreamError):
        if failure is None:
            raise
    if failure is not None:
        raise failure
