"""Trains the demonstration's MobileNetV3-Small on the pictures of compiler/src/demo/pictures, on a CPU.

    python compiler/demo/train.py --work SCRATCH_DIR            (from the repository's root)

Renders the pictures with `cargo run --release --example demo_pictures`, preprocesses them as the users of
torchvision do, trains, exports the ONNX beside this file and measures it in onnxruntime. Nothing but the log and the
ONNX stays in the repository.
"""

import argparse
import math
import os
import struct
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads wait for one another when the machine is shared

import numpy as np
import torch
import torch.distributed as dist
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional as F

# ---- settings -------------------------------------------------------------------------------------------------
INPUT = 96                        # pixels: shorter side resized to it, then the centre square
MEAN = (0.485, 0.456, 0.406)      # of ImageNet, on RGB in [0, 1]; outside the graph
STD = (0.229, 0.224, 0.225)
TRAIN = (1, 60_000)               # (seed, pictures); calibration is seed 2, never seen here
EVALUATION = (3, 2_000)           # held out: measured once, in onnxruntime, at the end
PROGRESS = (4, 500)               # a third set to look at while training; chooses nothing
# The machine may be shared, so time is what is planned: the schedule follows the clock, the log says how far it got.
SECONDS = 1750
PHASES = ((64, 0.45), (INPUT, 1.0))  # (pixels, until this part of the time): first the shapes, on cheap small pictures
PROCESSES = 2                     # for rendering and for training, one thread each
BATCH = 128                       # over all processes
RATE = 3e-3                       # AdamW, a cosine to zero over the time
WARM = 150                        # steps of linear warm-up
DECAY = 0.02                      # of weights; not of biases and batch norms
SMOOTHING = 0.05
MOMENTUM = 0.05                   # of the batch norms; torchvision's 0.01 suits longer runs
SEED = 20
OPSET = 18
# ---------------------------------------------------------------------------------------------------------------

HERE = Path(__file__).resolve().parent
GENERATOR = ["cargo", "run", "--quiet", "--release", "--example", "demo_pictures", "--"]


def preprocess(image):
    """Shorter side to INPUT by Pillow's antialiased bilinear filter, then the centre square, as torchvision does."""
    width, height = image.size
    if width <= height:
        size = (INPUT, int(INPUT * height / width))
    else:
        size = (int(INPUT * width / height), INPUT)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - INPUT) / 2), round((size[1] - INPUT) / 2)
    return image.crop((left, top, left + INPUT, top + INPUT))


def render(generator, seed, first, images, labels):
    """Fills `images` and `labels` with the pictures from `first` on."""
    command = [*generator, str(seed), str(first), str(len(labels))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=1 << 20) as run:
        for i in range(len(labels)):
            labels[i], width, height = struct.unpack("<3I", run.stdout.read(12))
            rgb = run.stdout.read(width * height * 3)
            images[i] = np.asarray(preprocess(Image.frombytes("RGB", (width, height), rgb)))


def pictures(seed, count, work, generator):
    """uint8 [count, INPUT, INPUT, 3] and labels [count]; kept in `work` for the next run."""
    kept = [work / f"{what}_{seed}_{count}.npy" for what in ("labels", "images")]
    if not kept[0].exists():
        images, labels = np.empty((count, INPUT, INPUT, 3), np.uint8), np.empty(count, np.int64)
        share = -(-count // PROCESSES)
        with ThreadPoolExecutor(PROCESSES) as pool:
            parts = [
                pool.submit(render, generator, seed, i, images[i : i + share], labels[i : i + share])
                for i in range(0, count, share)
            ]
            for part in parts:
                part.result()
        np.save(kept[1], images)
        np.save(kept[0], labels)
    return np.load(kept[1], mmap_mode="r"), np.load(kept[0])


def normalize(images):
    """uint8 NHWC to normalized float NCHW."""
    x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float().div_(255)
    return x.sub_(torch.tensor(MEAN).view(3, 1, 1)).div_(torch.tensor(STD).view(3, 1, 1))


def groups(model):
    """Weights with decay; biases and batch norms without."""
    parameters = list(model.parameters())
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]


@torch.inference_mode()
def accuracy(model, images, labels):
    model.eval()
    right = 0
    for i in range(0, len(labels), 100):
        x = normalize(images[i : i + 100]).contiguous(memory_format=torch.channels_last)
        right += (model(x).argmax(1).numpy() == labels[i : i + 100]).sum()
    model.train()
    return right / len(labels)


def share_mean(tensors):
    """Replaces each tensor by its mean over the processes."""
    flat = torch.cat([t.reshape(-1) for t in tensors])
    dist.all_reduce(flat)
    flat /= PROCESSES
    for t, piece in zip(tensors, flat.split([t.numel() for t in tensors])):
        t.copy_(piece.view(t.shape))


def clock(start, seconds):
    """The part of the time that is over, by the first process's clock."""
    done = torch.tensor((time.time() - start) / seconds)
    dist.broadcast(done, 0)
    return done.item()


