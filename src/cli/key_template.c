/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of a key file as attributes, by one table row per kind of key.
 */
#include "cli/key_template.h"

#include <string.h>

#include "base/banned.h"

#define SIGN_AND_ENCRYPT (KK_KEY_USE_SIGN | KK_KEY_USE_ENCRYPT | KK_KEY_USE_WRAP)

struct key_attribute {
    CK_ATTRIBUTE_TYPE type;
    enum kk_keyfile_part part;
};

/* clang-format off */
static const struct key_attribute rsa_public[] = {
    {CKA_MODULUS,         KK_KEYPART_MODULUS},
    {CKA_PUBLIC_EXPONENT, KK_KEYPART_PUBLIC_EXPONENT},
};

static const struct key_attribute rsa_private[] = {
    {CKA_MODULUS,          KK_KEYPART_MODULUS},
    {CKA_PUBLIC_EXPONENT,  KK_KEYPART_PUBLIC_EXPONENT},
    {CKA_PRIVATE_EXPONENT, KK_KEYPART_PRIVATE_EXPONENT},
    {CKA_PRIME_1,          KK_KEYPART_PRIME_1},
    {CKA_PRIME_2,          KK_KEYPART_PRIME_2},
    {CKA_EXPONENT_1,       KK_KEYPART_EXPONENT_1},
    {CKA_EXPONENT_2,       KK_KEYPART_EXPONENT_2},
    {CKA_COEFFICIENT,      KK_KEYPART_COEFFICIENT},
};

static const struct key_attribute dsa_public[] = {
    {CKA_PRIME,    KK_KEYPART_PRIME},
    {CKA_SUBPRIME, KK_KEYPART_SUBPRIME},
    {CKA_BASE,     KK_KEYPART_BASE},
    {CKA_VALUE,    KK_KEYPART_PUBLIC},
};

static const struct key_attribute dsa_private[] = {
    {CKA_PRIME,    KK_KEYPART_PRIME},
    {CKA_SUBPRIME, KK_KEYPART_SUBPRIME},
    {CKA_BASE,     KK_KEYPART_BASE},
    {CKA_VALUE,    KK_KEYPART_PRIVATE},
};

static const struct key_attribute ec_public[] = {
    {CKA_EC_PARAMS, KK_KEYPART_EC_PARAMS},
    {CKA_EC_POINT,  KK_KEYPART_PUBLIC},
};

static const struct key_attribute ec_private[] = {
    {CKA_EC_PARAMS, KK_KEYPART_EC_PARAMS},
    {CKA_VALUE,     KK_KEYPART_PRIVATE},
};

static const struct key_attribute ml_dsa_public[] = {
    {CKA_VALUE, KK_KEYPART_PUBLIC},
};

static const struct key_attribute ml_dsa_private[] = {
    {CKA_VALUE, KK_KEYPART_PRIVATE},
};

/* How a key is written down. A kind has several when the standard changed its mind, or a module knows
 * only an older way: they are tried in turn. */
struct kk_key_style {
    CK_KEY_TYPE type;
    bool wrap_point;   /* CKA_EC_POINT is a DER OCTET STRING, not the bare bytes */
    bool name_curve;   /* CKA_EC_PARAMS is a PrintableString, not an OBJECT IDENTIFIER */
};

static const struct kk_key_style rsa_styles[]     = {{CKK_RSA,    false, false}};
static const struct kk_key_style dsa_styles[]     = {{CKK_DSA,    false, false}};
static const struct kk_key_style ec_styles[]      = {{CKK_EC,     true,  false}};
static const struct kk_key_style ml_dsa_styles[]  = {{CKK_ML_DSA, false, false}};
static const struct kk_key_style edwards_styles[] = {
    {CKK_EC_EDWARDS, false, false}, /* PKCS#11 3.2, and what SoftHSM's own import stores */
    {CKK_EC_EDWARDS, true,  false},
    {CKK_EC_EDWARDS, true,  true},
};
static const struct kk_key_style montgomery_styles[] = {
    {CKK_EC_MONTGOMERY, false, false},
    {CKK_EC_MONTGOMERY, true,  false},
    {CKK_EC_MONTGOMERY, true,  true},
    {CKK_EC_EDWARDS,    false, false}, /* SoftHSM has no other type for them */
};

