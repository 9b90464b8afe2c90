"""What a stranger's file may have loaded: nothing that is not in open_clip's list or in this package, unless asked."""

import json
import re
import socket
from pathlib import Path

import pytest
from toy import ColourClip, colour_lens

import semlens_widgets as sl
from semlens_widgets import store
from semlens_widgets.clip import checked_templates, text_probes
from semlens_widgets.trust import clip_of_file


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return colour_lens(vocabulary=["red"]).fit(cached=False, progress=False).save(
        tmp_path_factory.mktemp("trust") / "toy.semlens"
    )  # fmt: skip


@pytest.fixture
def contacts(monkeypatch):
    """All attempts to reach another machine; none succeeds. The hub's client may try, as on a user's machine."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    tried = []

    def refuse(*address, **_):
        tried.append(address)
        raise OSError("no network here")

    for name in ("getaddrinfo", "create_connection", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tried


@pytest.fixture
def opened_paths(monkeypatch):
    """Every CLIP folder that open_clip is asked to make a model from."""
    import open_clip

    made = []

    def recorded(*given, **_):
        made.append(given)
        raise AssertionError(f"a model was made: {given}")

    monkeypatch.setattr(open_clip, "create_model_and_transforms", recorded)
    monkeypatch.setattr(open_clip, "get_tokenizer", recorded)
    return made


def naming(saved, path, spec, clip="colours", **more):
    """The file with another CLIP in it, its checksums repaired."""
    held = store.Stored(saved)
    document = json.loads(json.dumps(held.document))
    document["extra"] |= {"clip": spec} | more
    document["recipe"]["clip"] = clip
    return store.write(path, {name: held[name] for name in held}, document)


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A folder with a CLIP in it, which a file could name; the tests run beside it."""
    import shutil

    folder = tmp_path / "here" / "planted"
    shutil.copytree(sl.demo.clip_folder(), folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"] |= {"hf_model_name": "evil/text", "hf_tokenizer_name": "evil/tokens"}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    (folder / "weights.pt").write_bytes(b"a pickle")
    (tmp_path / "here" / "openly").write_bytes(b"a pickle")
    monkeypatch.chdir(tmp_path / "here")
    return folder


UNASKED = {
    "the hub": {"model": "hf-hub:evil/repo"},
    "the hub with a tag": {"model": "hf-hub:evil/repo", "pretrained": "openai"},
    "a schema": {"model": "local-dir:planted"},
    "a relative folder": {"folder": "planted"},
    "a folder upwards": {"folder": "../here/planted"},
    "a folder as model": {"model": "planted"},
    "a folder as model with a tag": {"model": "planted", "pretrained": "openai"},
    "an absolute folder": {"folder": "{planted}"},
    "out of the package": {"packaged": "../../../../../../../{planted}"},
    "an absolute package": {"packaged": "{planted}"},
    "a drive": {"packaged": "C:\\planted"},
    "a server": {"packaged": "\\\\evil.example\\share"},
    "a folder on a server": {"folder": "\\\\evil.example\\share"},
    "a checkpoint": {"model": "ViT-B-32", "pretrained": "{planted}/weights.pt"},
    "a relative checkpoint": {"model": "ViT-B-32", "pretrained": "planted/weights.pt"},
    "a checkpoint called like a tag": {"model": "ViT-B-32", "pretrained": "openly"},
    "an unknown model": {"model": "ViT-Q-99", "pretrained": "openai"},
    "an address": {"model": "https://evil.example/x", "pretrained": "openai"},
    "a model alone": {"model": "ViT-B-32"},
    "nothing": {"model": "", "pretrained": ""},
    "a device": {"folder": "/dev/zero"},
    "a checkpoint that never ends": {"model": "ViT-B-32", "pretrained": "/dev/zero"},
}


@pytest.mark.parametrize("spec", UNASKED.values(), ids=UNASKED)
def test_what_a_file_names_is_neither_loaded_nor_contacted(saved, tmp_path, planted, contacts, opened_paths, spec):
    spec = {key: value.format(planted=planted) for key, value in spec.items()}
    clip = f"{spec['model']}/{spec['pretrained']}" if len(spec) == 2 else "planted@0123"
    lens = sl.open(naming(saved, tmp_path / "x.semlens", spec, clip))
    assert lens.known_words() == ("red",)
    assert lens.search("red").found is not None, "words that are kept in the file need no CLIP"
    with pytest.raises(RuntimeError, match=r"not loaded unasked|this package has no such CLIP") as raised:
        lens.search("green")
    shown = str(raised.value)
    assert "\n" not in shown
    assert contacts == []
    assert opened_paths == []
    if "packaged" not in spec:
        assert "sl.open(path, clip=sl.OpenClip(" in shown, "it says how to allow it"


def test_what_is_in_open_clips_list_needs_no_asking(saved, tmp_path, planted, monkeypatch):
    import open_clip

    made = []
    monkeypatch.setattr(open_clip, "create_model_and_transforms", lambda *given, **named: made.append((given, named)))
    (planted.parent / "openai").write_bytes(b"a pickle called like a tag")
    (planted.parent / "ViT-B-32").symlink_to(planted)
    spec = {"model": "ViT-B-32", "pretrained": "openai"}
    lens = sl.open(naming(saved, tmp_path / "x.semlens", spec, "ViT-B-32/openai"))
    assert lens.lacks == ("model and images",)
    assert lens.clip.name == "ViT-B-32/openai"
    with pytest.raises(RuntimeError, match="cannot load"):
        lens.search("green")
    assert made == [(("ViT-B-32",), {"pretrained": "openai"})], "not the folder or the file of that name"


def test_a_clip_of_this_package_needs_no_asking(tmp_path, contacts):
    lens = sl.demo.lens(n=60, k=4, layers=["layer4"], null=10, sample=0)
    opened = sl.open(lens.save(tmp_path / "demo.semlens"))
    assert opened.clip.name == lens.clip.name
    assert opened.search("ruler") is not None
    assert contacts == []


def test_a_person_allows_what_a_file_asks_for(saved, tmp_path, planted, contacts):
    folder = tmp_path / "mine"
    planted.rename(folder)
    (folder / "open_clip_config.json").write_bytes((sl.demo.clip_folder() / "open_clip_config.json").read_bytes())
    clip = sl.OpenClip(folder)
    path = naming(saved, tmp_path / "x.semlens", {"folder": str(folder)}, clip.name)
    assert sl.open(path).clip_or_none is None
    assert sl.open(path, trust=True).clip.name == clip.name
    assert sl.open(path, clip=clip).clip is not None
    hub = naming(saved, tmp_path / "y.semlens", {"model": "hf-hub:owner/model"}, "hf-hub:owner/model")
    assert sl.open(hub, trust=True).clip.name == "hf-hub:owner/model"
    assert contacts == [], "nothing is contacted before it is needed"
    absent = naming(saved, tmp_path / "z.semlens", {"folder": str(tmp_path / "absent")}, "absent@0123")
    with pytest.raises(RuntimeError, match="absent', which its file asks for, is not on this machine"):
        sl.open(absent, trust=True).search("green")
    outside = naming(saved, tmp_path / "p.semlens", {"packaged": "../mine"}, clip.name)
    assert sl.open(outside, trust=True).clip_or_none is None


def test_a_lens_opened_without_its_clip_still_says_so_when_it_is_saved_again(saved, tmp_path):
    spec = {"model": "hf-hub:owner/model"}
    path = naming(saved, tmp_path / "x.semlens", spec, "hf-hub:owner/model")
    again = sl.open(path).save(tmp_path / "again.semlens")
    assert store.Stored(again).document["extra"]["clip"] == spec


def test_a_clip_that_the_user_names_is_free(planted, contacts):
    assert sl.OpenClip("hf-hub:owner/model").name == "hf-hub:owner/model"
    assert sl.OpenClip("planted").folder is not None
    assert sl.OpenClip("ViT-B-32", "planted/weights.pt").name.startswith("ViT-B-32/weights.pt@")


def test_a_tag_is_a_tag_whatever_file_lies_in_the_folder(planted):
    (planted.parent / "openai").write_bytes(b"a file that happens to be called so")
    assert sl.OpenClip("ViT-B-32", "openai").name == "ViT-B-32/openai"


@pytest.mark.parametrize("spec", [5, [], "hf-hub:x", {}, {"model": None}, {"folder": ["a"]}, {"model": "a", "x": "b"}])
def test_a_clip_of_the_wrong_type_is_told_with_the_file(saved, tmp_path, spec):
    path = naming(saved, tmp_path / "x.semlens", spec)
    with pytest.raises(sl.SemlensFileError, match=r"x\.semlens.*(its CLIP|extra\.clip).* is .*needed"):
        sl.open(path)
    with pytest.raises(ValueError, match="its CLIP is"):
        clip_of_file(spec)


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"vocabulary": "/etc/passwd"}, r'extra\.vocabulary is "/etc/passwd"; needed is a list'),
        ({"vocabulary": [1]}, r"extra\.vocabulary\[0\] is 1; needed is a text"),
        ({"templates": "x"}, r'extra\.templates is "x"; needed is a list'),
        ({"templates": [None]}, r"extra\.templates\[0\] is null"),
        ({"templates": ["{:>1500000000}{}"]}, "no other brace"),
        ({"templates": ["{}"] * 2000}, "2,000 templates"),
        ({"templates": ["x" * 5000 + "{}"]}, "5,002 letters"),
        ({"templates": []}, r"extra\.templates has 0 entries"),
        ({"centre": "x"}, r'extra\.centre is "x"; needed is true or false'),
        ({"name": 5}, r"extra\.name is 5; needed is a text"),
        ({"parts": []}, r"extra\.parts is a list of 0; needed is an object"),
        ({"parts": {"words": 7}}, r"extra\.parts\.words is 7"),
        ({"parts": {"words": {}}}, r"extra\.parts\.words\.names is missing"),
    ],
)  # fmt: skip
def test_what_else_a_file_keeps_is_checked_when_it_is_opened(saved, tmp_path, extra, told):
    path = naming(saved, tmp_path / "x.semlens", None, **extra)
    with pytest.raises(sl.SemlensFileError, match=told) as raised:
        sl.open(path, clip=ColourClip())
    assert "x.semlens" in str(raised.value)


@pytest.mark.parametrize(
    "template",
    ["{:>1500000000}{}", "{0.__class__}{}", "{!r:>9}{}", "{{}} {}", "{{{}}}", "{0}", "{name} {}", "{} }", "{}{}", "x"],
)
def test_a_template_is_text_with_one_place_and_no_format_string(template):
    with pytest.raises(ValueError, match=r"one \{\} for the query and no other brace"):
        checked_templates([template])
    with pytest.raises(ValueError, match="no other brace"):
        text_probes(ColourClip(), ["red"], [template])


def test_a_query_is_put_into_its_place_as_it_is():
    asked = []

    class Recording(ColourClip):
        def texts(self, texts):
            asked.extend(texts)
            return super().texts(texts)

    text_probes(Recording(), ["{} {0} %s red"], ["a {} here"])
    assert asked == ["a {} {0} %s red here", "a  here"]


def test_torch_is_new_enough_to_refuse_pickles():
    """CVE-2025-32434: before 2.6 `torch.load(weights_only=True)` ran code of a checkpoint."""
    (bound,) = re.findall(r'"torch>=([\d.]+)"', (Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))
    assert tuple(map(int, bound.split("."))) >= (2, 6)
