/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making objects of every class, and describing them.
 */
#include "objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cryptoki/names.h"

#define FOUND_MAX 64

const char *objects_certificate;

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

char objects_letter(enum side side)
{
    return side_names[side][0];
}

/* ---- making ---- */

struct maker {
    CK_SESSION_HANDLE session;
    enum side side;
    char label[32];
    bool good;
};

static void name(struct maker *maker, const char *what)
{
    (void)snprintf(maker->label, sizeof maker->label, "%c-%s", objects_letter(maker->side), what);
}

static void make_object(struct maker *maker, const char *what, CK_ATTRIBUTE *attributes,
                        CK_ULONG count)
{
    CK_ATTRIBUTE all[24];
    CK_OBJECT_HANDLE object = 0;
    name(maker, what);
    memcpy(all, attributes, count * sizeof *all);
    all[count] = (CK_ATTRIBUTE){CKA_TOKEN, &yes, sizeof yes};
    all[count + 1] = (CK_ATTRIBUTE){CKA_LABEL, maker->label, strlen(maker->label)};
    maker->good &= guest_fine(p11->C_CreateObject(maker->session, all, count + 2, &object), what);
}

static void make_pair(struct maker *maker, const char *what, CK_MECHANISM_TYPE type,
                      CK_ATTRIBUTE *first, bool derives)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_OBJECT_HANDLE handles[2];
    CK_BYTE id[] = {0x10, 0x00, 0x20};
    CK_DATE date = {{'2', '0', '3', '1'}, {'0', '3'}, {'0', '4'}};
    CK_ULONG bits = 2048;
    name(maker, what);
    CK_ATTRIBUTE public_key[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_LABEL, maker->label, strlen(maker->label)},
        {CKA_ID, id, sizeof id},
        {CKA_PRIVATE, &no, sizeof no},
        {CKA_VERIFY, &yes, sizeof yes},
        {CKA_DERIVE, derives ? &yes : &no, sizeof yes},
        first != NULL ? *first : (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits}};
    CK_ATTRIBUTE private_key[] = {{CKA_TOKEN, &yes, sizeof yes},
                                  {CKA_LABEL, maker->label, strlen(maker->label)},
                                  {CKA_ID, id, sizeof id},
                                  {CKA_PRIVATE, &yes, sizeof yes},
                                  {CKA_SENSITIVE, &yes, sizeof yes},
                                  {CKA_SIGN, &yes, sizeof yes},
                                  {CKA_DERIVE, derives ? &yes : &no, sizeof yes},
                                  {CKA_SUBJECT, id, sizeof id},
                                  {CKA_END_DATE, &date, sizeof date}};
    /* SoftHSM writes dates of private objects so that it cannot read them itself. */
    CK_ULONG count = maker->side == KEYKIST ? 9 : 8;
    CK_RV rv = p11->C_GenerateKeyPair(maker->session, &mechanism, public_key, 7, private_key, count,
                                      &handles[0], &handles[1]);
    maker->good &= guest_fine(rv, what);
}

static void make_pairs(struct maker *maker)
{
    static CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static CK_BYTE ed25519[] = "\x13\x0c"
                               "edwards25519";
    static CK_BYTE x25519[] = "\x13\x0a"
                              "curve25519";
    CK_ATTRIBUTE on_p256 = {CKA_EC_PARAMS, p256, sizeof p256};
    CK_ATTRIBUTE on_ed25519 = {CKA_EC_PARAMS, ed25519, sizeof ed25519 - 1};
    CK_ATTRIBUTE on_x25519 = {CKA_EC_PARAMS, x25519, sizeof x25519 - 1};
    bool ours = maker->side == KEYKIST;
    make_pair(maker, "rsa", CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, false);
    make_pair(maker, "ec", CKM_EC_KEY_PAIR_GEN, &on_p256, true);
    make_pair(maker, "ed25519", CKM_EC_EDWARDS_KEY_PAIR_GEN, &on_ed25519, false);
    make_pair(maker, "x25519", ours ? CKM_EC_MONTGOMERY_KEY_PAIR_GEN : CKM_EC_EDWARDS_KEY_PAIR_GEN,
              &on_x25519, true);
}

