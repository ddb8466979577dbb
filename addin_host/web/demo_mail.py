"""Send, and the mail that comes back, in the simulated Outlook of the demo."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, current_app, jsonify, request
from flask_wtf.csrf import generate_csrf

from addin_host.domain.demo_outlook import read_appointment
from addin_host.flows import demo_outlook
from addin_host.gateways.memory_mailbox import MemoryExchange
from addin_host.web import scheduling
from addin_host.web.admission import Auth, admits
from addin_host.web.headers import page_kind
from addin_host.web.services import services


def add_routes(blueprint: Blueprint) -> None:
    """Open the demo's post office."""
    blueprint.add_url_rule("/demo/send", "send", _send, methods=["POST"])
    blueprint.add_url_rule("/demo/mail", "mail", _mail)


def exchange() -> MemoryExchange:
    """Return the demo's Exchange."""
    return cast(MemoryExchange, services().outside.mailboxes)


@page_kind("preview")
@admits(Auth.STATE)
def _send() -> Response:
    given: Any = request.get_json(silent=True) or {}
    appointment = read_appointment(given)
    host = services()
    with host.database.write() as session:
        addresses = demo_outlook.send(
            session, appointment, exchange(), is_cancelled=bool(given.get("is_cancelled")), now=host.now()
        )
        reading = demo_outlook.integration_ids(session, addresses)
    for integration_id in reading:
        scheduling.wake(current_app, integration_id)
    return jsonify({"mailboxes": addresses})


@page_kind("preview")
@admits(Auth.PUBLIC)
def _mail() -> Response:
    """Return what the equipment mailboxes answered a person, the newest first; and the token that Send needs now.

    The one that came with the page is void once an administrator has signed in beside it.
    """
    person = request.args.get("person", "").lower()
    with services().database.read() as session:
        mailboxes = demo_outlook.mailboxes(session)
    mail = [
        {
            "id": reply.correlation_id,
            "from": name,
            "accepted": reply.accept,
            "subject": reply.subject,
            "html": reply.html,
        }
        for address, name in mailboxes
        for reply in exchange().sent(address)
        if reply.organizer_address.lower() == person
    ]
    return jsonify({"mail": mail, "csrf_token": generate_csrf()})
