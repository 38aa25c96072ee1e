#!/usr/bin/env python3
"""Logits of a Llama, Qwen, Gemma or OPT folder for one text, in double precision and with nothing but loops.

    reference_forward.py DIR ID ID ...   prints [[logit, ...], ...], one row for each id

Written from the definitions of the architectures, to check a fast program from outside."""
import json, math, os, struct, sys


def tensors(path):
    raw = open(path, "rb").read()
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name == "__metadata__":
            continue
        assert t["dtype"] == "F32", "only F32 is read here"
        a, b = t["data_offsets"]
        x = struct.unpack(f"<{(b - a) // 4}f", raw[8 + n + a:8 + n + b])
        w = t["shape"][-1]
        out[name] = list(x) if len(t["shape"]) == 1 else [x[i:i + w] for i in range(0, len(x), w)]
    return out


def linear(x, name):
    b = W.get(name + ".bias")
    return [[sum(a * c for a, c in zip(r, w)) + (b[i] if b else 0) for i, w in enumerate(W[name + ".weight"])]
            for r in x]


def plus(x, y):
    return [[a + b for a, b in zip(r, s)] for r, s in zip(x, y)]


def rms_norm(x, name):
    w, eps = [plus_one + a for a in W[name + ".weight"]], C.get("rms_norm_eps", 1e-6)
    return [[a / math.sqrt(sum(c * c for c in r) / len(r) + eps) * b for a, b in zip(r, w)] for r in x]


def layer_norm(x, name):
    out = []
    for r in x:
        mean = sum(r) / len(r)
        sd = math.sqrt(sum((a - mean) ** 2 for a in r) / len(r) + 1e-5)
        out.append([(a - mean) / sd * w + b for a, w, b in zip(r, W[name + ".weight"], W[name + ".bias"])])
    return out


