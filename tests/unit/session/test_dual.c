/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dual-function updates: which half ends when something goes wrong, and what the other one got.
 */
#include "support.h"

#include <string.h>

#include "crypto/digest.h"

static struct world world;
static CK_SESSION_HANDLE session;

static uint8_t iv[16];
static const CK_MECHANISM cbc = {CKM_AES_CBC, iv, sizeof iv};
static const CK_MECHANISM cmac = {CKM_AES_CMAC, NULL, 0};
static const CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
static const CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};

static int set_up(void **state)
{
    (void)state;
    world_open(&world);
    session = session_open(world.app, world.slot, true);
    assert_ok(session_login(world.app, session, CKU_USER, PIN));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

/* The private half of a new P-256 pair. */
static CK_OBJECT_HANDLE ec_private(void)
{
    static CK_BBOOL yes = CK_TRUE;
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_ATTRIBUTE curve = {CKA_EC_PARAMS, p256, sizeof p256};
    CK_ATTRIBUTE signs = {CKA_SIGN, &yes, 1};
    CK_OBJECT_HANDLE keys[2] = {0};
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *public_tmpl = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *private_tmpl = NULL;
    struct kk_param param;
    kk_param_init(&param);
    assert_ok(kk_call_begin(world.app, session, &call));
    assert_ok(kk_template_copy(&curve, 1, KK_VERB_GENERATE, &public_tmpl));
    assert_ok(kk_template_copy(&signs, 1, KK_VERB_GENERATE, &private_tmpl));
    assert_ok(kk_call_generate_pair(&call,
                                    kk_registry_find(world.engine->registry, CKM_EC_KEY_PAIR_GEN),
                                    &param, public_tmpl, private_tmpl, &keys[0], &keys[1]));
    return keys[1];
}

static CK_RV dual(enum kk_op_kind cipher, enum kk_op_kind other, struct kk_span in, uint8_t *out,
                  CK_ULONG *len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(world.app, session, &call));
    return kk_operation_dual(&call, cipher, other, in, &(struct kk_output){out, len});
}

/* What the session's digest comes to is the digest of `text`. */
static void assert_digest(struct kk_span text)
{
    uint8_t want[32];
    uint8_t got[32];
    CK_ULONG len = sizeof got;
    assert_ok(kk_digest_pieces(world.engine->crypto, "SHA256", &text, 1, want, sizeof want));
    assert_ok(
        op_result(world.app, session, KK_OP_DIGEST, KK_PHASE_FINAL, KK_SPAN(NULL, 0), got, &len));
    assert_memory_equal(got, want, sizeof want);
}

static void test_a_buffer_that_overlaps_digests_the_plaintext(void **state)
{
    (void)state;
    uint8_t apart[32];
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    for (size_t shift = 0; shift < 48; shift += 8) {
        uint8_t buffer[96];
        uint8_t plain[32];
        CK_ULONG len = sizeof apart;
        memset(buffer, 0, sizeof buffer);
        memcpy(plain, "thirty-two bytes of plaintext...", sizeof plain);
        memcpy(buffer + 24, plain, sizeof plain);
        assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc, key));
        assert_ok(op_cipher(world.app, session, KK_OP_ENCRYPT, KK_PHASE_SINGLE,
                            KK_SPAN_ARRAY(plain), apart, &len));
        assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc, key));
        assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0));
        len = sizeof plain;
        assert_ok(dual(KK_OP_ENCRYPT, KK_OP_DIGEST, KK_SPAN(buffer + 24, sizeof plain),
                       buffer + shift, &len));
        assert_memory_equal(buffer + shift, apart, sizeof apart);
        assert_digest(KK_SPAN_ARRAY(plain));
        len = sizeof apart;
        assert_ok(op_cipher(world.app, session, KK_OP_ENCRYPT, KK_PHASE_FINAL, KK_SPAN(NULL, 0),
                            apart, &len));
    }
}

static void test_a_cipher_that_fails_ends_alone(void **state)
{
    (void)state;
    uint8_t out[64];
    CK_ULONG len = sizeof out;
    CK_AES_CTR_PARAMS params = {.ulCounterBits = 1, .cb = {[15] = 1}};
    const CK_MECHANISM ctr = {CKM_AES_CTR, &params, sizeof params};
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &ctr, key));
    assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0));
    assert_int_equal(dual(KK_OP_ENCRYPT, KK_OP_DIGEST,
                          KK_SPAN_TEXT("more than the one block that the counter has left"), out,
                          &len),
                     CKR_DATA_LEN_RANGE);
    assert_int_equal(
        op_cipher(world.app, session, KK_OP_ENCRYPT, KK_PHASE_UPDATE, KK_SPAN_TEXT("x"), out, &len),
        CKR_OPERATION_NOT_INITIALIZED);
    assert_digest(KK_SPAN(NULL, 0));
}

static void test_what_takes_no_parts_ends_before_anything_is_encrypted(void **state)
{
    (void)state;
    uint8_t out[64];
    uint8_t want[64];
    CK_ULONG len = sizeof want;
    const struct kk_span text = KK_SPAN_TEXT("sixteen bytes ..");
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc, key));
    assert_ok(op_cipher(world.app, session, KK_OP_ENCRYPT, KK_PHASE_SINGLE, text, want, &len));
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &cbc, key));
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &ecdsa, ec_private()));
    len = sizeof out;
    assert_int_equal(dual(KK_OP_ENCRYPT, KK_OP_SIGN, text, out, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_ok(op_init(world.app, session, KK_OP_SIGN, &cmac, key));
    len = sizeof out;
    assert_ok(dual(KK_OP_ENCRYPT, KK_OP_SIGN, text, out, &len));
    assert_memory_equal(out, want, 16);
}

static void test_a_decryption_that_gives_nothing_yet_digests_nothing(void **state)
{
    (void)state;
    static uint8_t nonce[12];
    CK_GCM_PARAMS params = {nonce, sizeof nonce, 0, NULL, 0, 128};
    const CK_MECHANISM gcm = {CKM_AES_GCM, &params, sizeof params};
    uint8_t sealed[64];
    uint8_t out[64];
    CK_ULONG sealed_len = sizeof sealed;
    CK_ULONG len = sizeof out;
    CK_OBJECT_HANDLE key = aes_create(world.app, session, false, false);
    assert_ok(op_init(world.app, session, KK_OP_ENCRYPT, &gcm, key));
    assert_ok(op_cipher(world.app, session, KK_OP_ENCRYPT, KK_PHASE_SINGLE, KK_SPAN_TEXT("text"),
                        sealed, &sealed_len));
    assert_ok(op_init(world.app, session, KK_OP_DECRYPT, &gcm, key));
    assert_ok(op_init(world.app, session, KK_OP_DIGEST, &sha256, 0));
    assert_ok(dual(KK_OP_DECRYPT, KK_OP_DIGEST, KK_SPAN(sealed, sealed_len), out, &len));
    assert_int_equal(len, 0);
    assert_digest(KK_SPAN(NULL, 0));
    len = sizeof out;
    assert_ok(
        op_cipher(world.app, session, KK_OP_DECRYPT, KK_PHASE_FINAL, KK_SPAN(NULL, 0), out, &len));
    assert_memory_equal(out, "text", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_buffer_that_overlaps_digests_the_plaintext),
        TEST(test_a_cipher_that_fails_ends_alone),
        TEST(test_what_takes_no_parts_ends_before_anything_is_encrypted),
        TEST(test_a_decryption_that_gives_nothing_yet_digests_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
