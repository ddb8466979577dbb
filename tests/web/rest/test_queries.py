"""Filters, order and pages, on both databases (design/rest.md section 1)."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from addin_host.domain.access import ON_THIS_MACHINE
from addin_host.domain.errors import Refused
from addin_host.domain.rest.catalogue import BY_RESOURCE, RESOURCES
from addin_host.domain.rest.incoming import accept
from addin_host.domain.rest.queries import envelope, operators_of, parse
from addin_host.domain.rest.resource import Kind
from addin_host.flows import rest_served
from addin_host.flows.rest import SERVED
from addin_host.flows.rest_served import Asking
from tests.conftest import a_record

URI = "/api/admin/configuration/v1"
NAMES = ["alpha", "Alpha", "beta_100%", "Beta\\x", "gämma", "zeta 'q'"]


@pytest.fixture
def asking(box, clock):
    return Asking(ON_THIS_MACHINE, box, lambda candidates: [None] * len(candidates), clock())


class Desk:
    """Objects of all resources, asked for as the views do."""

    def __init__(self, database, asking):
        self.database, self.asking = database, asking

    def create(self, name, body):
        served = SERVED[name]
        incoming = accept(served.resource, body, creating=True)
        ready = served.writing.prepare(self.database, None, incoming, self.asking)
        with self.database.write() as session:
            return served.writing.save(session, None, ready, self.asking)

    def ask(self, resource, *pairs):
        found, total = self.ask_with_total(resource, *pairs)
        assert total == len(found)
        return found

    def ask_with_total(self, resource, *pairs):
        served = SERVED[resource]
        asked = parse(served.resource, [(name, str(value)) for name, value in pairs])
        with self.database.read() as session:
            return rest_served.listed(session, served, asked, self.asking)

    def names(self, resource, *pairs, of="name", **query):
        return [one[of] for one in self.ask(resource, *pairs, *query.items())]


@pytest.fixture
def desk(database, asking):
    made = Desk(database, asking)
    made.theme = made.create("ivr_theme", {"name": "Corporate"})
    made.group = made.create("identity_provider_group", {"name": "Staff"})
    for number, name in enumerate(NAMES):
        made.asking = Asking(asking.caller, asking.box, asking.trial, asking.now + timedelta(hours=number))
        body = {"name": name, "aliases": [{"alias": f"room{number}@example.com", "description": "d"}]}
        if number % 2:
            body |= {"ivr_theme": f"{URI}/ivr_theme/{made.theme}/", "participant_limit": number, "allow_guests": True}
        made.create("conference", body)
    return made


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"name": "alpha"}, ["alpha"]),
        ({"name__exact": "Alpha"}, ["Alpha"]),
        ({"name__iexact": "ALPHA"}, ["alpha", "Alpha"]),
        ({"name__contains": "eta"}, ["beta_100%", "Beta\\x", "zeta 'q'"]),
        ({"name__contains": "B"}, ["Beta\\x"]),
        ({"name__contains": "_100%"}, ["beta_100%"]),
        ({"name__contains": "%"}, ["beta_100%"]),
        ({"name__contains": ""}, NAMES),
        ({"name__icontains": "BETA"}, ["beta_100%", "Beta\\x"]),
        ({"name__startswith": "b"}, ["beta_100%"]),
        ({"name__startswith": "ä"}, []),
        ({"name__istartswith": "b"}, ["beta_100%", "Beta\\x"]),
        ({"name__endswith": "a"}, ["alpha", "Alpha", "gämma"]),
        ({"name__endswith": ""}, NAMES),
        ({"name__endswith": "\\x"}, ["Beta\\x"]),
        ({"name__in": "alpha,gämma,nobody"}, ["alpha", "gämma"]),
        ({"name__gt": "zeta"}, ["zeta 'q'"]),
        ({"name__gte": "zeta 'q'"}, ["zeta 'q'"]),
        ({"name__isnull": "true"}, []),
        ({"name__isnull": "0"}, NAMES),
        ({"name": "zeta 'q'"}, ["zeta 'q'"]),
        ({"participant_limit": "3"}, ["Beta\\x"]),
        ({"participant_limit__gt": "1"}, ["Beta\\x", "zeta 'q'"]),
        ({"participant_limit__gte": "3", "participant_limit__lt": "5"}, ["Beta\\x"]),
        ({"participant_limit__lte": "1"}, ["Alpha"]),
        ({"participant_limit__in": "1,5"}, ["Alpha", "zeta 'q'"]),
        ({"participant_limit__isnull": "True"}, ["alpha", "beta_100%", "gämma"]),
        ({"participant_limit": str(2**62)}, []),
        ({"allow_guests": "true"}, ["Alpha", "Beta\\x", "zeta 'q'"]),
        ({"allow_guests": "0"}, ["alpha", "beta_100%", "gämma"]),
        ({"allow_guests__in": "true,false"}, NAMES),
        ({"creation_time": "2026-11-23T13:00:00"}, ["Alpha"]),
        ({"creation_time": "2026-11-23T14:00:00+01:00"}, ["Alpha"]),
        ({"creation_time__in": "2026-11-23T13:00:00Z,2026-11-23T14:00:00.000000"}, ["Alpha", "beta_100%"]),
        ({"creation_time__gt": "2026-11-23T16:00:00"}, ["zeta 'q'"]),
        ({"creation_time__gte": "2026-11-23T16:00:00"}, ["gämma", "zeta 'q'"]),
        ({"creation_time__lt": "2026-11-23T13:00:00"}, ["alpha"]),
        ({"creation_time__lte": "2026-11-23T13:00:00"}, ["alpha", "Alpha"]),
        ({"creation_time__isnull": "false"}, NAMES),
        ({"ivr_theme__name": "Corporate"}, ["Alpha", "Beta\\x", "zeta 'q'"]),
        ({"ivr_theme__name__icontains": "corp", "name__startswith": "z"}, ["zeta 'q'"]),
        ({"ivr_theme__isnull": "true"}, ["alpha", "beta_100%", "gämma"]),
        ({"aliases__alias": "room2@example.com"}, ["beta_100%"]),
        ({"aliases__alias__endswith": "4@example.com"}, ["gämma"]),
        ({"aliases__isnull": "false"}, NAMES),
        ({"aliases__isnull": "true"}, []),
    ],
)
def test_every_comparison(desk, filter_, expected):
    assert desk.names("conference", **filter_) == expected


def test_relations_by_number_and_address(desk):
    first = desk.ask("conference")[0]
    for named in (first["id"], first["resource_uri"], f"https://elsewhere.example{first['resource_uri']}"):
        assert desk.names("conference_alias", of="alias", conference=named) == ["room0@example.com"]
    assert desk.names("conference_alias", of="alias", conference__name="beta_100%") == ["room2@example.com"]
    assert desk.names("conference_alias", of="alias", conference__in=f"{first['id']},999999") == ["room0@example.com"]
    assert desk.names("conference", aliases=first["aliases"][0]["id"]) == ["alpha"]
    assert desk.names("conference", ivr_theme=desk.theme) == ["Alpha", "Beta\\x", "zeta 'q'"]
    assert desk.names("conference_alias", of="alias", creation_time="2026-11-23T12:00:00") == ["room0@example.com"]


def test_integrations_are_filtered_within_their_record(desk):
    personal = a_record(name="Personal") | {
        "host_identity_provider_group": f"{URI}/identity_provider_group/{desk.group}/"
    }
    desk.create("ms_exchange_connector", personal)
    desk.create(
        "ms_exchange_connector", a_record(name="Other") | {"meeting_buffer_before": 7, "domains": ["m.example"]}
    )
    for filter_, expected in (
        ({"enable_dynamic_vmrs": "false"}, ["Personal", "Other"]),
        ({"enabled": "1", "name": "Other"}, ["Other"]),
        ({"meeting_buffer_before": "7"}, ["Other"]),
        ({"meeting_buffer_before__gt": "7"}, ["Personal"]),
        ({"addin_display_name__icontains": "PEXIP"}, ["Personal", "Other"]),
        ({"room_mailbox_email_address__isnull": "true"}, ["Personal", "Other"]),
        ({"room_mailbox_email_address": "x@example.com"}, []),
        ({"host_identity_provider_group": desk.group}, ["Personal"]),
        ({"host_identity_provider_group__name": "Staff"}, ["Personal"]),
        ({"host_identity_provider_group__isnull": "true"}, ["Other"]),
        ({"domains__domain": "m.example"}, ["Other"]),
        ({"personal_vmr_location_template__contains": "\r\n"}, ["Personal", "Other"]),
        ({"order_by": "-meeting_buffer_before"}, ["Personal", "Other"]),
        ({"order_by": "meeting_buffer_before"}, ["Other", "Personal"]),
        ({"order_by": "-name"}, ["Personal", "Other"]),
    ):
        assert desk.names("ms_exchange_connector", **filter_) == expected, filter_
    assert desk.names("exchange_domain", of="domain", exchange_connector__name="Other") == ["m.example"]


def test_an_integration_older_than_a_field_has_its_default(desk):
    from addin_host.store.models import IntegrationRow

    number = desk.create("ms_exchange_connector", a_record(name="Old"))
    with desk.database.write() as session:
        row = session.get(IntegrationRow, number)
        row.record = {name: value for name, value in row.record.items() if name not in ("enabled", "time_zone")}
    assert desk.names("ms_exchange_connector", enabled="true", time_zone="UTC") == ["Old"]
    assert desk.ask("ms_exchange_connector")[0]["time_zone"] == "UTC"


def samples(attribute):
    return {
        Kind.TEXT: "x",
        Kind.INT: "3",
        Kind.BOOL: "true",
        Kind.INSTANT: "2026-11-23T13:00:00",
        Kind.REFERENCE: "3",
        Kind.NESTED: "3",
    }[attribute.kind]


def test_every_filter_of_every_resource_is_understood_by_the_database(desk):
    walked = 0
    for resource in RESOURCES:
        for attribute in (one for one in resource.attributes if one.is_filterable):
            for operator in operators_of(attribute):
                walked += 1
                text = "true" if operator == "isnull" else samples(attribute)
                desk.ask(resource.name, (f"{attribute.name}__{operator}", text))
            if attribute.kind not in (Kind.REFERENCE, Kind.NESTED):
                desk.ask(resource.name, ("order_by", f"-{attribute.name}"))
                continue
            for there in (one for one in BY_RESOURCE[attribute.refers_to].attributes if one.is_filterable):
                if there.kind is Kind.TEXT:
                    desk.ask(resource.name, (f"{attribute.name}__{there.name}__icontains", "x"))
    assert walked > 1000


@pytest.mark.parametrize(
    "pair",
    [
        ("nothing", "x"), ("name__nothing", "x"), ("name__", "x"), ("", ""), ("__", ""), ("name__exact__exact", "x"),
        ("pin", "1234"), ("guest_pin__isnull", "true"), ("resource_uri", "x"), ("scheduled_conferences_count", "0"),
        ("ivr_theme__nothing", "x"), ("ivr_theme__name__nothing", "x"), ("ivr_theme__gt", "3"), ("aliases__gt", "3"),
        ("participant_limit", "x"), ("participant_limit", ""), ("participant_limit", "1e3"),
        ("participant_limit", "9" * 19), ("participant_limit", "9" * 5000), ("participant_limit__contains", "1"),
        ("participant_limit", "\u0663"), ("allow_guests", "maybe"), ("allow_guests__gt", "true"),
        ("creation_time", "yesterday"), ("creation_time", "9999-12-31T23:59:59"), ("creation_time__contains", "2026"),
        ("creation_time", "0001-01-01T00:00:00+14:00"), ("name__isnull", "x"), ("name", "a\x00b"), ("name", "\ud800"),
        ("limit", "-1"), ("limit", "x"), ("limit", ""), ("offset", "-1"), ("offset", "1" * 19), ("order_by", ""),
        ("order_by", "nothing"), ("order_by", "pin"), ("order_by", "-"), ("order_by", "aliases"), ("order_by", "--id"),
        ("name__in", ",".join("x" * 1001)), ("format", "json"), ("automatic_participants", "x"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(pair):
    with pytest.raises(Refused):
        parse(BY_RESOURCE["conference"], [pair])


def test_secrets_cannot_be_filtered():
    for name in ("password", "oauth_client_secret", "private_key", "personal_vmr_oauth_client_secret"):
        with pytest.raises(Refused):
            parse(BY_RESOURCE["ms_exchange_connector"], [(f"{name}__startswith", "a")])


def test_paging_may_be_told_once_and_filters_are_few():
    with pytest.raises(Refused):
        parse(BY_RESOURCE["conference"], [("limit", "1"), ("limit", "2")])
    with pytest.raises(Refused):
        parse(BY_RESOURCE["conference"], [("name", "x")] * 51)
    assert parse(BY_RESOURCE["conference"], [("limit", "0")]).limit == 1000
    assert parse(BY_RESOURCE["conference"], [("limit", "5000")]).limit == 1000
    assert parse(BY_RESOURCE["conference"], []).limit == 20


def test_pages_keep_filters_and_count_all(desk):
    pairs = [("name__icontains", "A"), ("order_by", "-id"), ("limit", "2"), ("offset", "2")]
    found, total = desk.ask_with_total("conference", *pairs)
    resource = BY_RESOURCE["conference"]
    page = envelope(resource, parse(resource, pairs), pairs, found, total)
    assert [one["name"] for one in page["objects"]] == ["Beta\\x", "beta_100%"]
    assert page["meta"]["total_count"] == 6
    assert page["meta"]["next"] == f"{URI}/conference/?name__icontains=A&order_by=-id&limit=2&offset=4"
    assert page["meta"]["previous"] == f"{URI}/conference/?name__icontains=A&order_by=-id&limit=2&offset=0"
    assert desk.ask_with_total("conference", ("offset", "9" * 18)) == ([], 6)
    beyond, total = desk.ask_with_total("conference", ("offset", "100"))
    assert (beyond, total) == ([], 6)


def test_a_page_takes_few_statements(desk):
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(desk.database.engine, "before_cursor_execute", note)
    desk.ask_with_total("conference", ("limit", "2"))
    event.remove(desk.database.engine, "before_cursor_execute", note)
    assert len([one for one in statements if one.startswith("SELECT")]) == 3  # rows, their aliases, how many
