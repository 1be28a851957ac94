"""The form that de-identifies a note, and the page that says what is masked."""

import asyncio
import html
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from service.apps.deidentify.engine.explanation import DIFFERENCES, GAPS, PAIRS, STAYS, TYPES
from service.testing import Browser
from service.testing.callers import NAVIGATION
from tests.support.session import forms
from tests.unit.conftest import PREFIX, Serve, Service
from tests.unit.web.test_pages import Outline

USE = "custom:deidentify:use"
APP: Mapping[str, Any] = {"apps": ("deidentify",)}
ONE = {"DEIDENTIFY_WORKERS": "1"}
SERVICE = {**APP, "variables": ONE | {"DEIDENTIFY_DEADLINE": "60"}}  # a busy machine is not what is tested
FORM, RULES = "deidentify/try", "deidentify/rules"
NOTE = "Seen 12/03/2019 by Dr. Smith.\n  MRN:\t1234567, it is <b>\"5 < 6\"</b> &amp; 'so'"
MASKED = "Seen **/**/**** by Dr. *****.\n  MRN:\t*******, it is <b>\"5 < 6\"</b> &amp; 'so'"
ATTACKS = ["</textarea><script>alert(1)</script>", "</div></section><img src=x onerror=alert(1)>", "{{ 7 * 7 }}"]


