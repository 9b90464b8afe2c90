"""The audit of a lens, live: on the colour world, where "red" is what should be used and "blue" what must not."""

import json
import threading
from dataclasses import replace

import pytest
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets.audit import Thresholds
from semlens_widgets.audit.state import AuditState
from semlens_widgets.checklist import Checklist, Concept, Group

LIST = Checklist(
    (
        Group("Should be used", (Concept("red"), Concept("evolving", ()))),
        Group("Must not be used", (Concept("blue", kind="spurious"),)),
    ),
    "Colours",
)


class CountingClip(ColourClip):
    def __init__(self):
        super().__init__()
        self.texts_asked = []

    def texts(self, texts):
        self.texts_asked += texts
        return super().texts(texts)


def lens(**options):
    labels = [i % 2 for i in range(60)]
    data = sl.images(pictures(60), transform=to_pixels, labels=labels, classes=("warm", "cold"))
    made = sl.Lens(ColourNet(), data, ["colour"], CountingClip(), k=5, crop=None, templates=("{}",))
    made.auditor = "Ada"
    return made.fit(progress=False, **options)


@pytest.fixture
def fresh():
    return lens(cached=False)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "cache"))
    return tmp_path


def test_the_audit_finds_the_colours_and_their_sign(fresh):
    report = fresh.audit(LIST, target="warm", progress=False)
    assert report is fresh.report
    assert report["red"].best == 0
    assert report["red"].direction == "for"
    assert report["blue"].best == 2
    assert report.region_of(2) == "spurious"
    assert fresh.relevance is not None
    assert (fresh.checklist, fresh.audit_target) == (LIST, "warm")
    assert sum(i.mean for i in report.shares.values()) == pytest.approx(1, abs=1e-5)


def test_changing_checklist_level_or_class_audits_again_at_once(fresh):
    fresh.audit(LIST, target="warm", progress=False)
    seen = []
    fresh.observe(lambda change: seen.append(change["new"]), "report")
    fresh.checklist = LIST.replacing("blue", Concept("blue", kind="valid"))
    fresh.audit_level = 0.3
    fresh.audit_target = "cold"
    assert [r.region_of(2) for r in seen] == ["valid"] * 3
    assert seen[1].thresholds.p == 0.3
    assert seen[2].target == "cold"
    assert fresh.report is seen[-1]


def test_only_prompts_that_are_new_go_through_clip(fresh):
    fresh.audit(LIST, target="warm", progress=False)
    fresh.clip.texts_asked.clear()
    fresh.checklist = LIST.adding(Concept("yellow"), "Should be used").moving("blue", "Should be used", kind="valid")
    assert fresh.clip.texts_asked == ["yellow"]


def test_what_fails_changes_nothing(fresh):
    before = fresh.audit(LIST, target="warm", progress=False)
    with pytest.raises(KeyError, match="warm"):
        fresh.audit_target = "tepid"
    with pytest.raises(ValueError, match="level"):
        fresh.audit_level = 0.9
    with pytest.raises(KeyError):
        fresh.audit(LIST.without("red"), target="tepid", progress=False)
    assert fresh.report is before
    assert (fresh.checklist, fresh.audit_target, fresh.audit_level) == (LIST, "warm", 0.01)


def test_verdicts_are_live_say_who_and_can_be_undone(fresh):
    fresh.audit(LIST, target="warm", progress=False)
    seen = []
    fresh.observe(lambda change: seen.append(change["new"]), "verdicts")
    fresh.verdicts["colour:2"] = "spurious"
    fresh.verdicts["@red"] = {"decision": "valid", "note": "of course"}
    assert len(seen) == 2
    assert fresh.verdicts["colour:2"].who == "Ada"
    assert fresh.verdicts["@red"].note == "of course"
    assert fresh.reviewed == (2, 3)
    del fresh.verdicts["colour:2"]
    assert "colour:2" not in fresh.verdicts
    fresh.undo()
    assert fresh.verdicts["colour:2"].decision == "spurious"
    fresh.undo()
    assert fresh.redoable
    assert list(fresh.verdicts) == ["colour:2"]
    fresh.redo()
    assert "@red" in fresh.verdicts


def test_many_are_judged_in_one_step(fresh):
    fresh.judge(["colour:0", sl.Component("colour", 1)], "valid")
    assert fresh.verdicts.subjects("valid") == ("colour:0", "colour:1")
    fresh.undo()
    assert len(fresh.verdicts) == 0
    assert not fresh.undoable


