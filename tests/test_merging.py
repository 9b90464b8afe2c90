"""Several notebooks on one audit: what all of them did is there, whatever the order, the kind, or the folder."""

import errno
import json
import sys
import time
from dataclasses import replace

import pytest
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from test_auditing import LIST, lens
from toy import ColourClip
from writers import at_once

import semlens_widgets as sl
from semlens_widgets.audit import Thresholds
from semlens_widgets.audit.file import AuditFile
from semlens_widgets.audit.merge import three_way, value_of
from semlens_widgets.audit.state import AuditState
from semlens_widgets.checklist import Checklist, Concept, Group
from semlens_widgets.verdicts import Verdicts

# beartype picks the items it looks at by chance, also of what hypothesis makes.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def kept_file(home):
    (file,) = (home / "cache").glob("*.audit.json")
    return file


# the merge alone

words = st.sampled_from("abcdefg")
concepts = st.builds(
    Concept, words, st.lists(st.sampled_from(["p", "q", "r"]), max_size=2), st.sampled_from(["valid", "spurious"]),
    st.lists(st.sampled_from(["warm", "cold"]), max_size=1), st.sampled_from(["", "n", "m"]),
)  # fmt: skip


@st.composite
def checklists(draw):
    listed = draw(st.lists(concepts, max_size=5, unique_by=lambda c: c.name))
    groups = {name: [] for name in draw(st.permutations(["one", "two", "three"]))[: draw(st.integers(1, 3))]}
    for concept in listed:
        groups[draw(st.sampled_from(list(groups)))].append(concept)
    return Checklist(tuple(Group(*group) for group in groups.items()), draw(st.sampled_from(["", "t", "u"])))


verdicts = st.lists(
    st.tuples(st.sampled_from(["a:1", "a:2", "@a"]), st.sampled_from(["valid", "spurious"]), st.integers(1, 9)),
    max_size=4,
).map(lambda given: Verdicts(tuple(sl.Verdict(s, d, who="Ada", when=f"2026-01-0{day}") for s, d, day in given)))
labels = st.dictionaries(st.sampled_from(["a:1", "a:2", "a:3"]), words, max_size=3)
lines = st.builds(Thresholds, st.sampled_from([0.01, 0.02]), used=st.sampled_from([0.1, 0.2, 0.3]))
states = st.builds(
    AuditState, checklists(), verdicts, st.sampled_from([None, "warm", "cold"]), lines, own_labels=labels
)


def parts(state):
    """All that a state says, one by one: what may not be lost, and what is one value that one side has to win."""
    many, single = set(), {}
    for group in state.checklist.groups:
        for c in group.concepts:
            many |= {("concept", c.name), *(("prompt", c.name, text) for text in c.texts)}
            many |= {("class", c.name, name) for name in c.classes}
            single |= {(f"@{c.name}", "kind"): c.kind, (f"@{c.name}", "group"): group.name}
    many |= {("verdict", v) for v in state.verdicts.entries}
    single |= {(component, "label"): label for component, label in state.own_labels.items()}
    single |= {("audit", name): str(getattr(state.thresholds, name)) for name in ("p", "margin", "used", "min_effect")}
    single |= {("audit", "target"): str(state.target), ("audit", "title"): state.checklist.title}
    return many, single


@given(states, states, states)
@settings(max_examples=200, deadline=None)
def test_nothing_that_either_side_added_or_changed_is_lost(base, mine, theirs):
    merged = three_way(base, mine, theirs)
    (was, old), (here, own), (there, other), (both, single) = map(parts, (base, mine, theirs, merged))
    changed_concepts = {name for kind, name, *_ in (here ^ was) | (there ^ was) if kind == "concept"}
    assert (here - was) | (there - was) <= both, "what somebody added is there"
    kept_all = {item for item in was & here & there if item[0] == "verdict"}
    assert kept_all <= both
    told = {(c.about, c.what): c for c in merged.conflicts}
    for key in own.keys() | other.keys():
        values = {side.get(key) for side in (own, other)} - {old.get(key), None}
        if key[0][1:] in changed_concepts:
            continue  # one side has taken the concept away, or made it
        if len(values) == 2 and key in own and key in other:
            assert (told[key].kept, told[key].other) == (single[key], other[key]) == (own[key], other[key])
        elif len(values) == 1 and key in single:
            assert single[key] in values or key in told
    for c in merged.checklist:
        for side in (mine, theirs):
            was_note = base.checklist[c.name].note if c.name in base.checklist else ""
            if c.name in side.checklist and side.checklist[c.name].note != was_note:
                assert side.checklist[c.name].note in c.note


