/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The numbers of keys that change with each signature.
 */
#include "object/stateful.h"

#include "base/memory.h"
#include "crypto/hss.h"

#include "base/banned.h"

#define COUNTER_LEN 8

static bool is_of(const struct kk_attrs *attrs, CK_OBJECT_CLASS object_class, CK_KEY_TYPE key_type)
{
    return kk_attrs_number(attrs, CKA_CLASS, UINT64_MAX) == object_class &&
           kk_attrs_number(attrs, CKA_KEY_TYPE, UINT64_MAX) == key_type;
}

bool kk_stateful_is_one_time(const struct kk_attrs *attrs)
{
    return is_of(attrs, CKO_PRIVATE_KEY, CKK_HSS);
}

static bool is_counting(const struct kk_attrs *attrs)
{
    return is_of(attrs, CKO_OTP_KEY, CKK_HOTP);
}

/* ---- counters ---- */

/*= pkcs11-3.2 HOTP secret key objects: 8 bytes, big-endian; empty until it is first set */
static KK_RV counter_of(const struct kk_attrs *attrs, uint64_t *ret_counter)
{
    struct kk_span bytes = kk_attrs_bytes(attrs, CKA_OTP_COUNTER);
    KK_ENSURE(bytes.len == 0 || bytes.len == COUNTER_LEN, CKR_KEY_TYPE_INCONSISTENT);
    *ret_counter = bytes.len == 0 ? 0 : kk_load_u64(bytes.data);
    return CKR_OK;
}

static KK_RV take_counter(struct kk_attrs *attrs, uint64_t *ret_number)
{
    uint8_t next[COUNTER_LEN];
    uint64_t counter = 0;
    KK_TRY(counter_of(attrs, &counter));
    KK_ENSURE(counter != UINT64_MAX, CKR_KEY_EXHAUSTED);
    kk_store_u64(next, counter + 1);
    KK_TRY(kk_attrs_set_bytes(attrs, CKA_OTP_COUNTER, KK_SPAN_ARRAY(next)));
    *ret_number = counter;
    return CKR_OK;
}

/* ---- leaves ---- */

/*= pkcs11-3.2 CKA_HSS_KEYS_REMAINING: the number of one-time keys that remain, or 2^32 - 1 */
static CK_ULONG remaining_of(const struct kk_hss_facts *facts)
{
    return (CK_ULONG)KK_MIN(facts->left, (uint64_t)UINT32_MAX);
}

KK_RV kk_stateful_remaining(struct kk_span state, CK_ULONG *ret_remaining)
{
    struct kk_hss_facts facts;
    KK_TRY(kk_hss_state_read(state, &facts));
    *ret_remaining = remaining_of(&facts);
    return CKR_OK;
}

static bool is_at_home(const struct kk_hss_facts *facts, const struct kk_uuid *home)
{
    static const struct kk_uuid nowhere;
    const struct kk_uuid *here = home != NULL ? home : &nowhere;
    KK_STATIC_ASSERT(sizeof here->bytes == KK_HSS_HOME, "a home is a uuid");
    return kk_mem_equal(facts->home, KK_HSS_HOME, here->bytes, sizeof here->bytes);
}

static KK_RV put_state(struct kk_attrs *attrs, const struct kk_secret *state)
{
    CK_ULONG remaining = 0;
    KK_TRY(kk_stateful_remaining(kk_secret_span(state), &remaining));
    KK_TRY(kk_attrs_set_number(attrs, CKA_HSS_KEYS_REMAINING, remaining));
    return kk_attrs_set_secret(attrs, CKA_VALUE, kk_secret_span(state));
}

static KK_RV take_leaf(struct kk_attrs *attrs, const struct kk_uuid *home, struct kk_span kept,
                       uint64_t *ret_number)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *left = NULL;
    struct kk_span state = kk_attrs_bytes(attrs, CKA_VALUE);
    struct kk_hss_facts facts;
    KK_TRY(kk_hss_state_read(state, &facts));
    KK_ENSURE(is_at_home(&facts, home), CKR_KEY_EXHAUSTED);
    KK_TRY(kk_hss_state_take(state, kept, ret_number, &left));
    return put_state(attrs, left);
}

