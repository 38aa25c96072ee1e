/* config.c - config.json: the keys that all architectures share, and the refusal of unknown ones. */
#include "model/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/kind.h"
#include "model/config_gguf.h"
#include "token/tok_gguf.h"
#include "base/name.h"
#include "weights/st_foreign.h"
#include "model/arch.h"

/* Keys that every architecture reads. */
static const char *const common_keys[] = {"architectures",
                                          "model_type",
                                          "vocab_size",
                                          "tie_word_embeddings",
                                          "bos_token_id",
                                          "eos_token_id",
                                          "pad_token_id",
                                          "torch_dtype",
                                          "dtype",
                                          "id2label",
                                          "label2id",
                                          "num_labels",
                                          "problem_type",
                                          "quantization_config",
                                          "sliding_window",
                                          "use_sliding_window",
                                          "is_encoder_decoder",
                                          "add_cross_attention",
                                          "layer_types",
                                          "mlp_layer_types",
                                          NULL};

/* Keys that do not change what a forward pass of one text without padding computes: initialisation,
 * defaults of text generation, ways to compute the same, bookkeeping; those of Transformers 4 and 5 and of
 * the tools around them. Whatever ends like one of harmless_ends is such a key too. */
static const char *const harmless_keys[] = {
    "_name_or_path", "name_or_path", "_commit_hash", "_from_model_config", "transformers_version",
    "transformers.js_config", "use_cache", "initializer_range", "init_std", "pretraining_tp",
    "layerdrop", "return_dict", "output_hidden_states", "output_attentions", "output_router_logits",
    "torchscript", "use_bfloat16", "tf_legacy_loss", "loss_type", "ignore_index", "label_smoothing",
    "is_decoder", "pruned_heads", "tie_encoder_decoder", "tie_last_hidden_states",
    "chunk_size_feed_forward", "cross_attention_hidden_size", "num_key_value_groups",
    "keys_to_ignore_at_inference",
    /* generation */
    "max_length", "min_length", "max_new_tokens", "min_new_tokens", "max_time", "do_sample",
    "early_stopping", "num_beams", "num_beam_groups", "diversity_penalty", "temperature", "top_k",
    "top_p", "top_h", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "penalty_alpha",
    "guidance_scale", "repetition_penalty", "encoder_repetition_penalty", "length_penalty",
    "no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "bad_words_ids", "force_words_ids",
    "num_return_sequences", "output_scores", "output_logits", "return_dict_in_generate",
    "remove_invalid_values", "renormalize_logits", "exponential_decay_length_penalty",
    "suppress_tokens", "begin_suppress_tokens", "sequence_bias", "stop_strings", "token_healing",
    "watermarking_config", "cache_implementation", "cache_config", "max_cache_len", "low_memory",
    "dola_layers", "num_assistant_tokens", "num_assistant_tokens_schedule",
    "assistant_confidence_threshold", "assistant_lookbehind", "target_lookbehind",
    "prompt_lookup_num_tokens", "compile_config", "disable_compile",
    /* the tokenizer and its prompts */
    "tokenizer_class", "prefix", "task_specific_params", "finetuning_task", "bos_token",
    "eos_token", "pad_token", "unk_token", "add_bos_token", "add_eos_token", "chat_template",
    "max_sequence_length", "model_max_length", "max_seq_len", "max_seq_length", "seq_length",
    "tokenizer_model_max_length", "tokenizer_padding_side", "original_max_position_embeddings",
    "max_window_layers",
    /* ways to compute the same */
    "_flash_attn_2_enabled", "use_flash_attn", "use_flash_attention", "use_flash_attention_2",
    "use_memory_efficient_attention", "attn_implementation", "_attn_implementation",
    "_attn_implementation_autoset", "_attn_implementation_internal", "experts_implementation",
    "_experts_implementation_internal", "gradient_checkpointing", "neftune_noise_alpha",
    /* who made it, and with what */
    "auto_map", "is_llama_config", "unsloth_version", "unsloth_fixed", "base_model_name_or_path",
    "_pre_quantization_dtype", NULL};