def test_undo_takes_checklist_changes_back_too_and_audits_again(fresh):
    first = fresh.audit(LIST, target="warm", progress=False)
    fresh.checklist = LIST.moving("blue", "Should be used", kind="valid")
    fresh.verdicts["@blue"] = "unsure"
    fresh.undo()
    assert fresh.report.region_of(2) == "valid"
    fresh.undo()
    assert fresh.checklist == LIST
    assert fresh.report.region_of(2) == first.region_of(2) == "spurious"
    fresh.redo()
    assert fresh.report.region_of(2) == "valid"


def test_verdicts_on_what_is_not_there_are_refused(fresh):
    fresh.checklist = LIST
    for subject in ("colour:99", "nowhere:1", "@green"):
        with pytest.raises(KeyError):
            fresh.verdicts[subject] = "valid"
    assert len(fresh.verdicts) == 0


def test_the_audit_is_there_again_when_the_same_lens_is_made_and_says_so(home):
    first = lens()
    first.audit(LIST, target="warm", level=0.02, progress=False)
    first.verdicts["colour:2"] = {"decision": "spurious", "note": "<b>bold</b>"}
    second = lens()
    assert second.checklist == LIST
    assert second.verdicts == first.verdicts
    assert second.audit_level == 0.02
    assert second.report is not None
    assert second.report.region_of(2) == "spurious"
    assert second.audit_notice.startswith("restored 3 concepts and 1 verdict, last decided 20")
    assert "3 concepts and 1 verdict" in repr(second)
    (file,) = (home / "cache").glob("*.audit.json")
    assert Checklist.from_file(file) == LIST
    assert sl.Verdicts.from_file(file) == first.verdicts


def test_a_kept_checklist_that_a_cell_replaces_is_not_said_to_be_restored(home):
    lens().audit(LIST, target="warm", progress=False)
    again = lens()
    assert again.audit_notice == "restored 3 concepts and 0 verdicts"
    again.audit(target="warm", progress=False)
    assert again.audit_notice, "the restored checklist is what is audited"
    again.audit(LIST, target="warm", progress=False)
    assert again.audit_notice == ""
    again.verdicts["colour:2"] = "spurious"
    decided = lens()
    decided.audit(LIST, target="warm", progress=False)
    assert "1 verdict" in decided.audit_notice, "a person should know of verdicts made before"


def test_thresholds_that_were_set_are_there_again(home):
    thresholds = Thresholds(0.02, margin=0.5, used=0.3, min_effect=0.05)
    first = lens()
    first.audit(LIST, target="warm", level=0.02, margin=0.5, used=0.3, min_effect=0.05, progress=False)
    second = lens()
    assert second.report.thresholds == thresholds
    second.audit_level = 0.01
    assert second.report.thresholds == Thresholds(0.01, 0.5, 0.3, 0.05)
    opened = sl.open(second.save(home / "colours.semlens"), clip=ColourClip())
    assert opened.report.thresholds == Thresholds(0.01, 0.5, 0.3, 0.05)


def test_audits_that_were_kept_before_lines_were_have_the_usual_ones(home):
    first = lens()
    first.audit(LIST, target="warm", level=0.02, used=0.3, progress=False)
    (file,) = (home / "cache").glob("*.audit.json")
    kept = AuditState.from_file(file)
    text = "".join(line for line in file.read_text().splitlines(True) if not line.startswith(' "thresholds"'))
    before = AuditState.from_text(text)
    assert before == replace(kept, thresholds=Thresholds(0.02))
    file.write_text(text)
    assert lens().report.thresholds == Thresholds(0.02)
    later = text.replace('"level": 0.02', '"level": 0.02, "thresholds": {"used": 0.1, "dashed": 3}')
    assert AuditState.from_text(later).thresholds == Thresholds(0.02, used=0.1)
    earlier = text.replace('"level": 0.02', '"level": 0.02, "lines": {"used": 0.1, "still": 0.3}')
    assert AuditState.from_text(earlier).thresholds == Thresholds(0.02, used=0.1, min_effect=0.3)


