"""Directory records and files: what is accepted, what is refused, and in which words."""

from __future__ import annotations

import io
import json

import pytest

from addin_host.domain.directory import Kind, Submitted, Survey, User, Vmr, check, pin_problems
from addin_host.domain.directory_file import read_csv, read_json, write_csv, write_json
from addin_host.domain.errors import Invalid

CANARY = "135790"


def csv_rows(text: str, kind: Kind = Kind.VMR) -> list[Submitted]:
    return list(read_csv(io.StringIO(text, newline=""), kind))


def vmrs(text: str) -> list[Vmr | User | None]:
    return [check(row)[0] for row in csv_rows(text)]


def problems(text: str) -> list[str]:
    return [str(problem) for problem in Survey().take_all(csv_rows(text)).problems]


def refusal(text: str, kind: Kind = Kind.VMR) -> str:
    with pytest.raises(Invalid) as caught:
        csv_rows(text, kind)
    return caught.value.message


def test_every_column_of_a_vmr_is_read():
    text = (
        "name,description,service_type,pin,guest_pin,allow_guests,owner,aliases\n"
        'Alice,"Her room",lecture,0123,45678,Yes,alice@example.com,"alice@vc.example.com; 1001\nalice"\n'
    )
    assert vmrs(text) == [
        Vmr(
            "Alice",
            "Her room",
            "lecture",
            "0123",
            "45678",
            True,
            "alice@example.com",
            ("alice@vc.example.com", "1001", "alice"),
        )
    ]


def test_what_is_not_in_the_file_is_none_and_what_is_blank_clears():
    assert vmrs("name\nAlice\n") == [Vmr("Alice")]
    assert vmrs("name,pin,allow_guests,service_type,owner,aliases\nAlice,,,,,\n") == [
        Vmr("Alice", None, "conference", "", None, False, "", ())
    ]
    assert vmrs("name,pin,alias\nAlice\n") == [Vmr("Alice", pin="", aliases=())]


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_the_delimiter_is_found_in_the_headings(sign: str):
    assert vmrs(f"Name{sign}Host Pin\n".replace("Host Pin", "pin") + f"Alice{sign}1234\n") == [Vmr("Alice", pin="1234")]


def test_several_alias_columns_are_joined_in_order():
    assert vmrs("alias,name,alias2,Alias3\na@b.c,Alice,,1001\n") == [Vmr("Alice", aliases=("a@b.c", "1001"))]


def test_rest_names_the_owner_and_spreadsheets_may_too():
    assert vmrs("name,primary_owner_email_address\nAlice,a@example.com\n") == [Vmr("Alice", owner="a@example.com")]


def test_rows_are_counted_as_a_spreadsheet_counts_them():
    found = problems('name,pin,description\nAlice,1234,"fine"\n\nBob,12,\n,1234,\n')
    assert [line.split(":")[0] for line in found] == ["row 4, pin", "row 5, name"]
    assert csv_rows('name,aliases\nA,"a\nb"\nB,c\n')[1].row == 3


@pytest.mark.parametrize(
    ("heading", "cell", "message"),
    [
        ("pin", "123", "must be 4 to 20 digits"),
        ("pin", "1" * 21, "must be 4 to 20 digits"),
        ("pin", "1234#", "must be 4 to 20 digits"),
        ("pin", "١٢٣٤", "must be 4 to 20 digits"),
        ("guest_pin", "1.2E+11", "format the column as text"),
        ("allow_guests", "maybe", "must be true or false"),
        ("service_type", "gateway", "must be one of conference, lecture, two_stage_dialing"),
        ("owner", "alice", "is not an e-mail address"),
        ("owner", f"{'a' * 60}@{'b' * 50}.com", "at most 100 are allowed"),
        ("aliases", "alice bob§", "entry 2 is not an alias"),
        ("aliases", "a" * 251, "entry 1 is not an alias"),
        ("aliases", "alice;ALICE", "lists an alias twice"),
        ("description", "x" * 251, "is 251 characters long; at most 250 are allowed"),
        ("description", '"two\nlines"', "contains a line break"),
        ("description", "a\x07b", "a control character"),
        ("description", "a\u202eb", "an invisible direction mark"),
        ("description", "a\ud800b", "a control character"),
    ],
)
def test_a_bad_cell_is_named(heading: str, cell: str, message: str):
    (found,) = problems(f"name,{heading}\nAlice,{cell}\n")
    assert found.startswith(f"row 2, {heading}: ")
    assert message in found