static const char *const harmless_ends[] = {"_token_id", "_token_index", "dropout",
                                            "_pdrop",    "dropout_prob", NULL};

/* Keys of other models that are without effect at one value, and would be missed at any other. */
static const struct {
    const char *key;
    double value; /* true is 1 */
} neutral_keys[] = {{"is_causal", 1},
                    {"use_rope", 1},
                    {"use_rotary", 1},
                    {"scale_attn_weights", 1},
                    {"logit_scale", 1},
                    {"logits_scaling", 1},
                    {"embedding_multiplier", 1},
                    {"residual_multiplier", 1},
                    {"num_experts", 0},
                    {"num_local_experts", 0},
                    {"num_nextn_predict_layers", 0}};

static bool ends_like(const char *const *list, const char *key)
{
    for (; *list; list++) {
        size_t n = strlen(key), k = strlen(*list);
        if (n >= k && !strcmp(key + n - k, *list))
            return true;
    }
    return false;
}

/* Nothing, off, or empty: a field that is not used. */
static bool without_effect(const cJSON *x)
{
    for (size_t i = 0; i < sizeof neutral_keys / sizeof *neutral_keys; i++) {
        if (!strcmp(neutral_keys[i].key, x->string))
            return cJSON_IsBool(x) ? cJSON_IsTrue(x) == (neutral_keys[i].value != 0)
                                   : cJSON_IsNumber(x) && x->valuedouble == neutral_keys[i].value;
    }
    return cJSON_IsFalse(x) || ((cJSON_IsObject(x) || cJSON_IsArray(x)) && !x->child) ||
           (cJSON_IsString(x) && !*x->valuestring);
}

static int keys_known(const struct arch *arch, const struct jnode *root, struct vac_err *err)
{
    for (const cJSON *x = root->v->child; x; x = x->next) {
        struct jnode n = {.v = x, .up = root, .file = root->file, .key = x->string};
        bool read = name_listed(common_keys, x->string) || name_listed(arch->keys, x->string);
        if (read && cJSON_GetObjectItemCaseSensitive(root->v, x->string) != x)
            return json_error(&n, err, "stands here twice");
        if (read || cJSON_IsNull(x) || name_listed(harmless_keys, x->string) ||
            ends_like(harmless_ends, x->string) || without_effect(x))
            continue;
        return json_error(&n, err,
                          "is a field that %s models here do not implement (remove it only if "
                          "it does not change the forward pass)",
                          arch->name);
    }
    return 0;
}

int config_size(const struct jnode *root, const char *key, size_t limit, size_t *out,
                struct vac_err *err)
{
    int64_t x = (int64_t)*out;

    if (*out ? json_opt_int(root, key, 1, (int64_t)limit, &x, err)
             : json_int(root, key, 1, (int64_t)limit, &x, err))
        return -1;
    *out = (size_t)x;
    return 0;
}

int config_must_be(const struct jnode *root, const char *key, bool want, struct vac_err *err)
{
    bool x = want;

    if (json_opt_bool(root, key, &x, err))
        return -1;
    if (x != want) {
        struct jnode n = {.up = root, .file = root->file, .key = key};
        return json_error(&n, err, "%s is not implemented; only %s is", x ? "true" : "false",
                          want ? "true" : "false");
    }
    return 0;
}

int config_must_be_one(const struct jnode *root, const char *key, double want, struct vac_err *err)
{
    double x = want;

    if (json_opt_num(root, key, &x, err))
        return -1;
    if (x != want) {
        struct jnode n = {.up = root, .file = root->file, .key = key};
        return json_error(&n, err, "%g is not implemented; only %g is", x, want);
    }
    return 0;
}

static int rope_positive(const struct jnode *at, const char *key, double *out, struct vac_err *err)
{
    if (json_num(at, key, out, err))
        return -1;
    if (!(*out > 0) || !isfinite(*out)) {
        struct jnode n = {.up = at, .file = at->file, .key = key};
        return json_error(&n, err, "expected a positive number, found %g", *out);
    }
    return 0;
}

