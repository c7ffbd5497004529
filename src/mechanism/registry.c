/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry of one engine: of all families' rows those that the library can compute and that
 * slots.mechanisms allows, sorted by type for lists and hashed for the hot path.
 */
#include "mechanism/mechanism.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "cryptoki/names.h"
#include "mechanism/families.h"
#include "mechanism/offer.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* clang-format off */
static const struct kk_mechanism_family *const families[] = {
    &kk_family_digest,
    &kk_family_hmac,
    &kk_family_aes,
    &kk_family_secret,
    &kk_family_rsa,
    &kk_family_ec,
    &kk_family_stream,
    &kk_family_des,
    &kk_family_derive,
    &kk_family_cipher,
    &kk_family_dsa,
    &kk_family_dh,
    &kk_family_pq,
    &kk_family_tls,
    &kk_family_hss,
    &kk_family_otp,
    &kk_family_null,
};
/* clang-format on */

struct kk_registry {
    const struct kk_mechanism **rows; /* by rising type */
    size_t count;
    struct kk_mechanism *narrowed;     /* what the rows are when a policy is in force */
    const struct kk_mechanism **table; /* open addressing; NULL is free */
    unsigned int shift;                /* 64 minus the bits of the table's size */
};

/* slots.mechanisms, read. */
struct allowed {
    bool all;
    bool listed_are_out; /* "-A, B" */
    CK_MECHANISM_TYPE *listed;
    size_t count;
};

static void allowed_clear(struct allowed *allowed)
{
    kk_free(allowed->listed);
}

