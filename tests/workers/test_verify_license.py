"""`reelyard verify LICENSE.json`: with the published keys, without a network or a database."""

import ctypes
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from catalog import certificates, keys, odrl
from models.base import unit_of_work
from models.license import LicenseState
from pipeline import sandbox
from tests import license_factories
from tests.commands import environment, reelyard
from workers.cli import app

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
NOWHERE = {"REELYARD_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}
NOW = datetime.now(UTC)


def document(**values: Any) -> dict[str, Any]:
    said = {
        "schema": certificates.SCHEMA,
        "license": "0f" * 16,
        "verify": "https://clips.example/verify/" + "0f" * 16,
        "granted": NOW.isoformat(),
        "clip": {
            "id": "1a" * 16,
            "title": "The winning goal",
            "essence_sha256": "2b" * 32,
            "master_sha256": "3c" * 32,
            "recording": {"id": "4d" * 16, "sha256": "5e" * 32, "title": "Final match"},
            "span_ms": [60_000, 87_000],
        },
        "rights_holder": {"id": "6f" * 16, "name": "Ada"},
        "licensee": "Ada Films",
        "terms": {"kind": "social", "version": 1, "title": "Social", "text_sha256": "7a" * 32},
        "use": {
            "media": ["web", "social"],
            "territory": ["WORLD"],
            "without": ["FR"],
            "term_days": None,
            "audience": None,
            "seats": 1,
            "projects": 1,
        },
        "allows": dict.fromkeys(certificates.ALLOWS, False),
        "starts": (NOW - timedelta(days=9)).isoformat(),
        "ends": None,
    } | values
    return said | {"agreement": odrl.agreement(said["license"], said)}


def ran(*words: str) -> Result:
    return CliRunner(env=NOWHERE).invoke(app, ["verify", *words])


class Saved:
    """A license and the keys, as somebody far away has saved them."""

    def __init__(self, folder: Path, **values: Any) -> None:
        self.license, self.keys = folder / "license.json", folder / "reelyard-keys.json"
        signed = keys.sign(folder / "theirs", document(**values))
        self.license.write_text(json.dumps(signed, indent=1, ensure_ascii=False))
        self.keys.write_bytes((folder / "theirs" / "published.json").read_bytes())

    def checked(self, *more: str) -> Result:
        return ran(str(self.license), "--keys", str(self.keys), *more)


def test_it_says_what_is_licensed_and_until_when(home: Path, tmp_path: Path) -> None:
    saved = Saved(tmp_path)
    done = saved.checked()
    assert (done.exit_code, done.stderr) == (0, "")
    first = done.stdout.splitlines()[0]
    assert first.startswith("Licensed to Ada Films for websites and blogs, and social media;")
    assert "worldwide except France; with no end date." in first
    assert "The signature is valid" in done.stdout
    assert "revoked since is told online only: https://clips.example/verify/" in done.stdout
    said = json.loads(saved.checked("--json").stdout)
    assert (said["signature"], said["state"]) == ("valid", "licensed")
    assert said["revoked_known"] is False
    assert not home.exists(), "nothing was made for it"


@pytest.mark.skipif(not sandbox.has_network_namespace(), reason="no network namespace here")
def test_it_needs_no_network(home: Path, tmp_path: Path) -> None:
    saved = Saved(tmp_path)

    def leave() -> None:
        libc = ctypes.CDLL(None)
        if libc.unshare(CLONE_NEWNET) and libc.unshare(CLONE_NEWUSER | CLONE_NEWNET):
            os._exit(99)

    words = ["verify", str(saved.license), "--keys", str(saved.keys)]
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", *words],
        preexec_fn=leave,
        env=environment(**NOWHERE),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Licensed to Ada Films" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("values", "state", "begins"),
    [
        ({"ends": (NOW - timedelta(days=1)).isoformat()}, "expired", "Expired on "),
        ({"starts": (NOW + timedelta(days=1)).isoformat()}, "licensed later", "Licensed to"),
    ],
)
def test_a_license_that_does_not_hold_today_says_so(
    home: Path, tmp_path: Path, values: dict[str, Any], state: str, begins: str
) -> None:
    done = Saved(tmp_path, **values).checked("--json")
    said = json.loads(done.stdout)
    assert (done.exit_code, said["state"], said["signature"]) == (1, state, "valid")
    assert said["sentence"].startswith(begins)


def test_changed_unknown_and_unreadable_are_told_apart(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    saved, other = Saved(tmp_path / "a"), Saved(tmp_path / "b")
    text = saved.license.read_text()
    saved.license.write_text(text.replace("Ada Films", "Eve Films"))
    changed = saved.checked()
    assert (changed.exit_code, "changed after it was signed" in changed.stdout) == (1, True)
    assert "Eve" not in changed.stdout, "what was changed is not repeated as if it held"
    saved.license.write_text(text)
    saved.keys.write_bytes(other.keys.read_bytes())
    unknown = saved.checked()
    assert (unknown.exit_code, "key that is not among these" in unknown.stdout) == (1, True)
    for broken in ('{"schema": "reelyard.license/2"}', "{", '{"a": 1}', text.replace("{", "[", 1)):
        saved.license.write_text(broken)
        done = saved.checked()
        if broken != text.replace("{", "[", 1):  # that one may be anything, so a clip
            assert (done.exit_code, "can't be checked" in done.stderr) == (2, True)
    saved.keys.write_text("no keys")
    saved.license.write_text(text)
    assert saved.checked().exit_code == 2
    assert ran(str(tmp_path / "absent.json"), "--keys", "x").exit_code == 2


def test_what_is_signed_can_not_steer_the_terminal(home: Path, tmp_path: Path) -> None:
    done = Saved(tmp_path, licensee="Ada\x1b[2J\x1b]0;x\x07[red]Films[/red]\u202e").checked()
    assert done.exit_code == 0
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)
    assert "[red]Films[/red]" in done.stdout


def test_the_house_that_granted_it_knows_that_it_was_revoked(database: Path) -> None:
    file = database / "license.json"
    with unit_of_work() as session:
        made = license_factories.license(session)
        file.write_text(json.dumps(made.certificate))
    held = reelyard("verify", str(file), "--json")
    assert (held.returncode, json.loads(held.stdout)["state"]) == (0, "licensed")
    assert json.loads(held.stdout)["revoked_known"] is True
    with unit_of_work() as session:
        row = session.merge(made)
        row.state, row.revoked_ms = LicenseState.REVOKED, license_factories.now_ms()
    done = reelyard("verify", str(file))
    assert (done.returncode, done.stdout.startswith("Revoked on ")) == (1, True)
    assert "online only" not in done.stdout
