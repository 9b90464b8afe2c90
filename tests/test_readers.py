"""Two readers: neither sees what the other says until both are done; how they agree, and who settled the rest."""

import json
from collections import Counter

import numpy as np
import pytest
from test_auditing import LIST, home, lens  # noqa: F401

import semlens_widgets as sl
from semlens_widgets.audit.merge import three_way
from semlens_widgets.audit.state import AuditState
from semlens_widgets.readers import Reading, agreement
from semlens_widgets.readers.agreement import measures

CATEGORIES = ("valid", "spurious", "neutral", "unsure")


# agreement


def kappa_in_loops(first, second, categories):
    """Cohen's kappa, written plainly: (p_o - p_e) / (1 - p_e)."""
    n = len(first)
    same = sum(a == b for a, b in zip(first, second, strict=True)) / n
    of_first, of_second = Counter(first), Counter(second)
    by_chance = sum(of_first[c] / n * of_second[c] / n for c in categories)
    return (same - by_chance) / (1 - by_chance)


def ac1_in_loops(first, second, categories):
    """Gwet's AC1, written plainly: chance is the sum of pi (1 - pi) over q - 1, pi the mean share of a category."""
    n = len(first)
    same = sum(a == b for a, b in zip(first, second, strict=True)) / n
    by_chance = 0.0
    for category in categories:
        share = (first.count(category) / n + second.count(category) / n) / 2
        by_chance += share * (1 - share)
    by_chance /= len(categories) - 1
    return (same - by_chance) / (1 - by_chance)


def drawn(seed, n, categories=CATEGORIES):
    random = np.random.default_rng(seed)
    first = random.choice(categories, n, p=random.dirichlet(np.ones(len(categories)))).tolist()
    second = [a if random.random() < 0.6 else str(random.choice(categories)) for a in first]
    return first, second


@pytest.mark.parametrize("seed", range(20))
def test_kappa_and_ac1_are_those_of_the_formulas_in_loops(seed):
    first, second = drawn(seed, 7 + 3 * seed)
    found = agreement(("Ada", "Ben"), [f"@{i}" for i in range(len(first))], first, second)
    assert found.ac1.mean == pytest.approx(ac1_in_loops(first, second, CATEGORIES))
    assert found.kappa.mean == pytest.approx(kappa_in_loops(first, second, CATEGORIES))
    assert found.table.sum() == len(first)
    for interval in (found.observed, found.kappa, found.ac1):
        assert interval.low <= interval.mean <= interval.high


def test_the_values_are_those_of_examples_in_print():
    """Gwet 2008, table 1 form: 118 + 2 agree, 5 + 0 do not; and Cohen's 2 x 2 with .40."""
    table = np.zeros((2, 2), np.int64)
    table[:] = [[118, 5], [2, 0]]
    _, kappa, ac1 = measures(table)
    assert kappa.mean == pytest.approx(-0.0234, abs=1e-3)
    assert ac1.mean == pytest.approx(0.9408, abs=1e-3)
    table[:] = [[20, 5], [10, 15]]
    assert measures(table)[1].mean == pytest.approx(0.4)


def test_scikit_learn_has_the_same_kappa():
    metrics = pytest.importorskip("sklearn.metrics")
    for seed in range(5):
        first, second = drawn(seed, 40)
        found = agreement(("a", "b"), [f"@{i}" for i in range(40)], first, second)
        assert found.kappa.mean == pytest.approx(metrics.cohen_kappa_score(first, second))


