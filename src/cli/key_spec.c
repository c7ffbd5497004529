/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kinds of keys, one table row each.
 */
#include "cli/key_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#include "base/banned.h"

#define ALL_OF_RSA (KK_KEY_USE_SIGN | KK_KEY_USE_ENCRYPT | KK_KEY_USE_WRAP)
#define CIPHER (KK_KEY_USE_ENCRYPT | KK_KEY_USE_WRAP)

/* clang-format off */
static const struct curve {
    const char *name;
    uint8_t params[13];
    size_t len;
} curves[] = {
    {"p-256",           {0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, 10},
    {"p-384",           {0x06, 5, 0x2b, 0x81, 4, 0, 34}, 7},
    {"p-521",           {0x06, 5, 0x2b, 0x81, 4, 0, 35}, 7},
    {"p-224",           {0x06, 5, 0x2b, 0x81, 4, 0, 33}, 7},
    {"p-192",           {0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 1}, 10},
    {"secp256k1",       {0x06, 5, 0x2b, 0x81, 4, 0, 10}, 7},
    {"secp256r1",       {0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, 10},
    {"prime256v1",      {0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}, 10},
    {"secp384r1",       {0x06, 5, 0x2b, 0x81, 4, 0, 34}, 7},
    {"secp521r1",       {0x06, 5, 0x2b, 0x81, 4, 0, 35}, 7},
    {"brainpoolp256r1", {0x06, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7}, 11},
    {"brainpoolp384r1", {0x06, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 11}, 11},
    {"brainpoolp512r1", {0x06, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 13}, 11},
};

static const uint8_t x25519[]  = {0x06, 3, 0x2b, 0x65, 110};
static const uint8_t x448[]    = {0x06, 3, 0x2b, 0x65, 111};
static const uint8_t ed25519[] = {0x06, 3, 0x2b, 0x65, 112};
static const uint8_t ed448[]   = {0x06, 3, 0x2b, 0x65, 113};

/* What stands behind the colon, and what is taken when nothing does. */
enum argument { ARGUMENT_NONE, ARGUMENT_BITS, ARGUMENT_CURVE };

static const struct kk_key_spec_row {
    struct kk_key_spec spec;
    enum argument argument;
    CK_ULONG min;
    CK_ULONG max;
    CK_ULONG step; /* bits come in steps of this */
} rows[] = {
    {{.name = "rsa", .mechanism = CKM_RSA_PKCS_KEY_PAIR_GEN, .type = CKK_RSA, .is_pair = true, .uses = ALL_OF_RSA, .bits = 3072},
     ARGUMENT_BITS, 512, 16384, 8},
    {{.name = "ec", .mechanism = CKM_EC_KEY_PAIR_GEN, .type = CKK_EC, .is_pair = true, .uses = KK_KEY_USE_SIGN},
     ARGUMENT_CURVE, 0, 0, 0},
    {{.name = "ed25519", .mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN, .type = CKK_EC_EDWARDS, .is_pair = true, .uses = KK_KEY_USE_SIGN, .params = {ed25519, sizeof ed25519}},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "ed448", .mechanism = CKM_EC_EDWARDS_KEY_PAIR_GEN, .type = CKK_EC_EDWARDS, .is_pair = true, .uses = KK_KEY_USE_SIGN, .params = {ed448, sizeof ed448}},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "x25519", .mechanism = CKM_EC_MONTGOMERY_KEY_PAIR_GEN, .type = CKK_EC_MONTGOMERY, .is_pair = true, .uses = KK_KEY_USE_DERIVE, .params = {x25519, sizeof x25519}},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "x448", .mechanism = CKM_EC_MONTGOMERY_KEY_PAIR_GEN, .type = CKK_EC_MONTGOMERY, .is_pair = true, .uses = KK_KEY_USE_DERIVE, .params = {x448, sizeof x448}},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "ml-dsa-44", .mechanism = CKM_ML_DSA_KEY_PAIR_GEN, .type = CKK_ML_DSA, .is_pair = true, .uses = KK_KEY_USE_SIGN, .set = CKP_ML_DSA_44},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "ml-dsa-65", .mechanism = CKM_ML_DSA_KEY_PAIR_GEN, .type = CKK_ML_DSA, .is_pair = true, .uses = KK_KEY_USE_SIGN, .set = CKP_ML_DSA_65},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "ml-dsa-87", .mechanism = CKM_ML_DSA_KEY_PAIR_GEN, .type = CKK_ML_DSA, .is_pair = true, .uses = KK_KEY_USE_SIGN, .set = CKP_ML_DSA_87},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "ml-kem-512", .mechanism = CKM_ML_KEM_KEY_PAIR_GEN, .type = CKK_ML_KEM, .is_pair = true, .set = CKP_ML_KEM_512},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "ml-kem-768", .mechanism = CKM_ML_KEM_KEY_PAIR_GEN, .type = CKK_ML_KEM, .is_pair = true, .set = CKP_ML_KEM_768},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "ml-kem-1024", .mechanism = CKM_ML_KEM_KEY_PAIR_GEN, .type = CKK_ML_KEM, .is_pair = true, .set = CKP_ML_KEM_1024},
     ARGUMENT_NONE, 0, 0, 0},
    {{.name = "aes", .mechanism = CKM_AES_KEY_GEN, .type = CKK_AES, .uses = CIPHER | KK_KEY_USE_SIGN, .bits = 256},
     ARGUMENT_BITS, 128, 256, 64},
    {{.name = "generic", .mechanism = CKM_GENERIC_SECRET_KEY_GEN, .type = CKK_GENERIC_SECRET, .uses = KK_KEY_USE_SIGN | KK_KEY_USE_DERIVE, .bits = 256},
     ARGUMENT_BITS, 8, 32768, 8},
};
/* clang-format on */

