/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What holds for every row, so that a new one is held to it without a line here: something that it
 * refuses is tried on it, or tests/vectors has a case of it; signatures in parts are those at once,
 * wherever the message is cut; sizes and flags are true. Rows that a rule cannot be tried on stand
 * in a list, with the reason, and only as long as they need to.
 */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "mechanism/families.h"

#define ROUNDS 6
#define MESSAGE_MAX 300
#define SIGNATURE_MAX 65536

static uint8_t message[MESSAGE_MAX];

/* --- keys ------------------------------------------------------------------------------------- */

#define P256 "06082a8648ce3d030107"
#define ED25519 "06032b6570"
#define X25519 "06032b656e"

/* How a key of each kind is made quickly. DSA and Diffie-Hellman have groups made for the occasion.
 */
static const struct {
    enum kk_key_kind kind;
    CK_ULONG bits, order_bits, parameter_set;
    const char *curve;
    bool has_group;
} makings[] = {
    {KK_KEY_RSA, 2048, 0, 0, NULL, false},
    {KK_KEY_EC, 0, 0, 0, P256, false},
    {KK_KEY_EDWARDS, 0, 0, 0, ED25519, false},
    {KK_KEY_MONTGOMERY, 0, 0, 0, X25519, false},
    {KK_KEY_DSA, 512, 160, 0, NULL, true},
    {KK_KEY_DH, 512, 0, 0, NULL, true},
    {KK_KEY_X942_DH, 512, 160, 0, NULL, true},
    {KK_KEY_ML_DSA, 0, 0, CKP_ML_DSA_44, NULL, false},
    {KK_KEY_ML_KEM, 0, 0, CKP_ML_KEM_512, NULL, false},
    {KK_KEY_SLH_DSA, 0, 0, CKP_SLH_DSA_SHA2_128F, NULL, false},
};

struct pair {
    struct kk_key *private;
    struct kk_key *public;
};

static struct pair pairs[KK_ARRAY_LEN(makings)];

/* Domain parameters first, by the mechanism that makes them. */
static CK_RV make_group(struct kk_key_parts *parts)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_DSA_PARAMETER_GEN, CKM_DH_PKCS_PARAMETER_GEN,
                                              CKM_X9_42_DH_PARAMETER_GEN};
    struct kk_param none;
    kk_param_init(&none);
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        const struct kk_mechanism *row = kk_registry_find(registry, types[i]);
        if (row != NULL && kk_key_kind_of(row->key_type) == parts->kind) {
            return row->generate->generate(crypto, row, &none, parts);
        }
    }
    return CKR_MECHANISM_INVALID;
}

/* false: this OpenSSL does not have the kind. */
static bool make_pair(size_t i, struct pair *pair)
{
    struct kk_key_parts parts = {.kind = makings[i].kind,
                                 .bits = makings[i].bits,
                                 .order_bits = makings[i].order_bits,
                                 .parameter_set = makings[i].parameter_set};
    if (makings[i].curve != NULL) {
        assert_ok(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(makings[i].curve)));
    }
    if (makings[i].has_group) {
        assert_ok(make_group(&parts));
        parts.order_bits = 0;
    }
    bool made = kk_key_generate(crypto, &parts) == CKR_OK;
    if (made) {
        assert_ok(kk_key_new(crypto, &parts, &pair->private));
        parts.is_private = false;
        assert_ok(kk_key_new(crypto, &parts, &pair->public));
    }
    kk_key_parts_clear(&parts);
    return made;
}

/* The pair of a kind; an empty one where there is none. */
static const struct pair *pair_of(enum kk_key_kind kind)
{
    static const struct pair none;
    for (size_t i = 0; i < KK_ARRAY_LEN(makings); i++) {
        if (makings[i].kind == kind) {
            if (pairs[i].private == NULL && !make_pair(i, &pairs[i])) {
                return &none;
            }
            return &pairs[i];
        }
    }
    return &none;
}

static int tear_down_pairs(void **state)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(pairs); i++) {
        kk_key_unref(pairs[i].private);
        kk_key_unref(pairs[i].public);
    }
    return tear_down(state);
}

static bool is_secret(const struct kk_mechanism *row)
{
    return row->key_type != KK_NO_KEY_TYPE && kk_key_kind_of(row->key_type) == KK_KEY_SECRET;
}

/* --- something that each row refuses ---------------------------------------------------------- */

/* A code that says what is wrong, and not that we are. */
static bool is_refusal(CK_RV rv)
{
    return rv != CKR_OK && rv != CKR_GENERAL_ERROR && rv != CKR_FUNCTION_FAILED &&
           rv != CKR_HOST_MEMORY && rv != CKR_DEVICE_ERROR;
}

