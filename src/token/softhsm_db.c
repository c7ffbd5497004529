/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SoftHSM tokens in a database, for import: they open, log in, list and read. Nothing is written;
 * PIN tries are counted in memory. An object's rows are put into the form of SoftHSM's files, and
 * read as those are.
 */
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/path.h"
#include "store/softhsm_db.h"
#include "token/softhsm.h"
#include "token/softhsm_internal.h"

#include "base/banned.h"

#define TOKEN_OBJECT 1

struct softhsm_db {
    struct kk_repository head;
    struct kk_crypto *crypto;
    char *path, *file;
    struct kk_mutex lock;
    struct kk_tries_book book;
};

static struct softhsm_db *db_of(struct kk_repository *repository)
{
    return (struct softhsm_db *)repository;
}

/* ---- rows as a body ---- */

static uint64_t native_u64(const uint8_t *bytes)
{
    uint64_t number = 0;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static KK_RV put_mechanisms(struct kk_buffer *body, struct kk_span value)
{
    KK_ENSURE(value.len % 8 == 0, CKR_DEVICE_ERROR);
    kk_buffer_put_u64(body, value.len / 8);
    for (size_t i = 0; i < value.len; i += 8) {
        kk_buffer_put_u64(body, native_u64(value.data + i));
    }
    return CKR_OK;
}

/* One element of an attribute map: u64 type, u32 kind, value, in the machine's own order. */
static KK_RV put_element(struct kk_buffer *map, struct kk_reader *reader)
{
    struct kk_span type = kk_reader_take(reader, 8);
    struct kk_span kind = kk_reader_take(reader, 4);
    uint32_t number = 0;
    KK_ENSURE(!reader->failed, CKR_DEVICE_ERROR);
    memcpy(&number, kind.data, sizeof number);
    kk_buffer_put_u64(map, native_u64(type.data));
    kk_buffer_put_u64(map, number);
    if (number == KK_ATTR_BOOL) {
        kk_buffer_put_u8(map, kk_reader_u8(reader));
    } else if (number == KK_ATTR_ULONG || number == KK_ATTR_BYTES) {
        struct kk_span value = kk_reader_take(reader, 8);
        KK_ENSURE(!reader->failed, CKR_DEVICE_ERROR);
        uint64_t word = native_u64(value.data);
        kk_buffer_put_u64(map, word);
        if (number == KK_ATTR_BYTES) {
            KK_ENSURE(word <= reader->rest.len, CKR_DEVICE_ERROR);
            kk_buffer_put_span(map, kk_reader_take(reader, (size_t)word));
        }
    } else {
        return CKR_DEVICE_ERROR;
    }
    KK_ENSURE(!reader->failed, CKR_DEVICE_ERROR);
    return CKR_OK;
}

static KK_RV put_map(struct kk_buffer *body, struct kk_span value)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer map = {.wipe = true};
    struct kk_reader reader = kk_reader_new(value);
    while (reader.rest.len > 0) {
        KK_TRY(put_element(&map, &reader));
    }
    KK_TRY(kk_buffer_check(&map));
    kk_buffer_put_u64(body, map.len);
    kk_buffer_put_span(body, kk_buffer_span(&map));
    return CKR_OK;
}

static CK_RV put_row(const struct kk_softhsm_db_row *row, void *context)
{
    struct kk_buffer *body = context;
    bool is_list = row->table == KK_SOFTHSM_DB_BINARY && row->type == CKA_ALLOWED_MECHANISMS;
    KK_ENSURE(body->len <= KK_SOFTHSM_FILE_MAX, CKR_DEVICE_ERROR); /* as in a file */
    kk_buffer_put_u64(body, row->type);
    kk_buffer_put_u64(body, is_list ? KK_ATTR_MECHANISMS : (uint64_t)row->table);
    if (is_list) {
        return put_mechanisms(body, row->bytes);
    }
    switch (row->table) {
    case KK_SOFTHSM_DB_BOOLEAN:
        kk_buffer_put_u8(body, row->number != 0 ? 0xff : 0);
        break;
    case KK_SOFTHSM_DB_INTEGER:
        kk_buffer_put_u64(body, row->number);
        break;
    case KK_SOFTHSM_DB_BINARY:
        kk_buffer_put_u64(body, row->bytes.len);
        kk_buffer_put_span(body, row->bytes);
        break;
    case KK_SOFTHSM_DB_ARRAY:
        return put_map(body, row->bytes);
    }
    return kk_buffer_check(body);
}

