"""What a person does in the browser of the tests."""

from playwright.sync_api import Page

from tests.commands import way_in


def enter(page: Page, url: str, *arguments: str, **settings: str) -> None:
    """Sign in as the operator does: with the link of `reelyard sign-in`."""
    page.goto(way_in(url, *arguments, **settings))
    page.locator("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda now: "/enter/" not in now)
