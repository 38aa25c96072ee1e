#!/usr/bin/env python3
"""config.py - records what Transformers makes of a tokenizer_config.json beside a small tokenizer.json.

Writes tokenizer.json and config.jsonl into this folder. Recorded with transformers 5.24.0, tokenizers 0.23.3."""
import json, os, shutil, tempfile
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

here = os.path.dirname(os.path.abspath(__file__))
vocab = ['<s>', '</s>'] + [chr(c) for c in range(33, 127)] + ['Ġ', 'Ċ', 'Ã', '©', 'bo', 'boa', 'boat', 'Ġboat']
merges = [('b', 'o'), ('bo', 'a'), ('boa', 't'), ('Ġ', 'boat')]
t = Tokenizer(models.BPE({x: i for i, x in enumerate(vocab)}, merges))
t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
t.post_processor = processors.ByteLevel(trim_offsets=False)
t.decoder = decoders.ByteLevel()
t.add_special_tokens(['<s>', '</s>'])
t.save(here + '/tokenizer.json', pretty=False)

def token(content, special=True, **k):
    return {**{'content': content, 'special': special, 'lstrip': False, 'rstrip': False, 'normalized': False, 'single_word': False}, **k}

names = {'bos_token': '<s>', 'eos_token': '</s>'}
configs = [{}, {'add_prefix_space': True}, {'added_tokens_decoder': {'600': token('<|x|>')}},
           {'added_tokens_decoder': {'0': token('<s>'), '1': token('</s>', lstrip=True)}},
           {'added_tokens_decoder': {'9': token('<|x|>', False, rstrip=True), '10': token('boat', False)}},
           {'mask_token': '<|x|>'}, {'pad_token': 'boat'}, {'eos_token': 'boat'}, {'extra_special_tokens': ['<|x|>']},
           {'additional_special_tokens': ['<|x|>', 'oa']}, {'image_token': '<|x|>'}, {'extra_special_tokens': {'image_token': '<|x|>'}},
           {'split_special_tokens': True}, {'pad_token': '<|x|>', 'mask_token': '<|y|>'}]
texts = ['a boat</s> <s>b', 'a <|x|> boat<|y|>', ' boat', 'xboatx\n\n</s>\u00e9']
with open(here + '/config.jsonl', 'w', encoding='utf-8') as out:
    for c in configs:
        with tempfile.TemporaryDirectory() as d:
            shutil.copy(here + '/tokenizer.json', d)
            json.dump({**names, **c}, open(d + '/tokenizer_config.json', 'w'))
            k = PreTrainedTokenizerFast.from_pretrained(d)
            for x in texts:
                out.write(json.dumps({'config': {**names, **c}, 'text': x, 'ids': k(x)['input_ids']}, ensure_ascii=False) + '\n')