static int rope_one(const struct jnode *at, struct rope_config *r, struct vac_err *err)
{
    static const char *const known[] = {"rope_type",        "type",
                                        "factor",           "low_freq_factor",
                                        "high_freq_factor", "original_max_position_embeddings",
                                        "rope_theta",       "partial_rotary_factor",
                                        "attention_factor", NULL};
    const char *type = NULL;

    if (json_opt_num(at, "rope_theta", &r->theta, err) ||
        json_opt_str(at, "rope_type", &type, err) ||
        (!type && json_opt_str(at, "type", &type, err)))
        return -1;
    for (const cJSON *x = at->v->child; x; x = x->next) {
        struct jnode n = {.v = x, .up = at, .file = at->file, .key = x->string};
        if (!cJSON_IsNull(x) && !name_listed(known, x->string)) /* null: not given, as everywhere */
            return json_error(&n, err, "is not implemented in %s", at->key);
        if (cJSON_GetObjectItemCaseSensitive(at->v, x->string) != x)
            return json_error(&n, err, "stands here twice");
    }
    if (config_must_be_one(at, "partial_rotary_factor", 1, err) ||
        config_must_be_one(at, "attention_factor", 1, err))
        return -1;
    if (!type || !strcmp(type, "default"))
        return 0;
    if (!strcmp(type, "linear")) {
        r->kind = ROPE_LINEAR;
        return rope_positive(at, "factor", &r->factor, err);
    }
    if (strcmp(type, "llama3"))
        return json_error(
            at, err, "rope type \"%s\" is not implemented; default, linear and llama3 are", type);
    r->kind = ROPE_LLAMA3;
    if (rope_positive(at, "factor", &r->factor, err) ||
        rope_positive(at, "low_freq_factor", &r->low_freq_factor, err) ||
        rope_positive(at, "high_freq_factor", &r->high_freq_factor, err) ||
        rope_positive(at, "original_max_position_embeddings", &r->original_max, err))
        return -1;
    if (r->high_freq_factor <= r->low_freq_factor)
        return json_error(at, err, "high_freq_factor must be greater than low_freq_factor");
    return 0;
}

int config_rope(const struct jnode *root, struct rope_config *r, struct rope_config *sliding,
                struct vac_err *err)
{
    struct jnode at, one;

    *r = (struct rope_config){
        .kind = ROPE_DEFAULT, .theta = r->theta > 0 ? r->theta : 10000, .factor = 1};
    if (json_opt_num(root, "rope_theta", &r->theta, err))
        return -1;
    if (sliding) {
        *sliding = (struct rope_config){.kind = ROPE_DEFAULT,
                                        .theta = sliding->theta > 0 ? sliding->theta : r->theta,
                                        .factor = 1};
        if (json_opt_num(root, "rope_local_base_freq", &sliding->theta, err))
            return -1;
    }
    for (int i = 0; i < 2; i++) {
        int rc = json_opt(root, i ? "rope_parameters" : "rope_scaling", JSON_OBJECT, &at, err);
        if (rc < 0)
            return -1;
        if (rc)
            continue;
        /* rope_scaling may be one for all; rope_parameters has one for each kind where there are two */
        if (!sliding || (!i && !cJSON_GetObjectItemCaseSensitive(at.v, "full_attention"))) {
            if (rope_one(&at, r, err))
                return -1;
            continue;
        }
        for (const cJSON *x = at.v->child; x; x = x->next) {
            bool full = !strcmp(x->string, "full_attention");
            one = (struct jnode){.v = x, .up = &at, .file = at.file, .key = x->string};
            if (!full && strcmp(x->string, "sliding_attention"))
                return json_error(&one, err, "expected full_attention and sliding_attention");
            if (json_get(&at, x->string, JSON_OBJECT, &one, err) ||
                rope_one(&one, full ? r : sliding, err))
                return -1;
        }
    }
    if (!(r->theta > 0) || !isfinite(r->theta))
        return json_error(root, err, "rope_theta must be a positive number, found %g", r->theta);
    if (sliding && (!(sliding->theta > 0) || !isfinite(sliding->theta)))
        return json_error(root, err, "rope_local_base_freq must be a positive number, found %g",
                          sliding->theta);
    return 0;
}

