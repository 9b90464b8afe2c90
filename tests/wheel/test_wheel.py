"""What pip gives a user: the wheel and sdist hold what they should, and work outside the checkout."""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import distributions
from pathlib import Path

import oldest
import pytest

ROOT = Path(__file__).parent.parent.parent
HAS_WINDOWS = (ROOT / "package.json").exists()

MAIN_JOB = """
import socket

def no_network(*_):
    raise OSError("the demo must not need a network")

socket.socket.connect = no_network

import semlens_widgets as sl

print(sl.__file__)
lens = sl.demo.lens()
matches = lens.search("ruler")
print(matches.found)
print(*(hit.component for hit in matches))
"""


def run(*command: object, cwd: Path, **environment: str) -> str:
    """The command's standard output; a failure shows both of its outputs."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(kind: str, source: Path, outdir: Path, **environment: str) -> Path:
    """Build `kind` ("wheel" or "sdist") of `source`, offline, and return the one file made."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", outdir, source]
    run(*command, cwd=source, **environment)
    (made,) = outdir.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdist of this checkout."""
    return build("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel made from the unpacked sdist, with nothing on the PATH: so it cannot have used Node."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked)
    (source,) = unpacked.iterdir()
    nothing = tmp_path_factory.mktemp("nothing")
    return build("wheel", source, tmp_path_factory.mktemp("wheel"), PATH=str(nothing))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a clean environment that holds the wheel, and the dependencies by reference."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}"]
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=home)
    # Only after the install, or pip would find the checkout's own editable install through it. A path named
    # in a .pth file does not have its own .pth files read, so that install stays out of sight.
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=home).strip())
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "dependencies.pth").write_text("\n".join(sorted(dependencies)) + "\n")
    return python


def names(release: Path) -> set[str]:
    """The paths of the files in a wheel, or in an sdist below its one top folder."""
    if release.suffix == ".whl":
        return {name for name in zipfile.ZipFile(release).namelist() if not name.endswith("/")}
    with tarfile.open(release) as archive:
        return {member.name.split("/", 1)[1] for member in archive.getmembers() if member.isfile()}


def metadata(wheel: Path) -> Message:
    """The wheel's METADATA."""
    archive = zipfile.ZipFile(wheel)
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(archive.read(name).decode())


def package_files() -> set[str]:
    """The package's files in git."""
    return set(run("git", "ls-files", "semlens_widgets", cwd=ROOT).split("\n")) - {""}


def test_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    held = names(wheel)
    extension = r"semlens_widgets-[^/]+\.data/data/share/jupyter/labextensions/semlens-widgets/"
    outside = {name for name in held if not re.match(rf"semlens_widgets(-[^/]+\.dist-info)?/|{extension}", name)}
    assert not outside
    assert package_files() <= held
    assert "semlens_widgets/py.typed" in held
    assert not {name for name in held if name.endswith((".pyc", ".map", ".test.js"))}


