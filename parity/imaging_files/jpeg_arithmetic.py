"""JPEG with arithmetic coding, sequential and progressive."""

import struct

import numpy as np

from .arithmetic_coder import Coder
from .writer import photograph

STEP = 12


def zigzag():
    return sorted(
        ((row, column) for row in range(8) for column in range(8)),
        key=lambda at: (sum(at), at[0] if sum(at) % 2 else at[1]),
    )


def coefficients(samples):
    """Blocks of quantized coefficients in zigzag order, by the rows of the picture."""
    height, width = samples.shape
    waves = np.array(
        [[np.cos((2 * x + 1) * u * np.pi / 16) / 2 for x in range(8)] for u in range(8)]
    )
    waves[0] /= np.sqrt(2)
    blocks = (
        samples.reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
        - 128.0
    )
    quantized = np.rint(waves @ blocks @ waves.T / STEP).astype(int)
    return [[int(block[at]) for at in zigzag()] for block in quantized]


def magnitude(coder, name, first, value, growing):
    """How long a number is, then its bits; `first` names the decision whether it is over one."""
    size = abs(value) - 1
    coder.bit(first, int(size > 0))
    where = first
    if size > 0:
        bit = 1
        if growing[0]:
            coder.bit(first, int(size > 1))
            bit = 2 if size > 1 else 1
        if not growing[0] or size > 1:
            step = 0
            while True:
                where = (name, growing[1], step)
                coder.bit(where, int(size >= 2 * bit))
                if size < 2 * bit:
                    break
                bit, step = bit * 2, step + 1
        while bit := bit >> 1:
            coder.bit((where, "bits"), int(bool(size & bit)))


class Component:
    """Codes the blocks of one component."""

    def __init__(self, coder, name):
        self.coder, self.name, self.last, self.context = coder, name, 0, 0

    def mean(self, value):
        difference, self.last = value - self.last, value
        zero = (self.name, "zero", self.context)
        self.coder.bit(zero, int(difference != 0))
        if difference == 0:
            self.context = 0
            return
        negative = int(difference < 0)
        self.coder.bit((zero, "sign"), negative)
        magnitude(self.coder, self.name, (zero, "over", negative), difference, (False, "mean"))
        size = abs(difference) - 1
        highest = 1 << size.bit_length() >> 1
        self.context = (12 if highest > 1 else 4) + 4 * negative

    def band(self, block, first, last):
        end = max((at for at in range(first, last + 1) if block[at]), default=first - 1)
        at = first
        while at <= last:
            self.coder.bit((self.name, at, "end"), int(at > end))
            if at > end:
                return
            while not block[at]:
                self.coder.bit((self.name, at, "nonzero"), 0)
                at += 1
            self.coder.bit((self.name, at, "nonzero"), 1)
            self.coder.bit("even", int(block[at] < 0))
            magnitude(self.coder, self.name, (self.name, at, "over"), block[at], (True, at <= 5))
            at += 1

    def refine(self, block, known, first, last):
        """One more bit: `known` has the coefficients without it."""
        end = max((at for at in range(first, last + 1) if block[at]), default=first - 1)
        before = max((at for at in range(1, last + 1) if known[at]), default=0)
        at = first
        while at <= last:
            if at > before:
                self.coder.bit((self.name, at, "end"), int(at > end))
                if at > end:
                    return
            while True:
                if known[at]:
                    self.coder.bit((self.name, at, "over"), abs(block[at]) & 1)
                    break
                self.coder.bit((self.name, at, "nonzero"), int(block[at] != 0))
                if block[at]:
                    self.coder.bit("even", int(block[at] < 0))
                    break
                at += 1
            at += 1


def segment(marker, payload):
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def file(frame, width, height, components, scans):
    """`scans`: components, first, last, bits and data of each."""
    tables = segment(0xDB, b"\0" + bytes([STEP]) * 64)
    entries = b"".join(bytes([index + 1, 0x11, 0]) for index in range(components))
    head = (
        b"\xff\xd8"
        + tables
        + segment(frame, struct.pack(">BHHB", 8, height, width, components) + entries)
    )
    for parts, first, last, bits, data in scans:
        names = b"".join(bytes([part + 1, part * 0x11]) for part in parts)
        head += segment(0xDA, bytes([len(parts)]) + names + bytes([first, last, bits])) + data
    return head + b"\xff\xd9"


def sequential(planes, interval=None):
    data, coder, done = b"", None, 0
    for index, blocks in enumerate(zip(*planes, strict=True)):
        if coder is None or (interval and index % interval == 0):
            if coder:
                data += coder.finish() + bytes([0xFF, 0xD0 + done % 8])
                done += 1
            coder = Coder()
            components = [Component(coder, name) for name in range(len(planes))]
        for component, block in zip(components, blocks, strict=True):
            component.mean(block[0])
            component.band(block, 1, 63)
    return data + coder.finish()


def shifted(block, bits):
    """Means are shifted, the other coefficients cut towards zero."""
    return [block[0] >> bits] + [
        int(abs(value) >> bits) * (1 if value > 0 else -1) for value in block[1:]
    ]


def progressive(planes):
    every = list(range(len(planes)))
    coder = Coder()
    components = [Component(coder, name) for name in every]
    for blocks in zip(*planes, strict=True):
        for component, block in zip(components, blocks, strict=True):
            component.mean(block[0] >> 1)
    scans = [(every, 0, 0, 0x01, coder.finish())]
    for index, blocks in enumerate(planes):
        for first, last, low in [(1, 5, 1), (6, 63, 0)]:
            coder = Coder()
            component = Component(coder, index)
            for block in blocks:
                component.band(shifted(block, low), first, last)
            scans.append(([index], first, last, low, coder.finish()))
    coder = Coder()
    for blocks in zip(*planes, strict=True):
        for block in blocks:
            coder.bit("even", block[0] & 1)
    scans.append((every, 0, 0, 0x10, coder.finish()))
    for index, blocks in enumerate(planes):
        coder = Coder()
        component = Component(coder, index)
        for block in blocks:
            component.refine(block, shifted(block, 1), 1, 5)
        scans.append(([index], 1, 5, 0x10, coder.finish()))
    return scans


def arithmetic_jpegs(w):
    picture = np.array(photograph(48, 40).convert("YCbCr"))
    planes = [coefficients(picture[:, :, channel]) for channel in range(3)]
    whole = (0, 63, 0)
    w.good("jpeg/arithmetic.jpg", file(0xC9, 48, 40, 3, [([0, 1, 2], *whole, sequential(planes))]))
    w.good(
        "jpeg/arithmetic-grey.jpg", file(0xC9, 48, 40, 1, [([0], *whole, sequential(planes[:1]))])
    )
    one = [([0, 1, 2], *whole, sequential(planes, interval=7))]
    restarts = file(0xC9, 48, 40, 3, one).replace(b"\xff\xda", b"\xff\xdd\0\4\0\7\xff\xda", 1)
    w.good("jpeg/arithmetic-restart.jpg", restarts)
    apart = [([index], *whole, sequential([planes[index]])) for index in range(3)]
    w.good("jpeg/arithmetic-scans.jpg", file(0xC9, 48, 40, 3, apart))
    w.good("jpeg/arithmetic-progressive.jpg", file(0xCA, 48, 40, 3, progressive(planes)))
    damaged = bytearray(file(0xC9, 48, 40, 3, one))
    damaged[-300:-290] = b"\x5a" * 10
    w.good("jpeg/arithmetic-damaged.jpg", bytes(damaged))
