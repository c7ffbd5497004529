/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/sealed_rekey.c, sealed_rekey_row.c: new keys for a token, in one go, in parts, killed
 * at every step, and with old rows put back.
 */
#include "sealed_test.h"

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_decorator.h"

#define MANY 600 /* more than two batches */

struct many {
    struct kk_uuid of_private[MANY], of_public[MANY];
};

/* One commit for all of a side: labels "private 0" and so on. */
static void put_many(struct rig *rig, struct kk_unlock *user, struct kk_uuid *uuids,
                     bool is_private, size_t count)
{
    struct kk_stored_change *changes = NULL;
    assert_ok(kk_alloc_array(count, sizeof *changes, &changes));
    for (size_t i = 0; i < count; i++) {
        char label[32];
        (void)snprintf(label, sizeof label, "%s %zu", is_private ? "private" : "public", i);
        uuids[i] = new_uuid();
        changes[i] = (struct kk_stored_change){.kind = KK_CHANGE_PUT,
                                               .uuid = uuids[i],
                                               .attrs = data_attrs(is_private, label, "value")};
    }
    assert_ok(rig->repo->ops->change(rig->repo, user, changes, count, NULL));
    for (size_t i = 0; i < count; i++) {
        kk_attrs_free((struct kk_attrs *)(uintptr_t)changes[i].attrs);
    }
    kk_free(changes);
}

/* Everything is there, opens, and is found by its label. */
static void check_many(struct kk_repository *repo, const struct many *many, size_t count)
{
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(repo);
    assert_int_equal(find_label(repo, user, true, NULL), 2 * count);
    for (size_t i = 0; i < count; i++) {
        char label[32];
        assert_ok(read_code(repo, user, &many->of_private[i]));
        assert_ok(read_code(repo, NULL, &many->of_public[i]));
        if (i % 37 == 0) {
            (void)snprintf(label, sizeof label, "private %zu", i);
            assert_int_equal(find_label(repo, user, true, label), 1);
            (void)snprintf(label, sizeof label, "public %zu", i);
            assert_int_equal(find_label(repo, NULL, false, label), 1);
        }
    }
}

static struct many *make_many(struct rig *rig, size_t count)
{
    struct many *many = NULL;
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_ok(kk_alloc(sizeof *many, &many));
    put_many(rig, user, many->of_private, true, count);
    put_many(rig, user, many->of_public, false, count);
    return many;
}

static CK_RV rekey(struct kk_repository *repo, const char *so_pin, const char *user_pin)
{
    const struct kk_rekey request = {
        .so_pin = so_pin != NULL ? text_span(so_pin) : KK_SPAN(NULL, 0),
        .user_pin = user_pin != NULL ? text_span(user_pin) : KK_SPAN(NULL, 0)};
    return repo->ops->rekey(repo, &request);
}

static CK_RV rekey_both(struct kk_repository *repo)
{
    return rekey(repo, "so-secret", "user-secret");
}

static bool is_pending(struct kk_repository *repo)
{
    struct kk_token_state told;
    assert_ok(repo->ops->state(repo, &told));
    return told.rekey_pending;
}

/* Stops when so many objects are done. */
struct stop {
    CK_ULONG at, last, total;
};

static CK_RV stop_at(void *context, CK_ULONG done, CK_ULONG total)
{
    struct stop *stop = context;
    assert_true(done >= stop->last && done <= total);
    stop->last = done;
    stop->total = total;
    return done >= stop->at ? CKR_FUNCTION_CANCELED : CKR_OK;
}

/* Begun, and stopped after a batch or two. */
static void half_rekey(struct kk_repository *repo, CK_ULONG done)
{
    struct stop stop = {.at = done};
    const struct kk_rekey request = {.so_pin = text_span("so-secret"),
                                     .user_pin = text_span("user-secret"),
                                     .progress = stop_at,
                                     .context = &stop};
    assert_rv(repo->ops->rekey(repo, &request), CKR_FUNCTION_CANCELED);
    assert_true(is_pending(repo));
}

