/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HSS keys: the public key's 60 bytes, the private key's state, and making both.
 */
#include <string.h>

#include "base/memory.h"
#include "crypto/hss_internal.h"

#include "base/banned.h"

static KK_RV load_public(struct kk_span value, struct kk_key *key)
{
    struct kk_reader reader = kk_reader_new(value);
    KK_TRY(kk_alloc(sizeof *key->hss, &key->hss));
    kk_mutex_init(&key->hss->lock, KK_RANK_TREE);
    uint32_t levels = kk_reader_u32(&reader);
    uint32_t lms = kk_reader_u32(&reader);
    uint32_t lmots = kk_reader_u32(&reader);
    KK_ENSURE(!reader.failed && levels >= 1 && levels <= KK_HSS_LEVELS_MAX,
              CKR_ATTRIBUTE_VALUE_INVALID);
    /* Other hashes and lengths than SHA-256 with 32 bytes are kept as they came. */
    KK_ENSURE(kk_lms_set_find(lms, lmots, &key->hss->level[0].set), CKR_KEY_TYPE_INCONSISTENT);
    struct kk_span id = kk_reader_take(&reader, KK_LMS_ID);
    struct kk_span root = kk_reader_take(&reader, KK_LMS_N);
    KK_ENSURE(kk_reader_done(&reader), CKR_ATTRIBUTE_VALUE_INVALID);
    memcpy(key->hss->id, id.data, KK_LMS_ID);
    memcpy(key->hss->root, root.data, KK_LMS_N);
    key->hss->levels = levels;
    return CKR_OK;
}

static KK_RV hss_load(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                      struct kk_key *key)
{
    struct kk_hss_state state;
    key->bytes = KK_HSS_PUBLIC;
    key->bits = key->bytes * 8;
    if (!parts->is_private) {
        return load_public(kk_key_parts_get(parts, KK_PART_PUBLIC), key);
    }
    KK_TRY(kk_hss_state_parse(kk_key_parts_get(parts, KK_PART_VALUE), &state));
    return kk_hss_new(crypto, &state, &key->hss);
}

static KK_RV take_sets(const struct kk_key_parts *parts, struct kk_hss_state *state)
{
    KK_ENSURE(parts->hss_levels >= 1 && parts->hss_levels <= KK_HSS_LEVELS_MAX,
              CKR_ATTRIBUTE_VALUE_INVALID);
    state->levels = parts->hss_levels;
    for (unsigned i = 0; i < state->levels; i++) {
        bool is_one = kk_lms_set_find(parts->hss_lms[i], parts->hss_lmots[i], &state->sets[i]) &&
                      state->sets[i].height <= KK_HSS_HEIGHT_MADE;
        KK_ENSURE(is_one, CKR_PARAMETER_SET_NOT_SUPPORTED);
    }
    return CKR_OK;
}

static KK_RV give_public(const struct kk_hss *hss, struct kk_key_parts *parts)
{
    uint8_t value[KK_HSS_PUBLIC];
    const struct kk_lms_tree tree = kk_hss_tree(hss, 0);
    kk_store_u32(value, hss->levels);
    kk_lms_public(&tree, kk_hss_root(hss, 0), value + 4);
    return kk_key_parts_set(parts, KK_PART_PUBLIC, KK_SPAN_ARRAY(value));
}

static KK_RV compute_trees(struct kk_crypto *crypto, struct kk_hss *hss, struct kk_buffer *nodes)
{
    KK_CLEANUP(kk_lms_hash_clear) struct kk_lms_hash hash = {0};
    KK_TRY(kk_lms_hash_begin(crypto, &hash));
    KK_LOCK_SCOPE(&hss->lock);
    KK_TRY(kk_hss_go_to(hss, &hash, 0));
    return kk_hss_nodes(hss, nodes);
}

static KK_RV hss_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_SECRET_ARRAY(seed, KK_LMS_N);
    uint8_t id[KK_LMS_ID];
    struct kk_hss_state state = {.id = KK_SPAN_ARRAY(id), .seed = KK_SPAN_ARRAY(seed)};
    KK_CLEANUP(kk_hss_freep) struct kk_hss *hss = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer nodes = {0};
    struct kk_secret *value = NULL;
    KK_TRY(take_sets(parts, &state));
    KK_TRY(kk_crypto_random(crypto, id, sizeof id));
    KK_TRY(kk_crypto_random_secret(crypto, seed, sizeof seed));
    KK_TRY(kk_hss_new(crypto, &state, &hss));
    KK_TRY(compute_trees(crypto, hss, &nodes));
    KK_TRY(give_public(hss, parts));
    state.nodes = kk_buffer_span(&nodes);
    KK_TRY(kk_hss_state_make(&state, &value));
    kk_key_parts_give(parts, KK_PART_VALUE, value);
    parts->is_private = true;
    return CKR_OK;
}

const struct kk_key_family kk_key_family_hss = {
    .load = hss_load,
    .generate = hss_generate,
};