static int read_token(const struct jnode *root, const char *key, size_t V, int32_t *out,
                      struct vac_err *err)
{
    int64_t id = -1;

    /* -1 is how some tools write "none" */
    if (json_opt_int(root, key, -1, (int64_t)V - 1, &id, err))
        return -1;
    *out = (int32_t)id;
    return 0;
}

static int read_eos(struct config *c, const struct jnode *root, struct vac_err *err)
{
    struct jnode at, one;
    int rc = json_opt(root, "eos_token_id", JSON_ANY, &at, err);

    if (rc)
        return rc < 0 ? -1 : 0;
    if (!cJSON_IsArray(at.v)) {
        int32_t id;
        if (read_token(root, "eos_token_id", c->V, &id, err))
            return -1;
        if (id >= 0)
            c->eos[c->n_eos++] = id;
        return 0;
    }
    if (json_count(&at) > GEN_MAX_EOS)
        return json_error(&at, err, "expected at most %d ids", GEN_MAX_EOS);
    for (size_t i = 0; i < json_count(&at); i++) {
        if (json_item(&at, i, JSON_NUMBER, &one, err))
            return -1;
        double x = one.v->valuedouble;
        if (x < 0 || x >= (double)c->V || x != floor(x))
            return json_error(&one, err, "expected an id from 0 to %zu, found %g", c->V - 1, x);
        c->eos[c->n_eos++] = (int32_t)x;
    }
    return 0;
}

static int read_dtype(struct config *c, const struct jnode *root, struct vac_err *err)
{
    static const char *const names[] = {"float32", "bfloat16", "float16"};
    const char *t = NULL;

    if (json_opt_str(root, "torch_dtype", &t, err) || json_opt_str(root, "dtype", &t, err))
        return -1;
    for (int i = 0; t && i < 3; i++) {
        if (!strcmp(t, names[i])) {
            c->dtype = (enum dtype)i;
            return 0;
        }
    }
    if (t)
        return json_error(root, err,
                          "torch_dtype \"%s\" is not implemented; float32, bfloat16 and "
                          "float16 are",
                          t);
    return 0;
}

static int read_labels(struct config *c, const struct jnode *root, struct vac_err *err)
{
    struct jnode map;
    int64_t n = 2;
    int rc = json_opt(root, "id2label", JSON_OBJECT, &map, err);

    if (rc < 0 || json_opt_int(root, "num_labels", 1, CONFIG_MAX_LABELS, &n, err))
        return -1;
    c->n_labels = rc == 0 ? json_count(&map) : (size_t)n;
    if (c->n_labels == 0 || c->n_labels > CONFIG_MAX_LABELS)
        return json_error(root, err, "id2label must have 1 to %d labels", CONFIG_MAX_LABELS);
    for (size_t i = 0; i < c->n_labels; i++) {
        const char *name = NULL;
        char key[24];

        snprintf(key, sizeof key, "%zu", i);
        if (rc == 0 && json_str(&map, key, &name, err))
            return -1;
        snprintf(c->label[i], sizeof c->label[i], "%s%s", name ? "" : "LABEL_", name ? name : key);
    }
    return 0;
}

/* A name from a list of what each layer is: 0 for the first of two, 1 for the second, -1 and err. */
static int layer_type(const struct jnode *list, size_t l, const char *first, const char *second,
                      struct vac_err *err)
{
    struct jnode one;

    if (json_item(list, l, JSON_STRING, &one, err))
        return -1;
    if (!strcmp(one.v->valuestring, first) || !strcmp(one.v->valuestring, "attention"))
        return 0;
    if (second && !strcmp(one.v->valuestring, second))
        return 1;
    return json_error(&one, err, "\"%s\" is not implemented; only %s%s%s", one.v->valuestring,
                      first, second ? " and " : " is", second ? second : "");
}

int config_window(struct config *c, const struct jnode *root, size_t from, size_t full_every,
                  struct vac_err *err)
{
    bool uses = true, any = false;
    bool said = cJSON_GetObjectItemCaseSensitive(root->v, "sliding_window") != NULL;
    int64_t window = said ? 0 : (int64_t)c->window;
    struct jnode list;
    int listed_types;

