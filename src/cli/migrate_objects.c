/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One object after the other. A table has the attributes of each class, which all must be there, as
 * SoftHSM 1 wrote them all; of an RSA private key the numbers that it did not keep are computed.
 */
#include "cli/migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/report.h"
#include "cli/template.h"
#include "crypto/keyfile.h"

#include "base/banned.h"

#define NO_PART KK_KEYPART_COUNT

struct wanted {
    CK_ATTRIBUTE_TYPE type;
    enum kk_keyfile_part part; /* NO_PART: no number of the key */
};

/* clang-format off */
static const struct wanted public_attributes[] = {
    {CKA_LABEL,           NO_PART},
    {CKA_ID,              NO_PART},
    {CKA_SUBJECT,         NO_PART},
    {CKA_PRIVATE,         NO_PART},
    {CKA_MODIFIABLE,      NO_PART},
    {CKA_DERIVE,          NO_PART},
    {CKA_ENCRYPT,         NO_PART},
    {CKA_VERIFY,          NO_PART},
    {CKA_VERIFY_RECOVER,  NO_PART},
    {CKA_WRAP,            NO_PART},
    {CKA_START_DATE,      NO_PART},
    {CKA_END_DATE,        NO_PART},
    {CKA_MODULUS,         KK_KEYPART_MODULUS},
    {CKA_PUBLIC_EXPONENT, KK_KEYPART_PUBLIC_EXPONENT},
};

static const struct wanted private_attributes[] = {
    {CKA_LABEL,             NO_PART},
    {CKA_ID,                NO_PART},
    {CKA_SUBJECT,           NO_PART},
    {CKA_PRIVATE,           NO_PART},
    {CKA_MODIFIABLE,        NO_PART},
    {CKA_DERIVE,            NO_PART},
    {CKA_SENSITIVE,         NO_PART},
    {CKA_EXTRACTABLE,       NO_PART},
    {CKA_WRAP_WITH_TRUSTED, NO_PART},
    {CKA_DECRYPT,           NO_PART},
    {CKA_SIGN,              NO_PART},
    {CKA_SIGN_RECOVER,      NO_PART},
    {CKA_UNWRAP,            NO_PART},
    {CKA_START_DATE,        NO_PART},
    {CKA_END_DATE,          NO_PART},
    {CKA_MODULUS,           KK_KEYPART_MODULUS},
    {CKA_PUBLIC_EXPONENT,   KK_KEYPART_PUBLIC_EXPONENT},
    {CKA_PRIVATE_EXPONENT,  KK_KEYPART_PRIVATE_EXPONENT},
    {CKA_PRIME_1,           KK_KEYPART_PRIME_1},
    {CKA_PRIME_2,           KK_KEYPART_PRIME_2},
};

/* What follows from those. */
static const struct wanted computed_attributes[] = {
    {CKA_EXPONENT_1,  KK_KEYPART_EXPONENT_1},
    {CKA_EXPONENT_2,  KK_KEYPART_EXPONENT_2},
    {CKA_COEFFICIENT, KK_KEYPART_COEFFICIENT},
};

static const struct key_class {
    CK_OBJECT_CLASS object_class;
    const struct wanted *attributes;
    size_t count;
    const char *name;
} key_classes[] = {
    {CKO_PUBLIC_KEY,  public_attributes,  KK_ARRAY_LEN(public_attributes),  "public"},
    {CKO_PRIVATE_KEY, private_attributes, KK_ARRAY_LEN(private_attributes), "private"},
};
/* clang-format on */

/* An object on its way. Values that are no numbers of the key are kept here until it is made. */
struct object {
    uint64_t id;
    const struct key_class *key_class;
    struct kk_keyfile *key;
    struct kk_secret *values[KK_CLI_TEMPLATE_MAX];
    size_t value_count;
    struct kk_cli_template tmpl;
};

