/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanisms with key pairs as operations: what one signs or encrypts the other verifies or
 * decrypts, on contexts used again with another key, parameter or direction. Known answers stand in
 * tests/vectors.
 */
#include "fixture.h"

#include <pthread.h>

/* Where the message, cut off there, ends as X9.31 wants it. */
#define TRAILER_AT 99

#define OID_P256 "06082a8648ce3d030107"
#define OID_P521 "06052b81040023"
#define OID_ED25519 "06032b6570"
#define OID_ED448 "06032b6571"
#define OID_X25519 "06032b656e"

#define SIGNATURE_MAX 20000 /* of SLH-DSA-SHA2-128f: 17,088 */

struct pair {
    struct kk_key *public_key;
    struct kk_key *private_key;
};

static struct pair rsa;
static struct pair other_rsa;
static struct pair p256;
static struct pair p521;
static struct pair ed25519;
static struct pair ed448;
static struct pair x25519;
static struct pair dsa;
static struct pair x931;
static uint8_t message[200] = "a message that is longer than any block of any hash";

/* By the mechanism's own row. */
static struct pair make_pair(CK_MECHANISM_TYPE type, CK_ULONG bits, struct kk_span oid)
{
    const struct kk_mechanism *row = kk_registry_find(registry, type);
    struct kk_key_parts parts = {.kind = kk_key_kind_of(row->key_type), .bits = bits};
    struct pair pair = {0};
    if (oid.len > 0) {
        assert_ok(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, oid));
    }
    assert_true(row->generate->pair);
    assert_ok(row->generate->generate(crypto, row, NULL, &parts));
    assert_ok(kk_key_new(crypto, &parts, &pair.private_key));
    parts.is_private = false;
    assert_ok(kk_key_new(crypto, &parts, &pair.public_key));
    kk_key_parts_clear(&parts);
    return pair;
}

/* With parameters of its own row. */
static struct pair make_dsa_pair(CK_ULONG bits)
{
    const struct kk_mechanism *row = kk_registry_find(registry, CKM_DSA_PARAMETER_GEN);
    struct kk_key_parts parts = {.kind = KK_KEY_DSA, .bits = bits};
    struct pair pair = {0};
    assert_true(row->generate->domain);
    assert_ok(row->generate->generate(crypto, row, NULL, &parts));
    row = kk_registry_find(registry, CKM_DSA_KEY_PAIR_GEN);
    assert_ok(row->generate->generate(crypto, row, NULL, &parts));
    assert_ok(kk_key_new(crypto, &parts, &pair.private_key));
    parts.is_private = false;
    assert_ok(kk_key_new(crypto, &parts, &pair.public_key));
    kk_key_parts_clear(&parts);
    return pair;
}

static struct pair make_pq_pair(CK_MECHANISM_TYPE type, CK_ULONG parameter_set)
{
    const struct kk_mechanism *row = kk_registry_find(registry, type);
    struct kk_key_parts parts = {.kind = kk_key_kind_of(row->key_type),
                                 .parameter_set = parameter_set};
    struct pair pair = {0};
    assert_ok(row->generate->generate(crypto, row, NULL, &parts));
    assert_ok(kk_key_new(crypto, &parts, &pair.private_key));
    parts.is_private = false;
    assert_ok(kk_key_new(crypto, &parts, &pair.public_key));
    kk_key_parts_clear(&parts);
    return pair;
}

static void free_pair(struct pair *pair)
{
    kk_key_unref(pair->public_key);
    kk_key_unref(pair->private_key);
}

static int make_all(void **state)
{
    if (set_up(state) != 0) {
        return -1;
    }
    rsa = make_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, 2048, KK_SPAN(NULL, 0));
    other_rsa = make_pair(CKM_RSA_PKCS_KEY_PAIR_GEN, 1025, KK_SPAN(NULL, 0));
    p256 = make_pair(CKM_EC_KEY_PAIR_GEN, 0, hex(OID_P256));
    p521 = make_pair(CKM_EC_KEY_PAIR_GEN, 0, hex(OID_P521));
    ed25519 = make_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, 0, hex(OID_ED25519));
    ed448 = make_pair(CKM_EC_EDWARDS_KEY_PAIR_GEN, 0, hex(OID_ED448));
    x25519 = make_pair(CKM_EC_MONTGOMERY_KEY_PAIR_GEN, 0, hex(OID_X25519));
    dsa = make_dsa_pair(1024);
    x931 = make_pair(CKM_RSA_X9_31_KEY_PAIR_GEN, 2048, KK_SPAN(NULL, 0));
    message[TRAILER_AT] = 0xcc;
    return 0;
}

static int free_all(void **state)
{
    free_pair(&rsa);
    free_pair(&other_rsa);
    free_pair(&p256);
    free_pair(&p521);
    free_pair(&ed25519);
    free_pair(&ed448);
    free_pair(&x25519);
    free_pair(&dsa);
    free_pair(&x931);
    return tear_down(state);
}

/* --- signatures ------------------------------------------------------------------------------- */

