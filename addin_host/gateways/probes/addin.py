"""The add-in's own public address: name, certificate, and what the reverse proxy passes on."""

from __future__ import annotations

import hmac
import secrets
import socket
from datetime import timedelta
from urllib.parse import urlsplit

from addin_host.domain.addresses import AddressPolicy, address_allowed, parse_url
from addin_host.domain.checks import CERTIFICATE_DAYS, Verdict, fail, fine, skip, warn
from addin_host.domain.errors import Misconfigured, Upstream
from addin_host.gateways.http import Redirected
from addin_host.gateways.http_faults import EXPIRED, OTHER_NAME, UNTRUSTED, CertificateFault
from addin_host.gateways.probes.sight import Sight

_PUBLIC, _INSIDE = AddressPolicy(), AddressPolicy(allow_private=True)
_A_FILE = "addin/pane.js"
_SNIPPET = "Compare the reverse proxy's configuration with the snippet on the Deploy page."
_CERTIFICATE_STEPS = {
    EXPIRED: "Install a renewed certificate at the reverse proxy.",
    OTHER_NAME: "Install a certificate at the reverse proxy that names this host.",
    UNTRUSTED: "Install the certificate with its full chain. If your own CA issued it, add that CA to the integration.",
}


def dns(sight: Sight) -> Verdict:
    """Say where the add-in server FQDN leads."""
    fqdn = sight.integration.fqdn
    try:
        addresses = _addresses(sight)
    except socket.gaierror as error:
        return _not_found(fqdn, through_proxy=bool(sight.route.proxy), is_temporary=error.errno == socket.EAI_AGAIN)
    listed = ", ".join(addresses)
    if all(address_allowed(address, _PUBLIC) for address in addresses):
        return fine(f"{fqdn} leads to {listed}: public.")
    if all(address_allowed(address, _INSIDE) for address in addresses):
        return fine(f"{fqdn} leads to {listed}: private. Outlook reaches it only inside your network.")
    return warn(
        f"As this machine sees it, {fqdn} leads to {listed}, which nobody else can use.",
        "Check the DNS entry, and the file /etc/hosts of this machine.",
    )


def _addresses(sight: Sight) -> list[str]:
    peer = parse_url(f"{sight.integration.origin}/", sight.route.policy)
    found = sight.outbound.resolver(peer.host, peer.port, 0, socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _not_found(fqdn: str, *, through_proxy: bool, is_temporary: bool) -> Verdict:
    if is_temporary:
        return warn("The name service of this machine does not answer.", "Check the DNS settings of this machine.")
    if through_proxy:
        return warn(f"This machine does not find {fqdn}. The web proxy may.", "Make sure that Outlook finds the name.")
    return fail(f"The name {fqdn} is not found.", "Enter it in your DNS, or correct the add-in server FQDN.")


def _closed_to_us(sight: Sight) -> Verdict | None:
    """Return why the own address is not called, where it is not.

    It stands inside the network and may not be called, or a check before has found it unreachable: one trouble raises
    one alarm.
    """
    if sight.own_fault:
        return skip("Not asked: no trusted connection is made. See the check of the certificate.")
    if sight.route.proxy:
        return None
    peer = parse_url(f"{sight.integration.origin}/", sight.route.policy)
    try:
        addresses = _addresses(sight)
    except socket.gaierror:
        return skip(f"Not asked: {peer.host} is not found from here. See the check of its DNS entry.")
    if all(address_allowed(address, sight.route.policy, peer) for address in addresses):
        return None
    return skip(
        f"From here {peer.host} leads to an address inside your network, which is called only while "
        '"Internal Exchange" is on.'
    )


def certificate(sight: Sight) -> Verdict:
    """Connect to the add-in server and look at its certificate."""
    if closed := _closed_to_us(sight):
        return closed
    try:
        shown = sight.outbound.handshake(f"{sight.integration.origin}/", sight.route)
    except CertificateFault as fault:
        sight.own_fault = True
        return fail(fault.message, _CERTIFICATE_STEPS[fault.fault])
    except Upstream as error:
        sight.own_fault = True
        return fail(error.message, "Make sure that the reverse proxy runs, and that this machine may reach its port.")
    left = shown.expires - sight.now()
    until = f"{shown.expires:%Y-%m-%d} ({left.days} days)"
    if left <= timedelta(days=CERTIFICATE_DAYS):
        return warn(f"The certificate holds only until {until}.", _CERTIFICATE_STEPS[EXPIRED])
    return fine(f"The certificate is trusted and holds until {until}. The connection uses {_protocol(shown.protocol)}.")


def _protocol(name: str) -> str:
    return name.replace("TLSv", "TLS ")


def pane(sight: Sight) -> Verdict:
    """Open the pane under its public address, and have the installation there prove that it is this one."""
    if closed := _closed_to_us(sight):
        return closed
    address, nonce = sight.integration.base_url, secrets.token_urlsafe(24)
    page = sight.get(f"{address}/pane", accept="text/html")
    if page.status != 200 or "text/html" not in page.headers.get("content-type", ""):
        return fail(f"Under the task pane's address the answer is {page.status}, not the pane.", _SNIPPET)
    answer = sight.get(f"{address}/proof?nonce={nonce}")
    if answer.status != 200 or not hmac.compare_digest(answer.body.strip(), sight.installation.proof(nonce).encode()):
        return fail(
            f"Another installation answers under {sight.integration.fqdn}.",
            "Let the reverse proxy, or the DNS entry, lead to this one.",
        )
    return fine("The task pane opens under its public address, and this installation answers there.")


def static(sight: Sight) -> Verdict:
    """Fetch a file of this version under the public address."""
    if closed := _closed_to_us(sight):
        return closed
    version = sight.installation.assets_version
    answer = sight.get(f"{sight.integration.origin}/static/{version}/{_A_FILE}", accept="*/*")
    if answer.status != 200:
        return fail(
            f"The files of this version are not found under /static: the answer is {answer.status}.",
            f"Copy the static folder of this version to where the reverse proxy serves it from. {_SNIPPET}",
        )
    return fine("The files of the pages are served under /static.")


def admin(sight: Sight) -> Verdict:
    """Make sure that the administrators' pages are not passed on under the add-in's name."""
    if sight.installation.admin_host == urlsplit(sight.integration.origin).hostname:
        return skip("The platform settings name this host as the administrators' address.")
    if closed := _closed_to_us(sight):
        return closed
    try:
        answer = sight.get(f"{sight.integration.origin}/admin/signin", accept="text/html")
    except Redirected:
        return fine("The administrators' pages are not passed on under the add-in's address.")
    except (Upstream, Misconfigured) as error:
        return skip(f"This cannot be told at present. {error.message}")
    if answer.status == 200 and f"/static/{sight.installation.assets_version}/admin/".encode() in answer.body:
        return warn(
            "The administrators' pages can be reached under the add-in's address.",
            "Deny /admin and /api/admin there, or enter this host as the address of these pages in the settings.",
        )
    return fine("The administrators' pages are not passed on under the add-in's address.")
