import errno
import os
import pydoc
import re
import signal
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl
from semlens_widgets import cache
from semlens_widgets.warned import Renamed


def lens(net=None, clip=None, count=30, **options):
    data = sl.images(pictures(count), transform=options.pop("transform", to_pixels))
    return sl.Lens(
        net or ColourNet(), data, ["colour", "head"], clip or ColourClip(), k=4, templates=("{}",), **options
    )


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files(home):
    return sorted(p.suffix for p in home.iterdir())


def test_making_a_lens_is_cheap_and_asking_before_fitting_says_so():
    clip = ColourClip()
    made = lens(clip=clip)
    assert clip.asked == []
    assert "not fitted" in repr(made)
    assert "not fitted" in made._repr_html_()
    with pytest.raises(sl.NotFitted, match=r"call lens\.fit\(\)"):
        made.search("red")


def test_a_second_fit_reads_the_cache_and_gives_the_same(home):
    first = lens().fit(progress=False)
    clip = ColourClip()
    second = lens(clip=clip).fit(progress=False)
    assert clip.asked == []
    assert np.array_equal(first.space.vectors, second.space.vectors)
    assert files(home) == [".crops", ".examples", ".semlens"]


@pytest.mark.parametrize("change", ["weights", "images", "transform", "clip", "k", "crop", "pooling", "layers"])
def test_a_changed_ingredient_never_meets_an_old_result(change):
    before = lens().source.recipe()
    net = ColourNet()
    options = {}
    if change == "weights":
        net.head.weight.data[0, 0] += 1
    changed = {
        "weights": lambda: lens(net=net),
        "images": lambda: lens(count=31),
        "transform": lambda: lens(transform=lambda p: to_pixels(p) / 2),
        "clip": lambda: lens(clip=ColourClip(name="colours, other weights")),
        "crop": lambda: lens(crop=None),
        "pooling": lambda: lens(pooling="mean"),
        "k": lambda: sl.Lens(ColourNet(), lens().source.images, ["colour", "head"], ColourClip(), k=5),
        "layers": lambda: sl.Lens(ColourNet(), lens().source.images, ["colour"], ColourClip(), k=4),
    }[change](**options)
    assert changed.source.recipe().key != before.key
    assert lens().source.recipe().key == before.key


