/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BIND's key files: which fields make which key, what is passed over, what is refused. The words
 * are tested with the program, in tests/cli.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/bind_file.h"

#define VERSION "Private-key-format: v1.3\n"
#define RSA_PARTS                                                                                  \
    "Modulus: AQ==\nPublicExponent: Ag==\nPrivateExponent: Aw==\nPrime1: BA==\nPrime2: BQ==\n"     \
    "Exponent1: Bg==\nExponent2: Bw==\nCoefficient: CA==\n"
#define DSA_PARTS                                                                                  \
    "Prime(p): AQ==\nSubprime(q): Ag==\nBase(g): Aw==\nPrivate_value(x): BA==\n"                   \
    "Public_value(y): BQ==\n"
#define EC_PARTS "PrivateKey: AQ==\n"

static CK_RV parse(const char *text, struct kk_keyfile **ret_keyfile)
{
    return kk_bind_file_parse(KK_SPAN(text, strlen(text)), ret_keyfile);
}

static struct kk_keyfile *parsed(const char *text)
{
    struct kk_keyfile *keyfile = NULL;
    assert_int_equal(parse(text, &keyfile), CKR_OK);
    assert_non_null(keyfile);
    return keyfile;
}

static void assert_refused(const char *text)
{
    struct kk_keyfile *keyfile = NULL;
    assert_int_not_equal(parse(text, &keyfile), CKR_OK);
    assert_null(keyfile);
}

/* The parts are the bytes 1, 2, 3 ... in the order given. */
static void assert_parts(const struct kk_keyfile *keyfile, const enum kk_keyfile_part *parts,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t expected[] = {(uint8_t)(i + 1)};
        assert_non_null(keyfile->parts[parts[i]]);
        assert_true(
            kk_span_equal(kk_secret_span(keyfile->parts[parts[i]]), KK_SPAN_ARRAY(expected)));
    }
}

