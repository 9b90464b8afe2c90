"""Lenses to compare: a plain one, one with exchanged channels, and one that never learned green."""

import torch
from toy import ColourClip, ColourNet, pictures, to_pixels

import semlens_widgets as sl

ORDER = [2, 3, 0, 1]  # of the channels in the exchanged net


def lens(net=None, name="plain", **options):
    data = sl.images(pictures(200), transform=to_pixels)
    options = {"templates": ("{}",), "vocabulary": ("red", "green", "blue")} | options
    made = sl.Lens(net or ColourNet(), data, ["rectified", "head"], ColourClip(), k=7, crop=None, name=name, **options)
    return made.fit(cached=False, progress=False)


def exchanged():
    net = ColourNet()
    net.colour.weight.data = ColourNet().colour.weight.data[torch.tensor(ORDER)]
    return lens(net, "exchanged")


def blind():
    """A net that never learned green: its channel sees nothing."""
    net = ColourNet()
    net.colour.weight.data[1] = -1
    return lens(net, "blind")
