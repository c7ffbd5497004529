/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Curves by every name they have, compared with what the library knows about them, and points in
 * every form.
 */
#include "keys.h"

#include <openssl/ec.h>
#include <openssl/objects.h>

#include "crypto/der.h"
#include "crypto/ec_curves.h"

static void assert_curve(struct kk_span params, const char *name)
{
    struct kk_curve curve;
    assert_rv(kk_curve_parse(crypto, params, &curve), CKR_OK);
    assert_string_equal(curve.name, name);
}

static void assert_no_curve(struct kk_span params, CK_RV rv)
{
    struct kk_curve curve;
    assert_rv(kk_curve_parse(crypto, params, &curve), rv);
}

/* Every curve of the library with an identifier is in the table (SM2 excepted), with the right
 * figures, and found by identifier, by name and by its explicit numbers. */
static void check_library_curve(int nid)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(nid);
    uint8_t *oid = NULL;
    uint8_t *explicit_der = NULL;
    BIGNUM *cofactor = BN_new();
    int oid_len = i2d_ASN1_OBJECT(OBJ_nid2obj(nid), &oid);
    struct kk_curve curve;
    assert_rv(kk_curve_parse(crypto, KK_SPAN(oid, oid_len), &curve), CKR_OK);
    assert_string_equal(curve.name, OBJ_nid2sn(nid));
    assert_int_equal(curve.kind, KK_KEY_EC);
    assert_int_equal(curve.field_bits, EC_GROUP_get_degree(group));
    assert_int_equal(curve.order_bits, EC_GROUP_order_bits(group));
    assert_int_equal(curve.field_bytes, (curve.field_bits + 7) / 8);
    assert_int_equal(curve.order_bytes, (curve.order_bits + 7) / 8);
    assert_int_equal(curve.binary,
                     EC_GROUP_get_field_type(group) == NID_X9_62_characteristic_two_field);
    assert_int_equal(EC_GROUP_get_cofactor(group, cofactor, NULL), 1);
    assert_true(BN_is_word(cofactor, curve.cofactor));
    assert_true(kk_span_equal(KK_SPAN(curve.oid, curve.oid_len), KK_SPAN(oid, oid_len)));

    EC_GROUP_set_asn1_flag(group, OPENSSL_EC_EXPLICIT_CURVE);
    int explicit_len = i2d_ECPKParameters(group, &explicit_der);
    struct kk_curve same;
    assert_rv(kk_curve_parse(crypto, KK_SPAN(explicit_der, explicit_len), &same), CKR_OK);
    assert_int_equal(same.field_bits, curve.field_bits);
    assert_int_equal(same.order_bits, curve.order_bits);

    OPENSSL_free(explicit_der);
    OPENSSL_free(oid);
    BN_free(cofactor);
    EC_GROUP_free(group);
}

static void test_table_has_what_the_library_has(void **state)
{
    EC_builtin_curve curves[200];
    size_t count = EC_get_builtin_curves(curves, KK_ARRAY_LEN(curves));
    unsigned checked = 0;
    (void)state;
    assert_true(count <= KK_ARRAY_LEN(curves));
    for (size_t i = 0; i < count; i++) {
        const ASN1_OBJECT *object = OBJ_nid2obj(curves[i].nid);
        if (OBJ_length(object) > 0 && curves[i].nid != NID_sm2) {
            check_library_curve(curves[i].nid);
            checked++;
        }
    }
    assert_true(checked > 0);
}

static void test_explicit_parameters_that_differ_are_no_curve(void **state)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    uint8_t *der = NULL;
    unsigned refused = 0;
    (void)state;
    EC_GROUP_set_asn1_flag(group, OPENSSL_EC_EXPLICIT_CURVE);
    int len = i2d_ECPKParameters(group, &der);
    assert_true(len > 0);
    for (int i = 0; i < len; i++) {
        struct kk_curve curve;
        der[i] ^= 1;
        CK_RV rv = kk_curve_parse(crypto, KK_SPAN(der, len), &curve);
        assert_true(rv == CKR_OK || rv == CKR_ATTRIBUTE_VALUE_INVALID ||
                    rv == CKR_CURVE_NOT_SUPPORTED);
        refused += rv != CKR_OK;
        der[i] ^= 1;
    }
    /* Only the version, the seed and the cofactor may be otherwise. */
    assert_true(refused > (unsigned)len - 28);
    for (int i = 0; i < len; i++) {
        assert_no_curve(KK_SPAN(der, i), CKR_ATTRIBUTE_VALUE_INVALID);
    }
    OPENSSL_free(der);
    EC_GROUP_free(group);
}

