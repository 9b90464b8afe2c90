"""The pages of `docs/`: their code runs as it stands there, links lead somewhere, every public name has a place."""

import importlib.util
import inspect
import json
import re
from functools import cache
from pathlib import Path

import pytest

import semlens_widgets as sl

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {path.relative_to(DOCS).with_suffix("").as_posix(): path for folder in (DOCS, DOCS / "reference")
         for path in folder.glob("*.md")}  # fmt: skip
TEXTS = [*PAGES.values(), *ROOT.glob("*.md")]  # what people read, with links
ELSEWHERE = {"relevance", "targets", "scale"}  # run by test_docs_relevance, test_docs_targets; held by test_shards
every_page = pytest.mark.parametrize("name", sorted(PAGES))
every_text = pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def tool(name):
    """A module of `docs/`, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages, links, docstrings = tool("pages"), tool("links"), tool("docstrings")


@cache
def text(path):
    return path.read_text("utf-8")


def with_code():
    return sorted(name for name, path in PAGES.items() if pages.blocks(text(path)) and name not in ELSEWHERE)


@pytest.mark.parametrize("name", with_code())
def test_a_page_runs_from_top_to_bottom_and_saves_what_it_shows(name, tmp_path, capsys):
    pages.run(PAGES[name], tmp_path)
    for shown in re.findall(rf"made/{name}/([\w.-]+)", text(PAGES[name])):
        assert (tmp_path / shown).exists(), shown
    if name == "start":
        printed = capsys.readouterr().out
        assert "'ruler' found: best layer" in printed
        assert printed.rstrip().endswith("False")
        assert (tmp_path / "demo.semlens").exists()


def test_pages_that_show_what_they_made_are_made_by_the_build():
    shown = {made for path in PAGES.values() for made in re.findall(r"made/([\w-]+)/", text(path))}
    assert shown == set(pages.MAKERS)


@every_page
def test_code_fits_the_width_of_the_page(name):
    for block in re.findall(r"```python\n(.*?)```", text(PAGES[name]), re.S):
        for line in block.splitlines():
            assert len(line) <= 120, line


@every_page
def test_every_name_of_the_package_exists(name):
    for found in set(re.findall(r"\bsl\.([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)", text(PAGES[name]))):
        target = sl
        for part in found.split("."):
            if part == "abc":  # an ellipsis of the text
                break
            assert hasattr(target, part), f"sl.{found}"
            target = getattr(target, part)
            if not inspect.ismodule(target) and not inspect.isclass(target):
                break


def anchors(path):
    """The places of a page, as Markdown makes them from its headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text(path), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@every_text
def test_links_and_pictures_are_there(path):
    prose = re.sub(r"```(?!{).*?```", "", text(path), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target) or target.startswith("made/"):
            continue
        file, _, place = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), target
        assert not place or place in anchors(there), target