struct signing {
    CK_MECHANISM_TYPE type;
    const struct pair *pair;
    size_t data_len;            /* 0: any */
    CK_RSA_PKCS_PSS_PARAMS pss; /* XEdDSA: its first member is CK_XEDDSA_PARAMS' only one */
};

static struct kk_span param_of(const struct signing *signing)
{
    if (signing->type == CKM_XEDDSA) {
        return KK_SPAN(&signing->pss.hashAlg, sizeof(CK_XEDDSA_PARAMS));
    }
    return KK_SPAN(&signing->pss, signing->pss.hashAlg != 0 ? sizeof signing->pss : 0);
}

static const struct signing signings[] = {
    {CKM_RSA_PKCS, &rsa, 51, {0}},
    {CKM_RSA_X_509, &rsa, 200, {0}},
    {CKM_RSA_PKCS_PSS, &rsa, 32, {CKM_SHA256, CKG_MGF1_SHA256, 32}},
    {CKM_RSA_PKCS_PSS, &other_rsa, 20, {CKM_SHA_1, CKG_MGF1_SHA512, 106}},
    {CKM_MD5_RSA_PKCS, &rsa, 0, {0}},
    {CKM_SHA1_RSA_PKCS, &other_rsa, 0, {0}},
    {CKM_SHA224_RSA_PKCS, &rsa, 0, {0}},
    {CKM_SHA256_RSA_PKCS, &rsa, 0, {0}},
    {CKM_SHA384_RSA_PKCS, &rsa, 0, {0}},
    {CKM_SHA512_RSA_PKCS, &other_rsa, 0, {0}},
    {CKM_SHA3_224_RSA_PKCS, &rsa, 0, {0}},
    {CKM_SHA3_256_RSA_PKCS, &rsa, 0, {0}},
    {CKM_SHA3_384_RSA_PKCS, &rsa, 0, {0}},
    {CKM_SHA3_512_RSA_PKCS, &rsa, 0, {0}},
    {CKM_SHA1_RSA_PKCS_PSS, &rsa, 0, {CKM_SHA_1, CKG_MGF1_SHA1, 20}},
    {CKM_SHA224_RSA_PKCS_PSS, &rsa, 0, {CKM_SHA224, CKG_MGF1_SHA1, 0}},
    {CKM_SHA256_RSA_PKCS_PSS, &rsa, 0, {CKM_SHA256, CKG_MGF1_SHA256, 222}},
    {CKM_SHA384_RSA_PKCS_PSS, &rsa, 0, {CKM_SHA384, CKG_MGF1_SHA384, 48}},
    {CKM_SHA512_RSA_PKCS_PSS, &other_rsa, 0, {CKM_SHA512, CKG_MGF1_SHA512, 62}},
    {CKM_SHA3_224_RSA_PKCS_PSS, &rsa, 0, {CKM_SHA3_224, CKG_MGF1_SHA3_224, 28}},
    {CKM_SHA3_256_RSA_PKCS_PSS, &rsa, 0, {CKM_SHA3_256, CKG_MGF1_SHA3_256, 32}},
    {CKM_SHA3_384_RSA_PKCS_PSS, &rsa, 0, {CKM_SHA3_384, CKG_MGF1_SHA3_384, 48}},
    {CKM_SHA3_512_RSA_PKCS_PSS, &rsa, 0, {CKM_SHA3_512, CKG_MGF1_SHA3_512, 64}},
    {CKM_RIPEMD160_RSA_PKCS, &rsa, 0, {0}},
    {CKM_RSA_X9_31, &x931, TRAILER_AT + 1, {0}},
    {CKM_SHA1_RSA_X9_31, &x931, 0, {0}},
    {CKM_ECDSA, &p256, 32, {0}},
    {CKM_ECDSA, &p256, 64, {0}},
    {CKM_ECDSA, &p521, 20, {0}},
    {CKM_ECDSA_SHA1, &p256, 0, {0}},
    {CKM_ECDSA_SHA224, &p256, 0, {0}},
    {CKM_ECDSA_SHA256, &p521, 0, {0}},
    {CKM_ECDSA_SHA384, &p256, 0, {0}},
    {CKM_ECDSA_SHA512, &p521, 0, {0}},
    {CKM_ECDSA_SHA3_224, &p256, 0, {0}},
    {CKM_ECDSA_SHA3_256, &p256, 0, {0}},
    {CKM_ECDSA_SHA3_384, &p256, 0, {0}},
    {CKM_ECDSA_SHA3_512, &p521, 0, {0}},
    {CKM_EDDSA, &ed25519, 0, {0}},
    {CKM_EDDSA, &ed448, 0, {0}},
    {CKM_XEDDSA, &x25519, 0, {.hashAlg = CKM_SHA512}},
    {CKM_XEDDSA, &x25519, 0, {.hashAlg = CKM_BLAKE2B_256}},
    {CKM_DSA, &dsa, 20, {0}},
    {CKM_DSA, &dsa, 64, {0}},
    {CKM_DSA_SHA1, &dsa, 0, {0}},
    {CKM_DSA_SHA224, &dsa, 0, {0}},
    {CKM_DSA_SHA256, &dsa, 0, {0}},
    {CKM_DSA_SHA384, &dsa, 0, {0}},
    {CKM_DSA_SHA512, &dsa, 0, {0}},
    {CKM_DSA_SHA3_224, &dsa, 0, {0}},
    {CKM_DSA_SHA3_256, &dsa, 0, {0}},
    {CKM_DSA_SHA3_384, &dsa, 0, {0}},
    {CKM_DSA_SHA3_512, &dsa, 0, {0}},
};

