"""What went wrong below HTTP, in the words that people are told."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping

from urllib3.exceptions import ReadTimeoutError

from addin_host.domain.errors import HostError, Upstream


class CertificateFault(Upstream):
    """The other server's certificate does not hold. `fault` is EXPIRED, OTHER_NAME or UNTRUSTED."""

    def __init__(self, fault: str, host: str) -> None:
        super().__init__(_CERTIFICATE_WORDS[fault].format(host=host), retryable=False)
        self.fault = fault


EXPIRED, OTHER_NAME, UNTRUSTED = "expired", "other name", "untrusted"
_CERTIFICATE_WORDS: Mapping[str, str] = {
    EXPIRED: "The certificate of {host} has expired or is not valid yet. Renew it there.",
    OTHER_NAME: "The certificate of {host} is made out to another name. Install one that names this host there.",
    UNTRUSTED: "The certificate of {host} is not trusted. Add its CA to the integration.",
}
_CERTIFICATE_FAULTS: Mapping[int, str] = {9: EXPIRED, 10: EXPIRED, 62: OTHER_NAME, 64: OTHER_NAME}  # OpenSSL's numbers


def in_words(error: Exception, host: str) -> HostError:
    """Return what people are told: the kind of failure, and nothing of what stood in the answer."""
    if isinstance(error, TimeoutError | ReadTimeoutError):
        return Upstream(f"{host} did not answer in time. Try again later.")
    if isinstance(error, socket.gaierror):
        return Upstream(f"The name {host} was not found. Check the address, or try again later.")
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateFault(_CERTIFICATE_FAULTS.get(error.verify_code, UNTRUSTED), host)
    if isinstance(error, ssl.SSLError):
        return Upstream(f"No secure connection to {host} was made. Try again later.")
    if isinstance(error, OSError):
        return Upstream(f"{host} could not be reached. Try again later.")
    return Upstream(f"The answer of {host} was cut short or is not HTTP. Try again later.")