def train(rank, seconds, data, progress, work, say):
    """One of PROCESSES equal workers: each takes its share of every batch, then all average their gradients."""
    torch.manual_seed(SEED)  # the same first weights everywhere
    model = torchvision.models.mobilenet_v3_small(num_classes=10).to(memory_format=torch.channels_last)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = MOMENTUM
    statistics = [b for b in model.buffers() if b.is_floating_point()]
    fast = torch.compile(model, dynamic=False)
    images, labels = data
    chance, mirror = np.random.default_rng(SEED), np.random.default_rng((SEED, rank))
    torch.manual_seed(SEED + 1 + rank)  # dropout differs
    optimizer = torch.optim.AdamW(groups(model), lr=RATE)
    order, step, total, since, told = [], 0, 0.0, 0, 0.0
    start = time.time()
    done = clock(start, seconds)
    while done < 1.0:
        if len(order) < BATCH:
            order = chance.permutation(len(labels))
        pick, order = np.sort(order[:BATCH][rank::PROCESSES]), order[BATCH:]
        pixels = next(pixels for pixels, until in PHASES if done < until)
        x, y = normalize(images[pick]), torch.from_numpy(labels[pick])
        # The generator mirrors at random, so a mirror image keeps its name.
        mirrored = torch.from_numpy(mirror.random(len(pick)) < 0.5)
        x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(3), x)
        if pixels != INPUT:
            x = F.interpolate(x, size=(pixels, pixels), mode="bilinear", antialias=True)
        x = x.contiguous(memory_format=torch.channels_last)
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / WARM, 0.5 * (1 + math.cos(math.pi * done)))
        loss = F.cross_entropy(fast(x), y, label_smoothing=SMOOTHING)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        share_mean([p.grad for p in model.parameters()])
        optimizer.step()
        total, since, step = total + loss.item(), since + 1, step + 1
        done = clock(start, seconds)
        if done - told >= 0.05 or done >= 1.0:
            with torch.no_grad():
                share_mean(statistics)
            if rank == 0:
                right = accuracy(model, *progress)
                epoch = step * BATCH / len(labels)
                say(
                    f"{100 * done:3.0f} % of the time, {pixels} px, step {step}, epoch {epoch:.2f}: "
                    f"loss {total / since:.4f}, progress set {100 * right:.1f} % at {INPUT} px"
                )
                torch.save(model.state_dict(), work / "weights.pt")
            total, since, told = 0.0, 0, done


def worker(rank, seconds, sets, work, log):
    """Entry of a process."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{work}/rendezvous", rank=rank, world_size=PROCESSES)
    data, progress = [pictures(*which, work, None) for which in sets]
    train(rank, seconds, data, progress, work, Say(log) if rank == 0 else lambda line: None)
    dist.destroy_process_group()


class Say:
    """Prints lines and appends them to the log."""

    def __init__(self, log):
        self.log = log

    def __call__(self, line):
        print(line, flush=True)
        with open(self.log, "a") as file:
            print(line, file=file)


def export(model, path):
    """By torch's dynamo exporter; weights inside the file."""
    model.eval()
    example = (torch.zeros(1, 3, INPUT, INPUT),)
    program = torch.onnx.export(
        model, example, dynamo=True, opset_version=OPSET,
        input_names=["input"], output_names=["logits"], external_data=False,
    )
    # The traces name folders of the machine that trained; nobody else's business.
    for node in program.model.graph.all_nodes():
        node.metadata_props.pop("pkg.torch.onnx.stack_trace", None)
    program.save(str(path), external_data=False)


def measure(path, images, labels, say):
    """Accuracy of the file itself, picture by picture, as a user would run it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    answers = np.array([
        session.run(["logits"], {"input": normalize(images[i : i + 1]).numpy()})[0].argmax() for i in range(len(labels))
    ])
    say(f"held out, onnxruntime {onnxruntime.__version__}: {100 * (answers == labels).mean():.2f} % of {len(labels)}")
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (labels, answers), 1)
    say("confusion, a row per true class:")
    for row in confusion:
        say(" ".join(f"{n:4d}" for n in row))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder for rendered pictures, not the repository")
    parser.add_argument("--generator", help="a built demo_pictures, instead of cargo run")
    parser.add_argument("--pilot", type=int, metavar="SECONDS", help="a short run on few pictures; files go to --work")
    arguments = parser.parse_args()
    work = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    (work / "rendezvous").unlink(missing_ok=True)
    generator = [arguments.generator] if arguments.generator else GENERATOR
    sets, seconds, home = (TRAIN, PROGRESS), SECONDS, HERE
    if arguments.pilot:
        sets, seconds, home = ((TRAIN[0], 2000), PROGRESS), arguments.pilot, work
    log, path = home / "train.log", home / "mobilenet_v3_small_demo.onnx"
    log.unlink(missing_ok=True)
    say = Say(log)
    say(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {PROCESSES} processes of 1 thread")
    say(f"train {sets[0]}, evaluation {EVALUATION}, progress {PROGRESS} as (seed, pictures)")
    say(
        f"{seconds} s, phases {PHASES} as (pixels, until), "
        f"batch {BATCH}, rate {RATE}, decay {DECAY}, smoothing {SMOOTHING}"
    )
    start = time.time()
    for which in (*sets, EVALUATION):
        pictures(*which, work, generator)
    say(f"pictures ready after {time.time() - start:.0f} s")
    torch.multiprocessing.spawn(worker, (seconds, sets, work, log), nprocs=PROCESSES)
    model = torchvision.models.mobilenet_v3_small(num_classes=10)
    model.load_state_dict(torch.load(work / "weights.pt"))
    export(model, path)
    say(f"{path.name}: {path.stat().st_size} bytes")
    measure(path, *pictures(*EVALUATION, work, generator), say)
    say(f"done after {time.time() - start:.0f} s")


if __name__ == "__main__":
    main()
