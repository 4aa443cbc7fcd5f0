"""Writes the expected values of dataset_resize.rs and the pictures of dataset_decode.rs.

Needs Pillow, numpy and torchvision (made with 13.0.0 and 0.29.2): python make.py, in this folder.
"""

import math

import numpy as np
from PIL import Image
from torchvision.transforms import CenterCrop, InterpolationMode, Resize


def picture(height, width, seed):
    """Blocks of noise over a ramp, from a generator that is easy to repeat elsewhere."""
    state = seed & 0xFFFFFFFF
    out = np.empty(height * width * 3, np.uint8)
    for i in range(out.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        noise = state >> 24
        out[i] = noise if (i // 96) % 2 else (noise // 8 + i // 3 % width) & 255
    return Image.fromarray(out.reshape(height, width, 3))


def fnv1a(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


def across_then_down(image, height, width):
    """Pillow up to 12 resizes rows first; 13 starts with columns where that is less work, which differs by one code here and
    there. Two calls fix the order."""
    return image.resize((width, image.height), Image.BILINEAR).resize((width, height), Image.BILINEAR)


def squash(image, height, width):
    return across_then_down(image, height, width)


def shorter(image, height, width, side):
    size = Resize(side, InterpolationMode.BILINEAR, antialias=True)(image).size
    return CenterCrop((height, width))(across_then_down(image, size[1], size[0]))


def keep(image, height, width):
    resized = min(width, math.ceil(height * (image.width / float(image.height))))
    out = Image.new("RGB", (width, height), (128, 128, 128))
    out.paste(across_then_down(image, height, resized))
    return out


SIZES = [(7, 5), (1, 9), (30, 1), (64, 64), (65, 47), (100, 37), (131, 257), (224, 224), (299, 299), (33, 200), (375, 250)]
FITS = [
    ("squash", 32, 32, 0),
    ("squash", 13, 57, 0),
    ("squash", 64, 64, 0),
    ("shorter", 32, 32, 32),
    ("shorter", 56, 56, 64),
    ("shorter", 24, 41, 47),
    ("shorter", 64, 64, 50),
    ("shorter", 33, 20, 21),
    ("keep", 48, 192, 0),
    ("keep", 16, 40, 0),
]


def resize():
    with open("resize.csv", "w") as file:
        file.write("rule,height,width,side,from_height,from_width,fnv1a\n")
        for seed, (h, w) in enumerate(SIZES):
            image = picture(h, w, seed)
            for rule, height, width, side in FITS:
                made = {"squash": squash, "keep": keep}[rule](image, height, width) if rule != "shorter" else shorter(
                    image, height, width, side
                )
                file.write(f"{rule},{height},{width},{side},{h},{w},{fnv1a(made.tobytes())}\n")


def decode():
    """Little pictures of every kind, and what Pillow's convert('RGB') makes of them."""
    rgb = picture(19, 23, 7)
    smooth = rgb.resize((9, 8), Image.BILINEAR).resize((37, 29), Image.BICUBIC)
    grey = smooth.convert("L")
    ramp = (np.arange(29 * 37, dtype=np.uint32).reshape(29, 37) * 61 % 65536).astype(np.uint16)
    alpha = smooth.copy()
    alpha.putalpha(Image.fromarray((ramp % 256).astype(np.uint8)))
    palette = smooth.quantize(13)
    pictures = {
        "rgb.png": (rgb, {}),
        "grey.png": (grey, {}),
        "grey_alpha.png": (alpha.convert("LA"), {}),
        "rgba.png": (alpha, {}),
        "palette.png": (palette, {}),
        "palette_transparent.png": (palette, {"transparency": 3}),
        "one_bit.png": (grey.convert("1"), {}),
        "grey16.png": (Image.fromarray(ramp), {}),
        "rgb.jpg": (smooth, {"quality": 95, "subsampling": 0}),
        "rgb420.jpg": (smooth, {"quality": 90}),
        "progressive.jpg": (smooth, {"quality": 90, "progressive": True}),
        "grey.jpg": (grey, {"quality": 95}),
        "cmyk.jpg": (smooth.convert("CMYK"), {"quality": 95, "subsampling": 0}),
        "lossless.webp": (smooth, {"lossless": True}),
        "alpha.webp": (alpha, {"lossless": True, "exact": True}),
    }
    for name, (image, options) in pictures.items():
        image.save(name, **options)
        read = Image.open(name)
        height, width = read.height, read.width
        with open(name + ".rgb", "wb") as file:
            file.write(height.to_bytes(4, "little") + width.to_bytes(4, "little"))
            # Pillow saturates 16-bit grey at 255; the upper bits are what one wants.
            high = Image.fromarray((ramp >> 8).astype(np.uint8)) if name == "grey16.png" else read
            file.write(high.convert("RGB").tobytes())
        print(name, read.mode, read.size)


if __name__ == "__main__":
    resize()
    decode()
