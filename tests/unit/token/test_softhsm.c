/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/softhsm*.c: the sample token that SoftHSM made, the codec, PINs, objects, damage, and
 * what another process does.
 *
 * Usage: test_softhsm FOLDER (with the sample token in it)
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_test.h"
#include "token/softhsm.h"
#include "token/softhsm_internal.h"

#define SAMPLE "0e56c40f-bf31-c485-73b8-7780cf2f0c90"
#define DATA_OBJECT "e8d608c5-6df0-f47d-5c83-89977a162560"
#define AES_OBJECT "70650094-6465-fbcb-a27c-7fa43c11d58c"

static const char *samples;

/* ---- a copy of the sample token ---- */

struct sample {
    struct house house;
    struct kk_repository *repo;
};

static struct kk_repository *open_repo(const struct sample *sample)
{
    struct kk_repository *repo = NULL;
    const struct kk_repository_settings settings = {.pin_max_tries = 3};
    assert_ok(
        kk_softhsm_repository_open(crypto, sample->house.dir, SAMPLE, 0077, &settings, &repo));
    return repo;
}

static int sample_set_up(void **state)
{
    static struct sample sample;
    char command[512];
    house_open(&sample.house);
    (void)snprintf(command, sizeof command, "cp -r %s/* %s/", samples, sample.house.dir);
    assert_int_equal(system(command), 0);
    sample.repo = open_repo(&sample);
    *state = &sample;
    return 0;
}

static int sample_tear_down(void **state)
{
    struct sample *sample = *state;
    sample->repo->ops->close(sample->repo);
    house_close(&sample->house);
    return 0;
}

static const char *file_of(const struct sample *sample, const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s/%s", sample->house.dir, SAMPLE, name);
    return path;
}

static CK_RV unlock_user(struct kk_repository *repo, const char *pin, struct kk_unlock **ret)
{
    return repo->ops->unlock(repo, KK_ROLE_USER, KK_SPAN(NULL, 0), text_span(pin), NULL, ret);
}

static size_t count_all(struct kk_repository *repo, struct kk_unlock *unlock)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    struct kk_uuid *uuids = NULL;
    size_t count = 0;
    assert_ok(kk_attrs_new(&tmpl));
    assert_ok(repo->ops->look(repo, NULL));
    assert_ok(repo->ops->find(repo, unlock, unlock != NULL, tmpl, &uuids, &count));
    kk_free(uuids);
    return count;
}

static struct kk_uuid uuid_of(const char *text)
{
    struct kk_uuid uuid;
    assert_true(kk_uuid_parse(text, &uuid));
    return uuid;
}

static struct kk_token_state state_of(struct kk_repository *repo)
{
    struct kk_token_state told;
    assert_ok(repo->ops->state(repo, &told));
    return told;
}

/* ---- reading ---- */

static void test_the_sample_token_opens(void **state)
{
    struct sample *sample = *state;
    struct kk_token_state told = state_of(sample->repo);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
    assert_memory_equal(told.label, "demo                            ", 32);
    assert_memory_equal(told.serial, "73b87780cf2f0c90", 16);
    assert_true(told.user_pin_set);
    assert_false(told.read_only);
    assert_int_equal(count_all(sample->repo, NULL), 6);
    assert_ok(unlock_user(sample->repo, "1234", &user));
    assert_int_equal(count_all(sample->repo, user), 11);
}

