"""What issuers of the add-in's tokens publish: Exchange's certificates, and the metadata of SSO and NAA tokens."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509

from addin_host.domain.addresses import parse_url
from addin_host.domain.checks import CERTIFICATE_DAYS, Verdict, fail, fine, warn
from addin_host.domain.identity_kinds import IdentityKind, accepted_kinds, metadata_url
from addin_host.gateways.identity.access_tokens import tenancy_of
from addin_host.gateways.identity.authority import Source, fetch
from addin_host.gateways.identity.exchange import read_metadata
from addin_host.gateways.identity.tenancy import SHARED_TENANTS, Tenancy
from addin_host.gateways.identity.tokens import strict_json
from addin_host.gateways.probes.sight import Sight
from addin_host.gateways.probes.sign_in import judged_keys

_EXCHANGE_ONLINE = frozenset({"outlook.office365.com", "outlook.office.com"})


def metadata(sight: Sight, entry: str) -> Verdict:
    """Read one document with the certificates of Exchange, as it is read for its tokens."""
    url = metadata_url(entry)
    source = Source(parse_url(url, sight.route.policy), url, setting="metadata domain")
    host, answer = source.peer.host, sight.get(url)
    if answer.status != 200:
        return fail(f"{host} answers {answer.status} instead of the metadata document.", "Correct the entry.")
    try:
        last_days = _last_days(answer.body)
    except ValueError:
        return fail(
            f"{host} answers with something else than the metadata document.",
            "Open the address in a browser: it shows a JSON document with keys. Correct the entry.",
        )
    usable = read_metadata(sight.outbound, source, sight.route).keys
    if not usable:
        return fail(
            f"{host} publishes no certificate that tokens can be checked with.",
            "Let the certificate that Get-AuthConfig names at Exchange have an RSA key of 2048 bits or more.",
        )
    if host in _EXCHANGE_ONLINE:
        return warn(
            "The metadata document is there, but Exchange Online no longer issues such tokens.",
            "Choose SSO or NAA tokens for mailboxes in Exchange Online.",
        )
    return _dated(len(usable), max(last_days[name] for name in usable), sight.now())


def _last_days(body: bytes) -> Mapping[str, datetime]:
    """Return the last day of each certificate by its thumbprint. Raises ValueError for another document."""
    entries = strict_json(body).get("keys")
    if not isinstance(entries, list):
        raise ValueError("no keys")  # noqa: TRY004 - callers treat every other document alike
    found = {}
    for entry in (entry for entry in entries if isinstance(entry, dict)):
        name, value = entry.get("keyinfo"), entry.get("keyvalue")
        if isinstance(name, dict) and isinstance(value, dict):
            found[str(name.get("x5t"))] = _last_day(str(value.get("value")))
    return {name: day for name, day in found.items() if day is not None}


def _last_day(certificate: str) -> datetime | None:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(certificate)).not_valid_after_utc
    except ValueError:
        return None


def _dated(number: int, until: datetime, now: datetime) -> Verdict:
    """Tokens are accepted whatever the date; Exchange may stop signing with a certificate that has expired."""
    named = f"{number} usable {'certificate' if number == 1 else 'certificates'}"
    if until - now <= timedelta(days=CERTIFICATE_DAYS):
        verb = "held" if until < now else "holds"
        return warn(
            f"Exchange publishes {named}; the newest {verb} only until {until:%Y-%m-%d}.",
            "Renew the certificate that Get-AuthConfig names at Exchange.",
        )
    return fine(f"Exchange publishes {named}; the newest holds until {until:%Y-%m-%d}.")


def token_metadata(sight: Sight) -> Verdict:
    """Read the metadata of SSO and NAA tokens, and compare with where Outlook asks for them."""
    tenancy = tenancy_of(sight.integration, sight.route.policy)
    sight.get(tenancy.source.discovery)  # for the time it sends
    authority = fetch(sight.outbound, tenancy.source, sight.route)
    accepted = tenancy.tenants(authority)
    if IdentityKind.NAA in accepted_kinds(sight.integration) and (remark := _elsewhere(sight, tenancy, accepted)):
        return remark
    return judged_keys(len(authority.keys))


def _elsewhere(sight: Sight, tenancy: Tenancy, accepted: frozenset[str]) -> Verdict | None:
    """Return what is wrong with the authority URL: Outlook asks there, and the tokens are checked against the other."""
    url = str(sight.integration["addin_authority_url"] or "")
    peer, tenant = parse_url(url, sight.route.policy), urlsplit(url).path.strip("/").split("/")[0].lower()
    step = "Let the add-in auth authority URL and the OIDC metadata URL name the same tenant."
    if peer != (issuer := tenancy.source.peer):
        return fail(f"Outlook asks {peer.host} for tokens, but those of {issuer.host} alone are accepted.", step)
    if tenant in accepted | {tenancy.tenant}:
        return None
    if tenant in SHARED_TENANTS:
        return warn(f'The authority URL names "{tenant}", but tokens of one tenant alone are accepted.', step)
    if "." in tenant:
        return warn(f"The authority URL names {tenant}, which cannot be compared with the metadata's tenant.", step)
    return fail("Outlook asks another tenant for tokens than the one whose tokens are accepted.", step)