static void make_aes(struct maker *maker)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_OBJECT_HANDLE key = 0;
    CK_ULONG len = 32;
    CK_ULONG key_class = CKO_SECRET_KEY;
    CK_MECHANISM_TYPE allowed[] = {CKM_AES_ECB, CKM_AES_CBC, CKM_AES_KEY_WRAP};
    CK_ATTRIBUTE inner[] = {{CKA_CLASS, &key_class, sizeof key_class},
                            {CKA_EXTRACTABLE, &yes, sizeof yes},
                            {CKA_ID, (CK_BYTE_PTR) "abc", 3}};
    name(maker, "aes");
    CK_ATTRIBUTE attributes[] = {{CKA_TOKEN, &yes, sizeof yes},
                                 {CKA_PRIVATE, &yes, sizeof yes},
                                 {CKA_LABEL, maker->label, strlen(maker->label)},
                                 {CKA_ID, (CK_BYTE_PTR) "", 0},
                                 {CKA_VALUE_LEN, &len, sizeof len},
                                 {CKA_EXTRACTABLE, &yes, sizeof yes},
                                 {CKA_SIGN, &no, sizeof no},
                                 {CKA_ALLOWED_MECHANISMS, allowed, sizeof allowed},
                                 {CKA_WRAP_TEMPLATE, inner, sizeof inner},
                                 {CKA_UNWRAP_TEMPLATE, inner, sizeof inner}};
    CK_RV rv = p11->C_GenerateKey(maker->session, &mechanism, attributes, 10, &key);
    maker->good &= guest_fine(rv, "aes");
}

static void make_secrets(struct maker *maker)
{
    CK_ULONG object_class = CKO_SECRET_KEY;
    CK_ULONG type = CKK_GENERIC_SECRET;
    CK_BYTE value[] = {9, 0, 7, 6, 5, 4, 3, 2, 1, 0};
    CK_DATE date = {{'2', '0', '2', '9'}, {'1', '2'}, {'3', '1'}};
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_VALUE, value, sizeof value},
                                 {CKA_EXTRACTABLE, &yes, sizeof yes},
                                 {CKA_START_DATE, &date, sizeof date},
                                 {CKA_PRIVATE, &no, sizeof no}};
    make_object(maker, "clear", attributes, 6);
    attributes[5] = (CK_ATTRIBUTE){CKA_PRIVATE, &yes, sizeof yes};
    if (maker->side == SOFTHSM) {
        attributes[4] = attributes[5];
    }
    make_object(maker, "generic", attributes, maker->side == SOFTHSM ? 5 : 6);
}

static void make_certificate(struct maker *maker)
{
    static CK_BYTE der[8192];
    CK_ULONG object_class = CKO_CERTIFICATE;
    CK_ULONG type = CKC_X_509;
    FILE *file = fopen(objects_certificate, "rb");
    size_t len = file != NULL ? fread(der, 1, sizeof der, file) : 0;
    if (file != NULL) {
        (void)fclose(file);
    }
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                                 {CKA_CERTIFICATE_TYPE, &type, sizeof type},
                                 {CKA_VALUE, der, len},
                                 {CKA_SUBJECT, der, 20},
                                 {CKA_SERIAL_NUMBER, der, 9},
                                 {CKA_ID, der, 4}};
    maker->good &= len > 20;
    make_object(maker, "certificate", attributes, 6);
}

static void make_data(struct maker *maker)
{
    CK_ULONG object_class = CKO_DATA;
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                                 {CKA_PRIVATE, &no, sizeof no},
                                 {CKA_APPLICATION, (CK_BYTE_PTR) "judge", 5},
                                 {CKA_OBJECT_ID, (CK_BYTE_PTR) "\x06\x01\x2a", 3},
                                 {CKA_VALUE, (CK_BYTE_PTR) "some value", 10}};
    make_object(maker, "public", attributes, 5);
    attributes[1].pValue = &yes;
    make_object(maker, "private", attributes, 5);
}

static void make_domain(struct maker *maker)
{
    CK_ULONG object_class = CKO_DOMAIN_PARAMETERS;
    CK_ULONG type = CKK_DSA;
    CK_BYTE number[64];
    memset(number, 0x5b, sizeof number);
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &object_class, sizeof object_class},
                                 {CKA_KEY_TYPE, &type, sizeof type},
                                 {CKA_PRIVATE, &no, sizeof no},
                                 {CKA_PRIME, number, 64},
                                 {CKA_SUBPRIME, number, 20},
                                 {CKA_BASE, number, 63}};
    make_object(maker, "domain", attributes, 6);
}

