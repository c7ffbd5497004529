/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/admin/backup.c: what callers of the vendor interface may give, what they get, and open
 * sessions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "admin/admin.h"
#include "base/log.h"
#include "base/memory.h"
#include "session/session.h"

#define assert_rv(call, want) assert_int_equal((call), (want))
#define SO_PIN "so-secret"
#define PASSPHRASE "correct horse"
#define BYTES(text) {(const CK_BYTE *)(text), sizeof(text) - 1}

static const char label[32] = "a token                         ";
static const CK_KEYKIST_BACKUP_KEY by_passphrase = {.passphrase = BYTES(PASSPHRASE)};

/* An application on tokens in memory, and a file. */
struct stage {
    struct kk_engine *engine;
    struct kk_app *app;
    CK_SLOT_ID slot;
    struct kk_buffer file;
    size_t at;
    CK_RV fails;
};

static CK_RV file_read(void *context, CK_BYTE *data, CK_ULONG *len)
{
    struct stage *stage = context;
    size_t got = KK_MIN((size_t)*len, stage->file.len - stage->at);
    if (got > 0) {
        memcpy(data, stage->file.data + stage->at, got);
    }
    stage->at += got;
    *len = got;
    return stage->fails;
}

static CK_RV file_write(void *context, const CK_BYTE *data, CK_ULONG len)
{
    struct stage *stage = context;
    kk_buffer_put(&stage->file, data, len);
    return stage->fails;
}

static CK_RV too_much(void *context, CK_BYTE *data, CK_ULONG *len)
{
    (void)context;
    memset(data, 0, *len);
    *len += 1;
    return CKR_OK;
}

static CK_KEYKIST_STREAM stream_of(struct stage *stage)
{
    stage->at = 0;
    return (CK_KEYKIST_STREAM){.context = stage, .read = file_read, .write = file_write};
}

static CK_SLOT_ID first_slot(struct stage *stage, bool look)
{
    CK_SLOT_ID *ids = NULL;
    size_t count = 0;
    assert_rv(kk_app_slots(stage->app, look, false, &ids, &count), CKR_OK);
    CK_SLOT_ID slot = ids[0];
    kk_free(ids);
    return slot;
}

static int stage_setup(void **state)
{
    struct stage *stage = NULL;
    struct kk_config *config = NULL;
    assert_rv(kk_alloc(sizeof *stage, &stage), CKR_OK);
    assert_rv(kk_config_new(&config), CKR_OK);
    config->backend = KK_BACKEND_MEMORY;
    config->pin_kdf = KK_KDF_TEST;
    assert_rv(kk_engine_new(config, &stage->engine), CKR_OK);
    assert_rv(kk_app_new(stage->engine, &stage->app), CKR_OK);
    assert_rv(kk_app_init_token(stage->app, first_slot(stage, true),
                                KK_SPAN(SO_PIN, sizeof SO_PIN - 1), label),
              CKR_OK);
    stage->slot = first_slot(stage, true);
    *state = stage;
    return 0;
}

static int stage_teardown(void **state)
{
    struct stage *stage = *state;
    kk_app_free(stage->app);
    kk_engine_free(stage->engine);
    kk_buffer_clear(&stage->file);
    kk_free(stage);
    return 0;
}

static CK_KEYKIST_BACKUP_INFO back_up(struct stage *stage)
{
    CK_KEYKIST_BACKUP_INFO info = {0};
    stage->file.len = 0;
    CK_KEYKIST_STREAM to = stream_of(stage);
    assert_rv(kk_admin_backup(stage->app, stage->slot, &by_passphrase, &to, &info), CKR_OK);
    return info;
}

static CK_KEYKIST_RESTORE with_pin(CK_FLAGS flags)
{
    return (CK_KEYKIST_RESTORE){.flags = flags, .user = CKU_SO, .pin = BYTES(SO_PIN)};
}

