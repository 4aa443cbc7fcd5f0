#!/usr/bin/env python3
"""Verifies every network of the family at every instruction set of a CPU, emulated or not: every bit as the reference's.

    python compiler/scripts/verify_family.py IMAGES [--bakelite target/release/bakelite] [--on "qemu-aarch64 -cpu max BAKELITE"]
        [--only PART] [--jobs 2]

`bakelite model` writes each network at two sizes, and `bakelite verify --kernels` quantizes it (recipe `best`: all kernels that a
network can have) and compares. For another machine give with `--on` how a `bakelite` compiled for it runs here, such as

    cargo build --release -p bakelite --target aarch64-unknown-linux-gnu

makes it. IMAGES is a folder of pictures, such as target/bakelite-demo/calibration. Exit code 1 where a bit differs.
"""

import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import sys
import tempfile

FAMILY = [
    ("mobilenet-v1", 0.25, ["64x64", "48x80"]),
    ("mobilenet-v2", 0.35, ["64x64", "48x80"]),
    ("mobilenet-v3-small", 0.35, ["64x64", "48x80"]),
    ("mobilenet-v3-large", 0.35, ["64x64", "48x80"]),
    ("mobilenet-v3-large-lr-aspp", 0.25, ["64x64", "48x80"]),
    ("mnasnet-a1", 0.35, ["64x64", "48x80"]),
    ("mnasnet-b1", 0.35, ["64x64", "48x80"]),
    ("squeezenet-1.0", 0.5, ["64x64", "80x52"]),
    ("squeezenet-1.1", 0.5, ["64x64", "80x52"]),
    ("efficientnet-b0", 0.25, ["64x64", "48x80"]),
    ("efficientnet-lite0", 0.25, ["64x64", "48x80"]),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images")
    parser.add_argument("--bakelite", default="target/release/bakelite")
    parser.add_argument("--on", help="the command that stands for `bakelite` when it verifies [default: --bakelite]")
    parser.add_argument("--only", default="", metavar="PART")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    verifier = (arguments.on or arguments.bakelite).split()

    def verify(network, width, size, folder):
        model = pathlib.Path(folder) / f"{network}_{size}.onnx"
        write = [arguments.bakelite, "model", network, "--width", str(width), "--size", size, "--classes", "19", "-o", model]
        subprocess.run(write, check=True, capture_output=True)
        command = [*verifier, "verify", "--kernels", "--json", model, "--images", arguments.images, "--calibration-images", "4"]
        command += ["--verify-images", "2", "--preprocess", "imagenet", "--recipe", "best", "--keep-sigmoid"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return None, done.stderr.strip()
        return json.loads(done.stdout), None

    print("| network | width | input | images | equal in every bit |\n|---|---|---|---|---|", flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        work = [(n, w, s) for n, w, sizes in FAMILY if arguments.only in n for s in sizes]
        for (network, width, size), (result, error) in zip(work, pool.map(lambda each: verify(*each, folder), work)):
            if error:
                failed = True
                print(f"{network} at {size}: {error}", file=sys.stderr, flush=True)
            else:
                print(f"| {network} | {width} | {size} | {result['images']} | {', '.join(result['kernels'])} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