static void expect_refusal(const struct kk_mechanism *row, const char *what, CK_RV rv)
{
    if (!is_refusal(rv)) {
        fail_msg("%s: %s gives 0x%lx", row->name, what, rv);
    }
}

/* The structure is a byte short. */
static size_t try_short_param(const struct kk_mechanism *row)
{
    static const uint8_t zeros[512];
    const struct kk_param_layout *layout = kk_param_layout(row->shape);
    struct kk_param param;
    if (layout == NULL) {
        return 0;
    }
    assert_true(layout->size <= sizeof zeros);
    expect_refusal(row, "a parameter cut short",
                   kk_param_copy(row->shape, zeros, layout->size - 1, &param));
    return 1;
}

/* A key of another kind, at the beginning of every operation that has a key. */
static CK_RV begin_with(const struct kk_mechanism *row, enum kk_op_kind kind, struct kk_key *key)
{
    struct kk_op op;
    op_begin(&op, row->type, kind, key, NULL, 0);
    CK_RV rv = kind == KK_OP_ENCRYPT || kind == KK_OP_DECRYPT ? row->cipher->init(&op)
                                                              : row->sign->init(&op);
    op_end(&op);
    return rv;
}

static CK_RV wrap_with(const struct kk_mechanism *row, struct kk_key *key)
{
    uint8_t out[1024];
    struct kk_param none;
    size_t len = 0;
    kk_param_init(&none);
    none.shape = row->shape;
    CK_RV rv = row->wrap->length(row, key, &none, 16, &len);
    if (rv == CKR_OK) {
        assert_true(len <= sizeof out);
        rv = row->wrap->wrap(crypto, row, key, &none, KK_SPAN(message, 16), out, &len);
    }
    return rv;
}

static CK_RV derive_with(const struct kk_mechanism *row, struct kk_key *key)
{
    struct kk_param none;
    size_t lengths[1] = {16};
    struct kk_secret *value = NULL;
    kk_param_init(&none);
    none.shape = row->shape;
    size_t count = row->derive->makes == KK_DERIVED_OUTPUT ? 0 : 1;
    CK_RV rv = row->derive->derive(crypto, row, key, &none, lengths, count, &value);
    if (rv == CKR_OK && value != NULL) {
        kk_secret_free(value);
    }
    return rv;
}

/* Without a parameter too, where the row wants one. */
static size_t try_wrong_key(const struct kk_mechanism *row)
{
    size_t tries = 0;
    if (row->key_type == KK_NO_KEY_TYPE) {
        return 0;
    }
    struct kk_key *wrong =
        is_secret(row) ? pair_of(KK_KEY_EC)->private : secret_key(KK_SPAN(message, 16));
    bool takes_all = row->key_type2 == KK_ANY_KEY;
    if (row->cipher != NULL && !takes_all) {
        expect_refusal(row, "encrypting with another kind of key",
                       begin_with(row, KK_OP_ENCRYPT, wrong));
        tries++;
    }
    if (row->sign != NULL && !takes_all) {
        expect_refusal(row, "signing with another kind of key", begin_with(row, KK_OP_SIGN, wrong));
        tries++;
    }
    if (row->wrap != NULL && !takes_all) {
        expect_refusal(row, "wrapping with another kind of key", wrap_with(row, wrong));
        tries++;
    }
    if (row->derive != NULL && row->derive->derive != NULL) {
        expect_refusal(row, "deriving from another kind of key", derive_with(row, wrong));
        tries++;
    }
    if (!is_secret(row)) {
        kk_key_unref(wrong);
    }
    return tries;
}

static CK_RV generate_of(const struct kk_mechanism *row, CK_ULONG bits)
{
    struct kk_key_parts parts = {.kind = kk_key_kind_of(row->key_type), .bits = bits};
    struct kk_param none;
    kk_param_init(&none);
    none.shape = row->shape;
    CK_RV rv = row->generate->generate(crypto, row, &none, &parts);
    kk_key_parts_clear(&parts);
    return rv;
}

/* Bits of one unit of the row's sizes: those of RC2 and RC4 are bits, of other secret keys
 * bytes. */
static CK_ULONG unit_of(const struct kk_mechanism *row)
{
    bool in_bits = row->key_type == CKK_RC2 || row->key_type == CKK_RC4;
    return is_secret(row) && !in_bits ? 8 : 1;
}

/* A key that is too large, and one without all that it needs. */
static size_t try_sizes(const struct kk_mechanism *row)
{
    if (row->generate == NULL || row->max_key == 0) {
        return 0;
    }
    CK_ULONG unit = unit_of(row);
    expect_refusal(row, "a key that is too large", generate_of(row, (row->max_key + 1) * unit));
    expect_refusal(row, "a key that is too small", generate_of(row, (row->min_key - 1) * unit));
    return 1;
}

