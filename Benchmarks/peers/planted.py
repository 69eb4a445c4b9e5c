"""Planted copies for `switchback audit`, and how many of them it finds.

    planted.py plant PICTURES OTHERS OUT     25 of PICTURES changed in each of 20 ways, among OTHERS, in OUT/test
    planted.py score OUT RUN                 precision and recall by threshold, of RUN = audit PICTURES OUT/test --mirrored --threshold 0.8

Pillow makes the copies; the seed is fixed.
"""

import collections
import csv
import os
import random
import sys


def names(folder):
    found = []
    for root, _, files in sorted(os.walk(folder)):
        found += [os.path.join(root, name) for name in sorted(files) if name.lower().endswith((".jpg", ".jpeg", ".png"))]
    return found


def cut(image, share, where):
    columns, rows = image.size
    wide, high = round(columns * share), round(rows * share)
    left, top = {"centre": ((columns - wide) // 2, (rows - high) // 2),
                 "corner": (random.choice([0, columns - wide]), random.choice([0, rows - high]))}.get(where, (0, 0))
    if where == "side":
        if random.random() < 0.5:
            high, left = rows, random.choice([0, columns - wide])
        else:
            wide, top = columns, random.choice([0, rows - high])
    return image.crop((left, top, left + wide, top + high))


def changes():
    """Each way a picture is changed, with the JPEG quality it is written at."""
    from PIL import Image, ImageEnhance

    def sized(factor, by):
        return lambda image: image.resize((round(image.width * factor), round(image.height * factor)), by)

    def lit(factor):
        return lambda image: ImageEnhance.Brightness(image).enhance(factor)

    same = lambda image: image
    return {
        "copy": (same, 95), "quality 50": (same, 50), "quality 20": (same, 20), "quality 10": (same, 10),
        "half": (sized(0.5, Image.LANCZOS), 90), "quarter": (sized(0.25, Image.BILINEAR), 90),
        "twice": (sized(2, Image.BICUBIC), 90), "squashed": (lambda image: image.resize((200, 200)), 90),
        "centre 95 %": (lambda image: cut(image, 0.95, "centre"), 90),
        "centre 90 %": (lambda image: cut(image, 0.9, "centre"), 90),
        "corner 95 %": (lambda image: cut(image, 0.95, "corner"), 90),
        "corner 90 %": (lambda image: cut(image, 0.9, "corner"), 90),
        "a side 90 %": (lambda image: cut(image, 0.9, "side"), 90),
        "brighter": (lit(1.3), 90), "darker": (lit(0.6), 90),
        "contrast": (lambda image: ImageEnhance.Contrast(image).enhance(1.4), 90),
        "grey": (lambda image: image.convert("L"), 90),
        "gamma": (lambda image: image.point(lambda level: 255 * (level / 255) ** 0.6), 90),
        "all at once": (lambda image: lit(1.2)(cut(image, 0.93, "corner").resize((160, 160))), 30),
        "mirrored": (lambda image: image.transpose(Image.FLIP_LEFT_RIGHT), 90),
    }


def plant(pictures, others, out):
    from PIL import Image

    random.seed(7)
    folder = os.path.join(out, "test")
    os.makedirs(folder, exist_ok=True)
    files = names(pictures)
    random.shuffle(files)
    with open(os.path.join(out, "truth.tsv"), "w") as truth:
        for kind, (change, quality) in changes().items():
            for number in range(25):
                file = files.pop()
                name = f"planted {kind} {number}.jpg"
                change(Image.open(file).convert("RGB")).convert("RGB").save(f"{folder}/{name}", "JPEG", quality=quality)
                truth.write(f"{name}\t{os.path.relpath(file, pictures)}\t{kind}\n")
    for number, file in enumerate(names(others)):
        os.symlink(os.path.abspath(file), f"{folder}/other {number}{os.path.splitext(file)[1]}")


def score(out, run):
    truth = [line.rstrip("\n").split("\t") for line in open(os.path.join(out, "truth.tsv"))]
    source = {name: file for name, file, _ in truth}
    found, wrong = {}, []
    for row in csv.DictReader(open(os.path.join(run, "pairs.csv"), newline="")):
        value = float(row["correlation"])
        if source.get(row["test"]) == row["train"]:
            found[row["test"]] = value
        else:
            wrong.append(value)
    by_kind = collections.defaultdict(list)
    for name, _, kind in truth:
        by_kind[kind].append(found.get(name, 0))
    for kind, values in by_kind.items():
        values.sort()
        print(f"{kind:12} lowest {values[0]:.3f}, second {values[1]:.3f}, median {values[len(values) // 2]:.3f}")
    for threshold in (0.9, 0.93, 0.95, 0.96, 0.97, 0.98):
        right = sum(value >= threshold for value in found.values())
        false = sum(value >= threshold for value in wrong)
        print(f"{threshold}: recall {right / len(truth):.3f}, precision {right / max(right + false, 1):.4f} ({false} wrong)")


if __name__ == "__main__":
    {"plant": plant, "score": score}[sys.argv[1]](*sys.argv[2:])
