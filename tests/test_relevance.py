"""Relevance over a data set against loops, and what makes it the same whatever the order of the pass."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from toy import ColourNet, colour_lens, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import store
from semlens_widgets.attribution import attribute
from semlens_widgets.attribution.values import NAMED
from semlens_widgets.images import UnreadableImage
from semlens_widgets.model import Layer, stack
from semlens_widgets.outputs import class_number
from semlens_widgets.relevance import NO_IMAGE, Relevance, relevance

CLASSES = ("warm", "cold")


def data(count=23, labelled=True, classes=CLASSES):
    labels = [i % 2 for i in range(count)] if labelled else None
    return sl.images(pictures(count), transform=to_pixels, labels=labels, classes=classes if labelled else ())


def made(images=None, **settings):
    settings = {"method": "gradient", "batch_size": 5, "progress": False, **settings}
    return relevance(ColourNet(), images or data(), ["colour", "rectified"], **settings)


def same(one, two):
    for name in ("counts", "mean", "share", "images", "targets", "values", "top_images", "top_values", "sums"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
    assert (one.components, one.classes, one.statistic, one.backend) == (
        two.components, two.classes, two.statistic, two.backend,
    )  # fmt: skip


def literally(images, targets):
    """Per image and layer |relevance| adds up to 1; means over each class, written as loops."""
    net = ColourNet()
    mean, share, counts = np.zeros((2, 8)), np.zeros((2, 8)), np.zeros(2)
    for i in range(len(images)):
        found = attribute(net, stack([images.tensor(i)]), int(targets[i]), ["colour", "rectified"], "gradient")
        row = []
        for layer in ("colour", "rectified"):
            amounts = found.relevances[layer][0].astype(np.float64)
            total = np.abs(amounts).sum()
            row += list(amounts / total if total > 0 else amounts)
        mean[targets[i]] += row
        share[targets[i]] += np.abs(row)
        counts[targets[i]] += 1
    layers = [slice(0, 4), slice(4, 8)]
    for c in range(2):
        for rows in layers:
            share[c, rows] /= share[c, rows].sum()
    return mean / counts[:, None], share


def test_mean_and_share_against_loops():
    images = data()
    found = made(images)
    mean, share = literally(images, [i % 2 for i in range(23)])
    np.testing.assert_allclose(found.mean, mean, atol=1e-6)
    np.testing.assert_allclose(found.share, share, atol=1e-6)
    assert found.counts.tolist() == [12, 11]
    np.testing.assert_allclose(found.share[:, :4].sum(1), 1, atol=1e-6)
    assert "label" in found.statistic
    assert found.backend == "gradient"


def test_without_labels_images_are_explained_for_what_the_model_answers():
    images = data(labelled=False)
    with torch.no_grad():
        answers = ColourNet()(stack([images.tensor(i) for i in range(23)])).argmax(1).numpy()
    assert 0 < answers.sum() < 23
    found = made(images)
    mean, _ = literally(images, answers)
    np.testing.assert_allclose(found.mean, mean, atol=1e-6)
    assert "predicted" in found.statistic
    assert found.classes == ("0", "1")
    assert "predicted" in made(data(), target="predicted").statistic


def test_labels_of_another_numbering_are_not_taken_for_outputs():
    images = data(classes=("a", "b", "c"))
    assert "predicted" in made(images).statistic
    with pytest.raises(ValueError, match="does not say which output it means"):
        made(images, target="label")
    with pytest.raises(ValueError, match="no labels"):
        made(data(labelled=False), target="label")


def test_most_relevant_images_are_the_strongest_of_the_class():
    found = made(k=3, sample=100)
    for c in range(2):
        mine = found.targets == c
        for row in range(8):
            values = found.values[mine, row].astype(np.float32)
            strongest = np.sort(values)[::-1][:3]
            np.testing.assert_allclose(found.top_values[c, row], strongest, rtol=1e-3, atol=1e-4)
            assert set(found.top_images[c, row]) <= set(found.images[mine])
    top = found.top_of("warm", "rectified:0")
    assert [v for _, v in top] == sorted((v for _, v in top), reverse=True)


def test_fewer_images_than_asked_for_leave_no_legal_number():
    found = made(data(5), k=4)
    assert found.counts.tolist() == [3, 2]
    assert (found.top_images[1, :, 2:] == NO_IMAGE).all()
    assert np.isnan(found.top_values[1, :, 2:]).all()
    assert len(found.top_of(1, 0)) == 2


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 22), st.integers(1, 22), st.randoms())
def test_shards_add_up_to_the_same_bits(first, second, random):
    whole = made(sample=4, k=3, first=(22, 3, 8))
    cuts = sorted({0, first, second, 23})
    parts = [made(ids=range(a, b), sample=4, k=3, first=(22, 3, 8)) for a, b in pairwise(cuts)]
    random.shuffle(parts)
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    same(merged, whole)


def test_the_sample_holds_the_images_that_are_wanted_first_and_a_pass_for_others_is_no_progress(tmp_path):
    wanted = (22, 3, 8)
    found = made(sample=4, first=wanted, progress_file=tmp_path / "pass")
    assert set(wanted) <= set(found.images.tolist())
    assert np.bincount(found.targets).max() == 4
    same(made(sample=4, progress_file=tmp_path / "pass"), made(sample=4))
    with pytest.raises(ValueError, match="first"):
        found.merge(made(sample=4))


@pytest.mark.parametrize("batch_size", [1, 4, 23, 64])
def test_batches_do_not_matter(batch_size):
    same(made(batch_size=batch_size), made())


def test_shards_of_different_passes_are_refused():
    with pytest.raises(ValueError, match="differ in k"):
        made(k=2).merge(made(k=3))
    with pytest.raises(ValueError, match="statistic"):
        made().merge(made(target="predicted"))


class Stop(Exception):
    pass


def test_a_stopped_pass_goes_on_where_it_was(tmp_path, monkeypatch):
    path, seen = tmp_path / "pass", []
    monkeypatch.setattr("time.monotonic", iter(range(0, 10**9, 1000)).__next__)

    def stop(done, total):
        seen.append(done)
        if done >= 10:
            raise Stop

    with pytest.raises(Stop):
        made(progress_file=path, on_step=stop)
    assert seen == [5, 10]
    seen.clear()
    found = made(progress_file=path, on_step=lambda done, total: seen.append((done, total)))
    assert seen == [(10, 23), (15, 23), (20, 23), (23, 23)]  # the first save was after one batch, the next is not due
    same(found, made())
    same(made(progress_file=path), made())  # and a finished one has nothing left to do
    same(made(progress_file=path, k=2), made(k=2))  # the file of another pass is no progress
    path.write_bytes(b"damaged")
    same(made(progress_file=path), made())


def test_the_model_is_as_before_also_after_a_stop():
    net = ColourNet().train()
    net.head.weight.requires_grad_(False)

    def stop(done, total):
        raise KeyboardInterrupt

    for backend in ("lrp", "gradient"):
        with pytest.raises(KeyboardInterrupt):
            relevance(net, data(), "colour", method=backend, progress=False, on_step=stop)
    assert net.training
    assert net.colour.weight.requires_grad
    assert not net.head.weight.requires_grad
    assert all(p.grad is None for p in net.parameters())
    assert all(not m._forward_hooks and not m._forward_pre_hooks for m in net.modules())


def test_it_comes_back_from_a_file_as_it_was(tmp_path):
    found = made()
    store.write(tmp_path / "r", found.to_arrays(), found.to_document())
    stored = store.Stored(tmp_path / "r")
    same(Relevance.from_document(found.components, stored.document, stored), found)


@pytest.mark.parametrize("method", ["auto", *sorted(set(NAMED) - {"zennit"}), sl.Composite("mine", {})], ids=str)
def test_a_lens_with_relevance_by_any_method_is_saved_and_opened(method, tmp_path):
    lens = colour_lens(20).fit(cached=False, progress=False)
    found = lens.relate(method=method, cached=False, progress=False)
    opened = sl.open(lens.save(tmp_path / "lens.semlens")).relevance
    same(opened, found)
    assert (opened.chosen, opened.measured is None) == (found.chosen, found.measured is None)
    if found.measured is not None:
        assert opened.measured.to_document() == found.measured.to_document()
    lens.to_html(tmp_path / "lens.html")


def test_unreadable_images_are_left_out_and_listed():
    images = data()
    load = images._load

    def broken(i):
        if i in (0, 7, 22):
            raise UnreadableImage(str(i), "broken by the test")
        return load(i)

    images._load = broken
    found = made(images)
    assert found.counts.sum() == 20
    assert [name for name, _ in found.unreadable] == ["0", "7", "22"]


def test_signed_layers_have_both_halves():
    layers = [Layer("colour", signed=True)]
    found = relevance(ColourNet(), data(), layers, method="gradient", progress=False)
    plain = relevance(ColourNet(), data(), "colour", method="gradient", progress=False)
    assert len(found.components) == 8
    assert str(found.components[4]) == "colour:0-"
    assert found.share.shape == (2, 8)
    assert plain.share.shape == (2, 4)


def test_an_encoder_is_refused_before_any_long_work():
    steps = []
    with pytest.raises(ValueError, match="no relevance for a prediction"):
        relevance(
            ColourNet(),
            data(),
            Layer("colour", via=nn.Linear(4, 7)),
            progress=False,
            on_step=lambda *s: steps.append(s),
        )
    assert not steps


def test_classes_by_name_or_number():
    found = made()
    np.testing.assert_array_equal(found.of("cold"), found.mean[1])
    np.testing.assert_array_equal(found.of("Cold"), found.mean[1])
    np.testing.assert_array_equal(found.of(0), found.of("warm"))
    with pytest.raises(KeyError, match=r"no class 'worm'; there are warm, cold .did you mean 'warm'"):
        found.of("worm")
    with pytest.raises(IndexError, match="classes go from 0 to 1"):
        found.of(2)
    assert class_number(np.int64(1), CLASSES) == 1


def test_rows_and_page_say_what_is_in_it():
    found = made()
    rows = found.to_rows(top=2)
    assert [row["class"] for row in rows] == ["warm", "warm", "cold", "cold"]
    assert rows[0]["mean"] == pytest.approx(found.of("warm")[rows[0]["row"]])
    assert abs(rows[0]["mean"]) == pytest.approx(np.abs(found.of("warm")).max())
    assert len(found.to_rows()) == 16
    assert "warm" in found._repr_html_()
    assert "8 components for 2 of 2 classes over 23 images" in repr(found)
    assert found.top("warm", 1, "colour")[0][0].layer == "colour"


@pytest.mark.usefixtures("as_installed")
def test_wrong_values_cannot_be_built():
    found = made()
    with pytest.raises(ValueError, match=r"\[class component\]"):
        Relevance(
            found.components, found.classes, found.counts, found.mean[:1], found.share, found.images, found.targets,
            found.values, found.top_images, found.top_values, "lrp", "by hand",
        )  # fmt: skip
    by_hand = Relevance(
        found.components, found.classes, found.counts, found.mean, found.share, found.images, found.targets,
        found.values, found.top_images, found.top_values, "lrp", "by hand",
    )  # fmt: skip
    with pytest.raises(ValueError, match="by hand"):
        by_hand.merge(by_hand)