def typed(page: httpx.Response, name: str) -> str:
    """What a text field of the page holds; its first line end is the parser's to drop (HTML section 13.2.6.4.7)."""
    found = re.search(rf'<textarea id="{name}"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)
    return html.unescape(found[1]) if found else ""


def masked(page: httpx.Response) -> str:
    """The masked note, as a reader sees it."""
    found = re.search(r'id="masked"[^>]*>(.*?)</div>', page.text, re.DOTALL)
    return html.unescape(re.sub(r"<mark [^>]*>|</mark>", "", found[1])) if found else ""


async def submit(browser: Browser, **fields: str) -> httpx.Response:
    """Fill in the form and send it as a browser does: line ends as CR LF, boxes only where they are checked."""
    filled = {"_xsrf": await token_of(browser), "as": "page"} | fields
    sent = {name: value.replace("\n", "\r\n") for name, value in filled.items()}
    return await browser.post(FORM, data=sent, headers=NAVIGATION)


async def token_of(browser: Browser) -> str:
    """The XSRF token in the form."""
    return forms(await browser.visit(FORM))[0].values["_xsrf"]


def user(service: Service, name: str = "alice") -> Browser:
    """A browser of somebody who may use it."""
    return service.user(name, scopes=[USE]).browser()


@pytest.fixture
async def alice(service: Service) -> AsyncIterator[Browser]:
    """Likewise, at the service that the tests share."""
    async with user(service) as browser:
        yield browser


@pytest.mark.parametrize("path", [FORM, RULES])
async def test_the_pages_are_ours_alone(alice: Browser, path: str) -> None:
    """Nothing comes from elsewhere, nothing is inline, nothing is kept, and nobody frames them."""
    reply = await alice.visit(path)
    outline = Outline(reply.text)
    linked = [each.get("href") or each.get("src") or "" for tag in ("link", "script") for each in outline.all(tag)]

    assert (reply.status_code, reply.headers["Cache-Control"]) == (200, "no-store")
    assert [link for link in linked if not link.startswith(f"{PREFIX}static/")] == []
    assert [attrs for _, attrs in outline.tags if any(name == "style" or name.startswith("on") for name in attrs)] == []
    assert len(outline.all("main")) == len(outline.all("h1")) == 1
    assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
    assert "unsafe" not in reply.headers["Content-Security-Policy"]


async def test_no_help_of_the_browsers_sees_the_note(alice: Browser) -> None:
    """Nothing is filled in, corrected, completed or translated: what does that sends text away or keeps it."""
    page = (await alice.visit(FORM)).text
    outline, main = Outline(page), Outline(page.partition("<main")[2])
    private = {"autocomplete": "off", "autocorrect": "off", "spellcheck": "false", "writingsuggestions": "false"}

    assert [each.get("translate") for each in outline.all("html")] == ["no"]
    assert [(each["method"], each["autocomplete"]) for each in main.all("form")] == [("post", "off")]
    assert [private.items() <= each.items() for each in outline.all("textarea")] == [True, True, True]


async def test_a_note_comes_back_masked_beside_itself(alice: Browser) -> None:
    """Each masked part is marked with its type, all else is as it was, and the form keeps the note."""
    page = await submit(alice, text=NOTE)

    assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
    assert masked(page) == MASKED
    found = re.findall(r'<mark class="type-(\w+)" title="\1: [^"]+" .*? data-start="(\d+)".*?>(.*?)</mark>', page.text)
    assert found == [("DATE", "5", "**/**/****"), ("NAME", "23", "*****"), ("ID", "37", "*******")]
    assert typed(page, "text") == NOTE
    assert str(page.url) == f"{alice.service.url}{FORM}"


async def test_the_result_says_what_it_is_worth(alice: Browser) -> None:
    """The legend counts by type, the engine is named, and it is said that the rules do not find everything."""
    page = await submit(alice, text=f"{NOTE} Dr. Jones.")

    assert '<li><mark class="type-NAME">NAME</mark> 2</li>' in page.text
    assert re.search(r"philter-lite [\d.]+, philter_delta.toml, tagger: \w+", page.text)
    assert "Read it before you share it." in page.text
    assert "<em>reduces</em> identifiers" in page.text


@pytest.mark.parametrize("text", ["\n\n  x", "x\n", " \t x  ", "a\n\n\nb", "\n"])
async def test_white_space_stays(alice: Browser, text: str) -> None:
    """At the beginning and the end too, however often the form is sent."""
    first = await submit(alice, text=text)
    again = await submit(alice, text=typed(first, "text"))

    assert (typed(again, "text"), masked(again)) == (text, text)


CHOICES = {
    "asterisks": ({}, "Seen **/**/**** by Dr. *****"),
    "types": ({"replacement": "tag"}, "Seen [DATE] by Dr. [NAME]"),
    "types and numbers": ({"replacement": "numbered"}, "Seen [DATE_1] by Dr. [NAME_1]"),
    "nothing": ({"replacement": "remove"}, "Seen  by Dr. "),
    "dates moved": ({"date_shift_days": "-30", "date_order": "mdy"}, "Seen 11/03/2019 by Dr. *****"),
    "dates moved by no number": ({"date_shift_days": " "}, "Seen **/**/**** by Dr. *****"),
    "always masked": ({"deny": "seen\n\n  BY \n"}, "**** **/**/**** ** Dr. *****"),
    "never masked": ({"allow": "smith\nnobody"}, "Seen **/**/**** by Dr. Smith"),
    "both": ({"allow": "by", "deny": "By"}, "Seen **/**/**** ** Dr. *****"),
}


@pytest.mark.parametrize(("fields", "expected"), CHOICES.values(), ids=CHOICES)
async def test_the_choices_hold(alice: Browser, fields: dict[str, str], expected: str) -> None:
    """They decide what is written, and the form keeps them."""
    page = await submit(alice, text="Seen 12/03/2019 by Dr. Smith", **fields)

    assert masked(page) == expected
    assert {name: typed(page, name) for name in ("allow", "deny")} == {"allow": "", "deny": ""} | {
        name: value for name, value in fields.items() if name in {"allow", "deny"}
    }
    chosen = [fields.get("replacement", "asterisk"), "en", fields.get("date_order", "")]
    assert re.findall(r'<option value="(\w*)" selected>', page.text) == chosen
    assert ("<details open>" in page.text) == (not {"allow", "deny"}.isdisjoint(fields))


async def test_philter_lites_own_answer(alice: Browser) -> None:
    """The box says that only philter-lite's rules count, and stays checked."""
    default = await submit(alice, text="Patient ID: 1234-1234.")
    compat = await submit(alice, text="Patient ID: 1234-1234.", compat="yes")

    assert (masked(default), masked(compat)) == ("Patient ID: ****-****.", "Patient ID: ****-1234.")
    assert ("checked>" in default.text, "checked>" in compat.text) == (False, True)


async def test_as_a_file(alice: Browser) -> None:
    """The other button gives the masked note as a text file, and nothing else, that no cache keeps."""
    reply = await submit(alice, text=f"{NOTE} José", **{"as": "file"})

    assert (reply.status_code, reply.text) == (200, f"{MASKED} ****")
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="deidentified.txt"'
    assert (reply.headers["Cache-Control"], reply.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("field", ["text", "allow", "deny", "date_shift_days", "replacement"])
async def test_what_is_typed_is_text(alice: Browser, field: str, attack: str) -> None:
    """In whatever field, masked or kept, with a result or an error: it is shown and not run."""
    page = await submit(alice, **{"text": attack, field: f'{attack}" autofocus onfocus=alert(1) x="', "allow": attack})
    tags = [(tag, attrs) for tag, attrs in Outline(page.text).tags if tag in {"img", "script"} or "onfocus" in attrs]

    assert page.status_code in {200, 422}
    assert typed(page, "allow") == attack
    assert [tag for tag, _ in tags] == ["script", "script", "img"], "those of every page"
    assert "49" not in masked(page)


def expect_problem(page: httpx.Response, status: int, code: str) -> None:
    """Check that the page says what went wrong, has the note in its form, and nothing that was masked."""
    assert (page.status_code, f"{status} · <code>{code}</code>" in page.text) == (status, True)
    assert (typed(page, "text"), masked(page)) == (NOTE, "")
    assert (page.headers["Cache-Control"], "Content-Disposition" in page.headers) == ("no-store", False)


LIMITS = {
    "too large": ({"DEIDENTIFY_NOTE_SIZE": "20"}, 413, "note_too_large"),
    "too slow": ({"DEIDENTIFY_DEADLINE": "1e-6"}, 422, "deadline_exceeded"),
}


@pytest.mark.parametrize(("told", "status", "code"), LIMITS.values(), ids=LIMITS)
async def test_what_went_wrong_stands_beside_the_note(
    serve: Serve, told: dict[str, str], status: int, code: str
) -> None:
    """With its status, whichever button was pressed; the note is still in the form."""
    service = await serve(**APP, variables=ONE | told)
    async with user(service) as alice:
        for button in ("page", "file"):
            expect_problem(await submit(alice, **{"text": NOTE, "as": button}), status, code)


async def test_the_largest_note(serve: Serve) -> None:
    """It fits, however a browser writes it down. A note beyond that is too large, and a long form is not read."""
    size = 200_000
    service = await serve(**APP, variables=SERVICE["variables"] | {"DEIDENTIFY_NOTE_SIZE": str(size)})
    note = "." + "\n" * (size - 1)
    async with user(service) as alice:
        fits = await submit(alice, text=note)
        larger = await submit(alice, text=f"{note}x")
        longer = await submit(alice, text="é" * 2 * size)
        in_chunks = await post_in_chunks(alice, b"text=" + b"x" * 8 * size)

    assert (fits.status_code, masked(fits)) == (200, note)
    assert (larger.status_code, "413 · <code>note_too_large</code>" in larger.text) == (413, True)
    assert [(reply.status_code, "note_too_large" in reply.text) for reply in (longer, in_chunks)] == [(413, True)] * 2


async def post_in_chunks(browser: Browser, body: bytes) -> httpx.Response:
    """Send a form without saying how long it is."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"_xsrf=" + (await token_of(browser)).encode() + b"&"
        yield body

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    return await browser.post(FORM, content=chunks(), headers={**NAVIGATION, **kind})


@pytest.mark.parametrize("button", ["page", "file"])
async def test_a_note_in_another_encoding(alice: Browser, button: str) -> None:
    """It is refused on the page, with what it looks like."""
    page = await submit(alice, **{"text": NOTE.encode("utf-16-le").decode(), "as": button})

    assert (page.status_code, "422 · <code>note_refused</code>" in page.text) == (422, True)
    assert "This looks like UTF-16LE" in page.text
    assert masked(page) == ""


WRONG = {
    "no such replacement": {"replacement": "rot13"},
    "no number of days": {"date_shift_days": "soon"},
    "too many days": {"date_shift_days": "40000"},
    "no days": {"date_shift_days": "0"},
    "too long a word": {"deny": "x" * 1000},
}


@pytest.mark.parametrize("button", ["page", "file"])
@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
async def test_what_was_filled_in_wrong(alice: Browser, fields: dict[str, str], button: str) -> None:
    """Likewise."""
    expect_problem(await submit(alice, **{"text": NOTE, "as": button} | fields), 422, "invalid_request")


async def test_no_room(serve: Serve) -> None:
    """Where too many notes wait already one is told when to come back, on the page; those that wait are answered."""
    service = await serve(**APP, variables=ONE | {"DEIDENTIFY_QUEUE": "1"})
    async with user(service) as alice:  # while the engine is being loaded, notes wait
        pages = await asyncio.gather(*(submit(alice, text=NOTE) for _ in range(2)))
    pages.sort(key=lambda page: page.status_code)

    assert [page.status_code for page in pages] == [200, 429]
    assert ["Retry-After" in page.headers for page in pages] == [False, True]
    assert [(typed(page, "text"), masked(page)) for page in pages] == [(NOTE, MASKED), (NOTE, "")]


async def test_a_wrong_field_is_named_as_the_form_has_it(alice: Browser) -> None:
    """All that are wrong, in words of the page, not in names of the API."""
    page = await submit(alice, text="x", date_shift_days="soon", replacement="rot13")

    assert "Move dates by days: Use a whole number" in page.text
    assert "In its place: Choose one of those offered." in page.text


async def test_no_other_page_sends_the_form(alice: Browser, service: Service) -> None:
    """Without the XSRF token of this very session nothing is masked. Another site gets nothing of the note back."""
    async with user(service, "mallory") as mallory:
        another = await token_of(mallory)
    own = await token_of(alice)
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
    replies = [
        await alice.post(FORM, data={"text": NOTE, "_xsrf": token}, headers=NAVIGATION | headers)
        for token, headers in [("", foreign), (own, foreign), (another, {}), (own, {})]
    ]

    assert [(reply.status_code, masked(reply)) for reply in replies] == [(403, "")] * 3 + [(200, MASKED)]
    assert ["1234567" in reply.text for reply in replies] == [False, False, True, True]


async def test_another_token_does_not_open_the_form(alice: Browser, service: Service) -> None:
    """A page of the same origin that brings a token of its own does not get the XSRF token of the reader's cookie."""
    own = {"Authorization": f"Bearer {service.user('mallory', scopes=[USE]).token}"}
    page = await alice.get(FORM, headers=own)

    assert (page.status_code, forms(page)[0].values["_xsrf"]) == (200, "")


async def test_uploads_are_not_taken(alice: Browser) -> None:
    """The form has none, and what reads one keeps it in a file."""
    token = await token_of(alice)
    reply = await alice.post(FORM, files={"text": ("note.txt", NOTE)}, headers={"X-XSRFToken": token})

    assert reply.status_code == 415


@pytest.mark.parametrize(("method", "path"), [("GET", FORM), ("POST", FORM), ("GET", RULES)])
async def test_who_may(service: Service, method: str, path: str) -> None:
    """Those who hold the scope; others are refused, and whoever is not signed in is asked to."""
    async with service.user("bob").browser() as bob, service.anonymous().browser() as nobody:
        refused = await bob.request(method, path, data={"text": NOTE} if method == "POST" else None)
        unknown = await nobody.request(method, path, headers=NAVIGATION)

    assert (refused.status_code, refused.json()["scopes"]) == (403, [USE])
    assert unknown.status_code == (302 if method == "GET" else 401)


@pytest.mark.parametrize("ended_at", ["the Hub", "the browser"])
async def test_what_was_typed_outlives_the_sign_in(service: Service, ended_at: str) -> None:
    """A note sent after the sign-in has ended comes back. After a new sign-in it is sent again, and masked."""
    async with user(service) as alice, user(service) as again:
        sent = {"_xsrf": await token_of(alice), "text": NOTE, "replacement": "tag", "as": "page"}
        if ended_at == "the Hub":
            alice.sign_out_at_hub()
        else:
            alice.cookies.clear()
        ended = await alice.post(FORM, data=sent, headers=NAVIGATION)
        asked = await again.post(FORM, data=forms(ended)[0].values, headers=NAVIGATION)
        taken = await again.post(FORM, data=forms(asked)[0].values, headers=NAVIGATION)

    assert [page.status_code for page in (ended, asked, taken)] == [401, 403, 200]
    assert [forms(page)[0].values | {"_xsrf": ""} for page in (ended, asked)] == [sent | {"_xsrf": ""}] * 2
    assert [Outline(page.text).all("html")[0].get("translate") for page in (ended, asked)] == ["no"] * 2
    assert (typed(taken, "text"), "by Dr. [NAME]" in masked(taken)) == (NOTE, True)


async def test_the_note_goes_nowhere_else(
    alice: Browser, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not into a header, a log or the output of any process, whatever becomes of it."""
    caplog.set_level("DEBUG")
    canary = "Zebulon Quackenbush 99887766"
    replies = [await submit(alice, text=canary, **fields) for fields in ({}, {"as": "file"}, {"replacement": canary})]
    token = await token_of(alice)
    alice.cookies.clear()
    replies.append(await alice.post(FORM, data={"_xsrf": token, "text": canary}, headers=NAVIGATION))

    assert [reply.status_code for reply in replies] == [200, 200, 422, 401]
    assert {reply.headers["Cache-Control"] for reply in replies} == {"no-store"}
    said = [*(str(reply.headers) for reply in replies), caplog.text, *capfd.readouterr()]
    assert [word for word in canary.split() if word in "".join(said)] == []


async def test_rules_for_people_and_for_scripts(service: Service, alice: Browser) -> None:
    """The page and the JSON tell the same: engine, numbers, types, what stays, what cannot be known, limits."""
    await submit(alice, text="once an engine is there")
    told = (await service.user("alice", scopes=[USE]).get(RULES)).json()
    page = html.unescape((await alice.visit(RULES)).text)
    numbers = told["contents"]["masking"]["NAME"] | {"kept": told["contents"]["keeping"]["words"]}

    assert (told["engine"]["name"], told["limits"]) == ("philter-lite", {"note_size": 100_000, "deadline": 60})
    assert [each["type"] for each in told["types"]] == [each.type for each in TYPES]
    assert [len(told[name]) for name in ("stays", "gaps", "differences")] == [len(STAYS), len(GAPS), len(DIFFERENCES)]
    assert ([each["one"] for each in told["pairs"]], told["keys"]) == ([each.one for each in PAIRS], False)
    assert [text for each in PAIRS for text in (each.one, each.other) if text not in page] == []
    assert "here there are no keys" in page
    assert f"{numbers['rules']} rules, {numbers['words']:,} names." in page
    assert f"a list of {numbers['kept']:,} words" in page
    assert [each.what for each in (*STAYS, *GAPS, *DIFFERENCES) if each.what not in page] == []
    assert "100,000 bytes" in page
    assert "longer than 60 seconds" in page


async def test_rules_while_no_engine_is_loaded(serve: Serve) -> None:
    """They are told all the same, and that there is none."""
    service = await serve(**APP)
    caller = service.user("alice", scopes=[USE])
    told = (await caller.get(RULES)).json()
    async with caller.browser() as browser:
        page = await browser.visit(RULES)

    assert (told["engine"], told["contents"], len(told["types"])) == (None, None, len(TYPES))
    assert "No engine is loaded at the moment" in page.text


async def test_many_at_once(service: Service) -> None:
    """Each gets their own note back, whoever else is at it."""
    async with user(service, "alice") as alice, user(service, "bob") as bob:
        pages = await asyncio.gather(*(submit(who, text=f"It is {n}.") for n in range(5) for who in (alice, bob)))

    assert [typed(page, "text") for page in pages] == [f"It is {n}." for n in range(5) for _ in range(2)]


async def test_a_large_note_with_many_parts(alice: Browser) -> None:
    """100 kB with more than 5,000 masked parts are shown whole."""
    text = "Smith ate.\n 3/4/2011 " * 2600 + "and so on " * 4000
    page = await submit(alice, text=text)

    assert (page.status_code, len(masked(page)), typed(page, "text")) == (200, len(text), text)
    assert page.text.count("<mark") > 5000


@pytest.mark.parametrize(("apps", "links"), [(("deidentify",), 2), ((), 0)], ids=["on", "off"])
async def test_the_way_there(serve: Serve, apps: tuple[str, ...], links: int) -> None:
    """Every page's navigation and the start page's cards lead to it, where it runs."""
    service = await serve(apps=apps)
    async with user(service) as browser:
        start, me = await browser.visit(""), await browser.visit("me")

    assert start.text.count(f'href="{PREFIX}{FORM}"') == links
    assert me.text.count(f'href="{PREFIX}{FORM}">De-identify</a>') == links / 2