/* ---- either ---- */

KK_RV kk_stateful_next(const struct kk_attrs *attrs, uint64_t *ret_next)
{
    struct kk_hss_facts facts;
    if (is_counting(attrs)) {
        return counter_of(attrs, ret_next);
    }
    KK_ENSURE(kk_stateful_is_one_time(attrs), CKR_KEY_TYPE_INCONSISTENT);
    KK_TRY(kk_hss_state_read(kk_attrs_bytes(attrs, CKA_VALUE), &facts));
    KK_ENSURE(facts.left > 0, CKR_KEY_EXHAUSTED);
    *ret_next = facts.next;
    return CKR_OK;
}

KK_RV kk_stateful_take(const struct kk_attrs *attrs, const struct kk_uuid *home,
                       struct kk_span kept, uint64_t *ret_number, struct kk_attrs **ret_attrs)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *left = NULL;
    KK_TRY(kk_attrs_dup(attrs, &left));
    if (is_counting(attrs)) {
        KK_TRY(take_counter(left, ret_number));
    } else {
        KK_ENSURE(kk_stateful_is_one_time(attrs), CKR_KEY_TYPE_INCONSISTENT);
        KK_TRY(take_leaf(left, home, kept, ret_number));
    }
    *ret_attrs = KK_STEAL(left);
    return CKR_OK;
}

KK_RV kk_stateful_settle(struct kk_attrs *attrs, const struct kk_uuid *home)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *settled = NULL;
    if (!kk_stateful_is_one_time(attrs)) {
        return CKR_OK;
    }
    KK_TRY(kk_hss_state_settle(kk_attrs_bytes(attrs, CKA_VALUE), home->bytes, &settled));
    return put_state(attrs, settled);
}

KK_RV kk_stateful_show(struct kk_attrs *attrs, const struct kk_uuid *home)
{
    struct kk_hss_facts facts;
    if (!kk_stateful_is_one_time(attrs) ||
        kk_hss_state_read(kk_attrs_bytes(attrs, CKA_VALUE), &facts) != CKR_OK ||
        is_at_home(&facts, home)) {
        return CKR_OK;
    }
    return kk_attrs_set_number(attrs, CKA_HSS_KEYS_REMAINING, 0);
}

/*= pkcs11-3.2 HOTP key generation: the mechanism contributes CKA_OTP_COUNTER */
KK_RV kk_stateful_begin(struct kk_attrs *attrs)
{
    static const uint8_t zero[COUNTER_LEN];
    if (!is_counting(attrs) || kk_attrs_bytes(attrs, CKA_OTP_COUNTER).len > 0) {
        return CKR_OK;
    }
    return kk_attrs_set_bytes(attrs, CKA_OTP_COUNTER, KK_SPAN_ARRAY(zero));
}

void kk_otp_rules_of(const struct kk_attrs *attrs, struct kk_otp_rules *ret_rules)
{
    const struct {
        CK_ATTRIBUTE_TYPE type;
        CK_ULONG *to;
    } rows[] = {
        {CKA_OTP_FORMAT, &ret_rules->format},
        {CKA_OTP_LENGTH, &ret_rules->length},
        {CKA_OTP_PIN_REQUIREMENT, &ret_rules->pin},
        {CKA_OTP_CHALLENGE_REQUIREMENT, &ret_rules->challenge},
        {CKA_OTP_TIME_REQUIREMENT, &ret_rules->time},
        {CKA_OTP_COUNTER_REQUIREMENT, &ret_rules->counter},
        {CKA_OTP_TIME_INTERVAL, &ret_rules->interval},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        *rows[i].to = (CK_ULONG)kk_attrs_number(attrs, rows[i].type, 0);
    }
    ret_rules->is_friendly = kk_attrs_flag(attrs, CKA_OTP_USER_FRIENDLY_MODE, false);
}
