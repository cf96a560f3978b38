"""A start finds out quickly whether the database is of this version."""

from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory

from models import migrations
from models.base import engine


def test_the_newest_file_is_the_head_of_all_revisions() -> None:
    scripts = ScriptDirectory.from_config(migrations.config("sqlite://"))
    assert migrations.newest() == scripts.get_current_head()


def test_a_new_database_and_an_older_one_are_migrated(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'reelyard.db'}"
    (tmp_path / "new").mkdir()
    assert not migrations.up_to_date(engine(url))
    command.upgrade(migrations.config(url), "0005")
    assert not migrations.up_to_date(engine(url))
    migrations.migrate(url)
    assert migrations.up_to_date(engine(url))
    engine(url).dispose()
