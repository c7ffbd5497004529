/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * --import of a key pair: the parts of a key file become attributes, by one table row per kind of
 * key.
 */
#include "cli/util.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/file.h"
#include "cli/report.h"
#include "cli/template.h"
#include "crypto/keyfile.h"

#include "base/banned.h"

struct key_attribute {
    CK_ATTRIBUTE_TYPE type;
    enum kk_keyfile_part part;
};

enum key_use { USE_SIGN = 1, USE_ENCRYPT = 2, USE_DERIVE = 4 };

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
struct key_style {
    CK_KEY_TYPE type;
    bool wrap_point;   /* CKA_EC_POINT is a DER OCTET STRING, not the bare bytes */
    bool name_curve;   /* CKA_EC_PARAMS is a PrintableString, not an OBJECT IDENTIFIER */
};

static const struct key_style rsa_styles[]     = {{CKK_RSA,    false, false}};
static const struct key_style dsa_styles[]     = {{CKK_DSA,    false, false}};
static const struct key_style ec_styles[]      = {{CKK_EC,     true,  false}};
static const struct key_style ml_dsa_styles[]  = {{CKK_ML_DSA, false, false}};
static const struct key_style edwards_styles[] = {
    {CKK_EC_EDWARDS, false, false}, /* PKCS#11 3.2, and what SoftHSM's own import stores */
    {CKK_EC_EDWARDS, true,  false},
    {CKK_EC_EDWARDS, true,  true},
};
static const struct key_style montgomery_styles[] = {
    {CKK_EC_MONTGOMERY, false, false},
    {CKK_EC_MONTGOMERY, true,  false},
    {CKK_EC_MONTGOMERY, true,  true},
    {CKK_EC_EDWARDS,    false, false}, /* SoftHSM has no other type for them */
};

#define LIST(table) table, KK_ARRAY_LEN(table)

static const struct key_kind {
    unsigned int uses;
    const struct key_style *styles;
    size_t style_count;
    const struct key_attribute *public_parts;
    size_t public_count;
    const struct key_attribute *private_parts;
    size_t private_count;
} key_kinds[] = {
    [KK_KEYFILE_RSA]        = {USE_SIGN | USE_ENCRYPT, LIST(rsa_styles), LIST(rsa_public), LIST(rsa_private)},
    [KK_KEYFILE_DSA]        = {USE_SIGN,   LIST(dsa_styles),        LIST(dsa_public),    LIST(dsa_private)},
    [KK_KEYFILE_EC]         = {USE_SIGN,   LIST(ec_styles),         LIST(ec_public),     LIST(ec_private)},
    [KK_KEYFILE_EDWARDS]    = {USE_SIGN,   LIST(edwards_styles),    LIST(ec_public),     LIST(ec_private)},
    [KK_KEYFILE_MONTGOMERY] = {USE_DERIVE, LIST(montgomery_styles), LIST(ec_public),     LIST(ec_private)},
    [KK_KEYFILE_ML_DSA]     = {USE_SIGN,   LIST(ml_dsa_styles),     LIST(ml_dsa_public), LIST(ml_dsa_private)},
};

/* What goes by the name of OpenSSL's algorithm. */
static const struct algorithm {
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

static const struct algorithm *find_algorithm(const char *name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(algorithms); i++) {
        if (strcmp(algorithms[i].name, name) == 0) {
            return &algorithms[i];
        }
    }
    return NULL;
}

/* A key on its way in: the file's parts, and the values that a style makes of them. */
struct key {
    const struct kk_util_target *target;
    const struct kk_keyfile *file;
    const struct key_kind *kind;
    const struct key_style *style;
    const struct algorithm *algorithm; /* NULL: nothing goes by its name */
    struct kk_buffer point;
    struct kk_buffer params;
    bool save_public;
};