bool objects_make(CK_SESSION_HANDLE session, enum side side)
{
    struct maker maker = {.session = session, .side = side, .good = true};
    make_pairs(&maker);
    make_aes(&maker);
    make_secrets(&maker);
    make_certificate(&maker);
    make_data(&maker);
    make_domain(&maker);
    return maker.good;
}

/* ---- describing ---- */

static const CK_ATTRIBUTE_TYPE described[] = {
    CKA_CLASS,
    CKA_TOKEN,
    CKA_PRIVATE,
    CKA_LABEL,
    CKA_APPLICATION,
    CKA_VALUE,
    CKA_OBJECT_ID,
    CKA_CERTIFICATE_TYPE,
    CKA_ISSUER,
    CKA_SERIAL_NUMBER,
    CKA_TRUSTED,
    CKA_CERTIFICATE_CATEGORY,
    CKA_URL,
    CKA_CHECK_VALUE,
    CKA_KEY_TYPE,
    CKA_SUBJECT,
    CKA_ID,
    CKA_SENSITIVE,
    CKA_ENCRYPT,
    CKA_DECRYPT,
    CKA_WRAP,
    CKA_UNWRAP,
    CKA_SIGN,
    CKA_SIGN_RECOVER,
    CKA_VERIFY,
    CKA_VERIFY_RECOVER,
    CKA_DERIVE,
    CKA_START_DATE,
    CKA_END_DATE,
    CKA_MODULUS,
    CKA_MODULUS_BITS,
    CKA_PUBLIC_EXPONENT,
    CKA_PRIVATE_EXPONENT,
    CKA_PRIME,
    CKA_SUBPRIME,
    CKA_BASE,
    CKA_PRIME_BITS,
    CKA_VALUE_LEN,
    CKA_EXTRACTABLE,
    CKA_LOCAL,
    CKA_NEVER_EXTRACTABLE,
    CKA_ALWAYS_SENSITIVE,
    CKA_KEY_GEN_MECHANISM,
    CKA_MODIFIABLE,
    CKA_COPYABLE,
    CKA_DESTROYABLE,
    CKA_EC_PARAMS,
    CKA_EC_POINT,
    CKA_ALWAYS_AUTHENTICATE,
    CKA_WRAP_WITH_TRUSTED,
    CKA_WRAP_TEMPLATE,
    CKA_UNWRAP_TEMPLATE,
    CKA_ALLOWED_MECHANISMS,
};

struct text {
    char *bytes;
    size_t len;
};

static void put(struct text *text, const char *more)
{
    size_t len = strlen(more);
    if (text->len + len + 1 < OBJECTS_TEXT) {
        memcpy(text->bytes + text->len, more, len + 1);
        text->len += len;
    }
}

static void put_hex(struct text *text, const CK_BYTE *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char pair[3];
        (void)snprintf(pair, sizeof pair, "%02x", bytes[i]);
        put(text, pair);
    }
}

/* Curves named in words, points in DER, and the key type of X25519. */
static void put_value(struct text *text, CK_ATTRIBUTE_TYPE type, const CK_BYTE *value, size_t len)
{
    static const CK_BYTE montgomery[sizeof(CK_ULONG)] = {CKK_EC_MONTGOMERY};
    if (type == CKA_EC_PARAMS && len == 14 && memcmp(value + 2, "edwards25519", 12) == 0) {
        put(text, "06032b6570");
    } else if (type == CKA_EC_PARAMS && len == 12 && memcmp(value + 2, "curve25519", 10) == 0) {
        put(text, "06032b656e");
    } else if (type == CKA_EC_POINT && len == 34) {
        put_hex(text, value + 2, len - 2);
    } else if (type == CKA_KEY_TYPE && len == sizeof montgomery &&
               memcmp(value, montgomery, len) == 0) {
        put(text, "4000000000000000");
    } else {
        put_hex(text, value, len);
    }
}

static bool is_template(CK_ATTRIBUTE_TYPE type)
{
    return type == CKA_WRAP_TEMPLATE || type == CKA_UNWRAP_TEMPLATE;
}