static void object_clear(struct object *object)
{
    kk_keyfile_free(object->key);
    for (size_t i = 0; i < object->value_count; i++) {
        kk_secret_free(object->values[i]);
    }
}

static KK_RV explain_read(CK_RV rv, CK_ATTRIBUTE_TYPE type, uint64_t id)
{
    switch (rv) {
    case CKR_OK:
        return CKR_OK;
    case CKR_ATTRIBUTE_TYPE_INVALID:
        return kk_cli_error("ERROR: Do not have attribute %lu. Skipping object %" PRIu64, type, id);
    case CKR_HOST_MEMORY:
        return kk_cli_error("ERROR: Could not allocate memory. Skipping object %" PRIu64, id);
    default:
        return kk_cli_error("ERROR: Could not read the database. Skipping object %" PRIu64, id);
    }
}

/* A CK_ULONG of the machine that wrote it: of 32 or 64 bits. */
static KK_RV read_ulong(const struct kk_migration *migration, uint64_t id, CK_ATTRIBUTE_TYPE type,
                        CK_ULONG *ret_value)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    KK_TRY(kk_softhsm1_value(migration->database, id, type, &value));
    struct kk_span bytes = kk_secret_span(value);
    uint32_t short_value = 0;
    uint64_t long_value = 0;
    if (bytes.len == sizeof short_value) {
        memcpy(&short_value, bytes.data, sizeof short_value);
        *ret_value = short_value;
        return CKR_OK;
    }
    KK_ENSURE(bytes.len == sizeof long_value, CKR_ATTRIBUTE_VALUE_INVALID);
    memcpy(&long_value, bytes.data, sizeof long_value);
    KK_ENSURE(long_value <= (CK_ULONG)-1, CKR_ATTRIBUTE_VALUE_INVALID);
    *ret_value = (CK_ULONG)long_value;
    return CKR_OK;
}

/* SoftHSM 1 kept session objects in the database too. One that is there now was left by a process
 * that ended early. */
static KK_RV read_is_token(const struct kk_migration *migration, uint64_t id, bool *ret_is_token)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    CK_RV rv = kk_softhsm1_value(migration->database, id, CKA_TOKEN, &value);
    KK_TRY(explain_read(rv, CKA_TOKEN, id));
    struct kk_span bytes = kk_secret_span(value);
    *ret_is_token = bytes.len != 1 || bytes.data[0] != CK_FALSE;
    return CKR_OK;
}

/* The values of the object's attributes, numbers into its key. */
static KK_RV read_attributes(const struct kk_migration *migration, struct object *object)
{
    for (size_t i = 0; i < object->key_class->count; i++) {
        const struct wanted *wanted = &object->key_class->attributes[i];
        struct kk_secret *value = NULL;
        CK_RV rv = kk_softhsm1_value(migration->database, object->id, wanted->type, &value);
        KK_TRY(explain_read(rv, wanted->type, object->id));
        if (wanted->part != NO_PART) {
            object->key->parts[wanted->part] = value;
            continue;
        }
        object->values[object->value_count] = value;
        object->value_count++;
        kk_cli_template_put_secret(&object->tmpl, wanted->type, value);
    }
    return CKR_OK;
}

static void put_numbers(struct object *object, const struct wanted *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].part != NO_PART) {
            kk_cli_template_put_secret(&object->tmpl, rows[i].type,
                                       object->key->parts[rows[i].part]);
        }
    }
}

static KK_RV put_key(struct object *object)
{
    bool is_private = object->key_class->object_class == CKO_PRIVATE_KEY;
    if (is_private && kk_keyfile_complete(object->key) != CKR_OK) {
        return kk_cli_error("ERROR: The parts of the key do not belong together. Skipping object "
                            "%" PRIu64,
                            object->id);
    }
    put_numbers(object, object->key_class->attributes, object->key_class->count);
    if (is_private) {
        put_numbers(object, computed_attributes, KK_ARRAY_LEN(computed_attributes));
    }
    return CKR_OK;
}

