"""Times PyTorch's training step on ZFNet and AlexNet as the paper has them, on the CPU.

    python training_step.py [zfnet|alexnet ...] [--threads 2] [--batch 64] [--steps 5] [--dropout 0.5] [--size 224]

For each network and memory format: seconds a step (median and minimum) and the process's peak memory, a JSON line
each. Each case runs in a process of its own, so that peaks do not mix. The step is the same as Switchback's:
forward with local response normalisation and dropout, cross-entropy, backward, SGD with momentum and weight decay,
gradients freed between steps.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time


def network(name, classes, dropout):
    from torch import nn

    def norm():
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)

    if name == "zfnet":
        first = [
            nn.Conv2d(3, 96, 7, 2, 1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, ceil_mode=True), norm(),
            nn.Conv2d(96, 256, 5, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, ceil_mode=True), norm(),
        ]
    else:
        first = [
            nn.Conv2d(3, 96, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2), norm(),
            nn.Conv2d(96, 256, 5, 1, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2), norm(),
        ]
    return nn.Sequential(
        *first,
        nn.Conv2d(256, 384, 3, 1, 1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 384, 3, 1, 1), nn.ReLU(inplace=True),
        nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        nn.Flatten(),
        nn.LazyLinear(4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
        nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(dropout),
        nn.Linear(4096, classes),
    )


def measure(name, layout, options):
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    net = network(name, options.classes, options.dropout)
    pictures = torch.randn(options.batch, 3, options.size, options.size)
    labels = torch.randint(options.classes, (options.batch,))
    net(pictures[:1])
    if layout == "channels_last":
        net = net.to(memory_format=torch.channels_last)
        pictures = pictures.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9, weight_decay=5e-4)
    seconds, processor = [], []
    for _ in range(options.steps + 1):
        started, used = time.perf_counter(), time.process_time()
        loss = torch.nn.functional.cross_entropy(net(pictures), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        seconds.append(time.perf_counter() - started)
        processor.append(time.process_time() - used)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({
        "network": name, "layout": layout, "torch": torch.__version__, "threads": options.threads,
        "batch": options.batch, "median": statistics.median(seconds[1:]), "minimum": min(seconds[1:]),
        "processorMinimum": min(processor[1:]), "peakMiB": round(peak),
    }), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=["zfnet", "alexnet"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--layout")
    options = parser.parse_args()
    if options.layout:
        return measure(options.networks[0], options.layout, options)
    for name in options.networks:
        for layout in ["default", "channels_last"]:
            arguments = [item for item in sys.argv[1:] if item not in options.networks]
            subprocess.run([sys.executable, __file__, name, *arguments, "--layout", layout], check=True)


if __name__ == "__main__":
    main()
