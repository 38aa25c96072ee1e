#!/usr/bin/env python3
"""Answers of a chat model by transformers' generate, as fast as it makes them here.

PROMPTS has lines {"ids": [...]}, what the program itself gives the model. They are answered greedily in batches of
--batch in their order, padded on the left; only generate() is timed, not reading the model.
Prints one JSON object; with --out the answers' texts, one JSON string a line."""
import argparse
import json
import os
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("prompts")
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--new", type=int, default=48, help="most tokens of an answer")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--out")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)  # read when torch is loaded
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import transformers  # noqa: E402

torch.set_num_threads(args.threads)
transformers.logging.set_verbosity_error()
ids = [json.loads(line)["ids"] for line in open(args.prompts, encoding="utf-8")]
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=os.path.join(args.model, "tokenizer.json"))
model = transformers.AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).eval()
eos = model.config.eos_token_id
stops = set(eos if isinstance(eos, list) else [eos])
pad = next(iter(stops))


def answer(rows):
    width = max(map(len, rows))
    batch = torch.tensor([[pad] * (width - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    made = model.generate(batch, attention_mask=mask, max_new_tokens=args.new, do_sample=False, pad_token_id=pad)
    out = []
    for row in made[:, width:].tolist():
        end = next((i for i, id in enumerate(row) if id in stops), len(row))
        out.append(row[:end])
    return out


with torch.inference_mode():
    answer(ids[:2])  # the first one pays for what is made once
    start, used, answers = time.perf_counter(), time.process_time(), []
    for i in range(0, len(ids), args.batch):
        answers += answer(ids[i:i + args.batch])
    seconds, used = time.perf_counter() - start, time.process_time() - used
if args.out:
    with open(args.out, "w", encoding="utf-8") as f:
        for row in answers:
            f.write(json.dumps(tokenizer.decode(row, skip_special_tokens=True).strip()) + "\n")
print(json.dumps({"seconds": round(seconds, 3), "processor": round(used, 3),
                  "tokens": sum(map(len, answers)), "torch": torch.__version__,
                  "transformers": transformers.__version__}))