static bool file_has_negative(const char *path, const char *name)
{
    char line[8192];
    char want[128];
    bool is_ours = false;
    bool found = false;
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    (void)snprintf(want, sizeof want, "mechanism = %s\n", name);
    while (!found && fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '\n') {
            is_ours = false;
        } else if (strcmp(line, want) == 0) {
            is_ours = true;
        }
        /* The runner flips bits of every signature that it verified. */
        found = is_ours && (strncmp(line, "result = CKR_", 13) == 0 ||
                            strcmp(line, "operation = verify\n") == 0);
    }
    (void)fclose(file);
    return found;
}

static bool has_negative_case(const char *name)
{
    bool found = false;
    DIR *folder = opendir(KK_VECTORS_DIR);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL && !found; entry = readdir(folder)) {
        char path[4096];
        if (strstr(entry->d_name, ".txt") != NULL) {
            (void)snprintf(path, sizeof path, "%s/%s", KK_VECTORS_DIR, entry->d_name);
            found = file_has_negative(path, name);
        }
    }
    (void)closedir(folder);
    return found;
}

static const char *exempt(const struct kk_mechanism *row)
{
    if (row->digest != NULL && row->shape == KK_PARAM_NONE) {
        return "a digest takes any bytes, no key and no parameter";
    }
    if (row->generate != NULL && row->max_key == 0) {
        return "DES keys have one size, which the template cannot say";
    }
    return NULL;
}

static void test_every_row_refuses_something(void **state)
{
    size_t exempted = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        size_t tries = try_short_param(row) + try_wrong_key(row) + try_sizes(row);
        bool is_tried = tries > 0 || has_negative_case(row->name);
        if (!is_tried && exempt(row) == NULL) {
            fail_msg("%s: nothing that it refuses is tried here or in tests/vectors", row->name);
        }
        exempted += !is_tried;
    }
    assert_true(exempted < 30);
}

/* --- in parts as at once ---------------------------------------------------------------------- */

/* A parameter for the rows that want one, in the order of shapes; others have none. */
static const void *param_for(const struct kk_mechanism *row, size_t *ret_len)
{
    static CK_RSA_PKCS_PSS_PARAMS pss;
    static const struct {
        const char *hash;
        CK_MECHANISM_TYPE type;
        CK_RSA_PKCS_MGF_TYPE mgf;
    } hashes[] = {
        {"SHA1", CKM_SHA_1, CKG_MGF1_SHA1},
        {"SHA224", CKM_SHA224, CKG_MGF1_SHA224},
        {"SHA256", CKM_SHA256, CKG_MGF1_SHA256},
        {"SHA384", CKM_SHA384, CKG_MGF1_SHA384},
        {"SHA512", CKM_SHA512, CKG_MGF1_SHA512},
        {"SHA3-224", CKM_SHA3_224, CKG_MGF1_SHA3_224},
        {"SHA3-256", CKM_SHA3_256, CKG_MGF1_SHA3_256},
        {"SHA3-384", CKM_SHA3_384, CKG_MGF1_SHA3_384},
        {"SHA3-512", CKM_SHA3_512, CKG_MGF1_SHA3_512},
    };
    *ret_len = 0;
    if (row->shape != KK_PARAM_RSA_PKCS_PSS) {
        return NULL;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(hashes); i++) {
        if (strcmp(hashes[i].hash, row->hash) == 0) {
            pss = (CK_RSA_PKCS_PSS_PARAMS){hashes[i].type, hashes[i].mgf, 20};
        }
    }
    *ret_len = sizeof pss;
    return &pss;
}

static void begin(struct kk_op *op, const struct kk_mechanism *row, enum kk_op_kind kind,
                  struct kk_key *key)
{
    size_t len = 0;
    const void *param = param_for(row, &len);
    op_begin(op, row->type, kind, key, param, len);
    CK_RV rv = row->sign->init(op);
    if (rv != CKR_OK) {
        fail_msg("%s: init gives 0x%lx", row->name, rv);
    }
}

/* Pieces of random lengths, none among them. */
static void feed(struct kk_op *op, size_t len)
{
    for (size_t at = 0; at < len;) {
        uint8_t random = 0;
        assert_ok(kk_crypto_random(crypto, &random, 1));
        size_t piece = KK_MIN((size_t)random % 70, len - at);
        assert_ok(op->mechanism->sign->update(op, KK_SPAN(message + at, piece)));
        at += piece;
    }
}