static uint32_t epoch_of(struct rig *rig, const struct kk_uuid *uuid)
{
    struct kk_store_object object = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    raw_get(rig, uuid, &object, &blob);
    return kk_load_u32(object.blob.data + 3);
}

static uint64_t generation_of(struct rig *rig, const struct kk_uuid *uuid)
{
    struct kk_store_object object = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    raw_get(rig, uuid, &object, &blob);
    return object.generation;
}

static void test_all_is_there_and_sealed_anew(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    struct kk_unlock *before = login_user(rig->repo);
    struct kk_repository *other = rig_open(rig);
    struct kk_unlock *elsewhere = login_user(other);
    assert_ok(rekey_both(rig->repo));
    assert_false(is_pending(rig->repo));
    assert_rv(read_code(rig->repo, before, &many->of_private[0]), CKR_SESSION_HANDLE_INVALID);
    assert_rv(read_code(other, elsewhere, &many->of_private[0]), CKR_SESSION_HANDLE_INVALID);
    check_many(rig->repo, many, MANY);
    check_many(other, many, MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(epoch_of(rig, &many->of_private[i]), 2);
        assert_int_equal(epoch_of(rig, &many->of_public[i]), 2);
    }
    assert_false(rig_log_has(rig, "damaged"));
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_rv(raw_row_get(rig, KK_TABLE_REKEY, 0, &row, &blob), CKR_OBJECT_HANDLE_INVALID);
    assert_ok(rekey_both(other)); /* and once more */
    check_many(rig->repo, many, MANY);
    kk_unlock_unref(before);
    kk_unlock_unref(elsewhere);
    other->ops->close(other);
    kk_free(many);
}

static void test_a_copy_of_the_old_token_does_not_open_the_new_objects(void **state)
{
    struct rig *rig = *state;
    struct kk_store_row rows[2] = {{0}};
    struct kk_buffer blobs[2] = {{0}};
    rig_user(rig);
    struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "l", "v");
    kk_unlock_unref(user);
    for (uint32_t no = 0; no < 2; no++) {
        assert_ok(raw_row_get(rig, KK_TABLE_KEYS, no, &rows[no], &blobs[no]));
    }
    assert_ok(rekey_both(rig->repo));
    for (uint32_t no = 0; no < 2; no++) {
        raw_row_put(rig, &rows[no]);
        kk_buffer_clear(&blobs[no]);
    }
    struct kk_unlock *unlock = NULL;
    assert_rv(login(rig->repo, KK_ROLE_USER, "user-secret", &unlock), CKR_DEVICE_ERROR);
    assert_rv(login(rig->repo, KK_ROLE_SO, "so-secret", &unlock), CKR_DEVICE_ERROR);
    (void)uuid;
}

/* Whether any file of the token has these bytes. */
static bool files_have(const struct rig *rig, struct kk_span needle)
{
    static uint8_t content[16 << 20];
    char folder[160];
    bool found = false;
    (void)snprintf(folder, sizeof folder, "%s/%s", rig->dir, RIG_NAME);
    DIR *directory = opendir(folder);
    struct dirent *entry = NULL;
    assert_non_null(directory);
    assert_non_null(needle.data);
    while ((entry = readdir(directory)) != NULL) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "rb") : NULL;
        size_t len = file != NULL ? fread(content, 1, sizeof content, file) : 0;
        assert_true(len < sizeof content);
        found = found || memmem(content, len, needle.data, needle.len) != NULL;
        if (file != NULL) {
            (void)fclose(file);
        }
    }
    (void)closedir(directory);
    return found;
}

