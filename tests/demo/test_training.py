"""The training functions, a few steps each: they learn, they are seeded, and what they write can be read."""

import numpy as np
import torch

from semlens_widgets.clip import OpenClip
from semlens_widgets.demo import classifier
from semlens_widgets.demo.checkpoint_series import UPDATED, FurtherTraining, load_series, save_series, train_further
from semlens_widgets.demo.factors import correlated
from semlens_widgets.demo.network import load_classifier
from semlens_widgets.demo.train_classifier import FineTuning, Pretraining, fine_tune, pretrain, save_classifier
from semlens_widgets.demo.train_clip import ClipTraining, save_clip, train_clip, write_tokenizer
from semlens_widgets.demo.world import render


def test_classifier_training_in_small(tmp_path):
    lines = []
    small = Pretraining(images=32, epochs=3, sparse=1, batch=16)
    seeing = pretrain(small, lines.append)
    assert [line.split(":")[0] for line in lines] == [f"see the factors, epoch {i} of 3" for i in (1, 2, 3)]
    again = pretrain(small)
    assert all(torch.equal(a, b) for a, b in zip(seeing.parameters(), again.parameters(), strict=True))

    before = [w.clone() for w in seeing.parameters()]
    kept = []
    tuning = FineTuning(correlated("ruler", 0.8), images=32, epochs=2, batch=16)
    tuned = fine_tune(seeing, tuning, checkpoint=lambda epoch, model: kept.append((epoch, model.fc.weight.clone())))
    assert all(torch.equal(a, b) for a, b in zip(before, seeing.parameters(), strict=True))
    assert [epoch for epoch, _ in kept] == [0, 1]
    assert not torch.equal(kept[0][1], kept[1][1])
    assert not tuned.training

    save_classifier(tuned, tmp_path / "c.safetensors")
    read = load_classifier(tmp_path / "c.safetensors")
    x = torch.zeros(1, 3, 64, 64)
    assert torch.allclose(read(x), tuned(x), atol=1e-2)


def test_the_series_in_small(tmp_path):
    start = classifier("unbiased")
    before = {name: weight.clone() for name, weight in start.state_dict().items()}
    recipe = FurtherTraining(steps=(0, 2, 3), images=32, batch=16, rank=2)
    lines = []
    updates = train_further(start, recipe, lines.append)
    assert [line.split(":")[0] for line in lines] == [f"biased data, step {step}" for step in (0, 2, 3)]
    assert all(torch.equal(weight, before[name]) for name, weight in start.state_dict().items())
    again = train_further(start, recipe)
    assert all(torch.equal(updates[3][name], again[3][name]) for name in updates[3])

    save_classifier(start, tmp_path / "start.safetensors")
    save_series(updates, tmp_path / "series.safetensors")
    read = load_series(tmp_path / "start.safetensors", tmp_path / "series.safetensors")
    assert list(read) == ["step 0", "step 2", "step 3"]
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32))
    assert torch.allclose(read["step 0"](x), start(x), atol=1e-2)
    assert not torch.allclose(read["step 3"](x), start(x), atol=1e-2)
    changed = {name for name, weight in read["step 3"].state_dict().items() if not torch.equal(weight, before[name])}
    assert changed == {*(f"{name}.weight" for name in UPDATED), "fc.weight", "fc.bias"}


def test_clip_training_in_small(tmp_path):
    write_tokenizer(tmp_path)
    lines = []
    recipe = ClipTraining(images=32, bare_images=16, outlines=1, warm_up=1, steps=2, batch=8)
    save_clip(train_clip(tmp_path, recipe, lines.append), tmp_path)
    assert lines
    assert lines[0].startswith("CLIP, step 4 of 4")
    clip = OpenClip(tmp_path)
    vectors = clip.images([render(2).pil(i) for i in range(2)])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert clip.texts(["a ruler", "hair", "blue-white veil"]).shape == (3, 128)
