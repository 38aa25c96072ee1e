#!/usr/bin/env python3
"""Dumps a safetensors file as JSON: {"metadata", "tensors": {name: {dtype, shape, begin, values}}}.

Standard library only, so that a writer can be checked from outside. Exits 1 naming the first broken
rule of the format. Numbers that JSON cannot hold become "nan", "inf" and "-inf"."""
import json, math, struct, sys

SIZE = {"BOOL": "?", "U8": "B", "I8": "b", "U16": "H", "I16": "h", "F16": "e", "BF16": "H", "U32": "I",
        "I32": "i", "F32": "f", "U64": "Q", "I64": "q", "F64": "d"}


def check(true, what):
    if not true:
        sys.exit(f"{sys.argv[1]}: {what}")


def unique(pairs):
    check(len(dict(pairs)) == len(pairs), "a key stands twice")
    return dict(pairs)


def number(dtype, x):
    x = struct.unpack("<f", struct.pack("<I", x << 16))[0] if dtype == "BF16" else x
    return x if not isinstance(x, float) or math.isfinite(x) else str(x)


raw = open(sys.argv[1], "rb").read()
n = struct.unpack("<Q", raw[:8])[0]
check(n % 8 == 0 and raw[8:9] == b"{", "the header is not aligned or does not begin with {")
head = json.loads(raw[8:8 + n].decode("utf-8"), object_pairs_hook=unique)
meta, data, at, out = head.pop("__metadata__", {}), raw[8 + n:], 0, {}
check(all(isinstance(v, str) for v in meta.values()), "metadata must be strings")
for name, t in sorted(head.items(), key=lambda kv: kv[1]["data_offsets"]):
    (begin, end), code, count = t["data_offsets"], SIZE[t["dtype"]], math.prod(t["shape"])
    check(begin == at and end - begin == count * struct.calcsize(code), f"{name}: hole or wrong size")
    check(begin % struct.calcsize(code) == 0 and end <= len(data), f"{name}: not aligned or cut short")
    values = [number(t["dtype"], x) for x in struct.unpack(f"<{count}{code}", data[begin:end])]
    out[name], at = {"dtype": t["dtype"], "shape": t["shape"], "begin": begin, "values": values}, end
check(at == len(data), "data behind the last tensor")
print(json.dumps({"metadata": meta, "tensors": out}))
