"""The role of a component in words, from what is known about it and no more."""

import numpy as np
import pytest
import torch
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl


class TwoLayers(torch.nn.Module):
    """Colours, then mixtures of them: `mixed` 0 is red and green, 1 is blue less red; the head reads these."""

    def __init__(self):
        super().__init__()
        first = ColourNet()
        self.colour, self.rectified = first.colour, first.rectified
        self.mix = torch.nn.Conv2d(4, 2, 1, bias=False)
        self.mix.weight.data = torch.tensor([[3.0, 1, 0, 0], [-1, 0, 2, 0]])[:, :, None, None]
        self.mixed = torch.nn.ReLU()
        self.head = torch.nn.Linear(2, 2, bias=False)
        self.head.weight.data = torch.tensor([[1.0, -1], [-1, 1]])

    def forward(self, pixels):
        return self.head(self.mixed(self.mix(self.rectified(self.colour(pixels)))).amax((2, 3)))


@pytest.fixture(scope="module")
def lens():
    data = sl.images(pictures(80, size=16), transform=to_pixels, classes=("warm", "cold"))
    made = sl.Lens(
        TwoLayers(), data, ["rectified", "mixed"], ColourClip(), k=5, crop=None, templates=("{}",), name="toy"
    ).fit(cached=False, progress=False)  # fmt: skip
    made.describe(["red", "green", "blue", "yellow"], level=0.0)
    made.relate(progress=False)
    return made


def test_streams_are_the_shares_of_the_weights_that_feed_a_component(lens):
    role = lens.role("mixed:0")
    fed = {str(lens.components[row]): share for row, share in role.streams.upstream}
    net, rows = lens.source.model, lens.space.examples
    images = rows.images[lens.components.row("mixed:0"), : role.streams.images]
    expected = []
    for image in images:
        maps = net.rectified(net.colour(lens.source.images.tensor(int(image))[None]))[0]
        value = torch.einsum("c,chw->c", net.mix.weight.data[0, :, 0, 0].clamp(min=0), maps)
        expected.append((value / value.sum()).detach().numpy())
    mean = np.mean(expected, 0)
    assert fed["rectified:0"] == pytest.approx(mean[0], abs=1e-4)
    assert fed["rectified:1"] == pytest.approx(mean[1], abs=1e-4)
    assert role.streams.upper is None
    assert role.streams.lower == "rectified"


def test_the_text_says_what_is_known(lens):
    role = lens.role("rectified:2")
    assert role.component == lens.components[2]
    assert "rectified:2 stands for “blue”" in role.text
    assert dict(role.classes)["cold"] > 0
    assert "speaks for cold" in role.text
    assert "downstream: mixed:1" in role.text
    assert "“" + lens.label_of(lens.components.row("mixed:1")).text in role.text
    assert {row["what"] for row in role.to_rows()} == {"class", "downstream"}


def test_what_is_not_known_is_left_out_and_names_are_inert(lens, tmp_path):
    bare = sl.open(lens.save(tmp_path / "toy.semlens"))
    assert bare.role("mixed:0").streams is None
    assert "upstream" not in bare.role("mixed:0").text
    fresh = sl.Lens(
        TwoLayers(), lens.source.images, ["rectified"], ColourClip(), k=5, crop=None, templates=("{}",)
    ).fit(cached=False, progress=False)  # fmt: skip
    assert fresh.role(0).text == "rectified:0 has no label yet."
    fresh.own_labels = {"rectified:0": "<script>alert(1)</script>"}
    assert "<script>" not in fresh.role(0)._repr_html_()
    assert "stands for “<script>" in fresh.role(0).text


def test_names_of_before_are_still_there_and_say_what_they_are_called_now():
    streams = sl.Streams("a", "b", ((0, 0.5),), ((1, 0.25),), 3)
    with pytest.warns(FutureWarning, match=r"Streams\.fed is now called upstream; the next version has no fed") as said:
        assert streams.fed == streams.upstream
    assert said[0].filename == __file__
    with pytest.warns(FutureWarning, match="downstream"):
        assert streams.feeds == streams.downstream
