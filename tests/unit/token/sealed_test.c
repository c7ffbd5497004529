/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token in a store that the test reaches too.
 */
#include "sealed_test.h"

#include <stdatomic.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct kk_crypto *crypto;

const struct rig_kind rig_memory = {&kk_store_memory, false};
const struct rig_kind rig_sqlite = {&kk_store_sqlite, false};
const struct rig_kind rig_memory_pepper = {&kk_store_memory, true};
const struct rig_kind rig_sqlite_pepper = {&kk_store_sqlite, true};

struct kk_span text_span(const char *text)
{
    return KK_SPAN(text, strlen(text));
}

/* ---- the token ---- */

struct rig *rig_new(const struct kk_store_ops *ops, bool with_pepper)
{
    static const uint8_t pepper[32] = "pepper of the tests, no secret.";
    static const char label[32] = "a label                         ";
    struct rig *rig = NULL;
    struct kk_store *store = NULL;
    assert_ok(kk_alloc(sizeof *rig, &rig));
    rig->ops = ops;
    (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/keykist-sealed-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    (void)snprintf(rig->log, sizeof rig->log, "%s.log", rig->dir);
    kk_log_configure(KK_LOG_DEBUG, KK_LOG_FILE, rig->log);
    rig->settings = (struct kk_repository_settings){.pin_kdf = KK_KDF_TEST,
                                                    .pin_max_tries = 10,
                                                    .pin_min_length = 4,
                                                    .so_recovery = true,
                                                    .integrity = KK_INTEGRITY_NORMAL};
    if (with_pepper) {
        assert_ok(kk_secret_from(KK_SPAN_ARRAY(pepper), &rig->pepper));
        rig->settings.pepper = rig->pepper;
    }
    assert_ok(ops->env_new(rig->dir, 0077, &rig->env));
    assert_ok(ops->create(rig->env, RIG_NAME, &store));
    assert_ok(kk_sealed_create(crypto, store, &rig->settings, text_span("so-secret"), label,
                               RIG_SERIAL, &rig->repo));
    assert_ok(ops->open(rig->env, RIG_NAME, &rig->raw));
    return rig;
}

void rig_user(struct rig *rig)
{
    struct kk_unlock *so = login_so(rig->repo);
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("user-secret")));
    kk_unlock_unref(so);
}

void rig_free(struct rig *rig)
{
    char command[256];
    if (rig->repo != NULL) {
        rig->repo->ops->close(rig->repo);
    }
    rig->ops->close(rig->raw);
    rig->ops->env_free(rig->env);
    kk_secret_free(rig->pepper);
    kk_log_configure(KK_LOG_ERROR, KK_LOG_STDERR, NULL);
    (void)snprintf(command, sizeof command, "rm -rf %s %s", rig->dir, rig->log);
    assert_int_equal(system(command), 0);
    kk_free(rig);
}

struct kk_repository *rig_open(struct rig *rig)
{
    struct kk_store *store = NULL;
    struct kk_repository *repo = NULL;
    assert_ok(rig->ops->open(rig->env, RIG_NAME, &store));
    assert_ok(kk_sealed_open(crypto, store, &rig->settings, &repo));
    return repo;
}

void rig_reopen(struct rig *rig)
{
    rig->repo->ops->close(rig->repo);
    rig->repo = NULL;
    rig->repo = rig_open(rig);
}

void rig_log_clear(struct rig *rig)
{
    assert_int_equal(truncate(rig->log, 0), 0);
}

bool rig_log_has(struct rig *rig, const char *text)
{
    static char all[1 << 20];
    FILE *file = fopen(rig->log, "r");
    if (file == NULL) {
        return false;
    }
    size_t len = fread(all, 1, sizeof all - 1, file);
    all[len] = '\0';
    (void)fclose(file);
    return strstr(all, text) != NULL;
}

int rig_setup(void **state)
{
    const struct rig_kind *kind = *state;
    *state = rig_new(kind->ops, kind->with_pepper);
    return 0;
}

int rig_teardown(void **state)
{
    rig_free(*state);
    return 0;
}

int crypto_setup(void **state)
{
    (void)state;
    return kk_crypto_new(&crypto) == CKR_OK ? 0 : -1;
}

int crypto_teardown(void **state)
{
    (void)state;
    kk_crypto_free(crypto);
    return 0;
}

/* ---- logins ---- */

CK_RV login(struct kk_repository *repo, enum kk_role role, const char *pin,
            struct kk_unlock **ret_unlock)
{
    return repo->ops->unlock(repo, role, KK_SPAN(NULL, 0), text_span(pin), NULL, ret_unlock);
}

struct kk_unlock *login_user(struct kk_repository *repo)
{
    struct kk_unlock *unlock = NULL;
    assert_ok(login(repo, KK_ROLE_USER, "user-secret", &unlock));
    return unlock;
}

struct kk_unlock *login_so(struct kk_repository *repo)
{
    struct kk_unlock *unlock = NULL;
    assert_ok(login(repo, KK_ROLE_SO, "so-secret", &unlock));
    return unlock;
}

/* ---- objects ---- */

