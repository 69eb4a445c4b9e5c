"""Compares networks exported from torchvision and timm with ONNX Runtime, and projections with PyTorch's autograd.

Usage: exports.py SWITCHBACK FOLDER [PART OF A NAME]

Exports every network of exports_models.py by both exporters into FOLDER, unless it is there from an earlier run. For each
export that Switchback reads, every value that Switchback can keep lies within 1e-4 of the value's largest magnitude of
ONNX Runtime's; where Switchback refuses, the reason is listed. For the networks of PROJECTED, the gradient of one
activation lies within 1e-4 of its largest magnitude of what PyTorch's autograd gives for the same activation. Results are
kept in FOLDER too, by the command's digest, so that a run which was interrupted goes on. Exits with 1 where something
disagrees, a projection is missing, or fewer than 97 % of the exports read and agree.
"""

import collections
import hashlib
import json
import multiprocessing
import pathlib
import re
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from safetensors.numpy import load_file, save_file

import exports_models
from parity import LIMIT, distance, png, runtime, switchback

SHARE = 0.97
SECONDS = 900
PROJECTED = """
torchvision.mobilenet_v3_small torchvision.squeezenet1_1 torchvision.resnet18 torchvision.resnet50
torchvision.efficientnet_b0 torchvision.regnet_y_400mf torchvision.shufflenet_v2_x0_5 torchvision.mnasnet0_5
torchvision.googlenet torchvision.convnext_tiny torchvision.vgg11_bn timm.resnet10t timm.resnetblur18 timm.resnet50_gn
timm.convnext_atto timm.cspresnet50 timm.hrnet_w18_small timm.ghostnet_050 timm.repvgg_a0 timm.res2net50_14w_8s
timm.mixnet_s timm.poolformer_s12 timm.hgnetv2_b0 timm.tf_efficientnet_b0
""".split()


def exported(folder, name):
    """Makes what is missing of a network's exports, in a process of its own: an exporter may need much memory or hang."""
    stems = [f"{name}.{exporter}" for exporter in exports_models.EXPORTERS]
    if all((folder / f"{stem}.onnx").exists() or (folder / f"{stem}.failed").exists() for stem in stems):
        return
    # Processes are forked from one that has PyTorch loaded, which takes longer than most exports.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["exports_models", "onnxscript", "timm", "torchvision"])
    process = processes.Process(target=exports_models.export, args=(name, folder))
    process.start()
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        raise RuntimeError(f"{name} was not exported within {SECONDS} s")
    if process.exitcode != 0:
        raise RuntimeError(f"{name} is not exported: the exporter ends with {process.exitcode}")


def reasons(message):
    """What a refusal says, without the names of the nodes, so that alike refusals are counted as one."""
    listed = re.findall(r"\((\w+)\): ([^;]+?)(?:;|\. `|\.?$)", message)
    texts = [f"{kind}: {reason}" for kind, reason in listed] or [re.sub(r"\S+\.onnx", "the file", message)[:200]]
    return sorted({re.sub(r"\d+", "N", re.sub(r"'[^']*'", "'…'", text)) for text in texts})


def compared(tool, path):
    """One export's verdict: `agrees`, `disagrees` or `refused`, and what was found."""
    try:
        layers = json.loads(switchback(tool, "inspect", str(path), "--json"))["layers"]
    except RuntimeError as error:
        return {"verdict": "refused", "reasons": reasons(str(error).split("error: ", 1)[-1])}
    model = onnx.load(path)
    made = {output for node in model.graph.node for output in node.output}
    outputs = [output.name for output in model.graph.output]
    names = list(dict.fromkeys([layer["output"] for layer in layers if layer["output"] in made] + outputs))
    name, exporter = path.name.split(".onnx")[0].rsplit(".", 1)
    example = exports_models.pictures(name, 1 if exporter == "dynamo" else 2).numpy()
    inputs = {model.graph.input[0].name: example}
    with tempfile.TemporaryDirectory() as folder:
        given, results = f"{folder}/given.safetensors", f"{folder}/results.safetensors"

        def run():
            save_file(inputs, given)
            switchback(tool, "run", str(path), "--input", given, "--output", results, "--quiet", "--keep", *names)

        try:
            try:
                run()
            except RuntimeError as error:
                # A network that mixes images is read for one, and says so.
                if "the nodes hold for one only" not in str(error):
                    raise
                inputs = {name: pictures[:1] for name, pictures in inputs.items()}
                run()
        except RuntimeError as error:
            return {"verdict": "disagrees", "values": len(names), "layer": "the run", "reasons": [str(error)[-500:]]}
        expected, found = runtime(model, inputs, names), load_file(results)
    distances = {key: distance(found[key], expected[key]) for key in names if expected[key].dtype == np.float32}
    far, layer = max((value, key) for key, value in distances.items())
    first = next((key for key in names if distances.get(key, 0) > LIMIT), None)
    return {"verdict": "disagrees" if first else "agrees", "values": len(distances), "worst": far, "layer": first or layer}