@pytest.mark.parametrize("n", [8, 15, 40])
@pytest.mark.parametrize("agreeing", [0, 0.3, 0.7, 0.95])
@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.15, 0.05), (0.85, 0.1, 0.03, 0.02), (0.25, 0.25, 0.25, 0.25)])
def test_intervals_hold_the_true_value_in_about_95_of_100_cases(n, agreeing, shares):
    random = np.random.default_rng(n + int(100 * agreeing))
    shares = np.asarray(shares)
    true = agreeing * np.diag(shares) + (1 - agreeing) * np.outer(shares, shares)
    same, chance = np.trace(true), float(shares @ shares)
    hard = float((shares * (1 - shares)).sum() / 3)
    values = same, (same - chance) / (1 - chance), (same - hard) / (1 - hard)
    held = np.zeros(3)
    rounds = 400
    for _ in range(rounds):
        table = random.multinomial(n, true.ravel()).reshape(4, 4)
        for at, interval in enumerate(measures(table)):
            held[at] += np.isnan(interval.mean) or interval.low <= values[at] <= interval.high
    assert (held / rounds > 0.85).all(), held / rounds  # 89 % and more over 2,000 rounds; these are 400


def test_readers_who_agree_on_a_few_are_not_certain():
    found = agreement(("a", "b"), ["@1", "@2", "@3", "@4"], ["valid", "spurious"] * 2, ["valid", "spurious"] * 2)
    assert found.kappa.mean == found.ac1.mean == 1
    assert found.kappa.low < 0.75
    assert found.disagreements == ()


def test_readers_who_always_say_one_thing_have_no_kappa_and_an_ac1():
    found = agreement(("a", "b"), ["@1", "@2"], ["valid"] * 2, ["valid"] * 2)
    assert np.isnan(found.kappa.mean)
    assert found.ac1.mean == 1
    assert "not defined" in found.sentence
    empty = agreement(("a", "b"), [], [], [])
    assert np.isnan(empty.ac1.mean)
    with pytest.raises(ValueError, match="none of valid, spurious"):
        agreement(("a", "b"), ["@1"], ["maybe"], ["valid"])


# blind


@pytest.fixture
def two():
    made = lens(cached=False)
    made.audit(LIST, target="warm", progress=False)
    made.auditor = "Ada"
    made.begin_reading("Ada", "Ben")
    return made


def decide(lens, who, **decisions):
    lens.auditor = who
    for name, decision in decisions.items():
        lens.verdicts[f"@{name}"] = decision


def test_neither_sees_what_the_other_says_until_both_are_done(two):
    decide(two, "Ada", red="valid", evolving="unsure", blue="spurious")
    assert len(two.verdicts) == 3
    two.auditor = "Ben"
    assert len(two.verdicts) == 0
    assert two.verdicts.conflicts == ()
    assert not two.undoable
    assert two.history.to_document()["past"] == []
    assert "Ada" not in repr(two.verdicts)
    two.auditor = "Eve"  # nobody else, either
    assert len(two.verdicts) == 0
    two.auditor = "Ada"
    assert two.verdicts["@blue"].decision == "spurious"
    two.finish_reading()
    decide(two, "Ben", red="valid", evolving="valid", blue="valid")
    assert [two.verdicts[s].who for s in two.verdicts] == ["Ben"] * 3
    with pytest.raises(ValueError, match="Ben has not finished"):
        two.agreement()
    two.auditor = "Ben"
    two.finish_reading()
    assert {v.who for v in two.verdicts.entries} == {"Ada", "Ben"}
    assert two.agreement().disagreements == ("@evolving", "@blue")
    assert [str(c.subject) for c in two.verdicts.conflicts] == ["@blue", "@evolving"]


def test_undoing_takes_back_ones_own_and_leaves_the_others(two):
    decide(two, "Ada", red="valid")
    decide(two, "Ben", red="spurious", blue="valid")
    two.undo()
    assert set(two.verdicts) == {"@red"}
    two.auditor = "Ada"
    assert two.verdicts["@red"].decision == "valid"


def test_what_was_decided_before_it_began_stays_visible_and_does_not_count(two):
    fresh = lens(cached=False)
    fresh.audit(LIST, target="warm", progress=False)
    decide(fresh, "Ben", red="spurious")
    fresh.begin_reading("Ada", "Ben")
    fresh.auditor = "Ada"
    assert fresh.verdicts["@red"].who == "Ben"
    assert fresh.reading.said(fresh.all_verdicts, "Ben") == {}


