"""A Hub that is restarted: nobody notices."""

import secrets

from tests.conftest import MakeHub

COOKIE = "service-fastapi"


async def test_nobody_signs_in_again(make_hub: MakeHub) -> None:
    """With an API token that stays, cookies and tokens go on working, and a sign-in under way is finished.

    The Hub starts the service anew, so all of this comes from what browsers and Hub hold.
    """
    hub = make_hub(register={"api_token": secrets.token_hex(32)})
    token = await hub.user_token("testuser")
    async with hub.session("testuser") as browser, hub.session("other") as late:
        (await browser.visit(f"{hub.service_url}me")).raise_for_status()
        begun = await late.visit(f"{hub.service_url}me", follow=False)
        cookie, xsrf = browser.cookie(COOKIE), browser.cookie("_xsrf", path=hub.service_path)

        hub.restart()

        by_token = await hub.ask("GET", "me", token=token)
        page = await browser.visit(f"{hub.service_url}me", follow=False)
        by_script = await browser.fetch("GET", f"{hub.service_url}me", headers={"X-XSRFToken": xsrf or ""})
        finished = await late.visit(begun.headers["Location"])

        assert [by_token.status_code, page.status_code, by_script.status_code, finished.status_code] == [200] * 4
        assert by_token.json()["name"] == by_script.json()["name"] == "testuser"
        assert browser.cookie(COOKIE) == cookie
        assert (str(finished.url), "other" in finished.text) == (f"{hub.service_url}me", True)
