"""PyTorch's training step of the same network; see `gpu.py`."""

import importlib.util
import time

# torchvision's names; any other is Keras's in lower case.
_NAMES = {
    "EfficientNetV2S": "efficientnet_v2_s",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Large": "mobilenet_v3_large",
    "MobileNetV3Small": "mobilenet_v3_small",
}


def measure_training(
    *, backbone, image_size, batch_size, precision, blocks, seconds, compiled
):
    """Measures a training step, channels last, on the GPU where there is one.

    Args:
        backbone: Keras's name of a network.
        image_size: height and width, in pixels.
        batch_size: photos per step.
        precision: name of a Keras policy.
        blocks: int, blocks that count; one more comes first.
        seconds: float, how long a block is.
        compiled: whether by torch.compile.

    Returns:
        dict of JSON values, as `gpu_training.measure_training`; or with
        `missing` where torch or torchvision is not installed.
    """
    for name in ("torch", "torchvision"):
        if importlib.util.find_spec(name) is None:
            return {"missing": f"{name}: not installed"}
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    step = _make_step(
        backbone, image_size, batch_size, precision, device, compiled
    )

    def run(steps):
        start = time.monotonic()
        for _ in range(steps):
            loss = step()
        float(loss)  # Waits for the device.
        return time.monotonic() - start

    name = "torch.compile" if compiled else "torch eager"
    first = run(1)
    run(3)
    steps = max(1, round(seconds / (run(3) / 3)))
    taken = [run(steps) for _ in range(blocks + 1)][1:]
    return {
        "training": {name: [steps * batch_size / wall for wall in taken]},
        "first_step": {name: first},
    }


def _make_step(backbone, image_size, batch_size, precision, device, compiled):
    """Returns a function that trains a step and returns its loss, a tensor."""
    import torch
    import torchvision

    torch.backends.cudnn.benchmark = True
    name = _NAMES.get(backbone, backbone.lower())
    network = torchvision.models.get_model(name, weights=None, num_classes=1)
    network = network.to(device, memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
    shape = (batch_size, 3, image_size, image_size)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.ones((batch_size, 1), device=device)
    half = {
        "mixed_bfloat16": torch.bfloat16,
        "mixed_float16": torch.float16,
    }.get(precision)
    scaler = torch.amp.GradScaler(device, enabled=half is torch.float16)

    def compute_loss(images):
        with torch.autocast(device, half, enabled=half is not None):
            logits = network(images.float() / 127.5 - 1.0)
        return torch.nn.functional.binary_cross_entropy_with_logits(
            logits.float(), labels
        )

    if compiled:
        compute_loss = torch.compile(compute_loss)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = compute_loss(images)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    return step
