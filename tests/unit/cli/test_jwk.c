/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * JSON Web Keys: the RFCs' own examples (RFC 7517 A.1 and A.2, RFC 8037 A.1), there and back, and
 * what is no JWK.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/jwk.h"
#include "cli/key_template.h"

#define EC_PUBLIC                                                                                  \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","      \
    "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\""
#define EC_D "\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\""
#define ED_PUBLIC                                                                                  \
    "\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define ED_D "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\""

static CK_RV read_text(const char *text, struct kk_jwk_set **ret_set)
{
    return kk_jwk_read(KK_SPAN(text, strlen(text)), ret_set);
}

static struct kk_jwk_set *parsed(const char *text)
{
    struct kk_jwk_set *set = NULL;
    CK_RV rv = read_text(text, &set);
    if (rv != CKR_OK) {
        fail_msg("0x%lx: %s", rv, text);
    }
    return set;
}

static void test_the_rfcs_examples(void **state)
{
    (void)state;
    KK_CLEANUP(kk_jwk_set_freep) struct kk_jwk_set *set =
        parsed("{\"keys\":[{" EC_PUBLIC ",\"use\":\"enc\",\"kid\":\"1\"},{" EC_PUBLIC "," EC_D
               ",\"key_ops\":[\"sign\",\"unknown\"]},{" ED_PUBLIC "," ED_D "},{" ED_PUBLIC
               "},{\"kty\":\"oct\",\"alg\":\"A128KW\",\"k\":\"GawgguFyGrWKav7AX4VKUg\"},"
               "{\"kty\":\"oct\",\"k\":\"GawgguFyGrWKav7AX4VKUg\"}]}");
    assert_int_equal(set->count, 6);
    const struct kk_jwk *keys = set->keys;
    assert_false(keys[0].is_private);
    assert_int_equal(keys[0].key->kind, KK_KEYFILE_EC);
    assert_int_equal(kk_secret_len(keys[0].key->parts[KK_KEYPART_PUBLIC]), 65);
    assert_int_equal(keys[0].uses, KK_KEY_USE_ENCRYPT | KK_KEY_USE_WRAP | KK_KEY_USE_DERIVE);
    assert_true(kk_span_equal(kk_buffer_span(&keys[0].kid), KK_SPAN_TEXT("1")));
    assert_true(keys[1].is_private);
    assert_int_equal(keys[1].uses, KK_KEY_USE_SIGN);
    assert_int_equal(keys[1].kid.len, 0);
    assert_true(keys[2].is_private);
    assert_int_equal(keys[2].key->kind, KK_KEYFILE_EDWARDS);
    assert_string_equal(keys[2].key->algorithm, "ED25519");
    assert_false(keys[3].is_private);
    assert_null(keys[4].key);
    assert_true(keys[4].is_aes);
    assert_int_equal(kk_secret_len(keys[4].secret), 16);
    assert_false(keys[5].is_aes);
}

/* Written, and read again: the same parts. */
static void assert_there_and_back(const char *text, bool with_private)
{
    KK_CLEANUP(kk_jwk_set_freep) struct kk_jwk_set *set = parsed(text);
    KK_CLEANUP(kk_jwk_set_freep) struct kk_jwk_set *again = NULL;
    KK_CLEANUP(kk_json_clear) struct kk_json json = {.text = {.wipe = true}};
    const struct kk_keyfile *key = set->keys[0].key;
    assert_int_equal(kk_jwk_put(&json, key, with_private, KK_SPAN_TEXT("\"name\"")), CKR_OK);
    assert_int_equal(kk_jwk_read(kk_buffer_span(&json.text), &again), CKR_OK);
    assert_int_equal(again->keys[0].is_private, with_private);
    assert_true(kk_span_equal(kk_buffer_span(&again->keys[0].kid), KK_SPAN_TEXT("\"name\"")));
    for (size_t i = 0; i < KK_KEYPART_COUNT; i++) {
        const struct kk_secret *part = again->keys[0].key->parts[i];
        assert_true(part == NULL || kk_secret_equal(part, key->parts[i]));
        assert_int_equal(part == NULL,
                         key->parts[i] == NULL || (!with_private && i == KK_KEYPART_PRIVATE));
    }
}