/* Makes an object of several pages and deletes it; its blob as it was. */
static struct kk_buffer erase_large(struct rig *rig)
{
    char value[20001];
    struct kk_store_object object;
    struct kk_buffer blob = {0};
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "large", value);
    raw_get(rig, &uuid, &object, &blob);
    assert_true(files_have(rig, KK_SPAN(blob.data + blob.len - 32, 32)));
    assert_ok(erase(rig->repo, user, &uuid, object.generation));
    return blob;
}

/* A thief who comes later and knows the old PIN finds neither the old key rows nor the objects as
 * they were: not in the log, not in what the database left free. */
static void test_nothing_old_stays_in_the_files(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    struct kk_store_row rows[2] = {{0}};
    struct kk_buffer row_blobs[2] = {{0}};
    struct kk_store_object objects[4];
    struct kk_buffer blobs[4] = {{0}};
    for (uint32_t no = 0; no < KK_ARRAY_LEN(rows); no++) {
        assert_ok(raw_row_get(rig, KK_TABLE_KEYS, no, &rows[no], &row_blobs[no]));
        assert_true(files_have(rig, KK_SPAN(row_blobs[no].data + row_blobs[no].len - 32, 32)));
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(objects); i++) {
        raw_get(rig, &many->of_private[i * 101], &objects[i], &blobs[i]);
        assert_true(files_have(rig, KK_SPAN(blobs[i].data + 7, 32)));
    }
    struct kk_buffer erased = erase_large(rig);
    assert_ok(rekey_both(rig->repo));
    assert_false(files_have(rig, KK_SPAN(erased.data + 7, 32)));
    assert_false(files_have(rig, KK_SPAN(erased.data + erased.len - 32, 32)));
    kk_buffer_clear(&erased);
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        assert_false(files_have(rig, KK_SPAN(row_blobs[i].data + row_blobs[i].len - 32, 32)));
        kk_buffer_clear(&row_blobs[i]);
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(objects); i++) {
        assert_false(files_have(rig, KK_SPAN(blobs[i].data + 7, 32)));
        kk_buffer_clear(&blobs[i]);
    }
    check_many(rig->repo, many, MANY);
    kk_free(many);
}

/* The old PIN's row goes with it, and all of the token that was there before. */
static void test_a_replaced_pin_leaves_no_row_in_the_files(void **state)
{
    static const char label[32] = "another label                   ";
    struct rig *rig = *state;
    struct kk_store_row row = {0};
    rig_user(rig);
    for (int round = 0; round < 3; round++) {
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
        KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
        assert_ok(raw_row_get(rig, KK_TABLE_KEYS, KK_KEY_ROW_USER, &row, &blob));
        if (round == 0) {
            assert_ok(rig->repo->ops->set_pin(rig->repo, KK_ROLE_USER, KK_SPAN(NULL, 0),
                                              text_span("user-secret"), text_span("fresh")));
        } else if (round == 1) {
            assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("again")));
        } else {
            assert_ok(rig->repo->ops->reinitialise(rig->repo, text_span("so-secret"), label));
        }
        assert_false(files_have(rig, KK_SPAN(blob.data + blob.len - 32, 32)));
    }
}

static void test_what_is_wrong_changes_nothing(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, 3);
    assert_rv(rekey(rig->repo, NULL, "user-secret"), CKR_ARGUMENTS_BAD);
    assert_rv(rekey(rig->repo, "so-secret", NULL), CKR_ARGUMENTS_BAD);
    assert_rv(rekey(rig->repo, "wrong", "user-secret"), CKR_PIN_INCORRECT);
    assert_rv(rekey(rig->repo, "so-secret", "wrong"), CKR_PIN_INCORRECT);
    struct kk_token_state told;
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    assert_int_equal(told.user_failed, 1);
    assert_false(told.rekey_pending);
    check_many(rig->repo, many, 3);
    assert_int_equal(epoch_of(rig, &many->of_private[0]), 1);
    kk_free(many);
}

