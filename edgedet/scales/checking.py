"""The checks of the data before its objects are measured."""

from __future__ import annotations

from edgedet.checks.checking import check_data
from edgedet.checks.options import CheckOptions
from edgedet.checks.report import CheckReport
from edgedet.data.shapes_options import is_shapes
from edgedet.runtime.errors import UsageError
from edgedet.scales.run import Order


def checked(order: Order) -> CheckReport:
    """Return what is wrong with the data of `order`; UsageError for shapes, which are made anew."""
    if is_shapes(order.data):
        raise UsageError("a labelled data set to --check", order.data, "leave --check out")
    fit = order.fit
    return check_data(order.data, CheckOptions(fit.imgsz, fit.resize, order.bbox_mode))