@given(states, states)
@settings(max_examples=100, deadline=None)
def test_one_side_that_changed_nothing_has_no_say(base, other):
    assert three_way(base, other, base) == other
    assert three_way(base, base, other) == other
    assert three_way(base, other, other) == other


@given(states, states, states)
@settings(max_examples=100, deadline=None)
def test_what_may_have_been_lost_elsewhere_is_kept(base, mine, theirs):
    here, merged = parts(mine)[0], parts(three_way(base, mine, theirs, keep=True))[0]
    assert {item for item in here if item[0] in ("concept", "verdict")} <= merged


@given(states)
@settings(max_examples=100, deadline=None)
def test_every_state_survives_the_file(state):
    assert AuditState.from_text(state.to_text()) == state


def test_both_orders_of_new_concepts_keep_each_sides_own_order():
    base = Checklist((Group("g", (Concept("x"), Concept("y"))),))
    mine, theirs = base.adding(Concept("m"), "g", 1), base.adding(Concept("t1"), "g").adding(Concept("t2"), "g")
    merged = three_way(AuditState(base), AuditState(mine), AuditState(theirs)).checklist
    assert [c.name for c in merged] == ["x", "m", "y", "t1", "t2"]
    moved = base.moving("y", "g", 0)
    assert [c.name for c in three_way(AuditState(base), AuditState(moved), AuditState(theirs)).checklist] == [
        "y", "t1", "t2", "x",
    ]  # fmt: skip


def test_a_conflict_is_listed_until_somebody_decides_anew():
    base = AuditState(LIST)
    mine = AuditState(LIST.replacing("red", replace(LIST["red"], kind="spurious")))
    theirs = AuditState(LIST.replacing("red", replace(LIST["red"], kind="neutral")))
    merged = three_way(base, mine, theirs)
    (conflict,) = merged.conflicts
    assert (conflict.about, conflict.what, conflict.kept, conflict.other) == ("@red", "kind", "spurious", "neutral")
    assert value_of(merged, "@red", "kind") == "spurious"
    assert AuditState.from_text(merged.to_text()) == merged
    again = replace(merged, checklist=LIST.replacing("red", replace(LIST["red"], kind="valid")))
    assert three_way(merged, again, merged).conflicts == ()


# two lenses on one file


def test_concepts_of_one_notebook_survive_a_verdict_of_another(home):
    one, two = lens(), lens()
    one.checklist = LIST
    one.checklist = one.checklist.adding(Concept("green"), "Should be used").adding(Concept("yellow"), "New")
    two.verdicts["colour:2"] = "spurious"
    assert [c.name for c in two.checklist] == ["red", "evolving", "green", "blue", "yellow"]
    assert "another notebook" in two.audit_notice
    assert lens().checklist == one.checklist == two.checklist
    assert one.refresh_audit()
    assert one.verdicts == two.verdicts
    assert "another notebook" in one.audit_notice
    assert not one.refresh_audit(), "what was taken in is not new"


def test_edits_of_all_kinds_meet(home):
    one, two = lens(), lens()
    one.audit(LIST, target="warm", progress=False)
    two.refresh_audit()
    one.checklist = one.checklist.replacing("red", replace(LIST["red"], prompts=("red", "crimson"), note="n1"))
    two.checklist = two.checklist.moving("red", "Must not be used", kind="spurious")
    one.own_labels = {"colour:0": "warmth"}
    two.own_labels = {**two.own_labels, "colour:1": "leaf"}
    one.audit_level = 0.05
    two.audit(used=0.3, relevance=False, progress=False)
    one.refresh_audit()
    third = lens()
    for made in (one, two, third):
        assert made.checklist["red"] == Concept("red", ("red", "crimson"), "spurious", note="n1")
        assert made.own_labels == {"colour:0": "warmth", "colour:1": "leaf"}
        assert made.report.thresholds == Thresholds(0.05, used=0.3)
        assert made.edit_conflicts == ()


