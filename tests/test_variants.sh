#!/bin/sh
# test_variants.sh - models whose config.json says other things than its golden folder's, or says nothing: as Hugging
# Face's library computes them (golden/variants.json, made by golden/variants.py), or refused by the key.
srcdir=${srcdir:-.}
. "$srcdir/tests/tap.sh"

if ! command -v python3 >/dev/null; then
    echo "1..0 # SKIP python3 is not here"
    exit 0
fi
check "every variant is computed as recorded, or refused by its key" \
    python3 - "$VACCINE" "$srcdir/tests/golden" "$tmp" <<'END'
import json, os, shutil, subprocess, sys
vaccine, golden, tmp = sys.argv[1:]
for i, c in enumerate(json.load(open(golden + "/variants.json"))):
    d = f"{tmp}/{i}"
    os.mkdir(d)
    shutil.copy(f"{golden}/{c['of']}/model.safetensors", d)
    config = json.load(open(f"{golden}/{c['of']}/config.json"))
    config.update(c["set"])
    json.dump({k: v for k, v in config.items() if k not in c["drop"]}, open(d + "/config.json", "w"))
    p = subprocess.run([vaccine, "score", d], input=json.dumps({"input_ids": c["ids"]}) + "\n",
                       capture_output=True, text=True)
    what = f"{c['of']} {c['set']} without {c['drop']}"
    if "refused" in c:
        if p.returncode == 0 or c["refused"] not in p.stderr or p.stderr.count("\n") != 1:
            print(f"{what}: exit {p.returncode}, {p.stderr}")
    elif p.returncode:
        print(f"{what}: {p.stderr}")
    else:
        worst = max(abs(a - b) for a, b in zip(json.loads(p.stdout)["logprobs"], c["logprobs"], strict=True))
        if not worst < 1e-4:
            print(f"{what}: off by {worst}")
END

echo "1..$count"