struct kk_attrs *data_attrs(bool is_private, const char *label, const char *value)
{
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_DATA));
    assert_ok(kk_attrs_set_flag(attrs, CKA_TOKEN, true));
    assert_ok(kk_attrs_set_flag(attrs, CKA_PRIVATE, is_private));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, text_span(label)));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_VALUE, text_span(value)));
    return attrs;
}

/* Its first 12 bits, which name the bucket, go round: two objects of a test are in two buckets. */
struct kk_uuid new_uuid(void)
{
    static atomic_uint last;
    struct kk_uuid uuid;
    assert_ok(kk_crypto_random(crypto, uuid.bytes, sizeof uuid.bytes));
    unsigned int place = atomic_fetch_add(&last, 1);
    uuid.bytes[0] = (uint8_t)(place >> 4);
    uuid.bytes[1] = (uint8_t)(place << 4 | (uuid.bytes[1] & 15u));
    return uuid;
}

CK_RV put_attrs(struct kk_repository *repo, struct kk_unlock *unlock, const struct kk_uuid *uuid,
                struct kk_attrs *attrs, uint64_t expected, struct kk_object **ret_object)
{
    struct kk_stored_change change = {
        .kind = KK_CHANGE_PUT, .uuid = *uuid, .attrs = attrs, .expected_generation = expected};
    return repo->ops->change(repo, unlock, &change, 1, ret_object);
}

struct kk_uuid put_data(struct kk_repository *repo, struct kk_unlock *unlock, bool is_private,
                        const char *label, const char *value)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(is_private, label, value);
    struct kk_uuid uuid = new_uuid();
    assert_ok(put_attrs(repo, unlock, &uuid, attrs, 0, NULL));
    return uuid;
}

CK_RV erase(struct kk_repository *repo, struct kk_unlock *unlock, const struct kk_uuid *uuid,
            uint64_t generation)
{
    struct kk_stored_change change = {
        .kind = KK_CHANGE_DELETE, .uuid = *uuid, .expected_generation = generation};
    return repo->ops->change(repo, unlock, &change, 1, NULL);
}

CK_RV read_code(struct kk_repository *repo, struct kk_unlock *unlock, const struct kk_uuid *uuid)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    return repo->ops->read(repo, unlock, uuid, &object);
}

size_t find_label(struct kk_repository *repo, struct kk_unlock *unlock, bool with_private,
                  const char *label)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_CLEANUP(kk_freep) struct kk_uuid *uuids = NULL;
    size_t count = 0;
    assert_ok(kk_attrs_new(&tmpl));
    if (label != NULL) {
        assert_ok(kk_attrs_set_bytes(tmpl, CKA_LABEL, text_span(label)));
    }
    assert_ok(repo->ops->find(repo, unlock, with_private, tmpl, &uuids, &count));
    for (size_t i = 1; i < count; i++) {
        assert_true(kk_uuid_compare(&uuids[i - 1], &uuids[i]) < 0);
    }
    return count;
}

/* ---- past the repository ---- */

static struct kk_store_tx *raw_begin(struct rig *rig, enum kk_store_access access)
{
    struct kk_store_tx *tx = NULL;
    assert_ok(rig->ops->begin(rig->raw, access, &tx));
    return tx;
}

void raw_get(struct rig *rig, const struct kk_uuid *uuid, struct kk_store_object *ret_object,
             struct kk_buffer *ret_blob)
{
    struct kk_store_tx *tx = raw_begin(rig, KK_STORE_READ);
    assert_ok(tx->ops->object_get(tx, uuid, ret_object, ret_blob));
    tx->ops->rollback(tx);
}

void raw_put(struct rig *rig, const struct kk_store_object *object)
{
    struct kk_store_tx *tx = raw_begin(rig, KK_STORE_WRITE);
    assert_ok(tx->ops->object_put(tx, object));
    assert_ok(tx->ops->commit(tx));
}

void raw_delete(struct rig *rig, const struct kk_uuid *uuid)
{
    struct kk_store_tx *tx = raw_begin(rig, KK_STORE_WRITE);
    assert_ok(tx->ops->object_delete(tx, uuid));
    assert_ok(tx->ops->commit(tx));
}

CK_RV raw_row_get(struct rig *rig, uint32_t table, uint32_t no, struct kk_store_row *ret_row,
                  struct kk_buffer *ret_blob)
{
    struct kk_store_tx *tx = raw_begin(rig, KK_STORE_READ);
    CK_RV rv = tx->ops->row_get(tx, table, no, ret_row, ret_blob);
    tx->ops->rollback(tx);
    return rv;
}

void raw_row_put(struct rig *rig, const struct kk_store_row *row)
{
    struct kk_store_tx *tx = raw_begin(rig, KK_STORE_WRITE);
    assert_ok(tx->ops->row_put(tx, row));
    assert_ok(tx->ops->commit(tx));
}

void raw_row_delete(struct rig *rig, uint32_t table, uint32_t no)
{
    struct kk_store_tx *tx = raw_begin(rig, KK_STORE_WRITE);
    assert_ok(tx->ops->row_delete(tx, table, no));
    assert_ok(tx->ops->commit(tx));
}
