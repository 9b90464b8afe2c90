"""Every layer of full-size networks against the oracle of the tests: how many are recorded, how many refused.

python tests/benchmarks/layers.py [timm names, or tv:NAME for torchvision's]
"""

import sys
import time
from pathlib import Path

import timm
import torch
import torchvision

sys.path.insert(0, str(Path(__file__).parents[1]))
import oracle
from test_oracle import agree, layers_of

NAMES = [
    "tv:resnet50", "tv:convnext_tiny", "tv:swin_t", "tv:swin_v2_t", "tv:maxvit_t", "tv:vit_b_16",
    "tv:efficientnet_b0", "tv:densenet121", "swin_tiny_patch4_window7_224", "vit_small_patch14_reg4_dinov2",
    "mixer_s32_224", "cait_xxs24_224", "xcit_nano_12_p16_224", "coat_lite_tiny", "pvt_v2_b0",
    "poolformer_s12", "mobilevit_xxs", "edgenext_xx_small", "volo_d1_224", "twins_svt_small",
    "hiera_tiny_224", "mvitv2_tiny", "focalnet_tiny_srf", "davit_tiny", "visformer_tiny",
    "beit_base_patch16_224", "eva02_tiny_patch14_224", "tiny_vit_5m_224", "gmlp_s16_224", "levit_128s",
    "efficientformer_l1", "efficientformerv2_s0", "coatnet_nano_rw_224", "fastvit_t8", "repvit_m0_9",
]  # fmt: skip


def main():
    print("| network | layers recorded | refused | all within | s |\n|---|---|---|---|---|")
    for name in sys.argv[1:] or NAMES:
        torch.manual_seed(0)
        started, side = time.perf_counter(), 224
        if name.startswith("tv:"):
            model = getattr(torchvision.models, name[3:])(weights=None).eval()
        else:
            model = timm.create_model(name).eval()
            side = model.pretrained_cfg["input_size"][1]
        images = torch.randn(3, 3, side, side)
        followed, others = layers_of(model, images)
        said = oracle.outputs(model, followed, images)
        agree(model, images, followed, said, 1e-3, (3, 2))
        print(f"| {name} | {len(followed)} | {len(others)} | .001 | {time.perf_counter() - started:.0f} |", flush=True)


if __name__ == "__main__":
    main()
