"""The seal of a report: every change is seen and named, and a signature says who made it."""

import json
import random
import sys

import pytest
from test_report import audited

import semlens_widgets as sl
from semlens_widgets.seal import NAME, changes, sealed


@pytest.fixture(scope="module")
def lens():
    lens = audited(note="A note.")
    lens.dossier = sl.Dossier(
        "Colours", purpose="To tell warm from cold.", risks=[sl.Risk("blue", "wrong at night", "Ada", "retrain")],
        signatories=[sl.Signatory("Ada", "radiologist")], not_applicable={"Annex IV 8": "no product"},
    )  # fmt: skip
    return lens


@pytest.fixture(scope="module")
def report(lens):
    table = sl.Table(["class", "AUROC"], [["warm", 0.9], ["cold", None]])
    section = sl.Section("performance", "Performance", ["Measured."], [table], {"n": 60})
    return lens.document(sections=[section])


@pytest.fixture
def path(report, tmp_path):
    return report.save(tmp_path / "audit.json")


def keys(tmp_path, name="key"):
    """A private key and its public one, as PEM files."""
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519", reason="signing is an extra")
    from cryptography.hazmat.primitives import serialization as s

    private = ed25519.Ed25519PrivateKey.generate()
    own, public = tmp_path / f"{name}.pem", tmp_path / f"{name}.pub.pem"
    own.write_bytes(private.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    public.write_bytes(private.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo))
    return own, public


def leaves(value, path=()):
    """Every place of a document that holds no list and no object."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield path
    else:
        for name, inside in inner:
            yield from leaves(inside, (*path, name))


def other(value):
    """Another value of the same kind, as near as there is one."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value[:-1]}{'x' if value[-1:] != 'x' else 'y'}"
    return 0 if value is None else value + 1


def test_a_report_is_whole_as_it_was_written(path):
    found = sl.verify_report(path)
    assert found
    assert found.changes == ()
    assert found.head in found.sentence
    assert found.signature == ""
    assert "not signed" in found.sentence
    assert sl.Report.from_file(path).changes == []


def test_every_field_that_is_changed_is_seen_and_named(report):
    document = json.loads(report.to_json())
    places = [place for place in leaves(document) if place[0] != NAME]
    assert len(places) > 300
    for place in places:
        changed = json.loads(report.to_json()) if place is places[0] else document
        inner = changed
        for step in place[:-1]:
            inner = inner[step]
        old = inner[place[-1]]
        inner[place[-1]] = other(old)
        (found,) = changes(changed)
        assert found.startswith(place[0]), place
        if place[0] in ("concepts", "history", "sections", "pages"):
            assert found.startswith(f"{place[0]}[{place[1]}]"), place
        if place[0] == "dossier":
            assert found.startswith(f"dossier.{place[1]}"), place
        inner[place[-1]] = old
    assert changes(document) == []


def test_what_was_added_or_taken_away_is_named(report):
    document = json.loads(report.to_json())
    assert changes({**document, "verified": True}) == ["verified was added"]
    assert "summary was taken away" in changes({k: v for k, v in document.items() if k != "summary"})
    fewer = {**document, "history": document["history"][:-1]}
    last = len(fewer["history"])
    assert changes(fewer) == ["history was changed", f"history[{last}] was taken away"]
    assert changes({k: v for k, v in document.items() if k != NAME}) == ["it has no seal"]


def test_a_change_of_the_seal_itself_is_seen(report):
    document = json.loads(report.to_json())
    for place in [("head",), ("scheme",), *(("links", 3, part) for part in ("part", "of", "sha256"))]:
        changed = json.loads(json.dumps(document))
        inner = changed[NAME]
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = other(inner[place[-1]])
        assert changes(changed), place
    document[NAME]["links"] = document[NAME]["links"][::-1]
    assert changes(document) == ["the seal itself was changed"]


def test_every_changed_byte_of_the_file_is_seen(path, tmp_path):
    """Each byte of a part of the file, and some thousand of the rest, drawn: changed, doubled, taken away."""
    raw = path.read_bytes()
    drawn = random.Random(0)
    at = [*range(400), *drawn.sample(range(len(raw)), 400), *range(len(raw) - 200, len(raw))]
    target = tmp_path / "changed.json"
    for number, place in enumerate(at):
        byte = raw[place : place + 1]
        new = (bytes([byte[0] ^ (1 << drawn.randrange(8))]), b"", byte * 2, b" " + byte)[number % 4]
        target.write_bytes(raw[:place] + new + raw[place + 1 :])
        assert not sl.verify_report(target), (place, byte, new)


def test_another_spelling_of_the_same_content_is_told_as_that(path):
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps(document), encoding="utf-8")
    found = sl.verify_report(path)
    assert not found
    assert "written otherwise" in found.sentence
    twice = json.dumps(document)[:-1] + ', "title": ' + json.dumps(document["title"]) + "}"
    path.write_text(twice, encoding="utf-8")
    assert not sl.verify_report(path)


def test_what_is_no_report_is_told_and_never_whole(tmp_path, report):
    for text in ("", "[]", "5", "{", '{"a": NaN}', '{"seal": 5}', '{"seal": {"links": [5], "scheme": "x"}}',
                 report.to_json().replace('"k": 5', '"k": 1e999'), "[" * 100_000):  # fmt: skip
        path = tmp_path / "x.json"
        path.write_text(text, encoding="utf-8")
        found = sl.verify_report(path)
        assert not found, text[:40]
        assert found.changes
    with pytest.raises(FileNotFoundError):
        sl.verify_report(tmp_path / "gone.json")


