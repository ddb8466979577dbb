"""Handing messages to a mail server. No proxy is used; a password is sent over an encrypted connection only."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
from collections.abc import Sequence
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from addin_host.domain.addresses import parse_host, proxy_allowed
from addin_host.domain.errors import HostError, Misconfigured, Upstream
from addin_host.domain.plain_line import plain_line
from addin_host.domain.ports import Letter, MailServer
from addin_host.gateways.http import Resolver
from addin_host.gateways.pinned import Call, trusted_roots

SECONDS = 20.0
_CONNECT_SECONDS = 5.0
_MAX_SUBJECT = 200
_BEYOND_ASCII = (
    "Mail servers take plain letters only: enter addresses, user name and password without accents and other scripts."
)
_log = logging.getLogger(__name__)


class SmtpMail:
    """The `Mail` of production. `ca_bundle` is PEM text that is trusted besides the system's store."""

    def __init__(
        self, resolver: Resolver = socket.getaddrinfo, *, ca_bundle: str = "", seconds: float = SECONDS
    ) -> None:
        self._resolver, self._ca_bundle, self._seconds = resolver, ca_bundle, seconds

    def send(self, server: MailServer, letter: Letter) -> None:
        """Hand a message in. Raises Upstream or Misconfigured."""
        if server.username and server.security == "NONE":
            raise Misconfigured(
                "The password is not sent to the mail server without encryption. Choose STARTTLS or TLS, "
                "or leave the user name empty."
            )
        message, call = written(letter), Call(self._seconds)
        try:
            refused = call.within(lambda: self._hand_in(call, server, letter, message))
        except UnicodeError:
            # What could not be sent may be the password, and the error holds it.
            raise Misconfigured(_BEYOND_ASCII) from None
        except (smtplib.SMTPException, OSError) as error:
            raise _in_words(error, server.host) from error
        if refused:
            _log.warning("the mail server refused %d of %d recipients", refused, len(letter.to))

    def _hand_in(self, call: Call, server: MailServer, letter: Letter, message: bytes) -> int:
        """Return how many recipients were refused, when at least one was not."""
        with _Connection(self._resolver, call, server, trusted_roots(self._ca_bundle)) as connection:
            if server.security == "STARTTLS":
                connection.starttls(context=trusted_roots(self._ca_bundle))
            if server.username:
                connection.login(server.username, server.password)
            return len(connection.sendmail(letter.sender, letter.to, message))


class _Connection(smtplib.SMTP):
    """An SMTP connection to an address that was looked at; the name is kept for TLS."""

    def __init__(self, resolver: Resolver, call: Call, server: MailServer, trusted: ssl.SSLContext) -> None:
        self._resolver, self._call, self._server, self._trusted = resolver, call, server, trusted
        super().__init__(parse_host(server.host), server.port, local_hostname=socket.gethostname())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        del timeout  # the call has its own
        found = self._resolver(host, port, 0, socket.SOCK_STREAM)
        if not all(proxy_allowed(str(address[0])) for *_, address in found):
            raise Misconfigured(f"{host} is at an address that may not be called. Enter another mail server.")
        plain = self._call.dial(found, seconds=_CONNECT_SECONDS)
        plain.settimeout(None)  # the call's deadline ends it; smtplib would turn a time limit into a broken connection
        if self._server.security == "TLS":
            return self._trusted.wrap_socket(plain, server_hostname=host)
        return plain


def written(letter: Letter) -> bytes:
    """Return the message as it is sent. Raises Misconfigured when it would carry another header than it should.

    A subject may hold names that others chose; the standard library turns an encoded word in it into header lines
    (design/security.md, surprise 4 and M1), so that none is left standing, and the result is read again.
    """
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = letter.sender
    message["To"] = ", ".join(letter.to)
    message["Subject"] = plain_line(letter.subject).replace("=?", "= ?")[:_MAX_SUBJECT]
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=letter.sender.rpartition("@")[2] or "localhost")
    message["Auto-Submitted"] = "auto-generated"
    lines = [plain_line(line) for line in letter.text.splitlines()]
    message.set_content("\n".join(lines) + "\n", cte="quoted-printable")
    data = message.as_bytes()
    found = sorted(name.lower() for name in message_from_bytes(data, policy=policy.compat32))
    if found != sorted(_HEADERS):
        raise Misconfigured("The message cannot be written: a name in it looks like a mail header.")
    return data


_HEADERS = (
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "auto-submitted",
    "content-type",
    "content-transfer-encoding",
    "mime-version",
)


# The first that fits says what people are told; what the server said stays in the chain of errors.
_WORDS: Sequence[tuple[type[Exception], type[HostError], str]] = (
    (smtplib.SMTPAuthenticationError, Misconfigured, "{host} does not accept the user name and password."),
    (
        smtplib.SMTPNotSupportedError,
        Misconfigured,
        "{host} does not offer the encryption or the sign-in that is set. Choose another encryption.",
    ),
    (smtplib.SMTPRecipientsRefused, Misconfigured, "{host} does not take messages for these recipients."),
    (smtplib.SMTPSenderRefused, Misconfigured, "{host} does not take messages from this sender."),
    (
        ssl.SSLCertVerificationError,
        Upstream,
        "The certificate of {host} is not trusted, or is made out to another name.",
    ),
    (ssl.SSLError, Upstream, "No secure connection to {host} was made. Check port and encryption."),
    (TimeoutError, Upstream, "{host} did not answer in time. Check host and port."),
    (socket.gaierror, Upstream, "The name {host} was not found. Check the mail server's name."),
    (smtplib.SMTPException, Upstream, "{host} did not take the message. Try again later."),
    (OSError, Upstream, "{host} could not be reached. Check host and port."),
)


def _in_words(error: Exception, host: str) -> HostError:
    """Return the kind of failure, as a sentence."""
    family, words = next((family, words) for kind, family, words in _WORDS if isinstance(error, kind))
    return family(words.format(host=host))
