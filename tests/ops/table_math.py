"""Calls of what keras/src/ops/math.py and einops.py have."""

from __future__ import annotations

import numpy as np
from calls import A, T, case

IDS = A([0, 2, 2, 0, 3], unknown=())
SORTED = A([0, 0, 2, 2, 3], unknown=())
PAIR = (T((2, 8)), T((2, 8)))
PAIRS = (T((2, 5, 6)), T((2, 5, 6)))
UNIT = T((2, 5), low=-0.9, high=0.9)
REAL_IMAG = (T((2, 9, 9)), T((2, 9, 9)))


def segments(o, name, *options):
    return [
        case(
            f"segment_{how} {name}",
            lambda o, x, i, how=how: getattr(o, f"segment_{how}")(x, i, *options),
            T((5, 3), unknown=()),
            SORTED if "sorted" in name else IDS,
            # TensorFlow has no gradient of a product beside others that are 0.
            differs="" if options and options[0] else "the number is not known",
        )
        for how in ("sum", "max", "min", "prod")
    ]


CASES = [
    *segments(None, "4", 4),
    *segments(None, "6", 6),
    *segments(None, "sorted", None, True),
    *(
        case(
            f"segment_{how} of ints",
            lambda o, x, i, how=how: getattr(o, f"segment_{how}")(x, i, 5),
            T((5,), "int32"),
            IDS,
        )
        for how in ("sum", "max", "min", "prod")
    ),
    case("segment_sum too few", lambda o, x, i: o.segment_sum(x, i, 3), (5,), IDS),
    case("segment_sum none", lambda o, x, i: o.segment_sum(x, i), (5,), IDS),
    case(
        "segment_max none",
        lambda o, x, i: o.segment_max(x, i),
        T((5, 2), unknown=()),
        IDS,
    ),
    case(
        "segment_sum negative",
        lambda o, x, i: o.segment_sum(x, i, 3),
        T((3, 2), unknown=()),
        A([-1, 0, 2], unknown=()),
    ),
    case("segment_sum misfit", lambda o, x, i: o.segment_sum(x, i, 4), (4,), IDS),
    case("top_k", lambda o, x: o.top_k(x, 2), (3, 5)),
    case("top_k of one axis", lambda o, x: o.top_k(x, k=3), T((5,), unknown=())),
    case(
        "top_k of ties",
        lambda o, x: o.top_k(x, 3),
        A([[1, 3, 3, 1, 3], [2, 2, 2, 2, 2]]),
        written="torch leaves open which of equal entries comes first",
    ),
    case(
        "top_k of ints",
        lambda o, x: o.top_k(x, 2),
        T((3, 5), "int32"),
        written="torch leaves open which of equal entries comes first",
    ),
    case("top_k too many", lambda o, x: o.top_k(x, 6), (3, 5)),
    case(
        "in_top_k",
        lambda o, t, p: o.in_top_k(t, p, 2),
        A([1, 0, 4, 2]),
        T((4, 5)),
    ),
    case(
        "in_top_k of odd ones",
        lambda o, t, p: o.in_top_k(t, p, 2),
        A([1, 9, -1, 0, 2]),
        A([[0.5, 0.5, 0.5], [1.0, 2, 3], [1.0, 2, 3], [np.inf, 1, 2], [1, 2, np.nan]]),
        written="a class that does not exist, and NaN, are not looked for",
    ),
    case("logsumexp", lambda o, x: o.logsumexp(x), (2, 3)),
    case("logsumexp axis", lambda o, x: o.logsumexp(x, -1), (2, 3, 4)),
    case("logsumexp axes", lambda o, x: o.logsumexp(x, (0, 2), True), (2, 3, 4)),
    case("logsumexp large", lambda o, x: o.logsumexp(x * 1000, 1), (2, 3, 4)),
    case(
        "logsumexp half",
        lambda o, x: o.logsumexp(x, 1),
        T((2, 3), "float16"),
        close=2e-3,
        differs="Keras says float32, and gives float16",
    ),
    case("cdist", lambda o, x, y: o.cdist(x, y), (4, 3), (2, 3)),
    case("cdist of batches", lambda o, x, y: o.cdist(x, y), (2, 4, 3), (2, 5, 3)),
    case("cdist misfit", lambda o, x, y: o.cdist(x, y), (4, 3), (2, 2)),
    case("extract_sequences", lambda o, x: o.extract_sequences(x, 3, 2), (2, 8)),
    case(
        "extract_sequences long", lambda o, x: o.extract_sequences(x, 4, 5), (2, 3, 11)
    ),
    case("extract_sequences none", lambda o, x: o.extract_sequences(x, 9, 2), (2, 8)),
    case(
        "extract_sequences unknown",
        lambda o, x: o.extract_sequences(x, 3, 2),
        T((2, 8), unknown=(0, 1)),
    ),
    case("fft", lambda o, x, y: o.fft((x, y)), *PAIR),
    case("fft odd", lambda o, x, y: o.fft((x, y)), (3, 7), (3, 7)),
    case(
        "fft64",
        lambda o, x, y: o.fft((x, y)),
        T((2, 4), "float64"),
        T((2, 4), "float64"),
    ),
    case("fft of one", lambda o, x: o.fft((x,)), (2, 8)),
    case(
        "fft of ints",
        lambda o, x, y: o.fft((x, y)),
        T((2, 8), "int32"),
        T((2, 8), "int32"),
    ),
    case("fft2", lambda o, x, y: o.fft2((x, y)), *PAIRS),
    case("ifft2", lambda o, x, y: o.ifft2((x, y)), *PAIRS),
    case("ifft2 of fft2", lambda o, x, y: o.ifft2(o.fft2((x, y))), *PAIRS),
    case("rfft", lambda o, x: o.rfft(x), (2, 8)),
    case("rfft odd", lambda o, x: o.rfft(x), (2, 3, 9)),
    case("rfft long", lambda o, x: o.rfft(x, 12), (2, 8)),
    case("rfft short", lambda o, x: o.rfft(x, fft_length=5), (2, 8)),
    case("irfft", lambda o, x, y: o.irfft((x, y)), *PAIRS),
    case("irfft odd", lambda o, x, y: o.irfft((x, y), 9), *PAIRS),
    case("irfft short", lambda o, x, y: o.irfft((x, y), 6), *PAIRS),
    case("stft", lambda o, x: o.stft(x, 16, 5, 16), (2, 40)),
    case("stft padded", lambda o, x: o.stft(x, 10, 4, 16), (2, 3, 40)),
    case("stft odd", lambda o, x: o.stft(x, 9, 4, 13, "hamming"), (2, 41)),
    case("stft at the ends", lambda o, x: o.stft(x, 10, 4, 16, center=False), (2, 40)),
    case("stft without a window", lambda o, x: o.stft(x, 10, 4, 16, None), (2, 40)),
    case(
        "stft of a window",
        lambda o, x, w: o.stft(x, 6, 4, 8, w),
        (2, 40),
        T((6,), unknown=()),
        symbolic=False,
    ),
    case("stft unknown", lambda o, x: o.stft(x, 10, 4, 16), T((2, 40), unknown=(0, 1))),
    case("stft64", lambda o, x: o.stft(x, 10, 4, 16), T((2, 40), "float64")),
    case("stft of ints", lambda o, x: o.stft(x, 10, 4, 16), T((2, 40), "int32")),
    case("stft short", lambda o, x: o.stft(x, 20, 4, 16), (2, 40)),
    case("stft of an odd window", lambda o, x: o.stft(x, 10, 4, 16, "kaiser"), (2, 40)),
    case("stft stride", lambda o, x: o.stft(x, 10, 0, 16), (2, 40)),
    case("istft", lambda o, x, y: o.istft((x, y), 16, 5, 16), *REAL_IMAG, close=1e-4),
    case(
        "istft padded",
        lambda o, x, y: o.istft((x, y), 12, 4, 16),
        *REAL_IMAG,
        close=1e-3,
    ),
    case(
        "istft odd",
        lambda o, x, y: o.istft((x, y), 9, 4, 13, window="hamming"),
        T((2, 9, 7)),
        T((2, 9, 7)),
        close=1e-4,
    ),
    case(
        "istft length",
        lambda o, x, y: o.istft((x, y), 16, 4, 16, 30),
        *REAL_IMAG,
        close=1e-4,
    ),
    case(
        "istft at the ends",
        lambda o, x, y: o.istft((x, y), 16, 4, 16, window="hamming", center=False),
        *REAL_IMAG,
        close=1e-4,
    ),
    case(
        "istft without a window",
        lambda o, x, y: o.istft((x, y), 16, 4, 16, window=None),
        *REAL_IMAG,
    ),
    case(
        "istft of stft", lambda o, x: o.istft(o.stft(x, 12, 3, 16), 12, 3, 16), (2, 43)
    ),
    case("rsqrt", lambda o, x: o.rsqrt(x), T((2, 3), low=0.1)),
    case(
        "rsqrt half", lambda o, x: o.rsqrt(x), T((2, 3), "float16", low=0.1), close=2e-3
    ),
    case("erf", lambda o, x: o.erf(x), (2, 3)),
    case("erfc", lambda o, x: o.erfc(x), (2, 3)),
    case("erfinv", lambda o, x: o.erfinv(x), UNIT),
    case(
        "erfinv half",
        lambda o, x: o.erfinv(x),
        T((2, 5), "float16", low=-0.9, high=0.9),
        close=2e-3,
    ),
    case(
        "logdet",
        lambda o, x: o.logdet(o.matmul(x, o.swapaxes(x, -1, -2)) + o.eye(3)),
        (2, 3, 3),
        symbolic=False,
    ),
    case(
        "logdet of any",
        lambda o, x: o.logdet(-o.abs(x)),
        (2, 3, 3),
        gradient=False,
        written="torch has a logarithm where the determinant is positive",
    ),
    case("view_as_complex", lambda o, x: o.view_as_complex(x), (3, 2), gradient=False),
    case("view_as_complex misfit", lambda o, x: o.view_as_complex(x), (3, 4)),
    case(
        "view_as_real",
        lambda o, x: o.view_as_real(o.view_as_complex(x)),
        (3, 2),
        gradient=False,
        symbolic=False,
    ),
    case("rearrange", lambda o, x: o.rearrange(x, "b h w c -> b c h w"), (2, 4, 6, 3)),
    case(
        "rearrange joined",
        lambda o, x: o.rearrange(x, "b h w c -> b (h w) c"),
        (2, 4, 6, 3),
    ),
    case(
        "rearrange patches",
        lambda o, x: o.rearrange(x, "b (h p) (w q) c -> b (h w) (p q c)", p=2, q=3),
        (2, 4, 6, 3),
    ),
    case(
        "rearrange apart", lambda o, x: o.rearrange(x, "b (c k) -> b c k", k=2), (3, 8)
    ),
]
