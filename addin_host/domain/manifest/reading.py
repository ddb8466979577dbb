"""From bytes to the parts of a manifest: a parser that fetches and expands nothing, then the walk over the tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from addin_host.domain.manifest.finding import Finding
from addin_host.domain.manifest.grammar import BASE, BASIC_TYPES, V1_1, XSI, Scope, Shape

MAX_BYTES = 256 * 1024
MAX_ELEMENTS = 5_000  # ours: ten times a manifest in thirty languages
_DECLARED_ENCODING = re.compile(r"""\A<\?xml[^>]{0,200}?encoding\s*=\s*["']([^"']{1,40})["']""")
_TYPE = f"{{{XSI}}}type"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One element that stands where the tables allow it; `name` has `bt:` in front for the basic types."""

    element: etree._Element
    name: str
    scope: Scope
    key: str
    parent: Part | None

    @property
    def shape(self) -> Shape:
        """What the tables say about it."""
        return self.scope.shapes[self.key]

    @property
    def kind(self) -> str:
        """Its xsi:type, or `""`."""
        return self.element.get(_TYPE, "")

    @property
    def line(self) -> int:
        """The line that its start tag ends on."""
        return _line(self.element)

    @property
    def text(self) -> str:
        """Its text, as written."""
        return self.element.text or ""

    def get(self, attribute: str) -> str:
        """Return an attribute's value, or `""`."""
        return self.element.get(attribute, "")

    def above(self) -> Iterator[Part]:
        """Yield the parents, the nearest first."""
        part = self.parent
        while part is not None:
            yield part
            part = part.parent

    def values(self) -> Iterator[tuple[str, str, str]]:
        """Yield (kind, label for a message, value) of every attribute and text that is there."""
        for name, kind in self.shape.attributes.items():
            if name in self.element.attrib:
                if kind == "as-default" and self.parent is not None:
                    kind = self.parent.shape.attributes["DefaultValue"]  # noqa: PLW2901 - an override is like its default
                yield kind, f"{self.name} {name}", self.get(name)
        if self.shape.text not in ("", "any"):
            yield self.shape.text, self.name, self.text


def parse(xml: bytes) -> etree._Element | Finding:
    """Return the root element, or the one reason why the bytes cannot be read. Nothing is fetched or expanded."""
    if len(xml) > MAX_BYTES:
        return Finding(1, "size", f"The file has {len(xml):,} bytes. Outlook accepts at most {MAX_BYTES:,}.")
    try:
        text = xml.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = xml.count(b"\n", 0, problem.start) + 1
        return Finding(line, "encoding", "The file is not UTF-8. Save it with that encoding.")
    declared = _DECLARED_ENCODING.match(text)
    if declared and declared[1].lower() not in ("utf-8", "utf8"):
        return Finding(1, "encoding", f"The file declares the encoding {declared[1]}. Declare UTF-8.")
    if (at := text.find("<!DOCTYPE")) >= 0:
        return Finding(text.count("\n", 0, at) + 1, "doctype", "A manifest has no DOCTYPE. Remove it.")
    return _parsed(xml)


def _parsed(xml: bytes) -> etree._Element | Finding:
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(xml, parser)
    except etree.XMLSyntaxError as problem:
        return Finding(problem.lineno or 1, "well-formed", f"The file is not well-formed XML: {problem.msg}.")
    if sum(1 for _ in root.iter()) > MAX_ELEMENTS:
        return Finding(1, "size", f"The file has more than {MAX_ELEMENTS:,} elements. Leave some out.")
    return root


def walk(root: etree._Element) -> tuple[list[Part], list[Finding]]:
    """Return every part that the tables know, in document order, and what stands where it may not."""
    if etree.QName(root).namespace != BASE.namespace:
        return [], [_wrong_namespace(root, BASE)]
    if f"{_name(root)}[{root.get(_TYPE, '')}]" != BASE.root:
        message = 'The first element must be OfficeApp with xsi:type="MailApp".'
        return [], [Finding(_line(root), "root", message)]
    parts: list[Part] = []
    findings: list[Finding] = []
    waiting = [Part(root, _name(root), BASE, BASE.root, None)]
    while waiting:
        part = waiting.pop()
        parts.append(part)
        findings += _attributes(part)
        if part.shape.text == "any":
            continue
        findings += _stray_text(part)
        inner = list(_children(part, findings))
        waiting += reversed(inner)
    return parts, findings