static void test_the_vector_of_pins(void **state)
{
    (void)state;
    static const uint8_t blob[] = {
        0xbc, 0xce, 0x67, 0xeb, 0x02, 0xa3, 0x56, 0x7d, 0xe0, 0x2b, 0x1d, 0xe9, 0xbf, 0x97, 0x83,
        0xce, 0xd6, 0x1a, 0x21, 0x4f, 0xe6, 0x18, 0x37, 0x6c, 0x28, 0x0e, 0x5f, 0xed, 0x88, 0xaf,
        0x6e, 0x65, 0x49, 0x49, 0xf7, 0xb5, 0x2a, 0x6e, 0x45, 0x61, 0xc8, 0xa7, 0x7a, 0x8a, 0x27,
        0xda, 0x88, 0xdb, 0x10, 0x04, 0x30, 0xe7, 0x0a, 0xf5, 0x0a, 0xda, 0x13, 0x48, 0x24, 0x3d,
        0xce, 0x9c, 0xbb, 0x6b, 0x78, 0x87, 0x6a, 0x8c, 0x38, 0xea, 0x18, 0xa1};
    static const uint8_t want[] = {0x26, 0x91, 0xbe, 0x26, 0xac, 0x7b, 0xbf, 0x63, 0x0f, 0xfa, 0x09,
                                   0x2b, 0xbb, 0xd9, 0xcf, 0x0e, 0x84, 0xe2, 0xdc, 0x14, 0x13, 0xc6,
                                   0x76, 0x29, 0x62, 0xd9, 0x61, 0xc9, 0x80, 0xc2, 0x8f, 0x3e};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *master = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *again = NULL;
    uint8_t made[KK_SOFTHSM_BLOB_LEN];
    assert_ok(kk_softhsm_blob_open(crypto, KK_SPAN_ARRAY(blob), text_span("1234"), &master));
    assert_true(kk_span_equal(kk_secret_span(master), KK_SPAN_ARRAY(want)));
    assert_ok(kk_softhsm_blob_seal(crypto, KK_SPAN_ARRAY(want), text_span("other"), made));
    assert_rv(kk_softhsm_blob_open(crypto, KK_SPAN_ARRAY(made), text_span("1234"), &again),
              CKR_PIN_INCORRECT);
    assert_ok(kk_softhsm_blob_open(crypto, KK_SPAN_ARRAY(made), text_span("other"), &again));
    assert_true(kk_secret_equal(master, again));
    assert_rv(kk_softhsm_blob_open(crypto, KK_SPAN(made, 71), text_span("other"), &again),
              CKR_DEVICE_ERROR);
}

/* A wrong PIN gives good padding once in 256 times: none of 600 may pass. */
static void test_no_wrong_pin_is_taken(void **state)
{
    (void)state;
    static const uint8_t key[KK_SOFTHSM_MASTER_LEN] = {1};
    uint8_t blob[KK_SOFTHSM_BLOB_LEN];
    assert_ok(kk_softhsm_blob_seal(crypto, KK_SPAN_ARRAY(key), text_span("right"), blob));
    for (unsigned i = 0; i < 600; i++) {
        KK_CLEANUP(kk_secret_freep) struct kk_secret *master = NULL;
        char pin[16];
        (void)snprintf(pin, sizeof pin, "wrong%u", i);
        assert_rv(kk_softhsm_blob_open(crypto, KK_SPAN_ARRAY(blob), text_span(pin), &master),
                  CKR_PIN_INCORRECT);
    }
}

/* ---- the codec ---- */

static struct kk_attrs *every_kind(bool is_private)
{
    static const uint64_t mechanisms[] = {0x1081, 0x1082};
    struct kk_attrs *attrs = NULL;
    struct kk_attrs *nested = NULL;
    assert_ok(kk_attrs_new(&attrs));
    assert_ok(kk_attrs_new(&nested));
    assert_ok(kk_attrs_set_flag(nested, CKA_EXTRACTABLE, true));
    assert_ok(kk_attrs_set_bytes(nested, CKA_ID, KK_SPAN_TEXT("abc")));
    assert_ok(kk_attrs_set_number(attrs, CKA_CLASS, CKO_SECRET_KEY));
    assert_ok(kk_attrs_set_flag(attrs, CKA_TOKEN, true));
    assert_ok(kk_attrs_set_flag(attrs, CKA_PRIVATE, is_private));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_LABEL, KK_SPAN_TEXT("a label")));
    assert_ok(kk_attrs_set_secret(attrs, CKA_VALUE, KK_SPAN_TEXT("0123456789abcdef")));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_ID, KK_SPAN(NULL, 0)));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_START_DATE, KK_SPAN_TEXT("20300102")));
    assert_ok(kk_attrs_set_template(attrs, CKA_WRAP_TEMPLATE, nested));
    assert_ok(kk_attrs_set_mechanisms(attrs, CKA_ALLOWED_MECHANISMS, mechanisms, 2));
    kk_attrs_free(nested);
    return attrs;
}

static bool contains(struct kk_span body, const char *text)
{
    return memmem(body.data, body.len, text, strlen(text)) != NULL;
}

