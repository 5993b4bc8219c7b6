"""Fingerprints that are alike when the contents are: MinHash of texts, difference hash of images.

Texts: Broder, “On the resemblance and containment of documents” (1997): 128 minima over the hashes of the
text's 5-character shingles; the share of equal minima estimates the Jaccard similarity of the shingle
sets. Kept are the low 16 bits of each minimum (Li and König, “b-bit minwise hashing”, 2010; two unequal
minima agree by chance in one of 65,536) and 20 bands of 6 minima: texts of similarity 0.8 share a band
with probability 0.998.

Images: the signs of 64 differences between neighbours of a 9×8 grey picture. Kept with four bands of 16
bits; a search asks for each band and its 16 neighbours at distance 1, so by the pigeonhole principle it
misses nothing up to a Hamming distance of 7.

Images that come in: 256 bits, the signs of the lowest 16×16 cosine frequencies of a 64×64 grey picture against
their median, after PDQ (Facebook, “The TMK+PDQF video-hashing algorithm and the PDQ image-hashing algorithm”,
2019), whose threshold of 31 is used. Kept with 16 bands of 16 bits: images that share a band may be alike, so
nothing up to a distance of 15 is missed, and one of nine at 31.
"""

from __future__ import annotations

import heapq
import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

PERMUTATIONS, BANDS, BAND_ROWS, SHINGLE = 128, 20, 6, 5
SHORTEST_TEXT = 10
"""Characters below which a text says too little to be compared."""
LONGEST_TEXT = 20_000
ALIKE_PERCENT = 80
"""Estimated similarity from which two texts count as near-duplicates."""
MOST_DISTANCE = 6
"""Hamming distance up to which two images count as near-duplicates."""
WAVES, SIDE = 16, 64
MOST_WAVE_DISTANCE = 31
"""Hamming distance of 256 bits up to which two images that come in count as near-duplicates."""
FLATTEST = 4.0
"""An image whose grey values spread less (standard deviation) than this is too plain to be compared."""
PLAINEST = 6
"""An image whose hash has fewer ones (or zeros) than this is too plain to be compared."""

Numbers = NDArray[np.uint64]
_BASE = np.uint64(0x100_0000_01B3)


def _mixed(values: Numbers) -> Numbers:
    """The finaliser of splitmix64: every bit of the input reaches every bit of the output."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return values ^ (values >> np.uint64(31))


def _stream(count: int, seed: int) -> Numbers:
    """Fixed numbers; the same on every machine and with every version of numpy."""
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E37_79B9_7F4A_7C15)
    return _mixed(steps + np.uint64(seed))


_FACTORS = _stream(PERMUTATIONS, 36_344) | np.uint64(1)
_SUMMANDS = _stream(PERMUTATIONS, 35_738)
_BAND_SALTS = _stream(BANDS, 43_697)
_POWERS = _BASE ** np.arange(SHINGLE, dtype=np.uint64)
_BAND_POWERS = _BASE ** np.arange(BAND_ROWS, dtype=np.uint64)


def normalised(text: str) -> str:
    """The text as it is compared: compatibility forms and case folded, white space left out."""
    return "".join(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]).casefold().split())


def shingles(text: str) -> Numbers:
    """Hashes of the different runs of five characters of a normalised text of at least five."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(points, SHINGLE)
    return np.unique(_mixed((windows * _POWERS).sum(axis=1, dtype=np.uint64)))


def rank(hashed: Numbers) -> tuple[int, int]:
    """The minimum under the first permutation, which texts that are alike tend to share, then the text's own."""
    return int((hashed * _FACTORS[0] + _SUMMANDS[0]).min()), int(hashed.sum(dtype=np.uint64))


def minima(hashed: Numbers) -> NDArray[np.uint32]:
    """128 minima (the upper 32 bits of each)."""
    permuted = hashed[None, :] * _FACTORS[:, None] + _SUMMANDS[:, None]
    found: NDArray[np.uint32] = (permuted.min(axis=1) >> np.uint64(32)).astype(np.uint32)
    return found


