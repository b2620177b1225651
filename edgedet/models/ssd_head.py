"""The class and box head of one SSD level."""

from torch import Tensor, nn


class SsdHead(nn.Module):
    """One 3x3 convolution that predicts C class logits and 4 box numbers for k anchors a cell.

    Class and box weights share one convolution: exact, and faster than two, since the engines
    pad a convolution with 4 outputs to 8 or 16.
    """

    def __init__(self, channels: int, anchors: int, logits: int) -> None:
        super().__init__()
        self.outputs = logits + 4
        self.conv = nn.Conv2d(channels, anchors * self.outputs, 3, padding=1)
        # Xavier, as two separate convolutions would have it (their fan-out differs).
        weight = self.conv.weight.detach().view(anchors, self.outputs, channels, 3, 3)
        for rows in (slice(0, logits), slice(logits, None)):
            part = weight[:, rows].flatten(0, 1).clone()
            nn.init.xavier_uniform_(part)
            weight[:, rows] = part.view_as(weight[:, rows])
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, feature_map: Tensor) -> Tensor:
        """Return [N, C + 4, H*W*k]: row-major over cells, anchor fastest."""
        raw: Tensor = self.conv(feature_map)
        images, _, rows, columns = raw.shape
        raw = raw.reshape(images, -1, self.outputs, rows * columns)
        return raw.permute(0, 2, 3, 1).flatten(2)
