#!/usr/bin/env python3
"""The training step of `vaccine bench` in PyTorch, as fast as PyTorch does it here.

A random Llama with LoRA of rank 8 on all linear modules, or OPT with all weights trained; a step is
forward, backward, clipping to 1.0 and AdamW. Vaccine (arXiv 2402.01109): the first pass asks only for
the gradient of each attention's output, the second one runs with those, scaled to length rho, added.
It does as little work as our own step: the head only on labelled rows and in chunks, whose gradient is
made in the same sweep; no weight gradients in the first pass; norms, rotation and the gate as single
functions with gradients by hand (with --compile in plain words, for the compiler to fuse).
Prints one JSON object."""
import argparse
import json
import math
import os
import resource
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--shape", choices=["tiny", "small", "smollm", "opt"], default="tiny")
parser.add_argument("--method", choices=["sft", "vaccine"], default="sft")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--steps", type=int, default=10)
parser.add_argument("--warmup", type=int, default=2)
parser.add_argument("--sdpa", action="store_true", help="PyTorch's own attention")
parser.add_argument("--compile", action="store_true", help="torch.compile of each half block")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)  # read when torch is loaded

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

torch.set_num_threads(args.threads)
RANK, SCALE, EPS, RHO, CHUNK = 8, 0.5, 1e-5, 2.0, 256
SHAPES = {  # width, blocks, heads, key heads, MLP width, vocabulary, batch, tokens
    "tiny": (128, 4, 4, 4, 344, 512, 10, 64),
    "small": (288, 6, 6, 6, 768, 32000, 5, 200),
    "smollm": (576, 30, 9, 3, 1536, 49152, 5, 200),
    "opt": (768, 12, 12, 12, 3072, 50272, 4, 64),
}
D, L, H, K, FF, V, B, T = SHAPES[args.shape]
E = D // H
OPT = args.shape == "opt"
BY_HAND = not args.compile
draw = torch.Generator().manual_seed(1)


def normal(*size, sd=0.02):
    return torch.randn(*size, generator=draw) * sd


# --- parameters: weight[name], and lora[name] = (A, B) where it is frozen

weight, lora = {}, {}


def module(name, out, width):
    weight[name] = normal(out, width)
    if OPT:
        weight[name + ".bias"] = torch.zeros(out)
    else:
        lora[name] = (normal(RANK, width, sd=1 / math.sqrt(3 * width)), normal(out, RANK))


weight["embed"] = normal(V, D)
weight["head"] = weight["embed"] if args.shape != "tiny" else normal(V, D)
if OPT:
    weight["position"] = normal(T, D)
for i in range(L):
    module(f"{i}.q", D, D)
    module(f"{i}.k", K * E, D)
    module(f"{i}.v", K * E, D)
    module(f"{i}.o", D, D)
    if not OPT:
        module(f"{i}.gate", FF, D)
    module(f"{i}.up", FF, D)
    module(f"{i}.down", D, FF)
for name in ["end"] + [f"{i}.{n}" for i in range(L) for n in ("before", "middle")]:
    weight[name] = torch.ones(D)
    if OPT:
        weight[name + ".bias"] = torch.zeros(D)
if OPT:
    trained = [w for n, w in weight.items() if n != "head"]
else:
    trained = [w for pair in lora.values() for w in pair]
for w in trained:
    w.requires_grad_(True)
optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.1, foreach=True)

ids = torch.randint(0, V, (B, T), generator=draw)
labelled = (torch.arange(B)[:, None] * T + torch.arange(T - 1)).reshape(-1)
target = ids[:, 1:].reshape(-1)
turn = torch.outer(torch.arange(T).double(), 10000 ** (-torch.arange(0, E, 2).double() / E))
COS, SIN = turn.cos().float()[:, None], turn.sin().float()[:, None]
MASK = torch.full((1, T, T), torch.finfo(torch.float32).min).triu(1).expand(B * H, T, T)


# --- functions with their gradients by hand


class RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        r = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(D).add_(EPS).rsqrt_()
        ctx.save_for_backward(x, w, r)
        return (x * r).mul_(w)

    @staticmethod
    def backward(ctx, dy):
        x, w, r = ctx.saved_tensors
        g = dy * w
        along = (g * x).sum(-1, keepdim=True).mul_(r.pow(3)).div_(-D)
        return g.mul_(r).addcmul_(x, along), None


class Rotate(torch.autograd.Function):
    @staticmethod
    def turned(x, sin):
        out, half = torch.empty_like(x), E // 2
        a, b = x[..., :half], x[..., half:]
        torch.mul(a, COS, out=out[..., :half])
        out[..., :half].addcmul_(b, sin, value=-1)
        torch.mul(b, COS, out=out[..., half:])
        out[..., half:].addcmul_(a, sin)
        return out

    @staticmethod
    def forward(ctx, x):
        return Rotate.turned(x, SIN)

    @staticmethod
    def backward(ctx, dy):
        return Rotate.turned(dy.contiguous(), -SIN)


