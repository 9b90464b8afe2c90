"""The kernel's side of the audit window, without a browser: what it shows, and what edits and verdicts become."""

import json
import re
import threading

import numpy as np
import pytest
from test_auditing import LIST, lens

import semlens_widgets as sl
from semlens_widgets.audit import REGIONS
from semlens_widgets.checklist import Checklist, Concept, Group
from semlens_widgets.widgets import AuditChecklist, Window, checklist
from semlens_widgets.widgets.channel import Aborted, Job
from semlens_widgets.widgets.wire import encode

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    '"]; import os #',
    "\u202eabc \u2066",
    "\U0001f389" * 9,
    "x" * 10_000,
    "a\\'b",
]


@pytest.fixture(scope="module")
def known():
    """A lens whose relevance is known: tests set its checklist anew."""
    made = lens(cached=False)
    made.relate(progress=False, cached=False)
    made.audit_target = "warm"
    return made


@pytest.fixture
def audited(known):
    known.verdicts, known.audit_level, known.audit_target = sl.Verdicts(), 0.01, "warm"
    known.checklist = LIST
    return known


def shown(made):
    """The answer with its arrays by name."""
    result = checklist.audited(made)
    return result, {name: value for name, value in result.items() if isinstance(value, np.ndarray)}


def edited(made, change):
    """Let the browser change its list of concepts; the line of Python the window shows."""
    concepts = checklist.audited(made)["concepts"]
    change(concepts)
    return checklist.edit(made, concepts)["python"]


def run(line, made):
    exec(line, {"lens": made, "sl": sl})


def test_the_window_shows_what_the_audit_found(audited):
    result, points = shown(audited)
    report = audited.report
    assert [c["name"] for c in result["concepts"]] == ["red", "evolving", "blue"]
    assert result["targets"] == ["warm", "cold"]
    told = result["report"]
    assert (told["target"], told["level"], told["weighted"]) == ("warm", 0.01, True)
    assert told["findings"]["red"]["best"] == 0
    assert told["findings"]["evolving"]["state"] == "unseen"
    assert told["findings"]["red"]["relevance"] > 0  # the head of "warm" is red
    assert told["findings"]["blue"]["relevance"] == 0
    assert points["rows"].tolist() == np.flatnonzero(audited.space.alive).tolist()
    assert [REGIONS[r] for r in points["region"]] == [report.region_of(int(row)) for row in points["rows"]]
    assert told["names"][points["valid_concept"][0]] == "red"
    assert told["names"][points["spurious_concept"][2]] == "blue"
    assert np.allclose(points["valid"], report.best_valid[points["rows"]])


def found_rows(result, points):
    """The components that each concept leads, by its name, out of the columns."""
    names = result["report"]["names"]
    ends = np.cumsum([result["report"]["findings"][name]["found"] for name in names])
    return dict(zip(names, np.split(points["found_rows"], ends[:-1]), strict=True))


def test_components_that_are_named_come_in_columns_however_many_they_are(audited):
    result, points = shown(audited)
    report = audited.report
    assert points["queue"].tolist() == report.rows("unexpected").tolist()
    assert [rows.tolist() for rows in found_rows(result, points).values()] == [
        list(finding.rows) for finding in report.findings
    ]
    assert np.allclose(points["found_z"], [report.z[row, at] for at, f in enumerate(report.findings) for row in f.rows])

    def longest(value):
        values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return max([len(value) if isinstance(value, list) else 0, *map(longest, values)])

    assert longest(result["report"]) <= len(report.findings), "no list grows with the components"


def test_shares_of_components_concepts_and_regions_agree(audited):
    result, points = shown(audited)
    by_row = dict(zip(points["rows"].tolist(), points["relevance"].tolist(), strict=True))
    assert sum(abs(v) for v in by_row.values()) == pytest.approx(100, abs=1e-3)
    for name, rows in found_rows(result, points).items():
        if len(rows):
            relevance = result["report"]["findings"][name]["relevance"]
            assert abs(relevance) == pytest.approx(sum(abs(by_row[r]) for r in rows.tolist()), abs=1e-3)
    for name, part in result["report"]["regions"].items():
        members = [r for r in by_row if audited.report.region_of(r) == name]
        assert part["count"] == len(members)
        assert part["share"] == pytest.approx(sum(abs(by_row[r]) for r in members), abs=1e-3)
        assert part["low"] <= part["share"] + 1e-6 <= part["high"] + 2e-6


def test_everything_the_window_is_told_is_json(audited):
    audited.verdicts["@evolving"] = {"decision": "unsure", "note": HOSTILE[0]}
    text = json.dumps(encode(checklist.audited(audited))[0], allow_nan=False)
    assert "@evolving" in text


