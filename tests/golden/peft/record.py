#!/usr/bin/env python3
"""record.py - adapters whose modules have ranks, weights and layers of their own, as PEFT writes and reads them.

Writes for each a folder here, and expected.json with the log-probabilities of IDS that the model of ../llama-gqa gives
with it, read back by PEFT. Recorded with peft 0.21.2, transformers 5.24.0, torch 2.15.0 (float32, CPU)."""
import json, os, shutil, tempfile, torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaForCausalLM

here = os.path.dirname(os.path.abspath(__file__)); base = tempfile.mkdtemp()
for f in ('config.json', 'model.safetensors'):  # its folder has an adapter, which Transformers would load
    shutil.copy(os.path.join(here, '..', 'llama-gqa', f), base)
IDS = [3, 14, 15, 92, 65, 35, 89, 79, 32, 38]
five = ['q_proj', 'k_proj', 'v_proj', 'up_proj', 'down_proj']
ranks = dict(r=2, lora_alpha=5, target_modules=five,
             rank_pattern={'k_proj': 1, 'layers.1.self_attn.q_proj': 3, '^model.layers.0.mlp.up_proj': 4, r'mlp\.down_proj$': 1},
             alpha_pattern={'v_proj': 9, 'model.layers.2.mlp.down_proj': 0.5, 'layers.1.self_attn.q_proj': 7})
adapters = {
    'ranks': ranks,
    'ranks-rslora': dict(ranks, use_rslora=True),
    'alphas': dict(r=2, lora_alpha=4, target_modules=['q_proj', 'v_proj'], alpha_pattern={'layers.0.self_attn.q_proj': 1}),
    'layers': dict(r=2, lora_alpha=4, target_modules=['q_proj', 'down_proj'], layers_to_transform=[0, 2], layers_pattern='layers'),
    'one-layer': dict(r=2, lora_alpha=4, target_modules=['q_proj', 'v_proj'], layers_to_transform=1),
    'names': dict(r=2, lora_alpha=4, target_modules=['layers.0.mlp.down_proj', 'model.layers.1.self_attn.v_proj', 'o_proj']),
    'exact': dict(r=2, lora_alpha=4, target_modules=['model.layers.1.self_attn.q_proj', 'v_proj'], layers_to_transform=[0]),
    'excluded': dict(r=2, lora_alpha=4, target_modules=['q_proj', 'v_proj'], exclude_modules=['layers.1.self_attn.v_proj']),
    'pattern': dict(r=2, lora_alpha=4, target_modules=r'.*layers\.[02]\.(self_attn\.[qv]_proj|mlp\.up_proj)'),
    'all-linear': dict(r=1, lora_alpha=3, target_modules='all-linear'),
}
expected = {'ids': IDS, 'logprobs': {}}

def model():
    return LlamaForCausalLM.from_pretrained(base, dtype=torch.float32).eval()

def logprobs(m):
    with torch.no_grad():
        x = torch.log_softmax(m(torch.tensor([IDS])).logits[0].double(), -1)
    return [float(x[i, IDS[i + 1]]) for i in range(len(IDS) - 1)]

expected['logprobs']['none'] = logprobs(model())
for name, config in adapters.items():
    torch.manual_seed(len(name))
    m = get_peft_model(model(), LoraConfig(task_type='CAUSAL_LM', **config))
    for k, p in m.named_parameters():
        if 'lora_' in k:
            p.data.normal_(0, 0.3)
    to = os.path.join(here, name); shutil.rmtree(to, ignore_errors=True); m.save_pretrained(to)
    os.remove(os.path.join(to, 'README.md'))
    c = json.load(open(to + '/adapter_config.json')); c['base_model_name_or_path'] = 'llama-gqa'
    if isinstance(c['target_modules'], list): c['target_modules'].sort()
    json.dump(c, open(to + '/adapter_config.json', 'w'), indent=1)
    expected['logprobs'][name] = logprobs(PeftModel.from_pretrained(model(), to).eval())
json.dump(expected, open(os.path.join(here, 'expected.json'), 'w'), indent=1)
