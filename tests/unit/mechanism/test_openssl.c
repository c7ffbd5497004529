/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random data through every row that the openssl program can do too, both ways: digests, HMACs and
 * CMACs, ciphers with an IV or none, signatures of RSA, ECDSA, EdDSA and DSA with their hash. Which
 * command a row has follows from its columns; rows that have none are not the program's.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"
#include "mechanism/operation.h"

#define LENGTH 1000 /* of the data: no whole number of blocks */
#define WHOLE 1008  /* one that is, for all ciphers */

static char folder[] = "/tmp/kk-openssl-XXXXXX";
static uint8_t data[WHOLE];

/* The program's answers come in files. */
static void write_file(const char *name, struct kk_span bytes)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.len, file), bytes.len);
    assert_int_equal(fclose(file), 0);
}

static struct kk_span read_file(const char *name)
{
    static uint8_t bytes[4096];
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    return KK_SPAN(bytes, len);
}

/* `openssl ARGUMENTS` in the folder, with both providers; false: it does not know the algorithm. */
static bool openssl(const char *arguments)
{
    char command[1024];
    int len =
        snprintf(command, sizeof command, "cd %s && openssl %s >said 2>&1", folder, arguments);
    assert_true(len > 0 && (size_t)len < sizeof command);
    return system(command) == 0;
}

static void expect_file(const struct kk_mechanism *row, const char *name, const uint8_t *got,
                        size_t len)
{
    struct kk_span want = read_file(name);
    if (!kk_mem_equal(got, len, want.data, want.len)) {
        fail_msg("%s: the openssl program has another result", row->name);
    }
}

static void to_hex(struct kk_span bytes, char *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", bytes.data[i]);
    }
}

#define PROVIDERS "-provider default -provider legacy"

static const char *providers(void)
{
    static int has_legacy = -1;
    if (has_legacy < 0) {
        has_legacy = openssl("list " PROVIDERS " -providers") ? 1 : 0;
    }
    return has_legacy ? PROVIDERS : "";
}

/* --- digests ---------------------------------------------------------------------------------- */

static bool is_plain_name(const struct kk_mechanism *row)
{
    return row->algorithm != NULL && strchr(row->algorithm, '%') == NULL;
}

static void test_digests(void **state)
{
    size_t count = 0;
    (void)state;
    write_file("in", KK_SPAN(data, LENGTH));
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        char arguments[256];
        uint8_t out[64];
        size_t len = 0;
        struct kk_op op;
        if (row->digest == NULL || !is_plain_name(row)) {
            continue;
        }
        (void)snprintf(arguments, sizeof arguments, "dgst %s -%s -binary -out out in", providers(),
                       row->algorithm);
        if (!openssl(arguments)) {
            continue; /* BLAKE2b of other lengths */
        }
        op_begin(&op, row->type, KK_OP_DIGEST, NULL, NULL, 0);
        assert_ok(row->digest->init(&op));
        assert_ok(row->digest->single(&op, KK_SPAN(data, LENGTH), out, &len));
        expect_file(row, "out", out, len);
        op_end(&op);
        count++;
    }
    assert_true(count >= 12);
}

/* --- MACs ------------------------------------------------------------------------------------- */

static void check_mac(const struct kk_mechanism *row, const char *arguments, struct kk_span value)
{
    struct kk_key *key = secret_key(value);
    uint8_t out[64];
    size_t len = 0;
    struct kk_op op;
    op_begin(&op, row->type, KK_OP_SIGN, key, NULL, 0);
    assert_ok(row->sign->init(&op));
    assert_ok(row->sign->single(&op, KK_SPAN(data, LENGTH), out, &len));
    if (!openssl(arguments)) {
        fail_msg("%s: openssl %s fails", row->name, arguments);
    }
    expect_file(row, "out", out, len);
    op_end(&op);
    kk_key_unref(key);
}