def test_without_relevance_it_says_so_and_can_compute_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path))  # that of other tests may hold it
    made = lens(cached=False)
    window = AuditChecklist(made)
    verbs = window._channel.verbs

    checklist.edit(made, [{"name": "red", "prompts": ["red"], "kind": "valid", "group": "", "classes": [], "note": ""}])
    told = checklist.audited(made)
    assert told["computable"]
    assert not told["report"]["weighted"]
    assert told["report"]["findings"]["red"]["relevance"] is None

    progress = []
    aborted = Job("1", lambda content, buffers: progress.append(content))
    aborted.abort()
    with pytest.raises(Aborted):
        verbs["audit_relevance"]({}, [], aborted)
    assert made.relevance is None
    verbs["audit_relevance"]({}, [], Job("2", lambda content, buffers: progress.append(content)))
    assert (progress[-1]["done"], progress[-1]["total"], progress[-1]["what"]) == (60, 60, "images")
    assert checklist.audited(made)["report"]["weighted"]
    window.close()


def test_starting_takes_the_abcde_rule_and_the_last_of_two_classes():
    made = lens(cached=False)
    assert checklist.audited(made) == checklist.audited(made) | {"concepts": [], "report": None}
    line = checklist.start(made)["python"]
    assert made.checklist == Checklist.abcde()
    assert made.audit_target == "cold"
    other = lens(cached=False)
    run(line, other)
    assert other.checklist == made.checklist


def test_starting_from_the_example_names_the_class_and_is_about_no_field():
    made = lens(cached=False)
    line = checklist.start(made, kind="example")["python"]
    assert [(c.name, c.kind) for c in made.checklist][:2] == [("cold", "valid"), ("text", "spurious")]
    other = lens(cached=False)
    run(line, other)
    assert other.checklist == made.checklist
    with pytest.raises(ValueError, match="there are abcde, example, objects"):
        checklist.start(made, kind="fghij")


@pytest.mark.parametrize("form", ["json", "csv", "md"])
def test_a_file_of_the_person_is_opened_and_says_what_was_understood(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = lens(cached=False)
    wanted = Checklist(valid=["red"], spurious=["blue", "green"])
    wanted.to_file(f"mine.{form}")
    data = (tmp_path / f"mine.{form}").read_bytes()
    line = checklist.opened(made, [data], f"mine.{form}")["python"]
    assert made.checklist == wanted
    assert made.audit_notice == f"mine.{form} is open: 1 valid, 2 spurious, 0 neutral."
    assert checklist.audited(made)["report"] is not None
    other = lens(cached=False)
    run(line, other)
    assert other.checklist == wanted
    made.undo()
    assert made.checklist == Checklist()
    kept = checklist.checklist_file(other)
    assert Checklist.from_text(kept["file"].data.decode(), "json") == wanted


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("mine.docx", b"PK", "a checklist is a .json, .csv or .md file, not 'mine.docx'"),
        ("mine.json", b"{", "mine.json: this is no JSON"),
        ("mine.csv", b"\xff\xfe\x00", "mine.csv"),
    ],
)
def test_a_file_that_is_no_checklist_changes_nothing(name, data, why):
    made = lens(cached=False)
    with pytest.raises(ValueError, match=re.escape(why)):
        checklist.opened(made, [data], name)
    assert made.checklist == Checklist()
    assert made.audit_notice == ""


