#!/usr/bin/env python3
"""Records what Hugging Face's library computes when keys of a golden model's config.json are others or missing.

    variants.py > variants.json        needs torch and transformers (recorded with 5.24)

Each case: the folder, what is set (null too) and what is left out, ids, and the log-probabilities of ids[1..] in
float64; or "refused" with the key that must be named, where the library fails or the model is not ours."""
import json, os, shutil, tempfile
import torch
from transformers import AutoModelForCausalLM

HERE = os.path.dirname(os.path.abspath(__file__))
IDS = [1, 7, 33, 2, 61, 15, 15, 40, 8, 22, 71, 5, 64, 3, 19, 50, 11, 27, 4, 66]
LINEAR = {"rope_type": "linear", "factor": 4.0}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}
CASES = [  # of, set, left out, refused
    ("gemma3", {"attn_logit_softcapping": 0.5}, [], None),
    ("gemma3", {"final_logit_softcapping": 0.5}, [], None),
    ("gemma3", {}, ["sliding_window"], None),
    ("gemma3", {"sliding_window_pattern": 2}, ["sliding_window", "layer_types"], None),
    ("gemma3", {"_sliding_window_pattern": 2}, ["layer_types"], None),
    ("gemma3", {"rope_parameters": {"rope_type": "default", "rope_theta": 300.0}}, [], "rope_parameters"),
    ("gemma3", {"sliding_window": None}, [], "sliding_window"),
    ("gemma3", {"rope_theta": 2e6, "rope_local_base_freq": 500.0, "rope_scaling": LINEAR}, ["rope_parameters"], None),
    ("gemma2", {"attn_logit_softcapping": 0.5, "final_logit_softcapping": None}, [], None),
    ("gemma2", {"sliding_window": None}, ["layer_types"], "sliding_window"),
    ("gemma2", {}, ["sliding_window", "layer_types"], None),
    ("gemma2", {}, ["query_pre_attn_scalar", "attn_logit_softcapping", "final_logit_softcapping"], None),
    ("mistral", {}, ["sliding_window"], None),
    ("mistral", {"sliding_window": None}, [], None),
    ("qwen2", {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1}, ["layer_types"], None),
    ("qwen3", {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 0}, ["layer_types"], None),
    ("qwen3", {"use_sliding_window": False, "sliding_window": 3, "max_window_layers": 0}, ["layer_types"], None),
    ("qwen2", {"use_sliding_window": False, "sliding_window": 3, "layer_types": ["sliding_attention"] * 3}, [], "layer_types"),
    ("llama-gqa", {"rope_theta": 300.0, "rope_scaling": {"type": "linear", "factor": 2.0}}, ["rope_parameters"], None),
    ("llama-gqa", {"rope_parameters": dict(LLAMA3, rope_theta=700.0)}, ["rope_theta", "rope_scaling"], None),
    ("llama-gqa", {"rope_scaling": {"type": "yarn", "factor": 2.0}}, ["rope_parameters"], "rope_scaling"),
    ("llama-gqa", {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, ["rope_parameters"], "rope_scaling"),
]


def record(of, change, dropped):
    with tempfile.TemporaryDirectory() as d:
        config = json.load(open(f"{HERE}/{of}/config.json"))
        config.update(change)
        json.dump({k: v for k, v in config.items() if k not in dropped}, open(d + "/config.json", "w"))
        shutil.copy(f"{HERE}/{of}/model.safetensors", d)
        m = AutoModelForCausalLM.from_pretrained(d, dtype=torch.float64, attn_implementation="eager").eval()
        with torch.no_grad():
            p = torch.log_softmax(m(torch.tensor([IDS])).logits[0], -1)
        return [round(float(p[i, y]), 9) for i, y in enumerate(IDS[1:])]


out = []
for of, change, dropped, refused in CASES:
    case = {"of": of, "set": change, "drop": dropped, "ids": IDS}
    case.update({"refused": refused} if refused else {"logprobs": record(of, change, dropped)})
    out.append(case)
print("[" + ",\n ".join(json.dumps(c) for c in out) + "]")
