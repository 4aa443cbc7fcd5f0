#!/usr/bin/env python3
"""Imports, compares and compiles one network after the other as each exporter spells it.

    cargo build --release && cargo build --release --example logits
    python compiler/scripts/exporter_matrix.py IMAGES [--only PART] [--work FOLDER] [--table specs/exporters.md]

    pip install torch torchvision timm onnx onnxruntime onnxscript onnxsim onnxslim onnxconverter-common pillow
    pip install optimum-onnx keras tensorflow-cpu tf2onnx
    pip install --no-deps paddlepaddle paddle2onnx

IMAGES is a folder of pictures. A cell is a network and an exporter: the network is built with seeded random weights and batch
norms measured on the pictures, so that its ranges are like a trained network's and nothing is downloaded. Then

    imports    `bakelite inspect` reads the file
    float      the example `logits`, as imported and after the passes, answers as ONNX Runtime does to 1e-4 of the largest
               answer, on three pictures; a file of fp16 is widened for it, which else rounds in between
    compiles   `bakelite compile --emit crate --keep-sigmoid` writes the crate
    int8       agreement and SQNR of the answers on the pictures not calibrated on, as `bakelite eval` measures them (the
               weights are random: agreement says little, SQNR that nothing is broken)

Each cell is a process of its own, which may crash or take too long for itself. What is not installed is said and left out. Exit
code 1 if Bakelite failed at a file that ONNX Runtime runs. With `--only` just cells that have PART in their name; `--table` then
adds to the results that the work folder still has.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

LIMIT = 1e-4
SIZE = 224
TORCHVISION = [
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "mobilenet_v2",
    "mnasnet1_0",
    "squeezenet1_1",
    "lraspp_mobilenet_v3_large",
    "deeplabv3_mobilenet_v3_large",
    "ssdlite320_mobilenet_v3_large",
    "shufflenet_v2_x1_0",
]
TIMM = [
    "mobilenetv3_small_100",
    "mobilenetv3_large_100",
    "tf_mobilenetv3_small_100",
    "tf_mobilenetv3_small_minimal_100",
    "efficientnet_b0",
    "efficientnet_lite0",
    "tf_efficientnet_lite0",
    "semnasnet_100",
    "mobilenetv4_conv_small",
    "fbnetv3_b",
    "lcnet_100",
]
TRANSFORMERS = ["MobileNetV1", "MobileNetV2"]
KERAS = ["MobileNetV3Small", "MobileNetV3Large", "MobileNetV2"]
PADDLE = ["mobilenet_v3_small", "mobilenet_v3_large", "mobilenet_v2"]
PACKAGES = [
    "torch",
    "torchvision",
    "timm",
    "transformers",
    "optimum-onnx",
    "keras",
    "tensorflow-cpu",
    "tf2onnx",
    "paddlepaddle",
    "paddle2onnx",
    "onnx",
    "onnxscript",
    "onnxsim",
    "onnxslim",
    "onnxconverter-common",
    "onnxruntime",
]


def cells():
    """Network and exporter of each cell."""
    for name in TORCHVISION:
        dynamo = ["dynamo 18", "dynamo 20", "dynamo 23"] if name == "mobilenet_v3_small" else ["dynamo 18", "dynamo 23"]
        for exporter in ["torchscript 11", "torchscript 13", "torchscript 17", *dynamo]:
            yield f"torchvision {name}", exporter
    for name in TIMM:
        for exporter in ["torchscript 17", "dynamo 18"]:
            yield f"timm {name}", exporter
    for name in TRANSFORMERS:
        for exporter in ["torchscript 17", "dynamo 18", "optimum"]:
            yield f"transformers {name}", exporter
    for name in KERAS:
        for exporter in ["export, tensorflow", "export, torch", "tf2onnx 13", "tf2onnx 17, NCHW input", "tf2onnx 17, onnxsim"]:
            yield f"keras {name}", exporter
        yield f"keras {name}", "tf2onnx 17, by way of TFLite"
    for name in PADDLE:
        for exporter in ["paddle2onnx", "paddle2onnx, onnxsim"]:
            yield f"paddle {name}", exporter
    for exporter in [
        "torchscript 17, batch norm kept",
        "torchscript 17, dynamic batch",
        "torchscript 17, dynamic size",
        "torchscript 17, onnxsim",
        "torchscript 17, onnxslim",
        "torchscript 17, optimised by ONNX Runtime",
        "torchscript 17, fp16",
        "torchscript 17, fp16 inside",
        "torchscript 17, external data",
        "torchscript 17, model-local functions",
        "dynamo 18, dynamic batch",
        "dynamo 18, dynamic size",
        "dynamo 18, onnxsim",
        "dynamo 18, onnxslim",
        "dynamo 18, optimised by ONNX Runtime",
        "dynamo 18, fp16",
        "dynamo 18, its external data",
        "dynamo 20, unoptimised",
    ]:
        yield "torchvision mobilenet_v3_small", exporter
    # Where the graph computes with shapes: the sizes of Resize, SAME padding.
    for network in ["torchvision lraspp_mobilenet_v3_large", "timm tf_mobilenetv3_small_100", "transformers MobileNetV2"]:
        for exporter in [
            "torchscript 11, dynamic size",
            "torchscript 17, dynamic size",
            "torchscript 17, batch norm kept",
            "dynamo 18, dynamic size",
            "dynamo 20, unoptimised",
        ]:
            yield network, exporter


# Networks: in eval mode, as their frameworks' users get them; batch norms measured on `x`, pictures of N×3×H×W within −1…1.


# Where torchvision keeps them.
FAMILIES = {"lraspp": "segmentation", "deeplab": "segmentation", "ssdlite": "detection"}


def raw_heads(detector):
    """What a detector's heads answer, before anchors and suppression."""
    import torch

    class Heads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = detector.backbone, detector.head

        def forward(self, image):
            return self.head(list(self.backbone(image).values()))

    return Heads()


