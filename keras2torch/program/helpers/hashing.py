"""TensorFlow's hashes of words, on all words of one length at once.

Arithmetic is that of 64 unsigned bits; torch's int64 holds the same bits, and only
shifts to the right and remainders have to be told so.
"""

import torch


def signed(value: int) -> int:
    """Return 64 unsigned bits as the int64 that has them."""
    value &= 2**64 - 1
    return value - 2**64 if value >= 2**63 else value


def shifted(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift to the right, zeros coming in."""
    right: torch.Tensor = (x >> bits) & (2 ** (64 - bits) - 1)
    return right


def rotated(x: torch.Tensor, right: int) -> torch.Tensor:
    """Rotate to the right."""
    return shifted(x, right) | (x << (64 - right))


def bucket(x: torch.Tensor, count: int) -> torch.Tensor:
    """Return the remainder of what is meant without a sign."""
    return (shifted(x, 1) % count * 2 + (x & 1)) % count


def fetched(words: torch.Tensor, start: int, size: int = 8) -> torch.Tensor:
    """Read the bytes from a place on as one number, the lowest first."""
    found = torch.zeros_like(words[:, 0], dtype=torch.int64)
    for i in range(size):
        found = found | (words[:, start + i].long() << (8 * i))
    return found


def farm_hash_16(
    u: torch.Tensor, v: torch.Tensor, mul: int | torch.Tensor
) -> torch.Tensor:
    """Mix two numbers into one, as FarmHash does."""
    a = (u ^ v) * mul
    a = a ^ shifted(a, 47)
    b = (v ^ a) * mul
    return (b ^ shifted(b, 47)) * mul


def weak_farm_hash(
    words: torch.Tensor, start: int, a: torch.Tensor, b: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix 32 bytes into two seeds."""
    w, x, y, z = (fetched(words, start + 8 * i) for i in range(4))
    a = a + w
    b = rotated(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + rotated(a, 44) + c


def farm_hash_long(words: torch.Tensor) -> torch.Tensor:
    """Hash words of more than 64 bytes."""
    length = words.shape[1]
    k0, k1 = signed(0xC3A5C85C97CB3127), signed(0xB492B66FBE98F273)
    k2 = signed(0x9AE16A3B2F90404F)
    zero = torch.zeros_like(words[:, 0], dtype=torch.int64)
    x = signed(81 * k2) + fetched(words, 0)
    y = zero + signed(81 * k1 + 113)
    z = y * k2 + 113
    z = (z ^ shifted(z, 47)) * k2
    v, w = (zero, zero), (zero, zero)
    for s in range(0, (length - 1) // 64 * 64, 64):
        x = rotated(x + y + v[0] + fetched(words, s + 8), 37) * k1
        y = rotated(y + v[1] + fetched(words, s + 48), 42) * k1
        x = x ^ w[1]
        y = y + v[0] + fetched(words, s + 40)
        z = rotated(z + w[0], 33) * k1
        v = weak_farm_hash(words, s, v[1] * k1, x + w[0])
        w = weak_farm_hash(words, s + 32, z + w[1], y + fetched(words, s + 16))
        z, x = x, z
    mul = k1 + ((z & 255) << 1)
    s = length - 64
    w = (w[0] + ((length - 1) & 63), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x = rotated(x + y + v[0] + fetched(words, s + 8), 37) * mul
    y = rotated(y + v[1] + fetched(words, s + 48), 42) * mul
    x = x ^ (w[1] * 9)
    y = y + v[0] * 9 + fetched(words, s + 40)
    z = rotated(z + w[0], 33) * mul
    v = weak_farm_hash(words, s, v[1] * mul, x + w[0])
    w = weak_farm_hash(words, s + 32, z + w[1], y + fetched(words, s + 16))
    z, x = x, z
    first = farm_hash_16(v[0], w[0], mul) + (y ^ shifted(y, 47)) * k0 + z
    return farm_hash_16(first, farm_hash_16(v[1], w[1], mul) + x, mul)


def farm_hash(words: torch.Tensor) -> torch.Tensor:
    """Return FarmHash64 of words of one length: ``tf.strings.to_hash_bucket_fast``.

    ``words`` holds bytes, a word in each row.
    """
    length = words.shape[1]
    k0, k1 = signed(0xC3A5C85C97CB3127), signed(0xB492B66FBE98F273)
    k2 = signed(0x9AE16A3B2F90404F)
    mul = signed(k2 + 2 * length)
    if length == 0:
        return torch.full_like(words.sum(1), k2)
    if length < 4:
        letters = words.long()
        y = letters[:, 0] + (letters[:, length >> 1] << 8)
        z = length + (letters[:, -1] << 2)
        mixed = (y * k2) ^ (z * k0)
        return (mixed ^ shifted(mixed, 47)) * k2
    if length < 8:
        first, last = fetched(words, 0, 4), fetched(words, length - 4, 4)
        return farm_hash_16(length + (first << 3), last, mul)
    if length <= 16:
        a, b = fetched(words, 0) + k2, fetched(words, length - 8)
        c = rotated(b, 37) * mul + a
        d = (rotated(a, 25) + b) * mul
        return farm_hash_16(c, d, mul)
    if length > 64:
        return farm_hash_long(words)
    a = fetched(words, 0) * (k1 if length <= 32 else k2)
    b = fetched(words, 8)
    c = fetched(words, length - 8) * mul
    d = fetched(words, length - 16) * k2
    y = rotated(a + b, 43) + rotated(c, 30) + d
    z = farm_hash_16(y, a + rotated(b + k2, 18) + c, mul)
    if length <= 32:
        return z
    e, f = fetched(words, 16) * mul, fetched(words, 24)
    g = (y + fetched(words, length - 32)) * mul
    h = (z + fetched(words, length - 24)) * mul
    mixed = rotated(e + f, 43) + rotated(g, 30) + h
    return farm_hash_16(mixed, e + rotated(f + a, 18) + g, mul)


def sip_hash(words: torch.Tensor, key: tuple[int, int]) -> torch.Tensor:
    """Return SipHash-2-4 of words of one length: ``tf.strings.to_hash_bucket_strong``.

    ``words`` holds bytes, a word in each row; ``key`` is the salt, two numbers.
    """
    length = words.shape[1]
    zero = words.sum(1) * 0
    v0 = zero + (signed(key[0]) ^ 0x736F6D6570736575)
    v1 = zero + (signed(key[1]) ^ 0x646F72616E646F6D)
    v2 = zero + (signed(key[0]) ^ 0x6C7967656E657261)
    v3 = zero + (signed(key[1]) ^ 0x7465646279746573)
    rest = fetched(words, length - length % 8, length % 8) if length else zero
    rest = rest | signed(length << 56)
    blocks = [fetched(words, i) for i in range(0, length - 7, 8)]
    for n, block in enumerate([*blocks, rest, zero]):
        finish = n > len(blocks)
        v3 = v3 ^ block
        v2 = v2 ^ 255 if finish else v2
        for _ in range(4 if finish else 2):
            v0, v2 = v0 + v1, v2 + v3
            v1, v3 = rotated(v1, 51) ^ v0, rotated(v3, 48) ^ v2
            v0 = rotated(v0, 32)
            v2, v0 = v2 + v1, v0 + v3
            v1, v3 = rotated(v1, 47) ^ v2, rotated(v3, 43) ^ v0
            v2 = rotated(v2, 32)
        v0 = v0 if finish else v0 ^ block
    return v0 ^ v1 ^ v2 ^ v3


def hash_bytes(words: torch.Tensor, salt: tuple[int, int] | None) -> torch.Tensor:
    """Hash words of one length, with a salt if there is one."""
    return farm_hash(words) if salt is None else sip_hash(words, salt)


def hash_words(words: list[str], salt: tuple[int, int] | None = None) -> torch.Tensor:
    """Return a hash for each word, 64 bits of it, as an int64."""
    by_length: dict[int, list[int]] = {}
    encoded = [word.encode("utf-8", "surrogateescape") for word in words]
    for i, word in enumerate(encoded):
        by_length.setdefault(len(word), []).append(i)
    found = torch.zeros(len(words), dtype=torch.int64)
    for length, places in by_length.items():
        letters = [list(encoded[i]) for i in places]
        same = torch.tensor(letters, dtype=torch.uint8).reshape(len(places), length)
        found[places] = hash_bytes(same, salt)
    return found


def hash_integers(
    values: torch.Tensor, salt: tuple[int, int] | None = None
) -> torch.Tensor:
    """Return a hash of the decimal digits of each integer."""
    left, negative = values.reshape(-1), values.reshape(-1) < 0
    digits = []
    for _ in range(19):
        ten = torch.div(left, 10, rounding_mode="trunc")
        digits.append((left - ten * 10).abs() + ord("0"))
        left = ten
    written = torch.stack(digits[::-1], 1)
    leading = (written != ord("0")).cumsum(1) == 0
    length = (19 - leading.sum(1)).clamp(min=1)
    found = torch.zeros_like(length)
    for sign in (False, True):
        for size in length[negative == sign].unique().tolist():
            here = (negative == sign) & (length == size)
            word = written[here][:, 19 - size :]
            if sign:
                word = torch.cat([torch.full_like(word[:, :1], ord("-")), word], 1)
            found[here] = hash_bytes(word.to(torch.uint8), salt)
    return found.reshape(values.shape)


def cross_hashes(hashes: list[torch.Tensor]) -> torch.Tensor:
    """Combine hashes of several features, as ``tf.sparse.cross_hashed`` does."""
    mul = signed(0xC6A4A7935BD1E995)
    found = torch.full_like(hashes[0], 0xDECAFCAFFE)
    for one in hashes:
        mixed = one * mul
        found = found ^ mul ^ ((mixed ^ shifted(mixed, 47)) * mul)
        found = found * mul
        found = (found ^ shifted(found, 47)) * mul
        found = found ^ shifted(found, 47)
    return found
