"""The encoder of the JPEG specification's annex D: Pillow reads its files but cannot write them."""

import pathlib
import re

# Table D.3: the less probable symbol's part, the next states behind it and behind the other one,
# and whether they change places.
SOURCE = (
    pathlib.Path(__file__).resolve().parents[2]
    / "crates/imaging/src/decode/jpeg/arithmetic_states.rs"
)
STATES = [
    (int(part, 16), int(less), int(more), switches == "true")
    for part, less, more, switches in re.findall(
        r"state\((0x\w+), (\d+), (\d+), (\w+)\)", SOURCE.read_text()
    )
]
EVEN = 113


class Coder:
    """Writes decisions; each has a name, under which its state is kept."""

    def __init__(self):
        self.states = {}
        self.interval, self.code, self.countdown = 0x10000, 0, 11
        self.out, self.pending = [], 0

    def bit(self, name, symbol):
        state, probable = self.states.get(name, (EVEN if name == "even" else 0, 0))
        part, less, more, switches = STATES[state]
        self.interval -= part
        if symbol == probable:
            if self.interval >= 0x8000:
                return
            if self.interval < part:
                self.code += self.interval
                self.interval = part
            state = more
        else:
            if self.interval >= part:
                self.code += self.interval
                self.interval = part
            state, probable = less, probable ^ switches
        self.states[name] = state, probable
        while self.interval < 0x8000:
            self.shift(1)
            self.interval <<= 1

    def shift(self, count):
        for _ in range(count):
            self.code <<= 1
            self.countdown -= 1
            if self.countdown == 0:
                self.byte()
                self.countdown = 8

    def byte(self):
        byte = self.code >> 19
        self.code &= 0x7FFFF
        if byte == 0xFF:
            self.pending += 1
            return
        carry = byte >> 8
        if carry and self.out:
            self.out[-1] += 1
        self.out += [0 if carry else 0xFF] * self.pending + [byte & 0xFF]
        self.pending = 0

    def finish(self):
        end = (self.code + self.interval - 1) & ~0xFFFF
        self.code = end if end >= self.code else end + 0x8000
        self.shift(self.countdown)
        self.shift(8)
        data = bytes(self.out + [0xFF] * self.pending).rstrip(b"\0")
        return data.replace(b"\xff", b"\xff\0")