static struct kk_span trim(struct kk_span text)
{
    while (text.len > 0 && isspace(text.data[0])) {
        text = KK_SPAN(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && isspace(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

static struct kk_span next_item(struct kk_span *rest)
{
    const uint8_t *comma = rest->len == 0 ? NULL : memchr(rest->data, ',', rest->len);
    size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->data);
    struct kk_span item = KK_SPAN(rest->data, len);
    size_t skip = comma == NULL ? len : len + 1;
    *rest = KK_SPAN(rest->data + skip, rest->len - skip);
    return trim(item);
}

static void add_name(struct allowed *allowed, struct kk_span item)
{
    char name[64];
    if (item.len == 0) {
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)KK_MIN(item.len, sizeof name - 1),
             (const char *)item.data);
    if (item.len >= sizeof name ||
        !kk_names_lookup(KK_NAMES_CKM, name, &allowed->listed[allowed->count])) {
        kk_log_warning("slots.mechanisms: %s is no mechanism's name and is left out", name);
        return;
    }
    allowed->count++;
}

static KK_RV allowed_parse(const char *text, struct allowed *ret_allowed)
{
    struct kk_span rest = trim(text == NULL ? KK_SPAN(NULL, 0) : KK_SPAN(text, strlen(text)));
    struct allowed allowed = {0};
    bool negative = rest.len > 0 && rest.data[0] == '-';
    if (negative) {
        rest = trim(KK_SPAN(rest.data + 1, rest.len - 1));
    }
    /* SoftHSM: "-ALL" takes nothing away. */
    if (rest.len == 0 || kk_span_equal(rest, KK_SPAN_TEXT("ALL"))) {
        ret_allowed->all = true;
        return CKR_OK;
    }
    size_t most = 1;
    for (size_t i = 0; i < rest.len; i++) {
        most += rest.data[i] == ',';
    }
    KK_TRY(kk_alloc_array(most, sizeof *allowed.listed, &allowed.listed));
    allowed.listed_are_out = negative;
    while (rest.len > 0) {
        add_name(&allowed, next_item(&rest));
    }
    *ret_allowed = allowed;
    return CKR_OK;
}

static bool is_allowed(const struct allowed *allowed, CK_MECHANISM_TYPE type)
{
    if (allowed->all) {
        return true;
    }
    for (size_t i = 0; i < allowed->count; i++) {
        if (allowed->listed[i] == type) {
            return !allowed->listed_are_out;
        }
    }
    return allowed->listed_are_out;
}

/* A cipher's key sizes come together or not at all: one is tried. */
static bool is_available(const struct kk_crypto *crypto, const struct kk_mechanism *mechanism)
{
    char name[KK_ALGORITHM_NAME];
    if (mechanism->needs == KK_ALGORITHM_NONE) {
        return true;
    }
    kk_mechanism_algorithm(mechanism, 128, name);
    return kk_crypto_has(crypto, mechanism->needs, name);
}

static int compare_types(const void *a, const void *b)
{
    const struct kk_mechanism *left = *(const struct kk_mechanism *const *)a;
    const struct kk_mechanism *right = *(const struct kk_mechanism *const *)b;
    return (left->type > right->type) - (left->type < right->type);
}

const struct kk_mechanism *kk_registry_any(size_t i)
{
    for (size_t j = 0; j < KK_ARRAY_LEN(families); j++) {
        if (i < families[j]->count) {
            return &families[j]->rows[i];
        }
        i -= families[j]->count;
    }
    return NULL;
}

const struct kk_mechanism *kk_registry_row(CK_MECHANISM_TYPE type)
{
    size_t i = 0;
    const struct kk_mechanism *row = kk_registry_any(0);
    while (row != NULL && row->type != type) {
        row = kk_registry_any(++i);
    }
    return row;
}

/* The row as the policy leaves it; NULL: it does not. */
static const struct kk_mechanism *narrow(struct kk_registry *registry, int policy,
                                         const struct kk_mechanism *row)
{
    if (policy == KK_POLICY_ALL) {
        return row;
    }
    struct kk_mechanism *copy = &registry->narrowed[registry->count];
    *copy = *row;
    return kk_offer_narrow(policy, copy) ? copy : NULL;
}

static KK_RV collect(struct kk_registry *registry, const struct kk_crypto *crypto,
                     const struct allowed *allowed, int policy)
{
    size_t most = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(families); i++) {
        most += families[i]->count;
    }
    KK_TRY(kk_alloc_array(most, sizeof *registry->rows, &registry->rows));
    if (policy != KK_POLICY_ALL) {
        KK_TRY(kk_alloc_array(most, sizeof *registry->narrowed, &registry->narrowed));
    }
    const struct kk_mechanism *row = NULL;
    for (size_t i = 0; (row = kk_registry_any(i)) != NULL; i++) {
        if (is_allowed(allowed, row->type) && is_available(crypto, row)) {
            row = narrow(registry, policy, row);
            if (row != NULL) {
                registry->rows[registry->count++] = row;
            }
        }
    }
    qsort(registry->rows, registry->count, sizeof *registry->rows, compare_types);
    return CKR_OK;
}

/* Fibonacci hashing: mechanism numbers are small and close together. */
static size_t slot_of(const struct kk_registry *registry, CK_MECHANISM_TYPE type)
{
    return (size_t)(((uint64_t)type * 0x9E3779B97F4A7C15u) >> registry->shift);
}

static KK_RV fill_table(struct kk_registry *registry)
{
    size_t size = 4;
    registry->shift = 62;
    while (size < registry->count * 4) {
        size *= 2;
        registry->shift--;
    }
    KK_TRY(kk_alloc_array(size, sizeof *registry->table, &registry->table));
    for (size_t i = 0; i < registry->count; i++) {
        size_t slot = slot_of(registry, registry->rows[i]->type);
        while (registry->table[slot] != NULL) {
            slot = (slot + 1) % size;
        }
        registry->table[slot] = registry->rows[i];
    }
    return CKR_OK;
}

KK_RV kk_registry_new(struct kk_crypto *crypto, const char *allowed,
                      struct kk_registry **ret_registry)
{
    return kk_registry_new_for(crypto, allowed, KK_POLICY_ALL, ret_registry);
}

KK_RV kk_registry_new_for(struct kk_crypto *crypto, const char *allowed, int policy,
                          struct kk_registry **ret_registry)
{
    KK_CLEANUP(allowed_clear) struct allowed list = {0};
    KK_CLEANUP(kk_registry_freep) struct kk_registry *registry = NULL;
    KK_TRY(allowed_parse(allowed, &list));
    KK_TRY(kk_alloc(sizeof *registry, &registry));
    KK_TRY(collect(registry, crypto, &list, policy));
    KK_TRY(fill_table(registry));
    *ret_registry = KK_STEAL(registry);
    return CKR_OK;
}

void kk_registry_free(struct kk_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    kk_free(registry->rows);
    kk_free(registry->narrowed);
    kk_free(registry->table);
    kk_free(registry);
}

const struct kk_mechanism *kk_registry_find(const struct kk_registry *registry,
                                            CK_MECHANISM_TYPE type)
{
    size_t mask = ((size_t)1 << (64 - registry->shift)) - 1;
    for (size_t slot = slot_of(registry, type); registry->table[slot] != NULL;
         slot = (slot + 1) & mask) {
        if (registry->table[slot]->type == type) {
            return registry->table[slot];
        }
    }
    return NULL;
}

size_t kk_registry_count(const struct kk_registry *registry)
{
    return registry->count;
}

const struct kk_mechanism *kk_registry_at(const struct kk_registry *registry, size_t i)
{
    return registry->rows[i];
}
