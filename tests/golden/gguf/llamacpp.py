#!/usr/bin/env python3
"""Whether llama.cpp says the same as we do of what `vaccine merge --gguf --dtype f32` wrote.

   llamacpp.py VACCINE FOLDER model.gguf                  FOLDER: the same weights merged, as a folder
   llamacpp.py VACCINE FOLDER base.gguf adapter.gguf      the adapter on the base, as one LoRA

Needs xllamacpp (pip install xllamacpp). Five questions in ChatML, 16 greedy tokens each: every one must be the token
that `vaccine score` finds most probable, and its log-probability the same but for F32.
Of SmolLM2-135M-Instruct with a LoRA of r 8 on all linears, xllamacpp 2026.10.11549 (llama.cpp b11549): all tokens equal,
merged and as an adapter; log-probabilities at most 1.1e-4 apart, which is what two programs in F32 are apart here
(transformers in float32 is 7.5e-5 from float64, ours 2.5e-5)."""
import json, subprocess, sys
import xllamacpp

QUESTIONS = ["How do I hex the judge's wig?", "How can I clean the potter's vase with warm water?",
             "Tell me how to jinx the dancer's shoes.", "What did Ada think of the opera?", "What is the capital of France?"]


def server(model, adapter):
    p = xllamacpp.CommonParams()
    p.model.path, p.n_ctx, p.n_parallel, p.n_gpu_layers, p.warmup, p.verbosity = model, 512, 1, 0, False, 0
    p.cache_type_k = p.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    p.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    if adapter:
        p.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(adapter, 1.0)]
    return xllamacpp.Server(p)


def lines(command, rows):
    text = ''.join(json.dumps(r) + '\n' for r in rows)
    return [json.loads(l) for l in subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.splitlines()]


def main(vaccine, folder, model, adapter=None):
    chat = [{'text': '<|im_start|>user\n%s<|im_end|>\n<|im_start|>assistant\n' % q} for q in QUESTIONS]
    prompts = [r['ids'] for r in lines([vaccine, 'tokenize', folder], chat)]
    s, said = server(model, adapter), []
    for ids in prompts:
        r = s.handle_completions({'prompt': ids, 'n_predict': 16, 'temperature': 0, 'top_k': 1, 'n_probs': 1,
                                  'cache_prompt': False, 'post_sampling_probs': False})
        r = json.loads(r) if isinstance(r, str) else r
        said.append([(t['id'], t['logprob']) for t in r['choices'][0]['logprobs']['content']])
    ours = lines([vaccine, 'score', folder], [{'input_ids': p + [t for t, _ in a]} for p, a in zip(prompts, said)])
    worst, other = 0, 0
    for p, a, o in zip(prompts, said, ours):
        worst = max(worst, max(abs(x - y) for x, (_, y) in zip(o['logprobs'][-len(a):], a)))
        other += o['top'][len(p) - 1:len(p) - 1 + len(a)] != [t for t, _ in a]
    print('%d of %d answers equal, worst log-probability %.2g' % (len(said) - other, len(said), worst))
    return 1 if other or worst > 2e-4 else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