def test_names_are_required_limited_and_unique():
    assert problems("name\n" + "x" * 251 + "\n") == [
        "row 2, name: is 251 characters long; at most 250 are allowed. Shorten it."
    ]
    assert problems("name\nAlice\nBob\n Alice \n") == [
        "row 4, name: 'Alice' stands in row 2 already. Remove one or choose another."
    ]


def test_an_alias_is_unique_in_the_file_whatever_its_case():
    found = problems("name,aliases\nAlice,a@x.com\nBob,A@X.COM\n")
    assert found == ["row 3, aliases: 'a@x.com' stands in row 2 already. Remove one or choose another."]


def test_every_bad_row_and_every_bad_cell_is_reported():
    found = problems("name,pin,owner\n" + "Alice,1,nobody\n" + "".join(f"N{i},x,\n" for i in range(300)))
    assert len(found) == 302


@pytest.mark.parametrize(
    ("pin", "guest_pin", "allow_guests", "found"),
    [
        ("", "", False, []),
        ("1234", "", False, []),
        ("1234", "", True, []),
        ("", "", True, []),
        ("1234", "5678", True, []),
        ("1234", "5678", False, ["needs allow_guests"]),
        ("", "5678", True, ["hosts need one of their own"]),
        ("1234", "1234", True, ["must differ from the host PIN"]),
    ],
)
def test_pins_and_guests_fit_together(pin: str, guest_pin: str, allow_guests: bool, found: list[str]):
    row = Submitted(Kind.VMR, "row", 2, {})
    told = list(pin_problems(row, Vmr("A", pin=pin, guest_pin=guest_pin, allow_guests=allow_guests)))
    assert len(told) == len(found)
    assert all(text in str(problem) for text, problem in zip(found, told, strict=True))


def test_unknown_and_missing_columns_are_named_with_the_nearest_known():
    text = refusal("nmae,descripton,colour\n")
    assert "The column 'nmae' is not known. Did you mean 'name'?" in text
    assert "The column 'descripton' is not known. Did you mean 'description'?" in text
    assert "The column 'colour' is not known. Known are: name, description" in text
    assert "The column 'name' is missing. Add it." in text
    assert "The column 'pin' stands in the file twice" in refusal("name,pin,PIN\n")
    assert "'primary_email_address' is missing" in refusal("first_name\n", Kind.USER)


def test_a_file_without_headings_does_not_print_its_first_pin():
    text = refusal(f"Alice,{CANARY}\n")
    assert CANARY not in text
    assert "The column number 2 is not known" in text


@pytest.mark.parametrize(
    "column", ["name", "pin", "guest_pin", "allow_guests", "service_type", "owner", "description", "aliases"]
)
def test_no_message_repeats_a_pin_wherever_it_stands(column: str):
    heading = column if column == "name" else f"name,{column}"
    cell = f"{CANARY}x\u202e" if column == "name" else f"Alice,§{CANARY}\u202e"
    found = problems(f"{heading}\n{cell}\n")
    assert len(found) == 1
    assert CANARY not in found[0]
    assert CANARY not in repr(Vmr("A", pin=CANARY, guest_pin=CANARY))


def test_a_row_that_is_too_long_is_refused():
    assert problems("name\nAlice,1234\n") == [
        "row 2: has more cells than there are headings. Put quotes around a value that holds the separator."
    ]


@pytest.mark.parametrize("text", ['name\n"Alice\nBob\n', 'name\n"Alice"x\n'])
def test_broken_quotes_are_refused(text: str):
    assert "The file is not usable CSV near line" in refusal(text)


