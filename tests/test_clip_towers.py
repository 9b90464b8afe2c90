"""The image tower of a CLIP as the model under study, with its own texts as targets and itself or another as space."""

import numpy as np
import open_clip
import pytest
import torch

import semlens_widgets as sl
from semlens_widgets.attribution import attribute


def tower():
    seen = open_clip.model.CLIPVisionCfg(layers=2, width=32, head_width=8, patch_size=8, image_size=64)
    torch.manual_seed(0)
    return open_clip.model.CLIP(16, seen, open_clip.model.CLIPTextCfg(layers=1, width=32, heads=2)).visual.eval()


class Own:
    """The CLIP whose image side a tower is; its texts are vectors drawn for each."""

    name = "own"

    def __init__(self, model):
        self.model = model

    def images(self, pictures):
        batch = torch.stack([sl.demo.transform()(picture) for picture in pictures])
        with torch.no_grad():
            found = self.model(batch).numpy()
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    def texts(self, texts):
        found = np.stack([np.random.default_rng(sum(text.encode())).normal(size=16) for text in texts])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def data():
    return sl.images(sl.demo.images(40, seed=2), transform=sl.demo.transform())


def lens_on(model, data, clip):
    layers = [sl.Heads("transformer.resblocks.1"), sl.Mlp("transformer.resblocks.1")]
    return sl.Lens(model, data, layers, clip, k=4, crop=None, sample=20, null=10)


def test_its_own_text_side_is_the_target_and_another_clip_the_space(data):
    model = tower()
    own, other = Own(model), sl.OpenClip(sl.demo.clip_folder())
    lens = lens_on(model, data, other).fit(progress=False)
    assert lens.source.own_words == ""
    dog = sl.targets.text("a dog", by=own)
    why = lens.explain(3, dog, method="gradient")
    assert why.value == pytest.approx(float(own.images([data.picture(3)])[0] @ own.texts(["a dog"])[0]), abs=1e-4)
    vector = torch.from_numpy(own.texts(["a dog"])[0])

    def score(answer):
        return torch.nn.functional.cosine_similarity(answer, vector[None])

    found = attribute(model, data.tensor(3)[None], score, lens.source.layers, "gradient").relevances
    expected = np.concatenate([found[layer.name][0] for layer in lens.source.layers])
    np.testing.assert_allclose(why.relevance, expected, rtol=1e-3, atol=1e-6)
    with lens.without([str(why.top(1)[0][0])]):
        assert lens.explain(3, dog, method="gradient").value != pytest.approx(why.value, abs=1e-7)
    assert lens.explain(3, dog, method="gradient").value == pytest.approx(why.value, abs=1e-6)
    with pytest.raises(ValueError, match=r"is not the image tower of|numbers and the model's embedding"):
        lens.explain(3, sl.targets.text("ruler"))


def test_the_same_model_as_both_is_allowed_and_said(data, capsys):
    model = tower()
    lens = lens_on(model, data, Own(model)).fit(cached=False)
    assert "an independent witness" in lens.source.own_words
    assert "the model is the image tower of own, by which its components are named" in "".join(capsys.readouterr())
    assert lens.explain(3, sl.targets.text("a dog"), method="gradient").target == "text: a dog"
