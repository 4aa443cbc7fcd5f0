"""Times a compiled program against ONNX Runtime's static int8, interleaved, one thread.

    python time_onnxruntime.py MODEL.onnx IMAGES PROGRAM [--rounds 7] [--iterations 200]

Needs pip packages onnx, onnxruntime and pillow (measured with 1.23.2, 1.32.0 and 13.0.0). MODEL takes 1x3xHxW; IMAGES is a
folder of JPEG pictures to calibrate ONNX Runtime on (QDQ, u8 activations, i8 weights per channel, no reduced range);
PROGRAM is what `bakelite compile` made of the same model. Each round times one after the other, pinned to one processor;
printed are the median and the minimum over rounds of each one's median, and the ratio round by round.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime as ort
from onnxruntime import quantization
from PIL import Image


class Reader(quantization.CalibrationDataReader):
    def __init__(self, name, images):
        self.name, self.images = name, iter(images)

    def get_next(self):
        image = next(self.images, None)
        return None if image is None else {self.name: image}


def pixels(path, height, width):
    image = Image.open(path).convert("RGB").resize((width, height))
    values = np.asarray(image, np.float32) / 127.5 - 1
    return values.transpose(2, 0, 1)[None]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=200)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    probe = ort.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"]).get_inputs()[0]
    height, width = probe.shape[2:]
    files = sorted(pathlib.Path(arguments.images).glob("*.jpg"))[:32]
    images = [pixels(file, height, width) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        prepared, quantized = f"{folder}/prepared.onnx", f"{folder}/int8.onnx"
        quantization.quant_pre_process(arguments.model, prepared)
        quantization.quantize_static(
            prepared,
            quantized,
            Reader(probe.name, images),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=False,
        )
        sessions = {
            "onnxruntime int8": ort.InferenceSession(quantized, options, providers=["CPUExecutionProvider"]),
            "onnxruntime f32": ort.InferenceSession(arguments.model, options, providers=["CPUExecutionProvider"]),
        }

    def onnxruntime(session):
        times = []
        for round_ in range(arguments.iterations + 20):
            start = time.perf_counter_ns()
            session.run(None, {probe.name: images[0]})
            if round_ >= 20:
                times.append(time.perf_counter_ns() - start)
        return statistics.median(times) / 1e6

    def ours():
        command = [arguments.program, "bench", "--json", "--iterations", str(arguments.iterations)]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["median_ns"] / 1e6

    runs = {name: [] for name in ["ours", *sessions]}
    for _ in range(arguments.rounds):
        runs["ours"].append(ours())
        for name, session in sessions.items():
            runs[name].append(onnxruntime(session))
    for name, values in runs.items():
        ratios = [a / b for a, b in zip(runs["ours"], values)]
        print(
            f"{name:18} median {statistics.median(values):.3f} ms  minimum {min(values):.3f} ms"
            f"  ours / this: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}"
        )


if __name__ == "__main__":
    main()