def test_a_damaged_cache_is_made_again(home):
    lens().fit(progress=False)
    file = next(home.glob("*.semlens"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.warns(UserWarning, match="damaged and is made again"):
        lens().fit(progress=False)
    assert sl.open(file, clip=ColourClip()).search("red", layer="colour")[0].component.index == 0


def test_each_referenced_picture_is_embedded_once():
    clip = ColourClip()
    made = lens(clip=clip, crop=None, null=3, sample=5).fit(cached=False, progress=False)
    referenced = set(made.space.examples.referenced.tolist())
    assert sum(clip.asked) <= len(referenced) + 3 + 5
    assert len(made.space.crop_vectors) == len(referenced)


@pytest.mark.parametrize("crop", [None, "activation"])
def test_saved_and_opened_it_answers_the_same(tmp_path, crop):
    made = lens(crop=crop).fit(cached=False, progress=False)
    path = made.save(tmp_path / "toy.semlens")
    assert made.save(tmp_path / "again.semlens").read_bytes() == path.read_bytes()
    opened = sl.open(path, clip=ColourClip())
    for word in ("red", "blue"):
        a, b = made.search(word, top=None), opened.search(word, top=None)
        assert np.array_equal(a.rows, b.rows)
        assert np.array_equal(a.scores, b.scores)
        assert np.array_equal(a.z, b.z)
    assert opened.space.recipe == made.space.recipe
    assert opened.space.names == made.space.names
    assert opened.space.thumbnails.webp(3) == made.space.thumbnails.webp(3)
    assert opened.save(tmp_path / "copy.semlens").exists()


def test_opened_without_its_clip_it_answers_what_needs_none(tmp_path):
    path = lens().fit(cached=False, progress=False).save(tmp_path / "toy.semlens")
    opened = sl.open(path)
    assert sl.Component("colour", 1) not in opened.search(sl.Component("colour", 1), top=None).components
    with pytest.raises(RuntimeError, match=r"opened without its CLIP \(colours\)"):
        opened.search("red")
    with pytest.raises(ValueError, match="made with colours, not with others"):
        sl.open(path, clip=ColourClip(name="others"))
    with pytest.raises(RuntimeError, match="has no model"):
        opened.source  # noqa: B018


def test_where_another_clip_lies_now_a_file_opens_without_it():
    """A folder may hold other weights than when the file was made: what needs no new words works all the same."""
    made = lens().fit(cached=False, progress=False)
    opened = sl.Lens.of_space(made.space, {"clip": {"folder": str(sl.demo.clip_folder())}})
    assert "CLIP" in " ".join(opened.lacks)
    assert opened.role(0).component == made.components[0]
    with pytest.raises(RuntimeError, match=r"opened without its CLIP \(colours\)"):
        opened.search("red")
    with pytest.raises(ValueError, match="give the same CLIP"):
        sl.Lens.of_space(made.space, {}, clip=sl.OpenClip(sl.demo.clip_folder()))


def test_setting_the_query_sets_the_hits_and_back():
    made = lens().fit(cached=False, progress=False)
    seen = []
    made.observe(lambda change: seen.append(change["new"]), "hits")
    made.query = "red"
    assert made.hits[0].component == made.search("red")[0].component
    assert len(made.hits) == len(made.components)
    made.layer = "colour"
    assert len(made.hits) == 4
    made.query = " red ,, -blue, "
    assert made.query == "red, -blue"
    assert made.hits.scores.tolist() == made.search("red", negative="blue", layer="colour", top=None).scores.tolist()
    made.layer = None
    assert len(made.hits) == len(made.components)
    made.query = ""
    assert made.hits is None
    assert len(seen) == 5


def test_a_query_that_fails_leaves_the_last_good_state():
    made = lens().fit(cached=False, progress=False)
    made.query = "red"
    good = made.hits
    with pytest.raises(ValueError, match="only says what not to look for"):
        made.query = "-red"
    assert made.query == "red"
    assert made.hits is good
    with pytest.raises(KeyError, match="no layer 'color'"):
        made.layer = "color"
    assert made.layer is None


def test_the_selection_holds_components_however_they_are_named():
    made = lens().fit(cached=False, progress=False)
    made.selection = ["colour:2", 0, sl.Component("head", 1), "colour:2"]
    assert made.selection == [sl.Component("colour", 2), sl.Component("colour", 0), sl.Component("head", 1)]
    with pytest.raises(KeyError, match="head has 2 components"):
        made.selection = ["head:2"]
    assert str(made.selection[0]) == "colour:2"


def test_queries_from_many_threads_each_get_their_own_answer():
    made = lens().fit(cached=False, progress=False)
    wrong = []

    def ask(word, channel):
        for _ in range(30):
            if made.search(word, layer="colour")[0].component.index != channel:
                wrong.append(word)

    threads = [threading.Thread(target=ask, args=p) for p in (("red", 0), ("green", 1), ("blue", 2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_skipped_images_are_warned_about_and_listed(tmp_path):
    for i, picture in enumerate(pictures(9)):
        picture.save(tmp_path / f"{i}.png")
    (tmp_path / "3.png").write_bytes(b"")
    data = sl.images(tmp_path, transform=to_pixels)
    with pytest.warns(UserWarning, match=r"1 images could not be read and were skipped, first 3\.png"):
        made = sl.Lens(ColourNet(), data, "colour", ColourClip(), k=4).fit(cached=False, progress=False)
    assert [name for name, _ in made.unreadable] == ["3.png"]


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"images": [1]}, TypeError, r"make it with sl\.images"),
        ({"clip": "ViT-B-32"}, TypeError, r"give sl\.OpenClip"),
        ({"layers": "layer9"}, KeyError, "no layer 'layer9'"),
        ({"crop": "tight"}, ValueError, "crops are 'activation', 'crp', 'attention', or None"),
        ({"k": 1}, ValueError, "at least 2 examples"),
        ({"k": 4.5}, TypeError, "k is 4.5; it is a whole number"),
        ({"null": 1}, ValueError, "at least 2 random sets"),
        ({"sample": -1}, ValueError, "or 0 for no sample"),
        ({"pooling": "sum"}, ValueError, "pooled by 'max' or 'mean'"),
        ({"threshold": 2}, ValueError, "a share of the map's maximum"),
        ({"layers": [3]}, TypeError, r"layers has a int; give module names, or sl\.Layer"),
        ({"model": "resnet50"}, TypeError, "model is a str; give a torch module"),
        ({"templates": "a photo"}, ValueError, "'a photo of {}'; not 'a photo'"),
        ({"kk": 1}, TypeError, "kk"),
    ],
)
@pytest.mark.usefixtures("as_installed")
def test_wrong_ingredients_say_what_is_needed(wrong, error, message):
    right = {"model": ColourNet(), "images": sl.images(pictures(3)), "layers": "colour", "clip": ColourClip()}
    with pytest.raises(error, match=message):
        sl.Lens(**(right | wrong))


@pytest.fixture(scope="module")
def fitted():
    return lens().fit(cached=False, progress=False)


@pytest.mark.usefixtures("as_installed")
@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (lambda lens: lens.search(","), ValueError, "at least one word"),
        (lambda lens: lens.search("-red"), ValueError, "only says what not to look for"),
        (lambda lens: lens.search("red", negative=4), TypeError, "a word or a list of words to push away"),
        (lambda lens: lens.search("red", layer=4), TypeError, "layer is a int"),
        (lambda lens: lens.search(np.zeros((5, 5, 3))), TypeError, "cannot search for a ndarray; search for a text"),
        (lambda lens: lens.search("colour:77"), KeyError, "no component 'colour:77'; colour has 4"),
        (lambda lens: setattr(lens, "qurey", "red"), AttributeError, r"no 'qurey' to set \(did you mean 'query'\?\)"),
        (lambda lens: setattr(lens, "selection", [3.5]), TypeError, "3.5 is no component; give a row"),
        (lambda lens: lens.describe([1, 2]), TypeError, "1 in the vocabulary; its words are texts"),
        (lambda lens: lens.verify(lens.describe(["red", "blue"]), images=[1]), TypeError, r"make it with sl\.images"),
        (lambda lens: lens.evaluate("ViT"), TypeError, r"give sl\.OpenClip"),
        (lambda lens: lens.concept_table([]), ValueError, "no word to look for"),
        (lambda lens: sl.compare_many([lens, lens]), TypeError, "give them by name"),
        (lambda lens: lens.compare("b.semlens"), TypeError, r"sl\.open\(path\) for a file"),
        (lambda lens: lens.audit(["red"]), TypeError, r"checklist is a list; give a sl\.Checklist"),
        (lambda lens: lens.explain("absent.jpg"), KeyError, "'absent.jpg' is neither an image of the data set"),
        (lambda lens: lens.save("."), IsADirectoryError, "give the name of a file"),
    ],
)
def test_mistakes_are_answered_in_words(fitted, mistake, error, message):
    with pytest.raises(error, match=message):
        mistake(fitted)


