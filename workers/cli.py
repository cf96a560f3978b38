"""The command line. Each command: settings, one function, print, an exit code that tells.

A command imports what it needs when it runs: rows and their libraries take most of a second, which
`--help`, a wrong word and a short answer should not wait for.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from models.settings import Settings

app = typer.Typer(
    name="reelyard",
    help="From a long recording to licensable clips with signed provenance.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
ROLES = "creator, licensee, member, partner, staff"
Json = Annotated[bool, typer.Option("--json", help="Print data as JSON.")]
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def _begin(*, to_file: bool = True) -> "Settings":
    """Settings and database; the log on standard error, or in a file beside a progress bar."""
    from models.settings import settings
    from workers import log
    from workers.start import start_up

    start_up()
    chosen = settings()
    log.set_up(chosen.log, chosen.data / "reelyard.log" if to_file else None)
    return chosen


def _print_json(data: Any) -> None:
    sys.stdout.write(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


@app.command()
def demo(
    footage: Annotated[
        Path | None, typer.Argument(help="Your own recording; without it the demo draws one.")
    ] = None,
) -> None:
    """Run the main job once, and print the clips it put on sale."""
    from workers.demo.run import run

    _begin()
    raise typer.Exit(run(footage, out, err))


@app.command()
def process(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings to process.")],
    as_json: Json = False,
    creator: Annotated[
        str, typer.Option(help="Whose they are (a folder name of the inbox).")
    ] = "house",
) -> None:
    """Take files through everything, here. Exit 0: all done; 2: some rejected; 1: failed."""
    from workers import report
    from workers.process import process as run

    _begin()
    told = run(files, err, creator)
    if as_json:
        _print_json({"recordings": told})
    else:
        report.print_outcome(out, told)
    raise typer.Exit(report.exit_code([row["state"] for row in told]))


@app.command()
def clip(
    recording: Annotated[str, typer.Argument(help="The recording's id, or how it begins.")],
    start: Annotated[str, typer.Argument(help="1:02:03.5, 62.5 or 62500ms.")],
    end: Annotated[str, typer.Argument(help="The same; not part of the clip any more.")],
    as_json: Json = False,
) -> None:
    """Make a clip of exactly this span and put it on sale, here and now."""
    from catalog.errors import CatalogError
    from workers import asked, report

    _begin()
    try:
        made = asked.clip(recording, start, end, err)
    except CatalogError as error:
        err.print(f"reelyard: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    except asked.NotMade as error:
        err.print(f"reelyard: the clip could not be made: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None
    if as_json:
        _print_json(made)
    else:
        out.print(escape(made["title"]), soft_wrap=True)
        out.print(f"{report.clock(made['start_ms'])} to {report.clock(made['end_ms'])}")
        out.print(made["url"], soft_wrap=True)


Host = Annotated[str | None, typer.Option(help="Address to listen on (REELYARD_HOST).")]
Port = Annotated[int | None, typer.Option(help="Port to listen on (REELYARD_PORT).")]


@app.command()
def up(host: Host = None, port: Port = None) -> None:
    """Watch the inbox, work, and serve the catalogue, in one process tree until Ctrl-C."""
    from workers.engine import serve, watching, working

    chosen = _begin_at(host, port)
    err.print(f"Inbox      {escape(str(chosen.resolved_inbox))}", soft_wrap=True)
    err.print(f"Catalogue  {chosen.base_url}/  (Ctrl-C ends)", soft_wrap=True)
    _tell_way_in(chosen)
    with working(), watching():
        serve(chosen.host, chosen.port)


@app.command()
def watch() -> None:
    """Watch the inbox and take what is dropped."""
    from workers.engine import wait_for_end, watching

    _begin(to_file=False)
    with watching():
        wait_for_end()


@app.command()
def work(
    processes: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 1,
    threads: Annotated[
        int, typer.Option(min=0, help="Media jobs at once in each (0: one a core).")
    ] = 0,
) -> None:
    """Work on what is asked for, until SIGTERM. A process that dies is started again."""
    from workers.engine import wait_for_end, working
    from workers.supervisor import supervise

    chosen = _begin(to_file=False)
    if not chosen.broker_url and processes > 1:
        err.print(
            "reelyard: without REELYARD_BROKER_URL one process works; start it with threads instead"
        )
        raise typer.Exit(2)
    if processes > 1:
        supervise(processes, threads)
        return
    with working(threads or None):
        wait_for_end()


@app.command()
def serve(host: Host = None, port: Port = None) -> None:
    """Serve the catalogue and its API."""
    from workers.engine import serve as run

    chosen = _begin_at(host, port)
    _tell_way_in(chosen)
    run(chosen.host, chosen.port)


def _begin_at(host: str | None, port: int | None) -> "Settings":
    """What the command says counts as a setting: addresses told elsewhere agree with it."""
    from models.settings import settings

    for name, value in (("REELYARD_HOST", host), ("REELYARD_PORT", port)):
        if value is not None:
            os.environ[name] = str(value)
    settings.cache_clear()
    return _begin(to_file=False)


def _tell_way_in(chosen: "Settings") -> None:
    """Not where programs read the log: they would keep it."""
    from workers import sign_in

    if chosen.log != "json":
        err.print(escape(sign_in.told()), soft_wrap=True)


@app.command("sign-in")
def sign_in_link(
    email: Annotated[str, typer.Argument(help="Whose account; the operator's by default.")] = "",
    role: Annotated[
        list[str] | None,
        typer.Option(help=f"A role the account gets: {ROLES}. May be repeated."),
    ] = None,
    back: Annotated[str, typer.Option(help="The page it leads to.")] = "/",
) -> None:
    """Print a link that signs in once, within 15 minutes; the account is made if there is none."""
    from catalog.errors import CatalogError
    from models.account import Role
    from workers import sign_in

    roles = [Role(name) for name in role or () if name in ROLES.split(", ")]
    if len(roles) < len(role or ()):
        err.print(f"reelyard: a role is one of {ROLES}.")
        raise typer.Exit(2)
    _begin()
    try:
        link = sign_in.link(email, roles, back)
    except CatalogError as error:
        err.print(f"reelyard: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    out.print(escape(link), soft_wrap=True)


@app.command()
def migrate() -> None:
    """Bring the database to the newest form."""
    _begin()
    out.print("The database is up to date.")


@app.command()
def status(as_json: Json = False) -> None:
    """Recordings, jobs, their ages and failures."""
    from workers import report

    _begin()
    if as_json:
        _print_json(report.status_json())
    else:
        report.print_status(out, time.time_ns() // 1_000_000)


@app.command()
def retry(
    recording: Annotated[str, typer.Argument(help="The recording's id (see status).")],
) -> None:
    """Try again what was given up of a recording. Work starts where `work` or `up` runs."""
    from models.base import unit_of_work
    from models.recording import Recording
    from workers.flow import retry as run

    _begin()
    with unit_of_work() as session:
        if session.get(Recording, recording) is None:
            err.print(
                f"reelyard: there is no recording {escape(recording)}; `reelyard status` lists them"
            )
            raise typer.Exit(2)
        again = run(session, recording)
    out.print(f"{again} steps will be tried again." if again else "Nothing of it was given up.")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Is everything there that the main job needs? Each part: ok, or what to do."""
    from workers.doctor import examine

    _begin()
    findings = examine()
    if as_json:
        _print_json({name: {"ok": ok, "text": text} for name, (ok, text) in findings.items()})
    else:
        from rich.table import Table

        table = Table(box=None, show_header=False)
        for name, (ok, text) in findings.items():
            table.add_row("ok" if ok else "[bold]mend[/bold]", name, escape(text))
        out.print(table)
    raise typer.Exit(0 if all(ok for ok, _ in findings.values()) else 1)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A clip, or a license as JSON.", dir_okay=False)],
    keys: Annotated[
        Path | None,
        typer.Option(help="Published keys, for a license: then no database is needed."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a clip by its signed manifest, a license by its signature. Exit 0: it holds."""
    from workers.verify import answer

    if keys is None:
        _begin()
    if not file.is_file():
        err.print(f"reelyard: there is no file {escape(str(file))}")
        raise typer.Exit(2)
    try:
        said, holds, show = answer(file, keys)
    except (OSError, ValueError) as error:
        err.print(f"reelyard: this can't be checked: {escape(str(error)[:300])}", soft_wrap=True)
        raise typer.Exit(2) from None
    if as_json:
        _print_json(said)
    else:
        show(out)
    raise typer.Exit(0 if holds else 1)


@app.command()
def check(as_json: Json = False) -> None:
    """Check the invariants: nothing lost, doubled, partial, damaged, unsigned or private."""
    from workers.check import check_all

    _begin()
    found = check_all()
    if as_json:
        _print_json(found)
    else:
        for name, problems in found.items():
            out.print(f"{'ok  ' if not problems else 'BAD '} {name}")
            for problem in problems:
                out.print(f"       {escape(problem)}")
    raise typer.Exit(1 if any(found.values()) else 0)


@app.command()
def kpis(
    as_of: Annotated[
        str, typer.Option(help="A day like 2026-03-31, by UTC; without it today.")
    ] = "",
    creator: Annotated[str, typer.Option(help="Of one creator (a slug); else the house.")] = "",
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the values as CSV.")] = False,
) -> None:
    """The figures as of the end of a day: the same whenever they are asked for."""
    from catalog.errors import CatalogError
    from workers import kpis as told
    from workers.start import start_up

    if as_json and as_csv:
        err.print("reelyard: choose one of --json and --csv.")
        raise typer.Exit(2)
    start_up()  # and no log: nothing here writes to it
    try:
        found, end_ms = told.found(as_of, creator)
    except CatalogError as error:
        err.print(f"reelyard: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None
    if as_json:
        _print_json(told.as_data(found, end_ms))
    elif as_csv:
        sys.stdout.write(told.as_csv(found, end_ms))
    else:
        told.print_tables(out, found, end_ms)


def main() -> None:
    """Entry point: a wrong setting is one line and exit 2."""
    try:
        app()
    except BrokenPipeError:
        os._exit(0)
    except Exception as error:
        sys.exit(_told_briefly(error))


def _told_briefly(error: Exception) -> int:
    """A fault of ours: one sentence for the user, all of it in the log."""
    from models.settings import SettingsError, settings
    from workers import log

    if isinstance(error, SettingsError):
        err.print(f"reelyard: {escape(str(error))}", soft_wrap=True)
        return 2
    first = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    err.print(f"reelyard: this did not work: {escape(first)}", soft_wrap=True)
    try:
        log.set_up("text", settings().data / "reelyard.log")
        log.log().exception("failed")
        err.print(f"Details: {escape(str(settings().data / 'reelyard.log'))}", soft_wrap=True)
    except (OSError, SettingsError):
        err.print("Details could not be written: the data folder can't be written to.")
    return 1


if __name__ == "__main__":
    main()
