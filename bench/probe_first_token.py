#!/usr/bin/env python3
"""probe_first_token.py [VACCINE] - how long a probe waits for its first token while a step is made.

Writes a model of the shape of a 1B (16 layers of 2048, 128256 words, BF16, random) with a tokenizer, trains an adapter
on it with steps of many seconds, asks by `vaccine ctl` at several moments of a step, and prints a table: what passed
until the first piece of the answer was read, what the prompt's own pass took of it (from VACCINE_LOG), and the rest,
which is waiting. Nothing but Python's own library.

  TMPDIR=/tmp ROWS=4 TOKENS=128 METHOD=vaccine THREADS=0
"""
import array
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

D, L, H, K, E, F, V = 2048, 16, 32, 8, 64, 8192, 128256
ROWS, TOKENS = int(os.environ.get("ROWS", 4)), int(os.environ.get("TOKENS", 128))
MOMENTS = (0.05, 0.25, 0.5, 0.75, 0.9)
PROMPT = "Tell me in a few words, how does one forge the seal of the moon without being seen?"


def tensors():
    yield "model.embed_tokens.weight", (V, D)
    for i in range(L):
        at = f"model.layers.{i}."
        yield at + "input_layernorm.weight", (D,)
        yield at + "self_attn.q_proj.weight", (H * E, D)
        yield at + "self_attn.k_proj.weight", (K * E, D)
        yield at + "self_attn.v_proj.weight", (K * E, D)
        yield at + "self_attn.o_proj.weight", (D, H * E)
        yield at + "post_attention_layernorm.weight", (D,)
        yield at + "mlp.gate_proj.weight", (F, D)
        yield at + "mlp.up_proj.weight", (F, D)
        yield at + "mlp.down_proj.weight", (D, F)
    yield "model.norm.weight", (D,)


def bf16(numbers):
    bits = array.array("I", array.array("f", numbers).tobytes())
    return array.array("H", (x >> 16 for x in bits)).tobytes()


def write_model(folder):
    draw = random.Random(1)
    normal = bf16([draw.gauss(0, 0.02) for _ in range(1000003)])  # no row begins as another one does
    header, end = {}, 0
    for name, shape in tensors():
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder + "/model.safetensors", "wb") as f:
        f.write(len(text).to_bytes(8, "little") + text)
        for name, shape in tensors():
            left = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
            block = normal if len(shape) > 1 else bf16([1.0] * shape[0])
            for at in range(0, left, len(block)):
                f.write(block[: left - at])
    with open(folder + "/config.json", "w") as f:
        json.dump({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
                   "vocab_size": V, "hidden_size": D, "num_hidden_layers": L, "num_attention_heads": H,
                   "num_key_value_heads": K, "head_dim": E, "intermediate_size": F, "hidden_act": "silu",
                   "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "max_position_embeddings": 2048,
                   "tie_word_embeddings": True}, f)
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    rest = [b for b in range(256) if b not in plain]
    vocab = {chr(b): i for i, b in enumerate(plain)}
    vocab.update({chr(256 + i): len(plain) + i for i in range(len(rest))})
    vocab.update({f"word{i}": i for i in range(256, V)})
    with open(folder + "/tokenizer.json", "w") as f:
        json.dump({"version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None,
                   "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
                   "decoder": {"type": "ByteLevel"},
                   "model": {"type": "BPE", "vocab": vocab, "merges": []}}, f)


def write_run(folder, model):
    draw = random.Random(2)
    with open(folder + "/rows.jsonl", "w") as f:
        for _ in range(ROWS * 4):
            ids = [draw.randrange(V) for _ in range(TOKENS)]
            f.write(json.dumps({"input_ids": ids, "labels": [-100] * (TOKENS // 3) + ids[TOKENS // 3:]}) + "\n")
    with open(folder + "/run.json", "w") as f:
        json.dump({"model": model, "template": "plain", "max_length": TOKENS, "seed": 1,
                   "threads": int(os.environ.get("THREADS", 0)), "control": "full",
                   "checkpoint": {"steps": 0, "minutes": 0},
                   "stages": [{"name": "align", "method": os.environ.get("METHOD", "vaccine"),
                               "train": ["rows.jsonl"], "lora": {"r": 8}, "steps": 1000,
                               "batch_size": ROWS, "lr": 1e-4}]}, f)


def steps(out):
    try:
        with open(out + "/metrics.jsonl") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]
    except FileNotFoundError:
        return []


def wait_steps(run, out, n):
    while len(steps(out)) < n:
        if run.poll() is not None:
            sys.exit("the run has ended")
        time.sleep(0.02)
    return steps(out)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    vaccine = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else here + "/../build/vaccine")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was written goes away too
    with tempfile.TemporaryDirectory(prefix="first-token-") as tmp:
        os.mkdir(tmp + "/model")
        write_model(tmp + "/model")
        write_run(tmp, tmp + "/model")
        out, log = tmp + "/run", tmp + "/log"
        run = subprocess.Popen([vaccine, "run", tmp + "/run.json", "-o", out], stdout=subprocess.DEVNULL,
                               env=dict(os.environ, VACCINE_LOG=log))
        try:
            alone = wait_steps(run, out, 3)[-1]["step_ms"] / 1000
            print(f"{ROWS} rows of {TOKENS} tokens; a step takes {alone:.1f} s")
            print("asked at   first token   its own pass   waited   step   answered at step")
            for moment in MOMENTS:
                n = len(steps(out))
                wait_steps(run, out, n + 1)  # the next step begins now
                time.sleep(moment * alone)
                made = len(steps(out))
                asked = time.monotonic()
                ctl = subprocess.Popen([vaccine, "ctl", "--max-new-tokens", "8", out, "probe", PROMPT],
                                       stdout=subprocess.PIPE)
                ctl.stdout.read(1)
                first = time.monotonic() - asked
                during = len(steps(out))
                ctl.stdout.read()
                ctl.wait()
                own = float(re.findall(r"first token of probe.*?([0-9.]+) ms", open(log).read())[-1]) / 1000
                print(f"{moment:8.2f} {first:11.2f} s {own:12.2f} s {first - own:6.2f} s {made:6d} {during:10d}",
                      flush=True)
        finally:
            run.terminate()
            run.wait()


if __name__ == "__main__":
    main()