def test_a_text_that_names_a_component_searches_for_that_component(fitted):
    asked = fitted.components[2]
    named, by_value = fitted.search(str(asked)), fitted.search(asked)
    assert (named.probe, list(named.rows)) == (by_value.probe, list(by_value.rows))
    assert np.allclose(fitted.answer(f"{asked}, {asked}").vector, by_value.vector)


def test_a_text_with_minus_terms_is_pushed_away_as_in_the_live_query(fitted):
    assert np.allclose(fitted.search("red, -blue", top=None).vector, fitted.answer("red, -blue").vector)
    assert np.allclose(fitted.search("red", negative="blue").vector, fitted.answer("red, -blue").vector)


def test_the_file_of_a_picture_is_searched_as_the_picture(fitted, tmp_path):
    picture = Image.new("RGB", (9, 7), (255, 0, 0))
    picture.save(tmp_path / "red.png")
    for query in (tmp_path / "red.png", str(tmp_path / "red.png")):
        assert np.allclose(fitted.search(query).vector, fitted.search(picture).vector)
    assert fitted.search(tmp_path / "red.png").probe == "red.png"


def test_the_help_of_a_lens_tells_all_its_verbs_in_the_order_they_are_written():
    own = [name for name, verb in vars(sl.Lens).items() if not name.startswith("_") and not isinstance(verb, Renamed)]
    _, listed = sl.Lens.__doc__.split("in the order in which one meets them:")
    listed, _ = listed.split("Examples\n")
    assert [
        verb for line in listed.split("\n") if ":" in line for verb in line.split(":")[1].strip().split(", ")
    ] == own
    shown = pydoc.plain(pydoc.render_doc(sl.Lens)).split("inherited from")[0]
    assert set(re.findall(r"^ \|  (\w+)\(", shown, re.MULTILINE)) == {"Lens", "__init__", *own}
    names = set(dir(sl.Lens)) - set(dir(traitlets.HasTraits))
    assert [name for name in names if not name.startswith("_") and not getattr(sl.Lens, name).__doc__] == []