static void test_a_damaged_token_gets_no_new_keys(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, 3);
    struct kk_store_object object = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    raw_get(rig, &many->of_private[1], &object, &blob);
    blob.data[blob.len - 1] ^= 1;
    raw_put(rig, &object);
    assert_rv(rekey_both(rig->repo), CKR_DEVICE_ERROR);
    assert_false(is_pending(rig->repo));
    assert_true(rig_log_has(rig, "it gets no new keys"));
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_ok(read_code(rig->repo, user, &many->of_private[0]));
    kk_free(many);
}

static void test_half_way_everything_works_under_both_epochs(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    struct kk_repository *other = rig_open(rig);
    half_rekey(rig->repo, 1);
    size_t old = 0;
    for (size_t i = 0; i < MANY; i++) {
        old += epoch_of(rig, &many->of_private[i]) == 1 ? 1 : 0;
    }
    assert_true(old > 0 && old < MANY);
    check_many(rig->repo, many, MANY);
    check_many(other, many, MANY);
    /* Objects of both epochs are changed, deleted, and new ones come. */
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(other);
    struct kk_uuid made = put_data(other, user, true, "private 0", "made meanwhile");
    struct kk_uuid in_clear = put_data(other, NULL, false, "public 0", "made meanwhile");
    assert_int_equal(find_label(other, user, true, "private 0"), 2);
    assert_int_equal(find_label(other, NULL, false, "public 0"), 2);
    for (size_t i = 0; i < 40; i++) {
        KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "changed", "v");
        assert_ok(other->ops->read(other, user, &many->of_private[i], &object));
        if (i % 2 == 0) {
            assert_ok(put_attrs(other, user, &object->uuid, attrs, object->generation, NULL));
            assert_int_equal(epoch_of(rig, &object->uuid), 2);
        } else {
            assert_ok(erase(other, user, &object->uuid, object->generation));
        }
    }
    assert_int_equal(find_label(other, user, true, "changed"), 20);
    /* The user alone goes on; who is logged in stays so, and what is new is left as it is. */
    uint64_t generation = generation_of(rig, &made);
    assert_ok(rekey(rig->repo, NULL, "user-secret"));
    assert_int_equal(generation_of(rig, &made), generation);
    assert_false(is_pending(other));
    assert_int_equal(find_label(other, user, true, "changed"), 20);
    assert_int_equal(find_label(other, user, true, "private 0"), 1); /* the first was changed */
    assert_int_equal(find_label(other, user, true, NULL), 2 * MANY + 2 - 20);
    assert_ok(read_code(other, user, &made));
    assert_ok(read_code(other, NULL, &in_clear));
    for (size_t i = 40; i < MANY; i++) {
        assert_ok(read_code(other, user, &many->of_private[i]));
        assert_int_equal(epoch_of(rig, &many->of_private[i]), 2);
    }
    assert_false(rig_log_has(rig, "damaged"));
    other->ops->close(other);
    kk_free(many);
}

static void test_the_so_goes_on_too(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    half_rekey(rig->repo, 1);
    assert_rv(rekey(rig->repo, NULL, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(rekey(rig->repo, "wrong", NULL), CKR_PIN_INCORRECT);
    assert_ok(rekey(rig->repo, "so-secret", NULL));
    assert_false(is_pending(rig->repo));
    check_many(rig->repo, many, MANY);
    kk_free(many);
}

static void test_pins_change_half_way(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    half_rekey(rig->repo, 1);
    assert_ok(rig->repo->ops->set_pin(rig->repo, KK_ROLE_USER, KK_SPAN(NULL, 0),
                                      text_span("user-secret"), text_span("fresh")));
    assert_rv(rekey(rig->repo, NULL, "user-secret"), CKR_PIN_INCORRECT);
    rig_reopen(rig);
    assert_ok(rekey(rig->repo, NULL, "fresh"));
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = login_so(rig->repo);
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("user-secret")));
    check_many(rig->repo, many, MANY);
    kk_free(many);
}

/* ---- old rows ---- */