static KK_RV body_of(const struct softhsm_db *db, uint64_t object, struct kk_buffer *body)
{
    body->wipe = true;
    return kk_softhsm_db_rows(db->file, object, put_row, body);
}

/* Objects have numbers; as uuids they end with them. */
static struct kk_uuid uuid_of(uint64_t object)
{
    struct kk_uuid uuid = {{0}};
    kk_store_u64(uuid.bytes + 8, object);
    return uuid;
}

static bool number_of(const struct kk_uuid *uuid, uint64_t *ret_object)
{
    *ret_object = kk_load_u64(uuid->bytes + 8);
    return kk_load_u64(uuid->bytes) == 0 && *ret_object > TOKEN_OBJECT;
}

/* ---- the token ---- */

static KK_RV identify(struct softhsm_db *db, struct kk_softhsm_identity *ret_identity)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(body_of(db, TOKEN_OBJECT, &body));
    CK_RV rv = kk_softhsm_decode(kk_buffer_span(&body), NULL, &attrs);
    KK_ENSURE(rv == CKR_OK || rv == CKR_DEVICE_ERROR, rv);
    if (rv != CKR_OK || !kk_softhsm_identity_of(attrs, ret_identity)) {
        kk_log_error("token %s: its first object is missing or damaged", db->path);
        return CKR_DEVICE_ERROR;
    }
    return CKR_OK;
}

static KK_RV db_fresh(struct kk_repository *repository, struct kk_store_stamp *ret_stamp)
{
    struct kk_store_stamp stamp = {.stable = true};
    KK_TRY(kk_softhsm_db_stamp(db_of(repository)->file, &stamp.value));
    *ret_stamp = stamp;
    return CKR_OK;
}

static KK_RV db_state(struct kk_repository *repository, struct kk_token_state *ret_state)
{
    struct softhsm_db *db = db_of(repository);
    struct kk_softhsm_identity identity;
    struct kk_token_state state = {.read_only = true};
    struct kk_tries user = {0};
    struct kk_tries so = {0};
    KK_TRY(identify(db, &identity));
    kk_tries_add_memory(&db->book, KK_ROLE_USER, &user);
    kk_tries_add_memory(&db->book, KK_ROLE_SO, &so);
    memcpy(state.label, identity.label, sizeof state.label);
    memcpy(state.serial, identity.serial, sizeof state.serial);
    memcpy(state.epoch, identity.serial, sizeof state.epoch);
    state.user_pin_set = identity.has_user;
    state.user_failed = user.failed;
    state.so_failed = so.failed;
    state.user_locked = kk_tries_locked(&db->book, KK_ROLE_USER, &user);
    *ret_state = state;
    return CKR_OK;
}

static KK_RV db_unlock(struct kk_repository *repository, enum kk_role role, struct kk_span name,
                       struct kk_span pin, KK_UNUSED struct kk_unlock *known,
                       struct kk_unlock **ret_unlock)
{
    struct softhsm_db *db = db_of(repository);
    struct kk_softhsm_identity identity;
    KK_CLEANUP(kk_attempt_release) struct kk_attempt attempt = {.book = &db->book};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *master = NULL;
    KK_TRY(identify(db, &identity));
    KK_ENSURE(name.len == 0 && (role == KK_ROLE_SO || identity.has_user),
              CKR_USER_PIN_NOT_INITIALIZED);
    KK_ENSURE(role == KK_ROLE_USER || identity.has_so, CKR_DEVICE_ERROR);
    struct kk_span blob =
        role == KK_ROLE_SO ? KK_SPAN_ARRAY(identity.so) : KK_SPAN_ARRAY(identity.user);
    KK_TRY(kk_attempt_lock(&db->book, role, (uint32_t)role, &attempt));
    KK_TRY(kk_attempt_mark(&attempt));
    CK_RV rv = kk_softhsm_blob_open(db->crypto, blob, pin, &master);
    if (rv == CKR_OK || rv == CKR_PIN_INCORRECT) {
        KK_TRY(kk_attempt_settle(&attempt, rv == CKR_OK));
    }
    KK_TRY(rv);
    return kk_softhsm_unlock_new(role, (const uint8_t *)identity.serial, &master, ret_unlock);
}

