"""The networks that `check-exports` exports, and how: torchvision's and timm's architectures with random weights.

`export` writes FOLDER/NETWORK.dynamo.onnx (the default exporter, one picture) and FOLDER/NETWORK.legacy.onnx (the older
one, the number of pictures open), or the exporter's refusal into a file of the same name and the ending `.failed`.
"""

import os
import warnings

import torch

# Where a size follows the name, the architecture allows no other or is known by it; the rest take 128 x 128 pixels, since
# what is compared does not depend on the size and a run of all of them does.
NETWORKS = """
torchvision.alexnet:224 torchvision.convnext_tiny torchvision.densenet121 torchvision.efficientnet_b0
torchvision.efficientnet_v2_s torchvision.googlenet torchvision.inception_v3:299 torchvision.maxvit_t:224
torchvision.mnasnet0_5 torchvision.mobilenet_v2 torchvision.mobilenet_v3_small torchvision.mobilenet_v3_large
torchvision.regnet_x_400mf torchvision.regnet_y_400mf torchvision.resnet18 torchvision.resnet34 torchvision.resnet50
torchvision.resnext50_32x4d torchvision.shufflenet_v2_x0_5 torchvision.shufflenet_v2_x1_0 torchvision.squeezenet1_0
torchvision.squeezenet1_1 torchvision.swin_t:224 torchvision.vgg11:224 torchvision.vgg11_bn torchvision.vit_b_16:224
segmentation.deeplabv3_mobilenet_v3_large segmentation.fcn_resnet50 segmentation.lraspp_mobilenet_v3_large
pyramid.resnet18 pyramid.mobilenet_v3_small
timm.botnet26t_256:256 timm.caformer_s18 timm.coatnet_pico_rw_224:224 timm.convnext_atto timm.convnextv2_atto
timm.cs3darknet_focus_s timm.cspresnet50 timm.darknet17 timm.densenetblur121d timm.dla34 timm.dpn48b timm.eca_nfnet_l0
timm.eca_vovnet39b timm.ecaresnet26t timm.edgenext_xx_small timm.efficientformer_l1:224 timm.efficientformerv2_s0:224
timm.efficientvit_b0 timm.efficientvit_m0:224 timm.ese_vovnet19b_dw timm.fasternet_t0 timm.fastvit_t8
timm.focalnet_tiny_srf timm.gcresnext26ts timm.gernet_s timm.ghostnet_050 timm.halonet26t:256 timm.hgnetv2_b0
timm.hrnet_w18_small timm.inception_next_atto timm.inception_v4:299 timm.lambda_resnet26t:256 timm.lcnet_035
timm.levit_conv_128s:224 timm.mambaout_femto timm.mixnet_s timm.mobilenetv1_100 timm.mobilenetv4_conv_small
timm.mobileone_s0 timm.mobilevit_xxs timm.mobilevitv2_050 timm.nf_regnet_b0 timm.nf_resnet26 timm.nfnet_l0
timm.poolformer_s12 timm.rdnet_tiny timm.regnety_002 timm.regnetz_005 timm.repghostnet_050 timm.repvgg_a0
timm.repvit_m0_9 timm.res2net50_14w_8s timm.resnest14d timm.resnet10t timm.resnet50_gn timm.resnetblur18
timm.resnetv2_50x1_bit timm.resnetv2_50d_evos timm.resnetv2_50d_frn timm.rexnet_100 timm.selecsls42 timm.seresnet18
timm.shvit_s1 timm.skresnet18 timm.starnet_s050 timm.swiftformer_xs:224 timm.test_nfnet timm.tf_efficientnet_b0
timm.tf_efficientnetv2_b0 timm.tf_mixnet_s timm.tf_mobilenetv3_small_100 timm.tresnet_m timm.visformer_tiny:224
timm.xception41
""".split()
SIZES = {name: int(size or 128) for name, _, size in (entry.partition(":") for entry in NETWORKS)}
EXPORTERS = ("dynamo", "legacy")


