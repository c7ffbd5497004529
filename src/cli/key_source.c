/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of keys and certificates, of all formats, as one list.
 */
#include "cli/key_source.h"

#include <errno.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "cli/file.h"
#include "cli/report.h"

#include "base/banned.h"

/* clang-format off */
static const struct {
    const char *name;
    struct kk_source_type type;
} types[] = {
    {"aes",         {.key_type = CKK_AES}},
    {"generic",     {.key_type = CKK_GENERIC_SECRET}},
    {"sha1-hmac",   {.key_type = CKK_SHA_1_HMAC}},
    {"sha256-hmac", {.key_type = CKK_SHA256_HMAC}},
    {"sha384-hmac", {.key_type = CKK_SHA384_HMAC}},
    {"sha512-hmac", {.key_type = CKK_SHA512_HMAC}},
    {"data",        {.is_data = true}},
};
/* clang-format on */

const struct kk_source_type *kk_source_type(const char *name)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return &types[i].type;
        }
    }
    return NULL;
}

void kk_source_types(struct kk_buffer *names)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(types); i++) {
        kk_buffer_put(names, ", ", i > 0 ? 2 : 0);
        kk_buffer_put(names, types[i].name, strlen(types[i].name));
    }
}

static void item_clear(struct kk_source_item *item)
{
    kk_keyfile_free(item->key);
    kk_certfile_free(item->certificate);
    kk_secret_free(item->secret);
    kk_buffer_clear(&item->label);
}

void kk_source_free(struct kk_source *source)
{
    if (source == NULL) {
        return;
    }
    for (size_t i = 0; i < source->count; i++) {
        item_clear(&source->items[i]);
    }
    kk_free(source->items);
    kk_free(source);
}

static KK_RV new_source(size_t count, struct kk_source **ret_source)
{
    KK_CLEANUP(kk_source_freep) struct kk_source *source = NULL;
    KK_TRY(kk_alloc(sizeof *source, &source));
    KK_TRY(kk_alloc_array(count, sizeof *source->items, &source->items));
    source->count = count;
    *ret_source = KK_STEAL(source);
    return CKR_OK;
}

/* ---- formats ---- */

/* One file on its way in. */
struct reading {
    const struct kk_keyfiles *files;
    const char *path;
    struct kk_span content;
    const struct kk_source_type *type;
    const struct kk_secret *passphrase;
};

static KK_RV check_secret(const struct reading *reading, const struct kk_source_item *item)
{
    size_t len = kk_secret_len(item->secret);
    if (len == 0) {
        return kk_cli_error("%s is empty", reading->path);
    }
    if (item->kind == KK_SOURCE_SECRET && item->secret_type == CKK_AES && len != 16 && len != 24 &&
        len != 32) {
        return kk_cli_error("%s: an AES key has 16, 24 or 32 bytes; this one has %zu",
                            reading->path, len);
    }
    return CKR_OK;
}

static KK_RV read_raw(const struct reading *reading, struct kk_source **ret_source)
{
    KK_TRY(new_source(1, ret_source));
    struct kk_source_item *item = &(*ret_source)->items[0];
    item->kind = reading->type->is_data ? KK_SOURCE_DATA : KK_SOURCE_SECRET;
    item->secret_type = reading->type->key_type;
    KK_TRY(kk_secret_from(reading->content, &item->secret));
    return check_secret(reading, item);
}

static KK_RV take_jwk(const struct reading *reading, struct kk_jwk *jwk,
                      struct kk_source_item *item)
{
    item->key = KK_STEAL(jwk->key);
    item->secret = KK_STEAL(jwk->secret);
    item->label = jwk->kid;
    jwk->kid = (struct kk_buffer){0};
    item->uses = jwk->uses;
    if (item->secret != NULL) {
        item->kind = KK_SOURCE_SECRET;
        item->secret_type = jwk->is_aes ? CKK_AES : CKK_GENERIC_SECRET;
        item->secret_type = reading->type != NULL ? reading->type->key_type : item->secret_type;
        return check_secret(reading, item);
    }
    item->kind = jwk->is_private ? KK_SOURCE_PRIVATE : KK_SOURCE_PUBLIC;
    return kk_keyfiles_id(reading->files, item->key, item->id);
}

static KK_RV read_jwks(const struct reading *reading, struct kk_source **ret_source)
{
    KK_CLEANUP(kk_jwk_set_freep) struct kk_jwk_set *set = NULL;
    KK_TRY(kk_jwk_read(reading->content, &set));
    KK_TRY(new_source(set->count, ret_source));
    for (size_t i = 0; i < set->count; i++) {
        KK_TRY(take_jwk(reading, &set->keys[i], &(*ret_source)->items[i]));
    }
    return CKR_OK;
}

