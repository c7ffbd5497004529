/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of the session tests.
 */
#include "support.h"

#include <pthread.h>
#include <string.h>

#include "base/banned.h"

static void make_user(struct world *world)
{
    CK_SESSION_HANDLE session = session_open(world->app, world->slot, true);
    assert_ok(session_login(world->app, session, CKU_SO, SO_PIN));
    {
        KK_CLEANUP(kk_call_end) struct kk_call call = {0};
        assert_ok(kk_call_begin(world->app, session, &call));
        assert_ok(kk_session_init_pin(&call, PIN));
    }
    assert_ok(session_logout(world->app, session));
    assert_ok(kk_session_close(world->app, session));
}

void world_open_on(struct world *world, const struct kk_store_ops *store_ops, const char *tokendir)
{
    struct kk_config *config = NULL;
    CK_SLOT_ID *slots = NULL;
    size_t count = 0;
    *world = (struct world){0};
    assert_ok(kk_config_new(&config));
    config->pin_kdf = KK_KDF_TEST;
    if (tokendir != NULL) {
        kk_free(config->tokendir);
        assert_ok(kk_strdup(tokendir, &config->tokendir));
    }
    assert_ok(kk_engine_new_on(config, store_ops, &world->engine));
    assert_ok(kk_app_new(world->engine, &world->app));
    assert_ok(kk_app_slots(world->app, true, false, &slots, &count));
    assert_int_equal(count, 1);
    world->slot = slots[0];
    kk_free(slots);
    assert_ok(kk_app_init_token(world->app, world->slot, SO_PIN, LABEL));
    make_user(world);
    assert_ok(kk_app_new(world->engine, &world->other));
}

void world_open(struct world *world)
{
    world_open_on(world, &kk_store_memory, NULL);
}

void world_close(struct world *world)
{
    kk_app_free(world->other);
    kk_app_free(world->app);
    kk_engine_free(world->engine);
}

CK_SESSION_HANDLE session_open(struct kk_app *app, CK_SLOT_ID slot, bool rw)
{
    CK_SESSION_HANDLE session = 0;
    assert_ok(kk_session_open(app, slot, CKF_SERIAL_SESSION | (rw ? CKF_RW_SESSION : 0), &session));
    return session;
}

CK_RV session_login(struct kk_app *app, CK_SESSION_HANDLE session, CK_USER_TYPE user,
                    struct kk_span pin)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, session, &call));
    return kk_session_login(&call, user, KK_SPAN(NULL, 0), pin);
}

CK_RV session_logout(struct kk_app *app, CK_SESSION_HANDLE session)
{
    return kk_session_logout(app, session);
}

CK_RV data_create(struct kk_app *app, CK_SESSION_HANDLE session, const char *label, bool token,
                  bool is_private, CK_OBJECT_HANDLE *ret_handle)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL token_flag = token;
    CK_BBOOL private_flag = is_private;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_TOKEN, &token_flag, sizeof token_flag},
        {CKA_PRIVATE, &private_flag, sizeof private_flag},
        {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)},
    };
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_template_copy(attributes, KK_ARRAY_LEN(attributes), KK_VERB_CREATE, &tmpl));
    return kk_call_create_object(&call, tmpl, ret_handle);
}

size_t find_count(struct kk_app *app, CK_SESSION_HANDLE session, const char *label,
                  CK_OBJECT_HANDLE *ret_first)
{
    CK_ATTRIBUTE attribute = {CKA_LABEL, (void *)(uintptr_t)label,
                              label != NULL ? strlen(label) : 0};
    CK_OBJECT_HANDLE handles[64];
    size_t count = 0;
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    assert_ok(kk_call_begin(app, session, &call));
    assert_ok(kk_template_copy(&attribute, label != NULL, KK_VERB_FIND, &tmpl));
    assert_ok(kk_call_find_init(&call, tmpl));
    assert_ok(kk_call_find(&call, handles, KK_ARRAY_LEN(handles), &count));
    assert_ok(kk_call_find_final(&call));
    if (count > 0 && ret_first != NULL) {
        *ret_first = handles[0];
    }
    return count;
}

CK_RV object_create(struct kk_app *app, CK_SESSION_HANDLE session, const CK_ATTRIBUTE *attributes,
                    size_t count, CK_OBJECT_HANDLE *ret_handle)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_template_copy(attributes, count, KK_VERB_CREATE, &tmpl));
    return kk_call_create_object(&call, tmpl, ret_handle);
}

CK_RV object_destroy(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, session, &call));
    return kk_call_destroy_object(&call, object);
}

CK_RV object_label(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                   const char *label)
{
    CK_ATTRIBUTE attribute = {CKA_LABEL, (void *)(uintptr_t)label, strlen(label)};
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_template_copy(&attribute, 1, KK_VERB_SET, &tmpl));
    return kk_call_set_attributes(&call, object, tmpl);
}

CK_RV object_ask(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *found = NULL;
    KK_TRY(kk_call_begin(app, session, &call));
    return kk_call_object(&call, object, &found);
}

CK_OBJECT_HANDLE aes_create(struct kk_app *app, CK_SESSION_HANDLE session, bool token,
                            bool is_private)
{
    static CK_BBOOL yes = CK_TRUE;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_AES;
    CK_BBOOL token_flag = token;
    CK_BBOOL private_flag = is_private;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_KEY_TYPE, &type, sizeof type},
        {CKA_TOKEN, &token_flag, 1},
        {CKA_PRIVATE, &private_flag, 1},
        {CKA_VALUE, (void *)(uintptr_t)"0123456789abcdef", 16},
        {CKA_ENCRYPT, &yes, 1},
        {CKA_DECRYPT, &yes, 1},
        {CKA_SIGN, &yes, 1},
        {CKA_VERIFY, &yes, 1},
        {CKA_WRAP, &yes, 1},
        {CKA_UNWRAP, &yes, 1},
        {CKA_DERIVE, &yes, 1},
        {CKA_EXTRACTABLE, &yes, 1},
    };
    assert_ok(object_create(app, session, attributes, KK_ARRAY_LEN(attributes), &key));
    return key;
}

CK_RV op_init(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
              const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    const struct kk_mechanism *row = kk_registry_find(app->engine->registry, mechanism->mechanism);
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_param_copy(row->shape, mechanism->pParameter, mechanism->ulParameterLen, &param));
    return kk_operation_init(&call, kind, row, &param, key);
}

CK_RV op_cipher(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                enum kk_phase phase, struct kk_span in, uint8_t *out, CK_ULONG *len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, session, &call));
    return kk_operation_cipher(&call, kind, phase, in, &(struct kk_output){out, len});
}

CK_RV op_update(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                struct kk_span in)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, session, &call));
    return kk_operation_update(&call, kind, in);
}

CK_RV op_result(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                enum kk_phase phase, struct kk_span in, uint8_t *out, CK_ULONG *len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, session, &call));
    return kk_operation_result(&call, kind, phase, in, &(struct kk_output){out, len});
}

CK_RV op_verify(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_phase phase,
                struct kk_span in, struct kk_span signature)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, session, &call));
    return kk_operation_verify(&call, phase, in, signature);
}

struct apart {
    session_call *call;
    struct kk_app *app;
    CK_SESSION_HANDLE session;
    CK_RV rv;
};

static void *run_apart(void *context)
{
    struct apart *self = context;
    self->rv = self->call(self->app, self->session);
    return NULL;
}

CK_RV apart(session_call *call, struct kk_app *app, CK_SESSION_HANDLE session)
{
    struct apart self = {call, app, session, CKR_FUNCTION_FAILED};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_apart, &self), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return self.rv;
}