static void begin(struct kk_op *op, const struct signing *signing, enum kk_op_kind kind)
{
    bool is_private = kind == KK_OP_SIGN || kind == KK_OP_SIGN_RECOVER;
    struct kk_span param = param_of(signing);
    op_begin(op, signing->type, kind,
             is_private ? signing->pair->private_key : signing->pair->public_key, param.data,
             param.len);
    assert_ok(op->mechanism->sign->init(op));
}

static struct kk_span data_of(const struct signing *signing)
{
    return KK_SPAN(message, signing->data_len != 0 ? signing->data_len : sizeof message);
}

static void sign(struct kk_op *op, struct kk_span data, bool in_parts, uint8_t *out,
                 size_t *ret_len)
{
    const struct kk_sign_ops *ops = op->mechanism->sign;
    assert_ok(ops->init(op));
    if (in_parts) {
        assert_ok(ops->update(op, KK_SPAN(data.data, 7)));
        assert_ok(ops->update(op, KK_SPAN(data.data, 0)));
        assert_ok(ops->update(op, KK_SPAN(data.data + 7, data.len - 7)));
        assert_ok(ops->final(op, out, ret_len));
    } else {
        assert_ok(ops->single(op, data, out, ret_len));
    }
    assert_int_equal(*ret_len, ops->length(op));
}

static CK_RV verify(struct kk_op *op, struct kk_span data, bool in_parts, struct kk_span signature)
{
    const struct kk_sign_ops *ops = op->mechanism->sign;
    assert_ok(ops->init(op));
    if (!in_parts) {
        return ops->verify_single(op, data, signature);
    }
    assert_ok(ops->update(op, KK_SPAN(data.data, 100)));
    assert_ok(ops->update(op, KK_SPAN(data.data + 100, data.len - 100)));
    return ops->verify_final(op, signature);
}

static void check_signing(const struct signing *signing)
{
    struct kk_op signer;
    struct kk_op verifier;
    struct kk_span data = data_of(signing);
    uint8_t out[SIGNATURE_MAX];
    size_t len = 0;
    begin(&signer, signing, KK_OP_SIGN);
    begin(&verifier, signing, KK_OP_VERIFY);
    bool multi = signer.mechanism->sign->update != NULL;
    for (int round = 0; round < 6; round++) {
        sign(&signer, data, multi && (round & 1) != 0, out, &len);
        assert_ok(verify(&verifier, data, multi && (round & 2) != 0, KK_SPAN(out, len)));
        out[len - 1 - (size_t)round] ^= 1;
        assert_rv(verify(&verifier, data, false, KK_SPAN(out, len)), CKR_SIGNATURE_INVALID);
        assert_rv(verify(&verifier, data, multi, KK_SPAN(out, len - 1)), CKR_SIGNATURE_LEN_RANGE);
        out[len - 1 - (size_t)round] ^= 1;
        message[round] ^= 1;
        assert_rv(verify(&verifier, data, false, KK_SPAN(out, len)), CKR_SIGNATURE_INVALID);
        message[round] ^= 1;
    }
    op_end(&signer);
    op_end(&verifier);
}

static void test_what_is_signed_is_verified_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(signings); i++) {
        check_signing(&signings[i]);
    }
}

static bool is_post_quantum(const struct kk_mechanism *row)
{
    return row->key_type == CKK_ML_DSA || row->key_type == CKK_SLH_DSA;
}

/* Rows that an older OpenSSL does not have. Those that need a parameter are in the vectors. */
static void test_post_quantum_signatures_are_verified_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        if (row->sign == NULL || !is_post_quantum(row) || row->param_required) {
            continue;
        }
        struct pair pair = row->key_type == CKK_ML_DSA
                               ? make_pq_pair(CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_44)
                               : make_pq_pair(CKM_SLH_DSA_KEY_PAIR_GEN, CKP_SLH_DSA_SHA2_128F);
        struct signing signing = {.type = row->type, .pair = &pair};
        check_signing(&signing);
        free_pair(&pair);
    }
}

static void test_every_signing_row_is_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        bool found = is_post_quantum(row);
        for (size_t j = 0; j < KK_ARRAY_LEN(signings); j++) {
            found |= signings[j].type == row->type;
        }
        /* Those with turns are test_hss.c's. */
        assert_true(found || row->sign == NULL || row->sign->turns != NULL ||
                    kk_key_kind_of(row->key_type) == KK_KEY_SECRET);
    }
}

