"""The federation metadata of AD FS 2012 R2, which has no OpenID discovery: issuer and signing certificates."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from lxml import etree

PATH = "/FederationMetadata/2007-06/FederationMetadata.xml"
MAX_CERTIFICATES = 50

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"


def read_metadata(document: bytes) -> tuple[str, Mapping[str, RSAPublicKey]]:
    """Return the entity id, which is the issuer of access tokens, and the signing keys by x5t.

    x5t (RFC 7515) is the base64url SHA-1 of the certificate: it chooses among trusted keys and proves nothing. Whether
    a certificate has expired is not asked: AD FS rolls them over itself, and the document came over verified TLS.
    Raises ValueError when the document is not usable; a document type declaration makes it so.
    """
    root = _parse(document)
    entity = root.get("entityID", "") if root.tag == f"{_MD}EntityDescriptor" else ""
    found = root.iterfind(f".//{_MD}KeyDescriptor[@use='signing']//{_DS}X509Certificate")
    texts = {"".join((element.text or "").split()) for element in found}
    if not entity or not texts or len(texts) > MAX_CERTIFICATES:
        raise ValueError("no issuer, or no usable number of signing certificates")
    keys = dict(certificate_key(text) for text in texts)
    return entity, {thumbprint: key for thumbprint, key in keys.items() if isinstance(key, RSAPublicKey)}


def _parse(document: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError("not well-formed XML") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("a document type declaration")
    return root


def certificate_key(text: str) -> tuple[str, object]:
    """Return x5t and public key of a certificate in base64 DER. Raises ValueError when it is none."""
    certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
    thumbprint = base64.urlsafe_b64encode(certificate.fingerprint(SHA1()))  # noqa: S303 - a name, not a proof
    return thumbprint.rstrip(b"=").decode("ascii"), certificate.public_key()
