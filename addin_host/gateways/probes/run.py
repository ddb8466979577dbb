"""The probes of one run, by the name of the check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from addin_host.domain.addresses import AddressPolicy
from addin_host.domain.checks import STEP_SECONDS, Step, Verdict, fail, skip
from addin_host.domain.errors import HostError, Misconfigured
from addin_host.domain.integration import Integration
from addin_host.domain.ports import Installation, Probing
from addin_host.gateways.http import Outbound
from addin_host.gateways.http_faults import CertificateFault
from addin_host.gateways.pinned import Call
from addin_host.gateways.probes import addin, sign_in, tokens
from addin_host.gateways.probes.sight import Sight, sight_of

_PROBES: Mapping[str, Callable[[Sight], Verdict]] = {
    "dns": addin.dns,
    "certificate": addin.certificate,
    "pane": addin.pane,
    "static": addin.static,
    "admin": addin.admin,
    "authorization": sign_in.authorization,
    "token": sign_in.token,
    "discovery": sign_in.discovery,
    "token_metadata": tokens.token_metadata,
    "clock": sign_in.clock,
}


class OutboundProbes:
    """The `Probes` of production."""

    def __init__(self, outbound: Outbound, *, policy: AddressPolicy, now: Callable[[], datetime]) -> None:
        self._outbound, self._policy, self._now = outbound, policy, now

    def open(self, integration: Integration, *, web_proxy: str, installation: Installation) -> Probing:
        """Begin a run; nothing is called yet."""
        return _Run(
            sight_of(
                integration,
                self._outbound,
                web_proxy=web_proxy,
                policy=self._policy,
                installation=installation,
                now=self._now,
            )
        )


class _Run:
    def __init__(self, sight: Sight) -> None:
        self._sight = sight

    def probe(self, step: Step) -> Verdict:
        """Carry a check out within its time, and put what goes wrong into words."""
        try:
            return Call(STEP_SECONDS).within(lambda: self._verdict(step))
        except TimeoutError:
            return fail("The other server did not answer in time.", "Check again later.")
        except CertificateFault as error:
            return fail(error.message)
        except Misconfigured as error:
            return fail(error.message, "Correct the entry in the integration.")
        except HostError as error:
            return fail(error.message, "Make sure that this machine may reach the server, then check again.")

    def _verdict(self, step: Step) -> Verdict:
        if step.check.name == "metadata":
            return tokens.metadata(self._sight, step.instance)
        return _PROBES[step.check.name](self._sight)


class SilentProbes:
    """The demo's: nobody is called."""

    def open(self, integration: Integration, *, web_proxy: str, installation: Installation) -> Probing:
        """Begin a run in which every outward check is left out."""
        del integration, web_proxy, installation
        return _Silent()


class _Silent:
    def probe(self, step: Step) -> Verdict:
        """Say that the demo calls nobody."""
        del step
        return skip("The demo calls no other server.")
