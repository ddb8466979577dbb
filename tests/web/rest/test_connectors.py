"""An integration as existing clients create, read, merge and delete it (design/rest.md sections 2 and 8)."""

from tests.web.rest.conftest import minimal

NAME = "ms_exchange_connector"


def test_round(program):
    client = program()
    where = client.create(NAME, minimal())
    print(client.read(where))
    assert client.put(where, {"description": "x"}).json["description"] == "x"