static void test_every_kind_comes_back(void **state)
{
    (void)state;
    static const uint8_t key[KK_SOFTHSM_MASTER_LEN] = {7};
    const struct kk_softhsm_keys keys = {crypto, KK_SPAN_ARRAY(key)};
    const struct kk_softhsm_keys none = {crypto, KK_SPAN(NULL, 0)};
    for (unsigned is_private = 0; is_private < 2; is_private++) {
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = every_kind(is_private == 1);
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *again = NULL;
        KK_CLEANUP(kk_attrs_freep) struct kk_attrs *closed = NULL;
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
        assert_ok(kk_softhsm_encode(attrs, &keys, &body));
        assert_true(body.wipe);
        assert_int_equal(contains(kk_buffer_span(&body), "0123456789abcdef"), is_private == 0);
        assert_int_equal(contains(kk_buffer_span(&body), "20300102"), is_private == 0);
        assert_true(contains(kk_buffer_span(&body), "abc")); /* templates are in clear */
        assert_ok(kk_softhsm_decode(kk_buffer_span(&body), &keys, &again));
        assert_true(kk_attrs_match(again, attrs) && kk_attrs_match(attrs, again));
        assert_rv(kk_softhsm_decode(kk_buffer_span(&body), &none, &closed),
                  is_private == 1 ? CKR_USER_NOT_LOGGED_IN : CKR_OK);
        KK_CLEANUP(kk_buffer_clear) struct kk_buffer refused = {0};
        assert_rv(kk_softhsm_encode(attrs, &none, &refused),
                  is_private == 1 ? CKR_USER_NOT_LOGGED_IN : CKR_OK);
    }
}

static void test_a_template_in_a_template_is_refused(void **state)
{
    (void)state;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = every_kind(false);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *outer = every_kind(false);
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer body = {0};
    assert_ok(kk_attrs_set_template(outer, CKA_UNWRAP_TEMPLATE, attrs));
    assert_rv(kk_softhsm_encode(outer, NULL, &body), CKR_ATTRIBUTE_VALUE_INVALID);
}

static void test_what_softhsm_does_not_know_is_written_only_when_given(void **state)
{
    (void)state;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = every_kind(false);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *stored = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *again = NULL;
    assert_ok(kk_attrs_set_number(attrs, CKA_KEY_TYPE, CKK_GENERIC_SECRET));
    assert_ok(kk_attrs_set_bytes(attrs, CKA_UNIQUE_ID, KK_SPAN_TEXT("x")));
    assert_ok(kk_attrs_set_number(attrs, CKA_OBJECT_VALIDATION_FLAGS, 0));
    assert_ok(kk_softhsm_export(attrs, &stored));
    assert_false(kk_attrs_has(stored, CKA_UNIQUE_ID));
    assert_false(kk_attrs_has(stored, CKA_OBJECT_VALIDATION_FLAGS));
    assert_true(kk_attrs_has(stored, CKA_UNWRAP_TEMPLATE)); /* SoftHSM would add it */
    assert_true(kk_attrs_has(stored, CKA_CHECK_VALUE));
    assert_ok(kk_attrs_set_number(attrs, CKA_OBJECT_VALIDATION_FLAGS, 5));
    assert_ok(kk_softhsm_export(attrs, &again));
    assert_int_equal(kk_attrs_number(again, CKA_OBJECT_VALIDATION_FLAGS, 0), 5);
}

/* ---- PINs ---- */

static void test_tries_are_counted_beside_the_token(void **state)
{
    struct sample *sample = *state;
    struct kk_unlock *unlock = NULL;
    assert_ok(unlock_user(sample->repo, "1234", &unlock));
    kk_unlock_unref(unlock);
    assert_int_equal(access(file_of(sample, "keykist.tries"), F_OK), -1); /* nothing to be said */
    assert_rv(unlock_user(sample->repo, "9999", &unlock), CKR_PIN_INCORRECT);
    assert_int_equal(state_of(sample->repo).user_failed, 1);
    struct kk_repository *other = open_repo(sample);
    assert_rv(unlock_user(other, "9999", &unlock), CKR_PIN_INCORRECT);
    assert_int_equal(state_of(sample->repo).user_failed, 2);
    assert_rv(unlock_user(other, "9999", &unlock), CKR_PIN_INCORRECT);
    assert_true(state_of(sample->repo).user_locked);
    assert_rv(unlock_user(sample->repo, "1234", &unlock), CKR_PIN_LOCKED);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = NULL;
    assert_ok(
        other->ops->unlock(other, KK_ROLE_SO, KK_SPAN(NULL, 0), text_span("12345678"), NULL, &so));
    assert_ok(other->ops->init_pin(other, so, text_span("5678")));
    assert_ok(unlock_user(sample->repo, "5678", &unlock));
    kk_unlock_unref(unlock);
    assert_false(state_of(sample->repo).user_locked);
    other->ops->close(other);
}

static void test_a_killed_try_counts(void **state)
{
    struct sample *sample = *state;
    struct kk_softhsm *repo = (struct kk_softhsm *)sample->repo;
    struct kk_unlock *unlock = NULL;
    assert_ok(repo->book.ops->save(repo, KK_ROLE_USER, &(struct kk_tries){.pending = true}));
    assert_rv(unlock_user(sample->repo, "9999", &unlock), CKR_PIN_INCORRECT);
    assert_int_equal(state_of(sample->repo).user_failed, 2);
}