/* ---- objects ---- */

static KK_RV read_object(struct softhsm_db *db, struct kk_unlock *unlock, uint64_t number,
                         struct kk_object **ret_object)
{
    const struct kk_softhsm_unlock *login = (const struct kk_softhsm_unlock *)unlock;
    const struct kk_softhsm_keys keys = {db->crypto, login != NULL ? kk_secret_span(login->master)
                                                                   : KK_SPAN(NULL, 0)};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    struct kk_softhsm_head head = {0};
    struct kk_uuid uuid = uuid_of(number);
    uint64_t stamp = 0;
    KK_TRY(kk_softhsm_db_stamp(db->file, &stamp));
    KK_TRY(body_of(db, number, &body));
    KK_TRY(kk_softhsm_head(kk_buffer_span(&body), &head));
    KK_ENSURE(head.is_whole, CKR_OBJECT_HANDLE_INVALID);
    KK_TRY(kk_softhsm_decode(kk_buffer_span(&body), &keys, &attrs));
    KK_TRY(kk_softhsm_import(db->crypto, &uuid, &attrs));
    KK_TRY(kk_object_new(&uuid, kk_softhsm_generation(stamp), attrs, ret_object));
    (void)KK_STEAL(attrs);
    (*ret_object)->trust_proven = kk_attrs_flag((*ret_object)->attrs, CKA_TRUSTED, false);
    return CKR_OK;
}

static KK_RV db_read(struct kk_repository *repository, struct kk_unlock *unlock,
                     const struct kk_uuid *uuid, struct kk_object **ret_object)
{
    struct softhsm_db *db = db_of(repository);
    uint64_t number = 0;
    KK_ENSURE(number_of(uuid, &number), CKR_OBJECT_HANDLE_INVALID);
    CK_RV rv = read_object(db, unlock, number, ret_object);
    if (rv == CKR_DEVICE_ERROR) {
        kk_log_error("token %s: object %llu is damaged", db->path, (unsigned long long)number);
    }
    return rv;
}

struct finding {
    struct softhsm_db *db;
    uint64_t *numbers;
    size_t count;
};

static void finding_clear(struct finding *finding)
{
    kk_free(finding->numbers);
}

static CK_RV add_number(uint64_t object, void *context)
{
    struct finding *finding = context;
    KK_TRY(kk_realloc_array(&finding->numbers, finding->count + 1, sizeof *finding->numbers));
    finding->numbers[finding->count++] = object;
    return CKR_OK;
}

/* All of them: an import reads everything anyway, and the token layer compares. */
static KK_RV db_find(struct kk_repository *repository, KK_UNUSED struct kk_unlock *unlock,
                     KK_UNUSED bool with_private, KK_UNUSED const struct kk_attrs *tmpl,
                     struct kk_uuid **ret_uuids, size_t *ret_count)
{
    KK_CLEANUP(finding_clear) struct finding finding = {.db = db_of(repository)};
    struct kk_uuid *uuids = NULL;
    KK_TRY(kk_softhsm_db_objects(finding.db->file, add_number, &finding));
    KK_TRY(kk_alloc_array(finding.count, sizeof *uuids, &uuids));
    for (size_t i = 0; i < finding.count; i++) {
        uuids[i] = uuid_of(finding.numbers[i]);
    }
    *ret_uuids = uuids;
    *ret_count = finding.count;
    return CKR_OK;
}

/* ---- what is not done ---- */

static KK_RV db_reinitialise(KK_UNUSED struct kk_repository *repository,
                             KK_UNUSED struct kk_span so_pin, KK_UNUSED const char label[32])
{
    return CKR_TOKEN_WRITE_PROTECTED;
}