def _children(part: Part, findings: list[Finding]) -> Iterator[Part]:
    """Yield the children that are known; say which are not, and what is missing, doubled or out of order."""
    shape, seen, furthest = part.shape, Counter[str](), 0
    for child in part.element:
        name = _name(child)
        position = shape.position(name)
        if position is None:
            findings.append(_unknown(child, part))
            continue
        if position < furthest:
            before = shape.children[furthest].name
            findings.append(Finding(_line(child), "order", f"{name} must stand before {before} in {part.name}."))
        furthest = max(furthest, position)
        seen[name] += 1
        if seen[name] > 1 and not shape.children[position].may_repeat:
            findings.append(Finding(_line(child), "repeated", f"{part.name} may hold only one {name}."))
            continue
        known = _part(child, name, part)
        if isinstance(known, Part):
            yield known
        else:
            findings.append(known)
    for particle in shape.children:
        if particle.is_required and not seen[particle.name]:
            findings.append(Finding(part.line, "missing", f"{part.name} must hold {particle.name}."))


def _part(child: etree._Element, name: str, parent: Part) -> Part | Finding:
    scope = parent.scope
    if name == "VersionOverrides" and scope.nested:
        scope = scope.nested
    expected = BASIC_TYPES if name.startswith("bt:") else scope.namespace
    if etree.QName(child).namespace != expected:
        return _wrong_namespace(child, scope)
    key = scope.key_of(name, child.get(_TYPE, ""), parent.key)
    if key is None:
        return _wrong_type(child, scope)
    return Part(child, name, scope, key, parent)


def _wrong_type(child: etree._Element, scope: Scope) -> Finding:
    name, given = _name(child), child.get(_TYPE, "")
    if name != "VersionOverrides" and scope.name == "1.0" and given in V1_1.types_of(name):
        return _only_in_1_1(child, f"{name} of the type {given}")
    allowed = ", ".join(scope.types_of(name))
    if not allowed:
        return Finding(_line(child), "type", f"{name} takes no xsi:type. Remove it.")
    return Finding(_line(child), "type", f"{name} cannot have the xsi:type “{given}” here. The types are: {allowed}.")


def _wrong_namespace(element: etree._Element, scope: Scope) -> Finding:
    return Finding(_line(element), "namespace", f"{_name(element)} must be in the namespace {scope.namespace}.")


def _unknown(child: etree._Element, parent: Part) -> Finding:
    name = _name(child)
    newer = V1_1.shapes.get(parent.key)
    if parent.scope.name == "1.0" and newer and newer.position(name) is not None:
        return _only_in_1_1(child, name)
    return Finding(_line(child), "unknown-element", f"{name} may not stand in {parent.name}. Remove it.")


def _only_in_1_1(child: etree._Element, what: str) -> Finding:
    return Finding(_line(child), "only-in-1.1", f"{what} belongs in VersionOverrides 1.1 only. Move it there.")


def _attributes(part: Part) -> Iterator[Finding]:
    shape = part.shape
    for name in shape.attributes:
        if name not in part.element.attrib and name not in shape.optional:
            yield Finding(part.line, "attribute-missing", f"{part.name} needs the attribute {name}.")
    for name in map(str, part.element.attrib):
        if name not in shape.attributes and not name.startswith("{"):
            yield Finding(part.line, "attribute-unknown", f"{part.name} has no attribute {name}. Remove it.")
    if part.kind and "[" not in part.key.rpartition("/")[2]:
        yield Finding(part.line, "type", f"{part.name} takes no xsi:type here. Remove it.")


def _stray_text(part: Part) -> Iterator[Finding]:
    pieces = [child.tail for child in part.element]
    if not part.shape.text:
        pieces.append(part.element.text)
    if any((piece or "").strip() for piece in pieces):
        yield Finding(part.line, "text", f"{part.name} may not hold text of its own. Remove it.")


def _name(element: etree._Element) -> str:
    """Return the name as the tables write it: `bt:` in front of the basic types, whatever prefix the file uses."""
    name = etree.QName(element)
    return f"bt:{name.localname}" if name.namespace == BASIC_TYPES else name.localname


def _line(element: etree._Element) -> int:
    line = element.sourceline
    return line if isinstance(line, int) else 1