def test_what_both_change_is_told_to_both_and_nothing_is_lost(home):
    one, two = lens(), lens()
    one.own_labels = {"colour:0": "mine"}
    two.own_labels = {"colour:0": "yours"}
    assert two.own_labels == {"colour:0": "yours"}
    assert [str(c) for c in two.edit_conflicts] == [
        "label of colour:0: 'yours' counts, another notebook said 'mine'",
    ]
    assert "1 conflict: label of colour:0" in two.audit_notice
    assert one.refresh_audit()
    assert one.own_labels == two.own_labels
    assert one.edit_conflicts == two.edit_conflicts == lens().edit_conflicts
    one.own_labels = {"colour:0": "ours"}
    assert one.edit_conflicts == lens().edit_conflicts == ()


def test_undo_takes_back_ones_own_steps_only(home):
    one, two = lens(), lens()
    one.checklist = LIST
    one.verdicts["colour:0"] = "valid"
    two.verdicts["colour:2"] = "spurious"
    two.checklist = two.checklist.adding(Concept("green"), "New")
    one.undo()
    assert list(one.verdicts) == ["colour:2"]
    one.undo()
    assert [c.name for c in one.checklist] == ["green"]
    one.redo()
    assert [c.name for c in one.checklist] == ["red", "evolving", "blue", "green"]
    again = lens()
    assert (again.checklist, again.verdicts) == (one.checklist, one.verdicts)


def test_a_window_is_told_when_another_notebook_writes(home):
    one, two = lens(), lens()
    one.watch_audit()
    two.verdicts["colour:2"] = "spurious"
    end = time.monotonic() + 30
    while "colour:2" not in one.verdicts and time.monotonic() < end:
        time.sleep(0.05)
    assert one.verdicts == two.verdicts
    assert "another notebook" in one.audit_notice


# folders and files as they are


def test_a_lock_file_that_somebody_left_behind_holds_up_nothing(home):
    first = lens()
    first.verdicts["colour:0"] = "valid"
    (lock,) = (home / "cache").glob(".*.audit.json.lock")
    lock.write_text("4711")
    again = lens()
    again.verdicts["colour:2"] = "spurious"
    assert list(lens().verdicts) == ["colour:0", "colour:2"]


def test_a_lock_that_is_never_given_back_is_told_and_work_goes_on(home, monkeypatch):
    monkeypatch.setattr(sys.modules[AuditFile.__module__], "PATIENCE", 0.3)
    made = lens()
    made.verdicts["colour:0"] = "valid"
    (lock,) = (home / "cache").glob(".*.audit.json.lock")
    with FileLock(lock):
        with pytest.warns(UserWarning, match="another program holds the lock") as told:
            made.verdicts["colour:2"] = "spurious"
        assert str(lock) in str(told[0].message)
        assert made.audit_notice.startswith("another program holds")
    assert list(lens().verdicts) == ["colour:0", "colour:2"]


@pytest.mark.parametrize("error", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError("no flock")])
def test_without_locks_a_write_that_was_overwritten_is_written_again(home, monkeypatch, error):
    made = lens()
    made.checklist = LIST
    before = kept_file(home).read_text()
    made.verdicts["colour:0"] = "valid"
    made.own_labels = {"colour:1": "leaf"}
    made.checklist = LIST.adding(Concept("green"), "New")

    def acquire(*args, **options):
        raise error

    monkeypatch.setattr(FileLock, "acquire", acquire)
    kept_file(home).write_text(before)  # by another notebook that had read it before
    with pytest.warns(UserWarning, match="does not allow a lock"):
        made.verdicts["colour:2"] = "spurious"
    for state in (made, AuditState.from_file(kept_file(home))):
        assert list(state.verdicts) == ["colour:0", "colour:2"]
        assert state.own_labels == {"colour:1": "leaf"}
        assert "green" in state.checklist