static void test_a_sum_begun_anew_forgets_what_came_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(signings); i++) {
        struct kk_op signer;
        struct kk_op verifier;
        uint8_t out[SIGNATURE_MAX];
        size_t len = 0;
        begin(&signer, &signings[i], KK_OP_SIGN);
        begin(&verifier, &signings[i], KK_OP_VERIFY);
        if (signer.mechanism->sign->update != NULL) {
            assert_ok(signer.mechanism->sign->update(&signer, KK_SPAN_TEXT("given up")));
            assert_ok(verifier.mechanism->sign->update(&verifier, KK_SPAN_TEXT("given up too")));
        }
        sign(&signer, data_of(&signings[i]), false, out, &len);
        assert_ok(verify(&verifier, data_of(&signings[i]), false, KK_SPAN(out, len)));
        op_end(&signer);
        op_end(&verifier);
    }
}

/* One operation as session/ keeps it: mechanism, key, direction and parameter change under it. */
static void test_one_operation_serves_all_in_turns(void **state)
{
    struct kk_op op = {0};
    uint8_t out[SIGNATURE_MAX];
    size_t len = 0;
    (void)state;
    for (size_t i = 0; i < 2 * KK_ARRAY_LEN(signings); i++) {
        const struct signing *signing = &signings[i * 17 % KK_ARRAY_LEN(signings)];
        for (int kind = KK_OP_SIGN; kind <= KK_OP_VERIFY; kind++) {
            struct kk_op next;
            struct kk_span param = param_of(signing);
            op_begin(&next, signing->type, (enum kk_op_kind)kind,
                     kind == KK_OP_SIGN ? signing->pair->private_key : signing->pair->public_key,
                     param.data, param.len);
            op.mechanism = next.mechanism;
            op.kind = next.kind;
            op.crypto = crypto;
            op.key = next.key;
            kk_param_move(&op.param, &next.param);
            if (kind == KK_OP_SIGN) {
                sign(&op, data_of(signing), false, out, &len);
            } else {
                assert_ok(verify(&op, data_of(signing), false, KK_SPAN(out, len)));
            }
        }
    }
    op_end(&op);
}

static void test_a_context_is_kept_for_the_same_key_and_allocates_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(signings); i++) {
        struct kk_op op;
        uint8_t out[SIGNATURE_MAX];
        size_t len = 0;
        begin(&op, &signings[i], KK_OP_SIGN);
        const void *context = op.context;
        unsigned long before = kk_alloc_count();
        for (int round = 0; round < 3; round++) {
            sign(&op, data_of(&signings[i]), false, out, &len);
            assert_ptr_equal(op.context, context);
        }
        assert_int_equal(kk_alloc_count(), before);
        op_end(&op);
    }
}

static void test_keys_that_do_not_fit_are_refused(void **state)
{
    static const struct {
        CK_MECHANISM_TYPE type;
        const struct pair *pair;
    } cases[] = {{CKM_SHA256_RSA_PKCS, &p256}, {CKM_ECDSA, &rsa}, {CKM_ECDSA_SHA256, &ed25519},
                 {CKM_EDDSA, &p256},           {CKM_EDDSA, &rsa}, {CKM_RSA_PKCS, &ed25519}};
    struct kk_key *secret = secret_key(KK_SPAN_TEXT("0123456789abcdef"));
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_key *keys[] = {cases[i].pair->private_key, cases[i].pair->public_key, secret};
        for (size_t k = 0; k < KK_ARRAY_LEN(keys); k++) {
            struct kk_op op;
            op_begin(&op, cases[i].type, KK_OP_SIGN, keys[k], NULL, 0);
            assert_rv(op.mechanism->sign->init(&op), CKR_KEY_TYPE_INCONSISTENT);
            op_end(&op);
        }
    }
    struct kk_op op;
    op_begin(&op, CKM_ECDSA, KK_OP_SIGN, p256.public_key, NULL, 0);
    assert_rv(op.mechanism->sign->init(&op), CKR_KEY_TYPE_INCONSISTENT);
    op_end(&op);
    kk_key_unref(secret);
}

static void test_no_memory_leaves_the_old_context_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(signings); i++) {
        struct kk_op op;
        CK_RV rv = CKR_HOST_MEMORY;
        begin(&op, &signings[i], KK_OP_SIGN);
        op.kind = KK_OP_VERIFY;
        op.key = signings[i].pair->public_key;
        for (unsigned long nth = 1; rv == CKR_HOST_MEMORY && nth < 20; nth++) {
            kk_alloc_fail_at(nth);
            rv = op.mechanism->sign->init(&op);
            kk_alloc_fail_at(0);
        }
        assert_ok(rv);
        op_end(&op);
    }
}

