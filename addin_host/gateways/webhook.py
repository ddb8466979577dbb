"""Posting to a webhook, over the one way out."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from addin_host.domain.addresses import AddressPolicy, parse_url
from addin_host.domain.errors import Upstream
from addin_host.domain.ports import Hook
from addin_host.gateways.http import Outbound, Route

SIGNATURE = "X-Signature-256"


class OutboundWebhook:
    """The `Webhook` of production. With a key, X-Signature-256 holds `sha256=` and the HMAC of the body in hex."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy) -> None:
        self._outbound, self._policy = outbound, policy

    def post(self, hook: Hook, body: Mapping[str, Any]) -> None:
        """Post a JSON object; any answer of 2xx will do. Raises Upstream or Misconfigured."""
        policy = replace(self._policy, allow_private=hook.internal)
        peer = parse_url(hook.url, policy)
        route = Route(policy, proxy="" if hook.internal else hook.web_proxy, hosts=frozenset({peer.host}))
        data = json.dumps(body, ensure_ascii=True).encode("ascii")
        with self._outbound.session(route) as session:
            answer = session.post(hook.url, data=data, headers=_headers(hook, data))
        if not 200 <= answer.status_code < 300:
            raise Upstream(f"The webhook at {peer.host} answers {answer.status_code}. Check its address.")


def _headers(hook: Hook, data: bytes) -> dict[str, str]:
    headers = {"Content-Type": "application/json"}
    if hook.key:
        headers[SIGNATURE] = f"sha256={hmac.new(hook.key.encode(), data, sha256).hexdigest()}"
    return headers
