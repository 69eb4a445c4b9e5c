"""The peers' side of each comparison: one measurement a process, as JSON on standard output."""

import argparse
import json
import os
import time

import numpy

from training_step import training_step

NETWORKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.build/networks")


def measure(items, repeats, work):
    work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    seconds.sort()
    print(json.dumps({"median": seconds[len(seconds) // 2], "least": seconds[0], "items": items}))


def metadata(model):
    import onnx

    proto = onnx.load(model)
    return proto, {entry.key: entry.value for entry in proto.metadata_props}


class Graph:
    """A feed-forward ONNX graph as PyTorch calls, channels last."""

    def __init__(self, model):
        import onnx
        import torch

        self.proto, self.metadata = metadata(model)
        self.constants = {}
        for initializer in self.proto.graph.initializer:
            tensor = torch.from_numpy(onnx.numpy_helper.to_array(initializer).copy())
            if tensor.dim() == 4:
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            self.constants[initializer.name] = tensor
        self.input = [i.name for i in self.proto.graph.input if i.name not in self.constants][0]
        self.shape = [
            d.dim_value for i in self.proto.graph.input if i.name == self.input for d in i.type.tensor_type.shape.dim
        ][1:]
        self.nodes = [
            (n.op_type, list(n.input), list(n.output), {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute})
            for n in self.proto.graph.node
        ]

    def run(self, pictures, relu, keep=(), until=None):
        """The values kept, by name; `relu` is the rectifier to use."""
        import torch
        from torch.nn import functional

        values = {self.input: pictures}
        get = lambda name: values.get(name, self.constants.get(name)) if name else None
        kept = {}
        for kind, inputs, outputs, attributes in self.nodes:
            first = get(inputs[0]) if inputs else None
            pads = attributes.get("pads", [0, 0, 0, 0])
            if kind in ("Conv", "MaxPool") and (pads[0] != pads[2] or pads[1] != pads[3]):
                filler = float("-inf") if kind == "MaxPool" else 0.0
                first = functional.pad(first, (pads[1], pads[3], pads[0], pads[2]), value=filler)
                pads = [0, 0, 0, 0]
            if kind == "Conv":
                result = functional.conv2d(
                    first, get(inputs[1]), get(inputs[2]) if len(inputs) > 2 else None, attributes.get("strides", 1),
                    pads[:2], attributes.get("dilations", 1), attributes.get("group", 1))
            elif kind == "Add":
                result = first + get(inputs[1])
            elif kind == "Relu":
                result = relu(first)
            elif kind == "MaxPool":
                result = functional.max_pool2d(
                    first, attributes["kernel_shape"], attributes.get("strides"), pads[:2],
                    ceil_mode=bool(attributes.get("ceil_mode", 0)))
            elif kind == "GlobalAveragePool":
                result = first.mean((2, 3), keepdim=True)
            elif kind == "AveragePool":
                result = functional.avg_pool2d(first, attributes["kernel_shape"], attributes.get("strides"), pads[:2])
            elif kind == "LRN":
                result = functional.local_response_norm(
                    first, attributes["size"], attributes.get("alpha", 1e-4), attributes.get("beta", 0.75),
                    attributes.get("bias", 1.0))
            elif kind == "Concat":
                result = torch.cat([get(name) for name in inputs], attributes["axis"])
            elif kind in ("Dropout", "Identity"):
                result = first
            elif kind == "Flatten":
                result = first.flatten(1)
            elif kind == "Reshape":
                result = first.reshape([first.shape[0], -1])
            elif kind == "Gemm":
                weights = get(inputs[1]) if attributes.get("transB") else get(inputs[1]).t()
                result = functional.linear(first, weights, get(inputs[2]))
            elif kind == "Softmax":
                result = functional.softmax(first, attributes.get("axis", 1))
            else:
                raise SystemExit(f"no peer for {kind}")
            values[outputs[0]] = result
            if outputs[0] in keep:
                kept[outputs[0]] = result
            if outputs[0] == until:
                break
        return kept or {outputs[0]: result}


def random_pictures(graph, batch):
    import torch

    torch.manual_seed(1)
    shape = [extent or 224 for extent in graph.shape]
    return torch.rand(batch, *shape).contiguous(memory_format=torch.channels_last)


def forward_torch(arguments):
    import torch

    torch.set_num_threads(arguments.threads)
    graph = Graph(arguments.model)
    pictures = random_pictures(graph, arguments.batch)
    with torch.inference_mode():
        measure(arguments.batch, arguments.repeats, lambda: graph.run(pictures, torch.relu))


def input_shape(proto):
    """The input's name and a picture's shape."""
    constants = {initializer.name for initializer in proto.graph.initializer}
    given = [i for i in proto.graph.input if i.name not in constants][0]
    return given.name, [d.dim_value or 224 for d in given.type.tensor_type.shape.dim][1:]


def forward_onnxruntime(arguments):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.log_severity_level = 3
    proto, _ = metadata(arguments.model)
    name, shape = input_shape(proto)
    # A batch that the file fixes is opened, so that every runtime computes the same work.
    for value in [*(i for i in proto.graph.input if i.name == name), *proto.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, ["CPUExecutionProvider"])
    pictures = numpy.random.default_rng(1).random((arguments.batch, *shape), dtype=numpy.float32)
    measure(arguments.batch, arguments.repeats, lambda: session.run(None, {name: pictures}))


def forward_openvino(arguments):
    """One stream computes the batch at once with all threads; two compute a half and have a thread each.

    Halves were as fast as pictures one by one in a queue, or faster: VGG-11 by a fifth.
    """
    import openvino

    name, shape = input_shape(metadata(arguments.model)[0])
    core = openvino.Core()
    model = core.read_model(arguments.model)
    model.reshape({name: [arguments.batch // arguments.streams, *shape]})
    compiled = core.compile_model(model, "CPU", {
        "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": arguments.threads,
        "NUM_STREAMS": arguments.streams})
    pictures = numpy.random.default_rng(1).random((arguments.batch, *shape), dtype=numpy.float32)
    requests = [compiled.create_infer_request() for _ in range(arguments.streams)]
    for request, part in zip(requests, numpy.split(pictures, arguments.streams)):
        request.set_input_tensor(openvino.Tensor(part, shared_memory=True))

    def forward():
        for request in requests:
            request.start_async()
        for request in requests:
            request.wait()
        return [request.get_output_tensor(0).data for request in requests]

    measure(arguments.batch, arguments.repeats, forward)


def forward_ncnn(arguments):
    """Pictures one after another, since ncnn knows no batch; its files are those that networks.py wrote."""
    from concurrent.futures import ThreadPoolExecutor

    import ncnn

    _, shape = input_shape(metadata(arguments.model)[0])
    net = ncnn.Net()
    net.opt.num_threads = arguments.threads // arguments.streams
    # Half precision is off, so that it computes in float32 as the others do.
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    net.opt.use_bf16_packed = net.opt.use_bf16_storage = False
    files = os.path.join(NETWORKS, os.path.splitext(os.path.basename(arguments.model))[0] + ".ncnn")
    if net.load_param(files + ".param") or net.load_model(files + ".bin"):
        raise SystemExit(f"no ncnn files {files}.param and .bin: run peers/networks.py")
    pictures = numpy.random.default_rng(1).random((arguments.batch, *shape), dtype=numpy.float32)
    pictures = [ncnn.Mat(picture).clone() for picture in pictures]

    def output(picture):
        extractor = net.create_extractor()
        extractor.input("in0", picture)
        return extractor.extract("out0")[1]

    workers = ThreadPoolExecutor(arguments.streams)
    run = workers.map if arguments.streams > 1 else map
    measure(arguments.batch, arguments.repeats, lambda: list(run(output, pictures)))


# What a file that says nothing of its pictures is taken to want, by both sides.
USUAL = {
    "resize": {"shorterSide": 256}, "crop": {"center": 224}, "scale": 1 / 255, "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225]}


def preprocessing(graph):
    given = graph.metadata.get("switchback.preprocessing")
    return json.loads(given) if given else USUAL


class Pictures:
    """A folder as a data set: the model's own preprocessing, through Pillow."""

    def __init__(self, folder, preprocessing):
        self.files = sorted(
            os.path.join(root, name) for root, _, names in os.walk(folder) for name in names
            if name.lower().endswith((".jpg", ".jpeg", ".png")))
        self.preprocessing = preprocessing

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        import torch
        from PIL import Image

        how = self.preprocessing
        picture = Image.open(self.files[index]).convert("RGB")
        side = how.get("resize", {}).get("shorterSide")
        if side:
            width, height = picture.size
            size = (side, side * height // width) if width <= height else (side * width // height, side)
            picture = picture.resize(size, Image.BILINEAR)
        crop = how.get("crop", {}).get("center")
        if crop:
            left, top = (picture.width - crop) // 2, (picture.height - crop) // 2
            picture = picture.crop((left, top, left + crop, top + crop))
        pixels = numpy.asarray(picture, dtype=numpy.float32)
        if how.get("channels") == "BGR":
            pixels = pixels[..., ::-1]
        pixels = (pixels * how.get("scale", 1) - how.get("mean", [0, 0, 0])) / how.get("std", [1, 1, 1])
        return torch.from_numpy(numpy.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=numpy.float32)), index


def rectified_layers(graph):
    """The value of each convolution after its rectifier, in order."""
    readers = {inputs[0]: (kind, outputs[0]) for kind, inputs, outputs, _ in graph.nodes}
    layers = []
    for kind, _, outputs, _ in graph.nodes:
        if kind == "Conv":
            after = readers.get(outputs[0])
            layers.append(after[1] if after and after[0] == "Relu" else outputs[0])
    return layers


def strongest(graph, pictures, arguments):
    """Nine peaks of every unit of every convolution: value, picture, position."""
    import torch

    layers = rectified_layers(graph)
    loader = torch.utils.data.DataLoader(pictures, batch_size=32, num_workers=arguments.threads)
    best = {}
    with torch.inference_mode():
        for batch, indices in loader:
            kept = graph.run(batch.contiguous(memory_format=torch.channels_last), torch.relu, layers, layers[-1])
            for name, maps in kept.items():
                values, positions = maps.flatten(2).max(2)
                entry = torch.stack(
                    [values, indices[:, None].expand_as(values).float(), positions.float()], -1)  # images x units x 3
                if name in best:
                    entry = torch.cat([best[name], entry])
                order = entry[..., 0].topk(min(9, len(entry)), 0).indices
                best[name] = entry.gather(0, order[..., None].expand(-1, -1, 3))
    return best


def search(arguments):
    import torch

    torch.set_num_threads(arguments.threads)
    graph = Graph(arguments.model)
    pictures = Pictures(arguments.pictures, preprocessing(graph))
    measure(len(pictures), arguments.repeats, lambda: strongest(graph, pictures, arguments))


def extraction(arguments):
    """Averaged maps of two convolutions and the whole last pool, in memory."""
    import torch

    torch.set_num_threads(arguments.threads)
    graph = Graph(arguments.model)
    pictures = Pictures(arguments.pictures, preprocessing(graph))
    layers = rectified_layers(graph)
    averaged, last = [layers[2], layers[4]], graph.proto.graph.output[0].name

    def extract():
        loader = torch.utils.data.DataLoader(pictures, batch_size=32, num_workers=arguments.threads)
        with torch.inference_mode():
            for batch, _ in loader:
                kept = graph.run(
                    batch.contiguous(memory_format=torch.channels_last), torch.relu, [*averaged, last], last)
                _ = [kept[name].mean((2, 3)).numpy() for name in averaged] + [kept[last].flatten(1).numpy()]

    measure(len(pictures), arguments.repeats, extract)


def gallery(arguments):
    import torch

    class Deconvnet(torch.autograd.Function):
        """Zeiler & Fergus's rectifier: forward as ever, backward the positive part of the signal."""

        @staticmethod
        def forward(context, x):
            return x.clamp(min=0)

        @staticmethod
        def backward(context, signal):
            return signal.clamp(min=0)

    torch.set_num_threads(arguments.threads)
    graph = Graph(arguments.model)
    pictures = Pictures(arguments.pictures, preprocessing(graph))
    layer = rectified_layers(graph)[int(arguments.layer.removeprefix("conv")) - 1]
    peaks = strongest(graph, pictures, arguments)[layer]
    seeds = [
        (int(peaks[rank, unit, 1]), unit, int(peaks[rank, unit, 2]))
        for unit in range(peaks.shape[1]) for rank in range(peaks.shape[0])
    ]
    prepared = {image: pictures[image][0] for image, _, _ in seeds}

    def project():
        for start in range(0, len(seeds), 32):
            batch = seeds[start:start + 32]
            inputs = torch.stack([prepared[image] for image, _, _ in batch]).contiguous(
                memory_format=torch.channels_last).requires_grad_(True)
            maps = graph.run(inputs, Deconvnet.apply, [layer], layer)[layer]
            signal = torch.zeros_like(maps)
            for index, (_, unit, position) in enumerate(batch):
                row, column = divmod(position, maps.shape[3])
                signal[index, unit, row, column] = maps[index, unit, row, column].detach()
            torch.autograd.grad(maps, inputs, signal)

    measure(len(seeds), arguments.repeats, project)


def occlusion(arguments):
    """Every position of a square of 32 pixels at every 8, batched: by hand, or by Captum's Occlusion."""
    import torch

    torch.set_num_threads(arguments.threads)
    graph = Graph(arguments.model)
    pictures = random_pictures(graph, arguments.pictures_swept)
    rows, columns = pictures.shape[2:]
    corners = [(top, left) for top in range(0, rows - 31, 8) for left in range(0, columns - 31, 8)]

    def by_hand():
        with torch.inference_mode():
            for picture in pictures:
                for start in range(0, len(corners), arguments.batch):
                    part = corners[start:start + arguments.batch]
                    hidden = picture.expand(len(part), -1, -1, -1).contiguous(memory_format=torch.channels_last)
                    for index, (top, left) in enumerate(part):
                        hidden[index, :, top:top + 32, left:left + 32] = 0
                    graph.run(hidden, torch.relu)

    def captum():
        from captum.attr import Occlusion

        def scores(batch):
            with torch.inference_mode():
                result = next(iter(graph.run(batch, torch.relu).values()))
                return result.reshape(len(batch), -1)

        for picture in pictures:
            Occlusion(scores).attribute(
                picture[None], sliding_window_shapes=(picture.shape[0], 32, 32), strides=(picture.shape[0], 8, 8),
                target=1, baselines=0, perturbations_per_eval=arguments.batch)

    work = captum if arguments.runtime == "captum" else by_hand
    measure(len(corners) * arguments.pictures_swept, arguments.repeats, work)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["forward", "search", "extraction", "gallery", "occlusion", "training-step"])
    parser.add_argument("model")
    parser.add_argument("pictures", nargs="?")
    parser.add_argument(
        "--with", dest="runtime", default="torch",
        choices=["torch", "channels-last", "onnxruntime", "openvino", "ncnn", "captum"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--pictures", dest="pictures_swept", type=int, default=1)
    parser.add_argument("--input", type=int, default=224)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--layer", default="conv5")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--streams", type=int, choices=[1, 2], default=1, help="parts of a batch at once")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.work == "search":
        search(arguments)
    elif arguments.work == "extraction":
        extraction(arguments)
    elif arguments.work == "gallery":
        gallery(arguments)
    elif arguments.work == "occlusion":
        occlusion(arguments)
    elif arguments.work == "training-step":
        training_step(arguments, measure)
    elif arguments.runtime == "torch":
        forward_torch(arguments)
    elif arguments.runtime == "openvino":
        forward_openvino(arguments)
    elif arguments.runtime == "ncnn":
        forward_ncnn(arguments)
    else:
        forward_onnxruntime(arguments)


if __name__ == "__main__":
    main()