def test_an_empty_file_misses_its_column():
    assert refusal("") == "The column 'name' is missing. Add it."


def json_rows(content: object) -> list[Submitted]:
    return list(read_json(content if isinstance(content, str) else json.dumps(content)))


def test_json_holds_both_kinds_under_the_names_of_the_rest_interface():
    rows = json_rows(
        {
            "users": [{"primary_email_address": "Alice@example.com", "display_name": "Alice"}],
            "conferences": [
                {
                    "id": 7,
                    "name": "Alice",
                    "pin": "0123",
                    "allow_guests": True,
                    "primary_owner_email_address": "alice@example.com",
                    "aliases": ["1001", {"alias": "alice@vc.example.com", "id": 3}],
                }
            ],
        }
    )
    assert [check(row)[0] for row in rows] == [
        User("Alice@example.com", display_name="Alice"),
        Vmr(
            "Alice", pin="0123", allow_guests=True, owner="alice@example.com", aliases=("1001", "alice@vc.example.com")
        ),
    ]


def test_json_problems_name_the_record_and_the_field():
    rows = json_rows({"conferences": [{"name": "A", "pin": 123456}, 5, {"nam": "B"}, {"name": "C", "aliases": "x"}]})
    found = [str(problem) for problem in Survey().take_all(rows).problems]
    assert found == [
        "conference 1, pin: must be text in quotes, so that zeros at its beginning are kept.",
        "conference 2: must be an object in braces.",
        "conference 3: The field 'nam' is not known. Did you mean 'name'?",
        'conference 4, aliases: must be a list, such as ["alice@example.com", "1001"].',
    ]


def test_a_json_field_that_stands_twice_is_refused():
    (found,) = Survey().take_all(json_rows('{"conferences": [{"name": "A", "pin": "1234", "pin": "5678"}]}')).problems
    assert str(found) == "conference 1: names a field twice. Remove one."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends too early"),
        ("[]", "Expecting '{'"),
        ('{"conferences": {}}', "Expecting '['"),
        ('{"conferences": [{"name": "A"}', "ends too early"),
        ('{"conferences": [{"name": "A"} {"name": "B"}]}', "Expecting ','"),
        ('{"conferences": []} x', "goes on after the end"),
        ('{"rooms": []}', "The list 'rooms' is not known"),
        ('{"conferences": [' + "[" * 100_000 + "]}", "nested too deeply"),
        ('{"conferences": [{"name": tru}]}', "The file is not JSON"),
    ],
)
def test_json_of_another_form_is_refused(text: str, message: str):
    with pytest.raises(Invalid, match=message.replace("[", r"\[").replace("{", r"\{")):
        json_rows(text)


HARD = [
    Vmr("=1+1", "'+quoted", "conference", "0123", "", False, "", ("+4712345678", "b@x.com")),
    Vmr('a "b", c;d', "''-x", "lecture", "1234", "5678", True, "alice@example.com", ()),
    Vmr("'tis", "É", "conference", "", "", False, "", ("1",)),
]


def test_csv_comes_back_as_it_was_written_and_holds_no_formula():
    stream = io.StringIO(newline="")
    write_csv(stream, Kind.VMR, HARD, with_pins=True)
    assert [check(row)[0] for row in csv_rows(stream.getvalue())] == HARD
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in stream.getvalue().replace("\r\n", ",").split(","))


def test_json_comes_back_as_it_was_written():
    stream = io.StringIO()
    people = [User("alice@example.com", "Alice", "", "Alice")]
    write_json(stream, {Kind.VMR: HARD, Kind.USER: people}, with_pins=True)
    assert [check(row)[0] for row in json_rows(stream.getvalue())] == [*people, *HARD]


def test_without_pins_neither_column_is_written():
    stream = io.StringIO(newline="")
    write_csv(stream, Kind.VMR, HARD, with_pins=False)
    assert "pin" not in stream.getvalue()
    assert "0123" not in stream.getvalue()
