"""The page that explains the REST interface, and the document that it gives away."""

import json

import pytest

from addin_host.domain.access import Role
from addin_host.domain.rest.catalogue import RESOURCES


def test_the_page_names_every_resource(admin):
    page = admin(Role.VIEWER).get("/admin/api/").text
    for resource in RESOURCES:
        assert f'href="/admin/api/{resource.name}/"' in page
    assert "1,000 requests a minute" in page


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_a_resources_page_names_every_attribute_and_method(admin, resource):
    page = admin(Role.INTEGRATION_ADMIN, (1,)).get(f"/admin/api/{resource.name}/").text
    for attribute in resource.attributes:
        assert f'id="{attribute.name}"' in page
    assert page.count("badge text-bg-secondary") == (7 if resource.change else 2)
    assert f"{resource.address}1/" in page


def test_unknown_resources_are_not_there(admin):
    assert admin().get("/admin/api/nothing/").status_code == 404


def test_the_document_is_the_one_of_the_interface(admin):
    answer = admin(Role.VIEWER).get("/admin/api/openapi.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    document = json.loads(answer.text)
    assert document["openapi"] == "3.1.0"
    assert {resource.address for resource in RESOURCES} <= document["paths"].keys()
