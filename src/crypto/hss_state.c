/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a private HSS key as bytes, big-endian:
 *
 *   "HSS" u8 version 1, home 16, u64 next leaf, u8 levels, per level { u32 LMS type, u32 LM-OTS
 *   type }, id 16, seed 32, and nodes (hss_tree.c), which may be left out
 *
 * The object's record keeps it, encrypted and authenticated.
 */
#include "crypto/hss_internal.h"

#include <string.h>

#include "base/memory.h"

#include "base/banned.h"

#define MAGIC 0x48535301 /* "HSS", 1 */

/* The most leaves that are counted: no key lives to see them. */
#define LEAVES_MAX (UINT64_C(1) << 62)

static uint64_t leaves_of(const struct kk_hss_state *state)
{
    unsigned height = 0;
    for (unsigned i = 0; i < state->levels; i++) {
        height += state->sets[i].height;
    }
    return height < 62 ? UINT64_C(1) << height : LEAVES_MAX;
}

KK_RV kk_hss_state_parse(struct kk_span bytes, struct kk_hss_state *ret_state)
{
    struct kk_hss_state state = {0};
    struct kk_reader reader = kk_reader_new(bytes);
    KK_ENSURE(kk_reader_u32(&reader) == MAGIC, CKR_ATTRIBUTE_VALUE_INVALID);
    struct kk_span home = kk_reader_take(&reader, KK_HSS_HOME);
    state.facts.next = kk_reader_u64(&reader);
    state.levels = kk_reader_u8(&reader);
    KK_ENSURE(!reader.failed && state.levels >= 1 && state.levels <= KK_HSS_LEVELS_MAX,
              CKR_ATTRIBUTE_VALUE_INVALID);
    memcpy(state.facts.home, home.data, KK_HSS_HOME);
    for (unsigned i = 0; i < state.levels; i++) {
        uint32_t lms = kk_reader_u32(&reader);
        uint32_t lmots = kk_reader_u32(&reader);
        KK_ENSURE(kk_lms_set_find(lms, lmots, &state.sets[i]), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    state.id = kk_reader_take(&reader, KK_LMS_ID);
    state.seed = kk_reader_take(&reader, KK_LMS_N);
    state.nodes = reader.rest;
    uint64_t leaves = leaves_of(&state);
    KK_ENSURE(!reader.failed && state.facts.next <= leaves, CKR_ATTRIBUTE_VALUE_INVALID);
    state.facts.left = leaves - state.facts.next;
    *ret_state = state;
    return CKR_OK;
}

KK_RV kk_hss_state_make(const struct kk_hss_state *state, struct kk_secret **ret_state)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer bytes = {.wipe = true};
    kk_buffer_put_u32(&bytes, MAGIC);
    kk_buffer_put(&bytes, state->facts.home, KK_HSS_HOME);
    kk_buffer_put_u64(&bytes, state->facts.next);
    kk_buffer_put_u8(&bytes, (uint8_t)state->levels);
    for (unsigned i = 0; i < state->levels; i++) {
        kk_buffer_put_u32(&bytes, state->sets[i].lms);
        kk_buffer_put_u32(&bytes, state->sets[i].lmots);
    }
    kk_buffer_put_span(&bytes, state->id);
    kk_buffer_put_span(&bytes, state->seed);
    kk_buffer_put_span(&bytes, state->nodes);
    KK_TRY(kk_buffer_check(&bytes));
    return kk_secret_from(kk_buffer_span(&bytes), ret_state);
}

KK_RV kk_hss_state_read(struct kk_span bytes, struct kk_hss_facts *ret_facts)
{
    struct kk_hss_state state;
    KK_TRY(kk_hss_state_parse(bytes, &state));
    *ret_facts = state.facts;
    return CKR_OK;
}

KK_RV kk_hss_state_settle(struct kk_span bytes, const uint8_t home[KK_HSS_HOME],
                          struct kk_secret **ret_state)
{
    struct kk_hss_state state;
    KK_TRY(kk_hss_state_parse(bytes, &state));
    memcpy(state.facts.home, home, KK_HSS_HOME);
    return kk_hss_state_make(&state, ret_state);
}

KK_RV kk_hss_state_take(struct kk_span bytes, struct kk_span nodes, uint64_t *ret_leaf,
                        struct kk_secret **ret_state)
{
    struct kk_hss_state state;
    KK_TRY(kk_hss_state_parse(bytes, &state));
    KK_ENSURE(state.facts.left > 0, CKR_KEY_EXHAUSTED);
    uint64_t leaf = state.facts.next++;
    state.nodes = nodes;
    KK_TRY(kk_hss_state_make(&state, ret_state));
    *ret_leaf = leaf;
    return CKR_OK;
}