def text_bands(found: NDArray[np.uint32]) -> list[int]:
    """Twenty signed 64-bit keys; texts that share one may be alike."""
    rows = found[: BANDS * BAND_ROWS].reshape(BANDS, BAND_ROWS).astype(np.uint64)
    keys = _mixed((rows * _BAND_POWERS).sum(axis=1, dtype=np.uint64) ^ _BAND_SALTS)
    return [int(key) for key in keys.view(np.int64)]


def text_digest(found: NDArray[np.uint32]) -> bytes:
    """The 256 bytes that are kept: the low 16 bits of every minimum."""
    return found.astype("<u2").tobytes()


def text_fingerprint(text: str) -> tuple[bytes, list[int]] | None:
    """Digest and bands of a text; None when it is too short to be compared."""
    plain = normalised(text)
    if len(plain) < SHORTEST_TEXT:
        return None
    found = minima(shingles(plain))
    return text_digest(found), text_bands(found)


def similarity_percent(one: bytes, other: bytes) -> int:
    """Estimated Jaccard similarity of two texts in whole per cent."""
    same = np.frombuffer(one, "<u2") == np.frombuffer(other, "<u2")
    return int(same.sum()) * 100 // PERMUTATIONS


def image_hash(image: Image.Image) -> int:
    """The 64-bit difference hash of an image as people see it (turned by its EXIF)."""
    turned = ImageOps.exif_transpose(image) or image
    small = np.asarray(turned.convert("L").resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    signs = (small[:, 1:] > small[:, :-1]).flatten()
    return int("".join("1" if sign else "0" for sign in signs), 2)


def image_fingerprint(image: Image.Image) -> tuple[bytes, list[int]] | None:
    """Digest and bands of an image; None when it is too plain to be compared."""
    found = image_hash(image)
    if not PLAINEST <= found.bit_count() <= 64 - PLAINEST:
        return None
    return found.to_bytes(8, "big"), image_bands(found)


def image_bands(found: int) -> list[int]:
    """Four keys: the place of the band and its 16 bits."""
    return [place << 16 | (found >> 16 * place) & 0xFFFF for place in range(4)]


def image_probes(digest: bytes) -> list[int]:
    """The keys to search by: each band, and each with one bit turned."""
    bands = image_bands(int.from_bytes(digest, "big"))
    return [*bands, *(band ^ 1 << bit for band in bands for bit in range(16))]


def distance(one: bytes, other: bytes) -> int:
    """Hamming distance of two image digests."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def image_similarity_percent(one: bytes, other: bytes) -> int:
    """Equal bits of 64 in whole per cent."""
    return (64 - distance(one, other)) * 100 // 64


def wave_fingerprint(image: Image.Image) -> tuple[bytes, list[int]] | None:
    """Digest (32 bytes) and 16 bands of an image as people see it; None when it is too plain to be compared."""
    from scipy.fft import dctn

    turned = ImageOps.exif_transpose(image) or image
    small = np.asarray(turned.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64)
    if float(small.std()) < FLATTEST:
        return None
    waves = dctn(small, norm="ortho")[1 : WAVES + 1, 1 : WAVES + 1]
    bits = (waves > np.median(waves)).flatten()
    words = np.packbits(bits).view(">u2")
    return np.packbits(bits).tobytes(), [place << 16 | int(word) for place, word in enumerate(words)]


def wave_similarity_percent(one: bytes, other: bytes) -> int:
    """Equal bits of 256 in whole per cent."""
    return (256 - distance(one, other)) * 100 // 256


def spread(ranked: Iterable[tuple[tuple[int, int], int]], most: int) -> list[int]:
    """Positions of at most `most` texts out of (rank, position), in order.

    Chosen by the rank, so that equal texts of two versions are both chosen or both left out.
    """
    return sorted(position for _rank, position in heapq.nsmallest(most, ranked))