#define LIST(table) table, KK_ARRAY_LEN(table)

static const struct kk_key_kind {
    unsigned int uses;
    const struct kk_key_style *styles;
    size_t style_count;
    const struct key_attribute *public_parts;
    size_t public_count;
    const struct key_attribute *private_parts;
    size_t private_count;
} key_kinds[] = {
    [KK_KEYFILE_RSA]        = {SIGN_AND_ENCRYPT, LIST(rsa_styles), LIST(rsa_public), LIST(rsa_private)},
    [KK_KEYFILE_DSA]        = {KK_KEY_USE_SIGN,   LIST(dsa_styles),        LIST(dsa_public),    LIST(dsa_private)},
    [KK_KEYFILE_EC]         = {KK_KEY_USE_SIGN,   LIST(ec_styles),         LIST(ec_public),     LIST(ec_private)},
    [KK_KEYFILE_EDWARDS]    = {KK_KEY_USE_SIGN,   LIST(edwards_styles),    LIST(ec_public),     LIST(ec_private)},
    [KK_KEYFILE_MONTGOMERY] = {KK_KEY_USE_DERIVE, LIST(montgomery_styles), LIST(ec_public),     LIST(ec_private)},
    [KK_KEYFILE_ML_DSA]     = {KK_KEY_USE_SIGN,   LIST(ml_dsa_styles),     LIST(ml_dsa_public), LIST(ml_dsa_private)},
};

/* What goes by the name of OpenSSL's algorithm. */
static const struct kk_key_algorithm {
    const char *name;
    const char *curve;       /* as PKCS#11's curveName spells it */
    CK_ULONG parameter_set;  /* CKA_PARAMETER_SET; 0: none */
} algorithms[] = {
    {"ED25519",   "edwards25519", 0},
    {"ED448",     "edwards448",   0},
    {"X25519",    "curve25519",   0},
    {"X448",      "curve448",     0},
    {"ML-DSA-44", NULL,           CKP_ML_DSA_44},
    {"ML-DSA-65", NULL,           CKP_ML_DSA_65},
    {"ML-DSA-87", NULL,           CKP_ML_DSA_87},
};
/* clang-format on */

static const struct kk_key_algorithm *find_algorithm(const char *name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        if (strcmp(algorithms[i].name, name) == 0) {
            return &algorithms[i];
        }
    }
    return NULL;
}

void kk_key_form_begin(struct kk_key_form *form, const struct kk_keyfile *file)
{
    *form = (struct kk_key_form){
        .file = file, .kind = &key_kinds[file->kind], .algorithm = find_algorithm(file->algorithm)};
}

static void drop_values(struct kk_key_form *form)
{
    kk_buffer_clear(&form->point);
    kk_buffer_clear(&form->params);
}

void kk_key_form_clear(struct kk_key_form *form)
{
    drop_values(form);
    form->file = NULL;
}

size_t kk_key_form_styles(const struct kk_key_form *form)
{
    return form->kind->style_count;
}

unsigned int kk_key_form_uses(const struct kk_key_form *form)
{
    return form->kind->uses;
}

#define DER_PRINTABLE_STRING 0x13
#define DER_OCTET_STRING 0x04

static KK_RV put_der(struct kk_buffer *buffer, uint8_t tag, struct kk_span value)
{
    KK_ENSURE(value.len <= UINT16_MAX, CKR_DATA_LEN_RANGE);
    kk_buffer_put_u8(buffer, tag);
    if (value.len >= 0x100) {
        kk_buffer_put_u8(buffer, 0x82);
        kk_buffer_put_u16(buffer, (uint16_t)value.len);
    } else {
        if (value.len >= 0x80) {
            kk_buffer_put_u8(buffer, 0x81);
        }
        kk_buffer_put_u8(buffer, (uint8_t)value.len);
    }
    kk_buffer_put_span(buffer, value);
    return kk_buffer_check(buffer);
}