static void test_an_old_object_put_back_is_damaged(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, 2);
    struct kk_store_object object = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    raw_get(rig, &many->of_private[0], &object, &blob);
    assert_ok(rekey_both(rig->repo));
    raw_put(rig, &object);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_rv(read_code(rig->repo, user, &many->of_private[0]), CKR_DEVICE_ERROR);
    assert_ok(read_code(rig->repo, user, &many->of_private[1]));
    kk_free(many);
}

static void test_an_old_rekey_row_put_back_does_no_harm(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    half_rekey(rig->repo, 1);
    assert_ok(raw_row_get(rig, KK_TABLE_REKEY, 0, &row, &blob));
    assert_ok(rekey(rig->repo, NULL, "user-secret"));
    raw_row_put(rig, &row);
    rig_reopen(rig);
    assert_true(is_pending(rig->repo));
    check_many(rig->repo, many, MANY);
    assert_true(rig_log_has(rig, "keys from before the rekey is missing or another one"));
    assert_ok(rekey(rig->repo, NULL, "user-secret"));
    assert_ok(rekey_both(rig->repo));
    raw_row_put(rig, &row); /* now it is under keys that are no more */
    rig_reopen(rig);
    check_many(rig->repo, many, MANY);
    kk_free(many);
}

static void test_a_rekey_row_that_is_gone_costs_the_old_objects_only(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    half_rekey(rig->repo, 1);
    raw_row_delete(rig, KK_TABLE_REKEY, 0);
    rig_reopen(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    for (size_t i = 0; i < MANY; i++) {
        bool is_new = epoch_of(rig, &many->of_private[i]) == 2;
        assert_rv(read_code(rig->repo, user, &many->of_private[i]),
                  is_new ? CKR_OK : CKR_DEVICE_ERROR);
    }
    assert_true(rig_log_has(rig, "keys from before the rekey is missing or another one"));
    kk_free(many);
}

static void test_a_changed_rekey_row_crashes_nothing(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, 3);
    struct stop stop = {.at = 0};
    const struct kk_rekey request = {.so_pin = text_span("so-secret"),
                                     .user_pin = text_span("user-secret"),
                                     .progress = stop_at,
                                     .context = &stop};
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    assert_rv(rig->repo->ops->rekey(rig->repo, &request), CKR_FUNCTION_CANCELED);
    assert_ok(raw_row_get(rig, KK_TABLE_REKEY, 0, &row, &blob));
    for (size_t i = 0; i < blob.len; i += 5) {
        blob.data[i] ^= 0x40;
        raw_row_put(rig, &row);
        rig_reopen(rig);
        KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
        (void)read_code(rig->repo, user, &many->of_private[0]);
        (void)read_code(rig->repo, user, &many->of_public[0]);
        blob.data[i] ^= 0x40;
    }
    raw_row_put(rig, &row);
    rig_reopen(rig);
    check_many(rig->repo, many, 3);
    assert_ok(rekey(rig->repo, NULL, "user-secret"));
    check_many(rig->repo, many, 3);
    kk_free(many);
}

/* It says which objects are still to be sealed anew: taken at its word, the old keys would go. */
static void test_a_changed_rekey_row_ends_no_rekey(void **state)
{
    static const size_t generations[KK_SIDES] = {2 + 4 + 4, 2 + 4 + 4 + 8 + 4 + 4};
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    struct kk_store_row row = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer blob = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer right = {0};
    half_rekey(rig->repo, 1);
    assert_ok(raw_row_get(rig, KK_TABLE_REKEY, 0, &row, &blob));
    kk_buffer_put_span(&right, kk_buffer_span(&blob));
    for (size_t side = 0; side < KK_SIDES; side++) {
        memset(blob.data + generations[side], 0, sizeof(uint64_t));
    }
    raw_row_put(rig, &row);
    rig_reopen(rig);
    assert_rv(rekey(rig->repo, NULL, "user-secret"), CKR_DEVICE_ERROR);
    assert_true(is_pending(rig->repo));
    assert_true(rig_log_has(rig, "keykist token repair"));
    row.blob = kk_buffer_span(&right);
    raw_row_put(rig, &row);
    rig_reopen(rig);
    check_many(rig->repo, many, MANY);
    assert_ok(rekey(rig->repo, NULL, "user-secret"));
    check_many(rig->repo, many, MANY);
    kk_free(many);
}

