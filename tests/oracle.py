"""What a layer said, found the plain way: one image at a time, whole forward, hooks that copy, pooling in float64."""

from contextlib import nullcontext

import torch


def outputs(model, names, images, around=nullcontext):
    """Per layer the raw outputs, one per image (each with a batch axis of 1), copied as the layer gives them."""
    modules = dict(model.named_modules())
    found = {name: [] for name in names}

    def keep(name):
        return lambda module, args, output: found[name].append(copied(output))

    modes = {module: module.training for module in model.modules()}
    handles = [modules[name].register_forward_hook(keep(name)) for name in names]
    model.eval()
    try:
        with torch.no_grad(), around():
            for image in images:
                model(image[None])
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return found


def copied(output):
    """A copy of an output and of the tensors in it."""
    if isinstance(output, torch.Tensor):
        return output.detach().clone()
    if isinstance(output, dict):
        return {key: copied(part) for key, part in output.items()}
    if isinstance(output, tuple | list):
        return [copied(part) for part in output]
    return output


def pooled(maps, pooling="max"):
    """[image component] of raw maps [1 component place …] or [1 component], in float64."""
    rows = []
    for one in maps:
        flat = one.double().flatten(2) if one.ndim > 2 else one.double()[:, :, None]
        rows.append(flat.amax(2)[0] if pooling == "max" else flat.mean(2)[0])
    return torch.stack(rows).numpy()
