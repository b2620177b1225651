"""Parameters and multiply-accumulates of every model, as docs/models.md shows them.

    python benchmarks/models.py --imgsz 512

Counted in one prediction of one image: convolutions and matrix products of everything, with the
second stage of Faster R-CNN over the proposals that are left of its anchors, at most 1000.
"""

import argparse

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edgedet.models.cost import FLOPS_OF_A_MAC
from edgedet.models.registry import MODELS, build_model

CLASSES = ("unripe", "semi-ripe", "ripe")


def row(name: str, imgsz: int) -> str:
    """Return one line of a Markdown table about the model of that name."""
    torch.manual_seed(0)
    model = build_model(name, CLASSES, {"imgsz": imgsz})
    assert isinstance(model, nn.Module)
    # No contrast: random weights that no normalisation holds would overflow within 101 layers.
    image = torch.zeros(1, 3, imgsz, imgsz)
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        _, scores, _ = model.eval().predict(image)
    parameters = sum(weight.numel() for weight in model.parameters())
    gmac = counter.get_total_flops() / FLOPS_OF_A_MAC / 1e9
    return f"| `{name}` | {parameters:,} | {gmac:.2f} | {scores.shape[1]} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", default=list(MODELS), help="all if none is given")
    parser.add_argument("--imgsz", type=int, default=512, help="side of the input")
    options = parser.parse_args()
    print(f"| model, {len(CLASSES)} classes | parameters | GMAC at {options.imgsz} | candidates |")
    print("|---|---|---|---|")
    for name in options.names:
        print(row(name, options.imgsz))


if __name__ == "__main__":
    main()