static void test_a_changed_pin_leaves_the_objects(void **state)
{
    struct sample *sample = *state;
    struct kk_repository *repo = sample->repo;
    struct kk_unlock *unlock = NULL;
    struct kk_token_state before = state_of(repo);
    assert_rv(repo->ops->set_pin(repo, KK_ROLE_USER, KK_SPAN(NULL, 0), text_span("wrong"),
                                 text_span("new one")),
              CKR_PIN_INCORRECT);
    assert_ok(repo->ops->set_pin(repo, KK_ROLE_USER, KK_SPAN(NULL, 0), text_span("1234"),
                                 text_span("new one")));
    assert_rv(unlock_user(repo, "1234", &unlock), CKR_PIN_INCORRECT);
    assert_ok(unlock_user(repo, "new one", &unlock));
    assert_int_equal(count_all(repo, unlock), 11);
    assert_memory_equal(before.epoch, state_of(repo).epoch, 16); /* logins stay */
    kk_unlock_unref(unlock);
}

static void test_initializing_anew_empties_it_for_everybody(void **state)
{
    struct sample *sample = *state;
    struct kk_repository *other = open_repo(sample);
    struct kk_token_state mine = state_of(sample->repo);
    struct kk_token_state theirs = state_of(other);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *so = NULL;
    assert_ok(unlock_user(other, "1234", &user));
    assert_rv(sample->repo->ops->reinitialise(sample->repo, text_span("1234"), label_one),
              CKR_PIN_INCORRECT);
    assert_ok(sample->repo->ops->reinitialise(sample->repo, text_span("12345678"), label_one));
    assert_memory_not_equal(mine.epoch, state_of(sample->repo).epoch, 16);
    assert_memory_not_equal(theirs.epoch, state_of(other).epoch, 16);
    assert_memory_equal(state_of(other).label, label_one, 32);
    assert_memory_equal(state_of(other).serial, mine.serial, 16);
    assert_false(state_of(other).user_pin_set);
    assert_int_equal(count_all(other, NULL), 0);
    assert_ok(
        other->ops->unlock(other, KK_ROLE_SO, KK_SPAN(NULL, 0), text_span("12345678"), NULL, &so));
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = data_attrs(true, "late", "x");
    const struct kk_stored_change change = {
        .kind = KK_CHANGE_PUT, .uuid = new_uuid(), .attrs = attrs};
    assert_rv(other->ops->change(other, user, &change, 1, NULL), CKR_SESSION_HANDLE_INVALID);
    other->ops->close(other);
}

/* ---- objects ---- */