/* One thread's share: sign and verify with keys that all threads use, and make keys. */
static void *share_of_work(void *unused)
{
    /* hex() is not for several threads */
    static const uint8_t oid_p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static const uint8_t oid_p384[] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
    uint8_t out[SIGNATURE_MAX];
    (void)unused;
    for (size_t i = 0; i < 3 * KK_ARRAY_LEN(signings); i++) {
        const struct signing *signing = &signings[i % KK_ARRAY_LEN(signings)];
        struct kk_op op;
        size_t len = 0;
        begin(&op, signing, KK_OP_SIGN);
        sign(&op, data_of(signing), false, out, &len);
        op_end(&op);
        begin(&op, signing, KK_OP_VERIFY);
        assert_ok(verify(&op, data_of(signing), false, KK_SPAN(out, len)));
        op_end(&op);
        struct kk_span curve = (i & 1) != 0 ? KK_SPAN_ARRAY(oid_p256) : KK_SPAN_ARRAY(oid_p384);
        struct pair pair = make_pair(CKM_EC_KEY_PAIR_GEN, 0, curve);
        free_pair(&pair);
    }
    return NULL;
}

static void test_threads_share_keys(void **state)
{
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, share_of_work, NULL), 0);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

/* --- recovery, encryption, wrapping ----------------------------------------------------------- */

static void test_signatures_give_their_data_back(void **state)
{
    static const struct signing recovering[] = {{CKM_RSA_PKCS, &rsa, 40, {0}},
                                                {CKM_RSA_PKCS, &rsa, 0, {0}},
                                                {CKM_RSA_X_509, &other_rsa, 100, {0}}};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(recovering); i++) {
        struct kk_op signer;
        struct kk_op recoverer;
        struct kk_span data = data_of(&recovering[i]);
        uint8_t signature[256];
        uint8_t out[256];
        size_t len = 0;
        begin(&signer, &recovering[i], KK_OP_SIGN_RECOVER);
        begin(&recoverer, &recovering[i], KK_OP_VERIFY_RECOVER);
        sign(&signer, data, false, signature, &len);
        const struct kk_sign_ops *ops = recoverer.mechanism->sign;
        assert_ok(ops->recover(&recoverer, KK_SPAN(signature, len), out, &len));
        assert_true(len >= data.len);
        assert_memory_equal(out + (len - data.len), data.data, data.len);
        assert_rv(ops->recover(&recoverer, KK_SPAN(signature, 100), out, &len),
                  CKR_SIGNATURE_LEN_RANGE);
        op_end(&signer);
        op_end(&recoverer);
    }
}

/* A block that somebody made otherwise: RFC 8017, 9.2. */
static void test_data_come_out_of_right_blocks_only(void **state)
{
    static const struct signing raw = {CKM_RSA_X_509, &rsa, 0, {0}};
    static const struct signing padded = {CKM_RSA_PKCS, &rsa, 0, {0}};
    static const struct {
        uint8_t first, second, filling;
        size_t end, at; /* of the zero; of a byte that is not the filling, 0: none */
        bool is_right;
    } cases[] = {
        {0, 1, 0xff, 10, 0, true},    {0, 1, 0xff, 255, 0, true},  {0, 1, 0xff, 9, 0, false},
        {0, 2, 0xff, 40, 0, false},   {0, 0, 0xff, 40, 0, false},  {0, 1, 0xfe, 40, 0, false},
        {0, 1, 0xff, 40, 20, false},  {0, 1, 0xff, 256, 0, false}, {1, 1, 0xff, 40, 0, false},
        {0, 1, 0xff, 200, 11, false},
    };
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_op signer;
        struct kk_op recoverer;
        uint8_t block[257];
        uint8_t signature[256];
        uint8_t out[256];
        size_t len = 0;
        memset(block, cases[i].filling, sizeof block);
        block[0] = cases[i].first;
        block[1] = cases[i].second;
        block[cases[i].end] = 0;
        if (cases[i].at != 0) {
            block[cases[i].at] ^= 1;
        }
        begin(&signer, &raw, KK_OP_SIGN_RECOVER);
        begin(&recoverer, &padded, KK_OP_VERIFY_RECOVER);
        sign(&signer, KK_SPAN(block, 256), false, signature, &len);
        CK_RV rv =
            recoverer.mechanism->sign->recover(&recoverer, KK_SPAN(signature, 256), out, &len);
        assert_rv(rv, cases[i].is_right ? CKR_OK : CKR_SIGNATURE_INVALID);
        if (cases[i].is_right) {
            assert_int_equal(len, 255 - cases[i].end);
            assert_memory_equal(out, block + cases[i].end + 1, len);
        }
        op_end(&signer);
        op_end(&recoverer);
    }
}

static CK_RSA_PKCS_OAEP_PARAMS oaep = {.hashAlg = CKM_SHA256,
                                       .mgf = CKG_MGF1_SHA1,
                                       .source = CKZ_DATA_SPECIFIED,
                                       .pSourceData = message,
                                       .ulSourceDataLen = 9};

struct sealing {
    CK_MECHANISM_TYPE type;
    const void *param;
    size_t param_len;
    size_t most; /* that goes in, with 2,048 bits */
};

static const struct sealing sealings[] = {
    {CKM_RSA_PKCS, NULL, 0, 245},
    {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep, 190},
    {CKM_RSA_X_509, NULL, 0, 255},
    {CKM_RSA_PKCS_TPM_1_1, NULL, 0, 240},
    {CKM_RSA_PKCS_OAEP_TPM_1_1, NULL, 0, 209},
};

