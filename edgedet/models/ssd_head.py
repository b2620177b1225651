"""The class and box head of one SSD level."""

from torch import Tensor, nn

HEAD_STARTS = ("small", "xavier")
SMALL_DEVIATION = 0.01
"""Of the first weights. The ends of MobileNetV2's blocks have no activation, and their values a
deviation of 6 to 0.4: with Xavier's weights logits begin with one of 7, and half of the training
goes into taking that back (docs/results/training_quality.md)."""


class SsdHead(nn.Module):
    """One 3x3 convolution that predicts C class logits and 4 box numbers for k anchors a cell.

    Class and box weights share one convolution: exact, and faster than two, since the engines
    pad a convolution with 4 outputs to 8 or 16.
    """

    def __init__(self, channels: int, anchors: int, logits: int) -> None:
        super().__init__()
        self.logits = logits
        self.outputs = logits + 4
        self.conv = nn.Conv2d(channels, anchors * self.outputs, 3, padding=1)
        nn.init.normal_(self.conv.weight, std=SMALL_DEVIATION)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def start_from_xavier(self) -> None:
        """Draw the weights as two separate convolutions would have them: their fan-out differs."""
        channels = self.conv.in_channels
        weight = self.conv.weight.detach().view(-1, self.outputs, channels, 3, 3)
        for rows in (slice(0, self.logits), slice(self.logits, None)):
            part = weight[:, rows].flatten(0, 1).clone()
            nn.init.xavier_uniform_(part)
            weight[:, rows] = part.view_as(weight[:, rows])

    def forward(self, feature_map: Tensor) -> Tensor:
        """Return [N, C + 4, H*W*k]: row-major over cells, anchor fastest."""
        raw: Tensor = self.conv(feature_map)
        images, _, rows, columns = raw.shape
        raw = raw.reshape(images, -1, self.outputs, rows * columns)
        return raw.permute(0, 2, 3, 1).flatten(2)