    if (json_opt_bool(root, "use_sliding_window", &uses, err) ||
        json_opt_int(root, "sliding_window", 0, INT32_MAX, &window, err))
        return -1;
    listed_types = json_opt(root, "layer_types", JSON_ARRAY, &list, err);
    if (listed_types < 0)
        return -1;
    if (listed_types == 0 && json_count(&list) != c->L)
        return json_error(&list, err, "has %zu entries for %zu layers", json_count(&list), c->L);
    for (size_t l = 0; l < c->L; l++) {
        int type =
            listed_types == 0
                ? layer_type(&list, l, "full_attention", "sliding_attention", err)
                : uses && window > 0 && l >= from && !(full_every && (l + 1) % full_every == 0);
        if (type < 0)
            return -1;
        c->slides[l] = type;
        any |= type;
    }
    if (any && (window == 0 || !uses))
        return json_error(&list, err, "has layers that slide, and %s",
                          uses ? "sliding_window is not given" : "use_sliding_window is false");
    c->window = any ? (size_t)window : 0;
    return 0;
}

int config_window_above(struct config *c, const struct jnode *root, struct vac_err *err)
{
    bool uses = false;
    int64_t from = 28; /* what Transformers takes when the key is not there */

    if (json_opt_bool(root, "use_sliding_window", &uses, err) ||
        json_opt_int(root, "max_window_layers", 0, INT32_MAX, &from, err))
        return -1;
    return config_window(c, root, uses ? (size_t)from : SIZE_MAX, 0, err);
}

/* Of an architecture that knows no window: one that no text here can outgrow is none. */
static int refuse_window(const struct config *c, const struct jnode *root, struct vac_err *err)
{
    bool uses = true;
    int64_t window = 0;
    struct jnode at = {.up = root, .file = root->file, .key = "sliding_window"}, list;
    int rc;

    if (!c->window) {
        if (json_opt_bool(root, "use_sliding_window", &uses, err) ||
            json_opt_int(root, "sliding_window", 0, INT32_MAX, &window, err))
            return -1;
        if (uses && window > 0 && (size_t)window < c->max_pos &&
            !name_listed(c->arch->keys, "sliding_window"))
            return json_error(&at, err,
                              "sliding-window attention is not implemented in %s models "
                              "(max_position_embeddings is %zu, the window %lld)",
                              c->arch->name, c->max_pos, (long long)window);
    }
    rc = name_listed(c->arch->keys, "sliding_window")
             ? 1
             : json_opt(root, "layer_types", JSON_ARRAY, &list, err);
    for (size_t l = 0; rc == 0 && l < json_count(&list); l++) {
        if (layer_type(&list, l, "full_attention", NULL, err))
            return -1;
    }
    if (rc < 0 || (rc = json_opt(root, "mlp_layer_types", JSON_ARRAY, &list, err)) < 0)
        return -1;
    for (size_t l = 0; rc == 0 && l < json_count(&list); l++) {
        if (layer_type(&list, l, "dense", NULL, err))
            return -1;
    }
    return 0;
}

/* What no architecture here implements, with the name that the user will look for. */
static int refuse_foreign(const struct jnode *root, struct vac_err *err)
{
    struct jnode at;

    if (json_opt(root, "quantization_config", JSON_ANY, &at, err) == 0)
        return json_error(&at, err,
                          "quantised weights are not implemented: use the F32, BF16 or F16 model");
    if (config_must_be(root, "is_encoder_decoder", false, err) ||
        config_must_be(root, "add_cross_attention", false, err))
        return -1;
    return 0;
}

static const struct arch *find_arch(const struct jnode *root, const char *type, struct vac_err *err)
{
    struct strbuf have = {0};

    for (size_t i = 0; arch_at(i); i++) {
        if (name_listed(arch_at(i)->model_types, type)) {
            sb_done(&have);
            return arch_at(i);
        }
        for (const char *const *t = arch_at(i)->model_types; *t; t++)
            sb_printf(&have, "%s%s", have.len ? ", " : "", *t);
    }
    json_error(root, err, "model_type \"%s\" is not supported; supported are %s", type,
               have.s ? have.s : "none");
    sb_done(&have);
    return NULL;
}

