"""Other libraries' way from photo files to batches of uint8; see `input.py`.

    python tools/bench/input_peers.py NAME FILE SIZE BATCH

FILE holds JPEGs, pickled. Each library decodes, crops at random between 0.8 and
all of both sides, and scales to SIZE, in one process without workers.
"""

import importlib.metadata
import io
import pickle
import sys

import measure
import numpy as np
from PIL import Image

MIN_SIDE = 0.8


def timm(photos, size, batch_size):
    """timm's own transform of PIL images and its loader's collation."""
    import torch
    from timm import data
    from timm.data import loader

    torch.set_num_threads(1)
    transform = data.create_transform(
        size,
        is_training=True,
        scale=(MIN_SIDE**2, 1.0),
        ratio=(1.0, 1.0),
        hflip=0.0,
        color_jitter=None,
        interpolation="bilinear",
        use_prefetcher=True,  # uint8 until the device.
    )

    class Photos(torch.utils.data.Dataset):
        def __len__(self):
            return len(photos)

        def __getitem__(self, index):
            # As timm's ImageDataset reads a file.
            image = Image.open(io.BytesIO(photos[index])).convert("RGB")
            return transform(image), 0

    batches = torch.utils.data.DataLoader(
        Photos(),
        batch_size=batch_size,
        shuffle=True,
        collate_fn=loader.fast_collate,
    )
    return lambda: [images.shape for images, _ in batches]


def torch(photos, size, batch_size):
    """The same with Pillow alone, where there is no timm."""
    import torch

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)

    class Photos(torch.utils.data.Dataset):
        def __len__(self):
            return len(photos)

        def __getitem__(self, index):
            image = Image.open(io.BytesIO(photos[index])).convert("RGB")
            box = _window(rng, *image.size)
            image = image.resize((size, size), Image.Resampling.BILINEAR, box)
            return torch.from_numpy(np.array(image)), 0

    batches = torch.utils.data.DataLoader(
        Photos(), batch_size=batch_size, shuffle=True
    )
    return lambda: [images.shape for images, _ in batches]


def albumentations(photos, size, batch_size):
    """OpenCV's decoder and Albumentations' crop."""
    import albumentations
    import cv2

    cv2.setNumThreads(1)
    transform = albumentations.RandomResizedCrop(
        (size, size), scale=(MIN_SIDE**2, 1.0), ratio=(1.0, 1.0)
    )

    def read(photo):
        image = cv2.imdecode(np.frombuffer(photo, "uint8"), cv2.IMREAD_COLOR)
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return transform(image=image)["image"]

    return lambda: _stack(map(read, photos), batch_size)


def opencv(photos, size, batch_size):
    """OpenCV by hand: decoded at 1/2 where that leaves enough, as we do."""
    import cv2

    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)

    def read(photo):
        width, height = Image.open(io.BytesIO(photo)).size
        half = min(width, height) * MIN_SIDE >= 2 * size
        image = cv2.imdecode(
            np.frombuffer(photo, "uint8"),
            cv2.IMREAD_REDUCED_COLOR_2 if half else cv2.IMREAD_COLOR,
        )
        left, top, right, bottom = map(
            int, _window(rng, image.shape[1], image.shape[0])
        )
        image = cv2.resize(image[top:bottom, left:right], (size, size))
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    return lambda: _stack(map(read, photos), batch_size)


def grain(photos, size, batch_size):
    """Grain around Pillow, which decodes at 1/2 where that leaves enough."""
    import grain

    rng = np.random.default_rng(0)

    def read(photo):
        image = Image.open(io.BytesIO(photo))
        least = int(size / MIN_SIDE)
        image.draft("RGB", (least, least))
        box = _window(rng, *image.size)
        return np.asarray(
            image.resize((size, size), Image.Resampling.BILINEAR, box)
        )

    dataset = grain.MapDataset.source(photos).map(read).batch(batch_size)
    return lambda: [images.shape for images in dataset]


def _window(rng, width, height):
    share = rng.uniform(MIN_SIDE, 1.0)
    left = rng.uniform(0, width * (1 - share))
    top = rng.uniform(0, height * (1 - share))
    return left, top, left + share * width, top + share * height


def _stack(images, batch_size):
    batch = []
    for image in images:
        batch.append(image)
        if len(batch) == batch_size:
            np.stack(batch)
            batch = []


PEERS = {
    "timm": (timm, "timm"),
    "torch": (torch, "torch"),
    "albumentations": (albumentations, "albumentations"),
    "opencv": (opencv, "opencv-python-headless"),
    "grain": (grain, "grain"),
}


def main():
    name, path, size, batch_size = sys.argv[1:]
    make, package = PEERS[name]
    with open(path, "rb") as file:
        photos = pickle.load(file)
    work = make(photos, int(size), int(batch_size))
    measure.serve(f"{name} {importlib.metadata.version(package)}", work)


if __name__ == "__main__":
    main()