EDITS = {
    "a prompt": lambda cs: cs[0]["prompts"].append("yellow"),
    "a name": lambda cs: cs[2].update(name="navy"),
    "a note": lambda cs: cs[2].update(note='says "no"\nand more'),
    "a kind": lambda cs: cs[2].update(kind="neutral"),
    "classes": lambda cs: cs[2].update(classes=["cold"]),
    "another group": lambda cs: cs[2].update(group="Artefacts"),
    "a new concept": lambda cs: cs.append(dict(cs[2], name="green", prompts=["green"])),
    "the first of a group": lambda cs: cs.insert(0, dict(cs[0], name="green", prompts=["green"])),
    "one less": lambda cs: cs.pop(),
    "another order": lambda cs: cs.insert(0, cs.pop(1)),
    "another kind and place": lambda cs: cs.insert(0, dict(cs.pop(2), kind="valid", group="Should be used")),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_in_the_window_and_its_line_of_python_do_the_same(audited, what):
    def change(concepts):
        EDITS[what](concepts)

    line = edited(audited, change)
    after = audited.checklist
    assert after != LIST
    assert after.title == LIST.title
    audited.checklist = LIST
    run(line, audited)
    assert audited.checklist == after


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_kept_as_they_are_and_lines_of_python_quote_them(audited, text):
    line = edited(audited, lambda cs: cs[2].update(name=text, prompts=[text], note=text))
    kept = audited.checklist[" ".join(text.split())]
    assert kept.note == text
    assert len(line) <= checklist.LONGEST_LINE + 60
    if "to_file" not in line:
        audited.checklist = LIST
        run(line, audited)
        assert audited.checklist[kept.name] == kept


def test_an_edit_that_makes_no_checklist_is_refused_and_changes_nothing(audited):
    with pytest.raises(ValueError, match="stands twice"):
        edited(audited, lambda cs: cs[2].update(name="red"))
    with pytest.raises(ValueError, match="needs a name"):
        edited(audited, lambda cs: cs[2].update(name="  "))
    with pytest.raises(ValueError, match="list of concepts"):
        checklist.edit(audited, None)
    assert audited.checklist == LIST


def test_only_what_changed_is_embedded_again(audited):
    audited.clip.texts_asked.clear()
    edited(audited, lambda cs: cs[0].update(prompts=["red", "white"]))
    assert audited.clip.texts_asked == ["white"]


def test_other_lines_audit_again_and_are_told(audited):
    before = checklist.audited(audited)["report"]["thresholds"]
    assert before == {"margin": 1.0, "used": 0.02, "min_effect": 0.05}
    python = checklist.set_thresholds(audited, {"used": 0.9})["python"]
    assert python == "lens.audit(used=0.9)"
    assert checklist.audited(audited)["report"]["thresholds"] == before | {"used": 0.9}
    assert audited.report.thresholds.used == 0.9
    for wrong in ({}, {"level": 0.1}, [1], {"used": -1}):
        with pytest.raises(ValueError, match=r"thresholds|used"):
            checklist.set_thresholds(audited, wrong)
    run('lens.audit(used=0.02, layer="colour")', audited)
    assert checklist.set_thresholds(audited, {"margin": 2})["python"] == "lens.audit(margin=2.0, layer='colour')"
    run("lens.audit(margin=1.0)", audited)


def test_where_people_disagree_the_window_is_told_what_all_said(audited):
    audited.verdicts["colour:2"] = "spurious"
    ben = sl.Verdicts().judging("colour:2", "valid", who="Ben", when="2020-01-01T08:00:00Z")
    audited.verdicts = audited.verdicts.merge(ben)
    told = {v["about"]: v for v in checklist.audited(audited)["verdicts"]}
    assert [(said["who"], said["decision"]) for said in told[2]["conflict"]] == [("Ada", "spurious"), ("Ben", "valid")]
    audited.verdicts["colour:0"] = "valid"
    told = {v["about"]: v for v in checklist.audited(audited)["verdicts"]}
    assert told[0]["conflict"] == []


def test_verdicts_on_components_and_concepts_and_back(audited):
    line = checklist.decide(audited, [2], "spurious")["python"]
    assert line == 'lens.verdicts["colour:2"] = "spurious"'
    checklist.decide(audited, ["@evolving"], "unsure")
    told = {v["about"]: v for v in checklist.audited(audited)["verdicts"]}
    assert told[2]["decision"] == "spurious"
    assert told[2]["who"] == "Ada"
    assert told["@evolving"]["decision"] == "unsure"
    line = checklist.decide(audited, [2], None)["python"]
    assert line == 'del lens.verdicts["colour:2"]'
    assert "colour:2" not in audited.verdicts
    many = checklist.decide(audited, [0, 1, 2], "valid")["python"]
    assert [v.decision for s, v in audited.verdicts.items() if s.startswith("colour")] == ["valid"] * 3
    checklist.undo(audited)
    assert not [s for s in audited.verdicts if s.startswith("colour")]
    run(many, audited)
    assert len(audited.verdicts) == 4


def test_taking_a_decision_back_keeps_the_note(audited):
    audited.judge("colour:2", "spurious", note="a sticker")
    checklist.decide(audited, [2], None)
    assert audited.verdicts["colour:2"].decision is None
    assert audited.verdicts["colour:2"].note == "a sticker"


def test_another_person_s_verdict_is_not_taken_back(audited):
    audited.verdicts = audited.verdicts.judging("colour:2", "valid", who="Bob")
    with pytest.raises(ValueError, match="not yours"):
        checklist.decide(audited, [2], None)
    checklist.decide(audited, [2], "spurious")
    assert audited.verdicts["colour:2"].decision == "spurious"


def test_verdicts_on_what_this_lens_does_not_have_are_left_out(audited):
    audited.verdicts = audited.verdicts.judging("layer9:1", "valid", who="Bob")
    assert checklist.audited(audited)["verdicts"] == []


def test_undo_and_redo_go_through_edits_and_verdicts(audited):
    edited(audited, lambda cs: cs.pop())
    checklist.decide(audited, [0], "valid")
    checklist.undo(audited)
    checklist.undo(audited)
    assert audited.checklist == LIST
    checklist.redo(audited)
    checklist.redo(audited)
    assert len(audited.checklist) == 2
    assert audited.verdicts["colour:0"].decision == "valid"
    assert not checklist.audited(audited)["redo"]


@pytest.mark.parametrize("view", [AuditChecklist, Window])
def test_the_window_follows_cells_and_cells_the_window(audited, view):
    window = view(audited)
    version = window.audit_version
    audited.checklist = LIST.adding(Concept("green"), "Should be used")
    assert window.audit_version > version
    version = window.audit_version
    audited.verdicts["colour:0"] = "valid"
    assert window.audit_version > version
    window.audit_level = 0.05
    assert audited.audit_level == 0.05
    window.audit_target = "cold"
    assert audited.report.target == "cold"
    audited.audit_target = "warm"
    assert window.audit_target == "warm"
    told = []
    window._channel._send = lambda content, buffers: told.append(content)
    window.audit_level = 0.7
    assert window.audit_level == audited.audit_level == 0.05
    assert "between 0 and .5" in told[0]["message"]
    window.close()


def test_many_hands_at_once_lose_no_verdict(audited):
    rows = [0, 1, 2]
    barrier = threading.Barrier(len(rows))

    def decide(row):
        barrier.wait()
        for decision in ("valid", "unsure", "spurious") * 5:
            checklist.decide(audited, [row], decision)
            checklist.audited(audited)

    threads = [threading.Thread(target=decide, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "no deadlock"
    assert [audited.verdicts[f"colour:{row}"].decision for row in rows] == ["spurious"] * 3
    assert len(audited.verdicts.entries) == 45


def test_reports_are_files_with_names_that_fit_everywhere(audited, tmp_path, monkeypatch):
    audited.name = "../<b>net</b>"
    audited.judge("colour:2", "spurious", note=HOSTILE[0])
    monkeypatch.chdir(tmp_path)
    for form in checklist.FORMATS:
        told = checklist.written(audited, form)
        assert told["name"] == f"audit-..-b-net-b-warm.{form}"
        assert b"spurious" in told["file"].data
        run(told["python"], audited)
        assert (tmp_path / told["name"]).is_file()
    assert HOSTILE[0].encode() not in checklist.written(audited, "html")["file"].data
    with pytest.raises(ValueError, match="there are html"):
        checklist.written(audited, "exe")
    audited.checklist = Checklist()
    with pytest.raises(ValueError, match="nothing to report yet"):
        checklist.written(audited, "csv")


def test_a_verdict_audits_nothing_anew(audited):
    before = audited.report
    checklist.decide(audited, [0], "valid")
    assert audited.report is before


def calls_for(concepts):
    """How many calls of Python functions it takes to make, write, read, audit, show, edit and review a checklist."""
    import cProfile
    import pstats

    from semlens_widgets.widgets.checklist import audited, edit

    made = lens(cached=False)
    made.audit(LIST, target="warm", progress=False)

    def work():
        listed = Checklist((Group("g", tuple(Concept(f"c {i}", ("red", "blue")[i % 2 : i % 2 + 1])
                                             for i in range(concepts))),))  # fmt: skip
        for form in ("json", "csv", "md"):
            Checklist.from_text(listed.to_text(form), form)
        report = made.audit(listed, target="warm", progress=False)
        report.to_json(), report.to_csv(), repr(report)
        shown = audited(made)["concepts"]
        edit(made, [*shown, {**shown[0], "name": "new"}])
        assert made.reviewed == (0, concepts + 1)
        assert made.report[f"c {concepts - 1}"].name in made.checklist

    profile = cProfile.Profile()
    profile.runcall(work)
    return pstats.Stats(profile).total_calls


def test_what_a_checklist_costs_grows_with_its_concepts_and_not_with_their_square(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path))
    few, more, many = map(calls_for, (50, 250, 1250))
    assert many - more < 6 * (more - few), "five times as many concepts take five times the calls"


def test_twenty_thousand_concepts_are_looked_up_by_name():
    """In lists of 20,000 names, looking for each would be 400 million comparisons: over a minute."""
    import time

    def seconds(count):
        listed = [Concept(f"concept {i}") for i in range(count)]
        least = float("inf")
        for _ in range(3):
            start = time.perf_counter()
            made = Checklist((Group("g", tuple(listed)),))
            assert all(made[c.name] is c for c in listed)
            least = min(least, time.perf_counter() - start)
        return least

    assert seconds(16_000) < 30 * seconds(2_000), "linear is 8 times, quadratic 64"
