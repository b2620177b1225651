"""The conditions of the operator facts, by the words in which the facts state them.

A test holds this table complete: each `when` of `operator_facts.json` stands here. The second of a
pair is what to do where the facts do not say.
"""

from __future__ import annotations

from .conditions import (
    INTEGERS,
    Condition,
    allowzero_absent,
    always,
    any_of,
    asymmetric,
    attribute_is,
    attribute_is_not,
    axes_as_input,
    axes_computed,
    both,
    computed,
    dilated,
    half_constant,
    input_given,
    input_type,
    inputs_other_than,
    large_or_computed_k,
    one_dimensional,
    output_used,
    partial_shape,
    quantised_weight_computed_bias,
    rank_other_than,
    some_axes,
    uneven_split,
    unknown_cast,
    unsupported_axis,
)

FOLD = "make it a constant: fold the graph, or write the number into the model"
OTHER_MODE = "use a mode of the operator that the target has"
NO_DILATION = "use a pooling without dilations"
OPSET_13 = "export at opset 13"
SYMMETRIC = "quantise symmetrically"
VALUE_ONLY = "use the values only"

HAZARDS: dict[str, Condition] = {
    "INT32/INT64 input": Condition(input_type(0, *INTEGERS), "cast to float32 before"),
    "input INT32/BOOL": Condition(input_type(0, *INTEGERS, "BOOL"), "cast to float32 before"),
    "data is BOOL": Condition(input_type(0, "BOOL"), "cast to int32 before and back after"),
    "x or y is BOOL": Condition(
        any_of(input_type(1, "BOOL"), input_type(2, "BOOL")), "cast to int32 before and back after"
    ),
    "dilations!=1": Condition(dilated, NO_DILATION),
    "training_mode==1 (opset>=14)": Condition(attribute_is("training_mode", 1), "export in eval()"),
    "to in (UINT8, BFLOAT16, INT16, UINT16, STRING...)": Condition(
        unknown_cast, "cast to float32, float16, int32 or bool"
    ),
    "min/max initializers are FLOAT16": Condition(half_constant(1, 2), "give it an FP32 graph"),
    "min/max are tensors (not initializers/Constant) and input not FLOAT/INT32": Condition(
        both(computed(1, 2), input_type(0, "FP16", "INT8", "BOOL")), FOLD
    ),
    "weights come from DequantizeLinear AND bias is not an initializer": Condition(
        quantised_weight_computed_bias, "leave the bias unquantised"
    ),
    "1D conv": Condition(one_dimensional, "nothing: it is computed as a 2D convolution"),
    "len(inputs)!=3": Condition(inputs_other_than(3), "write the zero point, an int8 0"),
    "zero_point != 0 or scale<=0; INT32 data (quantized bias)": Condition(
        any_of(asymmetric, input_type(0, "INT32")), SYMMETRIC
    ),
    "zero_point!=0, or INT32 data (ORT quantized bias)": Condition(
        any_of(asymmetric, input_type(0, "INT32")), SYMMETRIC
    ),
    "zero_point != 0 or scale<=0": Condition(asymmetric, SYMMETRIC),
    "zero_point!=0 (GPU)": Condition(asymmetric, SYMMETRIC),
    "always": Condition(always, "see whether the restriction matters here"),
    "second output used or dilations!=1": Condition(any_of(output_used(1), dilated), VALUE_ONLY),
    "indices output": Condition(output_used(1), VALUE_ONLY),
    "max_output_boxes_per_class/iou_threshold/score_threshold not initializers": Condition(
        computed(2, 3, 4), FOLD
    ),
    "len(inputs)==4 (opset 18 axes)": Condition(input_given(3), "pad all axes, at opset 13"),
    "mode==wrap": Condition(attribute_is("mode", "wrap"), OTHER_MODE),
    "constant_value initializer FLOAT16": Condition(half_constant(2), "give it an FP32 graph"),
    "float and inputs not constant": Condition(
        both(input_type(0, "FP32", "FP16", "FP64"), computed(0, 1, 2)), FOLD
    ),
    "opset>=18 or len(inputs)==2": Condition(axes_as_input, OPSET_13),
    "opset>=14 and attribute allowzero absent": Condition(allowzero_absent, OPSET_13),
    "mode==cubic": Condition(attribute_is("mode", "cubic"), "resize by linear or nearest"),
    "antialias==1 or keep_aspect_ratio_policy!=stretch or axes set (opset>=18)": Condition(
        any_of(
            attribute_is("antialias", 1),
            attribute_is_not("keep_aspect_ratio_policy", "stretch"),
            attribute_is_not("axes"),
        ),
        OPSET_13,
    ),
    "antialias==1 or tf_crop_and_resize or keep_aspect_ratio_policy!=stretch": Condition(
        any_of(
            attribute_is("antialias", 1),
            attribute_is("coordinate_transformation_mode", "tf_crop_and_resize"),
            attribute_is_not("keep_aspect_ratio_policy", "stretch"),
        ),
        "resize without antialias, by half_pixel or asymmetric coordinates",
    ),
    "coordinate_transformation_mode in (tf_crop_and_resize, half_pixel_symmetric)": Condition(
        attribute_is(
            "coordinate_transformation_mode", "tf_crop_and_resize", "half_pixel_symmetric"
        ),
        OTHER_MODE,
    ),
    "reduction!=none (opset>=16)": Condition(
        attribute_is_not("reduction", "none"), "scatter without reduction"
    ),
    "reduction!=none": Condition(
        attribute_is_not("reduction", "none"), "scatter without reduction"
    ),
    "opset>=15 with start/end attributes": Condition(partial_shape, "take a Slice of the Shape"),
    "axes not constant": Condition(axes_computed, FOLD),
    "opset>=18 with num_outputs and non-divisible axis": Condition(
        uneven_split, "name the sizes of the parts"
    ),
    "largest==0": Condition(attribute_is("largest", 0), "negate its input and its values"),
    "K not an initializer / K>3840": Condition(
        large_or_computed_k, "export with `top_k: 3840` in the recipe"
    ),
    "K>3840 or sorted==0": Condition(
        any_of(large_or_computed_k, attribute_is("sorted", 0)),
        "export with `top_k: 3840` at most in the recipe, and sorted",
    ),
}
"""`when` of a hazard -> how to see it."""

