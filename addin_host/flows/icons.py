"""The add-in's icon: one PNG of 80 x 80 is stored, every other size is made from it."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator
from functools import cache, lru_cache
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw

from addin_host.domain.errors import Invalid, Problem, Reason, Refused
from addin_host.domain.fields import BY_NAME

# design/outlook.md 1.4: ribbon 16 32 80, store 64 128, mobile 25 32 48 each at scale 1, 2 and 3.
ICON_SIZES = (16, 25, 32, 48, 50, 64, 75, 80, 96, 128, 144)
SIDE = 80
_GREY = "#919191"  # what Outlook asks of icons on the online-meeting surface of phones
_DISTINCT = 32  # shades closer than this make no picture: then the shape itself is the icon
MAX_BYTES = 100 * 1024
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What the picture is made of. Nothing else of an upload is handed to the decoder: no texts, profiles or animations.
_KEPT_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def accept_icon(png: bytes) -> bytes:
    """Return an uploaded icon as a clean PNG of our own making. Raises Invalid, with the reason, for anything else."""
    if len(png) > MAX_BYTES:
        raise _unusable(f"The file has {len(png) // 1024:,} KB. Upload a PNG of at most {MAX_BYTES // 1024} KB.")
    if not png.startswith(_SIGNATURE):
        raise _unusable("The file is not a PNG. Save the picture as PNG and upload it again.")
    if (side := _declared_size(png)) != (SIDE, SIDE):
        raise _unusable(f"The picture is {side[0]} x {side[1]} pixels. Upload one of exactly {SIDE} x {SIDE}.")
    try:
        picture = _pixels(_bare(png))
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error) as problem:
        raise _unusable("The file is damaged. Save the picture as PNG again.") from problem
    return _as_png(picture)


@lru_cache(maxsize=128)
def resized_icon(png: bytes, size: int) -> bytes:
    """Return an accepted icon at one of ICON_SIZES. Raises Refused for any other size."""
    _require_size(size)
    return png if size == SIDE else _as_png(_resized(_pixels(png), size))


@lru_cache(maxsize=128)
def grey_icon(png: bytes, size: int) -> bytes:
    """Return an accepted icon for the online meetings of phones: one grey, dark parts solid and light ones clear.

    Raises Refused for any other size than ICON_SIZES.
    """
    _require_size(size)
    picture = _pixels(png)
    shades, cover = picture.convert("L"), picture.getchannel("A")
    lightest, darkest = _range_of_shades(shades, cover)
    if lightest - darkest >= _DISTINCT:
        solid = shades.point([_clamped(255 * (lightest - shade) // (lightest - darkest)) for shade in range(256)])
        cover = ImageChops.multiply(cover, solid)
    flat = Image.new("RGBA", (size, size), _GREY)
    flat.putalpha(_resized(cover, size))
    return _as_png(flat)


def _require_size(size: int) -> None:
    if size not in ICON_SIZES:
        raise Refused(Reason.UNKNOWN, f"There is no icon of {size} pixels.")


def _resized(picture: Image.Image, size: int) -> Image.Image:
    # Hamming leaves no halo round the edges when it shrinks; Lanczos keeps them sharpest when it enlarges.
    filtering = Image.Resampling.HAMMING if size < SIDE else Image.Resampling.LANCZOS
    return picture.resize((size, size), filtering)


def _range_of_shades(shades: Image.Image, cover: Image.Image) -> tuple[int, int]:
    """Return the lightest and the darkest shade of what can be seen."""
    seen = [
        shade for shade, count in enumerate(shades.histogram(cover.point(lambda part: 255 * (part > 127)))) if count
    ]
    return (seen[-1], seen[0]) if seen else (255, 255)


def _clamped(value: int) -> int:
    return min(max(value, 0), 255)


def icon_hash(png: bytes) -> str:
    """Return what stands in an icon's address, so that a new icon is fetched: 12 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(png).hexdigest()[:12]


@cache
def default_icon() -> bytes:
    """Return the icon of an integration without one of its own: a smiling video camera on a rounded square, 80 x 80.

    Its edges lie on multiples of 5, which are whole pixels at 16 x 16.
    """
    accent, white = "#0f6cbd", "#ffffff"
    canvas = Image.new("RGBA", (SIDE * 4, SIDE * 4))
    draw = ImageDraw.Draw(canvas)
    draw.rounded_rectangle(_quadrupled(0, 0, 80, 80), 18 * 4, fill=accent)
    draw.rounded_rectangle(_quadrupled(10, 20, 50, 60), 9 * 4, fill=white)
    draw.ellipse(_quadrupled(19, 29, 26, 36), fill=accent)
    draw.ellipse(_quadrupled(34, 29, 41, 36), fill=accent)
    draw.arc(_quadrupled(18, 28, 42, 51), 25, 155, fill=accent, width=5 * 4)
    lens = [(x * 4, y * 4) for x, y in ((56, 36), (68, 27), (68, 53), (56, 44))]
    draw.polygon(lens, fill=white)
    draw.line([*lens, lens[0], lens[1]], fill=white, width=4 * 4, joint="curve")
    return _as_png(canvas.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _quadrupled(left: int, top: int, right: int, bottom: int) -> tuple[int, int, int, int]:
    """Return a box on the canvas, which is four times as large; its last column and row belong to it."""
    return left * 4, top * 4, right * 4 - 1, bottom * 4 - 1


def _declared_size(png: bytes) -> tuple[int, int]:
    """Return width and height as the header gives them; nothing is decoded yet."""
    if len(png) < 33 or png[8:16] != b"\x00\x00\x00\x0dIHDR":
        raise _unusable("The file is damaged. Save the picture as PNG again.")
    width, height = struct.unpack(">II", png[16:24])
    return int(width), int(height)


def _bare(png: bytes) -> bytes:
    """Return the PNG with nothing in it but the picture.

    Raises EOFError when it ends before its end, and ValueError when a second header could overrule the one looked at.
    """
    kept = [chunk for chunk in _chunks(png) if chunk[4:8] in _KEPT_CHUNKS]
    if sum(chunk[4:8] == b"IHDR" for chunk in kept) != 1:
        raise ValueError("headers")
    return _SIGNATURE + b"".join(kept)


def _chunks(png: bytes) -> Iterator[bytes]:
    at, kind = len(_SIGNATURE), b""
    while kind != b"IEND":
        (length,) = struct.unpack_from(">I", png, at)
        kind, end = png[at + 4 : at + 8], at + length + 12
        if end > len(png):
            raise EOFError(kind)
        yield png[at:end]
        at = end


def _pixels(png: bytes) -> Image.Image:
    """Return the bare pixels; what a file says besides them does not pass."""
    with Image.open(BytesIO(png), formats=["PNG"]) as image:
        if image.size != (SIDE, SIDE):
            raise ValueError(image.size)
        # Pillow cuts 16 bits of grey off at 255 instead of scaling them.
        eight_bits = image.point(lambda grey: grey * (1 / 257) + 0).convert("L") if image.mode == "I;16" else image
        coloured = eight_bits.convert("RGBA")
    return Image.frombytes("RGBA", coloured.size, coloured.tobytes())


def _as_png(image: Image.Image) -> bytes:
    target = BytesIO()
    image.save(target, "PNG", optimize=True)
    return target.getvalue()


def _unusable(message: str) -> Invalid:
    field = BY_NAME["addin_icon"]
    return Invalid([Problem(field.name, field.label, message)])