/* ---- so_recovery ---- */

static CK_RV rekey_to(struct kk_repository *repo, const char *user_pin,
                      enum kk_so_recovery recovery)
{
    const struct kk_rekey request = {.so_pin = text_span("so-secret"),
                                     .user_pin =
                                         user_pin != NULL ? text_span(user_pin) : KK_SPAN(NULL, 0),
                                     .so_recovery = recovery};
    return repo->ops->rekey(repo, &request);
}

static void test_so_recovery_is_taken_away_and_given_back(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    struct kk_token_state told;
    assert_ok(rekey_to(rig->repo, "user-secret", KK_SO_RECOVERY_OFF));
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    assert_true(told.reset_empties);
    check_many(rig->repo, many, MANY);
    struct kk_unlock *so = login_so(rig->repo);
    assert_rv(read_code(rig->repo, so, &many->of_private[0]), CKR_USER_NOT_LOGGED_IN);
    kk_unlock_unref(so);
    /* Half way, the SO cannot go on: it has no key of the private objects. */
    half_rekey(rig->repo, 1);
    assert_rv(rekey(rig->repo, "so-secret", NULL), CKR_USER_NOT_LOGGED_IN);
    assert_ok(rekey(rig->repo, NULL, "user-secret"));
    assert_ok(rekey_to(rig->repo, "user-secret", KK_SO_RECOVERY_ON));
    assert_ok(rig->repo->ops->state(rig->repo, &told));
    assert_false(told.reset_empties);
    so = login_so(rig->repo);
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("user-secret")));
    kk_unlock_unref(so);
    check_many(rig->repo, many, MANY);
    kk_free(many);
}

static void test_a_pin_reset_that_empties_half_way(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    assert_ok(rekey_to(rig->repo, "user-secret", KK_SO_RECOVERY_OFF));
    half_rekey(rig->repo, 1);
    struct kk_unlock *so = login_so(rig->repo);
    assert_ok(rig->repo->ops->init_pin(rig->repo, so, text_span("user-secret")));
    kk_unlock_unref(so);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_int_equal(find_label(rig->repo, user, true, NULL), MANY);
    struct kk_uuid uuid = put_data(rig->repo, user, true, "l", "v");
    assert_ok(rekey(rig->repo, NULL, "user-secret"));
    assert_false(is_pending(rig->repo));
    assert_ok(read_code(rig->repo, user, &uuid));
    for (size_t i = 0; i < MANY; i++) {
        assert_ok(read_code(rig->repo, user, &many->of_public[i]));
    }
    assert_false(rig_log_has(rig, "from before the rekey"));
    kk_free(many);
}

static void test_without_a_user(void **state)
{
    struct rig *rig = *state;
    struct kk_uuid uuid = put_data(rig->repo, NULL, false, "l", "v");
    assert_rv(rekey_to(rig->repo, NULL, KK_SO_RECOVERY_OFF), CKR_USER_PIN_NOT_INITIALIZED);
    assert_ok(rekey_to(rig->repo, NULL, KK_SO_RECOVERY_KEEP));
    assert_ok(read_code(rig->repo, NULL, &uuid));
    rig_user(rig);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = login_user(rig->repo);
    assert_ok(read_code(rig->repo, user, &uuid));
}

/* ---- trust ---- */

static struct kk_uuid put_trusted(struct kk_repository *repo, struct kk_unlock *unlock)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(false, "trusted", "v");
    struct kk_uuid uuid = new_uuid();
    assert_ok(kk_attrs_set_flag(attrs, CKA_TRUSTED, true));
    assert_ok(put_attrs(repo, unlock, &uuid, attrs, 0, NULL));
    return uuid;
}