static void test_macs(void **state)
{
    char key[65];
    char arguments[256];
    char cipher[KK_ALGORITHM_NAME];
    size_t count = 0;
    (void)state;
    write_file("in", KK_SPAN(data, LENGTH));
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        bool is_own = row->algorithm != NULL && strncmp(row->algorithm, "BLAKE2B", 7) == 0;
        if (row->shape != KK_PARAM_NONE || is_own) {
            continue;
        }
        if (row->sign == &kk_hmac_ops) {
            to_hex(KK_SPAN(data, 32), key);
            (void)snprintf(arguments, sizeof arguments,
                           "dgst %s -%s -mac HMAC -macopt hexkey:%s -binary -out out in",
                           providers(), row->algorithm, key);
            check_mac(row, arguments, KK_SPAN(data, 32));
            count++;
        } else if (row->sign == &kk_cmac_ops) {
            to_hex(KK_SPAN(data, 24), key);
            kk_mechanism_algorithm(row, 192, cipher);
            (void)snprintf(arguments, sizeof arguments,
                           "mac -cipher %s -macopt hexkey:%s -in in -binary -out out CMAC", cipher,
                           key);
            check_mac(row, arguments, KK_SPAN(data, 24));
            count++;
        }
    }
    assert_true(count >= 12);
}

/* --- ciphers ---------------------------------------------------------------------------------- */

/* The key's length that the row's name is told, or the type's greatest. */
static size_t key_length(const struct kk_mechanism *row)
{
    size_t min = 0;
    size_t max = 0;
    size_t step = 0;
    assert_true(kk_key_type_lengths(row->key_type, &min, &max, &step));
    return max > 32 || max == 0 ? 16 : max;
}

static bool is_programs(const struct kk_mechanism *row)
{
    bool is_ours = row->detail == KK_BLOCK_CFB64 || row->detail == KK_BLOCK_OFB8;
    bool is_block = (row->cipher == &kk_block_ops && !is_ours) || row->cipher == &kk_block_pad_ops;
    return is_block && (row->shape == KK_PARAM_NONE || row->shape == KK_PARAM_BYTES);
}

static CK_RV encrypt_with(const struct kk_mechanism *row, struct kk_key *key, size_t iv_len,
                          uint8_t *out, size_t *ret_len)
{
    struct kk_op op;
    size_t first = 0;
    size_t last = 0;
    op_begin(&op, row->type, KK_OP_ENCRYPT, key, data, row->shape == KK_PARAM_NONE ? 0 : iv_len);
    CK_RV rv = row->cipher->init(&op);
    rv = rv == CKR_OK ? row->cipher->update(&op, KK_SPAN(data, WHOLE), out, &first) : rv;
    rv = rv == CKR_OK ? row->cipher->final(&op, out + first, &last) : rv;
    op_end(&op);
    *ret_len = first + last;
    return rv;
}

static void check_cipher(const struct kk_mechanism *row)
{
    uint8_t out[WHOLE + 32];
    char key_hex[65];
    char iv_hex[65];
    char name[KK_ALGORITHM_NAME];
    char arguments[512];
    size_t len = 0;
    size_t iv_len = 16;
    size_t key_len = key_length(row);
    struct kk_key *key = secret_key(KK_SPAN(data + 16, key_len));
    CK_RV rv = encrypt_with(row, key, iv_len, out, &len);
    if (rv == CKR_MECHANISM_PARAM_INVALID) {
        iv_len = 8;
        rv = encrypt_with(row, key, iv_len, out, &len);
    }
    assert_ok(rv);
    kk_key_unref(key);
    to_hex(KK_SPAN(data + 16, key_len), key_hex);
    to_hex(KK_SPAN(data, iv_len), iv_hex);
    kk_mechanism_algorithm(row, key_len * 8, name);
    (void)snprintf(arguments, sizeof arguments, "enc %s -%s -K %s %s%s %s -in in -out out",
                   providers(), name, key_hex, strstr(name, "ECB") != NULL ? "" : "-iv ",
                   strstr(name, "ECB") != NULL ? "" : iv_hex,
                   row->detail == KK_BLOCK_PADS ? "" : "-nopad");
    if (!openssl(arguments)) {
        fail_msg("%s: openssl %s fails", row->name, arguments);
    }
    expect_file(row, "out", out, len);
}

static void test_ciphers(void **state)
{
    size_t count = 0;
    (void)state;
    write_file("in", KK_SPAN(data, WHOLE));
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        if (is_programs(row)) {
            check_cipher(row);
            count++;
        }
    }
    assert_true(count >= 12);
}

/* --- signatures ------------------------------------------------------------------------------- */

/* Pairs of the program's making would need its files read: the public key goes out instead. */
static void public_pem(const struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    assert_ok(kk_key_spki(crypto, parts, &der));
    write_file("public.der", kk_buffer_span(&der));
}

