"""The eight EXIF orientations."""

import io

from PIL import Image, ImageOps

from .writer import photograph, saved


def exif(orientation):
    data = Image.Exif()
    data[0x0112] = orientation
    return data.tobytes()


def orientations(w):
    small = photograph(24, 17)
    for orientation in range(1, 9):
        for suffix, kind, options in [
            ("jpg", "JPEG", {"quality": 90, "subsampling": 0}),
            ("png", "PNG", {}),
            ("webp", "WEBP", {"lossless": True}),
            ("avif", "AVIF", {"quality": 80}),
        ]:
            data = saved(small, kind, exif=exif(orientation), **options)
            path = w.out / f"orientation/{orientation}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
            upright.save(path.with_name(path.name + ".ppm"), "PPM")
            w.count += 1
