"""The sign-in service, and the clock. No secret is sent to anybody."""

from __future__ import annotations

from addin_host.domain.addresses import parse_url
from addin_host.domain.checks import SKEW_FAILURE, SKEW_WARNING, Verdict, fail, fine, skip, warn
from addin_host.gateways.http import Answer, Redirected
from addin_host.gateways.identity.adfs import Adfs
from addin_host.gateways.identity.authority import Source, fetch
from addin_host.gateways.identity.entra import Entra
from addin_host.gateways.identity.tokens import strict_json
from addin_host.gateways.probes.sight import Sight

# A grant that no provider knows: it has to be refused, and no client or code needs to be named.
_IMPOSSIBLE = {"grant_type": "addin-host-check"}
_BUSY = frozenset({429, 502, 503, 504})


def authorization(sight: Sight) -> Verdict:
    """Open the authorization endpoint as a browser would. Nothing is asked of it, so any page of its own will do."""
    url = str(sight.integration["personal_vmr_oauth_auth_endpoint"])
    host = parse_url(url, sight.route.policy).host
    try:
        answer = sight.ask("GET", url, accept="text/html")
    except Redirected:
        return fine(f"{host} answers over https with a trusted certificate.")
    if answer.status in (404, 410):
        return fail(f"{host} has no page at the authorization URI.", "Correct the authorization URI.")
    if answer.status in _BUSY:
        return warn(f"{host} cannot answer at the moment.", "Check again later.")
    return fine(f"{host} answers over https with a trusted certificate.")


def token(sight: Sight) -> Verdict:
    """Send a request that has to be refused, and look at how it is."""
    url = str(sight.integration["personal_vmr_oauth_token_endpoint"])
    host = parse_url(url, sight.route.policy).host
    answer = sight.ask("POST", url, accept="application/json", form=_IMPOSSIBLE)
    if answer.status in _BUSY:
        return warn(f"{host} cannot answer at the moment.", "Check again later.")
    if answer.status in (400, 401) and _names_an_error(answer):
        return fine(f"{host} answers as a token endpoint does.")
    return fail(f"{host} does not answer as a token endpoint does.", "Correct the token URI.")


def _names_an_error(answer: Answer) -> bool:
    try:
        return isinstance(strict_json(answer.body).get("error"), str)
    except ValueError:
        return False


def discovery(sight: Sight) -> Verdict:
    """Read the discovery document that belongs to the authorization endpoint, and the keys it names."""
    kind = Adfs if sight.integration["auth_provider"] == "ADFS" else Entra
    provider = kind.of(sight.integration, sight.route.policy)
    _note_time(sight, provider.source)
    authority = fetch(sight.outbound, provider.source, sight.route)
    provider.check_issuers(authority, None)
    return judged_keys(len(authority.keys))


def _note_time(sight: Sight, source: Source) -> None:
    # `fetch` keeps only what identifies the provider; the time it sent comes with the same document.
    sight.get(source.discovery)


def judged_keys(number: int) -> Verdict:
    """Return the verdict of a description in which everything else fits."""
    if number == 0:
        return fail(
            "The sign-in service publishes no signing key that can be used.",
            "Make sure that it signs with RS256 and with keys of 2048 bits or more.",
        )
    return fine(
        f"The description fits the entries, and {number} signing {'key is' if number == 1 else 'keys are'} read."
    )


def clock(sight: Sight) -> Verdict:
    """Compare the clock with what other servers sent. The nearest of them is taken to be right."""
    if not sight.skews:
        return skip("No other server told the time.")
    host, skew = min(sight.skews.items(), key=lambda entry: abs(entry[1]))
    far = max(sight.skews.items(), key=lambda entry: abs(entry[1]))
    if abs(skew) > SKEW_WARNING:
        words = f"This machine's clock differs from that of {host} by {int(abs(skew).total_seconds())} seconds."
        step = "Switch on time synchronization on this machine. Tokens are refused when the difference grows."
        return fail(words, step) if abs(skew) > SKEW_FAILURE else warn(words, step)
    if abs(far[1]) > SKEW_WARNING:
        return warn(
            f"The clock of {far[0]} differs from this machine's by {int(abs(far[1]).total_seconds())} seconds; "
            f"that of {host} does not.",
            f"Tell the administrators of {far[0]}.",
        )
    return fine(f"The clocks of {len(sight.skews)} other {'server' if len(sight.skews) == 1 else 'servers'} agree.")