static void key_clear(struct key *key)
{
    kk_buffer_clear(&key->point);
    kk_buffer_clear(&key->params);
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

/* Takes a style for the key and makes its values. */
static KK_RV set_style(struct key *key, const struct key_style *style)
{
    key_clear(key);
    key->style = style;
    if (style->wrap_point) {
        KK_TRY(put_der(&key->point, DER_OCTET_STRING,
                       kk_secret_span(key->file->parts[KK_KEYPART_PUBLIC])));
    }
    if (style->name_curve && key->algorithm != NULL) {
        const char *curve = key->algorithm->curve;
        KK_TRY(put_der(&key->params, DER_PRINTABLE_STRING, KK_SPAN(curve, strlen(curve))));
    }
    return CKR_OK;
}

static void put_parts(struct kk_cli_template *tmpl, const struct key *key,
                      const struct key_attribute *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct kk_secret *part = key->file->parts[rows[i].part];
        if (rows[i].type == CKA_EC_POINT && key->point.len > 0) {
            kk_cli_template_put(tmpl, rows[i].type, key->point.data, key->point.len);
        } else if (rows[i].type == CKA_EC_PARAMS && key->params.len > 0) {
            kk_cli_template_put(tmpl, rows[i].type, key->params.data, key->params.len);
        } else if (part != NULL) {
            kk_cli_template_put_secret(tmpl, rows[i].type, part);
        }
    }
}

static void put_common(struct kk_cli_template *tmpl, const struct key *key,
                       const CK_OBJECT_CLASS *object_class)
{
    kk_cli_template_put_ulong(tmpl, CKA_CLASS, object_class);
    kk_cli_template_put_ulong(tmpl, CKA_KEY_TYPE, &key->style->type);
    kk_cli_template_put(tmpl, CKA_LABEL, key->target->label, strlen(key->target->label));
    kk_cli_template_put(tmpl, CKA_ID, key->target->id, key->target->id_len);
    kk_cli_template_put_bool(tmpl, CKA_TOKEN, true);
    if (key->algorithm != NULL && key->algorithm->parameter_set != 0) {
        kk_cli_template_put_ulong(tmpl, CKA_PARAMETER_SET, &key->algorithm->parameter_set);
    }
}

static KK_RV create(const struct key *key, struct kk_cli_template *tmpl,
                    CK_OBJECT_HANDLE *ret_object)
{
    return key->target->p11->C_CreateObject(key->target->session, tmpl->attributes, tmpl->count,
                                            ret_object);
}

