"""Performance and subgroups: measures beside plain ones, intervals that hold the truth, groups that are found."""

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss, recall_score, roc_auc_score
from torch import nn

import semlens_widgets as sl
from semlens_widgets.components import Components
from semlens_widgets.inference import holm
from semlens_widgets.model import Layer
from semlens_widgets.outputs import decide
from semlens_widgets.performance import (
    Answers,
    Candidate,
    NoLabels,
    ask_all,
    bootstrap,
    difference,
    of_auroc,
    of_share,
    p_of_difference,
    performance,
    read_metadata,
)
from semlens_widgets.performance.measures import by_class, measure, reliability

CLASSES = {2: ("nevus", "melanoma"), 3: ("cat", "dog", "owl")}


def answers(seed=0, n=211, classes=2, skill=1.5, sharp=1.0, labels=None):
    """Made-up answers: logits that know the class by `skill` and are `sharp` times as sure as they should be."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n) if labels is None else labels
    logits = random.normal(size=(n, classes)) + skill * (labels[:, None] == np.arange(classes))
    logits = sharp * logits
    raised = np.exp(logits - logits.max(1, keepdims=True))
    chances = raised / raised.sum(1, keepdims=True)
    margins = np.log(chances) - np.log1p(-chances)
    says = logits.argmax(1)[:, None] == np.arange(classes)
    truth = (labels[:, None] == np.arange(classes)).astype(float)
    return Answers(np.arange(n), CLASSES[classes], "single", chances, margins, says, truth)


# measures beside plain ones


@pytest.mark.parametrize("classes", [2, 3])
def test_every_measure_is_the_plain_one(classes):
    a = answers(1, classes=classes)
    target = classes - 1
    found, labels = measure(a, target), a.labels
    says = a.chances.argmax(1)
    assert found.accuracy.mean == pytest.approx((says == labels).mean())
    assert found.auroc.mean == pytest.approx(roc_auc_score(labels == target, a.chances[:, target]))
    assert found.sensitivity.mean == pytest.approx(recall_score(labels == target, says == target))
    assert found.specificity.mean == pytest.approx((says != target)[labels != target].mean())
    plain = (
        brier_score_loss(labels, a.chances[:, 1])
        if classes == 2
        else np.mean([((a.chances[i] - np.eye(3)[labels[i]]) ** 2).sum() for i in range(len(a))])
    )
    assert found.brier.mean == pytest.approx(plain)
    error = 0.0
    for low in np.arange(15) / 15:
        own = (a.chances.max(1) > low) & (a.chances.max(1) <= low + 1 / 15)
        if own.any():
            error += own.mean() * abs(a.chances.max(1)[own].mean() - (says == labels)[own].mean())
    assert found.ece.mean == pytest.approx(error)
    assert found.images, found.positives == (211, int((labels == target).sum()))
    bins = reliability(a, target)
    assert sum(b.images for b in bins) == 211
    assert sum(b.images * abs(b.confidence - b.right.mean) for b in bins) / 211 == pytest.approx(error)


def test_means_over_classes_are_means_of_the_classes():
    a = answers(2, classes=3)
    found, single = measure(a, None), by_class(a)
    for name in ("auroc", "sensitivity", "specificity"):
        assert found[name].mean == pytest.approx(np.mean([getattr(c, name).mean for c in single]))
        assert found[name].low < found[name].mean < found[name].high
    assert found.auroc.mean == pytest.approx(roc_auc_score(a.labels, a.chances, multi_class="ovr"))
    assert found.sensitivity.mean == pytest.approx(recall_score(a.labels, a.chances.argmax(1), average="macro"))


def test_ties_count_half():
    scores, positive = np.asarray([0.0, 1, 1, 1, 2, 2]), np.asarray([0, 0, 1, 0, 1, 0], bool)
    assert of_auroc(scores, positive).value == pytest.approx(roc_auc_score(positive, scores))


# intervals


@pytest.mark.parametrize(("right", "n"), [(0, 7), (7, 7), (3, 7), (90, 101), (1, 1)])
def test_the_interval_of_a_share_is_wilsons(right, n):
    found, plain = of_share(right, n).interval, binomtest(right, n).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-9)


@pytest.mark.parametrize(("auroc", "yes", "no"), [(0.5, 5, 7), (0.93, 11, 23), (1.0, 4, 9), (0.0, 4, 9)])
def test_the_ends_of_an_auroc_lie_two_of_their_own_errors_away(auroc, yes, no):
    from semlens_widgets.performance.estimates import Estimate

    found = Estimate(auroc, "auroc", (yes, no)).interval
    for end in (found.low, found.high):
        if 0 < end < 1:
            spread = end * (1 - end) + (yes + no - 2) / 2 * end * (1 - end) * ((1 - end) / (2 - end) + end / (1 + end))
            assert abs(end - auroc) == pytest.approx(1.959964 * np.sqrt(spread / (yes * no)), rel=1e-4)
    assert found.low <= auroc <= found.high
    assert found.high - found.low > 0.2  # also where all images are told apart


def test_the_bootstrap_is_the_plain_one():
    random = np.random.default_rng(3)
    values, strata = random.gamma(2.0, size=67), random.integers(0, 2, 67)
    value, low, high = bootstrap(lambda w: w @ values / w.sum(1), strata, rounds=4000)
    drawn = []
    for _ in range(4000):
        parts = [random.choice(np.flatnonzero(strata == s), (strata == s).sum()) for s in (0, 1)]
        drawn.append(values[np.concatenate(parts)].mean())
    plain = np.quantile(drawn, (0.025, 0.975))
    width = plain[1] - plain[0]
    assert value == pytest.approx(values.mean())
    assert abs(low - plain[0]) < 0.08 * width
    assert abs(high - plain[1]) < 0.08 * width
    _, basic_low, basic_high = bootstrap(lambda w: w @ values / w.sum(1), strata, rounds=4000, basic=True)
    assert (basic_low, basic_high) == pytest.approx((2 * value - high, 2 * value - low))


def covered(made, times, seed=0):
    """How often the interval that `made(random)` gives holds the truth that it gives."""
    random = np.random.default_rng(seed)
    inside = 0
    for _ in range(times):
        truth, interval = made(random)
        inside += interval.low <= truth <= interval.high
    return inside / times


def _share(random):
    p = random.uniform(0.6, 0.97)
    n = int(random.integers(20, 120))
    return p, of_share(int(random.binomial(n, p)), n).interval


def _auroc(random):
    from scipy.special import ndtr

    apart = random.uniform(0.3, 2.0)
    yes, no = random.normal(apart, size=int(random.integers(15, 70))), random.normal(size=int(random.integers(15, 90)))
    scores = np.concatenate([yes, no])
    return float(ndtr(apart / np.sqrt(2))), of_auroc(scores, np.arange(len(scores)) < len(yes)).interval


def _difference(random):
    (p, q), (n, m) = random.uniform(0.6, 0.95, 2), random.integers(20, 120, 2)
    a, b = of_share(int(random.binomial(n, p)), int(n)), of_share(int(random.binomial(m, q)), int(m))
    return p - q, difference(a, b)


@pytest.mark.parametrize("made", [_share, _auroc, _difference])
def test_intervals_hold_the_truth_in_95_of_100_cases(made):
    assert abs(covered(made, 3000) - 0.95) <= 0.02


def calibration_error(a):
    """The plain one: per bin the share of images times how far confidence and right answers are apart."""
    confidence, right = a.chances.max(1), a.chances.argmax(1) == a.labels
    at = np.ceil(confidence * 15)
    return sum((at == bin).mean() * abs((confidence - right)[at == bin].mean()) for bin in np.unique(at))


@pytest.mark.parametrize("classes", [2, 3])
def test_resampled_intervals_hold_the_truth_in_95_of_100_cases(monkeypatch, classes):
    from semlens_widgets.performance import measures

    monkeypatch.setattr(measures, "ROUNDS", 200)
    much = answers(99, 150_000, classes, sharp=1.6)  # so many that what is measured of them is the truth
    of_class = slice(1, 2) if classes == 2 else slice(None)
    truth = {
        "brier": ((much.chances - much.truth)[:, of_class] ** 2).sum(1).mean(), "ece": calibration_error(much),
    } | ({"auroc": np.mean([of_auroc(much.margins[:, c], much.labels == c).value for c in range(3)])}
         if classes == 3 else {})  # fmt: skip
    cases, inside = 600 // classes, dict.fromkeys(truth, 0)
    for seed in range(cases):
        found = measure(answers(1000 + seed, 200, classes, sharp=1.6), None if classes == 3 else 1)
        for name, value in truth.items():
            inside[name] += found[name].low <= value <= found[name].high
    for name, times in inside.items():  # the share itself is uncertain by .013 to .016
        assert abs(times / cases - 0.95) <= 0.02 + 0.02, (name, times / cases)


def test_the_p_of_a_difference_is_where_its_interval_reaches_zero():
    random = np.random.default_rng(5)
    alarms = 0
    for _ in range(800):
        n, m = (int(x) for x in random.integers(20, 90, 2))
        a, b = of_share(int(random.binomial(n, 0.85)), n), of_share(int(random.binomial(m, 0.85)), m)
        p, interval = p_of_difference(a, b), difference(a, b)
        assert (p <= 0.05) == (not interval.low <= 0 <= interval.high) or abs(p - 0.05) < 1e-6
        alarms += p <= 0.05
    assert abs(alarms / 800 - 0.05) <= 0.02
    assert p_of_difference(of_share(3, 9), of_share(3, 9)) == 1
    assert 0 <= p_of_difference(of_share(100_000, 100_000), of_share(0, 100_000)) < 1e-100


# groups


def planted(seed=0, n=900):
    """Numbers of which the model adds up the first, and a shortcut only at site B."""
    random = np.random.default_rng(seed)
    labels, site, artefact = (random.integers(0, 2, n) for _ in range(3))
    signal = random.normal(size=n) + 1.4 * (2 * labels - 1)
    seen = 0.2 + 0.6 * artefact + 0.05 * random.normal(size=n)
    numbers = np.stack([(signal + 10) / 20, seen, site], 1).clip(0, 1).astype(np.float32)
    metadata = {
        "site": np.where(site == 1, "B", "A").tolist(),
        "sex": random.choice(["f", "m"], n).tolist(),
        "age": random.integers(18, 90, n).tolist(),
    }
    data = sl.images([torch.tensor(v)[None, None] for v in numbers], mean=0.0, std=1.0, labels=labels.tolist())
    return data, metadata


class AtOneSite(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x):
        found = self.layer(x.flatten(1))
        total = 20 * found[:, 0] - 10 + 5 * (found[:, 1] > 0.5) * (found[:, 2] > 0.5)
        return torch.stack([torch.zeros_like(total), total], 1)


SHORTCUT = (Candidate("artefact", "spurious", (1,)),)


def measured(data, metadata, model=None, target=1, candidates=SHORTCUT, **options):
    model = model or AtOneSite()
    names = Components(("layer",), (3,), (False,))
    asked = ask_all(model, data, decide(model, data), layers=[Layer("layer")], components=names,
                    rows=[row for c in candidates for row in c.rows], progress=False)  # fmt: skip
    return performance(
        asked.answers, target, metadata=read_metadata(metadata, data), candidates=candidates,
        responses=asked.responses, components=names, notes=asked.notes, **options,
    )  # fmt: skip


def test_a_shortcut_that_acts_in_one_subgroup_only_is_found_there_and_nowhere_else():
    found = measured(*planted())
    assert found["site: B"].worse
    assert found["site: B"].worse[0].measure == "specificity"
    assert found["artefact strong, site: B"].worse[0].difference.mean < -0.5
    assert not found["artefact strong, site: A"].worse
    assert not any(found[name].worse for name in ("sex: f", "sex: m"))
    assert not any(s.worse for s in found.subgroups if s.column == "age")
    assert found.worst("specificity").name == "site: B"
    assert "artefact strong, site: B: specificity" in found.message
    assert found["artefact strong"].told_apart
    without = measured(*planted(), model=WithoutShortcut())
    assert without.worse == ()
    assert "in none the model is surely worse" in without.message


class WithoutShortcut(AtOneSite):
    def forward(self, x):
        total = 20 * self.layer(x.flatten(1))[:, 0] - 10
        return torch.stack([torch.zeros_like(total), total], 1)


def test_groups_that_do_not_differ_raise_an_alarm_in_one_case_of_twenty():
    alarms = 0
    for seed in range(40):
        a = answers(seed, 300)
        random = np.random.default_rng(seed)
        columns = {f"c{i}": random.integers(0, 3, 300).tolist() for i in range(2)}
        data = sl.images(np.zeros((300, 2, 2, 3), np.uint8), labels=a.labels.tolist())
        alarms += bool(performance(a, 1, metadata=read_metadata(columns, data)).worse)
    assert alarms <= 6  # expected at most 2


def test_corrections_are_holms_over_all_that_was_looked_at_and_halves_count_once():
    data, metadata = planted()
    found = measured(data, metadata)
    gaps = [gap for part in (*found.subgroups, *found.slices) for gap in part.gaps]
    assert found["site: A"].gaps[0].p == found["site: B"].gaps[0].p
    assert found["site: A"].gaps[0].difference.mean == pytest.approx(-found["site: B"].gaps[0].difference.mean)
    assert found.tests < len(gaps)
    by_p = {gap.p: gap.p_family for gap in gaps}
    half = {id(gap) for s in found.subgroups if s.value in ("B", "m") for gap in s.gaps}
    tests = [gap.p for gap in gaps if id(gap) not in half]
    assert len(tests) == found.tests
    corrected = holm(np.asarray(tests))
    assert [by_p[p] for p in tests] == pytest.approx(corrected.tolist())


def test_a_group_of_one_class_has_no_auroc_and_says_why():
    a = answers(4)
    data = sl.images(np.zeros((211, 2, 2, 3), np.uint8), labels=a.labels.tolist())
    found = performance(a, 1, metadata=read_metadata({"diagnosis": a.labels.tolist()}, data))
    only = found["diagnosis: 1"].measures
    assert np.isnan(only.auroc.mean)
    assert np.isnan(only.specificity.mean)
    assert only.why["auroc"] == "every image is melanoma"
    assert found["diagnosis: 0"].measures.why["sensitivity"] == "no image is melanoma"
    assert only.sensitivity.low < only.sensitivity.mean < only.sensitivity.high
    assert "nan" not in found.to_json().lower()


def test_tiny_groups_are_measured_and_not_compared():
    a = answers(5)
    column = ["rare" if i < 6 else "common" for i in range(211)]
    data = sl.images(np.zeros((211, 2, 2, 3), np.uint8), labels=a.labels.tolist())
    found = performance(a, 1, metadata=read_metadata({"device": column}, data))
    rare = found["device: rare"]
    assert rare.measures.images == 6
    assert rare.gaps == ()
    assert rare.measures.accuracy.high - rare.measures.accuracy.low > 0.3
    assert found.tests == 0


# metadata


def empty(n, names=None, tmp_path=None):
    if names is None:
        return sl.images(np.zeros((n, 2, 2, 3), np.uint8))
    from PIL import Image

    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    return sl.images(tmp_path)


def test_a_csv_beside_the_images_is_found_and_brought_to_their_order(tmp_path):
    data = empty(3, ["a.png", "b.png", "c.png"], tmp_path)
    (tmp_path / "metadata.csv").write_text("file_name,sex,age\nc.png,f,30\na.png,m,\nb.png,f,50\nz.png,m,1\n")
    found = read_metadata(None, data)
    assert found.columns == {"sex": ("m", "f", "f"), "age": (None, 50, 30)}
    assert found.notes == ("rows of other images in metadata.csv left out: 1",)


@pytest.mark.parametrize("column", ["image_id", "isic_id", "anything"])
def test_names_without_ending_or_folder_are_understood(tmp_path, column):
    data = empty(2, ["x/a.png", "x/b.png"], tmp_path)
    (tmp_path / "m.csv").write_text(f"{column};sex\nb;f\na;m\n")
    assert read_metadata(tmp_path / "m.csv", data).columns == {"sex": ("m", "f")}


def test_images_without_a_row_are_named(tmp_path):
    data = empty(3, ["a.png", "b.png", "c.png"], tmp_path)
    (tmp_path / "m.csv").write_text("file_name,sex\na.png,m\n")
    with pytest.raises(ValueError, match=r"2 of 3 images have no row in m\.csv: 'b\.png', 'c\.png'; add their rows"):
        read_metadata(tmp_path / "m.csv", data)


def test_a_name_that_stands_twice_is_named(tmp_path):
    data = empty(2, ["a.png", "b.png"], tmp_path)
    (tmp_path / "m.csv").write_text("file,sex\na.png,m\nb.png,f\na.png,f\n")
    with pytest.raises(ValueError, match=r"1 image stands twice in m\.csv: 'a\.png'"):
        read_metadata(tmp_path / "m.csv", data)


def test_a_csv_of_files_needs_their_names(tmp_path):
    data = empty(2, ["a.png", "b.png"], tmp_path)
    (tmp_path / "m.csv").write_text("sex,age\nm,1\nf,2\n")
    with pytest.raises(ValueError, match=r"no column of m\.csv holds the names of the images, such as 'a\.png'"):
        read_metadata(tmp_path / "m.csv", data)
    with pytest.raises(FileNotFoundError, match="no file"):
        read_metadata(tmp_path / "none.csv", data)


@pytest.mark.parametrize(
    "given",
    [
        {"sex": ["f", "m", None]},
        [{"sex": "f"}, {"sex": "m"}, {"sex": float("nan")}],
        pd.DataFrame({"sex": ["f", "m", None]}),
        {"2": {"sex": None}, "0": {"sex": "f"}, "1": {"sex": "m"}},
        pd.DataFrame({"image": [2, 0, 1], "sex": ["NA", "f", "m"]}),
        pd.DataFrame({"sex": ["", "f", "m"]}, index=["2", "0", "1"]),
    ],
    ids=["columns", "rows", "table", "by name", "table with names", "table with an index"],
)
def test_tables_of_any_kind_say_the_same(given):
    assert read_metadata(given, empty(3)).columns["sex"] == ("f", "m", None)


def test_columns_of_a_hugging_face_data_set_are_taken():
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"site": ClassLabel(names=["A", "B"]), "age": Value("int64"), "note": Value("string")})
    data = Dataset.from_dict({"site": [1, 0], "age": [30, 40], "note": ["x", "y"]}, features=features)
    assert read_metadata(data, empty(2)).columns == {"site": ("B", "A"), "age": (30, 40), "note": ("x", "y")}


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({"sex": ["f"]}, ValueError, "the metadata have 1 row for 3 images"),
        ({"sex": ["f"] * 3, "age": [1]}, ValueError, "column 'sex' has 3 values, 'age' has 1"),
        ({"sex": 5}, TypeError, "column 'sex' is a int"),
        ({}, ValueError, "no columns"),
        (7, TypeError, "metadata are a int"),
    ],
)
def test_what_does_not_belong_to_the_images_is_refused(given, error, match):
    with pytest.raises(error, match=match):
        read_metadata(given, empty(3))


def test_numbers_become_quarters_identifiers_no_groups_and_what_is_missing_one_of_its_own():
    n = 100
    given = {"age": [None, *range(20, 20 + n - 1)], "id": [f"p{i}" for i in range(n)], "same": ["x"] * n,
             "code": ["007", "12"] * (n // 2)}  # fmt: skip
    found = read_metadata(given, empty(n))
    groups = found.groups("age")
    assert list(groups) == ["20 to 44", "45 to 69", "70 to 94", "95 to 118", "not stated"]
    assert sum(mask.sum() for mask in groups.values()) == n
    assert found.left_out == ("id",)
    assert list(found.groups("code")) == ["007", "12"]
    told = performance(answers(0, n), 1, metadata=found)
    assert any("id has more values" in note for note in told.notes)
    assert "same has one value only" in told.notes
    assert "age is not stated for 1 image" in told.notes


# kinds of outputs


class Logits(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.layer = nn.Identity()
        self.weight = torch.tensor(weight)

    def forward(self, x):
        return self.layer(x.flatten(1)) @ self.weight


def numbers(labels, classes=(), n=61, seed=0):
    random = np.random.default_rng(seed)
    values = random.normal(size=(n, 3)).astype(np.float32)
    data = [torch.tensor(v)[None, None] for v in values / 16 + 0.5]
    return sl.images(data, mean=0.5, std=1 / 16, labels=labels, classes=classes)


def test_one_logit_is_two_classes():
    labels = np.random.default_rng(1).integers(0, 2, 61)
    data = numbers(labels.tolist(), ("no", "yes"))
    model = Logits([[1.0], [0.0], [2.0]])
    found = measured(data, None, model, None, ())
    values = np.stack([np.asarray(data.tensor(i)).ravel() for i in range(61)])
    plain = 1 / (1 + np.exp(-values @ [1, 0, 2]))
    assert found.target == "yes"
    assert found.overall.accuracy.mean == pytest.approx(((plain > 0.5) == labels).mean())
    assert found.overall.auroc.mean == pytest.approx(roc_auc_score(labels, plain), abs=1e-6)
    assert found.overall.brier.mean == pytest.approx(((plain - labels) ** 2).mean(), abs=1e-6)


def test_several_labels_at_once_are_measured_from_a_table():
    data = numbers(None, ("a", "b", "c"))
    model = nn.Sequential(Logits(np.eye(3, dtype=np.float32).tolist()), nn.Sigmoid())
    outputs = decide(model, data, outputs="multi")
    with pytest.raises(NoLabels, match=r"give labels=… as a table of 0 and 1, 61 rows and a column for each"):
        ask_all(model, data, outputs, progress=False)
    table = np.random.default_rng(2).integers(0, 2, (61, 3)).astype(float)
    table[:5, 1] = np.nan
    named = pd.DataFrame(table, columns=list(outputs.classes))[list(outputs.classes)[::-1]]
    for given in (table, named, {name: table[:, i].tolist() for i, name in enumerate(outputs.classes)}):
        asked = ask_all(model, data, outputs, labels=given, progress=False)
        found = performance(asked.answers, 1)
        values = np.stack([np.asarray(data.tensor(i)).ravel() for i in range(61)])
        assert found.overall.images == 56
        assert found.overall.auroc.mean == pytest.approx(roc_auc_score(table[5:, 1], values[5:, 1]))
        assert found.overall.accuracy.mean == pytest.approx(((values > 0)[5:, 1] == table[5:, 1]).mean())
        assert [c.images for c in found.classes] == np.nansum(table, 0).astype(int).tolist()
    with pytest.raises(ValueError, match="labels are"):
        ask_all(model, data, outputs, labels=table[:, :2], progress=False)


def test_numbers_that_are_no_classes_and_data_without_labels_are_refused():
    data = numbers(None)
    model = Logits([[1.0], [0.0], [2.0]])
    with pytest.raises(NoLabels, match="of classes"):
        ask_all(model, data, decide(model, data, outputs="regression"), progress=False)
    two = Logits([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    with pytest.raises(NoLabels, match="no image has a label that is a class of the model"):
        ask_all(two, data, decide(two, data), progress=False)


def test_images_without_a_label_are_left_out_and_told():
    labels = [None if i % 5 == 0 else i % 2 for i in range(61)]
    data = numbers(labels)
    model = Logits([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    found = measured(data, {"half": [i % 2 for i in range(61)]}, model, 1, ())
    assert found.overall.images == 48
    assert "13 images without a label left out" in found.notes


# through the lens


PICTURES = sl.demo.images(500, 7, "unbiased")


@pytest.fixture(scope="module")
def lens():
    made = sl.demo.lens(n=400, layers=["layer4"], progress=False)
    made.audit(sl.Checklist.abcde(), target="melanoma", progress=False)
    return made


@pytest.fixture(scope="module")
def found(lens):
    """On pictures whose class is visible, and artefacts independent of it."""
    data = sl.images(PICTURES, transform=sl.demo.transform(), classes=sl.demo.CLASS_NAMES)
    sex = np.random.default_rng(0).choice(["f", "m"], len(PICTURES)).tolist()
    return lens.performance(data, metadata={"sex": sex}, reliance=False, progress=False)


def test_slices_of_shortcuts_are_where_the_demo_is_wrong(lens, found):
    truth = PICTURES.factors
    names = [factor.query for factor in sl.demo.FACTORS]
    for concept, measure_lost in (("ruler", "specificity"), ("coloured patch", "sensitivity")):
        part = found[concept]
        assert part.kind == "spurious"
        shown = truth[part.images, names.index(concept)].mean()
        assert shown >= 0.9
        lost = {gap.measure: gap for gap in part.gaps}[measure_lost]
        assert lost.worse
        assert lost.difference.high < -0.1
    assert not found["sex: f"].worse
    assert not found["sex: m"].worse
    assert set(found["ruler"].components) <= {str(c) for c in lens.report.spurious}


def test_reliance_is_that_of_the_audit(lens):
    sex = np.random.default_rng(0).choice(["f", "m"], 400).tolist()
    found = lens.performance(metadata={"sex": sex}, slices=False, progress=False)
    share = lens.report.shares["spurious"]
    assert found.reliance.mean == pytest.approx(share.mean, abs=0.03)
    parts = [found[f"sex: {sex}"] for sex in "fm"]
    assert all(part.reliance.low < part.reliance.mean < part.reliance.high for part in parts)
    behind = sum(part.reliance_images for part in parts)
    together = sum(part.reliance.mean * part.reliance_images for part in parts) / behind
    assert together == pytest.approx(found.reliance.mean)


def test_reliance_of_other_images_is_explained_anew(lens):
    data = sl.images(sl.demo.images(60, 5, "unbiased"), transform=sl.demo.transform(), classes=sl.demo.CLASS_NAMES)
    other = lens.performance(data, progress=False)
    assert 0 < other.reliance.mean < 1
    assert other.overall.images == 60


def test_without_an_audit_there_are_no_slices_and_that_is_said(as_installed):
    fresh = sl.demo.lens(n=131, layers=["layer4"], progress=False)  # one that nobody has audited
    told = fresh.performance(progress=False)
    assert told.slices == ()
    assert told.target == "melanoma"
    assert any("before lens.audit" in note for note in told.notes)
    with pytest.raises(TypeError, match=r"make it with sl\.images"):
        fresh.performance(data=[1])


def test_it_is_a_result_with_rows_json_text_and_a_figure(found, tmp_path):
    rows = found.to_rows()
    assert [row["part"] for row in rows[:3]] == ["all", "class", "class"]
    assert len({tuple(row) for row in rows}) == 1  # every row has the same columns
    assert found.to_csv().splitlines()[0].startswith("part,name,images,positives,accuracy,")
    document = json.loads(found.to_json())
    assert document["message"] == found.message
    assert document["tests"] == found.tests
    assert [s["column"] for s in document["subgroups"]] == [s.column for s in found.subgroups]
    assert "<table>" in found._repr_html_()
    assert "ruler strong" in repr(found)
    figure = found.figure(width_mm=180)
    assert "beside" not in figure.caption()
    assert figure.save(tmp_path / "p.pdf").stat().st_size > 2000
    assert sl.figures.problems(figure) == []
    assert sl.figures.problems(found.figure(width_mm=85, measures=["auroc"], theme="dark")) == []
    with pytest.raises(KeyError, match="no measure 'f1'"):
        found.figure(measures=["f1"])
    with pytest.raises(KeyError, match="no subgroup or slice 'nobody'"):
        found["nobody"]


def test_a_report_has_it_in_its_places(lens, found, tmp_path):
    document = lens.document(sections=[found, found.groups]).document
    assert [section["key"] for section in document["sections"]] == ["performance", "subgroups"]
    assert document["sections"][0]["data"]["tests"] == found.tests
    assert found["ruler"].worse[0].sentence in " ".join(document["sections"][1]["paragraphs"])
    text = lens.write_report(tmp_path / "r.html", sections=[found, found.groups]).read_text("utf-8")
    assert "Slices that components propose" in text


def test_the_pass_can_be_followed_and_ended(lens):
    seen = []
    follow = lambda done, total: seen.append((done, total))  # noqa: E731
    lens.performance(progress=False, slices=False, reliance=False, on_step=follow)
    assert seen[-1] == (400, 400)
    with pytest.raises(KeyboardInterrupt):
        lens.performance(progress=False, on_step=partial(_stop))


def _stop(done, total):
    raise KeyboardInterrupt