static size_t sign_message(const struct kk_mechanism *row, struct kk_key *key, size_t len,
                           bool in_parts, uint8_t *out)
{
    struct kk_op op;
    size_t got = 0;
    begin(&op, row, KK_OP_SIGN, key);
    assert_true(row->sign->length(&op) <= SIGNATURE_MAX);
    if (in_parts) {
        feed(&op, len);
        assert_ok(row->sign->final(&op, out, &got));
    } else {
        assert_ok(row->sign->single(&op, KK_SPAN(message, len), out, &got));
    }
    op_end(&op);
    return got;
}

static CK_RV verify_message(const struct kk_mechanism *row, struct kk_key *key, size_t len,
                            bool in_parts, struct kk_span signature)
{
    struct kk_op op;
    begin(&op, row, KK_OP_VERIFY, key);
    CK_RV rv = CKR_OK;
    if (in_parts || row->sign->verify_single == NULL) {
        feed(&op, len);
        rv = row->sign->verify_final(&op, signature);
    } else {
        rv = row->sign->verify_single(&op, KK_SPAN(message, len), signature);
    }
    op_end(&op);
    return rv;
}

static void check_signatures(const struct kk_mechanism *row, const struct pair *pair)
{
    static uint8_t signature[SIGNATURE_MAX];
    /* SLH-DSA is slow. */
    size_t rounds = kk_key_kind(pair->private) == KK_KEY_SLH_DSA ? 1 : ROUNDS;
    for (size_t i = 0; i < rounds; i++) {
        size_t len = i == 0 ? 0 : i * 47;
        for (int parts = 0; parts < 2; parts++) {
            size_t got = sign_message(row, pair->private, len, parts != 0, signature);
            struct kk_span whole = KK_SPAN(signature, got);
            assert_ok(verify_message(row, pair->public, len, parts == 0, whole));
            assert_ok(verify_message(row, pair->public, len, parts != 0, whole));
            signature[got / 2] ^= 4;
            expect_refusal(row, "a changed signature",
                           verify_message(row, pair->public, len, true, whole));
        }
    }
}

/* Why a kind of key is not made here; NULL: it is. */
static const char *not_made(enum kk_key_kind kind)
{
    static const struct {
        enum kk_key_kind kind;
        const char *reason;
    } kinds[] = {
        {KK_KEY_HSS, "a signature uses a state up that the session keeps: tests/vectors has parts"},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        if (kinds[i].kind == kind) {
            return kinds[i].reason;
        }
    }
    return NULL;
}

/* Those whose parts test_splits.c has are left out: secret keys. */
static void test_signatures_in_parts(void **state)
{
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        bool has_parts = row->sign != NULL && row->sign->update != NULL && !is_secret(row);
        if (!has_parts || not_made(kk_key_kind_of(row->key_type)) != NULL) {
            continue;
        }
        const struct pair *pair = pair_of(kk_key_kind_of(row->key_type));
        if (pair->private == NULL) {
            fail_msg("%s: makings[] has no key of its kind", row->name);
        }
        check_signatures(row, pair);
        count++;
    }
    assert_true(count > 30);
}

/* --- sizes and flags -------------------------------------------------------------------------- */

/* The least and the greatest size that the row announces can be made, where that does not take
 * long. */
static void test_announced_sizes_are_made(void **state)
{
    size_t count = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        if (row->generate == NULL || row->generate->any_type || !is_secret(row) ||
            row->max_key == 0 || row->shape != KK_PARAM_NONE) {
            continue;
        }
        assert_ok(generate_of(row, row->min_key * unit_of(row)));
        assert_ok(generate_of(row, KK_MIN(row->max_key, 4096UL) * unit_of(row)));
        count++;
    }
    assert_true(count > 20);
}

/* A key type that a row names has keys of the announced sizes. */
static void test_announced_sizes_are_those_of_the_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        size_t min = 0;
        size_t max = 0;
        size_t step = 0;
        bool counts_bytes = is_secret(row) && row->max_key > 0 && row->max_key < 128;
        if (!counts_bytes || !kk_key_type_lengths(row->key_type, &min, &max, &step) || max == 0) {
            continue;
        }
        if (row->min_key < min || row->max_key > max) {
            fail_msg("%s: %lu to %lu, but the type has %zu to %zu", row->name, row->min_key,
                     row->max_key, min, max);
        }
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (uint8_t)(i * 11 + i / 256);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_refuses_something),
        cmocka_unit_test(test_signatures_in_parts),
        cmocka_unit_test(test_announced_sizes_are_made),
        cmocka_unit_test(test_announced_sizes_are_those_of_the_type),
    };
    return cmocka_run_group_tests_name("rows", tests, set_up, tear_down_pairs);
}
