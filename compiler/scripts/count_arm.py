#!/usr/bin/env python3
"""Executed instructions of one inference on Arm, counted by an emulator, beside what XNNPACK executes.

    python compiler/scripts/count_arm.py PLUGIN [--bakelite target/release/bakelite] [--images DIR]

PLUGIN is an instruction counter for qemu's user mode (its own `libinsn.so` of tests/tcg/plugins or contrib/plugins will do: whatever
prints a line with `insns` and the number of all instructions when the program ends). The networks are written by
`bakelite model`, 224 x 224, one thread; what is counted is the difference between benchmarks of few and of many
inferences, so start and end of the program do not count. The peer's figures (LiteRT with XNNPACK, the same networks and way of
counting) are those that were measured once; nothing here renews them.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

# Millions of instructions: (network, target) -> XNNPACK's.
PEER = {
    ("mobilenet-v3-small", "cortex-a53"): 29.95,
    ("mobilenet-v3-small", "cortex-a76"): 15.11,
    ("mobilenet-v3-small", "neoverse-v1"): 12.80,
    ("mobilenet-v3-large", "cortex-a53"): 102.7,
    ("mobilenet-v3-large", "cortex-a76"): 43.1,
    ("mobilenet-v3-large", "neoverse-v1"): 30.1,
}
CPU = {"neoverse-v1": "max"}
TRIPLE = "aarch64-unknown-linux-gnu"


def rounds(iterations):
    """Inferences that `bench --iterations N` makes: it warms up first."""
    return iterations + iterations // 4 + 5


def executed(emulator, plugin, program, target, iterations):
    command = [emulator, "-cpu", CPU.get(target, target), "-plugin", plugin, program, "bench", "--iterations", str(iterations)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"insns\D*(\d+)", done.stderr + done.stdout)
    if not found:
        sys.exit(f"the plugin {plugin} printed no number of instructions: {done.stderr[-300:]}")
    return int(found.group(1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plugin")
    parser.add_argument("--bakelite", default="target/release/bakelite")
    parser.add_argument("--emulator", default="qemu-aarch64")
    parser.add_argument("--images", help="pictures to calibrate on [default: drawn ones]")
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--memory", default="whole", help="as of `bakelite compile`; XNNPACK, too, has whole maps [default: whole]")
    parser.add_argument("--only", default="", help="networks and targets whose names hold this")
    arguments = parser.parse_args()
    print(f"{'network':<20} {'target':<12} {'Bakelite':>10} {'XNNPACK':>10} {'ratio':>6}   (millions of instructions)")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        images = arguments.images
        if not images:
            subprocess.run([arguments.bakelite, "demo", "--out", folder / "demo"], check=True, capture_output=True)
            images = folder / "demo" / "calibration"
        for (network, target), peer in PEER.items():
            if arguments.only not in f"{network} {target}":
                continue
            model, crate = folder / f"{network}.onnx", folder / "crate"
            subprocess.run([arguments.bakelite, "model", network, "-o", model], check=True, capture_output=True)
            compiling = [arguments.bakelite, "compile", model, "--images", images, "--calibration-images", "16", "--preprocess", "imagenet"]
            compiling += ["--recipe", arguments.recipe, "--memory", arguments.memory, "--target", target, "--no-verify", "--name", "net", "--out", crate]
            subprocess.run(compiling, check=True, capture_output=True)
            program = crate / "target" / TRIPLE / "release" / "net"
            few, many = (executed(arguments.emulator, arguments.plugin, program, target, n) for n in (1, 5))
            own = (many - few) / (rounds(5) - rounds(1)) / 1e6
            print(f"{network:<20} {target:<12} {own:>10.2f} {peer:>10.2f} {own / peer:>6.2f}", flush=True)


if __name__ == "__main__":
    main()
