#!/usr/bin/env python3
"""normalized.py - records how added tokens that match normalized text are found, and decoded: as their normalized text.

Writes normalized.jsonl into this folder. Recorded with tokenizers 0.23.3."""
import json, os
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

here = os.path.dirname(os.path.abspath(__file__))
spm = decoders.Sequence([decoders.Replace('▁', ' '), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(' ', 1, 0)])
forms = [(normalizers.Lowercase(), None, decoders.Fuse()), (normalizers.Prepend('▁'), None, spm),
         (normalizers.Sequence([normalizers.Prepend('▁'), normalizers.Replace(' ', '▁')]), None, spm),
         (None, pre_tokenizers.Metaspace(), decoders.Metaspace())]
texts = ['MASK mask Mask', 'a <|N|> b', 'MASK', 'a<|P|>b<|S|> MASK', ' <|N|><|N|> xMASKx E']
with open(here + '/normalized.jsonl', 'w', encoding='utf-8') as out:
    for norm, pre, decoder in forms:
        vocab = [chr(c) for c in range(32, 127)] + ['▁']
        t = Tokenizer(models.BPE({x: i for i, x in enumerate(vocab)}, []))
        t.decoder = decoder
        if norm: t.normalizer = norm
        if pre: t.pre_tokenizer = pre
        t.add_special_tokens([AddedToken('<|P|>', normalized=False), AddedToken('<|S|>', normalized=True)])
        t.add_tokens([AddedToken('<|N|>', normalized=True), AddedToken('MASK', normalized=True, single_word=True), AddedToken('E', normalized=True)])
        t = Tokenizer.from_str(t.to_str())
        for x in texts:
            ids = t.encode(x, add_special_tokens=False).ids
            out.write(json.dumps({'tokenizer': json.loads(t.to_str()), 'text': x, 'ids': ids, 'decoded': t.decode(ids, skip_special_tokens=False)}, ensure_ascii=False) + '\n')
