#!/usr/bin/env python3
"""Compares Bakelite's float execution with ONNX Runtime, logit by logit.

    cargo build --release --example logits
    python compiler/scripts/compare_onnxruntime.py MODELS IMAGES [--binary target/release/examples/logits] [-n 16]

MODELS is a folder of .onnx files (or one file), IMAGES a folder of pictures. For every model the pictures are resized
to its input, normalised, and run through ONNX Runtime and through the example program `logits`, once as imported and
once after all passes. Printed: the largest difference relative to the largest logit, over all pictures; agreement of
the best class; time per picture of both. Exit code 1 if a model that must agree does not. Needs onnxruntime, numpy,
pillow.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

LIMIT = 1e-4
REQUIRED = re.compile(r"^(mobilenet_v3_|fundus_)")


def normalisation(name):
    """What each published model expects: raw, x/127.5 - 1, ImageNet mean and deviation, x/255."""
    if "keras" in name:
        return lambda x: x
    if name.startswith("fundus"):
        mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
        return lambda x: (x / 255 - mean) / deviation
    if name.startswith("text_direction"):
        return lambda x: ((x / 255 - 0.5) / 0.5)[..., ::-1]
    if name.startswith("selfie"):
        return lambda x: x / 255
    return lambda x: x / 127.5 - 1


def pictures(folder, count, height, width):
    files = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
    if not files:
        sys.exit(f"no pictures in {folder}")
    resized = [Image.open(p).convert("RGB").resize((width, height), Image.BILINEAR) for p in files[:count]]
    return np.stack([np.asarray(p, np.float32) for p in resized])


def compare(model, arguments, scratch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    info = session.get_inputs()[0]
    channels_last = info.shape[3] == 3 and info.shape[1] != 3
    extents = info.shape[1:3] if channels_last else info.shape[2:4]
    extra = []
    if not all(isinstance(e, int) and e > 0 for e in extents):
        extents = (48, 192)
        extra = ["--size", "48x192"]
    x = pictures(arguments.images, arguments.count, *extents)
    x = np.ascontiguousarray(normalisation(model.name)(x).astype(np.float32))
    fed = x if channels_last else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    expected, fastest = [], float("inf")
    for image in fed:
        start = time.perf_counter()
        expected.append(session.run(None, {info.name: image[None]})[0].ravel())
        fastest = min(fastest, time.perf_counter() - start)
    expected = np.stack(expected)
    x.tofile(scratch / "in.f32")
    line, agree = f"{model.stem:68}", True
    for passes in ([], ["--passes"]):
        command = [arguments.binary, str(model), str(scratch / "in.f32"), str(scratch / "out.f32"), *passes, *extra]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            return f"{line} refused: {' '.join(result.stderr.split())[:300]}", False
        ours = np.fromfile(scratch / "out.f32", np.float32).reshape(expected.shape)
        worst = np.abs(ours - expected).max() / np.abs(expected).max()
        top = (ours.argmax(1) == expected.argmax(1)).mean()
        took = re.search(r"fastest ([\d.]+) ms", result.stdout)
        agree &= bool(worst <= LIMIT)
        line += f"  {'passes' if passes else 'raw'} {worst:.1e} top1 {top:.0%} {took.group(1) if took else '?':>6} ms"
    return f"{line}  ORT {fastest * 1e3:6.2f} ms", agree


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models")
    parser.add_argument("images")
    parser.add_argument("--binary", default="target/release/examples/logits")
    parser.add_argument("-n", "--count", type=int, default=16)
    arguments = parser.parse_args()
    path = Path(arguments.models)
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        for model in sorted(path.glob("*.onnx")) if path.is_dir() else [path]:
            line, agree = compare(model, arguments, Path(scratch))
            print(line, flush=True)
            if not agree and REQUIRED.match(model.name):
                failed.append(model.stem)
    if failed:
        sys.exit(f"do not agree to {LIMIT}: {', '.join(failed)}")


if __name__ == "__main__":
    main()