static const struct {
    int number;
    const char *parts;
    enum kk_keyfile_kind kind;
    struct kk_span curve;
} algorithms[] = {
    {1, RSA_PARTS, KK_KEYFILE_RSA, {NULL, 0}},
    {3, DSA_PARTS, KK_KEYFILE_DSA, {NULL, 0}},
    {5, RSA_PARTS, KK_KEYFILE_RSA, {NULL, 0}},
    {6, DSA_PARTS, KK_KEYFILE_DSA, {NULL, 0}},
    {7, RSA_PARTS, KK_KEYFILE_RSA, {NULL, 0}},
    {8, RSA_PARTS, KK_KEYFILE_RSA, {NULL, 0}},
    {10, RSA_PARTS, KK_KEYFILE_RSA, {NULL, 0}},
    {13,
     EC_PARTS,
     KK_KEYFILE_EC,
     {(const uint8_t *)"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", 10}},
    {14, EC_PARTS, KK_KEYFILE_EC, {(const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x22", 7}},
    {15, EC_PARTS, KK_KEYFILE_EDWARDS, {(const uint8_t *)"\x06\x03\x2b\x65\x70", 5}},
    {16, EC_PARTS, KK_KEYFILE_EDWARDS, {(const uint8_t *)"\x06\x03\x2b\x65\x71", 5}},
};

static const enum kk_keyfile_part rsa_order[] = {
    KK_KEYPART_MODULUS,    KK_KEYPART_PUBLIC_EXPONENT, KK_KEYPART_PRIVATE_EXPONENT,
    KK_KEYPART_PRIME_1,    KK_KEYPART_PRIME_2,         KK_KEYPART_EXPONENT_1,
    KK_KEYPART_EXPONENT_2, KK_KEYPART_COEFFICIENT};
static const enum kk_keyfile_part dsa_order[] = {
    KK_KEYPART_PRIME, KK_KEYPART_SUBPRIME, KK_KEYPART_BASE, KK_KEYPART_PRIVATE, KK_KEYPART_PUBLIC};
static const enum kk_keyfile_part ec_order[] = {KK_KEYPART_PRIVATE};

static void test_every_algorithm(void **state)
{
    (void)state;
    char text[512];
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        snprintf(text, sizeof text, VERSION "Algorithm: %d (NAME)\n%s", algorithms[i].number,
                 algorithms[i].parts);
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile = parsed(text);
        assert_int_equal(keyfile->kind, algorithms[i].kind);
        if (keyfile->kind == KK_KEYFILE_RSA) {
            assert_parts(keyfile, rsa_order, KK_ARRAY_LEN(rsa_order));
        } else if (keyfile->kind == KK_KEYFILE_DSA) {
            assert_parts(keyfile, dsa_order, KK_ARRAY_LEN(dsa_order));
        } else {
            assert_parts(keyfile, ec_order, KK_ARRAY_LEN(ec_order));
            assert_true(kk_span_equal(kk_secret_span(keyfile->parts[KK_KEYPART_EC_PARAMS]),
                                      algorithms[i].curve));
        }
    }
}

static void test_no_other_algorithm(void **state)
{
    (void)state;
    char text[512];
    for (int number = 0; number < 300; number++) {
        bool is_known = false;
        for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
            is_known |= algorithms[i].number == number;
        }
        if (!is_known) {
            snprintf(text, sizeof text, VERSION "Algorithm: %d\n" RSA_PARTS DSA_PARTS, number);
            assert_refused(text);
        }
    }
    assert_refused(VERSION RSA_PARTS);
    assert_refused(VERSION "Algorithm: x\n" RSA_PARTS);
    assert_refused(VERSION "Algorithm: -8\n" RSA_PARTS);
    assert_refused(VERSION "Algorithm: 4294967304\n" RSA_PARTS); /* 8, if it were cut */
    assert_refused("");
}

static void test_every_part_is_needed(void **state)
{
    (void)state;
    static const char rsa[] = "Algorithm: 8\n" RSA_PARTS;
    static const char dsa[] = "Algorithm: 3\n" DSA_PARTS;
    static const char ec[] = "Algorithm: 13\n" EC_PARTS;
    static const char *const wholes[] = {rsa, dsa, ec};
    for (size_t i = 0; i < KK_ARRAY_LEN(wholes); i++) {
        const char *line = wholes[i];
        while (*line != '\0') {
            char text[512];
            const char *end = strchr(line, '\n') + 1;
            snprintf(text, sizeof text, "%.*s%s", (int)(line - wholes[i]), wholes[i], end);
            assert_refused(text);
            line = end;
        }
    }
    assert_refused("Algorithm: 13\nPrivateKey:\n");
    assert_refused("Algorithm: 13\nPrivateKey: \n");
}

static void test_versions(void **state)
{
    (void)state;
    static const char *const good[] = {"v1.0", "v1.1", "v1.2", "v1.3", "v1.4", "v1.99"};
    static const char *const bad[] = {"v2.0", "v0.9", "v1",  "v1.",   "1.3",   "v1.3x", "v1.3.1",
                                      "",     "v",    "v.3", "v-1.3", "v1.-3", "V1.3"};
    char text[256];
    for (size_t i = 0; i < KK_ARRAY_LEN(good); i++) {
        snprintf(text, sizeof text, "Private-key-format: %s\nAlgorithm: 15\n" EC_PARTS, good[i]);
        kk_keyfile_free(parsed(text));
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        snprintf(text, sizeof text, "Private-key-format: %s\nAlgorithm: 15\n" EC_PARTS, bad[i]);
        assert_refused(text);
    }
    kk_keyfile_free(parsed("Algorithm: 15\n" EC_PARTS));
}

static void test_how_lines_may_look(void **state)
{
    (void)state;
    kk_keyfile_free(parsed("ALGORITHM: 15\nprivatekey: AQ==\n"));
    kk_keyfile_free(parsed("Algorithm:15\nPrivateKey:AQ=="));
    kk_keyfile_free(parsed("Algorithm: \t 15 (X)\r\nPrivateKey: A Q = = \t\r\n"));
    kk_keyfile_free(parsed("\n\nAlgorithm: 15\n\n" EC_PARTS "\n"));
    kk_keyfile_free(parsed("Foo: bar\nAlgorithm: 15\nPrivateKey : AQ==\n; x\n" EC_PARTS));
    kk_keyfile_free(parsed("Created: 20260101000000\nDelete: x\nAlgorithm: 15\n" EC_PARTS));
    assert_refused("Algorithm: 15\n PrivateKey: AQ==\n");
    assert_refused("Algorithm: 15\nPrivateKey: AQ\n");
    assert_refused("Algorithm: 15\nModulus: !\n" EC_PARTS); /* a damaged file, whoever needs it */
}

static void test_the_first_of_two_counts(void **state)
{
    (void)state;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile =
        parsed("Algorithm: 15\nAlgorithm: 8\n" EC_PARTS "PrivateKey: Ag==\nPrivateKey: !\n");
    assert_parts(keyfile, ec_order, 1);
}

/* Every truncation, and every byte in turn as another, does no more than be refused. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char whole[] = VERSION "Algorithm: 3\n" DSA_PARTS;
    struct kk_secret_stats before;
    struct kk_secret_stats after;
    kk_secret_stats(&before);
    for (size_t len = 0; len < sizeof whole; len++) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile = NULL;
        (void)!kk_bind_file_parse(KK_SPAN(whole, len), &keyfile);
    }
    for (size_t i = 0; i + 1 < sizeof whole; i++) {
        static const char others[] = {'\0', '\n', ':', '=', '\xff', '9'};
        for (size_t j = 0; j < sizeof others; j++) {
            KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile = NULL;
            char text[sizeof whole];
            memcpy(text, whole, sizeof whole);
            text[i] = others[j];
            (void)!kk_bind_file_parse(KK_SPAN(text, sizeof text - 1), &keyfile);
        }
    }
    kk_secret_stats(&after);
    assert_int_equal(after.in_use, before.in_use);
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    unsigned long nth = 0;
    CK_RV rv = CKR_HOST_MEMORY;
    while (rv == CKR_HOST_MEMORY) {
        KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *keyfile = NULL;
        nth++;
        kk_alloc_fail_at(nth);
        rv = parse(VERSION "Algorithm: 13\n" EC_PARTS, &keyfile);
        kk_alloc_fail_at(0);
        assert_true((rv == CKR_OK) == (keyfile != NULL));
    }
    assert_int_equal(rv, CKR_OK);
    assert_in_range(nth, 4, 20); /* the key, its number, its curve */
}

/* What the parser says of all these files is of no interest here. */
static int be_quiet(void **state)
{
    (void)state;
    return freopen("/dev/null", "w", stderr) == NULL ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_algorithm),
        cmocka_unit_test(test_no_other_algorithm),
        cmocka_unit_test(test_every_part_is_needed),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_how_lines_may_look),
        cmocka_unit_test(test_the_first_of_two_counts),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_no_memory_is_an_error),
    };
    return cmocka_run_group_tests_name("bind_file", tests, be_quiet, NULL);
}
