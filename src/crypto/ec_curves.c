/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The curves that we know by name. Every named curve of OpenSSL that has an object identifier, but
 * SM2, which OpenSSL does not take for ECDSA; a test compares the table with the library.
 */
#include "crypto/ec_curves.h"

#include <string.h>
#include <strings.h>

#define OID(bytes) bytes, sizeof(bytes) - 1

/* clang-format off */
static const struct kk_curve_row rows[] = {
    {KK_KEY_EC, "secp112r1", 112, 112, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x06")},
    {KK_KEY_EC, "secp112r2", 112, 110, 4, false, OID("\x06\x05\x2b\x81\x04\x00\x07")},
    {KK_KEY_EC, "secp128r1", 128, 128, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x1c")},
    {KK_KEY_EC, "secp128r2", 128, 126, 4, false, OID("\x06\x05\x2b\x81\x04\x00\x1d")},
    {KK_KEY_EC, "secp160k1", 160, 161, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x09")},
    {KK_KEY_EC, "secp160r1", 160, 161, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x08")},
    {KK_KEY_EC, "secp160r2", 160, 161, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x1e")},
    {KK_KEY_EC, "secp192k1", 192, 192, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x1f")},
    {KK_KEY_EC, "secp224k1", 224, 225, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x20")},
    {KK_KEY_EC, "secp224r1", 224, 224, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x21")},
    {KK_KEY_EC, "secp256k1", 256, 256, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x0a")},
    {KK_KEY_EC, "secp384r1", 384, 384, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x22")},
    {KK_KEY_EC, "secp521r1", 521, 521, 1, false, OID("\x06\x05\x2b\x81\x04\x00\x23")},
    {KK_KEY_EC, "prime192v1", 192, 192, 1, false, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x01")},
    {KK_KEY_EC, "prime192v2", 192, 192, 1, false, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x02")},
    {KK_KEY_EC, "prime192v3", 192, 192, 1, false, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x03")},
    {KK_KEY_EC, "prime239v1", 239, 239, 1, false, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x04")},
    {KK_KEY_EC, "prime239v2", 239, 239, 1, false, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x05")},
    {KK_KEY_EC, "prime239v3", 239, 239, 1, false, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x06")},
    {KK_KEY_EC, "prime256v1", 256, 256, 1, false, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")},
    {KK_KEY_EC, "sect113r1", 113, 113, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x04")},
    {KK_KEY_EC, "sect113r2", 113, 113, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x05")},
    {KK_KEY_EC, "sect131r1", 131, 131, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x16")},
    {KK_KEY_EC, "sect131r2", 131, 131, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x17")},
    {KK_KEY_EC, "sect163k1", 163, 163, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x01")},
    {KK_KEY_EC, "sect163r1", 163, 162, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x02")},
    {KK_KEY_EC, "sect163r2", 163, 163, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x0f")},
    {KK_KEY_EC, "sect193r1", 193, 193, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x18")},
    {KK_KEY_EC, "sect193r2", 193, 193, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x19")},
    {KK_KEY_EC, "sect233k1", 233, 232, 4, true, OID("\x06\x05\x2b\x81\x04\x00\x1a")},
    {KK_KEY_EC, "sect233r1", 233, 233, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x1b")},
    {KK_KEY_EC, "sect239k1", 239, 238, 4, true, OID("\x06\x05\x2b\x81\x04\x00\x03")},
    {KK_KEY_EC, "sect283k1", 283, 281, 4, true, OID("\x06\x05\x2b\x81\x04\x00\x10")},
    {KK_KEY_EC, "sect283r1", 283, 282, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x11")},
    {KK_KEY_EC, "sect409k1", 409, 407, 4, true, OID("\x06\x05\x2b\x81\x04\x00\x24")},
    {KK_KEY_EC, "sect409r1", 409, 409, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x25")},
    {KK_KEY_EC, "sect571k1", 571, 570, 4, true, OID("\x06\x05\x2b\x81\x04\x00\x26")},
    {KK_KEY_EC, "sect571r1", 571, 570, 2, true, OID("\x06\x05\x2b\x81\x04\x00\x27")},
    {KK_KEY_EC, "c2pnb163v1", 163, 163, 2, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x01")},
    {KK_KEY_EC, "c2pnb163v2", 163, 162, 2, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x02")},
    {KK_KEY_EC, "c2pnb163v3", 163, 162, 2, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x03")},
    {KK_KEY_EC, "c2pnb176v1", 176, 161, 65390, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x04")},
    {KK_KEY_EC, "c2tnb191v1", 191, 191, 2, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x05")},
    {KK_KEY_EC, "c2tnb191v2", 191, 190, 4, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x06")},
    {KK_KEY_EC, "c2tnb191v3", 191, 189, 6, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x07")},
    {KK_KEY_EC, "c2pnb208w1", 208, 193, 65096, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x0a")},
    {KK_KEY_EC, "c2tnb239v1", 239, 238, 4, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x0b")},
    {KK_KEY_EC, "c2tnb239v2", 239, 237, 6, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x0c")},
    {KK_KEY_EC, "c2tnb239v3", 239, 236, 10, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x0d")},
    {KK_KEY_EC, "c2pnb272w1", 272, 257, 65286, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x10")},
    {KK_KEY_EC, "c2pnb304w1", 304, 289, 65070, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x11")},
    {KK_KEY_EC, "c2tnb359v1", 359, 353, 76, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x12")},
    {KK_KEY_EC, "c2pnb368w1", 368, 353, 65392, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x13")},
    {KK_KEY_EC, "c2tnb431r1", 431, 418, 10080, true, OID("\x06\x08\x2a\x86\x48\xce\x3d\x03\x00\x14")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls1", 113, 112, 2, true, OID("\x06\x05\x67\x2b\x01\x04\x01")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls3", 163, 163, 2, true, OID("\x06\x05\x67\x2b\x01\x04\x03")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls4", 113, 113, 2, true, OID("\x06\x05\x67\x2b\x01\x04\x04")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls5", 163, 163, 2, true, OID("\x06\x05\x67\x2b\x01\x04\x05")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls6", 112, 112, 1, false, OID("\x06\x05\x67\x2b\x01\x04\x06")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls7", 160, 161, 1, false, OID("\x06\x05\x67\x2b\x01\x04\x07")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls8", 112, 113, 1, false, OID("\x06\x05\x67\x2b\x01\x04\x08")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls9", 160, 161, 1, false, OID("\x06\x05\x67\x2b\x01\x04\x09")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls10", 233, 232, 4, true, OID("\x06\x05\x67\x2b\x01\x04\x0a")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls11", 233, 233, 2, true, OID("\x06\x05\x67\x2b\x01\x04\x0b")},
    {KK_KEY_EC, "wap-wsg-idm-ecid-wtls12", 224, 224, 1, false, OID("\x06\x05\x67\x2b\x01\x04\x0c")},
    {KK_KEY_EC, "brainpoolP160r1", 160, 160, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x01")},
    {KK_KEY_EC, "brainpoolP160t1", 160, 160, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x02")},
    {KK_KEY_EC, "brainpoolP192r1", 192, 192, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x03")},
    {KK_KEY_EC, "brainpoolP192t1", 192, 192, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x04")},
    {KK_KEY_EC, "brainpoolP224r1", 224, 224, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x05")},
    {KK_KEY_EC, "brainpoolP224t1", 224, 224, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x06")},
    {KK_KEY_EC, "brainpoolP256r1", 256, 256, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x07")},
    {KK_KEY_EC, "brainpoolP256t1", 256, 256, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x08")},
    {KK_KEY_EC, "brainpoolP320r1", 320, 320, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x09")},
    {KK_KEY_EC, "brainpoolP320t1", 320, 320, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0a")},
    {KK_KEY_EC, "brainpoolP384r1", 384, 384, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0b")},
    {KK_KEY_EC, "brainpoolP384t1", 384, 384, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0c")},
    {KK_KEY_EC, "brainpoolP512r1", 512, 512, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0d")},
    {KK_KEY_EC, "brainpoolP512t1", 512, 512, 1, false, OID("\x06\x09\x2b\x24\x03\x03\x02\x08\x01\x01\x0e")},
    {KK_KEY_EDWARDS, "ED25519", 255, 253, 8, false, OID("\x06\x03\x2b\x65\x70")},
    {KK_KEY_EDWARDS, "ED448", 448, 446, 4, false, OID("\x06\x03\x2b\x65\x71")},
    {KK_KEY_MONTGOMERY, "X25519", 255, 253, 8, false, OID("\x06\x03\x2b\x65\x6e")},
    {KK_KEY_MONTGOMERY, "X448", 448, 446, 4, false, OID("\x06\x03\x2b\x65\x6f")},
};

/* Further names in use: those of NIST, SEC 2, the standard's (RFC 8032, RFC 7748) and RFC 8410. */
static const struct {
    const char *alias;
    const char *name;
} aliases[] = {
    {"P-192", "prime192v1"}, {"secp192r1", "prime192v1"}, {"P-224", "secp224r1"},
    {"P-256", "prime256v1"}, {"secp256r1", "prime256v1"}, {"P-384", "secp384r1"},
    {"P-521", "secp521r1"},  {"B-163", "sect163r2"},      {"K-163", "sect163k1"},
    {"B-233", "sect233r1"},  {"K-233", "sect233k1"},      {"B-283", "sect283r1"},
    {"K-283", "sect283k1"},  {"B-409", "sect409r1"},      {"K-409", "sect409k1"},
    {"B-571", "sect571r1"},  {"K-571", "sect571k1"},
    {"edwards25519", "ED25519"}, {"id-Ed25519", "ED25519"},
    {"edwards448", "ED448"},     {"id-Ed448", "ED448"},
    {"curve25519", "X25519"},    {"id-X25519", "X25519"},
    {"curve448", "X448"},        {"id-X448", "X448"},
};

/* Identifiers from before RFC 8410, which cards and their tools still write. */
static const struct {
    const char *oid;
    size_t oid_len;
    const char *name;
} old_oids[] = {
    {OID("\x06\x09\x2b\x06\x01\x04\x01\xda\x47\x0f\x01"), "ED25519"},
    {OID("\x06\x0a\x2b\x06\x01\x04\x01\x97\x55\x01\x05\x01"), "X25519"},
};
/* clang-format on */

const struct kk_curve_row *kk_curve_rows(size_t *ret_count)
{
    *ret_count = KK_ARRAY_LEN(rows);
    return rows;
}

static const struct kk_curve_row *row_of(const char *name, size_t len)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        if (strlen(rows[i].name) == len && strncasecmp(rows[i].name, name, len) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

const struct kk_curve_row *kk_curve_by_oid(struct kk_span oid)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        if (kk_span_equal(oid, KK_SPAN(rows[i].oid, rows[i].oid_len))) {
            return &rows[i];
        }
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(old_oids); i++) {
        if (kk_span_equal(oid, KK_SPAN(old_oids[i].oid, old_oids[i].oid_len))) {
            return row_of(old_oids[i].name, strlen(old_oids[i].name));
        }
    }
    return NULL;
}

const struct kk_curve_row *kk_curve_by_name(struct kk_span name)
{
    const char *text = (const char *)name.data;
    for (size_t i = 0; i < KK_ARRAY_LEN(aliases); i++) {
        const char *alias = aliases[i].alias;
        if (strlen(alias) == name.len && strncasecmp(alias, text, name.len) == 0) {
            return row_of(aliases[i].name, strlen(aliases[i].name));
        }
    }
    return name.len > 0 ? row_of(text, name.len) : NULL;
}