static int check_class(struct config *c, const struct jnode *root, struct vac_err *err)
{
    struct jnode list, one;
    int rc = json_opt(root, "architectures", JSON_ARRAY, &list, err);

    if (rc || json_count(&list) == 0)
        return rc < 0 ? -1 : 0;
    if (json_item(&list, 0, JSON_STRING, &one, err))
        return -1;
    if (!name_listed(c->arch->classes, one.v->valuestring))
        return json_error(&one, err, "\"%s\" is not supported; %s is", one.v->valuestring,
                          c->arch->classes[0]);
    if (strstr(one.v->valuestring, "ForSequenceClassification"))
        return read_labels(c, root, err);
    return 0;
}

int config_from(struct config *c, const struct jnode *root, struct vac_err *err)
{
    const char *type;

    *c = (struct config){.bos = -1, .pad = -1, .init_range = 0.02};
    if (json_str(root, "model_type", &type, err))
        return -1;
    snprintf(c->model_type, sizeof c->model_type, "%s", type);
    c->arch = find_arch(root, type, err);
    if (!c->arch || check_class(c, root, err) || refuse_foreign(root, err) ||
        keys_known(c->arch, root, err))
        return -1;
    if (config_size(root, "vocab_size", INT32_MAX, &c->V, err) ||
        read_token(root, "bos_token_id", c->V, &c->bos, err) ||
        read_token(root, "pad_token_id", c->V, &c->pad, err) || read_eos(c, root, err) ||
        read_dtype(c, root, err) ||
        json_opt_num(root,
                     root->v && cJSON_GetObjectItemCaseSensitive(root->v, "init_std")
                         ? "init_std"
                         : "initializer_range",
                     &c->init_range, err) ||
        c->arch->read(c, root, err) || refuse_window(c, root, err))
        return -1;
    c->text = json_text(root->v, true, err);
    return c->text ? 0 : -1;
}

/* A folder without config.json: always -1. */
static int refuse_folder(const char *dir, struct vac_err *err)
{
    if (!dir_exists(dir) || st_refuse_folder(dir, "config.json", err))
        return dir_exists(dir) ? -1 : 0;
    return err_set(err, VAC_ERR_IO,
                   "%s: holds no config.json: a model is a folder with config.json, tokenizer.json "
                   "and weights",
                   dir);
}

/* The file is one thing: where its tokenizer would give wrong ids, it is no model either. */
static cJSON *gguf_config(const char *path, struct vac_err *err)
{
    struct gguf g;
    struct strbuf text = {0}, tokenizer = {0}, roles = {0};
    cJSON *doc = NULL;

    if (gguf_open(&g, path, err))
        return NULL;
    if (!config_gguf_text(&g, &text, err) && !tok_gguf_texts(&g, &tokenizer, &roles, err))
        doc = json_parse(text.s, text.len, path, err);
    sb_done(&text);
    sb_done(&tokenizer);
    sb_done(&roles);
    gguf_close(&g);
    return doc;
}

int config_read(struct config *c, const char *dir, struct vac_err *err)
{
    char *path = gguf_is(dir) ? NULL : path_join(dir, "config.json", err);
    int there = path ? kind_file_there(path, err) : -1;
    bool read = there > 0 || (there == 0 && !refuse_folder(dir, err));
    cJSON *doc = read ? json_read(path, 16 << 20, err) : NULL;
    int rc = -1;

    if (gguf_is(dir))
        doc = gguf_config(dir, err);
    if (doc) {
        struct jnode root = json_root(doc, path ? path : dir);
        if (!cJSON_IsObject(doc))
            json_error(&root, err, "expected an object");
        else
            rc = config_from(c, &root, err);
    }
    if (rc)
        config_done(c);
    cJSON_Delete(doc);
    free(path);
    return rc;
}

void config_done(struct config *c)
{
    free(c->text);
    c->text = NULL;
}
