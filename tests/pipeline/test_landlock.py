"""What a confined process can open: what it was given, and nothing beside it."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import landlock

pytestmark = pytest.mark.skipif(landlock.version() < 1, reason="this kernel has no Landlock")

TRY = """
import sys
from pathlib import Path
from pipeline import landlock
given, own, secret = map(Path, sys.argv[1:])
system = [Path(sys.prefix), Path(sys.base_prefix), Path("/usr"), Path("/lib"), Path("/lib64")]
assert landlock.restrict([given, *system], [own])
def tried(act):
    try: act()
    except PermissionError: return "no"
    return "yes"
(own / "new").mkdir()
print(tried(given.read_bytes), tried(lambda: given.write_bytes(b"x")),
      tried(lambda: (own / "new" / "file").write_bytes(b"x")), tried(secret.read_bytes),
      tried(lambda: secret.with_name("beside").write_bytes(b"x")))
"""


def test_only_what_was_given_can_be_opened(tmp_path: Path) -> None:
    given, own, secret = tmp_path / "given.mp4", tmp_path / "own", tmp_path / "keys" / "secret"
    given.write_bytes(b"media")
    own.mkdir()
    secret.parent.mkdir()
    secret.write_bytes(b"key")
    done = subprocess.run(
        [sys.executable, "-c", TRY, given, own, secret], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["yes", "no", "yes", "no", "no"]


def test_a_program_it_starts_is_confined_too(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("key")
    script = (
        "import subprocess, sys; from pathlib import Path; from pipeline import landlock\n"
        "assert landlock.restrict([Path('/usr'), Path('/bin'), Path('/lib'), Path('/lib64')], [])\n"
        "sys.exit(subprocess.run(['/bin/cat', sys.argv[1]]).returncode)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "secret"], capture_output=True, check=False
    )
    assert done.returncode != 0
    assert done.stdout == b""
