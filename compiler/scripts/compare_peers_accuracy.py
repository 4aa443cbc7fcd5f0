#!/usr/bin/env python3
"""Compares what Bakelite, ONNX Runtime and NNCF/OpenVINO lose by post-training quantization, on the same pictures.

    cargo build --release --bin bakelite --example pixels
    pip install -r compiler/scripts/compare_peers_accuracy.txt
    python compiler/scripts/compare_peers_accuracy.py ../shared [--models PART] [--seeds 0,1,2] [--out results.json]

The packages are onnxruntime 1.32.0, nncf 3.4.0, openvino 2026.4.1, onnx 1.23.2, numpy and pillow (the file beside this
one pins them). The folder given holds models/ and images/ with calibration/, evaluation/ and text_direction/.

Every tool gets, byte for byte, the pixels that Bakelite calibrates and evaluates on: the example `pixels` writes them.
Tried are

    ONNX Runtime   static, QDQ, u8 activations, i8 weights, no reduced range; weights per tensor or per channel;
                   ranges by min-max, entropy or percentile; run by ONNX Runtime
    NNCF           PTQ with preset performance or mixed, bias correction fast or accurate; run by OpenVINO in int8, what
                   is left float in f32 (not bf16)
    Bakelite       the recipes of --recipes

and measured as `bakelite eval` does, each against its own float network: agreement of the best class; SQNR of the
answers less their mean over classes, `10 log10(sum y^2 / sum (y - y')^2)` over all images; top-1 where there are labels.

Pictures: 128 of calibration/ (chosen by seed) to calibrate on and all of evaluation/ to compare on. The fundus network has no
labels: it is compared on the rest of calibration/. Text direction: 64 crops to calibrate on; the others, upright and rotated
by half a turn, to compare on.

Results are kept in the file --out and not measured again; those of Bakelite are, once its program has changed.
"""

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

# Part of the file's name, preprocess, what to compare on, calibration images, input size where it is left open.
MODELS = [
    ("mobilenet_v3_small_imagenet.torch_dynamo", "timm-half", "evaluation", 128, None),
    ("mobilenet_v3_small_imagenet_offgrid.torch_dynamo", "timm-half", "evaluation", 128, None),
    ("mobilenet_v3_small_imagenet.keras_tf2onnx_nhwc", "keras", "evaluation", 128, None),
    ("mobilenet_v3_large_minimalistic_imagenet.torch_dynamo", "timm-half", "evaluation", 128, None),
    ("mobilenet_v2_imagenet.tflite_converted", "timm-half", "evaluation", 128, None),
    ("mobilenet_v1_025_imagenet.tflite_converted", "timm-half", "evaluation", 128, None),
    ("fundus_mobilenet_v3_small.torchscript", "torchvision", "rest", 128, None),
    ("text_direction_mobilenet_v3_small_035.paddle2onnx", "paddleocr", "text", 64, (48, 192)),
]

RANGES = ("min-max", "entropy", "percentile")
ORT_SETTINGS = [f"{grain}, {ranges}" for ranges in RANGES for grain in ("per tensor", "per channel")]
BIAS = ("fast", "accurate")
NNCF_SETTINGS = [f"{preset}, {bias} bias correction" for preset in ("performance", "mixed") for bias in BIAS]


class Pictures:
    """Pixels as written by the example `pixels`."""

    def __init__(self, stem):
        about = json.loads(Path(f"{stem}.json").read_text())
        self.names = [file["name"] for file in about["files"]]
        self.classes = [file["class"] for file in about["files"]]
        shape = (len(self.names), about["height"], about["width"], 3)
        self.rgb = np.fromfile(f"{stem}.rgb", np.uint8).reshape(shape)
        self.order = about["order"]
        self.divisor, self.mean, self.std = (np.float32(about[key]) for key in ("divisor", "mean", "std"))

    def __len__(self):
        return len(self.names)

    def tensor(self, index, channels_last):
        """One picture as the float network takes it; each operation rounded to f32, as Bakelite and PyTorch do."""
        values = (self.rgb[index][..., self.order].astype(np.float32) / self.divisor - self.mean) / self.std
        return np.ascontiguousarray((values if channels_last else values.transpose(2, 0, 1))[None])