def test_who_has_finished_changes_nothing_more_until_both_have(two):
    decide(two, "Ada", red="valid", evolving="unsure", blue="spurious")
    two.finish_reading()
    with pytest.raises(ValueError, match="Ada has finished this blind reading"):
        two.verdicts["@red"] = "spurious"
    with pytest.raises(ValueError, match="Ada has finished already"):
        two.finish_reading()
    decide(two, "Ben", red="valid", evolving="unsure")
    with pytest.raises(ValueError, match="Ben has not decided about @blue"):
        two.finish_reading()
    two.verdicts["@blue"] = "spurious"
    two.finish_reading()
    decide(two, "Ada", red="spurious")  # later than the reading: it counts, and not in the agreement
    assert two.verdicts["@red"].decision == "spurious"
    assert two.agreement().disagreements == ()


def test_disagreements_are_settled_with_a_reason_and_reported(two, tmp_path):
    decide(two, "Ada", red="valid", evolving="unsure", blue="spurious")
    with pytest.raises(ValueError, match="a blind reading goes on"):
        two.write_report(tmp_path / "x.html")
    two.finish_reading()
    decide(two, "Ben", red="valid", evolving="unsure", blue="valid")
    with pytest.raises(ValueError, match="Ben has not finished"):
        two.settle("@blue", "spurious", "why not")
    two.finish_reading()
    two.auditor = "Cleo"
    with pytest.raises(ValueError, match="do not disagree about @red"):
        two.settle("@red", "valid", "yes")
    with pytest.raises(ValueError, match="with a reason"):
        two.settle("@blue", "spurious", "  ")
    two.settle("@blue", "spurious", "it is a sticker")
    assert two.verdicts["@blue"].who == "Cleo"
    assert two.reading.settlements["@blue"].note == "it is a sticker"
    report = two.document()
    reading = report.document["reading"]
    assert reading["agreement"]["disagreements"] == [{"subject": "@blue", "decisions": ["spurious", "valid"]}]
    for text in (report.to_html(), report.to_markdown()):
        for words in ("it is a sticker", "Cleo", "agree on 2 of 3"):
            assert words in text
    assert "Gwet’s AC1" in report.to_html()


def test_a_verdict_on_the_best_component_of_a_concept_is_one_on_the_concept(two):
    """Where that is the best of one concept alone, and nothing was said of the concept itself."""
    assert two.reading.components["@blue"] == "colour:2"
    decide(two, "Ada", red="valid", evolving="unsure")
    two.verdicts["colour:2"] = "spurious"
    two.finish_reading()
    decide(two, "Ben", red="valid", evolving="unsure", blue="valid")
    two.verdicts["colour:2"] = "spurious"
    two.finish_reading()
    assert two.agreement().to_rows()[2] == {"subject": "@blue", "Ada": "spurious", "Ben": "valid", "agree": False}
    two.settle("@blue", "spurious", "It is blue.")
    assert two.verdicts["colour:2"].decision == two.verdicts["@blue"].decision == "spurious"


def test_concepts_with_the_same_best_component_are_decided_apart():
    made = lens(cached=False)
    same = (sl.Concept("red"), sl.Concept("reddish", ("red red",), "spurious"))
    made.audit(sl.Checklist((sl.Group("", same),)), target="warm", progress=False)
    assert made.report["red"].best == made.report["reddish"].best
    made.begin_reading("Ada", "Ben")
    assert made.reading.components == {}
    decide(made, "Ada", red="valid", reddish="spurious")
    assert made.reading.said(made.all_verdicts, "Ada") == {"@red": "valid", "@reddish": "spurious"}


def test_mistakes_are_named(two):
    with pytest.raises(ValueError, match="a blind reading by Ada and Ben goes on"):
        two.begin_reading("Ada", "Cleo")
    two.reading = None
    with pytest.raises(ValueError, match="two readers with different names"):
        two.begin_reading("Ada", " Ada ")
    with pytest.raises(ValueError, match=r"different names are needed, not .Ada., .ADA."):
        two.begin_reading("Ada", "ADA")
    with pytest.raises(KeyError, match="no concept 'purple'"):
        two.begin_reading("Ada", "Ben", ["@purple"])
    with pytest.raises(ValueError, match="nobody reads this audit blind"):
        two.finish_reading()
    two.begin_reading("Ada", "Ben", "colour:2")
    assert two.reading.subjects == ("colour:2",)
    two.auditor = "Eve"
    with pytest.raises(ValueError, match="Eve is none of the readers"):
        two.finish_reading()


