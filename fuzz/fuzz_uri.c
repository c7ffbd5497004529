/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any text as a PKCS#11 URI: refused with a reason, or parts that give the same parts when they are
 * written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/uri.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The parts before the question mark. */
static void check_again(const struct kk_uri *uri)
{
    struct kk_buffer text = {0};
    struct kk_uri again = {0};
    struct kk_uri_why why = {""};
    kk_uri_begin(&text);
    for (size_t i = 0; i < KK_URI_PIN_SOURCE; i++) {
        kk_uri_put(&text, (enum kk_uri_part)i, KK_SPAN(uri->parts[i].text, uri->parts[i].len));
    }
    kk_buffer_put_u8(&text, 0);
    FUZZ_CHECK(kk_uri_parse((const char *)text.data, &again, &why) == CKR_OK);
    for (size_t i = 0; i < KK_URI_PIN_SOURCE; i++) {
        FUZZ_CHECK(kk_span_equal(KK_SPAN(uri->parts[i].text, uri->parts[i].len),
                                 KK_SPAN(again.parts[i].text, again.parts[i].len)));
    }
    kk_uri_clear(&again);
    kk_buffer_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kk_uri uri = {0};
    struct kk_uri_why why = {""};
    char *text = calloc(1, size + 1);
    FUZZ_CHECK(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    CK_RV rv = kk_uri_parse(text, &uri, &why);
    FUZZ_CHECK(rv == CKR_OK || (rv == CKR_DATA_INVALID && why.text[0] != '\0'));
    if (rv == CKR_OK) {
        check_again(&uri);
    }
    kk_uri_clear(&uri);
    free(text);
    return 0;
}
