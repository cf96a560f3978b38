"""Settings come from environment, secret file or reelyard.toml; a wrong one is one clear line."""

from pathlib import Path

import pytest

from models.settings import SettingsError, settings

pytestmark = pytest.mark.usefixtures("home")


def test_the_defaults_need_no_server(home: Path) -> None:
    assert settings().resolved_database_url == f"sqlite:///{home}/reelyard.db"
    assert settings().resolved_storage_url == (home / "blobs").as_uri()
    assert settings().broker_url == ""


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("reelyard.toml").write_text("clip_min_s = 20\nclip_max_s = 40\n")
    monkeypatch.setenv("REELYARD_CLIP_MIN_S", "25")
    assert (settings().clip_min_s, settings().clip_max_s) == (25, 40)


def test_a_secret_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("REELYARD_S3_SECRET_KEY_FILE", str(tmp_path / "secret"))
    assert settings().s3_secret_key == "s3cret"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("REELYARD_CLIP_MIN_S", "0", "greater than or equal to 1"),
        ("REELYARD_SPEECH", "loud", "'auto', 'whisper', 'pocketsphinx' or 'none'"),
        ("REELYARD_BROKER_URL", "http://x", "must begin with redis://"),
        ("REELYARD_STORAGE_URL", "ftp://x", "must begin with file:// or s3://"),
        ("REELYARD_CLIP_MNI_S", "5", "no such setting"),
    ],
)
def test_a_wrong_value_names_the_setting_the_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        settings()
    assert name in str(caught.value)
    assert value in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_secret_is_not_shown_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("reelyard.toml").write_text("s3_secret_key = 12345\n")
    with pytest.raises(SettingsError) as caught:
        settings()
    assert "12345" not in str(caught.value)


def test_a_missing_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELYARD_S3_SECRET_KEY_FILE", "/nowhere/secret")
    with pytest.raises(SettingsError, match="REELYARD_S3_SECRET_KEY_FILE=/nowhere/secret"):
        settings()