class Task:
    """One model with one choice of calibration pictures."""

    def __init__(self, arguments, row, seed):
        self.name, self.preprocess, self.on, self.count, self.size = row
        self.seed, self.arguments = seed, arguments
        self.model = arguments.shared / "models" / f"{self.name}.onnx"
        images = arguments.shared / "images"
        self.images = images / ("text_direction" if self.on == "text" else "calibration")
        self.chosen = ["--count", str(self.count), "--seed", str(seed)]
        self.evaluation = {"evaluation": images / "evaluation", "rest": None}.get(self.on)

    def prepare(self):
        self.calibration = self.pixels(self.images, f"calibration-{self.seed}", self.chosen)
        if self.on == "evaluation":
            self.pictures = self.pixels(self.evaluation, "evaluation", [])
            return
        self.pictures = self.pixels(self.images, f"rest-{self.seed}", [*self.chosen, "--rest"])
        if self.on == "text":
            self.evaluation = self.arguments.work / f"text-{self.seed}"
            turned(self.images, self.pictures.names, self.evaluation)
            self.pictures = self.pixels(self.evaluation, f"turned-{self.seed}", [])

    def pixels(self, folder, what, flags):
        stem = self.arguments.work / f"{self.name}.{what}"
        if not Path(f"{stem}.json").exists():
            size = ["--size", "{}x{}".format(*self.size)] if self.size else []
            command = [self.arguments.binaries / "examples/pixels", self.model, folder, stem]
            command += ["--preprocess", self.preprocess, *flags, *size]
            subprocess.run([str(word) for word in command], check=True)
        return Pictures(stem)

    def labels(self, outputs):
        """Classes in the network's numbering: with 1001 outputs, 0 is the background. None where there are no labels."""
        if self.on == "rest" or None in self.pictures.classes:
            return None
        return np.array(self.pictures.classes) + (outputs == 1001 and max(self.pictures.classes) < 1000)


def turned(folder, names, to):
    """Each crop upright (class 0) and rotated by half a turn (class 1)."""
    to.mkdir(exist_ok=True)
    lines = ["file,class"]
    for name in names:
        upright = Image.open(folder / name).convert("RGB")
        for number, picture in enumerate([upright, upright.transpose(Image.Transpose.ROTATE_180)]):
            file = f"{Path(name).stem}.{number}.png"
            picture.save(to / file)
            lines.append(f"{file},{number}")
    (to / "labels.csv").write_text("\n".join(lines) + "\n")


def measure(float_answers, int8_answers, labels):
    """As compiler/src/evaluate.rs."""
    y, z = (a.astype(np.float64) - a.astype(np.float64).mean(1, keepdims=True) for a in (float_answers, int8_answers))
    best, found = float_answers.argmax(1), int8_answers.argmax(1)
    return {
        "images": len(best),
        "agreement": 100 * float((best == found).mean()),
        "sqnr_db": 10 * float(np.log10((y**2).sum() / ((y - z) ** 2).sum())),
        "float_top1": None if labels is None else 100 * float((best == labels).mean()),
        "int8_top1": None if labels is None else 100 * float((found == labels).mean()),
    }


