#!/usr/bin/env python3
"""Fits what a layer costs on Arm, and writes specs/costs/*.yaml (see compiler/src/cost.rs for what is done with them).

    python compiler/scripts/fit_arm_cost.py PLUGIN [--toolchain NAME] [--only neondot]

    gcc -O2 -shared -fPIC -o layer_counts.so compiler/scripts/layer_counts.c     makes PLUGIN
    pip install numpy==2.2.6 scipy==1.17.1

For each instruction set, networks of `bakelite model` are compiled and run under qemu, where the plugin counts what every layer executes.
Coefficients are those that explain the counts best, none of them negative (least squares, each layer's error as a part of its count's root).
Networks that are LEFT_OUT have no part in the fit. Cycles are llvm-mca's for the blocks that make up most of what a kernel executed,
each by itself, over and over.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import tempfile

import numpy as np
from scipy.optimize import nnls

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIPLE = "aarch64-unknown-linux-gnu"

# Arguments of `bakelite model`.
NETWORKS = {
    "mobilenet-v3-small": [],
    "mobilenet-v3-large": [],
    "mobilenet-v3-small 0.75 160": ["--width", "0.75", "--size", "160x160"],
}
LEFT_OUT = {"mobilenet-v3-large 0.75 192": ["--width", "0.75", "--size", "192x192"]}

# Target, emulated CPU, and cores with llvm-mca's names for them.
SETS = {
    "neon": ("cortex-a53", "cortex-a53", ["cortex-a53", "cortex-a72"], ""),
    "neondot": ("cortex-a76", "cortex-a76", ["cortex-a55", "cortex-a76", "neoverse-n1"], "+dotprod"),
    "i8mm": ("neoverse-v1", "max", ["neoverse-v1"], "+dotprod,+i8mm"),
}

# A kernel's cycles are those of blocks that make up this much of what it executes.
MOST = 0.95


def run(*command, **arguments):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **arguments)


def compiled(arguments, images, network, options, target, folder):
    """The program, with its symbols, and what `compile` says of the layers."""
    bakelite = arguments.bakelite
    model, crate = folder / "net.onnx", folder / "crate"
    run(bakelite, "model", network.split()[0], *options, "-o", model)
    command = [bakelite, "compile", model, "--images", images, "--calibration-images", 8, "--preprocess", "imagenet", "--recipe", "fast", "--memory", "whole"]
    command += ["--target", target, "--emit", "crate", "--name", "net", "--out", crate, "--json"]
    made = json.loads(run(*command).stdout)
    settings = {"CARGO_PROFILE_RELEASE_STRIP": "false", "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER": "aarch64-linux-gnu-gcc"}
    cargo = ["rustup", "run", arguments.toolchain, "cargo"] if arguments.toolchain else ["cargo"]
    run(*cargo, "build", "--release", cwd=crate, env={**os.environ, **settings})
    return crate / "target" / TRIPLE / "release" / "net", made["estimates"][0]["layers"]


def told(emulator, cpu, plugin, program, span, iterations):
    """`{call: [times, instructions]}` and `{(block, length): {call: times}}` of a benchmark."""
    command = [emulator, "-cpu", cpu, "-plugin", f"{plugin},start={span[0]:#x},end={span[1]:#x}", program, "bench", "--iterations", iterations]
    calls, blocks = {}, collections.defaultdict(dict)
    for line in run(*command).stderr.splitlines():
        match line.split():
            case ["call", address, times, instructions]:
                calls[address] = (int(times), int(instructions))
            case ["block", address, length, times, call]:
                blocks[int(address, 16), int(length)][call] = int(times)
    return calls, blocks


def counted(emulator, cpu, plugin, program, layers):
    """`[(call, instructions)]` of a run of so many layers, in order, and `{(block, length): {call: times}}`."""
    symbols = [line.split(None, 3) for line in run("aarch64-linux-gnu-nm", "-S", "-C", program).stdout.splitlines()]
    found = [(int(s[1], 16), int(s[0], 16)) for s in symbols if len(s) == 4 and re.fullmatch(r"net::infer(::h[0-9a-f]+)?", s[3])]
    size, start = max(found)
    # The difference of many runs and few: start and end of the program do not count.
    (few, _), (many, blocks) = (told(emulator, cpu, plugin, program, (start, start + size), n) for n in (1, 5))
    calls = {call: (times - few[call][0], instructions - few[call][1]) for call, (times, instructions) in many.items() if call in few}
    # One call a layer and run; but the first layer, of which there is no other of its kind, may be part of the function, and calls products or none.
    own = calls.pop("0")[1]
    rounds = collections.Counter(times for times, _ in calls.values()).most_common(1)[0][0]
    first = own + sum(instructions for times, instructions in calls.values() if times > rounds)
    counts = [(address, instructions / rounds) for address, (times, instructions) in calls.items() if times == rounds]
    if len(counts) == layers:
        # The first layer is a call of its own, too; what the function itself executes goes with it.
        (address, instructions), *rest = counts
        return [(address, instructions + first / rounds), *rest], blocks
    return [("0", first / rounds), *counts], blocks


def cycles(core, features, program, blocks):
    """Cycles per instruction of `{(address, length): times}`."""
    total = sum(length * times for (_, length), times in blocks.items())
    some, covered, took = collections.Counter(), 0, 0.0
    for (address, length), times in sorted(blocks.items(), key=lambda it: -it[0][1] * it[1]):
        if covered > MOST * total:
            break
        covered += length * times
        code = run("llvm-objdump", "-d", "--no-show-raw-insn", "--no-leading-addr", f"--mattr={features}",
                   f"--start-address={address}", f"--stop-address={address + 4 * length}", program).stdout
        lines = [line.strip() for line in code.splitlines() if re.match(r" *\t", line)]
        # Where a jump goes does not matter, and cannot be read.
        lines = [re.sub(r"(?<!#)0x[0-9a-f]+$", "#0", re.sub(r"\s*(//|<).*", "", line)) for line in lines]
        assert len(lines) == length, (hex(address), length, lines)
        told = run("llvm-mca", f"-mtriple={TRIPLE}", f"-mcpu={core}", f"-mattr={features}", "-iterations=50", "--json", "-",
                   input="\n".join(lines) + "\n").stdout
        summary = json.loads(told)["CodeRegions"][0]["SummaryView"]
        took += times * summary["TotalCycles"] / summary["Iterations"]
    return took / covered


def fit(rows):
    """Coefficients of `[(features, count)]`."""
    names = sorted({name for features, _ in rows for name in features})
    matrix = np.array([[features.get(name, 0.0) for name in names] for features, _ in rows])
    counts = np.array([count for _, count in rows])
    weight = 1 / np.sqrt(counts)
    scale = np.maximum(matrix.max(axis=0), 1.0)
    found, _ = nnls(matrix / scale * weight[:, None], counts * weight)
    return {name: round(float(value), 4) for name, value in zip(names, found / scale) if value > 1e-9}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plugin")
    parser.add_argument("--bakelite", default=ROOT / "target/release/bakelite", type=pathlib.Path)
    parser.add_argument("--toolchain", help="of rustup, one with the standard library for " + TRIPLE)
    parser.add_argument("--emulator", default="qemu-aarch64")
    parser.add_argument("--only", help="one of " + ", ".join(SETS))
    arguments = parser.parse_args()
    for kernels, (target, cpu, cores, features) in SETS.items():
        if arguments.only not in (None, kernels):
            continue
        rows, networks = collections.defaultdict(list), {}
        executed = collections.defaultdict(lambda: (None, collections.Counter()))
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            run(arguments.bakelite, "demo", "--out", folder / "demo")
            for network, options in {**NETWORKS, **LEFT_OUT}.items():
                place = folder / network.replace(" ", "_")
                place.mkdir()
                program, layers = compiled(arguments, folder / "demo" / "calibration", network, options, target, place)
                counts, blocks = counted(arguments.emulator, cpu, arguments.plugin, program, len(layers))
                if len(counts) != len(layers):
                    print(f"{kernels} {network}: {len(counts)} calls, {len(layers)} layers: not used")
                    continue
                networks[network] = [(layer, count) for layer, (_, count) in zip(layers, counts)]
                if network in LEFT_OUT:
                    continue
                kernel_of = {address: layer["kernel"] for layer, (address, _) in zip(layers, counts)}
                for layer, (_, count) in zip(layers, counts):
                    rows[layer["kernel"]].append((layer["features"], count))
                # The same kernel has the same code in all networks; one has all of it, or most.
                for kernel in set(kernel_of.values()):
                    own = collections.Counter()
                    for block, calls in blocks.items():
                        times = sum(n for address, n in calls.items() if kernel_of.get(address) == kernel)
                        if times:
                            own[block] = times
                    size = lambda counter: sum(length * times for (_, length), times in counter.items())
                    if size(own) > size(executed[kernel][1]):
                        executed[kernel] = (program, own)
                print(f"{kernels} {network}: {sum(count for _, count in counts) / 1e6:.2f} M instructions", flush=True)
            coefficients = {kernel: fit(of) for kernel, of in sorted(rows.items())}
            # There are few convolutions, all alike: what they share with pointwise layers costs what it costs there, but for their tiles.
            known = {name: value for name, value in coefficients["pointwise"].items() if name != "layer"}
            left = [
                ({name: of[name] for name in ("codes", "tiles", "layer") if name in of}, max(1.0, count - sum(known.get(name, 0) * v for name, v in of.items())))
                for of, count in rows["convolution"]
            ]
            own = fit(left)
            coefficients["convolution"] = {**known, **own, "tiles": round(known.get("tiles", 0.0) + own.get("tiles", 0.0), 4)}
            per_instruction = {
                core: {k: round(cycles(core, features, *of), 3) for k, of in sorted(executed.items()) if of[0]} for core in cores
            }

        def off(network):
            known = [(layer, count) for layer, count in networks[network] if layer["kernel"] in coefficients]
            guess = sum(
                amount * coefficients[layer["kernel"]].get(name, 0.0) for layer, _ in known for name, amount in layer["features"].items()
            )
            return round(100 * (guess / sum(count for _, count in known) - 1), 1)

        def lines(table, indent):
            return "".join(f"{indent}{json.dumps(name)}: {json.dumps(value)}\n" for name, value in table.items())

        for kernel, of in sorted(rows.items()):
            wrong = [abs(sum(v * coefficients[kernel].get(n, 0) for n, v in f.items()) / count - 1) for f, count in of]
            print(f"  {kernel}: {len(of)} layers, off by {100 * np.mean(wrong):.0f} % on average, {100 * max(wrong):.0f} % at most")
        text = f"# Written by compiler/scripts/fit_arm_cost.py: target {target}, emulated {cpu}.\ninstructions:\n{lines(coefficients, '  ')}"
        text += f"cycles-per-instruction:\n{lines(per_instruction, '  ')}error:\n"
        text += f"  fitted:\n{lines({n: off(n) for n in networks if n in NETWORKS}, '    ')}"
        text += f"  left-out:\n{lines({n: off(n) for n in networks if n in LEFT_OUT}, '    ')}"
        (ROOT / "specs" / "costs" / f"{kernels}.yaml").write_text(text)
        print(text, flush=True)


if __name__ == "__main__":
    main()