static KK_RV db_set_pin(KK_UNUSED struct kk_repository *repository, KK_UNUSED enum kk_role role,
                        KK_UNUSED struct kk_span name, KK_UNUSED struct kk_span old_pin,
                        KK_UNUSED struct kk_span new_pin)
{
    return CKR_TOKEN_WRITE_PROTECTED;
}

static KK_RV db_init_pin(KK_UNUSED struct kk_repository *repository,
                         KK_UNUSED struct kk_unlock *unlock, KK_UNUSED struct kk_span new_pin)
{
    return CKR_TOKEN_WRITE_PROTECTED;
}

static KK_RV db_change(KK_UNUSED struct kk_repository *repository,
                       KK_UNUSED struct kk_unlock *unlock,
                       KK_UNUSED const struct kk_stored_change *changes, KK_UNUSED size_t count,
                       KK_UNUSED struct kk_object **ret_objects)
{
    return CKR_TOKEN_WRITE_PROTECTED;
}

static KK_RV db_remove(struct kk_repository *repository)
{
    kk_log_warning("token %s: SoftHSM's databases are only read: not removed",
                   db_of(repository)->path);
    return CKR_TOKEN_WRITE_PROTECTED;
}

/* ---- tries: in memory ---- */

static KK_RV no_load(KK_UNUSED void *context, KK_UNUSED uint32_t row_no, struct kk_tries *ret_tries)
{
    *ret_tries = (struct kk_tries){0};
    return CKR_OK;
}

static bool always_read_only(KK_UNUSED void *context)
{
    return true;
}

static const char *tries_path(void *context)
{
    return ((struct softhsm_db *)context)->path;
}

static const struct kk_tries_ops tries_ops = {
    .load = no_load, .read_only = always_read_only, .path = tries_path};

/* ---- opening ---- */

static const char *db_path(const struct kk_repository *repository)
{
    return ((const struct softhsm_db *)repository)->path;
}

static void db_free(struct softhsm_db *db)
{
    if (db == NULL) {
        return;
    }
    kk_tries_book_destroy(&db->book);
    kk_mutex_destroy(&db->lock);
    kk_free(db->path);
    kk_free(db->file);
    kk_free(db);
}
KK_DEFINE_CLEANUP(struct softhsm_db *, db_free);

static void db_close(struct kk_repository *repository)
{
    db_free(db_of(repository));
}

static const struct kk_repository_ops db_ops = {
    .name = "softhsm2-db",
    .close = db_close,
    .state = db_state,
    .fresh = db_fresh,
    .reinitialise = db_reinitialise,
    .unlock = db_unlock,
    .set_pin = db_set_pin,
    .init_pin = db_init_pin,
    .find = db_find,
    .read = db_read,
    .change = db_change,
    .remove = db_remove,
    .path = db_path,
};

KK_RV kk_softhsm_db_repository_open(struct kk_crypto *crypto, const char *location,
                                    const char *name, const struct kk_repository_settings *settings,
                                    struct kk_repository **ret_repository)
{
    struct softhsm_db *made = NULL;
    struct kk_softhsm_identity identity;
    KK_TRY(kk_alloc(sizeof *made, &made));
    made->head.ops = &db_ops;
    made->crypto = crypto;
    kk_mutex_init(&made->lock, KK_RANK_INDEX);
    kk_tries_book_init(&made->book, &tries_ops, made, settings->pin_max_tries, &made->lock);
    KK_CLEANUP(db_freep) struct softhsm_db *db = made;
    KK_TRY(kk_path_join(location, "", name, &db->path));
    KK_TRY(kk_path_join(db->path, "", "sqlite3.db", &db->file));
    CK_RV rv = identify(db, &identity);
    KK_ENSURE(rv != CKR_DEVICE_ERROR, CKR_TOKEN_NOT_RECOGNIZED);
    KK_TRY(rv);
    kk_log_info("token %s: is one of SoftHSM's databases: it is only read", db->path);
    *ret_repository = &KK_STEAL(db)->head;
    return CKR_OK;
}
