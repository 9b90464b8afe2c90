"""The site of a lens: data in parts that answer as Python does, a page for each component, no folder but its own."""

import errno
import json
import os
import re
from pathlib import Path

import html5lib
import numpy as np
import pytest
from hostile import TEXTS
from test_hostile import evil_lens
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import store
from semlens_widgets.site.places import Places, fragment
from semlens_widgets.widgets import component_card


def toy(name="toy"):
    layers = ["colour", sl.Layer("head", signed=True)]
    data = sl.images(pictures(60, size=24), transform=to_pixels)
    made = sl.Lens(ColourNet(), data, layers, ColourClip(), k=12, crop=None, templates=("{}",), name=name,
                   vocabulary=["red", "green", "blue"])  # fmt: skip
    return made.fit(cached=False, progress=False)


def index(folder):
    text = (folder / "index.html").read_text("utf-8")
    return json.loads(re.search(r'id="semlens-site">([^<]*)</script>', text)[1])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    lens = toy()
    lens.describe(["red", "green", "blue"])
    lens.evaluate()
    folder = tmp_path_factory.mktemp("sites") / "site"
    assert lens.to_site(folder, examples=3, progress=False) == folder / "index.html"
    return lens, folder


def kept(folder, tmp_path):
    parts = sorted((folder / "data").glob("*.bin"))
    told = index(folder)
    assert [path.stat().st_size for path in parts[:-1]] == [told["part"]] * (told["parts"] - 1)
    path = tmp_path / "whole.semlens"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert path.stat().st_size == told["size"]
    return store.Stored(path)


def test_the_data_hold_the_scores_and_siblings_that_python_finds(site, tmp_path):
    lens, folder = site
    stored = kept(folder, tmp_path)
    names = stored.document["extra"]["parts"]["words"]["names"]
    for number, word in enumerate(names):
        found = lens.answer(word, by="examples")
        scores, z = (stored[f"words/{name}"][number] for name in ("scores", "z"))
        assert np.array_equal(scores[found.rows], found.scores)
        assert np.array_equal(z[found.rows], found.z)
        assert np.isnan(np.delete(scores, found.rows)).all()
    for row in range(len(lens.components)):
        near = [other for other in stored["siblings/rows"][row].tolist() if other < len(lens.components)]
        assert near == [sibling["row"] for sibling in component_card.card(lens, row)["siblings"]]
    assert np.array_equal(stored["example_counts"], lens.space.examples.counts)


def test_every_component_has_a_page_and_its_examples_as_a_picture(site):
    lens, folder = site
    places = Places(lens.components)
    for row, component in enumerate(lens.components):
        page = (folder / places.page(component)).read_text("utf-8")
        html5lib.HTMLParser(strict=True).parse(page)
        assert f"index.html#{fragment(component)}" in page
        assert (folder / places.crops(component)).exists() == bool(lens.space.alive[row])
        assert ("never active" in page) == (not lens.space.alive[row])
    listed = (folder / places.listing(1)).read_text("utf-8")
    assert re.findall(r'href="\.\./\.\./(components/head/[^"]+)"', listed) == [
        places.page(component) for component in lens.components if component.layer == "head"
    ]


def test_every_link_of_its_pages_leads_to_a_file(site):
    _, folder = site
    pages = list(folder.rglob("*.html"))
    assert len(pages) > 8
    for page in pages:
        for target in re.findall(r'(?:href|src)="([^"#]+?)(?:#[^"]*)?"', page.read_text("utf-8")):
            if not target.startswith("data:"):
                assert (page.parent / target).resolve().is_file(), (page, target)


def test_figures_and_the_report_are_in_it(tmp_path):
    lens = toy()
    lens.checklist = sl.Checklist((sl.Group("colours", (sl.Concept("red"), sl.Concept("green", kind="spurious"))),))
    lens.audit(target="0", progress=False)
    folder = lens.to_site(tmp_path / "site", progress=False).parent
    assert (folder / "report.html").read_text("utf-8").lower().startswith("<!doctype html>")
    assert {"audit.svg", "audit.pdf", "map.svg"} <= {path.name for path in (folder / "figures").iterdir()}
    assert 'href="report.html"' in (folder / "index.html").read_text("utf-8")


