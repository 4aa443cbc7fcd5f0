"""Times a compiled program against the int8 of OpenVINO and ONNX Runtime, interleaved.

    python time_peers.py MODEL.onnx IMAGES PROGRAM [--threads 1] [--rounds 7] [--iterations 200]

    pip install openvino==2026.4.1 nncf==3.4.0 onnx==1.23.2 onnxruntime==1.32.0 pillow==13.0.0 sympy==1.14.0

A peer that is not installed is left out. MODEL takes 1x3xHxW; IMAGES is a folder of JPEG pictures, 32 of which the peers
calibrate on (OpenVINO: NNCF's default; ONNX Runtime: QDQ, u8 activations, i8 weights per channel, full range); PROGRAM is what
`bakelite compile` made of the same model, for more than one thread built with `--features threads`. Each round times one
after the other, all of them pinned to as many processors as threads. Printed are the median and the minimum of each one's
times, and the ratio ours / peer, of the medians of each round and of the minima. `--json` prints all rounds too.
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
from PIL import Image

WARM_UP = 50


def pixels(path, height, width):
    image = Image.open(path).convert("RGB").resize((width, height))
    values = np.asarray(image, np.float32) / 127.5 - 1
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def timed(call, iterations):
    """Median and minimum of `call`, in milliseconds."""
    times = []
    for round_ in range(iterations + WARM_UP):
        start = time.perf_counter_ns()
        call()
        if round_ >= WARM_UP:
            times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e6, min(times) / 1e6


def openvino(model, images, threads):
    import nncf
    import openvino

    quantized = nncf.quantize(openvino.convert_model(model), nncf.Dataset(images), subset_size=len(images))
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    request = openvino.Core().compile_model(quantized, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(images[0], shared_memory=True))

    def call():
        request.start_async()
        request.wait()

    return call


def onnxruntime(model, images, threads):
    import onnxruntime
    from onnxruntime import quantization

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    name = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]).get_inputs()[0].name

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.images = iter(images)

        def get_next(self):
            image = next(self.images, None)
            return None if image is None else {name: image}

    with tempfile.TemporaryDirectory() as folder:
        prepared, quantized = f"{folder}/prepared.onnx", f"{folder}/int8.onnx"
        quantization.quant_pre_process(model, prepared)
        quantization.quantize_static(
            prepared,
            quantized,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=False,
        )
        session = onnxruntime.InferenceSession(quantized, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {name: images[0]})


def size(model):
    """Height and width of the model's input."""
    import onnx

    shape = onnx.load(model, load_external_data=False).graph.input[0].type.tensor_type.shape
    return [extent.dim_value for extent in shape.dim][2:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("images")
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    processors = sorted(os.sched_getaffinity(0))
    if len(processors) < arguments.threads:
        parser.error(f"{arguments.threads} threads need as many processors, here are {len(processors)}")
    files = sorted(pathlib.Path(arguments.images).glob("*.jpg"))
    if not files:
        parser.error(f"no .jpg in {arguments.images}")
    height, width = size(arguments.model)
    images = [pixels(files[i * len(files) // 32], height, width) for i in range(32)]

    # Pinned before the peers start their threads; the program inherits it.
    os.sched_setaffinity(0, set(processors[-arguments.threads :]))
    calls = {}
    for peer in (openvino, onnxruntime):
        try:
            calls[f"{peer.__name__} int8"] = peer(arguments.model, images, arguments.threads)
        except ImportError as error:
            print(f"without {peer.__name__}: {error}")

    command = [arguments.program, "bench", "--json", "--iterations", str(arguments.iterations)]
    command += ["--threads", str(arguments.threads)] if arguments.threads > 1 else []

    def ours():
        result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return result["median_ns"] / 1e6, result["min_ns"] / 1e6

    runs = {name: [] for name in ["ours", *calls]}
    for _ in range(arguments.rounds):
        runs["ours"].append(ours())
        for name, call in calls.items():
            runs[name].append(timed(call, arguments.iterations))
    best = {name: min(minimum for _, minimum in rounds) for name, rounds in runs.items()}
    for name, rounds in runs.items():
        medians = [median for median, _ in rounds]
        ratios = [ours / theirs for (ours, _), theirs in zip(runs["ours"], medians)]
        print(
            f"{name:17} median {statistics.median(medians):.3f} ms  minimum {best[name]:.3f} ms"
            f"  ours / this: medians {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}),"
            f" minima {best['ours'] / best[name]:.3f}"
        )
    if arguments.json:
        print(json.dumps({"threads": arguments.threads, "rounds": runs}))


if __name__ == "__main__":
    main()
