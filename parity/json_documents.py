"""Compares which JSON documents the service reads with those that Python's json reads, live, on generated ones.

    cargo build --example json
    python3 json_documents.py ../target/debug/examples/json [HOW_MANY] [SEED]
"""
import json
import random
import struct
import subprocess
import sys

ATOMS = ["null", "true", "1", "-0", "0.5", "1e5", "1E+999", "-1e999", "1e-999", "01", "+1", ".5", "1.", "1.e5", "1e", "-", "NaN", "nan", "-NaN", "Infinity",
         "-Infinity", "Inf", "9" * 400, "1" + "0" * 30, '""', '"a"', '"\\u00e9"', '"\\ud800"', '"\\udc00x"', '"\\ud83d\\ude00"', '"\\ud83d\\u0041"', '"\\ud8"',
         '"\\x"', '"\\\\"', '"\\"', '"\n"', '"\t"', '"\x7f"', '"\u00e9\u7167\U0001f600"', "'a'", '"NaN"', '"1e999"', "undefined", '"\\/"', '"\0"', "\ufeff"]


def document(random, depth=0):
    roll = random.random()
    if depth > 4 or roll < 0.45:
        text = random.choice(ATOMS[:6]) if random.random() < 0.6 else random.choice(ATOMS)
    elif roll < 0.7:
        text = "[" + ",".join(document(random, depth + 1) for _ in range(random.randrange(4))) + "]"
    else:
        key = lambda: random.choice(('"a"', '"a"', '"b"', '"\\ud800"', '""', '"\u00e9"')) if random.random() < 0.97 else random.choice(("a", "1", "'a'"))
        text = "{" + ",".join(key() + ":" + document(random, depth + 1) for _ in range(random.randrange(4))) + "}"
    if random.random() < 0.02:
        text += random.choice((",", " ", "\n", "]", "//", "\x0b", "\u00a0"))
    return random.choice(("", "", "", " ", "\r\n\t")) + text


def encoded(random, text):
    name = random.choice(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "latin-1"])
    data = text.encode(name, "replace" if name == "latin-1" else "surrogatepass")
    if random.random() < 0.03:
        data = data[:random.randrange(len(data) + 1)]
    if random.random() < 0.03:
        at = random.randrange(len(data) + 1)
        data = data[:at] + random.choice((b"\xff", b"\xed\xa0\x80", b"\0", b"\xc3")) + data[at:]
    return data


def main():
    binary, number, seed = sys.argv[1], int((sys.argv[2:] or ["5000"])[0]), int((sys.argv[3:] or ["1"])[0])
    rng = random.Random(seed)
    documents = [encoded(rng, document(rng)) for _ in range(number)]
    sent = b"".join(struct.pack("<I", len(data)) + data for data in documents)
    lines = subprocess.run([binary], input=sent, stdout=subprocess.PIPE, check=True).stdout.decode().split("\n")[:-1]
    assert len(lines) == number, (len(lines), number)
    wrong = taken = 0
    for data, line in zip(documents, lines):
        try:
            json.loads(data)
            expected = "yes"
            taken += 1
        except ValueError as error:
            expected = f"no: {error}"
        if line[:2] != expected[:2]:
            wrong += 1
            if wrong <= 10:
                print(f"{data!r}\n  Python {expected}\n  ours   {line}")
    print(f"{number - wrong} of {number} documents as Python's ({taken} taken by it)")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
