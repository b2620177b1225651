"""Which steps stay in FP32."""

from edgedet.runtime.decode_tail import Step, decode_tail


def step(kind, inputs, outputs):
    return Step(kind == "learned", kind == "moves", tuple(inputs), tuple(outputs))


def test_all_before_a_learned_step_may_be_fp16():
    steps = [
        step("other", ["image"], ["centred"]),
        step("learned", ["centred", "w"], ["a"]),
        step("other", ["a"], ["b"]),
        step("learned", ["b", "w2"], ["c"]),
        step("other", ["c"], ["score"]),
    ]
    assert decode_tail(steps) == {4}


def test_moves_straight_after_a_learned_step_are_exact():
    steps = [
        step("learned", ["image", "w"], ["a"]),
        step("moves", ["a", "shape"], ["b"]),
        step("moves", ["b"], ["c"]),
        step("other", ["c"], ["d"]),
        step("moves", ["d"], ["e"]),
        step("moves", ["c", "e"], ["joined"]),
    ]
    assert decode_tail(steps) == {3, 4, 5}


def test_an_activation_that_feeds_a_head_is_not_the_tail():
    """One branch goes to the output, the other to another convolution."""
    steps = [
        step("learned", ["image", "w"], ["a"]),
        step("other", ["a"], ["b"]),
        step("learned", ["b", "w2"], ["c"]),
        step("other", ["b"], ["side"]),
    ]
    assert decode_tail(steps) == {3}


def test_a_graph_without_weights_is_all_tail():
    assert decode_tail([step("moves", ["image"], ["a"]), step("other", ["a"], ["b"])]) == {0, 1}


def test_constants_made_by_steps_do_not_hold_a_move_back():
    """TensorRT has a layer for each constant, shapes among them."""
    steps = [
        step("other", [], ["shape"]),
        step("learned", ["image"], ["a"]),
        step("moves", ["a", "shape"], ["b"]),
    ]
    assert decode_tail(steps) == {0}


def test_nothing():
    assert decode_tail([]) == set()