static void test_changes_are_seen_by_another_process(void **state)
{
    struct sample *sample = *state;
    struct kk_repository *other = open_repo(sample);
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *first = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *second = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *third = NULL;
    assert_ok(unlock_user(sample->repo, "1234", &mine));
    assert_ok(unlock_user(other, "1234", &theirs));
    struct kk_uuid uuid = put_data(sample->repo, mine, true, "one", "value");
    assert_ok(other->ops->read(other, theirs, &uuid, &first));
    assert_rv(other->ops->read(other, NULL, &uuid, &second), CKR_USER_NOT_LOGGED_IN);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *changed = data_attrs(true, "two", "value");
    assert_ok(put_attrs(other, theirs, &uuid, changed, first->generation, &second));
    assert_rv(put_attrs(sample->repo, mine, &uuid, changed, first->generation, NULL),
              CKR_FUNCTION_REJECTED);
    assert_ok(sample->repo->ops->read(sample->repo, mine, &uuid, &third));
    assert_true(kk_span_equal(kk_attrs_bytes(third->attrs, CKA_LABEL), KK_SPAN_TEXT("two")));
    assert_int_equal(third->generation, second->generation);
    assert_rv(erase(sample->repo, mine, &uuid, first->generation), CKR_FUNCTION_REJECTED);
    assert_ok(erase(sample->repo, mine, &uuid, third->generation));
    assert_rv(read_code(other, theirs, &uuid), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(count_all(other, theirs), 11);
    other->ops->close(other);
}

static void test_looking_moves_the_stamp_when_a_file_was_rewritten(void **state)
{
    struct sample *sample = *state;
    struct kk_repository *other = open_repo(sample);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    struct kk_store_stamp before;
    struct kk_store_stamp after;
    struct kk_uuid uuid = put_data(other, NULL, false, "one", "value");
    assert_ok(sample->repo->ops->read(sample->repo, NULL, &uuid, &object));
    assert_ok(sample->repo->ops->look(sample->repo, &uuid));
    assert_ok(sample->repo->ops->fresh(sample->repo, &before));
    assert_ok(sample->repo->ops->look(sample->repo, &uuid));
    assert_ok(sample->repo->ops->fresh(sample->repo, &after));
    assert_int_equal(before.value, after.value);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *changed = data_attrs(false, "two", "value");
    assert_ok(put_attrs(other, NULL, &uuid, changed, object->generation, NULL));
    assert_ok(sample->repo->ops->look(sample->repo, &uuid));
    assert_ok(sample->repo->ops->fresh(sample->repo, &after));
    assert_int_not_equal(before.value, after.value);
    other->ops->close(other);
}

static void test_a_curve_key_of_softhsms_is_completed(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
    KK_CLEANUP(kk_object_unrefp) struct kk_object *key = NULL;
    struct kk_uuid uuid = uuid_of("5ee33d8e-8115-756e-39a9-d3cb655b62de");
    assert_ok(unlock_user(sample->repo, "1234", &user));
    assert_ok(sample->repo->ops->read(sample->repo, user, &uuid, &key));
    assert_int_equal(kk_attrs_bytes(key->attrs, CKA_EC_POINT).len, 67);
    assert_true(kk_attrs_bytes(key->attrs, CKA_PUBLIC_KEY_INFO).len > 0);
    assert_false(kk_attrs_has(key->attrs, CKA_ALLOWED_MECHANISMS));
    assert_true(kk_span_equal(kk_attrs_bytes(key->attrs, CKA_UNIQUE_ID),
                              KK_SPAN_TEXT("5ee33d8e-8115-756e-39a9-d3cb655b62de")));
    KK_CLEANUP(kk_key_unrefp) struct kk_key *parsed = NULL;
    assert_ok(kk_object_key(key, crypto, &parsed));
}

/* ---- damage ---- */

static void write_file(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static void test_leftovers_are_skipped_with_a_line(void **state)
{
    struct sample *sample = *state;
    static const uint8_t half[] = {
        0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4}; /* nothing but a class */
    write_file(file_of(sample, "11111111-1111-4111-8111-111111111111.object"), "", 0);
    write_file(file_of(sample, "22222222-2222-4222-8222-222222222222.object"), half, sizeof half);
    write_file(file_of(sample, "33333333-3333-4333-8333-333333333333.object"), "nonsense", 8);
    write_file(file_of(sample, "junk.object"), "nonsense", 8);
    assert_int_equal(count_all(sample->repo, NULL), 6);
    (void)usleep(150000); /* a file that was just touched may not be finished yet */
    assert_int_equal(count_all(sample->repo, NULL), 6);
    assert_int_equal(count_all(sample->repo, NULL), 6);
    assert_true(house_log_has(&sample->house, "11111111-1111-4111-8111-111111111111 is empty"));
    assert_true(house_log_has(&sample->house,
                              "22222222-2222-4222-8222-222222222222 is empty or was "
                              "never finished"));
    struct kk_uuid uuid = uuid_of("22222222-2222-4222-8222-222222222222");
    assert_rv(read_code(sample->repo, NULL, &uuid), CKR_OBJECT_HANDLE_INVALID);
}

static size_t slurp(const char *path, uint8_t *bytes, size_t room)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t len = read(fd, bytes, room);
    close(fd);
    assert_true(len > 0);
    return (size_t)len;
}

/* Each byte changed, each length: whatever it is then, the rest of the token is there. */
static void test_random_damage_hurts_one_object_only(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
    static const char *const files[] = {DATA_OBJECT, AES_OBJECT};
    uint8_t whole[4096];
    uint8_t bytes[4096];
    assert_ok(unlock_user(sample->repo, "1234", &user));
    for (size_t f = 0; f < KK_ARRAY_LEN(files); f++) {
        char name[64];
        struct kk_uuid uuid = uuid_of(files[f]);
        (void)snprintf(name, sizeof name, "%s.object", files[f]);
        size_t len = slurp(file_of(sample, name), whole, sizeof whole);
        for (size_t i = 0; i < len; i += 3) {
            memcpy(bytes, whole, len);
            bytes[i] ^= (uint8_t)(1u << (i % 8));
            bytes[7] = (uint8_t)i; /* another version, as every rewrite has */
            write_file(file_of(sample, name), bytes, i % 2 == 0 ? len : i);
            CK_RV rv = read_code(sample->repo, user, &uuid);
            assert_true(rv == CKR_OK || rv == CKR_DEVICE_ERROR || rv == CKR_OBJECT_HANDLE_INVALID);
            size_t count = count_all(sample->repo, user);
            assert_true(count == 11 || count == 10);
        }
        write_file(file_of(sample, name), whole, len);
        assert_int_equal(count_all(sample->repo, user), 11);
    }
}

/* The first byte of the IV of CKA_VALUE: of what is decrypted one bit is another one, and nothing
 * of the cipher's says so. */
static void test_a_key_that_its_check_value_denies_is_damaged(void **state)
{
    struct sample *sample = *state;
    static const uint8_t head[] = {0, 0, 0, 0, 0, 0, 0, 0x11, 0, 0, 0, 0, 0, 0, 0, 3};
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *user = NULL;
    struct kk_uuid uuid = uuid_of(AES_OBJECT);
    uint8_t bytes[4096];
    size_t at = 0;
    size_t len = slurp(file_of(sample, AES_OBJECT ".object"), bytes, sizeof bytes);
    while (at + sizeof head < len && memcmp(bytes + at, head, sizeof head) != 0) {
        at++;
    }
    assert_true(at + sizeof head + 9 < len);
    assert_ok(unlock_user(sample->repo, "1234", &user));
    assert_rv(read_code(sample->repo, user, &uuid), CKR_OK);
    bytes[at + sizeof head + 8] ^= 0x20;
    bytes[7]++; /* the version */
    write_file(file_of(sample, AES_OBJECT ".object"), bytes, len);
    assert_rv(read_code(sample->repo, user, &uuid), CKR_DEVICE_ERROR);
    assert_int_equal(count_all(sample->repo, user), 10);
    assert_true(house_log_has(&sample->house, AES_OBJECT " is damaged"));
}

static void test_a_damaged_token_object_is_said_and_not_written_over(void **state)
{
    struct sample *sample = *state;
    struct kk_repository *repo = NULL;
    const struct kk_repository_settings settings = {0};
    uint8_t bytes[1024];
    size_t len = slurp(file_of(sample, "token.object"), bytes, sizeof bytes);
    for (size_t cut = 8; cut < len; cut += 9) {
        write_file(file_of(sample, "token.object"), bytes, cut);
        CK_RV rv =
            kk_softhsm_repository_open(crypto, sample->house.dir, SAMPLE, 0077, &settings, &repo);
        if (rv == CKR_OK) { /* cut behind the serial: the PINs are missing */
            struct kk_unlock *unlock = NULL;
            assert_int_not_equal(unlock_user(repo, "1234", &unlock), CKR_OK);
            repo->ops->close(repo);
        } else {
            assert_rv(rv, CKR_TOKEN_NOT_RECOGNIZED);
        }
    }
    write_file(file_of(sample, "token.object"), bytes, len);
    assert_true(house_log_has(&sample->house, "token.object is damaged"));
}

/* ---- tokens with so many objects that their directory is watched ---- */

#define MANY 40

static const struct kk_softhsm *inside(const struct sample *sample)
{
    return (const struct kk_softhsm *)sample->repo;
}

static size_t count_label(struct kk_repository *repo, struct kk_unlock *unlock, const char *label)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    struct kk_uuid *uuids = NULL;
    size_t count = 0;
    assert_ok(kk_attrs_new(&tmpl));
    assert_ok(kk_attrs_set_bytes(tmpl, CKA_LABEL, text_span(label)));
    assert_ok(repo->ops->look(repo, NULL));
    assert_ok(repo->ops->find(repo, unlock, unlock != NULL, tmpl, &uuids, &count));
    kk_free(uuids);
    return count;
}

