#!/usr/bin/env python3
"""Whether llama.cpp says the same as we do of what `vaccine merge --gguf --dtype f32` wrote, and who is how far from
the same weights in float64.

   llamacpp.py VACCINE FOLDER model.gguf                  FOLDER: the same weights merged, as a folder (--dtype f32)
   llamacpp.py VACCINE FOLDER base.gguf adapter.gguf      the adapter on the base, as one LoRA

Needs xllamacpp (pip install xllamacpp), torch and transformers. Five questions, 16 greedy tokens each, in ChatML where
the tokenizer knows it: every token must be the one that `vaccine score` finds most probable, and its log-probability the
same but for F32. llama.cpp keeps keys and values in F32 here, without its flash attention, which rounds to F16.
RECORDED"""
import json, subprocess, sys
import torch, transformers, xllamacpp

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
    return 1 if other or own > 1e-4 or apart > 2e-4 else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
