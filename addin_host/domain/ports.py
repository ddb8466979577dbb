"""What the flows ask of the outside world. Gateways implement these; app.py wires them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from addin_host.domain.integration import Integration
from addin_host.domain.text import Remark, TemplateProblem


@dataclass(frozen=True, slots=True)
class Person:
    """Who a provider says has signed in (design/outlook.md 4.6).

    `path` is the way in (AZURE, ADFS); `subject` never changes for this person at this issuer; `email` is the
    address claim, which links a user once and decides nothing afterwards.
    """

    path: str
    issuer: str
    subject: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """What is remembered between leaving for the provider and coming back. Every value is random and single use."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class IdentityProvider(Protocol):
    """The authorization-code flow with PKCE at the provider that the integration names."""

    def authorization_url(self, integration: Integration, pending: PendingSignIn) -> str:
        """Return the address to send the browser to. Raises Misconfigured. Makes no outbound call."""
        ...

    def redeem(
        self, integration: Integration, pending: PendingSignIn, *, code: str, issuer: str | None, client_secret: str
    ) -> Person:
        """Exchange the code and verify the tokens. `issuer` is the `iss` response parameter when one was sent.

        Raises Refused (the tokens do not hold), Upstream (the provider does not answer) or Misconfigured.
        """
        ...


@dataclass(frozen=True, slots=True)
class TemplateCandidate:
    """A template that an administrator wants to save. `must_print` names a variable that its output must show."""

    source: str
    kind: str
    variables: tuple[str, ...]
    must_print: str | None = None


class TemplateTrial(Protocol):
    """Renders administrators' templates where they can do no harm, before they are accepted."""

    def __call__(self, candidates: Sequence[TemplateCandidate]) -> list[TemplateProblem | None]:
        """Return for each template what is wrong with it, or None."""
        ...


@dataclass(frozen=True, slots=True)
class UnsavedText:
    """A text as somebody is typing it, and the values to print. `kind` is html_template, text_template or static_html."""

    source: str
    kind: str
    variables: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RenderedText:
    """What became of it: `html` is sanitised (and blank for text templates); or a `problem`. `remarks` are about its HTML."""

    html: str = ""
    plain: str = ""
    problem: Remark | None = None
    remarks: tuple[Remark, ...] = ()


class TemplateRendering(Protocol):
    """Renders administrators' unsaved templates where they can do no harm."""

    def __call__(self, texts: Sequence[UnsavedText]) -> list[RenderedText]:
        """Return for each text what it becomes, in a few seconds at most, whatever they hold."""
        ...