def test_where_nothing_can_be_written_it_is_told_once_and_kept_in_memory(home, recwarn):
    (home / "file").write_text("no folder")
    made = lens(cached=False)
    made.keep_audit(home / "file" / "colours.audit.json")
    made.verdicts["colour:0"] = "valid"
    made.verdicts["colour:2"] = "spurious"
    said = [str(warning.message) for warning in recwarn if "audit" in str(warning.message)]
    assert next(text for text in said if "could not be saved" in text).count("colours.audit.json") == 1
    assert len(said) == len(set(said)), "each is told once"
    assert "kept in memory" in made.audit_notice
    assert list(made.verdicts) == ["colour:0", "colour:2"]
    (home / "file").unlink()
    made.verdicts["colour:1"] = "unsure"
    assert list(AuditState.from_file(home / "file" / "colours.audit.json").verdicts) == list(made.verdicts)


def test_every_damaged_file_is_set_aside_under_a_name_of_its_own(home):
    first = lens()
    first.verdicts["colour:2"] = "spurious"
    file = kept_file(home)
    for number, text in enumerate(["{", "[]", "\x00", '{"format": "semlens audit 99"}']):
        file.write_text(text)
        with pytest.warns(UserWarning, match="set aside"):
            made = lens()
        assert len(made.verdicts) == 0
        aside = sorted((home / "cache").glob("*.damaged*.json"))
        assert len(aside) == number + 1
        assert text in {path.read_text() for path in aside}
    made.verdicts["colour:0"] = "valid"
    file.write_text("damaged while the lens is open")
    with pytest.warns(UserWarning, match="damaged-5"):
        made.verdicts["colour:1"] = "valid"
    assert list(AuditState.from_file(file).verdicts) == ["colour:0", "colour:1"]


BAD = {
    "verdicts": [{"subject": "colour:1", "decision": "perhaps"}, {"subject": f"a:{'9' * 5000}"}, 3, {"x": 1}],
    "concepts": [{"name": ""}, {"name": "red"}, 7, {"name": "n", "kind": "bad"}, {"name": "m", "prompts": [1]}],
}


def test_one_bad_entry_is_set_aside_and_told_and_all_others_are_kept(home):
    first = lens()
    first.audit(LIST, target="warm", level=0.02, progress=False)
    first.verdicts["colour:2"] = "spurious"
    first.own_labels = {"colour:0": "warmth"}
    file = kept_file(home)
    document = json.loads(file.read_text())
    document["verdicts"] += BAD["verdicts"]
    document["checklist"]["groups"][1]["concepts"] += BAD["concepts"]
    document["checklist"]["groups"] += [5, {"name": "Should be used"}]
    document["own_labels"] |= {"colour:1": 4, "colour:99": "nowhere"}
    document["thresholds"] |= {"margin": "wide", "used": 0.5}
    document["conflicts"] = [{"about": 3}]
    document["target"] = ["warm"]
    file.write_text(json.dumps(document))
    with pytest.warns(UserWarning, match=r"entries that cannot be read.*is set aside as .*concept 2 of group.* more"):
        again = lens()
    assert again.checklist == LIST
    assert again.verdicts == first.verdicts
    assert again.own_labels == first.own_labels
    assert (again.audit_level, again.thresholds.used, again.thresholds.margin) == (0.02, 0.5, Thresholds().margin)
    (aside,) = (home / "cache").glob("*.damaged*.json")
    assert json.loads(aside.read_text()) == document
    again.verdicts["colour:1"] = "valid"
    assert list(lens().verdicts) == ["colour:1", "colour:2"]


@pytest.mark.parametrize("name", ["10²", "x" + "9" * 5000, "half \ud83d", "\x00", "٣", "Ⅷ", "=1+1", "__proto__"])
def test_any_name_that_can_be_typed_is_decided_about_and_kept(home, name):
    made = lens()
    made.checklist = LIST.adding(Concept(name, ("red",)), "New")
    (concept,) = [c for c in made.checklist if c.name not in LIST]
    made.verdicts[f"@{name}"] = {"decision": "valid", "note": name}
    assert made.verdicts[f"@{name}"] == made.verdicts[f"@{concept.name}"]
    made.verdicts["colour:2"] = "spurious"
    assert made.audit_notice == ""
    opened = sl.open(made.save(home / "colours.semlens"), clip=ColourClip())
    for other in (lens(), opened):
        assert (other.checklist, other.verdicts) == (made.checklist, made.verdicts)


def test_three_processes_edit_one_audit_at_the_same_time_and_nothing_is_lost(tmp_path):
    assert at_once(tmp_path, 3, 24) == []