static void check_sealing(const struct sealing *sealing, size_t plain_len)
{
    struct kk_op op;
    uint8_t plain[256] = {1};
    uint8_t sealed[256];
    uint8_t out[256];
    size_t len = 0;
    plain[plain_len > 0 ? plain_len - 1 : 0] |= 1;
    op_begin(&op, sealing->type, KK_OP_ENCRYPT, rsa.public_key, sealing->param, sealing->param_len);
    const struct kk_cipher_ops *ops = op.mechanism->cipher;
    assert_ok(ops->init(&op));
    assert_true(ops->bound(&op, KK_PHASE_SINGLE, plain_len) >= 256);
    CK_RV rv = ops->single(&op, KK_SPAN(plain, plain_len), sealed, &len);
    op_end(&op);
    if (plain_len > sealing->most && sealing->type != CKM_RSA_X_509) {
        assert_rv(rv, CKR_DATA_LEN_RANGE);
        return;
    }
    assert_ok(rv);
    assert_int_equal(len, 256);
    op_begin(&op, sealing->type, KK_OP_DECRYPT, rsa.private_key, sealing->param,
             sealing->param_len);
    assert_ok(ops->init(&op));
    assert_ok(ops->single(&op, KK_SPAN_ARRAY(sealed), out, &len));
    size_t zeros = sealing->type == CKM_RSA_X_509 ? 256 - plain_len : 0;
    assert_int_equal(len, zeros + plain_len);
    assert_memory_equal(out + zeros, plain, plain_len);
    assert_rv(ops->single(&op, KK_SPAN(sealed, 255), out, &len), CKR_ENCRYPTED_DATA_LEN_RANGE);
    op_end(&op);
}

static void test_what_is_encrypted_is_decrypted(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sealings); i++) {
        for (size_t len = 0; len < 256; len += 5) {
            check_sealing(&sealings[i], len);
        }
        check_sealing(&sealings[i], sealings[i].most);
        check_sealing(&sealings[i], sealings[i].most + 1);
    }
}

static void check_wrapping(CK_MECHANISM_TYPE type, const void *param_in, size_t param_len,
                           size_t plain_len)
{
    const struct kk_mechanism *row = kk_registry_find(registry, type);
    const struct kk_wrap_ops *ops = row->wrap;
    struct kk_param param = {0};
    struct kk_secret *plain = NULL;
    uint8_t wrapped[2048];
    size_t bound = 0;
    size_t len = 0;
    static const uint8_t key[1300] = {9, 8, 7};
    assert_ok(kk_param_copy(row->shape, param_in, param_len, &param));
    assert_ok(ops->length(row, rsa.public_key, &param, plain_len, &bound));
    assert_ok(
        ops->wrap(crypto, row, rsa.public_key, &param, KK_SPAN(key, plain_len), wrapped, &len));
    assert_int_equal(len, bound);
    assert_ok(ops->unwrap(crypto, row, rsa.private_key, &param, KK_SPAN(wrapped, len), &plain));
    struct kk_span got = kk_secret_span(plain);
    assert_true(got.len >= plain_len);
    assert_memory_equal(got.data + (got.len - plain_len), key, plain_len);
    kk_secret_free(plain);
    plain = NULL;
    assert_rv(ops->unwrap(crypto, row, rsa.private_key, &param, KK_SPAN(wrapped, 200), &plain),
              CKR_WRAPPED_KEY_LEN_RANGE);
    assert_rv(ops->unwrap(crypto, row, rsa.public_key, &param, KK_SPAN(wrapped, len), &plain),
              CKR_KEY_TYPE_INCONSISTENT);
    assert_null(plain);
    kk_param_clear(&param);
}

static void test_keys_are_wrapped_and_unwrapped(void **state)
{
    static const CK_ULONG bits[] = {128, 192, 256};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(sealings); i++) {
        check_wrapping(sealings[i].type, sealings[i].param, sealings[i].param_len, 32);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(bits); i++) {
        CK_RSA_AES_KEY_WRAP_PARAMS params = {.ulAESKeyBits = bits[i], .pOAEPParams = &oaep};
        check_wrapping(CKM_RSA_AES_KEY_WRAP, &params, sizeof params, 1);
        check_wrapping(CKM_RSA_AES_KEY_WRAP, &params, sizeof params, 1218);
    }
}

static void test_keys_too_long_are_not_wrapped(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct kk_mechanism *row = kk_registry_find(registry, sealings[i].type);
        struct kk_param param = {0};
        size_t len = 0;
        assert_ok(kk_param_copy(row->shape, sealings[i].param, sealings[i].param_len, &param));
        assert_rv(row->wrap->length(row, rsa.public_key, &param, sealings[i].most + 1, &len),
                  CKR_KEY_SIZE_RANGE);
        kk_param_clear(&param);
    }
}

/* --- generation and agreement ----------------------------------------------------------------- */