def test_it_is_rebuilt_from_its_json_byte_for_byte(report, path, tmp_path):
    again = sl.Report.from_file(path)
    files = []
    for ending in ("html", "md", "csv"):
        files.append(report.save(tmp_path / f"audit.{ending}"))
        assert again.save(tmp_path / f"again.{ending}").read_bytes() == files[-1].read_bytes()
    assert again.save(tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert sl.verify_report(path, also=files)
    files[0].write_bytes(files[0].read_bytes().replace(b"Colours", b"Colors "))
    assert sl.verify_report(path, also=files).changes == ("audit.html is not what the JSON gives",)


def test_a_page_says_that_its_report_was_changed_after_it_was_sealed(report):
    assert "Sealed" in report.to_html()
    assert report.document[NAME]["head"] in report.to_html()
    changed = sl.Report({**report.document, "title": "Another"})
    assert changed.changes == ["title was changed"]
    assert "Changed after it was sealed:" in changed.to_html()
    assert "title was changed" in changed.to_markdown()


def test_sealing_again_is_possible_and_shows_in_the_head(report):
    changed = sealed({**report.document, "title": "Another"})
    assert changes(changed) == []
    assert changed[NAME]["head"] != report.document[NAME]["head"]


def test_a_report_is_signed_by_a_key_of_ones_own_and_by_no_other(lens, tmp_path):
    own, public = keys(tmp_path)
    _, foreign = keys(tmp_path, "other")
    path = lens.write_report(tmp_path / "audit.json", key=own)
    found = sl.verify_report(path, public)
    assert found
    assert found.signature == "valid"
    assert found.signed_by in found.sentence
    assert sl.verify_report(path, public.read_bytes()).signature == "valid"
    assert sl.verify_report(path).signature == "valid, key not given"
    by_another = sl.verify_report(path, foreign)
    assert not by_another
    assert by_another.signature == "valid, by another key"
    assert "not the one given" in by_another.sentence
    assert found.signed_by in sl.Report.from_file(path).to_html()


def test_a_report_that_was_sealed_anew_has_no_valid_signature(lens, tmp_path):
    own, public = keys(tmp_path)
    document = json.loads(lens.write_report(tmp_path / "audit.json", key=own).read_text("utf-8"))
    forged = sealed({**document, "title": "Another"})
    sl.Report(forged).save(tmp_path / "unsigned.json")
    assert sl.verify_report(tmp_path / "unsigned.json", public).signature == "missing"
    assert not sl.verify_report(tmp_path / "unsigned.json", public)
    forged[NAME]["signature"] = document[NAME]["signature"]
    sl.Report(forged).save(tmp_path / "forged.json")
    assert sl.verify_report(tmp_path / "forged.json", public).signature == "invalid"
    assert not sl.verify_report(tmp_path / "forged.json")


def test_every_changed_byte_of_a_signature_is_seen(lens, tmp_path):
    own, _ = keys(tmp_path)
    path = lens.write_report(tmp_path / "audit.json", key=own)
    raw = path.read_bytes()
    start = raw.index(b'"signature": {')
    for place in range(start, len(raw)):
        byte = raw[place]
        for new in {byte ^ 1, byte ^ 0x20}:  # another digit or letter; the other case of a letter
            path.write_bytes(raw[:place] + bytes([new]) + raw[place + 1 :])
            assert not sl.verify_report(path), (raw[place - 20 : place + 20], new)


def test_mistakes_with_keys_say_what_to_do(report, tmp_path, monkeypatch):
    own, public = keys(tmp_path)
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    def pem(key, how):
        return key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, how)

    with pytest.raises(ValueError, match=r"another kind.*openssl genpkey -algorithm ed25519"):
        report.signed(pem(ec.generate_private_key(ec.SECP256R1()), s.NoEncryption()))
    with pytest.raises(ValueError, match=r"no private key in PEM.*openssl"):
        report.signed(public)
    with pytest.raises(ValueError, match=r"no public key in PEM.*openssl"):
        sl.verify_report(report.save(tmp_path / "x.json"), own)
    locked = pem(ed25519.Ed25519PrivateKey.generate(), s.BestAvailableEncryption(b"open"))
    with pytest.raises(ValueError, match="needs its password"):
        report.signed(locked)
    with pytest.raises(ValueError, match="its password is another"):
        report.signed(locked, "shut")
    assert report.signed(locked, "open").document[NAME]["signature"]
    with pytest.raises(ValueError, match="not as it was sealed"):
        sl.Report({**report.document, "title": "Another"}).signed(own)


def test_without_cryptography_signing_says_what_to_install_and_seals_are_checked(report, tmp_path, monkeypatch):
    own, public = keys(tmp_path)
    signed = report.signed(own).save(tmp_path / "signed.json")
    plain = report.save(tmp_path / "plain.json")
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'semlens-widgets\[sign\]'"):
        report.signed(own)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'semlens-widgets\[sign\]'"):
        sl.verify_report(signed, public)
    assert sl.verify_report(plain)
    unchecked = sl.verify_report(signed)
    assert not unchecked
    assert unchecked.signature == "not checked"
