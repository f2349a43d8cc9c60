"""The instructions of `machine` in LLVM's language: imported by what compiles, and by nothing else."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

_I8, _I64, _I128 = ir.IntType(8), ir.IntType(64), ir.IntType(128)
_V64 = ir.VectorType(_I8, 64)


def _splat(value: int) -> ir.Constant:
    return ir.Constant(_V64, [value] * 64)


def _vector(builder: Any, address: Any) -> Any:
    loaded = builder.load(builder.inttoptr(address, _V64.as_pointer()))
    loaded.align = 1
    return loaded


def _load64(typingctx, address):  # type: ignore[no-untyped-def]  # noqa: ARG001  Numba's calling convention
    """Eight bytes at an address, little-endian, as uint64."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ARG001
        loaded = builder.load(builder.inttoptr(arguments[0], _I64.as_pointer()))
        loaded.align = 1
        return loaded

    return types.uint64(types.int64), generate


def _load8(typingctx, address):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """One byte at an address as int64."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ARG001
        return builder.zext(builder.load(builder.inttoptr(arguments[0], _I8.as_pointer())), _I64)

    return types.int64(types.int64), generate


def _word_bits(typingctx, address):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Of 64 bytes at an address, bit i says whether byte i is an ASCII letter, digit or underscore."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ARG001
        seen = _vector(builder, arguments[0])
        lower = builder.or_(seen, _splat(0x20))
        letter = builder.icmp_unsigned("<", builder.sub(lower, _splat(ord("a"))), _splat(26))
        digit = builder.icmp_unsigned("<", builder.sub(seen, _splat(ord("0"))), _splat(10))
        line = builder.icmp_unsigned("==", seen, _splat(ord("_")))
        return builder.bitcast(builder.or_(builder.or_(letter, digit), line), _I64)

    return types.uint64(types.int64), generate


def _high_bits(typingctx, address):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Of 64 bytes at an address, bit i says whether byte i is not ASCII."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ARG001
        seen = _vector(builder, arguments[0])
        return builder.bitcast(builder.icmp_signed("<", seen, _splat(0)), _I64)

    return types.uint64(types.int64), generate


def _fold_multiply(typingctx, left, right):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """The high half of left x right xor its low half: the mixing step of wyhash and xxh3."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ARG001
        product = builder.mul(builder.zext(arguments[0], _I128), builder.zext(arguments[1], _I128))
        high = builder.trunc(builder.lshr(product, ir.Constant(_I128, 64)), _I64)
        return builder.xor(high, builder.trunc(product, _I64))

    return types.uint64(types.uint64, types.uint64), generate


def _first_bit(typingctx, bits):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """Index of the lowest set bit; 64 where there is none."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


def _count_bits(typingctx, bits):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """How many bits are set."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ARG001
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


# Numba's types are its own: to mypy these are Any.
load64: Any = intrinsic(_load64)
load8: Any = intrinsic(_load8)
word_bits: Any = intrinsic(_word_bits)
high_bits: Any = intrinsic(_high_bits)
fold_multiply: Any = intrinsic(_fold_multiply)
first_bit: Any = intrinsic(_first_bit)
count_bits: Any = intrinsic(_count_bits)