static bool is_trusted(struct kk_repository *repo, struct kk_unlock *unlock,
                       const struct kk_uuid *uuid)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    assert_ok(repo->ops->read(repo, unlock, uuid, &object));
    return object->trust_proven && kk_attrs_flag(object->attrs, CKA_TRUSTED, false);
}

/* Trust that is proven stays so, before, half way and after; what is not proven is never made so.
 */
static void test_trust_goes_through_a_rekey(void **state)
{
    struct rig *rig = *state;
    struct stop stop = {.at = 0};
    const struct kk_rekey request = {.so_pin = text_span("so-secret"),
                                     .user_pin = text_span("user-secret"),
                                     .progress = stop_at,
                                     .context = &stop};
    rig_user(rig);
    struct kk_unlock *so = login_so(rig->repo);
    struct kk_uuid genuine = put_trusted(rig->repo, so);
    struct kk_uuid forged = put_trusted(rig->repo, NULL);
    kk_unlock_unref(so);
    assert_rv(rig->repo->ops->rekey(rig->repo, &request), CKR_FUNCTION_CANCELED);
    struct kk_unlock *user = login_user(rig->repo);
    assert_true(is_trusted(rig->repo, user, &genuine));
    assert_false(is_trusted(rig->repo, user, &forged));
    kk_unlock_unref(user);
    assert_ok(rekey(rig->repo, NULL, "user-secret"));
    user = login_user(rig->repo);
    assert_true(is_trusted(rig->repo, user, &genuine));
    assert_false(is_trusted(rig->repo, user, &forged));
    kk_unlock_unref(user);
}

/* ---- killed at every step ---- */

static unsigned long commits_left; /* a process kills itself in front of the commit after these */

static CK_RV die_at_commit(const char *call)
{
    if (strcmp(call, "commit") == 0 && commits_left-- == 0) {
        (void)kill(getpid(), SIGKILL);
    }
    return CKR_OK;
}

static struct kk_store_ops deadly_ops;
static struct kk_store_decorator deadly = {
    .ops = &deadly_ops, .inner = &kk_store_sqlite, .before = die_at_commit};

static KK_RV deadly_env_new(const char *location, unsigned int umask, struct kk_store_env **ret_env)
{
    return kk_store_decorator_env_new(&deadly, location, umask, ret_env);
}

static int rekey_in_child(const struct rig *rig, const char *so_pin, unsigned long commits)
{
    struct kk_store_env *env = NULL;
    struct kk_store *store = NULL;
    struct kk_repository *repo = NULL;
    struct kk_repository_settings settings = rig->settings;
    struct kk_secret *pepper = NULL; /* the rig's was wiped by the fork */
    static const uint8_t pepper_bytes[32] = "pepper of the tests, no secret.";
    if (kk_secret_from(KK_SPAN_ARRAY(pepper_bytes), &pepper) != CKR_OK) {
        return 100;
    }
    settings.pepper = settings.pepper != NULL ? pepper : NULL;
    deadly_ops = kk_store_decorator_ops;
    deadly_ops.env_new = deadly_env_new;
    commits_left = commits;
    if (deadly_ops.env_new(rig->dir, 0077, &env) != CKR_OK ||
        env->ops->open(env, RIG_NAME, &store) != CKR_OK ||
        kk_sealed_open(crypto, store, &settings, &repo) != CKR_OK) {
        return 100;
    }
    CK_RV rv = rekey(repo, so_pin, "user-secret");
    if (rv != CKR_OK) {
        printf("# rekey after %lu commits: 0x%lx\n", commits, rv);
        (void)fflush(stdout);
    }
    return rv == CKR_OK ? 0 : 1;
}

