/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/dn.c: names read as people write them, and written as RFC 4514 has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/dn.h"

/* What `text` means, written again. */
static void assert_name(const char *text, const char *want)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer again = {0};
    struct kk_dn_why why = {""};
    assert_int_equal(kk_dn_parse(text, &der, &why), CKR_OK);
    assert_int_equal(kk_dn_print(kk_buffer_span(&der), &again), CKR_OK);
    kk_buffer_put_u8(&again, 0);
    assert_string_equal((const char *)again.data, want);
}

static void test_names(void **state)
{
    (void)state;
    assert_name("web.example", "CN=web.example");
    assert_name("CN=web,O=Example,C=DE", "CN=web,O=Example,C=DE");
    assert_name("cn=web, o=Example, c=DE", "CN=web,O=Example,C=DE");
    assert_name("/C=DE/O=Example/CN=web", "CN=web,O=Example,C=DE");
    assert_name("/CN=a,b", "CN=a\\,b");
    assert_name("CN=a\\,b", "CN=a\\,b");
    assert_name("CN=a\\2Cb", "CN=a\\,b");
    assert_name("CN=\\C3\\A4", "CN=\xc3\xa4");
    assert_name("CN=\xc3\xa4", "CN=\xc3\xa4");
    assert_name("CN=a=b", "CN=a\\=b");
    assert_name("UID=u,DC=example,DC=com,emailAddress=a@b",
                "UID=u,DC=example,DC=com,emailAddress=a@b");
    assert_name("CN=\\ a\\ ", "CN=\\ a\\ ");
}

/* The Name's parts begin with the country; a country is a PrintableString. */
static void test_encoding(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    struct kk_dn_why why = {""};
    static const uint8_t want[] = {0x30, 0x19, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55,
                                   0x04, 0x06, 0x13, 0x02, 'D',  'E',  0x31, 0x0a, 0x30,
                                   0x08, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x01, 'a'};
    assert_int_equal(kk_dn_parse("CN=a,C=DE", &der, &why), CKR_OK);
    assert_true(kk_span_equal(kk_buffer_span(&der), KK_SPAN_ARRAY(want)));
}

static void assert_wrong(const char *text)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    struct kk_dn_why why = {""};
    assert_int_equal(kk_dn_parse(text, &der, &why), CKR_DATA_INVALID);
    assert_true(why.text[0] != '\0');
}

static void test_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {"",        "/",       "CN=",        "=a",   "CN=a,b",
                                        "C=D",     "C=DEU",   "C=\xc3\xa4", "XX=a", "CN=a+O=b",
                                        "CN=\xff", "CN=\\00", "DC=\xc3\xa4"};
    for (size_t i = 0; i < KK_ARRAY_LEN(texts); i++) {
        assert_wrong(texts[i]);
    }
}

static void assert_not_printed(struct kk_span der)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    assert_int_equal(kk_dn_print(der, &text), CKR_DATA_INVALID);
}

static void test_what_is_no_der(void **state)
{
    (void)state;
    assert_not_printed(KK_SPAN_TEXT(""));
    assert_not_printed(KK_SPAN_TEXT("\x31\x00"));
    assert_not_printed(KK_SPAN_TEXT("\x30\x02\x31"));
    assert_not_printed(KK_SPAN_TEXT("\x30\x02\x30\x00"));
    assert_not_printed(KK_SPAN_TEXT("\x30\x00\x00"));
}

static void test_unknown_attributes_are_numbers(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    static const uint8_t der[] = {0x30, 0x0e, 0x31, 0x0c, 0x30, 0x0a, 0x06, 0x05,
                                  0x2b, 0x81, 0x04, 0x00, 0x22, 0x0c, 0x01, 'x'};
    assert_int_equal(kk_dn_print(KK_SPAN_ARRAY(der), &text), CKR_OK);
    kk_buffer_put_u8(&text, 0);
    assert_string_equal((const char *)text.data, "1.3.132.0.34=x");
}

static void assert_san(const char *name, const char *want)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer der = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer list = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    struct kk_dn_why why = {""};
    assert_int_equal(kk_san_parse(name, &der, &why), want != NULL ? CKR_OK : CKR_DATA_INVALID);
    if (want == NULL) {
        return;
    }
    kk_buffer_put_u8(&list, 0x30);
    kk_buffer_put_u8(&list, (uint8_t)der.len);
    kk_buffer_put_span(&list, kk_buffer_span(&der));
    assert_int_equal(kk_san_print(kk_buffer_span(&list), &text), CKR_OK);
    kk_buffer_put_u8(&text, 0);
    assert_string_equal((const char *)text.data, want);
}

static void test_alternative_names(void **state)
{
    (void)state;
    assert_san("web.example", "dns:web.example");
    assert_san("DNS:web.example", "dns:web.example");
    assert_san("ip:192.0.2.1", "ip:192.0.2.1");
    assert_san("IP:2001:db8::1", "ip:2001:db8::1");
    assert_san("email:a@b", "email:a@b");
    assert_san("uri:https://a/", "uri:https://a/");
    assert_san("", NULL);
    assert_san("dns:", NULL);
    assert_san("ip:1.2.3", NULL);
    assert_san("a b", NULL);
    assert_san("\xc3\xa4", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_what_is_no_der),
        cmocka_unit_test(test_unknown_attributes_are_numbers),
        cmocka_unit_test(test_alternative_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
