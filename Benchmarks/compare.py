"""Runs ours and the peers turn by turn and prints a table: medians, memory, the ratio to the faster peer."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = os.path.join(HERE, ".build/release/benchmarks")
PEERS = os.path.join(HERE, "peers/peers.py")
ZFNET = os.path.join(HERE, ".build/zfnet.onnx")


def cases(shared):
    models = {
        "AlexNet-conv": f"{shared}/models/alexnet-conv.onnx",
        "SqueezeNet 1.1": f"{shared}/models/squeezenet1.1.onnx",
        "ZFNet": ZFNET,
    }
    pictures = f"{shared}/images/imagenet-1000"
    for name, model in models.items():
        for batch in (1, 32):
            work = ["forward", model, "--batch", str(batch)]
            peers = {"PyTorch": work, "ONNX Runtime": [*work, "--with", "onnxruntime"]}
            yield "forward", f"forward, {name}, batch {batch}", work, peers
    for name in ("SqueezeNet 1.1", "ZFNet"):
        for swept in (1, 8):
            work = ["occlusion", models[name], "--pictures", str(swept), "--repeats", "1"]
            peers = {
                "PyTorch by hand": [*work, "--batch", "32"], "Captum": [*work, "--with", "captum", "--batch", "32"]}
            yield "occlusion", f"occlusion map, {name}, {swept} of 32 px / 8", work, peers
    small = ["--input", "64", "--width", "0.5", "--classes", "10"]
    steps = [("ZFNet", 64, 3, []), ("AlexNet", 64, 3, []), ("ZFNet of half width at 64 pixels", 32, 20, small)]
    for name, batch, repeats, scale in steps:
        work = ["training-step", name.split()[0].lower(), "--batch", str(batch), "--repeats", str(repeats), *scale]
        peers = {"PyTorch": work, "PyTorch, channels last": [*work, "--with", "channels-last"]}
        yield "training", f"training step, {name}, batch {batch}", work, peers
    alexnet = models["AlexNet-conv"]
    work = ["search", alexnet, pictures, "--repeats", "1"]
    yield "search", "top-nine search, AlexNet, 1000 JPEG", work, {"PyTorch": work}
    work = ["extraction", alexnet, pictures, "--repeats", "1"]
    yield "extraction", "features of conv3, conv5 and pool5, AlexNet, 1000 JPEG", work, {"PyTorch": work}
    for layer in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        work = ["gallery", alexnet, pictures, "--layer", layer, "--repeats", "1"]
        yield "gallery", f"projections, AlexNet {layer}, nine a unit", work, {"PyTorch": work}


def run(command):
    """The measurement that a process prints, with its peak memory in MiB."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    environment["OMP_NUM_THREADS"] = "2"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"failed: {' '.join(command)}")
    report = json.loads(output.strip().splitlines()[-1])
    return report["median"], report["items"], usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shared", default=os.path.join(HERE, "../../shared/data"))
    parser.add_argument("--only", help="a word that the case's name holds")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if not os.path.exists(ZFNET):
        subprocess.run([sys.executable, os.path.join(HERE, "peers/zfnet.py"), ZFNET], check=True)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    print("| work | ours, per second | MiB | peer | per second | MiB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for _, name, work, peers in cases(arguments.shared):
        if arguments.only and arguments.only not in name:
            continue
        found = {}
        for _ in range(arguments.rounds):
            found.setdefault("ours", []).append(run([OURS, *work]))
            for peer, command in peers.items():
                found.setdefault(peer, []).append(run([sys.executable, PEERS, *command]))
        rates = {
            who: (statistics.median(items / seconds for seconds, items, _ in all), max(memory for _, _, memory in all))
            for who, all in found.items()
        }
        ours, memory = rates.pop("ours")
        for peer, (rate, used) in rates.items():
            print(
                f"| {name} | {ours:.1f} | {memory:.0f} | {peer} | {rate:.1f} | {used:.0f} | {ours / rate:.2f} |",
                flush=True)


if __name__ == "__main__":
    main()
