"""PyTorch's training step on ZFNet and AlexNet as the paper has them, and on torchvision's networks; called by peers.py.

The step is Switchback's: forward with local response normalisation and dropout, cross-entropy, backward, SGD with
momentum and weight decay, gradients freed between steps.
"""

import os


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
            nn.Conv2d(3, 96, 11, 4, 2), nn.ReLU(inplace=True), norm(), nn.MaxPool2d(3, 2),
            nn.Conv2d(96, 256, 5, 1, 2), nn.ReLU(inplace=True), norm(), nn.MaxPool2d(3, 2),
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


def training_step(arguments, measure):
    import torch

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    side, classes = arguments.input, arguments.classes
    if arguments.model.endswith("-training.onnx"):
        import networks

        net = networks.network(os.path.basename(arguments.model).removesuffix(".onnx")).train()
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.1
    elif side == 224:
        net = network(arguments.model, classes, 0.5)
    else:
        import accuracy

        net = accuracy.network(classes, side, arguments.width)
    pictures = torch.randn(arguments.batch, 3, side, side)
    labels = torch.randint(classes, (arguments.batch,))
    net(pictures[:1])
    if arguments.runtime == "channels-last":
        net = net.to(memory_format=torch.channels_last)
        pictures = pictures.to(memory_format=torch.channels_last)
    else:
        net = net.to(memory_format=torch.contiguous_format)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9, weight_decay=5e-4)

    def step():
        loss = torch.nn.functional.cross_entropy(net(pictures), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    measure(arguments.batch, arguments.repeats, step)