RESTRICTIONS: dict[str, Condition | None] = {
    "2D or 3D Pooling only": Condition(unsupported_axis, "reshape to two spatial axes"),
    "2D or 3D pooling only": Condition(unsupported_axis, "reshape to two spatial axes"),
    "2D or 3D convolutions only": None,  # 1D is expanded, a hazard tells
    "2D or 3D deconvolutions only": Condition(unsupported_axis, "reshape to two spatial axes"),
    "Weights `W` must be an initailizer": None,  # or dequantised, a hazard tells
    "Weights `W` must be an initializer": Condition(computed(1), FOLD),
    "`Indices` output tensor unsupported": None,  # a hazard tells
    "`dilations` must be empty or all ones": Condition(dilated, NO_DILATION),
    "`axis` must be an initializer": Condition(computed(1), FOLD),
    "`axes` must be an initializer": Condition(axes_computed, FOLD),
    "`axes` must be a constant tensor": Condition(axes_computed, FOLD),
    "`K` input must be an initializer": None,  # a hazard tells
    "`K` input must be less than 3840": None,  # a hazard tells
    "`sorted` must be 1": None,  # a hazard tells
    "`x_zero_point` must be zero": None,  # a hazard tells
    "`y_zero_point` must be 0": None,  # a hazard tells
    "`reduction` is not supported": None,  # a hazard tells
    "Scales `scale` and biases `B` must be initializers": Condition(computed(1, 2), FOLD),
    "Input rank must be >=3 & <=5": None,  # the hazard `always` repeats it
    "Input must be 4D input": Condition(rank_other_than(4), "reshape it to four axes"),
    "Only the first output `Y` is supported": Condition(output_used(1), VALUE_ONLY),
    "Floating point inputs are only supported if `start`, `limit`, and `delta` inputs are "
    "initializers": None,  # a hazard tells
    "`depth` must be a build-time constant": Condition(computed(1), FOLD),
    "Supported resize modes: `nearest`, `linear`": Condition(
        attribute_is("mode", "cubic"), "resize by linear or nearest"
    ),
    "Supported resize transformation modes: `half_pixel`, `pytorch_half_pixel`, "
    "`tf_half_pixel_for_nn`, `asymmetric`, and `align_corners`": Condition(
        attribute_is_not(
            "coordinate_transformation_mode",
            "half_pixel",
            "pytorch_half_pixel",
            "tf_half_pixel_for_nn",
            "asymmetric",
            "align_corners",
        ),
        OTHER_MODE,
    ),
    "Supported nearest modes: `floor`, `ceil`, `round_prefer_floor`, `round_prefer_ceil`": None,
    "Supported aspect ratio policy: `stretch`": None,  # a hazard tells
    "When `scales` is a tensor input, `axes` must be an iota vector of length "
    "rank(input)": Condition(some_axes, "resize all axes, at opset 13"),
    "Antialiasing is not supported": None,  # a hazard tells
    "Inputs `max_output_boxes_per_class`, `iou_threshold`, and `score_threshold` must be "
    "initializers": None,  # a hazard tells
    "Output has fixed shape and is padded to [`max_output_boxes_per_class`, 3]": None,
    "`sparse_value`, `value_string`, and `value_strings` attributes are unsupported": Condition(
        any_of(
            attribute_is_not("sparse_value"),
            attribute_is_not("value_string"),
            attribute_is_not("value_strings"),
        ),
        "write the constant as a dense tensor",
    ),
}
"""Sentence of a restriction -> how to see it; None where nothing is left to see. A sentence that
does not stand here is reported as a note."""
