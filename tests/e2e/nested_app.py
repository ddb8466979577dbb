"""The bridge by which an add-in gets tokens from Outlook without a click (nested app authentication).

The real msal-browser talks to `window.nestedAppAuthBridge` in its frame (design/outlook.md 3.8). Here the bridge
stands in the frames of one origin, and this process answers it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Page

from .providers import TENANT

_BRIDGE = """
(() => {
  if (window.parent === window || location.origin !== ORIGIN) return;
  const listeners = new Set();
  window.nestedAppAuthBridge = {
    addEventListener: (kind, listener) => void (kind === "message" && listeners.add(listener)),
    removeEventListener: (kind, listener) => void listeners.delete(listener),
    postMessage: (text) => void window.askNestedApp(text).then((data) => {
      for (const listener of listeners) listener(data);
    }),
  };
})();
"""
_PERSON = {"id": "a11ce000-0000-4000-8000-000000000001", "name": "Alice Example", "address": "alice@example.test"}


class NestedApp:
    """Outlook's side of the bridge. `token` gives the access token; `failure` is the error told instead of one.

    `asked` holds every request's method and parameters, in order. Only pages opened afterwards have the bridge.
    """

    def __init__(self, origin: str, token: Callable[[], str]) -> None:
        self.token = token
        self.failure: dict[str, Any] | None = None
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._origin = origin

    def join(self, browser: BrowserContext | Page) -> None:
        """Give the bridge to the frames of a profile or a page."""
        browser.expose_function("askNestedApp", self._answer)
        browser.add_init_script(_BRIDGE.replace("ORIGIN", json.dumps(self._origin)))

    def _answer(self, text: str) -> str:
        request = json.loads(text)
        method = request["method"]
        self.asked.append((method, request.get("tokenParams") or {}))
        answer = {"messageType": "NestedAppAuthResponse", "requestId": request["requestId"]}
        if method == "GetInitContext":
            return json.dumps({**answer, "success": True, "initContext": _context()})
        if self.failure:
            return json.dumps({**answer, "success": False, "error": self.failure})
        return json.dumps({**answer, "success": True, **self._tokens(request["tokenParams"])})

    def _tokens(self, asked: dict[str, Any]) -> dict[str, Any]:
        token = {
            "access_token": self.token(),
            "id_token": _id_token(asked["clientId"]),
            "expires_in": 3600,
            "scope": asked["scope"],
        }
        person = {"username": _PERSON["address"], "localAccountId": _PERSON["id"], "name": _PERSON["name"]}
        return {"token": token, "account": {**_account(), **person}}


def _account() -> dict[str, str]:
    return {
        "homeAccountId": f"{_PERSON['id']}.{TENANT}",
        "environment": "login.microsoftonline.com",
        "tenantId": TENANT,
    }


def _context() -> dict[str, Any]:
    return {
        "sdkName": "played",
        "sdkVersion": "1.0",
        "capabilities": {"queryAccount": True},
        "accountContext": _account(),
    }


def _id_token(client_id: str) -> str:
    """An ID token for MSAL, which reads it and verifies nothing; no server accepts it."""
    claims = {
        "aud": client_id,
        "oid": _PERSON["id"],
        "tid": TENANT,
        "sub": "pairwise",
        "name": _PERSON["name"],
        "preferred_username": _PERSON["address"],
    }
    return ".".join(map(_encoded, ({"alg": "none", "typ": "JWT"}, claims, {})))


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