# kept


def test_a_reading_is_kept_with_the_audit_and_hides_again_when_it_is_opened(two, tmp_path):
    decide(two, "Ada", red="valid", evolving="unsure", blue="spurious")
    two.finish_reading()
    two.save(tmp_path / "x.semlens")
    opened = sl.open(tmp_path / "x.semlens", clip=two.clip)
    opened.auditor = "Ben"
    assert len(opened.verdicts) == 0
    assert opened.reading == two.reading
    opened.auditor = "Ada"
    assert len(opened.verdicts) == 3


def test_two_notebooks_read_at_the_same_time_into_one_file(home):  # noqa: F811
    first, second = lens(), lens()
    for one in (first, second):
        one.keep_audit(home / "both.audit.json")
    first.audit(LIST, target="warm", progress=False)
    first.auditor, second.auditor = "Ada", "Ben"
    first.begin_reading("Ada", "Ben")
    second.refresh_audit()
    assert second.reading == first.reading
    decide(first, "Ada", red="valid", evolving="unsure", blue="spurious")
    second.refresh_audit()
    decide(second, "Ben", red="valid", evolving="unsure", blue="valid")
    assert {v.who for v in second.verdicts.entries} == {"Ben"}
    second.finish_reading()
    first.refresh_audit()
    assert {v.who for v in first.verdicts.entries} == {"Ada"}
    first.finish_reading()
    second.refresh_audit()
    for one in (first, second):
        assert one.agreement().disagreements == ("@blue",)
        assert {v.who for v in one.verdicts.entries} == {"Ada", "Ben"}


def test_a_state_with_a_reading_and_a_dossier_is_read_as_it_was_written():
    reading = Reading(("Ada", "Ben"), ("@red",), "2026-01-01T00:00:00Z", {"Ada": "2026-01-02T00:00:00Z"})
    state = AuditState(LIST, dossier=sl.Dossier("T", purpose="One.\n\nTwo."), reading=reading)
    assert AuditState.from_text(state.to_text()) == state
    bad = []
    damaged = json.loads(state.to_text()) | {"reading": {"readers": 5}, "dossier": {"purpos": ""}}
    kept = AuditState.from_text(json.dumps(damaged), bad)
    assert len(bad) == 2
    assert (kept.reading, kept.dossier, kept.checklist) == (None, sl.Dossier(), LIST)


def test_what_both_notebooks_did_to_dossier_and_reading_is_put_together():
    reading = Reading(("Ada", "Ben"), ("@red",), "2026-01-01T00:00:00Z")
    base = AuditState(dossier=sl.Dossier("T", purpose="a", risks=[sl.Risk("x", "1"), sl.Risk("y")]), reading=reading)
    from dataclasses import replace

    mine = replace(
        base, dossier=replace(base.dossier, users="u", purpose="b", risks=(sl.Risk("x", "2"), sl.Risk("y"))),
        reading=replace(reading, done={"Ada": "2026-01-02"}),
    )  # fmt: skip
    theirs = replace(
        base, dossier=replace(base.dossier, provider="p", purpose="c", risks=(sl.Risk("x", "1"), sl.Risk("z"))),
        reading=replace(reading, done={"Ben": "2026-01-03"}),
    )  # fmt: skip
    merged = three_way(base, mine, theirs)
    assert merged.reading.open
    assert (merged.dossier.users, merged.dossier.provider, merged.dossier.purpose) == ("u", "p", "b")
    assert {r.finding: r.residual for r in merged.dossier.risks} == {"x": "2", "z": ""}
    (conflict,) = merged.conflicts
    assert (conflict.about, conflict.what, conflict.kept, conflict.other) == ("dossier", "purpose", "b", "c")