static void relabel(struct kk_repository *repo, struct kk_unlock *unlock,
                    const struct kk_uuid *uuid, bool is_private, const char *label)
{
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *changed = data_attrs(is_private, label, "value");
    assert_ok(repo->ops->read(repo, unlock, uuid, &object));
    assert_ok(put_attrs(repo, unlock, uuid, changed, object->generation, NULL));
}

/* With a public and a private object of the other's, and all files seen. */
static struct kk_repository *make_many(const struct sample *sample, struct kk_unlock **ret_mine,
                                       struct kk_unlock **ret_theirs, struct kk_uuid ret_uuids[2])
{
    struct kk_repository *other = open_repo(sample);
    assert_ok(unlock_user(sample->repo, "1234", ret_mine));
    assert_ok(unlock_user(other, "1234", ret_theirs));
    for (size_t i = 0; i < MANY; i++) {
        ret_uuids[i % 2] = put_data(other, *ret_theirs, i % 2 == 1, "one", "value");
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(count_label(sample->repo, *ret_mine, "one"), MANY);
    }
    return other;
}

static void test_searches_of_a_watched_token_look_at_what_was_changed_alone(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = NULL;
    struct kk_uuid uuids[2];
    struct kk_repository *other = make_many(sample, &mine, &theirs, uuids);
    if (inside(sample)->watch != NULL) { /* a system may have none */
        uint64_t surveys = inside(sample)->survey;
        relabel(other, theirs, &uuids[1], true, "two");
        assert_int_equal(count_label(sample->repo, mine, "two"), 1);
        assert_int_equal(inside(sample)->survey, surveys);
        assert_int_equal(inside(sample)->marks.count, 0);
    }
    other->ops->close(other);
}

