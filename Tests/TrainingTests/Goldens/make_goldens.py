"""Makes small_alexnet.safetensors, small_normalized.safetensors, small_multilabel.safetensors and
small_binary.safetensors: what PyTorch computes for a small AlexNet, for a small network with batch normalisation, for one
that learns several labels a picture and for one that tells two classes apart by one score, for ParityTests.

    python make_goldens.py

Written with torch 2.15.0, safetensors and numpy, one thread, float32. Weights, pictures and labels are not stored: both sides
draw them from SplitMix64 (Tensors/SeededGenerator.swift), each tensor from a seed of its own, as 24-bit fractions.
Stored are 50 losses of SGD (rate 0.02, momentum 0.9, weight decay 5e-4, dropout off) over five batches of eight pictures
in turn, and the gradient of every layer at the first of them; for the network with batch normalisation also the
statistics that it keeps at the end. Several labels are learned by BCEWithLogitsLoss (mean over all elements); its weight is
zero for labels that are neither present nor absent.
"""

import numpy
import torch
from safetensors.numpy import save_file
from torch import nn

torch.set_num_threads(1)


def drawn(seed, shape, scale):
    """Values in -scale...scale, as SeededGenerator and `uniform` of the test draw them."""
    count = int(numpy.prod(shape))
    with numpy.errstate(over="ignore"):
        state = numpy.uint64(seed) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        mixed = (state ^ (state >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> numpy.uint64(31))
    fractions = (mixed >> numpy.uint64(40)).astype(numpy.float64) / 2**24
    return torch.from_numpy(((fractions * 2 - 1) * scale).astype(numpy.float32).reshape(shape))


def norm():
    return nn.LocalResponseNorm(5, alpha=1e-1, beta=0.75, k=2)


def layers_of(net):
    return [(name, layer) for name, layer in net.named_children() if hasattr(layer, "weight")]


def named(layers):
    net = nn.Sequential()
    for name, layer in layers:
        net.add_module(name, layer)
    return net


def one_class(batch):
    labels = ((drawn(400 + batch, (8,), 1.0) + 1) * 2.5).long().clamp(0, 4)
    return lambda scores: nn.functional.cross_entropy(scores, labels)


def several_classes(batch):
    present = (drawn(500 + batch, (8, 5), 1.0) > 0).float()
    loss = nn.BCEWithLogitsLoss(weight=(drawn(600 + batch, (8, 5), 1.0) < 0.5).float())
    return lambda scores: loss(scores, present)


def second_of_two(batch):
    labels = (drawn(400 + batch, (8, 1), 1.0) > 0).float()
    return lambda scores: nn.functional.binary_cross_entropy_with_logits(scores, labels)


def make(net, size, steps, file, loss_of=one_class):
    with torch.no_grad():
        for index, (name, layer) in enumerate(layers_of(net)):
            if hasattr(layer, "running_mean"):
                layer.weight.copy_(1 + drawn(100 + index, tuple(layer.weight.shape), 0.5))
            else:
                fan = layer.weight[0].numel()
                layer.weight.copy_(drawn(100 + index, tuple(layer.weight.shape), (6 / fan) ** 0.5))
            layer.bias.copy_(drawn(200 + index, tuple(layer.bias.shape), 0.05))
    pictures = [drawn(300 + batch, (8, 3, size, size), 1.0) for batch in range(5)]
    losses_of = [loss_of(batch) for batch in range(5)]
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    stored, losses = {}, []
    for step in range(steps):
        optimizer.zero_grad()
        loss = losses_of[step % 5](net(pictures[step % 5]))
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            for name, layer in layers_of(net):
                roles = ("scale", "shift") if hasattr(layer, "running_mean") else ("weights", "bias")
                stored[f"{name}.{roles[0]}"] = layer.weight.grad.numpy().copy()
                stored[f"{name}.{roles[1]}"] = layer.bias.grad.numpy().copy()
        optimizer.step()
    for name, layer in layers_of(net):
        if hasattr(layer, "running_mean"):
            stored[name + ".mean"] = layer.running_mean.numpy().copy()
            stored[name + ".variance"] = layer.running_var.numpy().copy()
    stored["losses"] = numpy.array(losses, dtype=numpy.float32)
    save_file(stored, file, metadata={"torch": torch.__version__})
    print(file, losses[0], losses[steps // 2], losses[-1])


make(named([
    ("conv1", nn.Conv2d(3, 12, 5, 2, 1)), ("relu1", nn.ReLU()),
    ("pool1", nn.MaxPool2d(3, 2, ceil_mode=True)), ("norm1", norm()),
    ("conv2", nn.Conv2d(12, 20, 3, 1, 1)), ("relu2", nn.ReLU()), ("pool2", nn.MaxPool2d(3, 2)), ("norm2", norm()),
    ("conv3", nn.Conv2d(20, 16, 3, 1, 1)), ("relu3", nn.ReLU()), ("pool3", nn.MaxPool2d(3, 2)),
    ("flat", nn.Flatten()),
    ("fc1", nn.Linear(16 * 2 * 2, 24)), ("relu4", nn.ReLU()), ("fc2", nn.Linear(24, 5)),
]), 47, 50, "small_alexnet.safetensors")
make(named([
    ("conv1", nn.Conv2d(3, 8, 3, 2, 1)), ("bn1", nn.BatchNorm2d(8)), ("relu1", nn.ReLU()),
    ("conv2", nn.Conv2d(8, 12, 3, 1, 1)), ("bn2", nn.BatchNorm2d(12)), ("relu2", nn.ReLU()),
    ("average", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten()),
    ("fc1", nn.Linear(12, 16)), ("bn3", nn.BatchNorm1d(16)), ("relu3", nn.ReLU()), ("fc2", nn.Linear(16, 5)),
]), 15, 50, "small_normalized.safetensors")
for outputs, loss_of, file in [
    (5, several_classes, "small_multilabel.safetensors"), (1, second_of_two, "small_binary.safetensors"),
]:
    make(named([
        ("conv1", nn.Conv2d(3, 8, 3, 2, 1)), ("relu1", nn.ReLU()), ("pool1", nn.MaxPool2d(3, 2)),
        ("conv2", nn.Conv2d(8, 12, 3, 1, 1)), ("relu2", nn.ReLU()),
        ("average", nn.AdaptiveAvgPool2d(1)), ("flat", nn.Flatten()),
        ("fc1", nn.Linear(12, 16)), ("relu3", nn.ReLU()), ("fc2", nn.Linear(16, outputs)),
    ]), 15, 50, file, loss_of)
