"""Chromium as the tests run it: the played hosts on one port, everything else unreachable."""

from __future__ import annotations

from playwright.sync_api import Browser, Playwright

from .edge import AJAX, CDN, OUTLOOK
from .programs import chromium


def launch(playwright: Playwright, port: int, pin: str) -> Browser:
    """Start Debian's Chromium with a fresh profile that trusts the certificate with this `pin`.

    Told to ignore certificate errors instead, Chromium would keep nothing in its cache.
    """
    rules = ", ".join(
        [
            *(f"MAP {name}:443 127.0.0.1:{port}" for name in (CDN, AJAX)),
            *(f"MAP {name} 127.0.0.1" for name in (OUTLOOK, "*.example.test")),
            "MAP * ~NOTFOUND",
            "EXCLUDE 127.0.0.1",
        ]
    )
    flags = [
        f"--host-resolver-rules={rules}",
        f"--ignore-certificate-errors-spki-list={pin}",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
    ]
    return playwright.chromium.launch(executable_path=chromium(), args=flags)
