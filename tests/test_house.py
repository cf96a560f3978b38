"""The few numbers that keep the house pleasant, and what no committed file may hold."""

import ast
import graphlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("models", "pipeline", "catalog", "workers")
FILE_LINES = 400
FUNCTION_LINES = 60
DRAWERS = {"utils", "core", "lib", "services", "managers", "helpers", "common", "misc"}
SOURCE = {".py", ".html", ".css", ".js", ".sh"}

NOT_FOR_OTHER_MACHINES = re.compile(
    r"""/work/ | /home/(?!ann/)\w | /root/ | /Users/\w    # the writer's own machine; ann is made up
      | pypi\.org/simple | pythonhosted\.org | registry\.npmjs | deb\.debian\.org
      | (?:extra-)?index-url | --find-links             # each machine has its own index
      | BEGIN\ [A-Z ]*PRIVATE\ KEY""",
    re.VERBOSE,
)


def committed() -> list[Path]:
    # Ours even where the checkout belongs to another account, as it does in many containers.
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(
        [*git, "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout, so what is committed isn't known")
    names = sorted(set(listed.stdout.split("\0")) - {""})
    return [Path(name) for name in names if (ROOT / name).is_file()]


def ours(path: Path) -> bool:
    """Not vendored, and no migration: those are written once and then only kept."""
    return "vendor" not in path.parts and "versions" not in path.parts


def sources(*suffixes: str) -> list[Path]:
    return [path for path in committed() if path.suffix in suffixes and ours(path)]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {
        str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines())
        for path in sources(*SOURCE)
    }
    assert {path: lines for path, lines in lengths.items() if lines > FILE_LINES} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    lengths = {
        f"{path}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in sources(".py")
        for node in functions(path)
    }
    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES} == {}


def test_modules_do_not_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph(*ROOMS, exclude_type_checking_imports=True, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_there_are_no_drawers() -> None:
    named = [
        str(path)
        for path in committed()
        if DRAWERS & {*path.parts[:-1], path.stem} and "vendor" not in path.parts
    ]
    assert named == []


def test_docker_and_tests_are_no_packages() -> None:
    """`docker` would shadow the Docker SDK; tests are imported by path."""
    packages = [path for path in committed() if path.name == "__init__.py"]
    assert [path for path in packages if path.parts[0] in ("docker", "tests")] == []


def test_nothing_committed_belongs_to_one_machine() -> None:
    found = []
    for path in committed():
        if path == Path(__file__).relative_to(ROOT) or not ours(path):
            continue
        data = (ROOT / path).read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode("utf-8").splitlines(), 1):
            if NOT_FOR_OTHER_MACHINES.search(line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")
    assert found == []