@pytest.mark.parametrize("wrong", ['{"used": 7}', '{"used": "much"}', "[1]", '{"min_effect": true}', '{"margin": NaN}'])
def test_thresholds_that_are_invalid_are_no_audit(wrong):
    text = AuditState(LIST).to_text().replace('"level": 0.01,', f'"level": 0.01, "thresholds": {wrong},')
    without = "".join(line for line in text.splitlines(True) if not line.startswith(' "thresholds"'))
    AuditState.from_text(AuditState(LIST).to_text())
    with pytest.raises(ValueError, match=r"thresholds|margin"):
        AuditState.from_text(without)


def test_what_is_undone_stays_undone_on_disk(home):
    first = lens()
    first.verdicts["colour:2"] = "spurious"
    first.undo()
    assert len(lens().verdicts) == 0


def test_two_notebooks_on_one_lens_do_not_overwrite_each_other(home):
    one, two = lens(), lens()
    two.auditor = "Ben"
    one.verdicts["colour:0"] = "valid"
    two.verdicts["colour:2"] = "spurious"
    one.verdicts["colour:1"] = "unsure"
    assert list(one.verdicts) == ["colour:0", "colour:1", "colour:2"]
    assert one.verdicts["colour:2"].who == "Ben"
    assert list(lens().verdicts) == ["colour:0", "colour:1", "colour:2"]


def test_a_saved_lens_has_its_audit_beside_it_and_keeps_it_up_to_date(home):
    made = lens(cached=False)
    made.audit(LIST, target="warm", progress=False)
    path = made.save(home / "colours.semlens")
    made.verdicts["colour:2"] = "spurious"
    opened = sl.open(path, clip=ColourClip())
    assert opened.verdicts == made.verdicts
    assert opened.report.region_of(2) == "spurious"
    opened.verdicts["colour:1"] = "unsure"
    kept = AuditState.from_file(home / "colours.audit.json")
    assert list(kept.verdicts) == ["colour:1", "colour:2"]
    assert kept.made_from["clip"] == "colours"


def test_a_damaged_audit_file_is_set_aside_not_lost(home):
    first = lens()
    first.verdicts["colour:2"] = "spurious"
    (file,) = (home / "cache").glob("*.audit.json")
    file.write_text(file.read_text()[:-40])
    with pytest.warns(UserWarning, match="set aside"):
        again = lens()
    assert len(again.verdicts) == 0
    assert list((home / "cache").glob("*.damaged.json"))


def test_without_the_cache_nothing_is_written(home):
    made = lens(cached=False)
    made.verdicts["colour:2"] = "spurious"
    assert not list(home.rglob("*.audit.json"))


def test_another_persons_verdicts_are_merged_and_can_be_undone(fresh):
    fresh.verdicts["colour:2"] = "spurious"
    ben = sl.Verdicts().judging("colour:2", "valid", who="Ben")
    fresh.verdicts = fresh.verdicts.merge(ben)
    assert [c.subject for c in fresh.verdicts.conflicts] == ["colour:2"]
    fresh.undo()
    assert fresh.verdicts.conflicts == ()


def test_threads_judge_at_the_same_time_without_loss(fresh):
    def work(row):
        for decision in ("valid", "spurious", "unsure"):
            fresh.verdicts[f"colour:{row}"] = decision

    threads = [threading.Thread(target=work, args=(row,)) for row in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fresh.verdicts.entries) == 12
    assert len(fresh.verdicts) == 4


def test_the_images_behind_components_come_with_their_names(fresh):
    fresh.audit(LIST, target="warm", progress=False)
    behind = fresh.training_images()
    assert set(behind.ids) == set(fresh.space.examples.images[2, :5].tolist())
    assert fresh.training_images("colour:0").ids != behind.ids
    assert json.loads(behind.to_json())[0]["class"] in ("warm", "cold")


def test_what_is_lacking_is_said(fresh, as_installed):
    with pytest.raises(ValueError, match="nothing to audit against"):
        fresh.audit(target="warm")
    with pytest.raises(ValueError, match="audit which class"):
        fresh.audit(LIST, progress=False)
    with pytest.raises(ValueError, match="whose images"):
        fresh.training_images()
    unfitted = sl.Lens(ColourNet(), sl.images(pictures(9), transform=to_pixels), ["colour"], ColourClip())
    unfitted.checklist = LIST
    with pytest.raises(sl.NotFitted):
        unfitted.audit()


def test_without_model_the_regions_remain(home):
    made = lens(cached=False)
    opened = sl.open(made.save(home / "plain.semlens"), clip=ColourClip())
    report = opened.audit(LIST)
    assert report.region_of(2) == "spurious"
    assert report.shares == {}