static void test_generation_keeps_to_its_kind_and_bounds(void **state)
{
    const struct kk_mechanism *row = kk_registry_find(registry, CKM_RSA_PKCS_KEY_PAIR_GEN);
    struct kk_key_parts parts = {.kind = KK_KEY_RSA, .bits = 500};
    (void)state;
    assert_rv(row->generate->generate(crypto, row, NULL, &parts), CKR_KEY_SIZE_RANGE);
    parts.kind = KK_KEY_EC;
    assert_rv(row->generate->generate(crypto, row, NULL, &parts), CKR_KEY_TYPE_INCONSISTENT);
    row = kk_registry_find(registry, CKM_EC_EDWARDS_KEY_PAIR_GEN);
    assert_ok(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(OID_X25519)));
    for (int kind = KK_KEY_EC; kind <= KK_KEY_MONTGOMERY; kind++) {
        parts.kind = (enum kk_key_kind)kind;
        assert_rv(row->generate->generate(crypto, row, NULL, &parts), CKR_CURVE_NOT_SUPPORTED);
    }
    kk_key_parts_clear(&parts);
}

/* The other side's public key as the parameter has it. */
static struct kk_secret *agree(struct kk_key *own, struct kk_span peer, CK_EC_KDF_TYPE kdf,
                               size_t len)
{
    const struct kk_mechanism *row = kk_registry_find(registry, CKM_ECDH1_DERIVE);
    CK_ECDH1_DERIVE_PARAMS params = {.kdf = kdf, .ulPublicDataLen = peer.len};
    uint8_t point[160];
    struct kk_param param = {0};
    struct kk_secret *value = NULL;
    memcpy(point, peer.data, peer.len);
    params.pPublicData = point;
    assert_ok(kk_param_copy(row->shape, &params, sizeof params, &param));
    assert_ok(row->derive->derive(crypto, row, own, &param, &len, 1, &value));
    kk_param_clear(&param);
    return value;
}

static void test_two_sides_agree(void **state)
{
    static const char *const oids[] = {OID_P256, OID_P521, OID_X25519, "06032b656f"};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(oids); i++) {
        struct kk_key_parts parts[2];
        struct kk_key *keys[2] = {NULL, NULL};
        for (size_t side = 0; side < 2; side++) {
            parts[side] = (struct kk_key_parts){.kind = i < 2 ? KK_KEY_EC : KK_KEY_MONTGOMERY};
            assert_ok(kk_key_parts_set(&parts[side], KK_PART_EC_PARAMS, hex(oids[i])));
            assert_ok(kk_key_generate(crypto, &parts[side]));
            assert_ok(kk_key_new(crypto, &parts[side], &keys[side]));
        }
        for (CK_EC_KDF_TYPE kdf = CKD_NULL; kdf <= CKD_SHA1_KDF; kdf++) {
            struct kk_secret *a =
                agree(keys[0], kk_key_parts_get(&parts[1], KK_PART_EC_POINT), kdf, 24);
            struct kk_secret *b =
                agree(keys[1], kk_key_parts_get(&parts[0], KK_PART_EC_POINT), kdf, 24);
            assert_int_equal(kk_secret_len(a), 24);
            assert_true(kk_secret_equal(a, b));
            kk_secret_free(a);
            kk_secret_free(b);
        }
        for (size_t side = 0; side < 2; side++) {
            kk_key_unref(keys[side]);
            kk_key_parts_clear(&parts[side]);
        }
    }
}

static void test_agreement_wants_a_private_key(void **state)
{
    const struct kk_mechanism *row = kk_registry_find(registry, CKM_ECDH1_DERIVE);
    struct kk_key *keys[] = {p256.public_key, rsa.private_key, ed25519.private_key};
    uint8_t point[65] = {4};
    CK_ECDH1_DERIVE_PARAMS params = {
        .kdf = CKD_NULL, .pPublicData = point, .ulPublicDataLen = sizeof point};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        struct kk_param param = {0};
        struct kk_secret *value = NULL;
        size_t len = 0;
        assert_ok(kk_param_copy(row->shape, &params, sizeof params, &param));
        assert_rv(row->derive->derive(crypto, row, keys[i], &param, &len, 1, &value),
                  CKR_KEY_TYPE_INCONSISTENT);
        kk_param_clear(&param);
    }
}

/* --- wrapping by ECDH ------------------------------------------------------------------------- */

static void check_transport(CK_MECHANISM_TYPE type, const struct pair *pair,
                            const CK_ECDH_AES_KEY_WRAP_PARAMS *params, size_t plain_len)
{
    const struct kk_mechanism *row = kk_registry_find(registry, type);
    struct kk_param param = {0};
    struct kk_secret *plain = NULL;
    uint8_t out[600];
    uint8_t again[600];
    size_t want = 0;
    size_t len = 0;
    struct kk_span in = KK_SPAN(message, plain_len);
    assert_ok(kk_param_copy(row->shape, params, sizeof *params, &param));
    assert_ok(row->wrap->length(row, pair->public_key, &param, plain_len, &want));
    assert_ok(row->wrap->wrap(crypto, row, pair->public_key, &param, in, out, &len));
    assert_int_equal(len, want);
    assert_ok(row->wrap->wrap(crypto, row, pair->public_key, &param, in, again, &len));
    assert_memory_not_equal(out, again, len); /* a new pair each time */
    assert_ok(row->wrap->unwrap(crypto, row, pair->private_key, &param, KK_SPAN(out, len), &plain));
    assert_true(kk_span_equal(kk_secret_span(plain), in));
    kk_secret_free(plain);
    assert_rv(row->wrap->unwrap(crypto, row, pair->public_key, &param, KK_SPAN(out, len), &plain),
              CKR_KEY_TYPE_INCONSISTENT);
    kk_param_clear(&param);
}

