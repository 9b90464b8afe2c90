import json
import socket

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import semlens_widgets as sl
from semlens_widgets.vectors import unit

CONFIG = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
PREPROCESS = {"mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25], "interpolation": "bilinear", "resize_mode": "squash"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A CLIP with random weights in open_clip's folder layout."""
    folder = tmp_path_factory.mktemp("clip") / "small"
    folder.mkdir()
    torch.manual_seed(0)
    model = open_clip.model.CLIP(**CONFIG)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIG, "preprocess_cfg": PREPROCESS}))
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def pictures(count):
    random = np.random.default_rng(0)
    return [Image.fromarray(random.integers(0, 256, (19, 23, 3), dtype=np.uint8)) for _ in range(count)]


def test_a_local_folder_gives_open_clips_own_vectors(folder):
    clip = sl.OpenClip(folder)
    model, _, prepare = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(["a ruler", "hair"])
    with torch.no_grad():
        expected = model.eval().encode_text(tokens, normalize=True).numpy()
        seen = model.encode_image(torch.stack([prepare(p) for p in pictures(3)]), normalize=True).numpy()
    assert np.allclose(clip.texts(["a ruler", "hair"]), expected, atol=1e-5)
    assert np.allclose(clip.images(pictures(3)), seen, atol=1e-5)


def test_batches_do_not_change_vectors(folder):
    assert np.allclose(
        sl.OpenClip(folder, batch_size=2).images(pictures(7)), sl.OpenClip(folder).images(pictures(7)), atol=1e-5
    )