static KK_RV create_private(const struct key *key, CK_OBJECT_HANDLE *ret_object)
{
    static const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    struct kk_cli_template tmpl = {0};
    unsigned int uses = key->kind->uses;
    put_common(&tmpl, key, &object_class);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, true);
    kk_cli_template_put_bool(&tmpl, CKA_SENSITIVE, true);
    kk_cli_template_put_bool(&tmpl, CKA_EXTRACTABLE, false);
    kk_cli_template_put_bool(&tmpl, CKA_SIGN, (uses & USE_SIGN) != 0);
    kk_cli_template_put_bool(&tmpl, CKA_DECRYPT, (uses & USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(&tmpl, CKA_UNWRAP, (uses & USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(&tmpl, CKA_DERIVE, (uses & USE_DERIVE) != 0);
    put_parts(&tmpl, key, key->kind->private_parts, key->kind->private_count);
    return create(key, &tmpl, ret_object);
}

static KK_RV create_public(const struct key *key)
{
    static const CK_OBJECT_CLASS object_class = CKO_PUBLIC_KEY;
    struct kk_cli_template tmpl = {0};
    unsigned int uses = key->kind->uses;
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    put_common(&tmpl, key, &object_class);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, false);
    kk_cli_template_put_bool(&tmpl, CKA_VERIFY, (uses & USE_SIGN) != 0);
    kk_cli_template_put_bool(&tmpl, CKA_ENCRYPT, (uses & USE_ENCRYPT) != 0);
    kk_cli_template_put_bool(&tmpl, CKA_WRAP, (uses & USE_ENCRYPT) != 0);
    put_parts(&tmpl, key, key->kind->public_parts, key->kind->public_count);
    return create(key, &tmpl, &object);
}

enum save_result { SAVED, PRIVATE_REFUSED, PUBLIC_REFUSED };

/* Both objects or none. */
static enum save_result save_pair(const struct key *key)
{
    CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
    if (create_private(key, &private_key) != CKR_OK) {
        return PRIVATE_REFUSED;
    }
    if (key->save_public && create_public(key) != CKR_OK) {
        (void)key->target->p11->C_DestroyObject(key->target->session, private_key);
        return PUBLIC_REFUSED;
    }
    return SAVED;
}

/* In the first style that the module takes. What is reported when it takes none is what it said to
 * the first, which is the standard's. */
static KK_RV save(struct key *key)
{
    enum save_result first = PRIVATE_REFUSED;
    for (size_t i = 0; i < key->kind->style_count; i++) {
        KK_TRY(set_style(key, &key->kind->styles[i]));
        enum save_result result = save_pair(key);
        if (result == SAVED) {
            return CKR_OK;
        }
        first = i == 0 ? result : first;
    }
    return first == PUBLIC_REFUSED
               ? kk_cli_error("ERROR: Could not save the public key in the token.")
               : kk_cli_error("ERROR: Could not save the private key in the token. Maybe the "
                              "algorithm is not supported.");
}

/* Whether some private key has this ID already. */
static KK_RV find_id(const struct kk_util_target *target, bool *ret_found)
{
    static const CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    struct kk_cli_template tmpl = {0};
    CK_OBJECT_HANDLE object = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put(&tmpl, CKA_ID, target->id, target->id_len);
    if (target->p11->C_FindObjectsInit(target->session, tmpl.attributes, tmpl.count) != CKR_OK) {
        return kk_cli_error("ERROR: Could not prepare the object search.");
    }
    if (target->p11->C_FindObjects(target->session, &object, 1, &count) != CKR_OK) {
        return kk_cli_error("ERROR: Could not get the search results.");
    }
    if (target->p11->C_FindObjectsFinal(target->session) != CKR_OK) {
        return kk_cli_error("ERROR: Could not finalize the search.");
    }
    *ret_found = count > 0;
    return CKR_OK;
}

static KK_RV explain_parse(CK_RV rv, bool has_pin)
{
    switch (rv) {
    case CKR_OK:
        return CKR_OK;
    case CKR_MECHANISM_INVALID:
        return kk_cli_error("ERROR: Cannot handle this algorithm.");
    case CKR_PIN_INCORRECT:
        return kk_cli_error("ERROR: Could not decrypt the PKCS#8 file. Maybe wrong PIN to file "
                            "(--file-pin <PIN>)");
    case CKR_HOST_MEMORY:
        return kk_cli_error("ERROR: Could not allocate memory.");
    default:
        return has_pin ? kk_cli_error("ERROR: Could not read the PKCS#8 file. Maybe the file is "
                                      "not encrypted.")
                       : kk_cli_error("ERROR: Could not read the PKCS#8 file. Maybe it is "
                                      "encypted (--file-pin <PIN>)");
    }
}

static KK_RV read_key(const struct kk_util_options *options, struct kk_keyfile **ret_file)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    bool has_pin = options->file_pin != NULL;
    switch (kk_cli_file_read(options->import_path, &content)) {
    case KK_CLI_FILE_NOT_OPENED:
        return kk_cli_error("ERROR: Could open the PKCS#8 file: %s", options->import_path);
    case KK_CLI_FILE_NOT_READ:
        return explain_parse(CKR_DATA_INVALID, has_pin);
    case KK_CLI_FILE_OK:
        break;
    }
    CK_RV rv = kk_keyfile_parse(kk_secret_span(content), options->file_pin, ret_file);
    return explain_parse(rv, has_pin);
}

KK_RV kk_util_import_keypair(const struct kk_util *util, struct kk_util_target *target)
{
    bool found = false;
    KK_CLEANUP(kk_keyfile_freep) struct kk_keyfile *file = NULL;
    if (!util->options.force) {
        KK_TRY(find_id(target, &found));
    }
    if (found) {
        return kk_cli_error("ERROR: The ID is already assigned to another object. Use --force to "
                            "override this message.");
    }
    KK_TRY(read_key(&util->options, &file));
    KK_CLEANUP(key_clear) struct key key = {.target = target,
                                            .file = file,
                                            .kind = &key_kinds[file->kind],
                                            .algorithm = find_algorithm(file->algorithm),
                                            .save_public = !util->options.no_public_key};
    KK_TRY(save(&key));
    printf("The key pair has been imported.\n");
    return CKR_OK;
}