static void test_keys_travel_under_an_agreed_secret(void **state)
{
    static const CK_ECDH_AES_KEY_WRAP_PARAMS params[] = {
        {.ulAESKeyBits = 128, .kdf = CKD_NULL},
        {.ulAESKeyBits = 192, .kdf = CKD_SHA1_KDF},
        {.ulAESKeyBits = 256, .kdf = CKD_SHA3_256_KDF_SP800},
        {.ulAESKeyBits = 256, .kdf = CKD_BLAKE2B_384_KDF},
    };
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(params); i++) {
        check_transport(CKM_ECDH_AES_KEY_WRAP, &p256, &params[i], 1 + i);
        check_transport(CKM_ECDH_COF_AES_KEY_WRAP, &p521, &params[i], 100 + i);
        check_transport(CKM_ECDH_X_AES_KEY_WRAP, &x25519, &params[i], 24);
        check_transport(CKM_ECDH_AES_KEY_WRAP, &x25519, &params[i], 200);
    }
}

static void test_transport_wants_a_curve_of_its_kind(void **state)
{
    static const CK_ECDH_AES_KEY_WRAP_PARAMS params = {.ulAESKeyBits = 128, .kdf = CKD_NULL};
    const struct kk_mechanism *row = kk_registry_find(registry, CKM_ECDH_X_AES_KEY_WRAP);
    struct kk_key *keys[] = {p256.public_key, rsa.public_key, ed25519.public_key};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(keys); i++) {
        struct kk_param param = {0};
        size_t len = 0;
        assert_ok(kk_param_copy(row->shape, &params, sizeof params, &param));
        assert_rv(row->wrap->length(row, keys[i], &param, 16, &len), CKR_KEY_TYPE_INCONSISTENT);
        kk_param_clear(&param);
    }
}

static void test_x931_pairs_have_bounds(void **state)
{
    static const uint8_t three[] = {3};
    const struct kk_mechanism *row = kk_registry_find(registry, CKM_RSA_X9_31_KEY_PAIR_GEN);
    struct kk_key_parts parts = {.kind = KK_KEY_RSA, .bits = 2047};
    (void)state;
    assert_rv(row->generate->generate(crypto, row, NULL, &parts), CKR_KEY_SIZE_RANGE);
    parts.bits = 1024; /* no strong primes there */
    assert_rv(row->generate->generate(crypto, row, NULL, &parts), CKR_KEY_SIZE_RANGE);
    parts.bits = 2048;
    assert_ok(kk_key_parts_set(&parts, KK_PART_PUBLIC_EXPONENT, KK_SPAN_ARRAY(three)));
    assert_rv(row->generate->generate(crypto, row, NULL, &parts), CKR_TEMPLATE_INCONSISTENT);
    kk_key_parts_clear(&parts);
}

static void test_pairs_with_extra_bits_sign(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct pair pair =
            make_pair(CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS, 0, hex(i == 0 ? OID_P521 : OID_P256));
        struct signing signing = {.type = CKM_ECDSA_SHA256, .pair = &pair};
        check_signing(&signing);
        free_pair(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_signed_is_verified_and_nothing_else),
        cmocka_unit_test(test_post_quantum_signatures_are_verified_and_nothing_else),
        cmocka_unit_test(test_every_signing_row_is_checked),
        cmocka_unit_test(test_keys_travel_under_an_agreed_secret),
        cmocka_unit_test(test_transport_wants_a_curve_of_its_kind),
        cmocka_unit_test(test_x931_pairs_have_bounds),
        cmocka_unit_test(test_pairs_with_extra_bits_sign),
        cmocka_unit_test(test_a_sum_begun_anew_forgets_what_came_before),
        cmocka_unit_test(test_one_operation_serves_all_in_turns),
        cmocka_unit_test(test_a_context_is_kept_for_the_same_key_and_allocates_nothing),
        cmocka_unit_test(test_keys_that_do_not_fit_are_refused),
        cmocka_unit_test(test_no_memory_leaves_the_old_context_or_none),
        cmocka_unit_test(test_threads_share_keys),
        cmocka_unit_test(test_signatures_give_their_data_back),
        cmocka_unit_test(test_data_come_out_of_right_blocks_only),
        cmocka_unit_test(test_what_is_encrypted_is_decrypted),
        cmocka_unit_test(test_keys_are_wrapped_and_unwrapped),
        cmocka_unit_test(test_keys_too_long_are_not_wrapped),
        cmocka_unit_test(test_generation_keeps_to_its_kind_and_bounds),
        cmocka_unit_test(test_two_sides_agree),
        cmocka_unit_test(test_agreement_wants_a_private_key),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