class Gate(torch.autograd.Function):
    @staticmethod
    def forward(ctx, gate, up):
        s = F.silu(gate)
        ctx.save_for_backward(gate, up, s)
        return s * up

    @staticmethod
    def backward(ctx, dy):
        gate, up, s = ctx.saved_tensors
        return torch.ops.aten.silu_backward(dy * up, gate), dy * s


class HeadLoss(torch.autograd.Function):
    """The mean loss of the labelled rows; N x V numbers never exist at once."""

    @staticmethod
    def forward(ctx, h, w, want):
        n, loss = len(want), 0.0
        dh = torch.empty_like(h)
        dw = torch.zeros_like(w) if w.requires_grad else None
        for i in range(0, n, CHUNK):
            t, part = want[i : i + CHUNK], h[i : i + CHUNK]
            p = torch.softmax(part @ w.t(), -1)
            row = torch.arange(len(t))
            loss -= p[row, t].log().double().sum().item()
            p[row, t] -= 1
            if dw is not None:
                dw.addmm_(p.t(), part)
            torch.mm(p, w, out=dh[i : i + CHUNK])
        ctx.dh, ctx.dw = dh.div_(n), None if dw is None else dw.div_(n)
        return torch.tensor(loss / n)

    @staticmethod
    def backward(ctx, d):
        dh, dw = ctx.dh, ctx.dw
        ctx.dh = ctx.dw = None
        return dh, dw, None


# --- the model


def linear(x, name):
    y = F.linear(x, weight[name], weight.get(name + ".bias"))
    if name not in lora:
        return y
    a, b = lora[name]
    return torch.addmm(y, F.linear(x, a), b.t(), alpha=SCALE)


def norm(x, name):
    if OPT:
        return F.layer_norm(x, (D,), weight[name], weight[name + ".bias"], EPS)
    if BY_HAND:
        return RmsNorm.apply(x, weight[name])
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS) * weight[name]


def rotate(x):
    if BY_HAND:
        return Rotate.apply(x)
    half = E // 2
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * COS - b * SIN, b * COS + a * SIN), -1)


def attention(x, i):
    x = norm(x, f"{i}.before")
    q, k, v = (linear(x, f"{i}.{n}").view(B, T, -1, E) for n in "qkv")
    if not OPT:
        q, k = rotate(q), rotate(k)
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    if K != H:
        k, v = (t[:, :, None].expand(B, K, H // K, T, E).reshape(B, H, T, E) for t in (k, v))
    if args.sdpa:
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    else:
        q, k, v = (t.reshape(B * H, T, E) for t in (q, k, v))
        p = torch.softmax(torch.baddbmm(MASK, q, k.transpose(1, 2), alpha=1 / math.sqrt(E)), -1)
        y = torch.bmm(p, v).view(B, H, T, E)
    return linear(y.transpose(1, 2).reshape(B * T, D), f"{i}.o")


def mlp(x, i):
    y = norm(x, f"{i}.middle")
    up = linear(y, f"{i}.up")
    if OPT:
        y = F.relu(up)
    else:
        gate = linear(y, f"{i}.gate")
        y = Gate.apply(gate, up) if BY_HAND else F.silu(gate) * up
    return x + linear(y, f"{i}.down")


if args.compile:
    torch._dynamo.config.cache_size_limit = 4 * L
    attention = torch.compile(attention, dynamic=False)
    mlp = torch.compile(mlp, dynamic=False)


def loss_of(taps=None, shift=None):
    x = F.embedding(ids, weight["embed"])
    if OPT:
        x = x + weight["position"]
    x = x.reshape(B * T, D)
    for i in range(L):
        y = attention(x, i)
        if taps is not None:
            taps.append(y)
        if shift is not None:
            y = y + shift[i]
        x = mlp(x + y, i)
    return HeadLoss.apply(norm(x.index_select(0, labelled), "end"), weight["head"], target)


def step():
    optimizer.zero_grad(set_to_none=True)
    shift = None
    if args.method == "vaccine":
        taps = []
        shift = list(torch.autograd.grad(loss_of(taps), taps))
        length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in shift]))
        torch._foreach_mul_(shift, float(RHO / (length + 1e-7)))
    loss = loss_of(shift=shift)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    return loss.item()


first = [step() for _ in range(max(1, args.warmup))][0]
times = []
for _ in range(args.steps):
    start = time.perf_counter()
    last = step()
    times.append((time.perf_counter() - start) * 1e3)
times.sort()
print(json.dumps({
    "torch": torch.__version__, "shape": args.shape, "method": args.method, "threads": args.threads,
    "ms_median": round(times[len(times) // 2], 3), "ms_min": round(times[0], 3),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "loss": [first, last],
}))