def frequencies(E, local):
    s = {} if local else C.get("rope_scaling") or {}
    kind, out = s.get("rope_type", s.get("type", "default")), []
    theta = C["rope_local_base_freq"] if local else C.get("rope_theta", 10000.0)
    for i in range(E // 2):
        f = theta ** (-2 * i / E)
        if kind == "linear":
            f /= s["factor"]
        if kind == "llama3":
            old = s["original_max_position_embeddings"]
            turns = old * f / (2 * math.pi)  # full turns within the context of old
            keep = (turns - s["low_freq_factor"]) / (s["high_freq_factor"] - s["low_freq_factor"])
            keep = min(1, max(0, keep))
            f = keep * f + (1 - keep) * f / s["factor"]
        out.append(f)
    return out


def rotate(x, t, f):
    h = len(f)
    c, s = [math.cos(t * a) for a in f], [math.sin(t * a) for a in f]
    return [x[i] * c[i] - x[i + h] * s[i] for i in range(h)] + [x[i + h] * c[i] + x[i] * s[i] for i in range(h)]


def cap(x, c):
    return c * math.tanh(x / c) if c else x


def slides(l):
    if not C.get("sliding_window") or not (gemma or C["model_type"] == "mistral"):
        return False
    return not gemma or (l + 1) % C.get("sliding_window_pattern", 2) != 0


def attention(x, prefix, out, H, K, E, rope, slide=False):
    heads = lambda y: [[r[i:i + E] for i in range(0, len(r), E)] for r in y]
    q, k, v = (heads(linear(x, f"{prefix}.{p}_proj")) for p in "qkv")
    if prefix + ".q_norm.weight" in W:  # Qwen3: every head is a row
        q, k = ([rms_norm(r, f"{prefix}.{n}_norm") for r in y] for n, y in (("q", q), ("k", k)))
    if rope:
        f = frequencies(E, slide and "rope_local_base_freq" in C)
        q, k = ([[rotate(h, t, f) for h in r] for t, r in enumerate(y)] for y in (q, k))
    mixed = []
    for t in range(len(x)):
        row = []
        for h in range(H):
            g = h * K // H
            seen = range(max(0, t + 1 - C["sliding_window"]) if slide else 0, t + 1)
            s = [sum(a * b for a, b in zip(q[t][h], k[u][g])) / math.sqrt(C.get("query_pre_attn_scalar", E))
                 for u in seen]
            s = [cap(a, C.get("attn_logit_softcapping")) for a in s]
            p = [math.exp(a - max(s)) for a in s]
            row += [sum(a * v[u][g][e] for a, u in zip(p, seen)) / sum(p) for e in range(E)]
        mixed.append(row)
    return linear(mixed, f"{prefix}.{out}")


def llama(ids):
    H = C["num_attention_heads"]
    E = C.get("head_dim") or C["hidden_size"] // H
    scale = math.sqrt(C["hidden_size"]) if gemma else 1
    silu = lambda a: a / (1 + math.exp(-a))
    gelu = lambda a: 0.5 * a * (1 + math.tanh(math.sqrt(2 / math.pi) * (a + 0.044715 * a ** 3)))
    after = rms_norm if gemma else lambda y, name: y
    x = [[a * scale for a in W["model.embed_tokens.weight"][i]] for i in ids]
    for l in range(C["num_hidden_layers"]):
        p = f"model.layers.{l}"
        y = attention(rms_norm(x, p + ".input_layernorm"), p + ".self_attn", "o_proj", H,
                      C.get("num_key_value_heads", H), E, True, slides(l))
        x = plus(x, after(y, p + ".post_attention_layernorm"))
        n = rms_norm(x, p + (".pre_feedforward_layernorm" if gemma else ".post_attention_layernorm"))
        g, u = linear(n, p + ".mlp.gate_proj"), linear(n, p + ".mlp.up_proj")
        y = linear([[(gelu if gemma else silu)(a) * b for a, b in zip(r, s)] for r, s in zip(g, u)],
                   p + ".mlp.down_proj")
        x = plus(x, after(y, p + ".post_feedforward_layernorm"))
    tied = C.get("tie_word_embeddings", gemma)
    y = linear(rms_norm(x, "model.norm"), "model.embed_tokens" if tied else "lm_head")
    return [[cap(a, C.get("final_logit_softcapping")) for a in r] for r in y]


def opt(ids):
    d, D, H = "model.decoder", C["hidden_size"], C["num_attention_heads"]
    pre, gelu = C.get("do_layer_norm_before", True), C.get("activation_function", "relu") == "gelu"
    act = (lambda a: a * 0.5 * (1 + math.erf(a / math.sqrt(2)))) if gelu else (lambda a: max(a, 0))
    x = [W[d + ".embed_tokens.weight"][i] for i in ids]
    if C.get("word_embed_proj_dim", D) != D:
        x = linear(x, d + ".project_in")
    x = plus(x, [W[d + ".embed_positions.weight"][t + 2] for t in range(len(ids))])
    for l in range(C["num_hidden_layers"]):
        p = f"{d}.layers.{l}"
        one, two = (lambda y, n=n: layer_norm(y, f"{p}.{n}") for n in ("self_attn_layer_norm", "final_layer_norm"))
        x = plus(x, attention(one(x) if pre else x, p + ".self_attn", "out_proj", H, H, D // H, False))
        x = x if pre else one(x)
        f = linear([[act(a) for a in r] for r in linear(two(x) if pre else x, p + ".fc1")], p + ".fc2")
        x = plus(x, f)
        x = x if pre else two(x)
    if pre and not C.get("_remove_final_layer_norm"):
        x = layer_norm(x, d + ".final_layer_norm")
    if C.get("word_embed_proj_dim", D) != D:
        x = linear(x, d + ".project_out")
    return linear(x, d + ".embed_tokens" if C.get("tie_word_embeddings", True) else "lm_head")


C = json.load(open(os.path.join(sys.argv[1], "config.json")))
gemma = C["model_type"].startswith("gemma")
plus_one = 1 if gemma else 0
W = tensors(os.path.join(sys.argv[1], "model.safetensors"))
print(json.dumps((opt if C["model_type"] == "opt" else llama)([int(i) for i in sys.argv[2:]])))