/* r and s, as PKCS #11 has them, in the DER that the program wants. */
static void write_signature(bool is_pair, const uint8_t *signature, size_t len)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    if (!is_pair) {
        write_file("sig", KK_SPAN(signature, len));
        return;
    }
    for (size_t half = 0; half < 2; half++) {
        const uint8_t *number = signature + half * len / 2;
        size_t left = len / 2;
        while (left > 1 && *number == 0) {
            number++;
            left--;
        }
        bool pads = (*number & 0x80) != 0;
        kk_buffer_put_u8(&body, 0x02);
        kk_buffer_put_u8(&body, (uint8_t)(left + pads));
        if (pads) {
            kk_buffer_put_u8(&body, 0);
        }
        kk_buffer_put(&body, number, left);
    }
    kk_buffer_put_u8(&der, 0x30);
    kk_buffer_put_u8(&der, (uint8_t)body.len);
    kk_buffer_put_span(&der, kk_buffer_span(&body));
    write_file("sig", kk_buffer_span(&der));
}

static const struct {
    enum kk_key_kind kind;
    CK_ULONG bits;
    const char *curve;
} kinds[] = {
    {KK_KEY_RSA, 2048, NULL},
    {KK_KEY_EC, 0, "06082a8648ce3d030107"},
};

static bool is_programs_signature(const struct kk_mechanism *row, enum kk_key_kind kind)
{
    return row->sign != NULL && row->sign->update != NULL && row->shape == KK_PARAM_NONE &&
           row->hash != NULL && row->key_type != KK_NO_KEY_TYPE &&
           kk_key_kind_of(row->key_type) == kind && strstr(row->name, "X9_31") == NULL;
}

static void check_signature(const struct kk_mechanism *row, struct kk_key *key)
{
    uint8_t signature[512];
    char arguments[256];
    size_t len = 0;
    struct kk_op op;
    op_begin(&op, row->type, KK_OP_SIGN, key, NULL, 0);
    assert_ok(row->sign->init(&op));
    assert_ok(row->sign->single(&op, KK_SPAN(data, LENGTH), signature, &len));
    op_end(&op);
    write_signature(kk_key_kind(key) != KK_KEY_RSA, signature, len);
    (void)snprintf(arguments, sizeof arguments,
                   "dgst %s -%s -verify public.der -keyform DER -signature sig in", providers(),
                   row->hash);
    if (!openssl(arguments)) {
        fail_msg("%s: openssl %s fails", row->name, arguments);
    }
}

static void test_signatures(void **state)
{
    size_t count = 0;
    (void)state;
    write_file("in", KK_SPAN(data, LENGTH));
    for (size_t i = 0; i < KK_ARRAY_LEN(kinds); i++) {
        struct kk_key_parts parts = {.kind = kinds[i].kind, .bits = kinds[i].bits};
        struct kk_key *key = NULL;
        if (kinds[i].curve != NULL) {
            assert_ok(kk_key_parts_set(&parts, KK_PART_EC_PARAMS, hex(kinds[i].curve)));
        }
        assert_ok(kk_key_generate(crypto, &parts));
        assert_ok(kk_key_new(crypto, &parts, &key));
        public_pem(&parts);
        for (size_t j = 0; j < kk_registry_count(registry); j++) {
            const struct kk_mechanism *row = kk_registry_at(registry, j);
            if (is_programs_signature(row, kinds[i].kind)) {
                check_signature(row, key);
                count++;
            }
        }
        kk_key_unref(key);
        kk_key_parts_clear(&parts);
    }
    assert_true(count >= 15);
}

static int set_up_folder(void **state)
{
    int rc = set_up(state);
    return rc == 0 && mkdtemp(folder) != NULL && kk_crypto_random(crypto, data, WHOLE) == CKR_OK
               ? 0
               : -1;
}

static int tear_down_folder(void **state)
{
    static const char *const names[] = {"in", "out", "said", "sig", "public.der"};
    for (size_t i = 0; i < KK_ARRAY_LEN(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(folder);
    return tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests),
        cmocka_unit_test(test_macs),
        cmocka_unit_test(test_ciphers),
        cmocka_unit_test(test_signatures),
    };
    return cmocka_run_group_tests_name("openssl", tests, set_up_folder, tear_down_folder);
}
