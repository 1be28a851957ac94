"""What the form offers, what it says of each masked part, and what the script of the page is told."""

import html
import re
from secrets import token_hex
from urllib.parse import urlencode

import pytest
from pydantic import ValidationError

from service.apps.deidentify.http.form import SAMPLE, Draft, what_is_wrong
from service.testing import Browser
from service.testing.callers import NAVIGATION
from tests.unit.apps.deidentify.http import test_pages
from tests.unit.apps.deidentify.http.test_pages import (
    APP,
    FORM,
    MASKED,
    NOTE,
    ONE,
    masked,
    submit,
    token_of,
    typed,
    user,
)
from tests.unit.conftest import Serve
from tests.unit.web.test_pages import Outline

SERVICE = test_pages.SERVICE
alice = test_pages.alice
GERMAN = "Der Patient wurde gestern mit starken Schmerzen in der Brust aufgenommen und heute wieder entlassen."
SCRIPT = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key": "My study!"}, "Key: Use at most 100 letters from A to Z, digits, dots, hyphens and underscores"),
        ({"deny": "a\n" * 1001}, "Always mask: At most 1,000 lines."),
        ({"allow": "x" * 201}, "Never mask: At most 200 characters in a line."),
        ({"key": "study", "patient": "x" * 201}, "Patient: At most 200 characters in a line."),
        ({"patient": "1"}, "“Patient” needs a “Key”, by which the days are found."),
        (
            {"key": "study", "patient": "1", "date_shift_days": "2"},
            "“Patient” and “Move dates by days” both move dates: use one of them.",
        ),
        ({"date_shift_days": "soon"}, "Move dates by days: Use a whole number, such as 30 or -30."),
        ({"date_shift_days": "9" * 5000}, "Move dates by days: Use a whole number, such as 30 or -30."),
        ({"date_shift_days": "36501"}, "Move dates by days: Use a number from -36500 to 36500."),
        ({"date_shift_days": "-36501"}, "Move dates by days: Use a number from -36500 to 36500."),
        (
            {"replacement": "rot13", "language": "de"},
            "In its place: Choose one of those offered. Language: Choose one of those offered.",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words_of_the_page(fields: dict[str, str], said: str) -> None:
    """Fields are named by their labels, and what they take is said without the words of a program."""
    with pytest.raises(ValidationError) as raised:
        Draft(**fields).note()

    assert what_is_wrong(raised.value).startswith(said)


async def test_each_part_is_explained(alice: Browser) -> None:
    """Each masked part is described by a line of the page that says its type, its rule and what the rule finds."""
    page = await submit(alice, text="Seen by Dr. Smith, MRN 1234567, and by Dr. Jones.", deny="seen")
    marks = [each["aria-describedby"] for each in Outline(page.text).all("mark") if "data-start" in each]
    lines = dict(re.findall(r'<td id="(rule-\d+)">(.*?)</td>\s*<td data-label="Times">\d+</td>', page.text))
    counts = re.findall(r'<td id="rule-\d+">.*?</td>\s*<td data-label="Times">(\d+)</td>', page.text)

    assert marks == ["rule-1", "rule-2", "rule-3", "rule-2"]
    assert counts == ["1", "2", "1"]
    assert [re.sub(r"<.*?>", "", lines[f"rule-{number}"]).partition(":")[0] for number in (1, 2, 3)] == [
        "OTHER",
        "NAME",
        "ID",
    ]
    assert None not in [re.search(r": </span>\w.* Rule: <code>[\w.:-]+</code>", line) for line in lines.values()]


async def test_another_language_is_refused_in_words_of_the_page(alice: Browser) -> None:
    """The page says which language it looks like, and its button sends the same note with the field's other choice."""
    refused = await submit(alice, text=GERMAN)
    [button] = [each for each in Outline(refused.text).all("button") if each.get("name") == "language"]
    page = await alice.post(
        FORM,
        content=urlencode(
            [("_xsrf", await token_of(alice)), ("language", "en"), ("text", GERMAN), ("language", "any")]
        ),
        headers=NAVIGATION | {"Content-Type": "application/x-www-form-urlencoded"},
    )

    assert (refused.status_code, button["value"]) == (422, "any")
    assert "This looks like German." in refused.text
    assert '"any"' not in re.sub("<[^>]*>", "", html.unescape(refused.text))
    assert (page.status_code, typed(page, "text")) == (200, GERMAN)
    assert '<option value="any" selected>' in page.text


async def test_keys_and_patients(serve: Serve) -> None:
    """Where the operator has set a secret the form has both fields, and what is wrong with them is said."""
    service = await serve(**APP, variables=ONE | {"DEIDENTIFY_SECRET": token_hex(), "DEIDENTIFY_DEADLINE": "60"})
    numbered = {"text": "Seen 12/30/2019 by Dr. Smith", "replacement": "numbered", "key": "study"}
    async with user(service) as alice:
        first, again = [masked(await submit(alice, **numbered, patient="7")) for _ in range(2)]
        alone = await submit(alice, text="x", patient="7")

    assert first == again
    assert re.fullmatch(r"Seen \d\d/\d\d/20\d\d by Dr. \[NAME_\w{11,}\]", first)
    assert "12/30/2019" not in first
    assert (alone.status_code, "needs a “Key”" in alone.text) == (422, True)


async def test_no_fields_for_keys_where_there_are_none(alice: Browser) -> None:
    """Without a secret of the operator's, the form does not offer what would be refused."""
    names = {each.get("name") for each in Outline((await alice.visit(FORM)).text).all("input")}

    assert {"key", "patient"} & names == set()


async def test_a_sample(alice: Browser) -> None:
    """The button masks a note that is made up, and never takes the place of one that is there."""
    sample, own = [await submit(alice, **{"text": text, "as": "sample"}) for text in (" ", NOTE)]

    assert (sample.status_code, typed(sample, "text")) == (200, SAMPLE)
    assert {"NAME", "DATE", "AGE", "LOCATION", "ORGANIZATION", "CONTACT", "ID"} <= {
        str(each["class"]).removeprefix("type-") for each in Outline(sample.text).all("mark")
    }
    assert (typed(own, "text"), masked(own)) == (NOTE, MASKED)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [({"replacement": "rot13"}, 422, "invalid_request"), ({"text": "a\0b"}, 422, "note_refused")],
    ids=["an option", "the note"],
)
async def test_the_script_of_the_page_gets_problem_details(
    alice: Browser, fields: dict[str, str], status: int, code: str
) -> None:
    """What sends the cells of a table gets text or a problem, and no page with the cell in it."""
    sent = {"_xsrf": await token_of(alice), "text": NOTE, "as": "file"}
    good, bad = [await alice.post(FORM, data=sent | each, headers=SCRIPT) for each in (dict[str, str](), fields)]

    assert (good.status_code, good.text) == (200, MASKED)
    assert (bad.status_code, bad.json()["code"]) == (status, code)
    assert bad.headers["Content-Type"] == "application/problem+json"
    assert "1234567" not in bad.text


async def test_the_address_of_the_api_leads_to_the_form(alice: Browser) -> None:
    """Whoever opens it is led to the page."""
    page = await alice.get("deidentify", headers=NAVIGATION, follow_redirects=True)

    assert (page.status_code, str(page.url)) == (200, f"{alice.service.url}{FORM}")