def test_wheel_carries_the_quickstart_and_the_command_that_opens_it(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    carried = archive.read("semlens_widgets/demo/quickstart.ipynb")
    assert carried == (ROOT / "notebooks" / "quickstart.ipynb").read_bytes()
    (commands,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
    assert "semlens = semlens_widgets.__main__:main" in archive.read(commands).decode()


def test_the_version_has_one_place(wheel: Path) -> None:
    version = json.loads((ROOT / "package.json").read_text())["version"]
    assert metadata(wheel)["Version"] == version
    elsewhere = [ROOT / "pyproject.toml", ROOT / "semlens_widgets" / "__init__.py"]
    assert not [path.name for path in elsewhere if f'"{version}"' in path.read_text()]


def test_wheel_carries_the_demo_checkpoints(wheel: Path) -> None:
    checkpoints = [name for name in names(wheel) if re.match(r"semlens_widgets/demo/.*\.safetensors$", name)]
    sizes = {info.filename: info.file_size for info in zipfile.ZipFile(wheel).infolist()}
    assert checkpoints
    assert sum(sizes[name] for name in checkpoints) <= 8 * 2**20


def test_sdist_holds_only_what_a_release_needs(sdist: Path) -> None:
    tops = {name.split("/")[0] for name in names(sdist)}
    needed = {"semlens_widgets", "js", "pyproject.toml", "LICENSE", "PKG-INFO", ".gitignore"}
    assert needed <= tops
    assert tops - needed <= {"README.md", "package.json", "package-lock.json", "notebooks"}
    assert {name for name in names(sdist) if name.startswith("notebooks")} == {"notebooks/quickstart.ipynb"}


@pytest.mark.skipif(not HAS_WINDOWS, reason="this checkout has no package.json, so no windows to build")
def test_wheel_and_sdist_carry_the_built_windows(wheel: Path, sdist: Path) -> None:
    for release in (wheel, sdist):
        static = [Path(name) for name in names(release) if name.startswith("semlens_widgets/static/")]
        bundles = {file.stem for file in static if file.suffix == ".js"}
        styles = {file.stem for file in static if file.suffix == ".css"}
        assert bundles
        assert styles <= bundles


def test_everything_imported_is_a_declared_dependency(wheel: Path) -> None:
    """Shared site-packages would hide a missing line in pyproject.toml. Signing is an extra for those who do it."""
    required = {
        normal(re.split(r"[\s;<>=!~\[]", line)[0])
        for line in metadata(wheel).get_all("Requires-Dist", [])
        if not (extra := re.search(r"extra == ['\"](.+?)['\"]", line)) or extra[1] == "sign"
    }
    providers = installers()
    undeclared = {
        f"{path.relative_to(ROOT)}: {module}"
        for path in (ROOT / "semlens_widgets").rglob("*.py")
        for module in imported(path) - sys.stdlib_module_names - {"semlens_widgets"}
        if not required & providers.get(module, {normal(module)})
    }
    assert not undeclared


def test_every_dependency_says_how_old_it_may_be() -> None:
    """`make test-oldest` installs all of them at that."""
    named = {normal(line.split("==")[0]) for line in oldest.constraints()}
    assert {"torch", "numpy", "jupyterlab"} <= named
    assert oldest.lower_bound("numpy>=1.26,<3") == "numpy==1.26"
    with pytest.raises(ValueError, match="no oldest version of numpy"):
        oldest.lower_bound("numpy")


def imported(path: Path) -> set[str]:
    """The top-level names of all absolute imports in a file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def installers() -> dict[str, set[str]]:
    """The distributions that bring each top-level name; Python 3.10's own table leaves out many."""
    found: dict[str, set[str]] = {}
    for distribution in distributions():
        name = normal(distribution.metadata["Name"])
        for top in {file.parts[0].removesuffix(".py") for file in distribution.files or ()}:
            found.setdefault(top, set()).add(name)
    return found


def normal(name: str) -> str:
    """A distribution's name as the packaging rules compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_main_job_runs_in_a_clean_environment(installed: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    output = run(installed, "-c", MAIN_JOB, cwd=tmp_path, SEMLENS_CACHE=cache, PYTHONPATH="")
    where, found, components = output.strip().split("\n")
    assert Path(where).is_relative_to(installed.parent.parent)
    assert found == "True"
    assert all(re.fullmatch(r"[\w.]+:\d+", component) for component in components.split())


@pytest.mark.skipif(not HAS_WINDOWS, reason="this checkout has no package.json, so no extension to build")
def test_the_extension_is_in_the_wheel_once_and_complete(wheel: Path) -> None:
    inside = names(wheel)
    folder = next(name for name in inside if name.endswith("labextensions/semlens-widgets/package.json"))
    folder = folder.removesuffix("package.json")
    assert folder.endswith(".data/data/share/jupyter/labextensions/semlens-widgets/")
    assert f"{folder}install.json" in inside
    assert f"{folder}schemas/semlens-widgets/plugin.json" in inside
    assert not any(name.startswith("semlens_widgets/labextension") for name in inside)
    with zipfile.ZipFile(wheel) as archive:
        package = json.loads(archive.read(f"{folder}package.json"))
    assert package["version"] == metadata(wheel)["Version"]
    assert f"{folder}{package['jupyterlab']['_build']['load']}" in inside


@pytest.mark.skipif(not HAS_WINDOWS, reason="this checkout has no package.json, so no extension to build")
def test_uninstalling_the_wheel_takes_the_extension_away(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    python = tmp_path / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}"]
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    extension = tmp_path / "env" / "share" / "jupyter" / "labextensions" / "semlens-widgets"
    assert (extension / "package.json").is_file()
    run(*pip, "uninstall", "--yes", "semlens-widgets", cwd=tmp_path)
    assert not extension.exists()
