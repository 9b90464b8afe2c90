"""Small networks of many kinds with random weights: name → (how to make it, side of its images)."""

import torch


def _torchvision(name, size=64, **settings):
    def make():
        import torchvision

        return getattr(torchvision.models, name)(weights=None, **settings)

    return make, size


def _timm(name, size=64, **settings):
    def make():
        import timm

        return timm.create_model(name, **settings)

    return make, size


def _hugging_face(kind, size=32, **settings):
    def make():
        import transformers

        config = getattr(transformers, f"{kind}Config")
        model = {"CLIPVision": "CLIPVisionModel"}.get(kind, f"{kind}Model")
        return getattr(transformers, model)(config(**settings))

    return make, size


def _tv_vit():
    from torchvision.models import VisionTransformer

    return VisionTransformer(32, 8, 2, 3, 24, 32, num_classes=5)


def _timm_poolformer():
    from timm.models import metaformer

    return metaformer.MetaFormer(depths=(1, 1, 1, 1), dims=(8, 16, 24, 32), token_mixers=metaformer.Pooling)


def _tv_densenet():
    from torchvision.models import DenseNet

    return DenseNet(8, (2, 2, 2, 2), 16)


def _tv_convnext():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, 24, 2), CNBlockConfig(24, None, 1)], num_classes=5)


def _tv_swin():
    from torchvision.models import SwinTransformer

    return SwinTransformer([4, 4], 12, [1, 2], [2, 4], [4, 4], num_classes=5)


def _tv_swin_v2():
    from torchvision.models.swin_transformer import PatchMergingV2, SwinTransformer, SwinTransformerBlockV2

    return SwinTransformer(
        [4, 4], 12, [1, 2], [2, 4], [4, 4], num_classes=5, block=SwinTransformerBlockV2,
        downsample_layer=PatchMergingV2,
    )  # fmt: skip


_VIT = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": (32, 48), "patch_size": 8}
_STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]}

ARCHITECTURES = {
    "tv resnet18": _torchvision("resnet18"),
    "tv vgg11_bn": _torchvision("vgg11_bn", 32),
    "tv alexnet": _torchvision("alexnet"),
    "tv densenet": (_tv_densenet, 64),
    "tv squeezenet1_1": _torchvision("squeezenet1_1"),
    "tv mobilenet_v2": _torchvision("mobilenet_v2", width_mult=0.25),
    "tv mobilenet_v3_small": _torchvision("mobilenet_v3_small"),
    "tv shufflenet_v2": _torchvision("shufflenet_v2_x0_5"),
    "tv efficientnet_b0": _torchvision("efficientnet_b0"),
    "tv regnet_y": _torchvision("regnet_y_400mf"),
    "tv convnext": (_tv_convnext, 64),
    "tv swin": (_tv_swin, 64),
    "tv swin_v2": (_tv_swin_v2, 64),
    "tv vit": (_tv_vit, 32),
    "timm vit, registers": _timm(
        "vit_tiny_patch16_224", (32, 64), img_size=(32, 64), patch_size=8, depth=2, embed_dim=24, num_heads=3,
        reg_tokens=4,
    ),
    "timm deit, distilled": _timm(
        "deit_tiny_distilled_patch16_224", 32, img_size=32, patch_size=8, depth=2, embed_dim=24, num_heads=3
    ),
    "timm beit": _timm("beit_base_patch16_224", 32, img_size=32, patch_size=8, depth=2, embed_dim=24, num_heads=3),
    "timm swin": _timm(
        "swin_tiny_patch4_window7_224", img_size=64, window_size=4, embed_dim=12, depths=(1, 2), num_heads=(2, 4)
    ),
    "timm convnext": _timm("convnext_atto", depths=(1, 1, 2, 1), dims=(8, 16, 24, 32)),
    "timm mixer": _timm("mixer_s32_224", 64, img_size=64),
    "timm levit": _timm("levit_128s", 224, embed_dim=(16, 24, 32), num_heads=(1, 2, 2), depth=(1, 1, 1), key_dim=8),
    "timm pvt_v2": _timm("pvt_v2_b0", 64),
    "timm cait": _timm("cait_xxs24_224", 32, img_size=32, patch_size=8, depth=2, embed_dim=24, num_heads=3),
    "timm poolformer": (_timm_poolformer, 64),
    "timm resnetv2": _timm("resnetv2_50", 64, layers=(1, 1, 1, 1), channels=(16, 32, 48, 64)),
    "hf vit": _hugging_face("ViT", (32, 48), intermediate_size=32, **_VIT),
    "hf dinov2, registers": _hugging_face("Dinov2WithRegisters", num_register_tokens=3, **_VIT | {"image_size": 32}),
    "hf deit": _hugging_face("DeiT", (32, 48), intermediate_size=32, **_VIT),
    "hf clip": _hugging_face(
        "CLIPVision", 32, hidden_size=24, intermediate_size=32, num_hidden_layers=2, num_attention_heads=3,
        image_size=32, patch_size=8,
    ),
    "hf swin": _hugging_face(
        "Swin", 64, image_size=64, embed_dim=12, depths=[1, 2], num_heads=[2, 4], window_size=4, patch_size=4
    ),
    "hf convnext": _hugging_face("ConvNext", 64, **_STAGES),
    "hf segformer": _hugging_face("Segformer", 64, num_attention_heads=[1, 2, 2, 4], **_STAGES),
}  # fmt: skip


def architecture(name):
    """(the model in eval mode, nine images for it)."""
    make, size = ARCHITECTURES[name]
    torch.manual_seed(0)
    model = make().eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    height, width = size if isinstance(size, tuple) else (size, size)
    return model, torch.randn(9, 3, height, width)
