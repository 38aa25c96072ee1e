#!/usr/bin/env python3
"""Prints the records of a TensorBoard event file as JSON lines; standard library only.

Both checksums of each record are checked, and every field of the protobuf must be one that is known here.
"""
import json
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def records(raw):
    at = 0
    while at < len(raw):
        size, crc = struct.unpack_from("<QI", raw, at)
        if crc != masked(raw[at:at + 8]):
            sys.exit(f"byte {at}: wrong checksum of the length")
        data = raw[at + 12:at + 12 + size]
        (crc,) = struct.unpack_from("<I", raw, at + 12 + size)
        if len(data) != size or crc != masked(data):
            sys.exit(f"byte {at}: wrong checksum of the data")
        yield data
        at += 16 + size


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift += 7
        at += 1
        if data[at - 1] < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            (value,) = struct.unpack_from("<d", data, at)
            at += 8
        elif kind == 2:
            size, at = varint(data, at)
            value = data[at:at + size]
            at += size
        elif kind == 5:
            (value,) = struct.unpack_from("<f", data, at)
            at += 4
        else:
            sys.exit(f"wire type {kind}")
        yield key >> 3, value


def event(data):
    out = {}
    for number, value in fields(data):
        if number == 1:
            out["wall"] = value
        elif number == 2:
            out["step"] = value
        elif number == 3:
            out["version"] = value.decode()
        elif number == 5:
            out["values"] = {}
            for _, item in fields(value):
                parts = dict(fields(item))
                out["values"][parts[1].decode()] = parts[2]
        else:
            sys.exit(f"field {number}")
    return out


with open(sys.argv[1], "rb") as file:
    for record in records(file.read()):
        print(json.dumps(event(record)))