def test_the_name_changes_with_the_weights(folder, tmp_path):
    import shutil

    copy = tmp_path / "small"
    shutil.copytree(folder, copy)
    assert sl.OpenClip(copy).name == sl.OpenClip(folder).name
    weights = bytearray((copy / "open_clip_model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "open_clip_model.safetensors").write_bytes(weights)
    assert sl.OpenClip(copy).name != sl.OpenClip(folder).name


def test_the_name_does_not_change_with_what_is_only_beside_the_weights(folder, tmp_path):
    import shutil

    copy = tmp_path / "small"
    shutil.copytree(folder, copy)
    for file in ("README.md", "LICENSE", ".DS_Store", "._open_clip_config.json", "notes.txt", "thumbnail.png"):
        (copy / file).write_text("of no account")
    (copy / ".cache").mkdir()
    assert sl.OpenClip(copy).name == sl.OpenClip(folder).name
    names = {sl.OpenClip(copy).name}
    for file in ("words.txt", "bpe.txt.gz", "tokenizer.json", "merges.txt"):
        (copy / file).write_text("it matters")
        names.add(sl.OpenClip(copy).name)
    assert len(names) == 5


def test_the_demos_clip_is_called_as_it_was():
    weights = sl.OpenClip(sl.demo.clip_folder()).folder.iterdir()
    assert sl.OpenClip(sl.demo.clip_folder()).name == f"clip@{hash_of_all(weights)}"


def hash_of_all(files):
    import hashlib

    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def test_a_file_made_when_all_files_of_the_folder_counted_knows_its_clip(folder, tmp_path):
    import shutil

    copy = tmp_path / "small"
    shutil.copytree(folder, copy)
    (copy / "README.md").write_text("about these weights")
    former, clip = f"small@{hash_of_all(copy.iterdir())}", sl.OpenClip(copy)
    assert clip.name != former
    assert clip.called(former).name == former
    assert clip.called("small@0123456789ab") is clip


def test_a_checkpoint_file_is_read_by_path(tmp_path):
    torch.manual_seed(1)
    model = open_clip.create_model("RN50-quickgelu")
    path = tmp_path / "weights.pt"
    torch.save(model.state_dict(), path)
    clip = sl.OpenClip("RN50-quickgelu", path)
    with torch.no_grad():
        expected = unit(model.eval().encode_text(open_clip.get_tokenizer("RN50-quickgelu")(["hair"])).numpy())
    assert np.allclose(clip.texts(["hair"]), expected, atol=1e-4)
    assert clip.name.startswith("RN50-quickgelu/weights.pt@")


def test_a_listed_vocabulary_reports_words_it_does_not_hold(folder, tmp_path):
    import shutil

    copy = tmp_path / "small"
    shutil.copytree(folder, copy)
    (copy / "words.txt").write_text("ruler\nblue-white\nblue\nwhite\nveil\n")
    clip = sl.OpenClip(copy)
    assert clip.unknown_words("a blue-white Veil") == ["a"]
    assert sl.text_probes(clip, ["ruler", "coffee cup"]).unknown == ((), ("coffee", "cup"))
    assert sl.OpenClip(folder).unknown_words("coffee") == []


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: sl.OpenClip("ViT-B-32"), ValueError, "would have random weights"),
        (lambda: sl.OpenClip("some/absent/folder"), FileNotFoundError, r"no folder with open_clip_config\.json"),
        (lambda: sl.OpenClip("ViT-Q-32", "openai").texts(["a"]), RuntimeError, "open_clip does not know it"),
        (lambda: sl.OpenClip("ViT-B-32", "openay").texts(["a"]), RuntimeError, "its tags are .*openai"),
        (lambda: sl.OpenClip("ViT-B-32", "laion2b_s34b_b79k").texts(["a"]), RuntimeError, "without a network give"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_do_in_one_line(make, error, message):
    with pytest.raises(error, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)


def test_a_damaged_folder_says_so(folder, tmp_path):
    copy = tmp_path / "small"
    copy.mkdir()
    (copy / "open_clip_config.json").write_text((folder / "open_clip_config.json").read_text())
    (copy / "open_clip_model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(RuntimeError, match="from its folder"):
        sl.OpenClip(copy).texts(["a"])


def test_an_open_clip_is_made_again_from_its_spec(folder, tmp_path):
    assert sl.OpenClip.from_spec(sl.OpenClip(folder).spec).name == sl.OpenClip(folder).name
    assert sl.OpenClip.from_spec({"folder": str(tmp_path)}) is None
    assert sl.OpenClip.from_spec(sl.OpenClip("ViT-B-32", "openai").spec).name == "ViT-B-32/openai"


def test_a_model_of_the_hub_brings_its_weights_and_a_folder_may_be_named_as_open_clip_does(folder):
    hub = sl.OpenClip("hf-hub:owner/model")
    assert hub.name == "hf-hub:owner/model"
    assert sl.OpenClip.from_spec(hub.spec).name == hub.name
    assert sl.OpenClip(f"local-dir:{folder}").name == sl.OpenClip(folder).name


def test_a_model_kept_from_the_hub_is_loaded_without_a_network(folder, tmp_path, monkeypatch):
    import shutil

    from huggingface_hub import constants

    kept = tmp_path / "models--owner--model"
    shutil.copytree(folder, kept / "snapshots" / "0123")
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("0123")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    vectors = sl.OpenClip("hf-hub:owner/model").texts(["a ruler"])
    assert vectors == pytest.approx(sl.OpenClip(folder).texts(["a ruler"]), abs=1e-5)


def test_the_same_weights_in_a_folder_of_another_name_are_the_same_clip(folder):
    known = sl.OpenClip(folder)
    weights = known.name.rpartition("@")[2]
    assert known.called(f"elsewhere@{weights}").name == f"elsewhere@{weights}"
    assert known.called("elsewhere@123").name == known.name
    assert known.name != f"elsewhere@{weights}", "the one it was made from keeps its name"


class Odd:
    """A CLIP that gives something else than one finite vector for each text or picture."""

    name = "odd-clip"

    def __init__(self, make):
        self.make = make

    def texts(self, texts):
        return self.make(len(texts))

    images = texts


ODD = {
    "NaN": lambda n: np.full((n, 4), np.nan),
    "infinite": lambda n: np.full((n, 4), np.inf),
    "zeros": lambda n: np.zeros((n, 4)),
    "too few": lambda n: np.ones((n - 1, 4)),
    "one for all": lambda n: np.ones(4),
    "flat": lambda n: np.ones(n * 4),
    "no dimensions": lambda n: np.ones((n, 0)),
    "tokens": lambda n: np.ones((n, 7, 4)),
    "no numbers": lambda n: np.array([["a"] * 4] * n),
    "nothing": lambda n: None,
}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_a_clip_that_gives_no_vectors_is_refused_by_name_and_not_taken_for_not_found(make, as_installed):
    with pytest.raises(ValueError, match=r"odd-clip .*(text|vector)"):
        sl.text_probes(Odd(make), ["red thing", "dog"], ("{}",))
    with pytest.raises(ValueError, match=r"odd-clip .*(picture|vector)"):
        sl.image_probes(Odd(make), [Image.new("RGB", (3, 5)), Image.new("RGB", (5, 3))])


def test_the_text_or_picture_that_has_no_vector_is_named(as_installed):
    def second_is_nan(n):
        return np.where(np.arange(n)[:, None] == 1, np.nan, 1.0) * np.ones(4)

    with pytest.raises(ValueError, match=r"NaN.* for text 'dog'"):
        sl.text_probes(Odd(second_is_nan), ["red thing", "dog"], ("{}",), null=False)
    with pytest.raises(ValueError, match=r"NaN.* for picture 2 of 3"):
        sl.image_probes(Odd(second_is_nan), [Image.new("RGB", (3, 5))] * 3)
