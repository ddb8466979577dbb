"""The public EWS schemas, where they are: every request and every answer of the local server must be valid."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from lxml import etree

SCHEMAS = Path(__file__).resolve().parents[4] / "shared" / "protocol" / "ews"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


@lru_cache(maxsize=1)
def _schema() -> etree.XMLSchema | None:
    source = SCHEMAS / "messages.xsd"
    if not source.exists():
        print(f"EWS requests are not validated: there is no {SCHEMAS}")  # noqa: T201 - said once, as promised
        return None
    return etree.XMLSchema(etree.parse(source))


def faults_in(envelope: etree._Element) -> list[str]:
    """Return what is wrong with what an envelope carries, headers included."""
    schema = _schema()
    if schema is None:
        return []
    carried = [
        part for name in ("Header", "Body") for holder in envelope.findall(f"{{{SOAP}}}{name}") for part in holder
    ]
    return [
        str(error)
        for part in carried
        if not schema.validate(etree.fromstring(etree.tostring(part)))
        for error in schema.error_log
    ]