/* An array's elements are asked for their types and lengths first, as the standard says. */
static void put_template(struct text *text, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE *attribute)
{
    CK_ATTRIBUTE elements[8];
    CK_BYTE values[8][64];
    CK_ULONG count = attribute->ulValueLen / sizeof(CK_ATTRIBUTE);
    memset(elements, 0, sizeof elements);
    attribute->pValue = elements;
    (void)p11->C_GetAttributeValue(session, object, attribute, 1);
    for (CK_ULONG i = 0; i < count && count <= 8; i++) {
        elements[i].pValue = values[i];
    }
    attribute->ulValueLen = count * sizeof(CK_ATTRIBUTE);
    (void)p11->C_GetAttributeValue(session, object, attribute, 1);
    for (CK_ULONG i = 0; i < count && count <= 8; i++) {
        char type[32];
        (void)snprintf(type, sizeof type, "{%lx ", elements[i].type);
        put(text, type);
        put_hex(text, values[i], elements[i].ulValueLen > 64 ? 0 : elements[i].ulValueLen);
        put(text, "}");
    }
}

static void describe_attribute(struct text *text, CK_SESSION_HANDLE session,
                               CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    static CK_BYTE value[16384];
    CK_ATTRIBUTE attribute = {type, NULL, 0};
    CK_RV rv = p11->C_GetAttributeValue(session, object, &attribute, 1);
    if (rv == CKR_OK && attribute.ulValueLen == 0) {
        put(text, "-"); /* what SoftHSM has empty is absent in Keykist */
    } else if (rv == CKR_OK && is_template(type)) {
        put_template(text, session, object, &attribute);
    } else if (rv == CKR_OK) {
        attribute = (CK_ATTRIBUTE){type, value, sizeof value};
        rv = p11->C_GetAttributeValue(session, object, &attribute, 1);
        if (rv == CKR_OK) {
            put_value(text, type, value, attribute.ulValueLen);
        }
    }
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID) {
        put(text, "-");
    } else if (rv != CKR_OK) {
        put(text, guest_code(rv));
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines in order: modules list objects as they like. */
static void sort_lines(char *text)
{
    static char *lines[4096];
    static char sorted[OBJECTS_TEXT];
    size_t count = 0;
    for (char *line = text; *line != '\0' && count < 4096;) {
        size_t len = strcspn(line, "\n");
        char *next = line + len + (line[len] == '\n' ? 1 : 0);
        line[len] = '\0';
        lines[count++] = line;
        line = next;
    }
    qsort(lines, count, sizeof *lines, by_text);
    struct text all = {sorted, 0};
    for (size_t i = 0; i < count; i++) {
        put(&all, lines[i]);
        put(&all, "\n");
    }
    memcpy(text, sorted, all.len + 1);
}

static void describe_object(struct text *text, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                            const char *label, CK_ULONG object_class)
{
    for (size_t i = 0; i < sizeof described / sizeof *described; i++) {
        if (described[i] == CKA_EC_POINT && object_class == CKO_PRIVATE_KEY) {
            continue; /* only Keykist computes it */
        }
        char head[96];
        const char *attribute = kk_names_find(KK_NAMES_CKA, described[i]);
        (void)snprintf(head, sizeof head, "%s %lu %s = ", label, object_class, attribute);
        put(text, head);
        describe_attribute(text, session, object, described[i]);
        put(text, "\n");
    }
}

bool objects_describe(CK_SESSION_HANDLE session, enum side maker, char text[OBJECTS_TEXT])
{
    CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_ULONG count = 0;
    struct text all = {text, 0};
    text[0] = '\0';
    if (!guest_fine(guest_find(session, NULL, 0, found, FOUND_MAX, &count), "finding")) {
        return false;
    }
    for (CK_ULONG i = 0; i < count; i++) {
        char label[64] = {0};
        CK_ULONG object_class = 0;
        CK_ATTRIBUTE facts[] = {{CKA_LABEL, label, sizeof label - 1},
                                {CKA_CLASS, &object_class, sizeof object_class}};
        if (!guest_fine(p11->C_GetAttributeValue(session, found[i], facts, 2), "a label")) {
            return false;
        }
        if (label[0] == objects_letter(maker)) {
            describe_object(&all, session, found[i], label, object_class);
        }
    }
    sort_lines(text);
    return true;
}
