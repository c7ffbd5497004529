/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/cli/uri.c: PKCS#11 URIs, read and written; the examples are those of RFC 7512, section 3.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/uri.h"

static void assert_part(const char *text, enum kk_uri_part part, const char *want)
{
    KK_CLEANUP(kk_uri_clear) struct kk_uri uri = {0};
    struct kk_uri_why why = {""};
    assert_int_equal(kk_uri_parse(text, &uri, &why), CKR_OK);
    if (want == NULL) {
        assert_null(uri.parts[part].text);
        return;
    }
    assert_non_null(uri.parts[part].text);
    assert_string_equal(uri.parts[part].text, want);
    assert_int_equal(uri.parts[part].len, strlen(want));
}

static void assert_wrong(const char *text, const char *want)
{
    KK_CLEANUP(kk_uri_clear) struct kk_uri uri = {0};
    struct kk_uri_why why = {""};
    assert_int_equal(kk_uri_parse(text, &uri, &why), CKR_DATA_INVALID);
    assert_string_equal(why.text, want);
}

static void test_examples_of_the_rfc(void **state)
{
    (void)state;
    static const char pin[] = "pkcs11:object=my-pubkey;type=public?pin-source=file:/etc/token";
    static const char key[] = "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;"
                              "manufacturer=Snake%20Oil,%20Inc.;model=1.0;"
                              "object=my-certificate;type=cert;"
                              "id=%69%95%3E%5C%F4%BD%EC%91;serial="
                              "?pin-source=file:/etc/token_pin";
    assert_part("pkcs11:", KK_URI_TOKEN, NULL);
    assert_part(pin, KK_URI_OBJECT, "my-pubkey");
    assert_part(pin, KK_URI_TYPE, "public");
    assert_part(pin, KK_URI_PIN_SOURCE, "file:/etc/token");
    assert_part(key, KK_URI_TOKEN, "The Software PKCS#11 Softtoken");
    assert_part(key, KK_URI_MANUFACTURER, "Snake Oil, Inc.");
    assert_part(key, KK_URI_ID, "i\x95>\\\xf4\xbd\xec\x91");
    assert_part(key, KK_URI_SERIAL, "");
    assert_part("pkcs11:slot-description=Sun%20Metaslot", KK_URI_SLOT_DESCRIPTION, "Sun Metaslot");
    assert_part("pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;library-version=1.23",
                KK_URI_LIBRARY_VERSION, "1.23");
    assert_part("pkcs11:token=Software%20PKCS%2311%20softtoken;object=my-key?pin-value=the-pin",
                KK_URI_PIN_VALUE, "the-pin");
    assert_part("pkcs11:object=my-sign-key;type=private?module-name=mypkcs11", KK_URI_MODULE_NAME,
                "mypkcs11");
    assert_part("pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1",
                KK_URI_MODULE_PATH, "/mnt/libmypkcs11.so.1");
    assert_part("pkcs11:token=my%25token%20with%20a%20semicolon%3B", KK_URI_TOKEN,
                "my%token with a semicolon;");
    assert_part("pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1", KK_URI_TOKEN,
                "Name with a small A with acute: \xc3\xa1");
    assert_part("pkcs11:object=x?vendor-thing=1&pin-value=2", KK_URI_PIN_VALUE, "2");
    assert_part("pkcs11:slot-id=327", KK_URI_SLOT_ID, "327");
}

static void test_an_id_is_any_bytes(void **state)
{
    (void)state;
    KK_CLEANUP(kk_uri_clear) struct kk_uri uri = {0};
    struct kk_uri_why why = {""};
    assert_int_equal(kk_uri_parse("pkcs11:id=%00%ff", &uri, &why), CKR_OK);
    assert_int_equal(uri.parts[KK_URI_ID].len, 2);
    assert_memory_equal(uri.parts[KK_URI_ID].text, "\x00\xff", 2);
}

static void test_what_is_wrong_is_said(void **state)
{
    (void)state;
    assert_wrong("pkcs12:token=a", "it does not begin with pkcs11:");
    assert_wrong("pkcs11:token", "no = in \"token\"");
    assert_wrong("pkcs11:token=a;token=b", "\"token\" is there twice");
    assert_wrong("pkcs11:tokn=a", "an unknown attribute \"tokn\"");
    assert_wrong("pkcs11:=a", "an unknown attribute \"\"");
    assert_wrong("pkcs11:pin-value=1", "an unknown attribute \"pin-value\"");
    assert_wrong("pkcs11:object=a b", "a character in \"object\" that is to be written as %XX (a "
                                      "blank as %20)");
    assert_wrong("pkcs11:object=%4", "a % without two hexadecimal digits behind it in \"object\"");
    assert_wrong("pkcs11:object=%4g", "a % without two hexadecimal digits behind it in \"object\"");
    assert_wrong("pkcs11:object=%", "a % without two hexadecimal digits behind it in \"object\"");
    assert_wrong("pkcs11:object=a%00b", "\"object\" takes UTF-8");
    assert_wrong("pkcs11:object=%ff", "\"object\" takes UTF-8");
    assert_wrong("pkcs11:type=key", "\"type\" takes private, public, secret-key, cert or data");
    assert_wrong("pkcs11:slot-id=1x", "\"slot-id\" takes a number");
    assert_wrong("pkcs11:slot-id=", "\"slot-id\" takes a number");
    assert_wrong("pkcs11:library-version=1.", "\"library-version\" takes a number like 3.2");
    assert_wrong("pkcs11:id=", "\"id\" takes at least one byte");
}

static void test_written(void **state)
{
    (void)state;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer out = {0};
    kk_uri_begin(&out);
    kk_uri_put(&out, KK_URI_TOKEN, KK_SPAN_TEXT("a;b c:"));
    kk_uri_put(&out, KK_URI_SERIAL, KK_SPAN_TEXT(""));
    kk_uri_put(&out, KK_URI_ID, KK_SPAN_TEXT("a\0"));
    kk_uri_put(&out, KK_URI_OBJECT, KK_SPAN_TEXT("50%\xc3\xa1"));
    kk_buffer_put_u8(&out, 0);
    assert_string_equal((const char *)out.data,
                        "pkcs11:token=a%3Bb%20c:;id=%61%00;object=50%25%C3%A1");
    assert_part((const char *)out.data, KK_URI_TOKEN, "a;b c:");
    assert_part((const char *)out.data, KK_URI_OBJECT, "50%\xc3\xa1");
    assert_string_equal(kk_uri_type(CKO_SECRET_KEY), "secret-key");
    assert_null(kk_uri_type(CKO_MECHANISM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples_of_the_rfc),
        cmocka_unit_test(test_an_id_is_any_bytes),
        cmocka_unit_test(test_what_is_wrong_is_said),
        cmocka_unit_test(test_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