class OnnxRuntime:
    name = "ONNX Runtime"
    settings = ORT_SETTINGS

    def __init__(self, task, scratch):
        import onnx
        from onnxruntime import quantization

        self.quantization, self.task, self.scratch = quantization, task, scratch
        model = onnx.load(task.model)
        if model.opset_import[0].version < 13:  # Per-channel QuantizeLinear came with 13.
            model = onnx.version_converter.convert_version(model, 17)
        if task.size:
            for dim, extent in zip(model.graph.input[0].type.tensor_type.shape.dim, (1, 3, *task.size)):
                dim.dim_value = extent
            del model.graph.value_info[:]
            for dim, extent in zip(model.graph.output[0].type.tensor_type.shape.dim, (1,)):
                dim.dim_value = extent
        onnx.save(model, f"{scratch}/fixed.onnx")
        # Shapes are constants here: plain shape inference finds them all.
        quantization.quant_pre_process(f"{scratch}/fixed.onnx", f"{scratch}/prepared.onnx", skip_symbolic_shape=True)

    def quantize(self, setting):
        quantization, task = self.quantization, self.task
        grain, ranges = setting.split(", ")
        method = quantization.CalibrationMethod
        method = {"min-max": method.MinMax, "entropy": method.Entropy, "percentile": method.Percentile}[ranges]
        session = self.session(f"{self.scratch}/prepared.onnx")
        quantization.quantize_static(
            f"{self.scratch}/prepared.onnx",
            f"{self.scratch}/int8.onnx",
            reader(quantization, task.calibration, session.get_inputs()[0]),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=grain == "per channel",
            reduce_range=False,
            calibrate_method=method,
            # A few pictures at a time: all intermediate maps of them are held in memory.
            extra_options={"CalibStridedMinMax": 8},
            calibration_cache_path=f"{self.scratch}/ranges.{ranges}.json",
        )
        return self.answers(f"{self.scratch}/int8.onnx")

    def session(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = self.task.arguments.threads, 3
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def answers(self, path):
        session = self.session(path)
        info, pictures = session.get_inputs()[0], self.task.pictures
        last = channels_last(info.shape)
        answer = lambda i: session.run(None, {info.name: pictures.tensor(i, last)})[0].ravel()
        return np.stack([answer(i) for i in range(len(pictures))])


def channels_last(shape):
    return shape[3] == 3 and shape[1] != 3


def reader(quantization, pictures, info):
    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.set_range(0, len(pictures))

        def __len__(self):
            return len(pictures)

        def set_range(self, start_index, end_index):
            self.order = iter(range(start_index, end_index))

        def get_next(self):
            index = next(self.order, None)
            return None if index is None else {info.name: pictures.tensor(index, channels_last(info.shape))}

    return Reader()


class Nncf:
    name = "NNCF/OpenVINO"
    settings = NNCF_SETTINGS

    def __init__(self, task, scratch):
        import openvino

        self.openvino, self.task, self.core = openvino, task, openvino.Core()

    def read(self):
        # Not read_model: its graph is as in the file, and in that NNCF finds no bias to correct.
        model = self.openvino.convert_model(str(self.task.model))
        if self.task.size:
            model.reshape([1, 3, *self.task.size])
        self.last = channels_last([d.get_length() for d in model.inputs[0].get_partial_shape()])
        return model

    def quantize(self, setting):
        import nncf

        preset, bias = setting.split(", ")
        model, pictures = self.read(), self.task.calibration
        model = nncf.quantize(
            model,
            nncf.Dataset(range(len(pictures)), lambda i: pictures.tensor(i, self.last)),
            preset={"performance": nncf.QuantizationPreset.PERFORMANCE, "mixed": nncf.QuantizationPreset.MIXED}[preset],
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(pictures),
            fast_bias_correction=bias.startswith("fast"),
        )
        return self.answers(model)

    def answers(self, model):
        config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(self.task.arguments.threads)}
        compiled = self.core.compile_model(model, "CPU", config)
        pictures = self.task.pictures
        return np.stack([compiled(pictures.tensor(i, self.last))[0].ravel().copy() for i in range(len(pictures))])


def bakelite(task, recipe):
    """What `bakelite eval --json` says."""
    command = [task.arguments.binaries / "bakelite", "eval", task.model, "--json", "--recipe", recipe]
    command += ["--images", task.images, "--calibration-images", task.count, "--seed", task.seed]
    command += ["--preprocess", task.preprocess]
    command += ["--evaluation", task.evaluation] if task.evaluation else []
    command += ["--input-size", "{}x{}".format(*task.size)] if task.size else []
    run = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr.strip())
    summary = json.loads(run.stdout)["summary"]
    found = {key: summary[key] for key in ("images", "agreement", "sqnr_db", "float_top1", "int8_top1")}
    if task.on == "rest":  # The folder's labels are not this network's.
        found["float_top1"] = found["int8_top1"] = None
    return found


class Results:
    """Rows by key, in a file that is rewritten after each."""

    def __init__(self, path):
        self.path = path
        self.rows = json.loads(path.read_text()) if path.exists() else {}

    def has(self, key, digest):
        return self.rows.get(" | ".join(key), {}).get("digest") == digest

    def once(self, key, digest, function):
        if self.has(key, digest):
            return
        key = " | ".join(key)
        start = time.time()
        try:
            row = function()
        except Exception as error:  # A tool that cannot is a finding, not the end.
            row = {"failed": f"{type(error).__name__}: {error}"[:500]}
        self.rows[key] = {**row, "seconds": round(time.time() - start, 1), "digest": digest}
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.rows, indent=1) + "\n")
        part.replace(self.path)
        print(f"{key}: {row}", file=sys.stderr, flush=True)


def run(task, results):
    arguments = task.arguments
    program = hashlib.sha256((arguments.binaries / "bakelite").read_bytes()).hexdigest()[:16]
    model = hashlib.sha256(task.model.read_bytes()).hexdigest()[:16]
    task.prepare()
    for recipe in arguments.recipes:
        key = (task.name, str(task.seed), "Bakelite", recipe)
        results.once(key, f"{model} {program}", lambda: bakelite(task, recipe))
    for peer in arguments.peers:
        with tempfile.TemporaryDirectory() as scratch:
            settings = leaders(results, task.name, peer.name) if arguments.best else peer.settings
            missing = [s for s in settings if not results.has((task.name, str(task.seed), peer.name, s), model)]
            if not missing:
                continue
            tool, truth = peer(task, scratch), OnnxRuntime(task, scratch)
            floats = truth.answers(f"{scratch}/fixed.onnx")
            for setting in missing:
                key = (task.name, str(task.seed), peer.name, setting)
                results.once(key, model, lambda: measure(floats, tool.quantize(setting), task.labels(floats.shape[1])))


