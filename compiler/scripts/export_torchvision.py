#!/usr/bin/env python3
"""Writes torchvision's MobileNets as PyTorch's exporters spell them, for `compare_onnxruntime.py`.

    python compiler/scripts/export_torchvision.py FOLDER [PART]

With PART only networks with this in their name. Weights and batch norm statistics are random, so nothing is downloaded.
Needs torch, torchvision, onnx, onnxscript.
"""

import sys
import warnings
from pathlib import Path

import torch
from torchvision import models

warnings.filterwarnings("ignore")


def network(build, **options):
    """In eval mode, with statistics that a folded batch norm cannot hide behind."""
    torch.manual_seed(1)
    net = build(weights=None, **options).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.8, 1.6)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    return net


def main(folder, part=""):
    folder.mkdir(parents=True, exist_ok=True)
    x = torch.randn(1, 3, 224, 224)
    keep = torch.onnx.TrainingMode.PRESERVE
    dynamic = {"dynamic_axes": {"input": {0: "batch"}}}
    variants = [
        ("torchscript_11", {"dynamo": False, "opset_version": 11}),
        ("torchscript_13_batch_norm_kept", {"dynamo": False, "opset_version": 13, "training": keep, "do_constant_folding": False}),
        ("torchscript_17_dynamic_batch", {"dynamo": False, "opset_version": 17, **dynamic}),
        ("dynamo_18", {"dynamo": True, "opset_version": 18, "external_data": False}),
        ("dynamo_20_unoptimised", {"dynamo": True, "opset_version": 20, "optimize": False, "external_data": False}),
        ("dynamo_23", {"dynamo": True, "opset_version": 23, "external_data": False}),
    ]
    networks = {
        "mobilenet_v3_large": network(models.mobilenet_v3_large),
        "mobilenet_v3_small": network(models.mobilenet_v3_small),
        "mobilenet_v3_small_050": network(models.mobilenet_v3_small, width_mult=0.5),
        "mobilenet_v2": network(models.mobilenet_v2),
        "mnasnet1_0": network(models.mnasnet1_0),
        "squeezenet1_0": network(models.squeezenet1_0),
        "squeezenet1_1": network(models.squeezenet1_1),
        "efficientnet_b0": network(models.efficientnet_b0),
    }
    for name, net in networks.items():
        if part not in name:
            continue
        for variant, options in variants:
            path = folder / f"{name}.{variant}.onnx"
            try:
                torch.onnx.export(net, (x,), str(path), input_names=["input"], output_names=["output"], **options)
            except Exception as error:  # An exporter that cannot is no failure of ours.
                print(f"{path.name}: not exported: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
