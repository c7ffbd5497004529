/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a certificate that is shown, as a Name, and, as text, as a name that somebody typed:
 * refused, or read; a typed name is written and read again as the same one.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/dn.h"
#include "cli/x509.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print(struct kk_span der, CK_RV (*printer)(struct kk_span, struct kk_buffer *))
{
    struct kk_buffer text = {0};
    CK_RV rv = printer(der, &text);
    FUZZ_CHECK(rv == CKR_OK || rv == CKR_DATA_INVALID);
    kk_buffer_clear(&text);
}

static void check_certificate(struct kk_span der)
{
    struct kk_x509 x509 = {0};
    CK_RV rv = kk_x509_read(der, &x509);
    FUZZ_CHECK(rv == CKR_OK || rv == CKR_DATA_INVALID);
    if (rv == CKR_OK) {
        FUZZ_CHECK(strlen(x509.begin) == 20 && strlen(x509.end) == 20);
        print(x509.subject, kk_dn_print);
        print(x509.issuer, kk_dn_print);
        print(x509.alt_names, kk_san_print);
    }
}

static void check_typed(const char *text)
{
    struct kk_buffer der = {0};
    struct kk_buffer again = {0};
    struct kk_buffer der_again = {0};
    struct kk_dn_why why = {""};
    if (kk_dn_parse(text, &der, &why) == CKR_OK) {
        FUZZ_CHECK(kk_dn_print(kk_buffer_span(&der), &again) == CKR_OK);
        kk_buffer_put_u8(&again, 0);
        FUZZ_CHECK(kk_dn_parse((const char *)again.data, &der_again, &why) == CKR_OK);
        FUZZ_CHECK(kk_span_equal(kk_buffer_span(&der), kk_buffer_span(&der_again)));
    } else {
        FUZZ_CHECK(why.text[0] != '\0');
    }
    kk_buffer_clear(&der);
    kk_buffer_clear(&again);
    kk_buffer_clear(&der_again);
}

/* What a request is said to hold lies within it. */
static void check_read_request(struct kk_span der)
{
    struct kk_x509_request request;
    if (kk_x509_read_request(der, &request) == CKR_OK) {
        CK_MECHANISM_TYPE type = 0;
        const struct kk_span spans[] = {request.body,      request.algorithm,
                                        request.signature, request.asked.subject,
                                        request.asked.key, request.asked.alt_names};
        for (size_t i = 0; i < KK_ARRAY_LEN(spans); i++) {
            FUZZ_CHECK(spans[i].len == 0 || (spans[i].data >= der.data &&
                                             spans[i].data + spans[i].len <= der.data + der.len));
        }
        KK_IGNORE(kk_x509_mechanism(request.algorithm, request.asked.key, &type));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kk_buffer general = {0};
    struct kk_dn_why why = {""};
    char *text = calloc(1, size + 1);
    FUZZ_CHECK(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    check_certificate(KK_SPAN(data, size));
    check_read_request(KK_SPAN(data, size));
    print(KK_SPAN(data, size), kk_dn_print);
    print(KK_SPAN(data, size), kk_san_print);
    check_typed(text);
    FUZZ_CHECK(kk_san_parse(text, &general, &why) == CKR_OK || why.text[0] != '\0');
    kk_buffer_clear(&general);
    free(text);
    return 0;
}
