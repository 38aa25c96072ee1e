#!/usr/bin/env python3
"""Prints the rows of a CSV file as JSON lines: numbers as numbers, empty cells left out."""
import csv
import json
import sys


def value(text):
    try:
        return float(text)
    except ValueError:
        return text


with open(sys.argv[1], newline="", encoding="utf-8") as file:
    rows = csv.DictReader(file, strict=True)
    for row in rows:
        if None in row or None in row.values():
            sys.exit(f"line {rows.line_num}: not as many cells as the header")
        print(json.dumps({key: value(text) for key, text in row.items() if text != ""}))