def test_pythons_own_messages_speak_of_lens():
    assert sl.Lens.__init__.__qualname__ == "Lens"


def test_one_text_is_one_word_and_one_template():
    made = sl.Lens(
        ColourNet(), sl.images(pictures(3)), "colour", ColourClip(), vocabulary="common", templates="a photo of {}"
    )
    assert "dog" in made.vocabulary
    assert made.fit(cached=False, progress=False).concept_table("red").concepts == ("red",)


def test_a_cache_that_cannot_be_written_costs_the_cache_and_not_the_work(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("a folder cannot be made here")
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="cannot be written .* variable SEMLENS_CACHE"):
        made = lens().fit(progress=False)
    assert np.array_equal(made.space.vectors, lens().fit(cached=False, progress=False).space.vectors)
    with pytest.warns(UserWarning, match="cannot be written"):
        assert made.relate(progress=False).counts.sum() == 30


def test_a_full_disk_leaves_no_half_file_and_says_what_it_may_be(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    made = lens().fit(cached=False, progress=False)
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*a\.semlens'"):
        made.save(tmp_path / "a.semlens")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
sys.path.insert(0, {tests!r})
os.environ["SEMLENS_CACHE"] = {home!r}
import time
from itertools import accumulate, repeat
from operator import mul
time.monotonic = accumulate(repeat(100), mul, initial=100).__next__  # every batch is due for saving
import test_lens
from toy import ColourClip, to_pixels
left = [{after}]
def count():
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
class Clip(ColourClip):
    def images(self, pictures):
        count()
        return super().images(pictures)
def transform(picture):
    count()
    return to_pixels(picture)
test_lens.lens(clip=Clip(), transform=transform, count=300).fit(batch_size=4, progress=False)
print(left[0])
"""


def test_a_fit_killed_anywhere_is_resumed_to_the_same_bytes(tmp_path):
    """kill -9 at moments spread over collecting, cropping and embedding; then a fit that is left alone."""

    def fit(home, after):
        script = KILLED.format(tests=str(Path(__file__).parent), home=str(home), after=after)
        env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        return subprocess.run([sys.executable, "-c", script], env=env, check=False, capture_output=True, text=True)

    whole = fit(tmp_path / "whole", 10**6)
    assert whole.returncode == 0, whole.stderr
    steps = 10**6 - int(whole.stdout)
    expected = next((tmp_path / "whole").glob("*.semlens"))
    for number, share in enumerate((0.02, 0.35, 0.7, 0.9, 0.999)):
        home = tmp_path / str(number)
        assert fit(home, max(2, int(steps * share))).returncode == -signal.SIGKILL
        assert fit(home, 10**6).returncode == 0
        assert (home / expected.name).read_bytes() == expected.read_bytes()


def test_the_model_is_as_before_after_a_fit():
    net = ColourNet().train()
    lens(net=net).fit(cached=False, progress=False)
    assert net.training
    assert all(not m._forward_hooks for m in net.modules())
    assert all(p.requires_grad for p in net.parameters())
    assert torch.is_grad_enabled()


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv("SEMLENS_CACHE", str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.delenv("SEMLENS_CACHE")
    assert cache.folder().name in ("semlens_widgets", "Cache")


def test_library_calls_print_nothing(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = lens().fit(cached=False, progress=False)
        made.query = "red"
    assert capsys.readouterr().out == ""


def test_a_file_without_its_clip_still_answers_the_words_kept_in_it(tmp_path):
    made = lens(vocabulary=("red", "green")).fit(cached=False, progress=False)
    made.query = "blue"
    asked = {word: made.search(word, top=None) for word in ("red", "green", "blue")}
    path = made.save(tmp_path / "toy.semlens")
    opened = sl.open(path)
    assert opened.clip_or_none is None
    assert sorted(opened.known_words()) == ["blue", "green", "red"]
    for word, answer in asked.items():
        again = opened.search(word, top=None)
        assert again.to_rows() == answer.to_rows()
        assert again.message == answer.message
    with pytest.raises(RuntimeError, match=r"knows only the words kept in its file: red, green, blue; for 'yellow'"):
        opened.search("yellow")
    assert opened.save(tmp_path / "again.semlens").read_bytes() == path.read_bytes()