def test_every_page_is_in_the_table_of_contents():
    listed = set()
    for name in PAGES:
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", text(PAGES[name]), re.S):
            listed |= {line for line in tree.splitlines() if line and not line.startswith(":")}
    notebooks = {f"tutorials/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert listed == set(PAGES) - {"index"} | notebooks | {"project/*"}  # the project's own texts


def entries(kind):
    """What the reference documents, with the page it is on."""
    return [
        (found, name)
        for name, path in PAGES.items()
        if name.startswith("reference/")
        for found in re.findall(rf"^\.\. {kind}:: ([\w.]+)", text(path), re.M)
    ]


def test_every_public_name_has_one_place_in_the_reference():
    found = entries("auto(?:class|function|data)")
    found += [(module.rpartition(".")[2], page) for module, page in entries("automodule")]
    assert sorted(name for name, _ in found) == sorted(sl.__all__)


def test_every_verb_of_a_lens_is_in_the_reference():
    listed = re.search(r"autoclass:: Lens\n   :members: (.*)", text(PAGES["reference/lens"]))[1].split(", ")
    verbs = {
        name
        for name, verb in vars(sl.Lens).items()
        if not name.startswith("_") and (inspect.isfunction(verb) or isinstance(verb, (classmethod, property)))
    }
    assert sorted(listed) == sorted(verbs)


def test_every_line_of_what_it_accepts_names_the_tests_that_hold_it():
    rows = [line for line in text(PAGES["accepts"]).splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    for row in rows:
        assert re.search(r"\[tests\]\(\.\./tests/[\w/]+\.py\)", row), row


def test_every_host_says_how_it_is_known_what_works_there():
    rows = [line.strip("| ").split(" | ") for line in text(PAGES["hosts"]).splitlines() if line.startswith("| ")][1:]
    assert {"JupyterLab 4", "Notebook 7", "marimo"} <= {row[0] for row in rows}
    for host, works, known in rows:
        tested = re.findall(r"\]\(\.\./(tests/[\w/]+\.py)\)", known)
        assert all((ROOT / path).is_file() for path in tested)
        assert tested or known.startswith("by hand, ") or (known == "none" and works.startswith("not tried")), host


def test_the_gallery_shows_every_function_that_draws():
    shown = text(PAGES["gallery"])
    drawing = set(sl.figures.__all__) - {"Figure", "figure_of", "problems"}
    by_result = {"hits", "label_table", "score_distributions", "semantic_map", "prediction", "circuit", "relevance",
                 "comparison", "concept_table", "series", "audit", "checklist_table", "counterfactual",
                 "panel", "performance"}  # fmt: skip
    assert drawing - by_result == set(re.findall(r"sl\.figures\.(\w+)\(", shown))
    assert len(re.findall(r"!\[", shown)) >= len(drawing)


def test_every_benchmark_is_told_of():
    named = set(re.findall(r"`(?:make )?bench-(\w+)`", text(PAGES["performance"])))
    assert named == {path.stem for path in (ROOT / "tests" / "benchmarks").glob("*.py") if path.stem[0] != "_"}


def test_the_version_that_is_cited_is_this_one():
    version = json.loads((ROOT / "package.json").read_text("utf-8"))["version"]
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)[1] == version
    assert re.findall(r"^## (.+)$", text(ROOT / "CHANGELOG.md"), re.M)[0] == "Unreleased"
    assert version in re.findall(r"^## ([\d.]+)", text(ROOT / "CHANGELOG.md"), re.M)


# what the build stands on


def test_hidden_lines_and_shown_ones_run_in_their_order(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A\n<!--run\nseen = [1]\n-->\n```python\nseen.append(2)\n```\n```\nnot run\n```\n", "utf-8")
    assert pages.run(page, tmp_path)["seen"] == [1, 2]


def test_an_error_names_the_page_and_its_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A\n\n```python\n1 / 0\n```\n", "utf-8")
    with pytest.raises(ZeroDivisionError) as raised:
        pages.run(page, tmp_path)
    last = raised.traceback[-1]
    assert (str(last.path), last.lineno + 1) == (str(page), 4)


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "a.html").write_text('<p id="here"></p><a href="b.html#there">b</a><a href="b.html#gone">b</a>')
    (tmp_path / "b.html").write_text('<p id="there"></p><img src="c.png"><a href="a.html#here">a</a><a href="#x">x</a>')
    assert links.broken(tmp_path) == [
        "a.html: b.html#gone has no such place",
        "b.html: #x has no such place",
        "b.html: c.png is not there",
    ]


def test_docstrings_of_the_house_become_text_that_means_what_it_says():
    written = docstrings.to_rst(
        ["One `Lens` of *two* and a_b_.", "", "k:    how many", "      there are.", "a, b: `x`s.", "", "    code = 1"],
        frozenset({"Lens"}),
    )
    assert written == [
        "One :py:obj:`Lens <semlens_widgets.Lens>` of \\*two\\* and a\\_b\\_.", "",
        "``k``", "    how many there are.", "",
        "``a``, ``b``", "    ``x``\\ s.", "",
        "::", "", "    code = 1", "",
    ]  # fmt: skip


def test_sections_of_numpy_stay_sections_for_napoleon_and_mean_what_they_say():
    written = docstrings.to_rst(
        ["A sentence.", "", "Parameters", "----------", "given, *more", "    What `x` is,", "    a*b.", "",
         "Returns", "-------", "list of dict", "    All.", "", "Notes", "-----", "k: how many.", "",
         "Examples", "--------", ">>> a_b", "1"],
    )  # fmt: skip
    assert written == [
        "A sentence.", "",
        "Parameters", "----------", "given, *more", "    What ``x`` is, a\\*b.", "", "",
        "Returns", "-------", "list of dict", "    All.", "", "",
        "Notes", "-----", "``k``", "    how many.", "",
        "Examples", "--------", ">>> a_b", "1", "",
    ]  # fmt: skip


def test_every_source_that_the_code_names_is_in_the_bibliography():
    entries = re.split(r"^- ", text(PAGES["bibliography"]), flags=re.M)
    cited = set()
    for path in [*(ROOT / "semlens_widgets").rglob("*.py"), PAGES["method"], PAGES["relevance"]]:
        said = " ".join(text(path).split())
        cited |= set(re.findall(r"\b([A-Z][a-zé]\w+)(?: et al\.|(?: &| and) [A-Z]\w+)?,? ((?:19|20)\d\d)\b", said))
    missing = {(who, year) for who, year in cited if not any(who in entry and year in entry for entry in entries)}
    assert len(cited) > 20
    assert missing == set()