const char *kk_key_spec_names(void)
{
    return "rsa[:BITS], ec[:CURVE], ed25519, ed448, x25519, x448, ml-dsa-44, -65 or -87, "
           "ml-kem-512, -768 or -1024, aes[:BITS], generic[:BITS]";
}

static KK_RV wrong(struct kk_key_spec_why *why, const char *format, const char *text)
{
    (void)snprintf(why->text, sizeof why->text, "%s\"%.40s\"", format, text);
    return CKR_DATA_INVALID;
}

static KK_RV take_bits(const struct kk_key_spec_row *row, const char *text,
                       struct kk_key_spec *spec, struct kk_key_spec_why *why)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long bits = digits > 0 && digits <= 6 ? strtoul(text, NULL, 10) : 0;
    if (text[digits] != '\0' || bits < row->min || bits > row->max || bits % row->step != 0) {
        (void)snprintf(why->text, sizeof why->text, "%s keys have %lu to %lu bits, not \"%.40s\"",
                       spec->name, row->min, row->max, text);
        return CKR_DATA_INVALID;
    }
    spec->bits = bits;
    return CKR_OK;
}

static KK_RV take_curve(const char *text, struct kk_key_spec *spec, struct kk_key_spec_why *why)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(curves); i++) {
        if (strcmp(curves[i].name, text) == 0) {
            spec->params = KK_SPAN(curves[i].params, curves[i].len);
            return CKR_OK;
        }
    }
    (void)snprintf(why->text, sizeof why->text,
                   "there is no curve \"%.40s\": use p-256, p-384, p-521, secp256k1, p-224, p-192, "
                   "brainpoolp256r1, brainpoolp384r1 or brainpoolp512r1",
                   text);
    return CKR_DATA_INVALID;
}

static KK_RV take_argument(const struct kk_key_spec_row *row, const char *text,
                           struct kk_key_spec *spec, struct kk_key_spec_why *why)
{
    switch (row->argument) {
    case ARGUMENT_BITS:
        return text == NULL ? CKR_OK : take_bits(row, text, spec, why);
    case ARGUMENT_CURVE:
        return take_curve(text == NULL ? "p-256" : text, spec, why);
    case ARGUMENT_NONE:
        break;
    }
    return text == NULL ? CKR_OK : wrong(why, "nothing belongs behind the colon, not ", text);
}

/* Letters of either size: "Ed25519", "P-256" are how they are written elsewhere. */
static void lower(char *out, size_t size, const char *text)
{
    size_t len = 0;
    for (; text[len] != '\0' && len + 1 < size; len++) {
        out[len] = (char)(text[len] >= 'A' && text[len] <= 'Z' ? text[len] - 'A' + 'a' : text[len]);
    }
    out[len] = '\0';
}

/* A curve's name alone will do: "p-256". */
static bool is_curve(const char *text)
{
    struct kk_key_spec spec;
    struct kk_key_spec_why why;
    return take_curve(text, &spec, &why) == CKR_OK;
}

KK_RV kk_key_spec_parse(const char *text, struct kk_key_spec *ret_spec,
                        struct kk_key_spec_why *ret_why)
{
    char word[64];
    lower(word, sizeof word, text);
    char *colon = strchr(word, ':');
    const char *argument = colon != NULL ? colon + 1 : is_curve(word) ? word : NULL;
    size_t len = colon != NULL ? (size_t)(colon - word) : strlen(word);
    const char *kind = colon == NULL && argument != NULL ? "ec" : word;
    len = kind == word ? len : strlen(kind);
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        if (kk_mem_equal(rows[i].spec.name, strlen(rows[i].spec.name), kind, len)) {
            struct kk_key_spec spec = rows[i].spec;
            KK_TRY(take_argument(&rows[i], argument, &spec, ret_why));
            *ret_spec = spec;
            return CKR_OK;
        }
    }
    return wrong(ret_why, "there is no kind of key ", text);
}
