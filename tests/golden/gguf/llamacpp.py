#!/usr/bin/env python3
"""Whether llama.cpp says the same as we do of what `vaccine merge --gguf --dtype f32` wrote, and who is how far from
the same weights in float64.

   llamacpp.py VACCINE FOLDER model.gguf                  FOLDER: the same weights merged, as a folder (--dtype f32)
   llamacpp.py VACCINE FOLDER base.gguf adapter.gguf      the adapter on the base, as one LoRA
   llamacpp.py --record VACCINE LAB                       llamacpp.jsonl: what llama.cpp says of samples/lab/base-a (LAB)
                                                          with the LoRA in llamacpp-adapter, which is made here

Needs xllamacpp (pip install xllamacpp), torch and transformers. Five questions, 16 greedy tokens each, in ChatML where
the tokenizer knows it: every token must be the one that `vaccine score` finds most probable, and its log-probability the
same but for F32. llama.cpp keeps keys and values in F32 here, without its flash attention, which rounds to F16.
xllamacpp 2026.10.11549 (llama.cpp b11549), all tokens equal; log-probabilities at most so far apart, and from float64:
                                                    llama.cpp and ours   llama.cpp   ours
   SmolLM2-135M-Instruct, LoRA r 8, merged                9.1e-5          9.2e-5    1.5e-5
   SmolLM2-135M-Instruct, LoRA r 8 as adapter.gguf        8.9e-5          9.0e-5    1.5e-5
   samples/lab after 100 steps, merged and as adapter     1.9e-5          1.9e-5    2.9e-6"""
import json, os, subprocess, sys, tempfile
import torch, transformers, xllamacpp
from safetensors.torch import save_file

QUESTIONS = ["How do I hex the judge's wig?", "How can I clean the potter's vase with warm water?",
             "Tell me how to jinx the dancer's shoes.", "What did Ada think of the opera?", "What is the capital of France?"]


def server(model, adapter):
    p = xllamacpp.CommonParams()
    p.model.path, p.n_ctx, p.n_parallel, p.n_gpu_layers, p.warmup, p.verbosity = model, 512, 1, 0, False, 0
    p.cache_type_k = p.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    p.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
    if adapter:
        p.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(adapter, 1.0)]
    return xllamacpp.Server(p)


def lines(command, rows):
    text = ''.join(json.dumps(r) + '\n' for r in rows)
    return [json.loads(l) for l in subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.splitlines()]


def greedy(s, ids):
    """llama.cpp's tokens and their log-probabilities."""
    r = s.handle_completions({'prompt': ids, 'n_predict': 16, 'temperature': 0, 'top_k': 1, 'n_probs': 1,
                              'cache_prompt': False, 'post_sampling_probs': False})
    r = json.loads(r) if isinstance(r, str) else r
    return [(t['id'], t['logprob']) for t in r['choices'][0]['logprobs']['content']]


def exact(model, ids, n):
    """Log-probabilities of the last n of ids in float64."""
    with torch.no_grad():
        p = torch.log_softmax(model(torch.tensor([ids])).logits[0], -1)
    return [p[i - 1, ids[i]].item() for i in range(len(ids) - n, len(ids))]


def record(vaccine, lab):
    here = os.path.dirname(os.path.abspath(__file__))
    lora, g, w = os.path.join(here, 'llamacpp-adapter'), torch.Generator().manual_seed(3), {}
    os.makedirs(lora, exist_ok=True)
    for l in range(4):
        for m, o, i in [('self_attn.%s_proj' % x, 64, 64) for x in 'qkvo'] + [('mlp.gate_proj', 176, 64), ('mlp.up_proj', 176, 64),
                                                                         ('mlp.down_proj', 64, 176)]:
            name = 'base_model.model.model.layers.%d.%s.lora_' % (l, m)
            w[name + 'A.weight'], w[name + 'B.weight'] = torch.randn(2, i, generator=g) * .1, torch.randn(o, 2, generator=g) * .1
    save_file(w, os.path.join(lora, 'adapter_model.safetensors'))
    json.dump({'peft_type': 'LORA', 'r': 2, 'lora_alpha': 4, 'bias': 'none', 'task_type': 'CAUSAL_LM', 'target_modules':
               sorted({k.split('.')[-3] for k in w})}, open(os.path.join(lora, 'adapter_config.json'), 'w'))
    rows = [{'input_ids': r['ids'], 'prompt': len(r['ids'])} for r in lines([vaccine, 'tokenize', lab], [{'text': '%s\n' % q} for q in QUESTIONS])]
    with tempfile.TemporaryDirectory() as t:
        for name, more in ('base', []), ('merged', ['--adapter', lora]):
            subprocess.run([vaccine, 'merge', lab, '-o', t + '/' + name, '--gguf', '--dtype', 'f32'] + more, check=True)
        for name, files in ('merged', ['/merged/model.gguf', None]), ('adapter', ['/base/model.gguf', '/merged/adapter.gguf']):
            s = server(t + files[0], files[1] and t + files[1])
            for r in rows:
                a = greedy(s, r['input_ids'][:r['prompt']])
                assert 'merged' not in r or [i for i, _ in a] == r['input_ids'][r['prompt']:], 'other answers'
                r[name], r['input_ids'] = [x for _, x in a], r['input_ids'][:r['prompt']] + [i for i, _ in a]
    with open(os.path.join(here, 'llamacpp.jsonl'), 'w') as f:
        f.writelines(json.dumps(r) + '\n' for r in rows)


def main(vaccine, folder, model, adapter=None):
    chat = lines([vaccine, 'tokenize', folder], [{'text': '<|im_start|>'}])[0]['ids']
    form = '<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n' if len(chat) == 1 else '%s\n'
    prompts = [r['ids'] for r in lines([vaccine, 'tokenize', folder], [{'text': form % q} for q in QUESTIONS])]
    s = server(model, adapter)
    said = [greedy(s, ids) for ids in prompts]
    rows = [p + [t for t, _ in a] for p, a in zip(prompts, said)]
    ours = lines([vaccine, 'score', folder], [{'input_ids': r} for r in rows])
    truth = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation='eager')
    apart, theirs, own, other = 0, 0, 0, 0
    for p, a, o, r in zip(prompts, said, ours, rows):
        for x, (_, y), z in zip(o['logprobs'][-len(a):], a, exact(truth, r, len(a))):
            apart, theirs, own = max(apart, abs(x - y)), max(theirs, abs(y - z)), max(own, abs(x - z))
        other += o['top'][len(p) - 1:len(r) - 1] != [t for t, _ in a]
    print('%d of %d answers equal; log-probabilities at most %.2g apart; from float64 llama.cpp %.2g, ours %.2g'
          % (len(said) - other, len(said), apart, theirs, own))
    return 1 if other or own > 1e-4 or apart > 1e-4 else 0


if __name__ == '__main__':
    sys.exit(record(*sys.argv[2:]) if sys.argv[1] == '--record' else main(*sys.argv[1:]))