static KK_RV read_bag(const struct reading *reading, struct kk_source **ret_source)
{
    static const enum kk_source_kind kinds[] = {
        [KK_BAG_PRIVATE] = KK_SOURCE_PRIVATE,
        [KK_BAG_PUBLIC] = KK_SOURCE_PUBLIC,
        [KK_BAG_CERTIFICATE] = KK_SOURCE_CERTIFICATE,
    };
    KK_CLEANUP(kk_bag_freep) struct kk_bag *bag = NULL;
    KK_TRY(kk_keyfiles_read(reading->files, reading->content, reading->passphrase, &bag));
    KK_TRY(new_source(bag->count, ret_source));
    for (size_t i = 0; i < bag->count; i++) {
        struct kk_bag_item *from = &bag->items[i];
        struct kk_source_item *item = &(*ret_source)->items[i];
        item->kind = kinds[from->kind];
        item->key = KK_STEAL(from->key);
        item->certificate = KK_STEAL(from->certificate);
        item->label = from->label;
        from->label = (struct kk_buffer){0};
        memcpy(item->id, from->id, sizeof item->id);
    }
    return CKR_OK;
}

/* ---- what can be wrong ---- */

static KK_RV explain(CK_RV rv, const struct reading *reading)
{
    const char *path = reading->path;
    switch (rv) {
    case CKR_OK:
    case CKR_FUNCTION_FAILED: /* said */
        return rv;
    case CKR_HOST_MEMORY:
        return kk_cli_error("there is not enough memory");
    case CKR_ENCRYPTED_DATA_INVALID:
        return kk_cli_error("%s is encrypted: use --passphrase-file, --passphrase-env or "
                            "--passphrase",
                            path);
    case CKR_PIN_INCORRECT:
        return kk_cli_error("%s: the passphrase does not open it", path);
    case CKR_MECHANISM_INVALID:
    case CKR_CURVE_NOT_SUPPORTED:
        return kk_cli_error("%s: a key or its encryption is of an algorithm or form that is not "
                            "handled",
                            path);
    case CKR_ATTRIBUTE_VALUE_INVALID:
        return kk_cli_error("%s: the numbers of a key do not belong together", path);
    default:
        return kk_cli_error("%s holds no key or certificate in a known format, or is damaged; a "
                            "symmetric key needs --type",
                            path);
    }
}

static KK_RV read_file(const char *path, struct kk_secret **ret_content)
{
    errno = 0;
    switch (kk_cli_file_read_long(path, KK_SOURCE_FILE_MAX, ret_content)) {
    case KK_CLI_FILE_OK:
        return CKR_OK;
    case KK_CLI_FILE_NOT_OPENED:
        return kk_cli_error("could not open %s: %s", path, strerror(errno));
    case KK_CLI_FILE_NOT_READ:
        break;
    }
    return kk_cli_error("could not read %s, or it is longer than %zu MiB", path,
                        KK_SOURCE_FILE_MAX >> 20);
}

/* With --type the bytes may be a key that happens to begin as JSON does; that is no text. */
static bool is_json(const struct reading *reading)
{
    struct kk_span rest = reading->content;
    if (!kk_jwk_is_json(rest)) {
        return false;
    }
    if (reading->type == NULL) {
        return true;
    }
    bool is_text = !reading->type->is_data && rest.len > 1;
    while (is_text && rest.len > 0) {
        uint32_t point = 0;
        size_t len = kk_utf8_decode(rest, &point);
        is_text = len > 0 && (point >= ' ' || point == '\t' || point == '\r' || point == '\n');
        rest = KK_SPAN(rest.data + len, rest.len - len);
    }
    return is_text;
}

KK_RV kk_source_read(const struct kk_keyfiles *files, const char *path,
                     const struct kk_source_type *type, const struct kk_secret *passphrase,
                     struct kk_source **ret_source)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *content = NULL;
    KK_CLEANUP(kk_source_freep) struct kk_source *source = NULL;
    KK_TRY(read_file(path, &content));
    const struct reading reading = {.files = files,
                                    .path = path,
                                    .content = kk_secret_span(content),
                                    .type = type,
                                    .passphrase = passphrase};
    CK_RV rv = is_json(&reading) ? read_jwks(&reading, &source)
               : type != NULL    ? read_raw(&reading, &source)
                                 : read_bag(&reading, &source);
    KK_TRY(explain(rv, &reading));
    *ret_source = KK_STEAL(source);
    return CKR_OK;
}