def test_the_same_lens_gives_the_same_site(site, tmp_path):
    lens, folder = site
    again = lens.to_site(tmp_path / "again", examples=3, progress=False).parent
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    assert sorted(files) == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    for path in files:
        assert (folder / path).read_bytes() == (again / path).read_bytes(), path


def test_only_a_new_an_empty_or_a_folder_of_its_own_is_written_to(tmp_path):
    lens = toy()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("all my work")
    with pytest.raises(FileExistsError, match=r"holds 'thesis.tex' and no site of a lens"):
        lens.to_site(mine, progress=False)
    assert [path.name for path in mine.iterdir()] == ["thesis.tex"]
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="is a file; give the name of a folder"):
        lens.to_site(tmp_path / "file", progress=False)
    empty = tmp_path / "empty"
    (empty / ".git").mkdir(parents=True)
    (empty / ".git" / "HEAD").write_text("ref")
    lens.to_site(empty, progress=False)
    (empty / "CNAME").write_text("me.example")
    gone = empty / "components" / "colour" / "999.html"
    gone.write_text("of a lens that had more components")
    lens.to_site(empty, examples=1, progress=False)
    assert index(empty)["examples"] == 1
    assert not gone.exists()
    assert (empty / ".git" / "HEAD").read_text() == "ref"
    assert (empty / "CNAME").read_text() == "me.example"
    assert not list(tmp_path.glob(".semlens*"))


@pytest.mark.parametrize("where", ["while it is written", "while it takes its place"])
def test_a_full_disk_is_told_and_leaves_the_site_before_as_it_was(site, tmp_path, monkeypatch, where):
    lens, _ = site
    lens.to_site(tmp_path / "site", examples=1, progress=False)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    def some_then_full(start, end, *, replace=os.replace):
        new = Path(start).parent.suffix == ".tmp" and Path(end) == tmp_path / "site" / "assets"
        return full() if new else replace(start, end)

    if where == "while it is written":
        monkeypatch.setattr(sl.figures.Figure, "save", full)
        lens.search("red")
    else:
        monkeypatch.setattr(os, "replace", some_then_full)
    with pytest.raises(OSError, match=r"No space left on device: .* of the site were written, and .* are free"):
        lens.to_site(tmp_path / "site", examples=2, progress=False)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_site_larger_than_allowed_and_senseless_settings_are_refused(tmp_path):
    lens = toy()
    with pytest.raises(ValueError, match=r"the site would have .* MB, more than limit_mb=0.01; keep fewer or smaller"):
        lens.to_site(tmp_path / "site", limit_mb=0.01, progress=False)
    for options, message in (
        ({"examples": 0}, "at least one picture"),
        ({"side": 8}, "16 to 512 pixels"),
        ({"limit_mb": float("nan")}, "the largest size the site may have"),
    ):
        with pytest.raises(ValueError, match=message):
            lens.to_site(tmp_path / "site", **options, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_hostile_names_stay_texts_inside_the_folder(tmp_path):
    lens = evil_lens()
    names = map(str, lens.components)
    lens.own_labels = {name: text for name, text in zip(names, TEXTS, strict=False) if text}
    folder = lens.to_site(tmp_path / "out" / "site", progress=False).parent
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"site"}
    for page in folder.rglob("*.html"):
        tree = html5lib.parse(page.read_text("utf-8"), namespaceHTMLElements=False)
        scripts = [script.attrib.get("type") for script in tree.iter("script")]
        assert scripts == (["application/json", "module"] if page == folder / "index.html" else []), page
        assert not list(tree.iter("evil")), page
        for node in tree.iter():
            assert not any(name.startswith("on") for name in node.attrib), page


def test_a_link_names_the_component_behind_the_page():
    lens = toy()
    assert lens.link("colour:1") == "#colour:1"
    assert lens.link(0, "lens.html") == "lens.html#colour:0"
    assert lens.link(sl.Component("head", 1, "-"), "https://me.example/site/") == "https://me.example/site/#head:1-"
    with pytest.raises(KeyError, match="no component 'colour:9'"):
        lens.link("colour:9")
    assert fragment(sl.Component('a b"<%', 3)) == "a%20b%22%3C%25:3"
