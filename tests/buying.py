"""A licensee's story in a real browser: find, quote, pay, hold the proof, and check it."""

import json
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.commands import reelyard, until

BUYER = "Mara Okafor Films"
COPY_S = 90


def buy_and_prove(browser: Browser, url: str, folder: Path, **house: str) -> None:
    """By a guest, who has no account and gives nothing but a name, an address and a country."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.goto(url)
    page.locator("#q").fill("harbour cup")
    page.keyboard.press("Enter")
    page.locator("main a[href^='/clips/']").first.click()
    clip_id = page.url.rpartition("/")[2]
    nothing_clean_leaves(url, clip_id)
    quote(page)
    pay(page)
    page.get_by_role("link", name="Files and certificate").first.click()
    license_id = page.url.rpartition("/")[2]
    copy = download(page, folder)
    certificate = kept(page, "Certificate (signed JSON)", folder / "license.json")
    assert kept(page, "Certificate (PDF)", folder / "license.pdf").read_bytes()[:5] == b"%PDF-"
    proved_by_page(browser, url, license_id)
    proved_offline(url, certificate, folder)
    proved_by_file(browser, url, copy)
    proved_by_command(copy, **house)
    context.close()


def nothing_clean_leaves(url: str, clip_id: str) -> None:
    """What the API names for a stranger is the marked preview; the master is no file of theirs."""
    files = httpx.get(f"{url}api/v1/listings/{clip_id}").json()["files"]
    kinds = {one["kind"] for one in files}
    assert "preview" in kinds
    assert not kinds & {"master", "original", "delivery", "chunk"}


def quote(page: Page) -> None:
    page.locator("label[for='kind-standard'], label:has(#kind-standard)").first.click()
    expect(page.locator("#deal-price")).to_contain_text("in full, paid once")
    price = page.locator("#deal-price strong").inner_text()
    page.get_by_role("button", name="License this clip").click()
    expect(page.locator("h1")).to_contain_text("license")
    expect(page.locator(".quote-price strong").first).to_have_text(price)
    page.get_by_role("button", name="Add to cart").click()
    expect(page.locator("main")).to_contain_text(price)
    page.get_by_role("link", name="Go to checkout").click()


def pay(page: Page) -> None:
    page.get_by_label("Name of the person or company").fill(BUYER)
    page.get_by_label("E-mail").fill("mara@example.org")
    page.get_by_label("Country").select_option("DE")
    page.get_by_label("I have read").check()
    page.get_by_role("button", name="Pay").click()
    expect(page.locator("main")).to_contain_text("No money moves here")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.locator("h1")).to_contain_text(f"licensed to {BUYER}", timeout=30_000)


def download(page: Page, folder: Path) -> Path:
    """The copy with the license signed into it, which a worker makes."""

    def ready() -> bool:
        page.reload()
        return page.get_by_role("button", name="Download The clip").count() > 0

    until(ready, COPY_S, "the licensed copy is there")
    with page.expect_download() as started:
        page.get_by_role("button", name="Download The clip").click()
    path = folder / "licensed.mp4"
    started.value.save_as(path)
    page.reload()
    expect(page.locator("main")).not_to_contain_text("Nothing has been downloaded yet")
    return path


def kept(page: Page, link: str, path: Path) -> Path:
    """The linked file, fetched with the browser's own cookies."""
    address = page.get_by_role("link", name=link).get_attribute("href")
    answer = page.request.get(f"{page.url.split('/licenses/')[0]}{address}")
    assert answer.status == 200
    path.write_bytes(answer.body())
    return path


def proved_by_page(browser: Browser, url: str, license_id: str) -> None:
    """By somebody else, who knows nothing but the id."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}verify/{license_id}")
    expect(page.locator("h1")).to_contain_text(f"Licensed to {BUYER}")
    expect(page.locator("main")).not_to_contain_text("mara@example.org")
    page.goto(f"{url}licenses/{license_id}")
    expect(page.locator("main")).not_to_contain_text(BUYER)
    context.close()


def proved_offline(url: str, certificate: Path, folder: Path) -> None:
    """With the published keys, without a database; one changed word is found."""
    keys = folder / "keys.json"
    keys.write_bytes(httpx.get(f"{url}.well-known/reelyard-keys.json").content)
    nowhere = {"REELYARD_DATA": str(folder / "nowhere")}
    told = reelyard("verify", str(certificate), "--keys", str(keys), **nowhere)
    assert told.returncode == 0, told.stdout + told.stderr
    assert BUYER in told.stdout
    forged = json.loads(certificate.read_text(encoding="utf-8"))
    text = json.dumps(forged).replace(BUYER, "Somebody Else Ltd")
    (folder / "forged.json").write_text(text, encoding="utf-8")
    told = reelyard("verify", str(folder / "forged.json"), "--keys", str(keys), **nowhere)
    assert told.returncode != 0


def proved_by_file(browser: Browser, url: str, copy: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}verify")
    page.get_by_label("A file").set_input_files(copy)
    page.get_by_role("button", name="Check it").click()
    expect(page.locator("h1")).to_contain_text(f"Licensed to {BUYER}")
    expect(page.locator("main")).to_contain_text("Harbour Cup")
    context.close()


def proved_by_command(copy: Path, **house: str) -> None:
    told = reelyard("verify", str(copy), "--json", **house)
    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout)["state"] == "Trusted"