def grouped(results, seeds=None):
    """Rows by model, tool and setting."""
    groups = {}
    for key, row in results.rows.items():
        model, seed, tool, setting = key.split(" | ")
        if seeds is None or int(seed) in seeds:
            groups.setdefault(model, {}).setdefault(tool, {}).setdefault(setting, []).append(row)
    return groups


def mean(rows, what):
    return float(np.mean([row[what] for row in rows]))


def without_failures(settings):
    return {s: rows for s, rows in settings.items() if not any("failed" in row for row in rows)}


def leading(whole):
    """The setting with the best agreement, and that with the best SQNR if it is another."""
    return list(dict.fromkeys(max(whole, key=lambda s: mean(whole[s], what)) for what in ("agreement", "sqnr_db")))


def leaders(results, model, tool):
    whole = without_failures(grouped(results).get(model, {}).get(tool, {}))
    return leading(whole) if whole else []


def table(results, arguments):
    """Means over seeds; of each peer the leading settings, unless all are asked for."""
    groups = grouped(results, arguments.seeds)
    print("| network | tool, setting | seeds | agreement | SQNR | int8 top-1 (float) |")
    print("|---|---|---|---|---|---|")
    for model, tools in ((m[0], groups.get(m[0], {})) for m in MODELS if arguments.models in m[0]):
        for tool, settings in tools.items():
            whole = without_failures(settings)
            for setting in settings.keys() - whole.keys():
                reason = next(row["failed"] for row in settings[setting] if "failed" in row)
                print(f"| {model} | {tool}, {setting} | – | failed: {reason.splitlines()[0][:80]} | | |")
            shown = leading(whole) if whole and tool != "Bakelite" and not arguments.all else list(whole)
            for setting in shown:
                rows = whole[setting]
                top1 = "–"
                if rows[0]["int8_top1"] is not None:
                    top1 = f"{mean(rows, 'int8_top1'):.1f} ({mean(rows, 'float_top1'):.1f})"
                spread = f"{mean(rows, 'agreement'):.1f} % | {mean(rows, 'sqnr_db'):.1f} dB"
                print(f"| {model} | {tool}, {setting} | {len(rows)} | {spread} | {top1} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shared", type=Path, help="folder of models/ and images/")
    parser.add_argument("--models", default="", help="only models with this in their name")
    parser.add_argument("--seeds", default="0,1,2", help="which choices of calibration pictures")
    parser.add_argument("--recipes", default="default,per-tensor", help="Bakelite's recipes")
    parser.add_argument("--peers", default="onnxruntime,nncf", help="which of them; none with an empty word")
    parser.add_argument("--binaries", type=Path, default=Path("target/release"), help="where cargo put the programs")
    parser.add_argument("--work", type=Path, default=Path("target/peers-accuracy"), help="folder for pixels")
    parser.add_argument("--out", type=Path, default=Path("target/peers-accuracy/results.json"), help="results, kept")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--best", action="store_true", help="measure only what leads so far, on further seeds")
    parser.add_argument("--all", action="store_true", help="show every setting, not the best alone")
    arguments = parser.parse_args()
    arguments.seeds = [int(seed) for seed in arguments.seeds.split(",")]
    arguments.recipes = arguments.recipes.split(",")
    known = {"onnxruntime": OnnxRuntime, "nncf": Nncf}
    arguments.peers = [known[name] for name in arguments.peers.split(",") if name]
    for needed in (arguments.shared / "models", arguments.binaries / "bakelite", arguments.binaries / "examples/pixels"):
        if not needed.exists():
            sys.exit(f"there is no {needed}; see --help for what is needed")
    arguments.work.mkdir(parents=True, exist_ok=True)
    results = Results(arguments.out)
    for seed in arguments.seeds:  # All models once first: a run that is cut short has something to show.
        for row in MODELS:
            if arguments.models in row[0]:
                with contextlib.redirect_stdout(sys.stderr):  # The peers are talkative.
                    run(Task(arguments, row, seed), results)
    table(results, arguments)


if __name__ == "__main__":
    main()
