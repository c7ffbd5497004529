/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/pem.c: the block of a name, and nothing that only looks like one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cli/pem.h"

static void test_blocks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *wanted; /* NULL: none */
    } cases[] = {
        {"-----BEGIN PUBLIC KEY-----\naGVs\nbG8=\n-----END PUBLIC KEY-----\n", "hello"},
        {"-----BEGIN PUBLIC KEY-----\r\naGVsbG8=\r\n-----END PUBLIC KEY-----", "hello"},
        {"text before\n-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PUBLIC KEY-----\nbehind",
         "hello"},
        {"-----BEGIN X-----\nAAAA\n-----END X-----\n"
         "-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PUBLIC KEY-----\n",
         "hello"},
        {"-----BEGIN PUBLIC KEY-----\naGVsbG8=\n-----END PUBLIC KEY-----\n"
         "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
         "hello"},
        {"", NULL},
        {"-----BEGIN PUBLIC KEY-----", NULL},
        {"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", NULL},
        {"-----BEGIN PUBLIC KEY-----\naGVsbG8=\n", NULL},
        {"-----BEGIN PUBLIC KEY-----\naGVsbG8\n-----END PUBLIC KEY-----\n", NULL},
        {"-----BEGIN PUBLIC KEY-----\naG:VsbG8=\n-----END PUBLIC KEY-----\n", NULL},
        {"-----END PUBLIC KEY-----\naGVsbG8=\n-----BEGIN PUBLIC KEY-----\n", NULL},
        {"-----BEGIN PRIVATE KEY-----\naGVsbG8=\n-----END PRIVATE KEY-----\n", NULL},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_secret *bytes = NULL;
        CK_RV rv =
            kk_pem_decode(KK_SPAN(cases[i].text, strlen(cases[i].text)), "PUBLIC KEY", &bytes);
        if (cases[i].wanted == NULL) {
            assert_int_equal(rv, CKR_DATA_INVALID);
            assert_null(bytes);
            continue;
        }
        assert_int_equal(rv, CKR_OK);
        assert_true(kk_span_equal(kk_secret_span(bytes),
                                  KK_SPAN(cases[i].wanted, strlen(cases[i].wanted))));
        kk_secret_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_blocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