static void test_arguments(void **state)
{
    struct stage *stage = *state;
    struct kk_app *app = stage->app;
    CK_KEYKIST_BACKUP_INFO info;
    CK_KEYKIST_STREAM to = stream_of(stage);
    CK_KEYKIST_STREAM none = {0};
    CK_KEYKIST_BACKUP_KEY bad_bytes = {.passphrase = {NULL, 3}};
    CK_KEYKIST_BACKUP_KEY no_list = {.recipient_count = 1};
    CK_KEYKIST_BACKUP_KEY many = {.recipients = &bad_bytes.passphrase, .recipient_count = 17};
    CK_KEYKIST_RESTORE how = with_pin(0);
    assert_rv(kk_admin_backup(app, stage->slot, NULL, &to, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup(app, stage->slot, &by_passphrase, NULL, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup(app, stage->slot, &by_passphrase, &none, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup(app, stage->slot, &by_passphrase, &to, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup(app, stage->slot, &bad_bytes, &to, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup(app, stage->slot, &no_list, &to, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup(app, stage->slot, &many, &to, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup(app, 12345, &by_passphrase, &to, &info), CKR_SLOT_ID_INVALID);
    assert_rv(kk_admin_backup_check(app, NULL, NULL, NULL, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup_check(app, &none, NULL, NULL, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_backup_check(app, &to, NULL, NULL, NULL), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_restore(app, &to, NULL, &how, &info), CKR_ARGUMENTS_BAD);
    assert_rv(kk_admin_restore(app, &to, &by_passphrase, NULL, &info), CKR_ARGUMENTS_BAD);
    how.user = CKU_CONTEXT_SPECIFIC;
    assert_rv(kk_admin_restore(app, &to, &by_passphrase, &how, &info), CKR_USER_TYPE_INVALID);
    how.flags = CKF_KEYKIST_RESTORE_REKEY;
    how.user = CKU_USER;
    assert_rv(kk_admin_restore(app, &to, &by_passphrase, &how, &info), CKR_USER_TYPE_INVALID);
    how.user = CKU_SO;
    how.flags |= CKF_KEYKIST_RESTORE_DAMAGED;
    assert_rv(kk_admin_restore(app, &to, &by_passphrase, &how, &info), CKR_ARGUMENTS_BAD);
    how.flags = CKF_KEYKIST_RESTORE_REKEY;
    how.user_pin.len = 3;
    assert_rv(kk_admin_restore(app, &to, &by_passphrase, &how, &info), CKR_ARGUMENTS_BAD);
    how.pin.data = NULL;
    how.pin.len = 0;
    assert_rv(kk_admin_restore(app, &to, &by_passphrase, &how, &info), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(stage->file.len, 0);
}

static void test_what_callbacks_answer(void **state)
{
    struct stage *stage = *state;
    CK_KEYKIST_BACKUP_INFO info;
    CK_KEYKIST_STREAM stream = stream_of(stage);
    stage->fails = CKR_VENDOR_DEFINED;
    assert_rv(kk_admin_backup(stage->app, stage->slot, &by_passphrase, &stream, &info),
              CKR_VENDOR_DEFINED);
    assert_rv(kk_admin_backup_check(stage->app, &stream, NULL, NULL, &info), CKR_VENDOR_DEFINED);
    stream.read = too_much;
    assert_rv(kk_admin_backup_check(stage->app, &stream, NULL, NULL, &info), CKR_ARGUMENTS_BAD);
}

static void test_what_is_said_of_a_backup(void **state)
{
    struct stage *stage = *state;
    CK_KEYKIST_BACKUP_INFO info = back_up(stage);
    CK_KEYKIST_RESTORE how = with_pin(0);
    CK_KEYKIST_STREAM from = stream_of(stage);
    assert_int_equal(info.flags, CKF_KEYKIST_BACKUP_PASSPHRASE | CKF_KEYKIST_BACKUP_OPENED);
    assert_memory_equal(info.label, label, sizeof label);
    memset(&info, 0xa5, sizeof info);
    assert_rv(kk_admin_backup_check(stage->app, &from, NULL, NULL, &info), CKR_OK);
    assert_int_equal(info.flags, CKF_KEYKIST_BACKUP_PASSPHRASE);
    assert_int_equal(info.kdf_passes, 1);
    assert_int_equal(info.kdf_kib, 8192);
    assert_int_equal(info.label[0], 0);
    from = stream_of(stage);
    assert_rv(kk_admin_backup_check(stage->app, &from, &by_passphrase, &how, &info), CKR_OK);
    assert_int_equal(info.flags, CKF_KEYKIST_BACKUP_PASSPHRASE | CKF_KEYKIST_BACKUP_OPENED |
                                     CKF_KEYKIST_BACKUP_CHECKED);
}

static void test_an_open_session_keeps_its_token(void **state)
{
    struct stage *stage = *state;
    CK_KEYKIST_BACKUP_INFO info = back_up(stage);
    CK_KEYKIST_RESTORE how = with_pin(0);
    CK_SESSION_HANDLE session = 0;
    CK_KEYKIST_STREAM from = stream_of(stage);
    assert_rv(kk_admin_restore(stage->app, &from, &by_passphrase, &how, &info),
              CKR_FUNCTION_REJECTED);
    how = with_pin(CKF_KEYKIST_RESTORE_REPLACE);
    assert_rv(kk_session_open(stage->app, stage->slot, CKF_SERIAL_SESSION, &session), CKR_OK);
    from = stream_of(stage);
    assert_rv(kk_admin_restore(stage->app, &from, &by_passphrase, &how, &info), CKR_SESSION_EXISTS);
    assert_rv(kk_session_close(stage->app, session), CKR_OK);
    from = stream_of(stage);
    assert_rv(kk_admin_restore(stage->app, &from, &by_passphrase, &how, &info), CKR_OK);
    /* The slot of a token that this application made keeps its number; another token's follows from
     * the serial number. */
    stage->slot = first_slot(stage, true);
    (void)back_up(stage);
    from = stream_of(stage);
    assert_rv(kk_admin_restore(stage->app, &from, &by_passphrase, &how, &info), CKR_OK);
    assert_int_equal(first_slot(stage, true), stage->slot);
    (void)back_up(stage);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(test_arguments),
        ON_STAGE(test_what_callbacks_answer),
        ON_STAGE(test_what_is_said_of_a_backup),
        ON_STAGE(test_an_open_session_keeps_its_token),
    };
    kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