static void test_there_and_back(void **state)
{
    (void)state;
    assert_there_and_back("{" EC_PUBLIC "," EC_D "}", true);
    assert_there_and_back("{" EC_PUBLIC "," EC_D "}", false);
    assert_there_and_back("{" EC_PUBLIC "}", false);
    assert_there_and_back("[{" ED_PUBLIC "," ED_D "}]", true);
    assert_there_and_back("{" ED_PUBLIC "}", false);
}

static void test_what_is_no_jwk(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        CK_RV rv;
    } rows[] = {
        {"", CKR_DATA_INVALID},
        {"1", CKR_DATA_INVALID},
        {"{}", CKR_DATA_INVALID},
        {"[]", CKR_DATA_INVALID},
        {"[1]", CKR_DATA_INVALID},
        {"{\"keys\":{}}", CKR_DATA_INVALID},
        {"{\"kty\":1}", CKR_DATA_INVALID},
        {"{\"kty\":\"ec\"}", CKR_MECHANISM_INVALID},
        {"{\"kty\":\"EC\"}", CKR_MECHANISM_INVALID},
        {"{\"kty\":\"EC\",\"crv\":\"Ed25519\",\"x\":\"AA\"}", CKR_MECHANISM_INVALID},
        {"{\"kty\":\"OKP\",\"crv\":\"P-256\",\"x\":\"AA\"}", CKR_MECHANISM_INVALID},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", CKR_DATA_INVALID},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", CKR_DATA_INVALID},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":7}", CKR_DATA_INVALID},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\"}", CKR_DATA_INVALID},
        {"{\"kty\":\"RSA\",\"n\":\"AAAA\",\"e\":\"AQAB\"}", CKR_DATA_INVALID},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"oth\":[]}", CKR_MECHANISM_INVALID},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"p\":\"AQAB\"}", CKR_DATA_INVALID},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\",\"d\":\"AQAB\"}",
         CKR_ATTRIBUTE_VALUE_INVALID},
        {"{" EC_PUBLIC ",\"d\":\"AA\"}", CKR_DATA_INVALID},
        {"{" EC_PUBLIC ",\"d\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\"}",
         CKR_ATTRIBUTE_VALUE_INVALID},
        {"{" EC_PUBLIC ",\"kid\":1}", CKR_DATA_INVALID},
        {"{" EC_PUBLIC ",\"key_ops\":\"sign\"}", CKR_DATA_INVALID},
        {"{\"kty\":\"oct\"}", CKR_DATA_INVALID},
        {"{\"kty\":\"oct\",\"k\":\"A\"}", CKR_DATA_INVALID},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        struct kk_jwk_set *set = NULL;
        CK_RV rv = read_text(rows[i].text, &set);
        if (rv != rows[i].rv) {
            fail_msg("0x%lx: %s", rv, rows[i].text);
        }
        assert_null(set);
    }
}

static void test_what_begins_as_json(void **state)
{
    (void)state;
    assert_true(kk_jwk_is_json(KK_SPAN_TEXT(" \n{")));
    assert_true(kk_jwk_is_json(KK_SPAN_TEXT("[")));
    assert_false(kk_jwk_is_json(KK_SPAN_TEXT("")));
    assert_false(kk_jwk_is_json(KK_SPAN_TEXT("\0{")));
    assert_false(kk_jwk_is_json(KK_SPAN_TEXT("0{")));
    assert_true(kk_jwk_is_json(KK_SPAN_TEXT("{\t\r\n\xc3\xa4 and nonsense")));
    /* A raw key may begin with any byte. */
    assert_false(kk_jwk_is_json(KK_SPAN_TEXT("{0123456789abcd\xff")));
    assert_false(kk_jwk_is_json(KK_SPAN_TEXT("[0123456789abcd\x01")));
    assert_false(kk_jwk_is_json(KK_SPAN_TEXT(" {0123456789abc\0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rfcs_examples),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_what_is_no_jwk),
        cmocka_unit_test(test_what_begins_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