static void test_names_in_use(void **state)
{
    static const struct {
        const char *name;
        const char *curve;
    } names[] = {
        {"secp256r1", "prime256v1"},  {"P-256", "prime256v1"},
        {"prime256v1", "prime256v1"}, {"PRIME256V1", "prime256v1"},
        {"secp521r1", "secp521r1"},   {"brainpoolP512t1", "brainpoolP512t1"},
        {"edwards25519", "ED25519"},  {"edwards448", "ED448"},
        {"curve25519", "X25519"},     {"curve448", "X448"},
        {"secp192r1", "prime192v1"},
    };
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(names); i++) {
        struct kk_buffer der = {0};
        kk_der_put(&der, KK_DER_PRINTABLE_STRING, KK_SPAN(names[i].name, strlen(names[i].name)));
        assert_curve(kk_buffer_span(&der), names[i].curve);
        kk_buffer_clear(&der);
    }
}

static void test_identifiers_of_before_rfc_8410(void **state)
{
    (void)state;
    assert_curve(hex("06092b06010401da470f01"), "ED25519");
    assert_curve(hex("060a2b060104019755010501"), "X25519");
    assert_curve(hex(OID_ED448), "ED448");
    assert_curve(hex(OID_X448), "X448");
}

/* "curve25519" with a length of 11, as pkcs11-tool has it. */
static void test_a_name_one_byte_short_is_taken(void **state)
{
    (void)state;
    assert_curve(hex("130b63757276653235353139"), "X25519");
    assert_no_curve(hex("130c63757276653235353139"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("130963757276653235353139"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("1303"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("13036e6f"), CKR_CURVE_NOT_SUPPORTED);
}

static void test_what_names_no_curve(void **state)
{
    (void)state;
    assert_no_curve(hex(""), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("0500"), CKR_ATTRIBUTE_VALUE_INVALID); /* implicitlyCA */
    assert_no_curve(hex("0600"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("1300"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("30"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("3000"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("06082a8648ce3d0301"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("06082a8648ce3d03010700"), CKR_ATTRIBUTE_VALUE_INVALID);
    assert_no_curve(hex("06082a8648ce3d030177"), CKR_CURVE_NOT_SUPPORTED);
    assert_no_curve(hex("13036e6f74"), CKR_CURVE_NOT_SUPPORTED);
}

/* --- points ----------------------------------------------------------------------------------- */

static void assert_point(const struct kk_curve *curve, struct kk_span given, struct kk_span want)
{
    struct kk_buffer raw = {0};
    assert_rv(kk_point_parse(crypto, curve, given, &raw), CKR_OK);
    assert_true(kk_span_equal(kk_buffer_span(&raw), want));
    kk_buffer_clear(&raw);
}

static void assert_der_point(const struct kk_curve *curve, uint8_t tag, struct kk_span given,
                             struct kk_span want)
{
    struct kk_buffer der = {0};
    if (tag == KK_DER_BIT_STRING) {
        kk_der_put_bits(&der, given);
    } else {
        kk_der_put(&der, tag, given);
    }
    assert_point(curve, kk_buffer_span(&der), want);
    kk_buffer_clear(&der);
}

/* On every curve, since the length of a field decides what the first bytes can be taken for. */
static void test_points_in_every_form_on_every_curve(void **state)
{
    static const point_conversion_form_t forms[] = {
        POINT_CONVERSION_UNCOMPRESSED, POINT_CONVERSION_COMPRESSED, POINT_CONVERSION_HYBRID};
    size_t count = 0;
    const struct kk_curve_row *rows = kk_curve_rows(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        EC_GROUP *group =
            rows[i].kind == KK_KEY_EC ? EC_GROUP_new_by_curve_name(OBJ_sn2nid(rows[i].name)) : NULL;
        struct kk_curve curve;
        if (group == NULL) {
            continue;
        }
        uint8_t want[160];
        const EC_POINT *point = EC_GROUP_get0_generator(group);
        size_t want_len = EC_POINT_point2oct(group, point, forms[0], want, sizeof want, NULL);
        assert_rv(kk_curve_parse(crypto, KK_SPAN(rows[i].oid, rows[i].oid_len), &curve), CKR_OK);
        for (size_t f = 0; f < KK_ARRAY_LEN(forms); f++) {
            uint8_t given[160];
            size_t len = EC_POINT_point2oct(group, point, forms[f], given, sizeof given, NULL);
            assert_point(&curve, KK_SPAN(given, len), KK_SPAN(want, want_len));
            assert_der_point(&curve, KK_DER_OCTET_STRING, KK_SPAN(given, len),
                             KK_SPAN(want, want_len));
        }
        EC_GROUP_free(group);
    }
}

static void test_edwards_and_montgomery_points(void **state)
{
    static const char *const oids[] = {OID_ED25519, OID_ED448, OID_X25519, OID_X448};
    static const uint8_t bytes[57] = {4, 0x20, 3, 0x21, 9};
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(oids); i++) {
        struct kk_curve curve;
        assert_rv(kk_curve_parse(crypto, hex(oids[i]), &curve), CKR_OK);
        struct kk_span raw = KK_SPAN(bytes, curve.field_bytes);
        assert_point(&curve, raw, raw);
        assert_der_point(&curve, KK_DER_OCTET_STRING, raw, raw);
        assert_der_point(&curve, KK_DER_BIT_STRING, raw, raw);
        struct kk_buffer out = {0};
        assert_rv(kk_point_format(&curve, raw, &out), CKR_OK);
        assert_true(kk_span_equal(kk_buffer_span(&out), raw));
        kk_buffer_clear(&out);
    }
}

/* 04 37 ... on a 224-bit curve: as long as a raw point it is one, whatever it looks like. */
static void test_raw_points_that_look_like_der(void **state)
{
    struct kk_curve curve;
    uint8_t raw[57] = {0x04, 0x37};
    (void)state;
    assert_rv(kk_curve_parse(crypto, hex("06052b81040021"), &curve), CKR_OK);
    assert_point(&curve, KK_SPAN_ARRAY(raw), KK_SPAN_ARRAY(raw));
    assert_der_point(&curve, KK_DER_OCTET_STRING, KK_SPAN_ARRAY(raw), KK_SPAN_ARRAY(raw));
}

static void test_a_point_is_given_out_in_an_octet_string(void **state)
{
    struct kk_curve curve;
    struct kk_buffer out = {0};
    uint8_t raw[65] = {0x04};
    (void)state;
    assert_rv(kk_curve_parse(crypto, hex(OID_P256), &curve), CKR_OK);
    assert_rv(kk_point_format(&curve, KK_SPAN_ARRAY(raw), &out), CKR_OK);
    assert_int_equal(out.len, 67);
    assert_hex(out.data, 3, "044104");
    kk_buffer_clear(&out);
}

static void test_what_is_no_point(void **state)
{
    static const char *const cases[] = {
        "",
        "00",
        "04",
        "0400",
        "0441",
        "044104",
        "0303000102",
        /* compressed, x above the prime; and an x that is on no point of the curve */
        "02ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "020000000000000000000000000000000000000000000000000000000000000001",
        "050000000000000000000000000000000000000000000000000000000000000001",
    };
    struct kk_curve curve;
    (void)state;
    assert_rv(kk_curve_parse(crypto, hex(OID_P256), &curve), CKR_OK);
    for (size_t i = 0; i < KK_ARRAY_LEN(cases); i++) {
        struct kk_buffer raw = {0};
        assert_rv(kk_point_parse(crypto, &curve, hex(cases[i]), &raw), CKR_ATTRIBUTE_VALUE_INVALID);
        kk_buffer_clear(&raw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_has_what_the_library_has),
        cmocka_unit_test(test_explicit_parameters_that_differ_are_no_curve),
        cmocka_unit_test(test_names_in_use),
        cmocka_unit_test(test_identifiers_of_before_rfc_8410),
        cmocka_unit_test(test_a_name_one_byte_short_is_taken),
        cmocka_unit_test(test_what_names_no_curve),
        cmocka_unit_test(test_points_in_every_form_on_every_curve),
        cmocka_unit_test(test_edwards_and_montgomery_points),
        cmocka_unit_test(test_raw_points_that_look_like_der),
        cmocka_unit_test(test_a_point_is_given_out_in_an_octet_string),
        cmocka_unit_test(test_what_is_no_point),
    };
    return cmocka_run_group_tests(tests, make_crypto, free_crypto);
}