static KK_RV migrate_key(const struct kk_migration *migration, uint64_t id,
                         const struct key_class *key_class)
{
    static const CK_KEY_TYPE key_type = CKK_RSA;
    KK_CLEANUP(object_clear) struct object object = {.id = id, .key_class = key_class};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    KK_TRY(explain_read(kk_alloc(sizeof *object.key, &object.key), 0, id));
    object.key->kind = KK_KEYFILE_RSA;
    kk_cli_template_put_ulong(&object.tmpl, CKA_CLASS, &key_class->object_class);
    kk_cli_template_put_ulong(&object.tmpl, CKA_KEY_TYPE, &key_type);
    kk_cli_template_put_bool(&object.tmpl, CKA_TOKEN, true);
    KK_TRY(read_attributes(migration, &object));
    KK_TRY(put_key(&object));
    CK_RV rv = migration->p11->C_CreateObject(migration->session, object.tmpl.attributes,
                                              object.tmpl.count, &handle);
    if (rv != CKR_OK) {
        return kk_cli_error(
            "ERROR %lX: Could not save the %s key in the token. Skipping object %" PRIu64, rv,
            key_class->name, id);
    }
    printf("Object %" PRIu64 " has been migrated\n", id);
    return CKR_OK;
}

/* NULL, and said: none that is handled. */
static const struct key_class *find_class(const struct kk_migration *migration, uint64_t id)
{
    CK_ULONG object_class = 0;
    if (read_ulong(migration, id, CKA_CLASS, &object_class) != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not get the class of object %" PRIu64 ". Continuing.", id);
        return NULL;
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(key_classes); i++) {
        if (key_classes[i].object_class == object_class) {
            return &key_classes[i];
        }
    }
    (void)kk_cli_error("ERROR: Not supporting class %lu in object %" PRIu64 ". Continuing.",
                       object_class, id);
    return NULL;
}

static KK_RV migrate_object(const struct kk_migration *migration, uint64_t id)
{
    const struct key_class *key_class = find_class(migration, id);
    CK_ULONG key_type = 0;
    bool is_token = false;
    if (key_class == NULL) {
        return CKR_FUNCTION_FAILED;
    }
    if (key_class->object_class == CKO_PUBLIC_KEY && migration->no_public_key) {
        return CKR_OK;
    }
    if (read_ulong(migration, id, CKA_KEY_TYPE, &key_type) != CKR_OK || key_type != CKK_RSA) {
        return kk_cli_error("ERROR: Cannot export object %" PRIu64 ". Only supporting RSA keys. "
                            "Continuing.",
                            id);
    }
    KK_TRY(read_is_token(migration, id, &is_token));
    if (!is_token) {
        printf("Object %" PRIu64 " is a session object and has been left out\n", id);
        return CKR_OK;
    }
    return migrate_key(migration, id, key_class);
}

static KK_RV read_objects(const struct kk_migration *migration, uint64_t **ret_ids,
                          size_t *ret_count)
{
    if (kk_softhsm1_objects(migration->database, ret_ids, ret_count) != CKR_OK) {
        return kk_cli_error("ERROR: Could not count the number of objects in the database");
    }
    if (*ret_count == 0) {
        (void)kk_cli_error("ERROR: There are not objects in the database");
        return kk_cli_error("ERROR: Could not find any objects in the database.");
    }
    return CKR_OK;
}

KK_RV kk_migrate_objects(const struct kk_migration *migration)
{
    KK_CLEANUP(kk_freep) uint64_t *ids = NULL;
    size_t count = 0;
    CK_RV result = read_objects(migration, &ids, &count);
    for (size_t i = 0; i < count; i++) {
        CK_RV rv = migrate_object(migration, ids[i]);
        result = result == CKR_OK ? rv : result;
    }
    if (result != CKR_OK) {
        return kk_cli_error("ERROR: Unable to migrate all of the objects.");
    }
    return CKR_OK;
}