static void test_a_watched_token_shows_each_change_to_the_next_search(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = NULL;
    struct kk_uuid uuids[2];
    struct kk_repository *other = make_many(sample, &mine, &theirs, uuids);
    char label[16];
    for (int i = 0; i < 20; i++) {
        (void)snprintf(label, sizeof label, "round %d", i);
        relabel(other, theirs, &uuids[i % 2], i % 2 == 1, label);
        assert_int_equal(count_label(sample->repo, mine, label), 1);
        assert_int_equal(count_label(sample->repo, mine, "one"), i == 0 ? MANY - 1 : MANY - 2);
    }
    struct kk_uuid fresh = put_data(other, theirs, true, "fresh", "value");
    assert_int_equal(count_label(sample->repo, mine, "fresh"), 1);
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    assert_ok(other->ops->read(other, theirs, &fresh, &object));
    assert_ok(erase(other, theirs, &fresh, object->generation));
    assert_int_equal(count_label(sample->repo, mine, "fresh"), 0);
    for (int i = 0; i < 2; i++) { /* its own as well */
        relabel(sample->repo, mine, &uuids[i], i == 1, "mine");
    }
    assert_int_equal(count_label(sample->repo, mine, "mine"), 2);
    other->ops->close(other);
}

/* In place, of one length and at one time, as SoftHSM's programs may do it. */
static void test_a_watched_token_shows_what_is_written_without_a_trace(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = NULL;
    struct kk_uuid uuids[2];
    struct kk_repository *other = make_many(sample, &mine, &theirs, uuids);
    uint8_t bytes[4096];
    size_t all = count_all(sample->repo, mine);
    size_t len = slurp(file_of(sample, DATA_OBJECT ".object"), bytes, sizeof bytes);
    for (int i = 0; i < 3; i++) {
        bytes[7] ^= 0x80; /* the version */
        write_file(file_of(sample, DATA_OBJECT ".object"), "", 0);
        assert_int_equal(count_all(sample->repo, mine), all - 1);
        write_file(file_of(sample, DATA_OBJECT ".object"), bytes, len);
        assert_int_equal(count_all(sample->repo, mine), all);
    }
    assert_int_equal(unlink(file_of(sample, DATA_OBJECT ".object")), 0);
    assert_int_equal(count_all(sample->repo, mine), all - 1);
    write_file(file_of(sample, "other"), bytes, len);
    char from[256];
    (void)snprintf(from, sizeof from, "%s", file_of(sample, "other"));
    assert_int_equal(rename(from, file_of(sample, DATA_OBJECT ".object")), 0);
    assert_int_equal(count_all(sample->repo, mine), all);
    other->ops->close(other);
}

static void test_a_watched_token_shows_what_comes_by_another_name(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = NULL;
    struct kk_uuid uuids[2];
    uint8_t bytes[4096];
    char second[256];
    (void)snprintf(second, sizeof second, "%s/second", sample->house.dir);
    assert_int_equal(link(file_of(sample, DATA_OBJECT ".object"), second), 0);
    struct kk_repository *other = make_many(sample, &mine, &theirs, uuids);
    size_t all = count_all(sample->repo, mine);
    size_t len = slurp(file_of(sample, DATA_OBJECT ".object"), bytes, sizeof bytes);
    assert_int_equal(count_all(sample->repo, mine), all);
    for (int i = 0; i < 3; i++) {
        write_file(second, "", 0);
        assert_int_equal(count_all(sample->repo, mine), all - 1);
        bytes[7] ^= 0x80;
        write_file(second, bytes, len);
        assert_int_equal(count_all(sample->repo, mine), all);
    }
    other->ops->close(other);
}

/* More changes than are remembered one by one. */
static void test_a_watched_token_shows_very_many_changes(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *mine = NULL;
    KK_CLEANUP(kk_unlock_unrefp) struct kk_unlock *theirs = NULL;
    struct kk_uuid uuids[2];
    struct kk_repository *other = make_many(sample, &mine, &theirs, uuids);
    for (size_t i = 0; i < KK_SOFTHSM_MARKS + 2; i++) {
        (void)put_data(other, theirs, false, "many", "value");
    }
    assert_int_equal(count_label(sample->repo, mine, "many"), KK_SOFTHSM_MARKS + 2);
    assert_int_equal(count_label(sample->repo, mine, "many"), KK_SOFTHSM_MARKS + 2);
    relabel(other, theirs, &uuids[0], false, "many");
    assert_int_equal(count_label(sample->repo, mine, "many"), KK_SOFTHSM_MARKS + 3);
    other->ops->close(other);
}