def torch_network(name, x):
    import torch

    framework, name = name.split()
    torch.manual_seed(1)
    if framework == "torchvision":
        from torchvision import models

        family = next((f for p, f in FAMILIES.items() if name.startswith(p)), None)
        build = getattr(getattr(models, family) if family else models, name)
        net = build(weights=None, **({"weights_backbone": None} if family else {}))
        if family == "detection":
            net = raw_heads(net)
    elif framework == "timm":
        import timm

        net = timm.create_model(name, pretrained=False)
    else:
        import transformers

        config = getattr(transformers, f"{name}Config")(num_labels=1001)
        net = getattr(transformers, f"{name}ForImageClassification")(config)
    net.eval()
    norms = [m for m in net.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        torch.nn.init.uniform_(norm.weight, 0.8, 1.6)
        torch.nn.init.normal_(norm.bias, 0, 0.2)
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        net(torch.from_numpy(x))
    return net.eval()


def keras_network(name, x):
    import keras

    keras.utils.set_random_seed(1)
    net = getattr(keras.applications, name)(weights=None, input_shape=(SIZE, SIZE, 3))
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    net(keras.ops.convert_to_tensor(keras_input(name, x.transpose(0, 2, 3, 1))), training=True)
    return net


def keras_input(name, x):
    """V3 rescales within the graph."""
    return np.ascontiguousarray((x + 1) * np.float32(127.5) if "V3" in name else x)


def paddle_network(name, x):
    import paddle

    paddle.seed(1)
    net = getattr(paddle.vision.models, name)(pretrained=False)
    net.eval()
    for layer in net.sublayers():
        if isinstance(layer, paddle.nn.BatchNorm2D):
            layer._momentum = 0.0
            layer.train()
    with paddle.no_grad():
        net(paddle.to_tensor(x))
    net.eval()
    return net


# Exporters.


def export(network, exporter, x, path):
    framework, name = network.split()
    exporter, *variants = exporter.split(", ")
    if framework == "keras":
        export_keras(name, exporter, variants, x, path)
    elif framework == "paddle":
        export_paddle(name, x, path)
    elif exporter == "optimum":
        export_optimum(network, x, path)
    else:
        export_torch(network, exporter, variants, x, path)
    convert(path, variants)


def export_torch(network, exporter, variants, x, path):
    import torch

    net = torch_network(network, x)
    kind, opset = exporter.split()
    options = {"opset_version": int(opset), "dynamo": kind == "dynamo"}
    if kind == "dynamo":
        options["external_data"] = "its external data" in variants
        options["optimize"] = "unoptimised" not in variants
        if "dynamic batch" in variants:
            options["dynamic_shapes"] = ({0: torch.export.Dim("batch")},)
        if "dynamic size" in variants:
            options["dynamic_shapes"] = ({2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC},)
    else:
        if "dynamic batch" in variants:
            options["dynamic_axes"] = {"input": {0: "batch"}, "output": {0: "batch"}}
        if "dynamic size" in variants:
            options["dynamic_axes"] = {"input": {2: "height", 3: "width"}}
        if "batch norm kept" in variants:
            options["training"] = torch.onnx.TrainingMode.PRESERVE
            options["do_constant_folding"] = False
    some = torch.from_numpy(x[:2] if "dynamic batch" in variants else x[:1])
    torch.onnx.export(net, (some,), str(path), input_names=["input"], output_names=["output"], **options)


def convert(path, variants):
    """What other tools make of the file."""
    import onnx

    if "onnxsim" in variants:
        import onnxsim

        model, _ = onnxsim.simplify(onnx.load(path))
        onnx.save(model, path)
    if "onnxslim" in variants:
        import onnxslim

        onnx.save(onnxslim.slim(onnx.load(path)), path)
    if "optimised by ONNX Runtime" in variants:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    if "fp16" in variants or "fp16 inside" in variants:
        from onnxconverter_common import float16

        keep = "fp16 inside" in variants
        onnx.save(float16.convert_float_to_float16(onnx.load(path), keep_io_types=keep), path)
    if "external data" in variants:
        model = onnx.load(path)
        onnx.save(model, path, save_as_external_data=True, location=path.name + ".data", size_threshold=0)
    if "model-local functions" in variants:
        onnx.save(with_functions(onnx.load(path)), path)


def with_functions(model):
    """A convolution with its activation becomes a function, one for all of the same attributes; so does a gate, by its alpha."""
    import onnx
    from onnx import helper

    readers = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    opsets = [helper.make_opsetid("", model.opset_import[0].version)]
    gate = helper.make_node("HardSigmoid", ["x"], ["y"])
    gate.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
    functions = {"gate": helper.make_function("matrix", "Gate", ["x"], ["y"], [gate], opsets, ["slope"])}
    replaced, nodes = set(), []
    for node in model.graph.node:
        if node.op_type == "HardSigmoid":
            slope = next(a.f for a in node.attribute if a.name == "alpha")
            nodes.append(helper.make_node("Gate", node.input, node.output, node.name, domain="matrix", slope=slope))
            continue
        after = readers.get(node.output[0], []) if node.op_type == "Conv" else []
        if id(node) in replaced:
            continue
        if len(after) != 1 or after[0].op_type not in {"Relu", "HardSwish"}:
            nodes.append(node)
            continue
        replaced.add(id(after[0]))
        key = (str(node.attribute), after[0].op_type, len(node.input))
        inputs = ["x", "w", "b"][: len(node.input)]
        if key not in functions:
            conv = helper.make_node("Conv", inputs, ["y"])
            conv.attribute.extend(node.attribute)
            body = [conv, helper.make_node(after[0].op_type, ["y"], ["z"])]
            functions[key] = helper.make_function("matrix", f"Block{len(functions)}", inputs, ["z"], body, opsets)
        nodes.append(helper.make_node(functions[key].name, list(node.input), list(after[0].output), node.name, domain="matrix"))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.functions.extend(functions.values())
    model.opset_import.append(helper.make_opsetid("matrix", 1))
    onnx.checker.check_model(model)
    return model


def export_optimum(network, x, path):
    from optimum.exporters.onnx import main_export

    with tempfile.TemporaryDirectory() as folder:
        torch_network(network, x).save_pretrained(folder)
        main_export(folder, output=path.parent, task="image-classification", do_validation=False)


def export_keras(name, exporter, variants, x, path):
    os.environ["KERAS_BACKEND"] = "torch" if "torch" in variants else "tensorflow"
    if exporter == "export":
        keras_network(name, x).export(str(path), format="onnx", verbose=False)
        return
    import tensorflow
    import tf2onnx

    net = keras_network(name, x)
    if "by way of TFLite" in variants:
        lite = path.with_suffix(".tflite")
        lite.write_bytes(tensorflow.lite.TFLiteConverter.from_keras_model(net).convert())
        tf2onnx.convert.from_tflite(str(lite), opset=int(exporter.split()[1]), output_path=str(path))
        return
    tf2onnx.convert.from_function(
        tensorflow.function(lambda image: net(image, training=False)),
        input_signature=[tensorflow.TensorSpec((None, SIZE, SIZE, 3), tensorflow.float32, name="image")],
        opset=int(exporter.split()[1]),
        inputs_as_nchw=["image"] if "NCHW input" in variants else None,
        output_path=str(path),
    )


def export_paddle(name, x, path):
    import paddle
    import paddle2onnx  # noqa: F401  Paddle calls it; better missed here.

    net = paddle_network(name, x)
    spec = [paddle.static.InputSpec([-1, 3, SIZE, SIZE], "float32", "x")]
    paddle.onnx.export(net, str(path.with_suffix("")), input_spec=spec)


# What is asked of each file.


def said(text, hide):
    """The first line of an error, whatever its wrapping, without folders of this machine."""
    if "×" in text:
        text = re.split(r"\n\s*help:", text.split("×", 1)[1])[0]
    else:
        text = next((line for line in text.splitlines() if line.strip()), "no word")
    text = " ".join(re.sub(r"\n\s*│", " ", text).split())
    for folder in hide:
        text = text.replace(f"{folder}/", "")
    return re.sub(r"(?<![\w.])(/[\w.\-+]+)+/", "", text)[:300]


def widened(path):
    """The same file with the same weights as f32: what an fp16 file means without the rounding of each result."""
    import onnx
    from onnx import TensorProto, numpy_helper

    model = onnx.load(path)
    constants = [a.t for node in model.graph.node for a in node.attribute if a.HasField("t")]
    for tensor in [*model.graph.initializer, *constants]:
        if tensor.data_type == TensorProto.FLOAT16:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.elem_type = TensorProto.FLOAT
    del model.graph.value_info[:]
    wide = path.with_name("wide.onnx")
    onnx.save(model, wide)
    return wide


def onnx_runtime(path, images):
    """Answers one after the other, maps channels last; `images` are N×H×W×3 as the network wants them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    info = session.get_inputs()[0]
    fed = images if info.shape[3] == 3 else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    rows = []
    for image in fed:
        answers = session.run(None, {info.name: image[None]})
        answers = [a.transpose(0, 2, 3, 1) if a.ndim == 4 else a for a in answers]
        rows.append(np.concatenate([a.astype(np.float32).ravel() for a in answers]))
    return np.stack(rows)


def check(path, network, exporter, x, arguments, report):
    """Fills in `report`, step by step, so that what is known survives a crash."""
    folder = path.parent
    hide = [folder, arguments.work.resolve(), Path.home()]
    environment = {**os.environ, "RAYON_NUM_THREADS": "1", "NO_COLOR": "1"}
    dynamic = "dynamic size" in exporter

    def run(*command):
        return subprocess.run([str(c) for c in command], capture_output=True, text=True, env=environment)

    size = ["--input-size", f"{SIZE}x{SIZE}"] if dynamic else []
    inspected = run(arguments.bakelite, "inspect", path, "--json", *size)
    report(imports=inspected.returncode == 0)
    if inspected.returncode != 0:
        report(said=said(inspected.stderr, hide))
        return
    facts = json.loads(inspected.stdout)
    report(recognised=facts["exporter"], architecture=facts["architecture"], macs=facts["macs"], obstacle=facts["obstacle"])

    images = x[:3].transpose(0, 2, 3, 1)
    raw = network.startswith("keras MobileNetV3")
    images = keras_input(network, images) if raw else np.ascontiguousarray(images)
    try:
        expected = onnx_runtime(widened(path) if "fp16" in exporter else path, images)
    except Exception as error:  # No oracle: whatever Bakelite makes of the file is not judged.
        report(said=f"ONNX Runtime: {said(str(error), hide)}")
        return
    images.tofile(folder / "in.f32")
    worst = 0.0
    for passes in ([], ["--passes"]):
        size = ["--size", f"{SIZE}x{SIZE}"] if dynamic else []
        result = run(arguments.logits, path, folder / "in.f32", folder / "out.f32", *passes, *size)
        if result.returncode != 0:
            report(float=False, said=said(result.stderr, hide))
            return
        ours = np.fromfile(folder / "out.f32", np.float32)
        if ours.size != expected.size:
            report(float=False, said=f"{ours.size // 3} answers where ONNX Runtime has {expected.size // 3}")
            return
        worst = max(worst, float(np.abs(ours.reshape(expected.shape) - expected).max() / np.abs(expected).max()))
    report(float=bool(worst <= LIMIT), worst=worst)
    if not worst <= LIMIT:
        report(said=f"answers differ by {worst:.1e} of the largest")

    size = ["--input-size", f"{SIZE}x{SIZE}"] if dynamic else []
    compiled = run(
        arguments.bakelite, "compile", path, *size, "--images", arguments.work / "pictures", "--calibration-images", 24,
        "--preprocess", "keras" if raw else "timm-half", "--keep-sigmoid", "--recipe", arguments.recipe, "--name", "cell",
        "--target", "x86-64-avx512vnni", "--emit", "crate", "--out", folder / "crate", "--json",
    )  # fmt: skip
    report(compiles=compiled.returncode == 0)
    if compiled.returncode != 0:
        report(said=said(compiled.stderr, hide))
        return
    accuracy = json.loads(compiled.stdout)["accuracy"]
    report(agreement=accuracy["agreement"], sqnr=accuracy["sqnr_db"])


def cell(network, exporter, arguments):
    """One cell, in this process."""
    warnings.filterwarnings("ignore")
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    folder = arguments.work / slug(network, exporter)
    known = {}

    def report(**facts):
        known.update(facts)
        (folder / "cell.json").write_text(json.dumps(known))

    path = folder / "model.onnx"
    x = np.load(arguments.work / "pictures.npy")
    try:
        export(network, exporter, x, path)
    except ModuleNotFoundError as error:
        report(not_exported=f"not installed: {error.name}")
        return
    except Exception as error:  # An exporter that cannot is no failure of ours.
        report(not_exported=f"not exported: {type(error).__name__}: {said(str(error), [])}"[:200])
        return
    report(exported=True)
    check(path, network, exporter, x, arguments, report)


# The table.


def slug(network, exporter):
    return re.sub(r"[^\w.]+", "_", f"{network} {exporter}")


def failed(known):
    """Whether Bakelite did, at a file that ONNX Runtime runs."""
    if known.get("not_exported") or known.get("said", "").startswith("ONNX Runtime"):
        return False
    return not (known.get("imports") and known.get("float") and known.get("compiles"))


def row(network, exporter, known):
    def word(step):
        return {True: "yes", False: "**no**", None: "–"}[known.get(step)]

    agreement, sqnr = known.get("agreement"), known.get("sqnr")
    fine = f"{known['worst']:.0e}" if known.get("float") else word("float")
    figures = [
        word("imports"),
        fine,
        word("compiles"),
        "–" if agreement is None else f"{agreement:.0f} %",
        "–" if sqnr is None else f"{sqnr:.1f} dB",
        known.get("not_exported") or known.get("said") or "",
    ]
    return f"| {network} | {exporter} | " + " | ".join(f.replace("|", "\\|") for f in figures) + " |"


def version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def table(results, recipe):
    made = [known for known in results.values() if known.get("exported")]
    good = [known for known in made if not failed(known)]
    versions = ", ".join(f"{p} {version(p)}" for p in PACKAGES if version(p))
    lines = [
        "# What exporters write, and what becomes of it",
        "",
        f"Made on {datetime.date.today()} by",
        "",
        "    python compiler/scripts/exporter_matrix.py IMAGES --table specs/exporters.md",
        "",
        "which says what the columns mean: *imports*, `bakelite inspect` reads the file; *float*, the largest difference to ONNX",
        f"Runtime's answers, as a part of the largest answer ({LIMIT:.0e} is allowed); *compiles*, to a crate for AVX512-VNNI, recipe",
        f"`{recipe}`, `--keep-sigmoid`; *agreement* and *SQNR* of int8 with float on pictures not calibrated on. All weights are random and",
        "batch norms measured on pictures: agreement says little.",
        "",
        f"{versions}.",
        "",
        f"{len(good)} of {len(made)} files that could be exported passed; {len(results) - len(made)} could not be exported or judged.",
        "",
        "| network | exporter | imports | float | compiles | agreement | SQNR | what was said |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [row(network, exporter, known) for (network, exporter), known in results.items()]
    return "\n".join(lines) + "\n"


def prepare(arguments):
    """The pictures: a folder of them for Bakelite, an array for batch norms and ONNX Runtime."""
    from PIL import Image

    files = sorted(p for p in arguments.images.iterdir() if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
    if len(files) < 40:
        sys.exit(f"{arguments.images} has {len(files)} pictures, 40 are needed")
    shutil.rmtree(arguments.work / "pictures", ignore_errors=True)
    (arguments.work / "pictures").mkdir(parents=True)
    for file in files[:40]:
        shutil.copy(file, arguments.work / "pictures")
    resized = [Image.open(p).convert("RGB").resize((SIZE, SIZE), Image.BILINEAR) for p in files[:16]]
    x = np.stack([np.asarray(p, np.float32) for p in resized]).transpose(0, 3, 1, 2) / np.float32(127.5) - 1
    np.save(arguments.work / "pictures.npy", np.ascontiguousarray(x))


def run_cell(network, exporter, arguments):
    folder = arguments.work / slug(network, exporter)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [sys.executable, __file__, *sys.argv[1:], "--cell", network, exporter]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    end = None
    with open(folder / "log.txt", "w") as log:
        try:
            code = subprocess.run(command, stdout=log, stderr=log, timeout=arguments.timeout, env=environment).returncode
            if code != 0:
                end = f"the process ended with {code}"
        except subprocess.TimeoutExpired:
            end = f"longer than {arguments.timeout} s"
    path = folder / "cell.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    if end:
        known["said" if known.get("exported") else "not_exported"] = end
        path.write_text(json.dumps(known))
    return known


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--bakelite", type=Path, default=Path("target/release/bakelite"))
    parser.add_argument("--logits", type=Path, default=Path("target/release/examples/logits"))
    parser.add_argument("--work", type=Path, default=Path("target/exporter-matrix"), help="where the exported files stay")
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--only", default="", metavar="PART")
    parser.add_argument("--timeout", type=int, default=300, help="seconds per cell")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--cell", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        cell(*arguments.cell, arguments)
        return
    prepare(arguments)
    results = {}
    for network, exporter in cells():
        earlier = arguments.work / slug(network, exporter) / "cell.json"
        if arguments.only in f"{network} {exporter}":
            results[network, exporter] = run_cell(network, exporter, arguments)
            print(row(network, exporter, results[network, exporter]), flush=True)
        elif earlier.exists():
            results[network, exporter] = json.loads(earlier.read_text())
    if arguments.table:
        arguments.table.write_text(table(results, arguments.recipe))
    bad = sum(failed(known) for known in results.values())
    if bad:
        sys.exit(f"Bakelite failed at {bad} of {len(results)} cells")


if __name__ == "__main__":
    main()
