"""Icons: hostile uploads are refused or come out clean, every size is made, and the default is ours."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from addin_host.domain.errors import Invalid, Reason, Refused
from addin_host.flows.icons import ICON_SIZES, MAX_BYTES, accept_icon, default_icon, grey_icon, icon_hash, resized_icon

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def header(width: int = 80, height: int = 80, depth: int = 8, colour: int = RGBA, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def pixels(depth: int = 8, colour: int = RGBA, side: int = 80) -> bytes:
    """One colour on every pixel: each sample 200 of 255, or palette entry 1."""
    if colour == PALETTE:
        row = int("1".zfill(depth) * (8 // depth), 2).to_bytes(1, "big") * (side * depth // 8)
    else:
        row = (b"\xc8" * (depth // 8)) * (side * CHANNELS[colour])
    return zlib.compress((b"\0" + row) * side)


def png(*chunks: bytes, end: bytes = chunk(b"IEND")) -> bytes:
    return SIGNATURE + b"".join(chunks) + end


def plain(*extra: bytes) -> bytes:
    return png(header(), *extra, chunk(b"IDAT", pixels()))


def noise(side: int = 80) -> bytes:
    target = BytesIO()
    Image.frombytes("RGBA", (side, side), random.Random(7).randbytes(side * side * 4)).save(target, "PNG")
    return target.getvalue()


def chunk_kinds(data: bytes) -> Iterator[bytes]:
    at = len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8]
        at += length + 12


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data), formats=["PNG"])


BOMB = zlib.compress(bytes(50_000_000), 9)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(200)
REFUSED = {
    "nothing": (b"", "not a PNG"),
    "a renamed jpeg": (JPEG, "not a PNG"),
    "a gif": (b"GIF89a" + bytes(100), "not a PNG"),
    "html": (b"<html><script>alert(1)</script>", "not a PNG"),
    "a signature in text mode": (plain().replace(b"\r\n\x1a", b"\n\x1a", 1), "not a PNG"),
    "the signature alone": (SIGNATURE, "damaged"),
    "a header cut short": (plain()[:30], "damaged"),
    "a header in second place": (png(chunk(b"tEXt", b"a\0b"), header(), chunk(b"IDAT", pixels())), "damaged"),
    "30000 x 30000": (png(header(30000, 30000), chunk(b"IDAT", BOMB[:50_000])), "30000 x 30000"),
    "the largest header": (png(header(2**31 - 1, 2**31 - 1), chunk(b"IDAT", pixels())), "2147483647"),
    "no width": (png(header(0, 80), chunk(b"IDAT", pixels())), "0 x 80"),
    "81 x 80": (png(header(81, 80), chunk(b"IDAT", pixels())), "81 x 80"),
    "64 x 64": (noise(64), "64 x 64"),
    "too large a file": (noise() + bytes(MAX_BYTES), "at most 100 KB"),
    "cut in the pixels": (noise()[:5000], "damaged"),
    "cut before its end": (plain()[:-12], "damaged"),
    "no pixels": (png(header()), "damaged"),
    "too few pixels": (png(header(), chunk(b"IDAT", zlib.compress(b"\0" * 1000))), "damaged"),
    "pixels that are no zlib": (png(header(), chunk(b"IDAT", b"x" * 500)), "damaged"),
    "an unknown filter": (png(header(), chunk(b"IDAT", zlib.compress(b"\x09" * 321 * 80))), "damaged"),
    "a wrong checksum": (plain()[:-20] + b"\0\0\0\0" + plain()[-16:], "damaged"),
    "an impossible depth": (png(header(depth=3), chunk(b"IDAT", pixels())), "damaged"),
    "an impossible colour": (png(header(colour=5), chunk(b"IDAT", pixels())), "damaged"),
    "a length past the end": (SIGNATURE + header() + struct.pack(">I", 2**31 - 1) + b"IDAT" + pixels(), "damaged"),
    "the largest length": (SIGNATURE + header() + b"\xff\xff\xff\xffIDAT" + pixels(), "damaged"),
    "another header later": (png(header(), header(30000, 30000), chunk(b"IDAT", BOMB[:40_000])), "damaged"),
    "another header after the pixels": (png(header(), chunk(b"IDAT", pixels()), header(81, 81)), "damaged"),
    "two of the same header": (png(header(), header(), chunk(b"IDAT", pixels())), "damaged"),
}
CLEAN = {
    "a pixel bomb": png(header(), chunk(b"IDAT", zlib.compress((b"\0" + b"\xc8" * 320) * 80 + bytes(30_000_000)))),
    "a zTXt bomb": plain(chunk(b"zTXt", b"Comment\0\0" + BOMB)),
    "an iTXt bomb": plain(chunk(b"iTXt", b"Comment\0\1\0\0\0" + BOMB)),
    "an iCCP bomb": plain(chunk(b"iCCP", b"profile\0\0" + BOMB)),
    "sixty zTXt bombs of 1 MB": plain(*[chunk(b"zTXt", b"c\0\0" + zlib.compress(bytes(1_000_000), 9))] * 60),
    "a text": plain(chunk(b"tEXt", b"Comment\0<script>alert(1)</script>")),
    "an EXIF block": plain(chunk(b"eXIf", b"MM\0*" + b"\xff" * 100)),
    "an unknown chunk": plain(chunk(b"evIl", b"<?php system($_GET[0]); ?>")),
    "a zip behind it": plain() + b"PK\x03\x04<script>alert(1)</script>",
    "an animation": plain(
        chunk(b"acTL", struct.pack(">II", 2, 0)),
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 80, 80, 0, 0, 1, 1, 0, 0)),
    ).replace(
        chunk(b"IEND"),
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", 1, 80, 80, 0, 0, 1, 1, 0, 0))
        + chunk(b"fdAT", struct.pack(">I", 2) + pixels())
        + chunk(b"IEND"),
    ),
    "an animation of a million frames": plain(chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))),
    "16 bits of grey": png(header(depth=16, colour=GREY), chunk(b"IDAT", pixels(16, GREY))),
    "16 bits of grey and alpha": png(header(depth=16, colour=GREY_ALPHA), chunk(b"IDAT", pixels(16, GREY_ALPHA))),
    "16 bits of colour": png(header(depth=16, colour=RGB), chunk(b"IDAT", pixels(16, RGB))),
    "16 bits of colour and alpha": png(header(depth=16), chunk(b"IDAT", pixels(16, RGBA))),
    "grey": png(header(colour=GREY), chunk(b"IDAT", pixels(8, GREY))),
    "grey and alpha": png(header(colour=GREY_ALPHA), chunk(b"IDAT", pixels(8, GREY_ALPHA))),
    "colour": png(header(colour=RGB), chunk(b"IDAT", pixels(8, RGB))),
    "pixels in many pieces": png(header(), *[chunk(b"IDAT", bytes([byte])) for byte in pixels()]),
    **{
        f"a palette of {depth} bits": png(
            header(depth=depth, colour=PALETTE),
            chunk(b"PLTE", bytes(3) + b"\xc8" * 3),
            chunk(b"tRNS", b"\0\xc8"),
            chunk(b"IDAT", pixels(depth, PALETTE)),
        )
        for depth in (1, 2, 4, 8)
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_icon_is_refused_with_the_reason(name: str):
    upload, words = REFUSED[name]
    begun = time.thread_time()
    with pytest.raises(Invalid) as caught:
        accept_icon(upload)
    assert time.thread_time() - begun < 0.5
    (problem,) = caught.value.problems
    assert (problem.field, problem.label) == ("addin_icon", "Add-in image icon")
    assert words in problem.message


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_not_the_picture_is_left_behind(name: str):
    assert len(CLEAN[name]) <= MAX_BYTES
    begun = time.thread_time()
    accepted = accept_icon(CLEAN[name])
    assert time.thread_time() - begun < 0.5
    assert set(chunk_kinds(accepted)) == {b"IHDR", b"IDAT", b"IEND"}
    assert b"script" not in accepted
    image = opened(accepted)
    assert (image.size, image.mode, image.info) == ((80, 80), "RGBA", {})
    assert image.getpixel((40, 40))[:3] == (200, 200, 200)


def test_an_interlaced_icon_keeps_its_pixels():
    passes = [(10, 10), (10, 10), (20, 10), (20, 20), (40, 20), (40, 40), (80, 40)]
    data = b"".join((b"\0" + b"\xc8" * 4 * width) * height for width, height in passes)
    accepted = opened(accept_icon(png(header(interlace=1), chunk(b"IDAT", zlib.compress(data)))))
    assert accepted.getcolors() == [(6400, (200, 200, 200, 200))]


def test_the_pixels_of_an_ordinary_icon_do_not_change():
    original = noise()
    assert opened(accept_icon(original)).tobytes() == opened(original).tobytes()
    assert accept_icon(accept_icon(original)) == accept_icon(original)


def test_hostile_icons_take_no_more_than_64_mb(tmp_path: Path):
    for number, upload in enumerate([*CLEAN.values(), *(upload for upload, _ in REFUSED.values())]):
        (tmp_path / str(number)).write_bytes(upload)
    script = """if True:
        import pathlib, re, sys
        from addin_host.flows.icons import Invalid, accept_icon
        def peak():
            return int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
        before = peak()
        for path in pathlib.Path(sys.argv[1]).iterdir():
            try:
                accept_icon(path.read_bytes())
            except Invalid:
                pass
        print(peak() - before)
    """
    child = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert int(child.stdout) < 64 * 1024


def test_damage_anywhere_is_refused_or_comes_out_clean():
    """Change single bytes all over three kinds of file: nothing but a clean icon or a reason comes back."""
    choose = random.Random(11)
    for name in ("a palette of 4 bits", "16 bits of grey", "an animation"):
        for _ in range(300):
            damaged = bytearray(CLEAN[name])
            damaged[choose.randrange(len(damaged))] = choose.randrange(256)
            try:
                accepted = accept_icon(bytes(damaged))
            except Invalid:
                continue
            assert set(chunk_kinds(accepted)) == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize("size", ICON_SIZES)
def test_every_size_is_made(size: int):
    icon = resized_icon(default_icon(), size)
    assert opened(icon).size == (size, size)
    assert set(chunk_kinds(icon)) == {b"IHDR", b"IDAT", b"IEND"}
    assert resized_icon(bytes(bytearray(default_icon())), size) is icon


def test_mobile_sizes_are_there_at_every_scale():
    assert {size * scale for size in (25, 32, 48) for scale in (1, 2, 3)} <= set(ICON_SIZES)


@pytest.mark.parametrize("size", [0, -16, 17, 81, 10**9])
def test_no_other_size_is_made(size: int):
    with pytest.raises(Refused) as caught:
        resized_icon(default_icon(), size)
    assert caught.value.reason is Reason.UNKNOWN


def test_transparent_pixels_do_not_colour_the_edge():
    """A white disc on transparent red shrinks without a red rim."""
    half = b"\xff\xff\xff\xff" * 41 + b"\xff\x00\x00\x00" * 39
    image = opened(resized_icon(accept_icon(png(header(), chunk(b"IDAT", zlib.compress((b"\0" + half) * 80)))), 16))
    rim = [pixel for pixel in image.get_flattened_data() if pixel[3] > 0]
    assert all(min(pixel[:3]) >= 250 for pixel in rim)


def test_the_default_icon_is_a_white_camera_on_the_accent_and_stays_one_at_16_pixels():
    assert accept_icon(default_icon()) == default_icon()
    small = opened(resized_icon(default_icon(), 16)).convert("RGBA")
    accent, white = (15, 108, 189, 255), (255, 255, 255, 255)

    def is_close(at: tuple[int, int], colour: tuple[int, ...]) -> bool:
        return all(abs(got - wanted) < 48 for got, wanted in zip(small.getpixel(at), colour, strict=True))  # type: ignore[arg-type]

    assert [is_close(at, accent) for at in ((1, 8), (14, 8), (8, 1), (4, 6), (7, 6))] == [True] * 5  # ground, two eyes
    assert [is_close(at, white) for at in ((3, 5), (5, 7), (8, 5), (12, 8))] == [True] * 4  # body, lens
    assert small.getpixel((0, 0))[3] < 200  # the corner is round


@pytest.mark.parametrize("size", ICON_SIZES)
def test_the_grey_icon_has_one_colour_and_clear_light_parts(size: int):
    image = opened(grey_icon(default_icon(), size)).convert("RGBA")
    seen = {pixel[:3] for pixel in image.get_flattened_data() if pixel[3]}
    assert (image.size, seen) == ((size, size), {(0x91, 0x91, 0x91)})
    side = size / 80
    ground, body = image.getpixel((int(5 * side), int(40 * side))), image.getpixel((int(14 * side), int(26 * side)))
    assert ground[3] > 200
    assert body[3] < 60


@pytest.mark.parametrize("colour", [b"\xff\xff\xff\xff", b"\x00\x00\x00\xff", b"\x10\x80\x40\xff"])
def test_a_shape_of_one_colour_stays_a_shape_in_grey(colour: bytes):
    rows = (b"\0" + colour * 40 + b"\0\0\0\0" * 40) * 80
    image = opened(grey_icon(accept_icon(png(header(), chunk(b"IDAT", zlib.compress(rows)))), 80)).convert("RGBA")
    assert image.getpixel((20, 40)) == (0x91, 0x91, 0x91, 255)
    assert image.getpixel((60, 40))[3] == 0


def test_an_empty_picture_and_another_size_do_no_harm():
    empty = accept_icon(png(header(), chunk(b"IDAT", zlib.compress((b"\0" + bytes(320)) * 80))))
    assert opened(grey_icon(empty, 25)).convert("RGBA").getextrema()[3] == (0, 0)
    with pytest.raises(Refused):
        grey_icon(empty, 26)


def test_the_hash_is_short_and_changes_with_the_picture():
    assert icon_hash(b"") == "e3b0c44298fc"
    assert icon_hash(default_icon()) != icon_hash(noise())
