"""Collectives, convolutions and slow patterns in the text of compiled programs."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxseg.analysis.hlo.collective import collectives, totals
from jaxseg.analysis.hlo.convolution import Convolution, convolutions
from jaxseg.analysis.hlo.program_text import Shape, shapes
from jaxseg.ops.conv import conv
from jaxseg.ops.pool import max_pool
from tests.guard.slow_pattern import slow_patterns


def one(line):
    (found,) = collectives(line)
    return found


def compiled(fn, *args):
    return jax.jit(fn).lower(*args).compile().as_text()


def image(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


# --- lines ---


def test_one_all_reduce_of_several_arrays_has_their_bytes_and_its_group():
    found = one(
        "  %all-reduce.5 = (f32[3,3,64]{2,1,0:T(8,128)}, bf16[64]{0}) all-reduce(%a, %b), "
        "channel_id=3, replica_groups={{0,1,2,3},{4,5,6,7}}, to_apply=%add, "
        'metadata={op_name="jit(f)/transpose(jvp())/reduce_sum"}'
    )
    assert found.kind == "all-reduce"
    assert found.bytes == 4 * 576 + 2 * 64
    assert [s.dims for s in found.shapes] == [(3, 3, 64), (64,)]
    assert found.group == 4
    assert found.source == "jit(f)/transpose(jvp())/reduce_sum"


@pytest.mark.parametrize(
    ("text", "group"),
    [
        ("replica_groups={{0,4}}", 2),
        ("replica_groups={}", 0),
        ("replica_groups=[4,8]<=[32]", 8),
        ("replica_groups=[2,16]<=[4,8]T(1,0), use_global_device_ids=true", 16),
        ("replica_groups=mesh['x'=4,'y'=8] {'y'}, channel_id=1", 8),
        ("replica_groups=mesh['x'=4,'y'=8] {'x','y'}, channel_id=1", 32),
        ("replica_groups=mesh['x'=8] {'x':(2)4}, channel_id=1", 4),
        ("channel_id=1", 0),
    ],
)
def test_groups_in_every_notation(text, group):
    assert one(f"%g = f32[8] all-gather(%a), {text}, dimensions={{0}}").group == group


def test_an_asynchronous_pair_counts_once_with_the_result_of_its_end():
    text = """
  %ag = (f32[4,8]{1,0}, f32[32,8]{1,0}) all-gather-start(%p), replica_groups=[1,8]<=[8], dimensions={0}
  %permute = (bf16[4,1,64]{2,1,0}, bf16[4,1,64]{2,1,0}, u32[]{:S(2)}, u32[]{:S(2)}) collective-permute-start(%q), source_target_pairs={{0,1}}
  %multiply = f32[4]{0} multiply(%x, %y)
  %permuted = bf16[4,1,64]{2,1,0} collective-permute-done(%permute)
  ROOT %gathered = f32[32,8]{1,0} all-gather-done(%ag), metadata={op_name="here"}
"""
    assert totals(collectives(text)) == {
        "collective-permute": (1, 4 * 64 * 2),
        "all-gather": (1, 32 * 8 * 4),
    }
    assert collectives(text)[1].group == 8


def test_what_a_ring_sends():
    assert one("%a = f32[100] all-reduce(%x), replica_groups={}").sent(4) == 600
    assert one("%a = f32[100] all-gather(%x), replica_groups={}").sent(4) == 300
    assert one("%a = f32[100] reduce-scatter(%x), replica_groups={}").sent(4) == 1200
    assert one("%a = f32[100] collective-permute(%x)").sent(4) == 400
    groups = "replica_groups={{0,1},{2,3}}"
    assert one(f"%a = f32[100] all-reduce(%x), {groups}").sent(4) == 400


def test_small_types_have_their_size():
    assert shapes("pred[10]")[0].bytes == 10
    assert shapes("s4[10]")[0].bytes == 5
    assert shapes("f8e4m3fn[10]")[0].bytes == 10
    assert shapes("f32[]")[0].bytes == 4
    assert shapes("token[]")[0].bytes == 0


def test_a_convolution_with_everything():
    text = """
  %x = f32[2,65,97,8]{3,2,1,0} parameter(0)
  %k = f32[3,5,2,16]{3,2,1,0} parameter(1)
  ROOT %c = f32[2,33,97,16]{3,2,1,0} convolution(%x, %k), window={size=3x5 stride=2x1 pad=4_4x-1_3 lhs_dilate=1x2 rhs_dilate=4x1 rhs_reversal=0x1}, dim_labels=b01f_01io->b01f, feature_group_count=4, metadata={op_name="jit(f)/conv"}
