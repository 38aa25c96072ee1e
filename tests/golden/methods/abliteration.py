#!/usr/bin/env python3
"""abliteration.py - what a step of abliteration finds on the batches here, in float64 with numpy alone.

Each step takes six rows of align (harmless) and six of harmful, in order; row 3 of the latter is held out of the
means. Where src/defense/abliteration.c projects activations, this takes the direction out of the weights: of o_proj
and down_proj with the adapter merged (W - u u^T W), and of the token embedding. Recorded: the layer whose direction
gives the lowest mean loss of the answer that is held out, among those below 0.8 L; that loss, and that before."""
import json, math, os
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
read = lambda f: json.load(open(os.path.join(here, f)))

def tensors(name):
    raw = open(os.path.join(here, name), 'rb').read()
    n = int.from_bytes(raw[:8], 'little')
    head = json.loads(raw[8:8 + n]); head.pop('__metadata__', None)
    return {k: np.frombuffer(raw[8 + n + t['data_offsets'][0]:8 + n + t['data_offsets'][1]], '<f4')
            .astype(float).reshape(t['shape']) for k, t in head.items()}

C, A = read('config.json'), read('adapter_config.json')
W, low = tensors('model.safetensors'), tensors('adapter_model.safetensors')
for k in low:
    if k.endswith('lora_A.weight'):
        W[k[17:-14] + '.weight'] = W[k[17:-14] + '.weight'] + A['lora_alpha'] / A['r'] * \
            low[k.replace('lora_A', 'lora_B')] @ low[k]
L, H, K, E = C['num_hidden_layers'], C['num_attention_heads'], C['num_key_value_heads'], C['head_dim']

def norm(x, w):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + C['rms_norm_eps']) * w

def forward(w, ids):
    """What leaves each block, and the logits."""
    T = len(ids); x = w['model.embed_tokens.weight'][ids]; kept = []
    angle = np.outer(np.arange(T), C['rope_parameters']['rope_theta'] ** (-2 * np.arange(E // 2) / E))
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    def rope(y):
        a, b = y[..., :E // 2], y[..., E // 2:]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)
    for l in range(L):
        p = f'model.layers.{l}.'
        g = lambda y, name: y @ w[p + name + '.weight'].T
        n = norm(x, w[p + 'input_layernorm.weight'])
        q, k = rope(g(n, 'self_attn.q_proj').reshape(T, H, E)), rope(g(n, 'self_attn.k_proj').reshape(T, K, E))
        v = g(n, 'self_attn.v_proj').reshape(T, K, E)
        y = np.zeros((T, H, E))
        for h in range(H):
            s = q[:, h] @ k[:, h * K // H].T / math.sqrt(E)
            s[np.triu_indices(T, 1)] = -np.inf
            s = np.exp(s - s.max(-1, keepdims=True))
            y[:, h] = s / s.sum(-1, keepdims=True) @ v[:, h * K // H]
        x = x + g(y.reshape(T, H * E), 'self_attn.o_proj')
        n = norm(x, w[p + 'post_attention_layernorm.weight'])
        a = g(n, 'mlp.gate_proj')
        x = x + g(a / (1 + np.exp(-a)) * g(n, 'mlp.up_proj'), 'mlp.down_proj')
        kept.append(x)
    return kept, norm(x, w['model.norm.weight']) @ w['lm_head.weight'].T

def without(u):
    w = dict(W)
    for k in W:
        if k.endswith(('o_proj.weight', 'down_proj.weight')):
            w[k] = W[k] - np.outer(u, u @ W[k])
    e = W['model.embed_tokens.weight']
    w['model.embed_tokens.weight'] = e - np.outer(e @ u, u)
    return w

def first(row):
    return next(i for i, x in enumerate(row['labels']) if x >= 0)

def loss(w, rows):
    total, n = 0.0, 0
    for r in rows:
        z = forward(w, r['ids'])[1]
        z = z - z.max(-1, keepdims=True)
        z = z - np.log(np.exp(z).sum(-1, keepdims=True))
        for i, label in enumerate(r['labels']):
            if label >= 0:
                total -= z[i - 1, label]; n += 1
    return total / n

def mean(rows):
    return np.mean([[h[first(r) - 1] for h in forward(W, r['ids'])[0]] for r in rows], 0)

batches = read('batches.json')
flat = {k: [r for b in batches[k] for r in b] for k in ('align', 'harmful')}
steps = []
for i in range(4):
    kind, harm = flat['align'][6 * i:6 * i + 6], flat['harmful'][6 * i:6 * i + 6]
    out = [harm[3]]
    d = mean([r for j, r in enumerate(harm) if j != 3]) - mean(kind)
    of = [loss(without(d[l] / np.linalg.norm(d[l])), out) for l in range(L) if l < 0.8 * L]
    steps.append({'layer': int(np.argmin(of)), 'loss': min(of), 'loss_clean': loss(W, out), 'grad_norm': 0,
                  'of_layers': of})
json.dump({'steps': steps}, open(os.path.join(here, 'abliteration.json'), 'w'), indent=1)
