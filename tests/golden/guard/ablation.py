#!/usr/bin/env python3
"""ablation.py - what taking a direction out of the weights that write to the residual stream does to the logits.

The direction is that of direction.json's two lists of prompts behind block 1 of the model alone. It is taken out of
the weights themselves, in float64: o_proj and down_proj W - u (u^T W), the token embedding E - (E u) u^T; the head is
another matrix here and stays. Adapter a is merged first. Recorded (ablation.json): u, and every seventh logit at the
last place of each probe, before and after. With torch and transformers; equal to an earlier recording in F32 to 2e-5."""
import json, os, tempfile, shutil, torch
from safetensors.torch import load_file
from transformers import LlamaForCausalLM

here = os.path.dirname(os.path.abspath(__file__)); base = tempfile.mkdtemp()
for f in ('config.json', 'model.safetensors'):
    shutil.copy(os.path.join(here, f), base)
prompts = json.load(open(os.path.join(here, 'direction.json')))

def model(adapter=None):
    m = LlamaForCausalLM.from_pretrained(base, dtype=torch.float64).eval()
    if adapter:
        c = json.load(open(os.path.join(here, adapter, 'adapter_config.json')))
        w = load_file(os.path.join(here, adapter, 'adapter_model.safetensors'))
        params = dict(m.named_parameters())
        for k in w:
            if k.endswith('lora_A.weight'):
                name = k[len('base_model.model.'):-len('.lora_A.weight')] + '.weight'
                b = w[k.replace('lora_A', 'lora_B')].double()
                params[name].data += c['lora_alpha'] / c['r'] * b @ w[k].double()
    return m

def states(m, ids):
    with torch.no_grad():
        out = m(torch.tensor([ids]), output_hidden_states=True)
    return out

def behind(m, ids, l):
    kept = []
    hook = m.model.layers[l].register_forward_hook(lambda _m, _i, o: kept.append(o[0] if isinstance(o, tuple) else o))
    states(m, ids); hook.remove()
    return kept[0].reshape(-1, kept[0].shape[-1])[-1]

def ablate(m, u):
    for layer in m.model.layers:
        for w in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
            w.data -= torch.outer(u, u @ w.data)
    e = m.model.embed_tokens.weight
    e.data -= torch.outer(e.data @ u, u)

def logits(m):
    return [[round(float(x), 7) for x in states(m, p).logits[0, -1, ::7]] for p in prompts['probes']]

m = model()
d = sum(behind(m, p, 1) for p in prompts['first']) / len(prompts['first']) - \
    sum(behind(m, p, 1) for p in prompts['second']) / len(prompts['second'])
assert abs(float(d.norm()) - prompts['direction_norm']['base'][1]) < 1e-4, d.norm()
u = d / d.norm()
out = {'unit': [float(x) for x in u], 'before': {}, 'after': {}}
for name, adapter in (('base', None), ('a', 'adapter-a')):
    m = model(adapter)
    out['before'][name] = logits(m)
    ablate(m, u)
    out['after'][name] = logits(m)
json.dump(out, open(os.path.join(here, 'ablation.json'), 'w'))