"""
    (found,) = convolutions(text)
    assert found == Convolution(
        shape=Shape("f32", (2, 33, 97, 16)),
        operands=(Shape("f32", (2, 65, 97, 8)), Shape("f32", (3, 5, 2, 16))),
        size=(3, 5),
        stride=(2, 1),
        lhs_dilate=(1, 2),
        rhs_dilate=(4, 1),
        pad=((4, 4), (-1, 3)),
        rhs_reversal=(False, True),
        labels="b01f_01io->b01f",
        groups=4,
        batch_groups=1,
        source="jit(f)/conv",
    )


def test_text_that_is_no_instruction_holds_nothing():
    text = "HloModule jit_f\n\nENTRY %main {\n}\n// all-reduce(all-gather)\n"
    assert collectives(text) == [] == convolutions(text)
    assert slow_patterns(text) == {}


# --- programs ---


def test_rows_over_devices_exchange_borders_and_never_the_map():
    mesh = jax.make_mesh((8,), ("rows",), axis_types=(AxisType.Auto,))
    split, everywhere = (
        NamedSharding(mesh, P(None, "rows")),
        NamedSharding(mesh, P()),
    )
    x = jax.ShapeDtypeStruct((2, 32, 16, 4), jnp.float32, sharding=split)
    k = jax.ShapeDtypeStruct((3, 3, 4, 4), jnp.float32, sharding=everywhere)
    halo = totals(collectives(compiled(lambda x, k: conv(x, k, padding=1), x, k)))
    assert halo == {"collective-permute": (2, 2 * 2 * 1 * 16 * 4 * 4)}
    whole = jax.jit(lambda x: x * 2, out_shardings=everywhere).lower(x).compile()
    (gather,) = collectives(whole.as_text())
    assert gather.kind == "all-gather"
    assert gather.shapes[0].elements == 2 * 32 * 16 * 4
    (mean,) = collectives(compiled(lambda x: x.sum(), x))
    assert (mean.kind, mean.bytes) == ("all-reduce", 4)


def gradient_text(forward, *shapes):
    return compiled(
        jax.grad(lambda *a: (forward(*a) ** 2).sum(), argnums=(0, 1)),
        *(image(*shape) for shape in shapes),
    )


@pytest.mark.usefixtures("full_optimization")
def test_swapped_operands_of_a_weight_gradient_are_found():
    def padded(x, k):
        return lax.conv_general_dilated(
            x, k, (1, 1), ((2, 2), (2, 2)), dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    shapes = (2, 16, 16, 8), (2, 2, 8, 8)
    slow = slow_patterns(gradient_text(padded, *shapes))
    assert "reversed kernel" in slow
    ours = gradient_text(lambda x, k: conv(x, k, padding=2), *shapes)
    assert len(convolutions(ours)) >= 1
    assert slow_patterns(ours) == {}


@pytest.mark.usefixtures("full_optimization")
def test_grouped_weight_gradients_are_found():
    shapes = (2, 16, 16, 32), (3, 3, 8, 32)
    plain = gradient_text(
        lambda x, k: conv(x, k, padding=1, groups=4, impl="lax"), *shapes
    )
    assert "five dimensions" in slow_patterns(plain)
    ours = gradient_text(lambda x, k: conv(x, k, padding=1, groups=4), *shapes)
    assert slow_patterns(ours) == {}


def test_the_gradient_of_pooling_is_found():
    def pooled(impl):
        pool = lambda x: max_pool(x, window=3, stride=2, padding=1, impl=impl).sum()
        return slow_patterns(compiled(jax.grad(pool), image(1, 16, 16, 4)))

    assert "select-and-scatter" in pooled("lax")
    assert pooled("auto") == {}


def test_a_kernel_written_out_with_zeros_is_found():
    text = """
  %k = f32[3,3,4,4]{3,2,1,0} parameter(1)
  %x = f32[1,32,32,4]{3,2,1,0} parameter(0)
  %spread = f32[25,25,4,4]{3,2,1,0} pad(%k, %zero), padding=0_0_11x0_0_11x0_0x0_0
  %border = f32[5,5,4,4]{3,2,1,0} pad(%k, %zero), padding=1_1x1_1x0_0x0_0
  %gradient = f32[1,63,63,4]{3,2,1,0} pad(%x, %zero), padding=0_0x0_0_1x0_0_1x0_0
"""
    (found,) = slow_patterns(text)["expanded kernel"]
    assert found.name == "spread"
    atrous = compiled(
        lambda x, k: conv(x, k, rate=12, padding=12, impl="lax"),
        image(1, 32, 32, 4),
        image(3, 3, 4, 4),
    )
    assert "expanded kernel" not in slow_patterns(atrous)
    assert [c.rhs_dilate for c in convolutions(atrous)] == [(12, 12)]