/* ---- tokens ---- */

static struct kk_engine *file_engine(const struct house *house)
{
    struct kk_engine *engine = NULL;
    struct kk_config *config = house_config(house);
    config->backend = KK_BACKEND_FILE;
    config->backend_is_set = true;
    assert_ok(kk_engine_new(config, &engine));
    return engine;
}

static void test_the_setting_says_what_a_new_token_becomes(void **state)
{
    struct sample *sample = *state;
    KK_CLEANUP(kk_engine_freep) struct kk_engine *file = file_engine(&sample->house);
    KK_CLEANUP(kk_engine_freep) struct kk_engine *sqlite = house_engine(&sample->house);
    KK_CLEANUP(kk_token_unrefp) struct kk_token *one = NULL;
    KK_CLEANUP(kk_token_unrefp) struct kk_token *two = NULL;
    char path[256];
    assert_int_equal(token_count(sqlite), 1); /* whatever the setting */
    assert_int_equal(token_count(file), 1);
    assert_ok(kk_engine_create_token(file, text_span("so-secret"), label_one, &one));
    assert_true(house_log_has(&sample->house, "keykist token upgrade"));
    assert_ok(kk_engine_create_token(sqlite, text_span("so-secret"), label_one, &two));
    assert_int_equal(token_count(file), 3);
    assert_int_equal(token_count(sqlite), 3);
    (void)snprintf(path, sizeof path, "%s/token.object", kk_token_path(one));
    assert_int_equal(access(path, F_OK), 0);
    (void)snprintf(path, sizeof path, "%s/keykist.db", kk_token_path(two));
    assert_int_equal(access(path, F_OK), 0);
    assert_ok(kk_engine_delete_token(file, one));
    assert_int_equal(token_count(sqlite), 2);
}

static void test_a_token_in_memory_sees_no_directories(void **state)
{
    struct sample *sample = *state;
    struct kk_engine *engine = NULL;
    struct kk_config *config = house_config(&sample->house);
    config->backend = KK_BACKEND_MEMORY;
    assert_ok(kk_engine_new(config, &engine));
    assert_int_equal(token_count(engine), 0);
    kk_engine_free(engine);
}

#define ON_SAMPLE(test) cmocka_unit_test_setup_teardown(test, sample_set_up, sample_tear_down)

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    samples = argv[1];
    const struct CMUnitTest tests[] = {
        ON_SAMPLE(test_the_sample_token_opens),
        cmocka_unit_test(test_the_vector_of_pins),
        ON_SAMPLE(test_searches_of_a_watched_token_look_at_what_was_changed_alone),
        ON_SAMPLE(test_a_watched_token_shows_each_change_to_the_next_search),
        ON_SAMPLE(test_a_watched_token_shows_what_is_written_without_a_trace),
        ON_SAMPLE(test_a_watched_token_shows_what_comes_by_another_name),
        ON_SAMPLE(test_a_watched_token_shows_very_many_changes),
        cmocka_unit_test(test_no_wrong_pin_is_taken),
        cmocka_unit_test(test_every_kind_comes_back),
        cmocka_unit_test(test_a_template_in_a_template_is_refused),
        cmocka_unit_test(test_what_softhsm_does_not_know_is_written_only_when_given),
        ON_SAMPLE(test_tries_are_counted_beside_the_token),
        ON_SAMPLE(test_a_killed_try_counts),
        ON_SAMPLE(test_a_changed_pin_leaves_the_objects),
        ON_SAMPLE(test_initializing_anew_empties_it_for_everybody),
        ON_SAMPLE(test_changes_are_seen_by_another_process),
        ON_SAMPLE(test_looking_moves_the_stamp_when_a_file_was_rewritten),
        ON_SAMPLE(test_a_curve_key_of_softhsms_is_completed),
        ON_SAMPLE(test_leftovers_are_skipped_with_a_line),
        ON_SAMPLE(test_random_damage_hurts_one_object_only),
        ON_SAMPLE(test_a_key_that_its_check_value_denies_is_damaged),
        ON_SAMPLE(test_a_damaged_token_object_is_said_and_not_written_over),
        ON_SAMPLE(test_the_setting_says_what_a_new_token_becomes),
        ON_SAMPLE(test_a_token_in_memory_sees_no_directories),
    };
    return cmocka_run_group_tests(tests, crypto_setup, crypto_teardown);
}
