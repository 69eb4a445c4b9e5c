"""Makes small_alexnet.safetensors: what PyTorch computes for a small AlexNet, for TrainingParityTests.

    python make_goldens.py

Written with torch 2.15.0, safetensors and numpy, one thread, float32. Weights, pictures and labels are not stored: both sides
draw them from SplitMix64 (Tensors/SeededGenerator.swift), each tensor from a seed of its own, as 24-bit fractions.
Stored are 50 losses of SGD (rate 0.02, momentum 0.9, weight decay 5e-4, dropout off) over five batches of eight pictures
in turn, and the gradient of every layer at the first of them.
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


net = nn.Sequential()
for name, layer in [
    ("conv1", nn.Conv2d(3, 12, 5, 2, 1)), ("relu1", nn.ReLU()),
    ("pool1", nn.MaxPool2d(3, 2, ceil_mode=True)), ("norm1", norm()),
    ("conv2", nn.Conv2d(12, 20, 3, 1, 1)), ("relu2", nn.ReLU()), ("pool2", nn.MaxPool2d(3, 2)), ("norm2", norm()),
    ("conv3", nn.Conv2d(20, 16, 3, 1, 1)), ("relu3", nn.ReLU()), ("pool3", nn.MaxPool2d(3, 2)),
    ("flat", nn.Flatten()),
    ("fc1", nn.Linear(16 * 2 * 2, 24)), ("relu4", nn.ReLU()), ("fc2", nn.Linear(24, 5)),
]:
    net.add_module(name, layer)

layers = ["conv1", "conv2", "conv3", "fc1", "fc2"]
with torch.no_grad():
    for index, name in enumerate(layers):
        layer = net.get_submodule(name)
        fan = layer.weight[0].numel()
        layer.weight.copy_(drawn(100 + index, tuple(layer.weight.shape), (6 / fan) ** 0.5))
        layer.bias.copy_(drawn(200 + index, tuple(layer.bias.shape), 0.05))

pictures = [drawn(300 + batch, (8, 3, 47, 47), 1.0) for batch in range(5)]
labels = [((drawn(400 + batch, (8,), 1.0) + 1) * 2.5).long().clamp(0, 4) for batch in range(5)]

optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
stored, losses = {}, []
for step in range(50):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(net(pictures[step % 5]), labels[step % 5])
    loss.backward()
    losses.append(loss.item())
    if step == 0:
        for name in layers:
            layer = net.get_submodule(name)
            stored[name + ".weights"] = layer.weight.grad.numpy().copy()
            stored[name + ".bias"] = layer.bias.grad.numpy().copy()
    optimizer.step()
stored["losses"] = numpy.array(losses, dtype=numpy.float32)
save_file(stored, "small_alexnet.safetensors", metadata={"torch": torch.__version__})
print(losses[0], losses[25], losses[-1])
