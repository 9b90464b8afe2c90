"""The page of its own: whole, bounded, nothing from elsewhere, nothing that could break out of it."""

import re
from base64 import b64decode

import pytest
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import store


def toy(name="toy"):
    data = sl.images(pictures(60, size=24), transform=to_pixels)
    made = sl.Lens(ColourNet(), data, ["colour", "head"], ColourClip(), k=12, crop=None, templates=("{}",), name=name,
                   vocabulary=["red", "green", "blue"])  # fmt: skip
    return made.fit(cached=False, progress=False)


def held(page, tmp_path):
    data = re.search(r'id="semlens-file">([^<]*)</script>', page)[1]
    path = tmp_path / "held.semlens"
    path.write_bytes(b64decode(data))
    return store.Stored(path)


def test_the_page_holds_what_its_views_ask_for_and_the_first_pictures(tmp_path):
    lens = toy()
    lens.query = "red, -green"
    page = lens.to_html(tmp_path / "a.html", examples=2).read_text()
    kept = held(page, tmp_path)
    assert kept.document["pictured"] == 2
    assert kept.document["extra"]["parts"]["words"]["names"][:3] == ["red", "green", "blue"]
    assert {"vectors", "crop_of", "thumbnails", "words/vectors", "bins"} <= set(kept)
    assert not {"crop_vectors", "null_vectors"} & set(kept)
    offsets, crops = kept["thumbnail_offsets"], kept["crop_of"]
    sizes = offsets[1:] - offsets[:-1]
    assert (sizes[crops[:, :2]] > 0).all()
    assert (sizes == 0).any()


def test_the_page_asks_for_nothing_from_elsewhere(tmp_path):
    page = toy().to_html(tmp_path / "a.html").read_text()
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="http', page)


def test_names_cannot_break_out_of_the_page(tmp_path):
    page = toy("</script><script>alert(1)</script>").to_html(tmp_path / "a.html").read_text()
    assert "<script>alert" not in page
    assert page.count("<script") == 2


def test_a_page_larger_than_allowed_is_refused_with_advice(tmp_path):
    with pytest.raises(ValueError, match=r"the page would have .* MB, more than limit_mb=0.1; keep fewer pictures"):
        toy().to_html(tmp_path / "a.html", limit_mb=0.1)
    assert not (tmp_path / "a.html").exists()
    with pytest.raises(ValueError, match="at least one picture"):
        toy().to_html(tmp_path / "a.html", examples=0)
    for limit in (0, float("nan")):
        with pytest.raises(ValueError, match="give the largest size the page may have"):
            toy().to_html(tmp_path / "a.html", limit_mb=limit)
    with pytest.raises(ValueError, match=r"end it in \.html"):
        toy().to_html(tmp_path / "a.pdf")


def test_labels_scores_and_the_audit_are_in_the_window_and_not_pictures(tmp_path):
    lens = toy()
    lens.describe(["red", "green", "blue"])
    lens.evaluate()
    lens.checklist = sl.Checklist((sl.Group("colours", (sl.Concept("red"), sl.Concept("green", kind="spurious"))),))
    lens.audit(target="0")
    page = lens.to_html(tmp_path / "a.html").read_text()
    kept = held(page, tmp_path).document["extra"]["parts"]["answers"]
    assert kept["tabs"] == ["search", "map", "describe", "evaluate", "audit"]
    assert {"labels", "scores", "audit"} <= {reply["verb"] for reply in kept["replies"]}
    assert "<h2>" not in page.split("<script")[0]


def test_a_comparison_stands_below_with_its_caption(tmp_path):
    lens = toy()
    lens.compare(toy("other"))
    page = lens.to_html(tmp_path / "a.html").read_text()
    assert page.split("<script")[0].count("<h2>") == 1
    assert "<h2>Comparison</h2>" in page
    assert "Crops: strongest examples" in page


def test_the_same_lens_gives_the_same_page(tmp_path):
    lens = toy()
    assert lens.to_html(tmp_path / "a.html").read_bytes() == lens.to_html(tmp_path / "b.html").read_bytes()


def test_making_a_page_changes_nothing_about_the_lens_and_writes_nothing_else(tmp_path, monkeypatch):
    """It was once saved in a temporary folder: the lens kept its audit there for ever, and read what lay there."""
    import tempfile

    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    lens = toy()
    lens.checklist = sl.Checklist((sl.Group("colours", (sl.Concept("red"), sl.Concept("green", kind="spurious"))),))
    saved = lens.save(tmp_path / "toy.semlens")
    audits = list(lens.audit_session.files)
    notice = lens.audit_notice
    lens.to_html(tmp_path / "page" / "a.html")
    lens.verdicts["@red"] = "valid"
    assert lens.audit_session.files == audits
    assert lens.audit_notice == notice
    assert list(elsewhere.iterdir()) == []
    assert {p.name for p in tmp_path.rglob("*") if p.is_file()} == {
        saved.name, "toy.audit.json", ".toy.audit.json.lock", "a.html",
    }  # fmt: skip
    assert set(lens.verdicts) == {"@red"}
