"""PyTorch's accuracy with `switchback train`'s network and recipe: class folders in FOLDER/train and FOLDER/val.

The network is `--arch zfnet --input SIDE --width WIDTH --init he`; the recipe batches of 32, a rate of 1e-2 along half a
cosine, momentum, weight decay, dropout, filters limited to a root mean square of 0.1, and random crops, mirrored or not.
"""

import argparse
import json
import math
import os
import random

import numpy
import torch
from PIL import Image
from torch import nn
from torch.nn import functional


def pictures(folder, classes, side):
    found, labels = [], []
    for label, name in enumerate(classes):
        for file in sorted(os.listdir(f"{folder}/{name}")):
            picture = Image.open(f"{folder}/{name}/{file}").convert("RGB")
            short = min(picture.size)
            size = [max(side, round(length * side / short)) for length in picture.size]
            picture = numpy.asarray(picture.resize(size, Image.BICUBIC))
            top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
            found.append(picture[top : top + side, left : left + side])
            labels.append(label)
    return torch.from_numpy(numpy.stack(found)).permute(0, 3, 1, 2), torch.tensor(labels)


def network(classes, side, width):
    """Layers as `Architecture.scaled` has them between 48 and 160 pixels."""

    def maps(count):
        return max(8, int(count * width / 8 + 0.5) * 8)

    def normalization():
        return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2)

    first, second, third, fifth, units = maps(96), maps(256), maps(384), maps(256), maps(4096)
    net = nn.Sequential(
        nn.Conv2d(3, first, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), normalization(),
        nn.Conv2d(first, second, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), normalization(),
        nn.Conv2d(second, third, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(third, third, 3, 1, 1), nn.ReLU(),
        nn.Conv2d(third, fifth, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Flatten(),
        nn.LazyLinear(units), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(units, units), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(units, classes),
    )
    net(torch.zeros(1, 3, side, side))
    for place, module in enumerate(net):
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(module.weight, std=math.sqrt(2 / module.weight[0].numel()) / (1 if place else 4))
            nn.init.zeros_(module.bias)
    return net.to(memory_format=torch.channels_last)


def limit(net):
    with torch.no_grad():
        for module in net:
            if isinstance(module, nn.Conv2d):
                size = module.weight.square().mean((1, 2, 3), keepdim=True).sqrt()
                module.weight.mul_(torch.where(size > 0.1, 0.1 / size, 1.0))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--input", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    side, batch = arguments.input, 32
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    chance = random.Random(arguments.seed)
    classes = sorted(os.listdir(f"{arguments.folder}/train"))
    resized = (side * 8 + 6) // 7
    spare = resized - side
    train, labels = pictures(f"{arguments.folder}/train", classes, resized)
    held, truth = pictures(f"{arguments.folder}/val", classes, resized)

    def center(raw):
        return raw[:, :, spare // 2 : spare // 2 + side, spare // 2 : spare // 2 + side].float() / 16

    mean = center(train).mean(0)
    net = network(len(classes), side, arguments.width)
    limit(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9, weight_decay=5e-4)
    steps = (len(train) + batch - 1) // batch
    for epoch in range(arguments.epochs):
        net.train()
        order = torch.randperm(len(train))
        total = 0.0
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            cut = torch.empty(len(chosen), 3, side, side)
            for place, number in enumerate(chosen):
                top, left = chance.randint(0, spare), chance.randint(0, spare)
                picture = train[number, :, top : top + side, left : left + side].float() / 16
                cut[place] = picture.flip(2) if chance.random() < 0.5 else picture
            for group in optimizer.param_groups:
                share = (epoch + step / steps) / arguments.epochs
                group["lr"] = 1e-2 * 0.5 * (1 + math.cos(math.pi * share))
            loss = functional.cross_entropy(net(cut - mean), labels[chosen])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            limit(net)
            total += loss.item() * len(chosen)
        net.eval()
        with torch.no_grad():
            scores = torch.cat([net(center(part) - mean) for part in held.split(100)])
        top1 = (scores.argmax(1) == truth).float().mean().item()
        print(json.dumps({"epoch": epoch + 1, "loss": total / len(train), "top1": top1}), flush=True)


if __name__ == "__main__":
    main()