class Pyramid(torch.nn.Module):
    """A feature pyramid above a trunk, which ends in maps rather than in classes."""

    def __init__(self, trunk):
        from torchvision.models.detection import backbone_utils

        super().__init__()
        make = backbone_utils.resnet_fpn_backbone if trunk == "resnet18" else backbone_utils.mobilenet_backbone
        more = {} if trunk == "resnet18" else {"fpn": True}
        self.body = make(backbone_name=trunk, weights=None, **more)

    def forward(self, x):
        return tuple(self.body(x).values())


class Scores(torch.nn.Module):
    """A segmentation network's scores, without the dictionary around them."""

    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x)["out"]


def architecture(name):
    library, _, kind = name.partition(".")
    if library == "timm":
        import timm

        return timm.create_model(kind, pretrained=False)
    import torchvision

    if library == "pyramid":
        return Pyramid(kind)
    if library == "segmentation":
        return Scores(getattr(torchvision.models.segmentation, kind)(weights=None, weights_backbone=None))
    more = {"init_weights": True} if kind in ("googlenet", "inception_v3") else {}
    return getattr(torchvision.models, kind)(weights=None, **more)


def pictures(name, count):
    """Seeded noise of the spread that normalised photographs have."""
    generator = torch.Generator().manual_seed(11)
    return torch.randn(count, 3, SIZES[name], SIZES[name], generator=generator)


def network(name):
    """The network in evaluation mode, its norms with statistics, scales and shifts that are not 0 and 1."""
    # The exporters know attention by its parts only.
    torch.backends.mha.set_fastpath_enabled(False)
    torch.manual_seed(5)
    model = architecture(name).eval()
    batch_norms = [module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)]
    for module in model.modules():
        # The scale that ConvNeXt's kin begin with is 1e-6, which would hide everything below it.
        for key in ("gamma", "layer_scale"):
            parameter = getattr(module, key, None)
            if isinstance(parameter, torch.nn.Parameter) and parameter.abs().max() < 1e-3:
                torch.nn.init.uniform_(parameter, 0.2, 0.6)
        if isinstance(module, (torch.nn.GroupNorm, torch.nn.LayerNorm)) or module in batch_norms:
            if module.weight is not None:
                torch.nn.init.uniform_(module.weight, 0.7, 1.3)
            if module.bias is not None:
                torch.nn.init.uniform_(module.bias, -0.1, 0.1)
    hooks = [module.register_forward_pre_hook(fit) for module in batch_norms]
    with torch.no_grad():
        model(pictures(name, 2))
    for hook in hooks:
        hook.remove()
    return model


def fit(norm, inputs):
    """Statistics that keep values of about one: means near zero, and the mean square in place of the variance.

    The variance itself would be small far from the input, where random weights make of all pictures nearly the same, and
    so would be the mean square of a channel whose weights cancel. Dividing by either would magnify the rounding of float32
    until no two programs agree.
    """
    values = inputs[0].detach()
    square = values.square().mean([axis for axis in range(values.ndim) if axis != 1])
    norm.running_var.copy_(square + square.mean() + 1e-3)
    norm.running_mean.copy_(square.sqrt() * torch.randn_like(square) * 0.3)


def export(name, folder):
    """Makes what is missing of a network's exports, in a process of its own: the exporters' prints go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    model, example = network(name), pictures(name, 2)
    for exporter in EXPORTERS:
        path = folder / f"{name}.{exporter}.onnx"
        failed = path.with_suffix(".failed")
        if path.exists() or failed.exists():
            continue
        made = folder / f"{path.stem}.part" / path.name
        made.parent.mkdir(exist_ok=True)
        try:
            with warnings.catch_warnings(), torch.no_grad():
                warnings.simplefilter("ignore")
                if exporter == "dynamo":
                    torch.onnx.export(model, (example[:1],), str(made), verbose=False)
                else:
                    torch.onnx.export(model, (example,), str(made), dynamo=False, input_names=["pictures"],
                                      dynamic_axes={"pictures": {0: "N"}})
        except Exception as error:
            failed.write_text(f"{type(error).__name__}: {error}"[:2000])
            continue
        # The network last: a run that is interrupted leaves none without its weights.
        for file in sorted(made.parent.iterdir(), key=lambda file: file.suffix == ".onnx"):
            file.rename(folder / file.name)
        made.parent.rmdir()