def autograd(name, pixels, wanted, unit, place, height, precision):
    """The gradient by PyTorch of the activation that has the given values, times its height; None where no module has them."""
    import torch

    model, kept = exports_models.network(name).to(precision), []
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False

    def keep(module, _, output):
        # A copy goes on, since additions of residual networks may be in place.
        if isinstance(output, torch.Tensor):
            kept.append(output)
            return output.clone()
        return None

    for module in model.modules():
        module.register_forward_hook(keep)
    given = torch.from_numpy(pixels).to(precision).requires_grad_()
    model(given)
    for value in kept:
        if tuple(value.shape) == wanted.shape and distance(value.detach().numpy(), wanted) <= LIMIT:
            slope, = torch.autograd.grad(value[0, unit, place[0], place[1]], given)
            return slope.numpy() * height
    return None


def projected(tool, path, folder):
    """The distance of one projection by the gradient rule from PyTorch's, and the layer: the middlemost that is a module's."""
    import torch

    name = path.name.split(".onnx")[0].rsplit(".", 1)[0]
    size = exports_models.SIZES[name]
    layers = json.loads(switchback(tool, "inspect", str(path), "--json"))["layers"]
    layers = [layer["name"] for layer in layers if layer["operation"] == "Conv" and layer["shape"][-1] > 3]
    model = onnx.load(path, load_external_data=False)
    noise = np.random.default_rng(3).integers(0, 256, (size // 4 + 1, size // 4 + 1, 3), dtype=np.uint8)
    picture = np.kron(noise, np.ones((4, 4, 1), np.uint8))[:size, :size]
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    pixels = ((picture / np.float32(255) - mean) / std).transpose(2, 0, 1)[None].astype(np.float32)
    shown, given, results = folder / "shown.png", folder / "given.safetensors", folder / "results.safetensors"
    shown.write_bytes(png(picture))
    save_file({model.graph.input[0].name: np.ascontiguousarray(pixels)}, given)
    middle = len(layers) // 2
    for layer in sorted(layers, key=lambda layer: abs(layers.index(layer) - middle))[:8]:
        switchback(tool, "run", str(path), "--input", str(given), "--output", str(results), "--quiet", "--keep", layer)
        kept = load_file(results)
        found = json.loads(switchback(
            tool, "project", str(path), str(shown), "--layer", layer, "--rule", "gradient", "--resize", "0",
            "--channels", "RGB", "--scale", str(1 / 255), "--mean", ",".join(map(str, mean)), "--std",
            ",".join(map(str, std)), "--out", str(folder / "out.png"), "--array", str(folder / "array.safetensors"),
            "--quiet", "--json"))
        array = next(iter(load_file(folder / "array.safetensors").values()))
        # A ReLU's input next to zero may have another sign in another precision: either gradient is right then.
        expected = [
            autograd(name, pixels, kept[layer], found["unit"], (found["row"], found["column"]), found["value"], precision)
            for precision in (torch.float32, torch.float64)]
        if expected[0] is not None:
            return {"distance": min(distance(array, each) for each in expected if each is not None), "layer": layer}
    return {"distance": float("inf"), "layer": "no layer that is a module's"}


class Results:
    """What was found for a command, kept after each export."""

    def __init__(self, folder, tool):
        digest = hashlib.sha256(pathlib.Path(tool).read_bytes()).hexdigest()[:16]
        self.path = folder / f"results-{digest}.json"
        self.found = json.loads(self.path.read_text()) if self.path.exists() else {}

    def of(self, key, compute):
        if key not in self.found:
            self.found[key] = compute()
            part = self.path.with_suffix(".part")
            part.write_text(json.dumps(self.found, indent=1))
            part.replace(self.path)
        return self.found[key]


def guarded(compute, *arguments):
    """The verdict, or the failure as one that disagrees: nothing may end the run."""
    try:
        return compute(*arguments)
    except Exception as error:
        return {"verdict": "disagrees", "layer": "the comparison", "reasons": [f"{type(error).__name__}: {error}"[-500:]],
                "distance": float("inf")}


def table(verdicts):
    """Prints what each export came to, the refusals by their reason, and the share that agrees."""
    for name, verdict in sorted(verdicts.items()):
        detail = "; ".join(verdict.get("reasons", [])[:3])[:160]
        if "worst" in verdict:
            detail = f"{verdict['values']:4} values, worst {verdict['worst']:.1e} at {verdict['layer']}"
        print(f"{name:52} {verdict['verdict']:10} {detail}")
    refused = collections.defaultdict(list)
    for name, verdict in sorted(verdicts.items()):
        if verdict["verdict"] == "refused":
            for reason in verdict["reasons"]:
                refused[reason].append(name)
    print("\nRefused, by reason:" if refused else "\nNone was refused.")
    for reason, names in sorted(refused.items(), key=lambda entry: -len(entry[1])):
        print(f"{len(names):4}  {reason}: {', '.join(names[:4])}{', …' if len(names) > 4 else ''}")
    counts = collections.Counter(verdict["verdict"] for verdict in verdicts.values())
    share = counts["agrees"] / max(1, len(verdicts))
    print(f"\n{len(verdicts)} exports: {counts['agrees']} read and agree ({share:.1%}), {counts['disagrees']} read and "
          f"disagree, {counts['refused']} refused")
    return counts["disagrees"], share


def main(tool, folder, part=""):
    start, folder = time.monotonic(), pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    results, verdicts, unexported, failures = Results(folder, tool), {}, [], []
    names = [name for name in exports_models.SIZES if part in name]
    for name in names:
        print(f"{name} …", file=sys.stderr)
        try:
            exported(folder, name)
        except RuntimeError as error:
            unexported.append(str(error))
            continue
        for exporter in exports_models.EXPORTERS:
            path = folder / f"{name}.{exporter}.onnx"
            if path.exists():
                verdicts[path.stem] = results.of(path.stem, lambda: guarded(compared, tool, path))
            else:
                why = path.with_suffix(".failed").read_text().splitlines()
                unexported.append(f"{path.stem}: {why[0] if why else 'no reason given'}")
    wrong, share = table(verdicts)
    for text in unexported:
        print(f"not exported by PyTorch: {text[:200]}")
    if wrong:
        failures.append(f"{wrong} exports disagree with ONNX Runtime")
    if share < SHARE:
        failures.append(f"fewer than {SHARE:.0%} of the exports read and agree")
    print("\nProjections by the gradient rule against PyTorch's autograd:")
    for name in [name for name in PROJECTED if name in names]:
        # By turns, so that both exporters' files are projected.
        order = exports_models.EXPORTERS[:: 1 if PROJECTED.index(name) % 2 == 0 else -1]
        stem = next((f"{name}.{each}" for each in order if verdicts.get(f"{name}.{each}", {}).get("verdict") == "agrees"), None)
        if stem is None:
            failures.append(f"{name}: neither export agrees, so nothing was projected")
            continue
        with tempfile.TemporaryDirectory() as work:
            path = folder / f"{stem}.onnx"
            found = results.of(f"projection {stem}", lambda: guarded(projected, tool, path, pathlib.Path(work)))
        print(f"{stem:52} {found['distance']:.1e} at {found['layer']} {'; '.join(found.get('reasons', []))}")
        if not found["distance"] <= LIMIT:
            failures.append(f"{stem}: the projection of {found['layer']} is off by {found['distance']:.1e}")
    print(f"\nagainst ONNX Runtime {onnxruntime.__version__} in {time.monotonic() - start:.0f} s")
    for failure in failures:
        print("FAILED  " + failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