KK_RV kk_key_form_style(struct kk_key_form *form, size_t number)
{
    const struct kk_key_style *style = &form->kind->styles[number];
    drop_values(form);
    form->style = style;
    if (style->wrap_point) {
        KK_TRY(put_der(&form->point, DER_OCTET_STRING,
                       kk_secret_span(form->file->parts[KK_KEYPART_PUBLIC])));
    }
    if (style->name_curve && form->algorithm != NULL) {
        const char *curve = form->algorithm->curve;
        KK_TRY(put_der(&form->params, DER_PRINTABLE_STRING, KK_SPAN(curve, strlen(curve))));
    }
    return CKR_OK;
}

static void put_parts(struct kk_cli_template *tmpl, const struct kk_key_form *form,
                      const struct key_attribute *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct kk_secret *part = form->file->parts[rows[i].part];
        if (rows[i].type == CKA_EC_POINT && form->point.len > 0) {
            kk_cli_template_put(tmpl, rows[i].type, form->point.data, form->point.len);
        } else if (rows[i].type == CKA_EC_PARAMS && form->params.len > 0) {
            kk_cli_template_put(tmpl, rows[i].type, form->params.data, form->params.len);
        } else if (part != NULL) {
            kk_cli_template_put_secret(tmpl, rows[i].type, part);
        }
    }
}

static void put_kind(struct kk_cli_template *tmpl, const struct kk_key_form *form)
{
    kk_cli_template_put_ulong(tmpl, CKA_KEY_TYPE, &form->style->type);
    if (form->algorithm != NULL && form->algorithm->parameter_set != 0) {
        kk_cli_template_put_ulong(tmpl, CKA_PARAMETER_SET, &form->algorithm->parameter_set);
    }
}

void kk_key_form_put_private(struct kk_cli_template *tmpl, const struct kk_key_form *form)
{
    put_kind(tmpl, form);
    put_parts(tmpl, form, form->kind->private_parts, form->kind->private_count);
}

void kk_key_form_put_public(struct kk_cli_template *tmpl, const struct kk_key_form *form)
{
    put_kind(tmpl, form);
    put_parts(tmpl, form, form->kind->public_parts, form->kind->public_count);
}

void kk_key_put_private_uses(struct kk_cli_template *tmpl, unsigned int uses)
{
    kk_cli_template_put_bool(tmpl, CKA_SIGN, (uses & KK_KEY_USE_SIGN) != 0);
    kk_cli_template_put_bool(tmpl, CKA_DECRYPT, (uses & KK_KEY_USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(tmpl, CKA_UNWRAP, (uses & KK_KEY_USE_WRAP) != 0);
    kk_cli_template_put_bool(tmpl, CKA_DERIVE, (uses & KK_KEY_USE_DERIVE) != 0);
    if ((uses & KK_KEY_USE_ENCAPSULATE) != 0) { /* older modules do not know it */
        kk_cli_template_put_bool(tmpl, CKA_DECAPSULATE, true);
    }
}

void kk_key_put_public_uses(struct kk_cli_template *tmpl, unsigned int uses)
{
    kk_cli_template_put_bool(tmpl, CKA_VERIFY, (uses & KK_KEY_USE_SIGN) != 0);
    kk_cli_template_put_bool(tmpl, CKA_ENCRYPT, (uses & KK_KEY_USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(tmpl, CKA_WRAP, (uses & KK_KEY_USE_WRAP) != 0);
    if ((uses & KK_KEY_USE_ENCAPSULATE) != 0) {
        kk_cli_template_put_bool(tmpl, CKA_ENCAPSULATE, true);
    }
}
