"""Who may see the page: a token beyond this machine, and no other web site anywhere.

A browser carries requests of whatever site it shows to whatever address it knows: so the names by
which a loopback page is called are checked (DNS rebinding), and where a request comes from.
"""

import hashlib
import hmac
import secrets
from email.message import Message
from typing import Optional

from .exchange import TEXT, Answer, Request, text_answer
from .options import check_token, is_loopback

COOKIE_S = 30 * 24 * 3600
OWN_HEADER = "X-Edgedet"
"""What a program that is no browser sends with a POST."""
HTML = "text/html; charset=utf-8"
REFUSED = (
    "This page opens with its link: see the terminal where edgedet runs. "
    "Programs send it as `Authorization: Bearer TOKEN`."
)
# A link in another site's page: its cookie comes only with what our own page asks for.
AGAIN = b'<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>edgedet</title>'


class Access:
    """The door."""

    def __init__(self, host: str, token: str) -> None:
        """host: where the page listens. Raises UsageError for a weak token."""
        if token:
            check_token(token)
        self.token = token or ("" if is_loopback(host) else secrets.token_urlsafe(16))
        """Empty: none is needed."""
        self._cookie = hmac.new(self.token.encode(), b"cookie", hashlib.sha256).hexdigest()
        self._cookie_name = "edgedet"

    def bind(self, port: int) -> None:
        """Tell the port: cookies know none, and two pages of one machine need two."""
        self._cookie_name = "edgedet_{}".format(port)

    def turned_away(self, request: Request) -> Optional[Answer]:
        """Return what to answer instead of what was asked; None for who may have it."""
        headers = request.headers
        if not self.token and not is_loopback(_name_of(headers.get("Host", ""))):
            return text_answer(403, "This page is called localhost or 127.0.0.1 only.")
        if _from_elsewhere(headers):
            return text_answer(403, "Another site may not use this page.")
        if self.token and request.path == "/" and "token" in request.query:
            return self._enter(request.query["token"])
        if self.token and not self._known(headers):
            return _refuse(headers)
        if request.method == "POST":
            return _odd_post(headers)
        return None

    def _enter(self, token: str) -> Answer:
        """Trade the token of a URL for a cookie, so that no secret stays in the URL."""
        if not _same(token, self.token):
            return text_answer(401, REFUSED)
        form = "{}={}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict"
        cookie = form.format(self._cookie_name, self._cookie, COOKIE_S)
        return Answer(303, TEXT, b"", (("Location", "/"), ("Set-Cookie", cookie)))

    def _known(self, headers: Message) -> bool:
        kind, _, token = headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and _same(token.strip(), self.token):
            return True
        # Cookies of other ports come along, with whatever in them: SimpleCookie would give up.
        cookies = (each.strip().partition("=") for each in headers.get("Cookie", "").split(";"))
        return any(
            name == self._cookie_name and _same(value, self._cookie) for name, _, value in cookies
        )


def _refuse(headers: Message) -> Answer:
    if headers.get("Sec-Fetch-Site") == "cross-site":  # then of a navigation
        return Answer(401, HTML, AGAIN)
    return text_answer(401, REFUSED)


def _same(given: str, known: str) -> bool:
    """Compare in a time that tells nothing about where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), known.encode("utf-8"))


def _name_of(host: str) -> str:
    """Return the name in a Host header."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _from_elsewhere(headers: Message) -> bool:
    """Whether another site's page asks: browsers of today say so; a link that is followed may."""
    site, mode = headers.get("Sec-Fetch-Site", ""), headers.get("Sec-Fetch-Mode", "")
    return site in ("cross-site", "same-site") and mode != "navigate"


def _odd_post(headers: Message) -> Optional[Answer]:
    """Refuse what a form or script of another site could send."""
    if headers.get_content_type() != "application/json":
        return text_answer(415, "Send JSON, as Content-Type: application/json.")
    origin = headers.get("Origin")
    if origin is None and OWN_HEADER in headers:
        return None
    if origin is not None and origin.partition("://")[2].lower() == headers.get("Host", "").lower():
        return None
    return text_answer(403, "Send the Origin of this page, or the header X-Edgedet: 1.")
