"""Speaking HTTP with a forge: when to ask again by ourselves, and what its answers mean.

A question is asked again where that can do no harm: whatever the method when the forge says that it is asked too often,
and otherwise only what changes nothing or changes the same thing twice. Who waits for how long is left to urllib3.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import requests
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError, ResponseError
from urllib3.util import Retry

from optimizer.bot.forge import ForgeError
from optimizer.bot.secret import Token

TRIES = 5
"""How often a question is asked again."""
PAUSE = 0.5
"""Seconds before the second time that it is asked again; twice as many before the third, and so on."""
LONGEST = 120.0
"""Seconds: who asks for more patience than that is not waited for; another run may go on."""
_LIMITED = (403, 429)
"""The statuses by which forges say that they are asked too often; 403 only together with Retry-After."""
_BUSY = (500, 502, 503, 504)
_TOO_LONG = "the forge takes too long for an answer (timeout)"


class Patience(Retry):
    """When a question is asked again. Waits as Retry-After says, else twice as long each time, give or take."""

    def __init__(self, **keywords: Any) -> None:
        defaults: dict[str, Any] = {
            "total": TRIES,
            "backoff_factor": PAUSE,
            "backoff_jitter": PAUSE,
            "backoff_max": 30,
            "status_forcelist": _BUSY,
            "allowed_methods": {"GET", "HEAD", "PUT", "PATCH", "DELETE"},
            "raise_on_status": False,
            "respect_retry_after_header": True,
        }
        super().__init__(**{**defaults, **keywords})

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:
        """Whether the question is asked again, as far as the answer's status says."""
        if status_code in _LIMITED:
            return bool(self.total) and (has_retry_after or status_code == 429)
        return super().is_retry(method, status_code, has_retry_after)

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Self:
        """Count a try. Where the forge asks for too much patience its answer stands as it is."""
        asked = self.get_retry_after(response) if response is not None else None
        if asked is not None and asked > LONGEST:
            raise MaxRetryError(_pool, url, ResponseError(f"asks for {asked:.0f} seconds"))
        return super().increment(method, url, response, error, _pool, _stacktrace)


class Adapter(requests.adapters.HTTPAdapter):
    """Sends requests with patience."""

    def __init__(self) -> None:
        super().__init__(max_retries=Patience())


def session() -> requests.Session:
    """A session with patience."""
    made = requests.Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, Adapter())
    return made


def refused(status: int, message: str, retry_after: str = "") -> ForgeError:
    """What a status means to the user of the bot.

    :param message: what the forge says, without any token.
    """
    said = f": {message}" if message else ""
    if status == 401:
        return ForgeError(401, "the token is not accepted (401): it is wrong, revoked or too old: make a new one")
    if status == 429 or (status == 403 and (retry_after or "rate limit" in message.lower())):
        wait = f"in {retry_after} seconds" if retry_after.isdigit() else "later"
        return ForgeError(status, f"the forge is asked too often ({status}): go on {wait}", again=True)
    if status == 403:
        return ForgeError(403, f"the token may not do this (403){said}: give it the right to read and write there")
    if status == 404:
        return ForgeError(404, "no such repository, group or request, or the token does not see it (404)")
    if status == 409:
        return ForgeError(409, f"the forge sees a conflict (409){said}: it may be gone in the next run", again=True)
    if status in (400, 422):
        return ForgeError(status, f"the forge does not take it ({status}){said}")
    if status >= 500:
        return ForgeError(status, f"the forge is in trouble ({status})", again=True)
    return ForgeError(status, f"the forge says {status}{said}")


@contextmanager
def answers(token: Token) -> Iterator[None]:
    """Turns what goes wrong between us and the forge into a ForgeError."""
    try:
        yield
    except requests.Timeout:
        raise ForgeError(0, _TOO_LONG, again=True) from None
    except requests.exceptions.SSLError as error:
        why = token.hide(str(error))[:200]
        raise ForgeError(0, f"the forge's certificate does not hold ({why}): name yours by SSL_CERT_FILE") from None
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, HTTPError) as error:
        cause = getattr(error.args[0], "reason", None) if error.args else None
        if isinstance(cause, ReadTimeoutError):
            raise ForgeError(0, _TOO_LONG, again=True) from None
        raise ForgeError(0, "the forge cannot be reached: is its address right?", again=True) from None
    except requests.RequestException as error:
        raise ForgeError(0, f"no question for a forge ({type(error).__name__}): is its address right?") from None
