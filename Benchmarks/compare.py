"""Runs ours and the peers turn by turn and prints a table: medians, memory, the ratio to every peer."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = {None: os.path.join(HERE, ".build/release/benchmarks")}
# Made by: swift build -c release --scratch-path .build-avx2 -Xcc -DCVECTOR_AVX2
OURS["avx2"] = os.path.join(HERE, ".build-avx2/release/benchmarks")
PEERS = os.path.join(HERE, "peers/peers.py")
ZFNET = os.path.join(HERE, ".build/zfnet.onnx")
NETWORKS = os.path.join(HERE, ".build/networks")
# What holds a process to a processor's smaller instruction set. ONNX Runtime and ncnn have no such switch.
INSTRUCTIONS = {"avx2": {"DNNL_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}}
NEVER_LIMITED = ("ONNX Runtime", "ncnn")


def given(shared):
    """The networks that PyTorch runs through peers.py's own graph, too."""
    return {
        "AlexNet-conv": f"{shared}/models/alexnet-conv.onnx",
        "SqueezeNet 1.1": f"{shared}/models/squeezenet1.1.onnx",
        "ZFNet": ZFNET,
    }


def made():
    """The networks that networks.py writes."""
    files = {
        "VGG-11": "vgg11",
        "VGG-16 convolutions": "vgg16-convolutions",
        "ResNet-18": "resnet18",
        "ResNet-50": "resnet50",
        "DenseNet-121": "densenet121",
        "MobileNetV3-small": "mobilenet-v3-small",
        "EfficientNet-B0": "efficientnet-b0",
        "ConvNeXt-tiny": "convnext-tiny",
    }
    return {name: f"{NETWORKS}/{file}.onnx" for name, file in files.items()}


def cases(shared):
    models = given(shared)
    pictures = f"{shared}/images/imagenet-1000"
    for name, model in {**models, **made()}.items():
        for batch in (1, 16):
            work = ["forward", model, "--batch", str(batch)]
            peers = {"PyTorch": work} if name in models else {}
            peers["ONNX Runtime"] = [*work, "--with", "onnxruntime"]
            peers["OpenVINO"] = [*work, "--with", "openvino"]
            if batch > 1:
                peers["OpenVINO, 2 streams"] = [*peers["OpenVINO"], "--streams", "2"]
            peers["ncnn"] = [*work, "--with", "ncnn", "--streams", str(min(batch, 2))]
            yield "forward", f"forward, {name}, batch {batch}", work, peers
    vgg16 = {"VGG-16": f"{NETWORKS}/vgg16.onnx"}
    for name, most in (("SqueezeNet 1.1", 8), ("ZFNet", 8), ("VGG-11", 1), ("VGG-16", 1)):
        for swept in sorted({1, most}):
            work = ["occlusion", {**models, **made(), **vgg16}[name], "--pictures", str(swept), "--repeats", "1"]
            peers = {
                "PyTorch by hand": [*work, "--batch", "32"], "Captum": [*work, "--with", "captum", "--batch", "32"]}
            yield "occlusion", f"occlusion map, {name}, {swept} of 32 px / 8", work, peers
    small = ["--input", "64", "--width", "0.5", "--classes", "10"]
    steps = [
        ("ZFNet", "zfnet", 64, 3, []),
        ("AlexNet", "alexnet", 64, 3, []),
        ("ZFNet of half width at 64 pixels", "zfnet", 32, 20, small),
        ("ResNet-18", f"{NETWORKS}/resnet18-training.onnx", 32, 3, []),
    ]
    for name, network, batch, repeats, scale in steps:
        work = ["training-step", network, "--batch", str(batch), "--repeats", str(repeats), *scale]
        peers = {"PyTorch": work, "PyTorch, channels last": [*work, "--with", "channels-last"]}
        yield "training", f"training step, {name}, batch {batch}", work, peers
    alexnet = models["AlexNet-conv"]
    for name in ("AlexNet-conv", "VGG-16 convolutions", "ResNet-18"):
        work = ["search", {**models, **made()}[name], pictures, "--repeats", "1"]
        yield "search", f"top-nine search, {name}, 1000 JPEG", work, {"PyTorch": work}
    work = ["extraction", alexnet, pictures, "--repeats", "1"]
    yield "extraction", "features of conv3, conv5 and pool5, AlexNet, 1000 JPEG", work, {"PyTorch": work}
    for layer in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        work = ["gallery", alexnet, pictures, "--layer", layer, "--repeats", "1"]
        yield "gallery", f"projections, AlexNet {layer}, nine a unit", work, {"PyTorch": work}


def run(command, limits):
    """The measurement that a process prints, with its peak memory in MiB."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OPENBLAS_")}
    environment.update(limits, OMP_NUM_THREADS="2")
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
    parser.add_argument(
        "--instructions", choices=INSTRUCTIONS, help="the largest instruction set for whoever can be limited")
    arguments = parser.parse_args()
    limits = INSTRUCTIONS.get(arguments.instructions, {})
    chosen = [case for case in cases(arguments.shared) if not arguments.only or arguments.only in case[1]]
    if not os.path.exists(ZFNET):
        subprocess.run([sys.executable, os.path.join(HERE, "peers/zfnet.py"), ZFNET], check=True)
    if any(kind in ("forward", "search", "occlusion", "training") for kind, *_ in chosen):
        maker = [sys.executable, os.path.join(HERE, "peers/networks.py"), NETWORKS]
        subprocess.run([*maker, *given(arguments.shared).values()], check=True)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores\n")
    print("| work | ours, per second | MiB | peer | per second | MiB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for _, name, work, peers in chosen:
        found = {}
        for _ in range(arguments.rounds):
            found.setdefault("ours", []).append(run([OURS[arguments.instructions], *work], limits))
            for peer, command in peers.items():
                found.setdefault(peer, []).append(run([sys.executable, PEERS, *command], limits))
        rates = {
            who: (statistics.median(items / seconds for seconds, items, _ in all), max(memory for _, _, memory in all))
            for who, all in found.items()
        }
        ours, memory = rates.pop("ours")
        unlimited = NEVER_LIMITED if limits else ()
        rows = [(f"{peer} (not limited)" if peer in unlimited else peer, *figures) for peer, figures in rates.items()]
        fastest = max((peer for peer in rates if peer not in unlimited), key=lambda peer: rates[peer][0])
        if len(rates) > 1:
            rows.append((f"fastest: {fastest}", *rates[fastest]))
        for peer, rate, used in rows:
            print(
                f"| {name} | {ours:.1f} | {memory:.0f} | {peer} | {rate:.1f} | {used:.0f} | {ours / rate:.2f} |",
                flush=True)


if __name__ == "__main__":
    main()