/* True: it was killed; false: it came to its end. */
static bool killed_at(const struct rig *rig, const char *so_pin, unsigned long commits)
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(rekey_in_child(rig, so_pin, commits));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* The next one goes on where the killed one was; each dies at its n-th commit. */
static void test_killed_at_every_commit_nothing_is_lost(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    unsigned long pending = 0;
    unsigned long n = 0;
    for (; killed_at(rig, "so-secret", n); n++) {
        rig_reopen(rig); /* what this process remembers is not asked */
        check_many(rig->repo, many, MANY);
        if (is_pending(rig->repo)) {
            pending++;
            assert_ok(rekey(rig->repo, NULL, "user-secret"));
            check_many(rig->repo, many, MANY);
        }
        assert_false(rig_log_has(rig, "damaged"));
        rig_log_clear(rig);
    }
    assert_true(n >= 12);      /* tries, the beginning, five batches, the end */
    assert_true(pending >= 6); /* batches and the end */
    check_many(rig->repo, many, MANY);
    kk_free(many);
}

/* Killed again and again at the commit behind the next batch, it comes to an end. */
static void test_killed_again_and_again_it_comes_to_an_end(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    half_rekey(rig->repo, 1);
    unsigned long rounds = 0;
    while (killed_at(rig, NULL, 3)) { /* two of the try, one batch */
        rig_reopen(rig);
        check_many(rig->repo, many, MANY);
        assert_true(++rounds < 20);
    }
    assert_true(rounds >= 2);
    rig_reopen(rig);
    assert_false(is_pending(rig->repo));
    check_many(rig->repo, many, MANY);
    kk_free(many);
}

static void test_several_processes_go_on_at_once(void **state)
{
    struct rig *rig = *state;
    struct many *many = make_many(rig, MANY);
    pid_t pids[3];
    half_rekey(rig->repo, 1);
    for (size_t i = 0; i < KK_ARRAY_LEN(pids); i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            _exit(rekey_in_child(rig, NULL, ULONG_MAX));
        }
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(pids); i++) {
        int status = 0;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    assert_false(is_pending(rig->repo));
    check_many(rig->repo, many, MANY);
    assert_false(rig_log_has(rig, "damaged"));
    kk_free(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_ALL(test_all_is_there_and_sealed_anew),
        ON_ENGINES(test_a_copy_of_the_old_token_does_not_open_the_new_objects),
        ON(test_nothing_old_stays_in_the_files, rig_sqlite),
        ON(test_a_replaced_pin_leaves_no_row_in_the_files, rig_sqlite),
        ON_ENGINES(test_what_is_wrong_changes_nothing),
        ON_ENGINES(test_a_damaged_token_gets_no_new_keys),
        ON_ALL(test_half_way_everything_works_under_both_epochs),
        ON_ENGINES(test_the_so_goes_on_too),
        ON_ENGINES(test_pins_change_half_way),
        ON_ENGINES(test_an_old_object_put_back_is_damaged),
        ON_ENGINES(test_an_old_rekey_row_put_back_does_no_harm),
        ON_ENGINES(test_a_rekey_row_that_is_gone_costs_the_old_objects_only),
        ON_ALL(test_a_changed_rekey_row_crashes_nothing),
        ON_ENGINES(test_a_changed_rekey_row_ends_no_rekey),
        ON_ENGINES(test_so_recovery_is_taken_away_and_given_back),
        ON_ENGINES(test_a_pin_reset_that_empties_half_way),
        ON_ENGINES(test_without_a_user),
        ON_ALL(test_trust_goes_through_a_rekey),
        ON(test_killed_at_every_commit_nothing_is_lost, rig_sqlite),
        ON(test_killed_at_every_commit_nothing_is_lost, rig_sqlite_pepper),
        ON(test_killed_again_and_again_it_comes_to_an_end, rig_sqlite),
        ON(test_several_processes_go_on_at_once, rig_sqlite),
    };
    return cmocka_run_group_tests_name("sealed_rekey", tests, crypto_setup, crypto_teardown);
}
