/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The world of the api tests.
 */
#include "support.h"

#include <string.h>

CK_BBOOL yes = CK_TRUE;
CK_BBOOL no = CK_FALSE;

CK_SESSION_HANDLE open_session(struct kk_app *app, CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session = 0;
    assert_ok(
        kk_api_C_OpenSession(app, slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    return session;
}

CK_RV login(struct kk_app *app, CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
    return kk_api_C_Login(app, session, user, (CK_UTF8CHAR *)(uintptr_t)pin, strlen(pin));
}

void world_open(struct world *world)
{
    struct kk_config *config = NULL;
    CK_UTF8CHAR label[32];
    memset(label, ' ', sizeof label);
    *world = (struct world){0};
    assert_ok(kk_config_new(&config));
    config->pin_kdf = KK_KDF_TEST;
    assert_ok(kk_engine_new_on(config, &kk_store_memory, &world->engine));
    assert_ok(kk_app_new(world->engine, &world->app));
    assert_ok(kk_api_C_InitToken(world->app, world->slot, (CK_UTF8CHAR *)"56785678", 8, label));
    world->session = open_session(world->app, world->slot);
    assert_ok(login(world->app, world->session, CKU_SO, "56785678"));
    assert_ok(kk_api_C_InitPIN(world->app, world->session, (CK_UTF8CHAR *)"1234", 4));
    assert_ok(kk_api_C_Logout(world->app, world->session));
    assert_ok(login(world->app, world->session, CKU_USER, "1234"));
}

void world_close(struct world *world)
{
    kk_app_free(world->app);
    kk_engine_free(world->engine);
}

CK_OBJECT_HANDLE make_aes(struct world *world, CK_BBOOL token)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
    CK_ULONG len = 16;
    CK_OBJECT_HANDLE key = 0;
    CK_ATTRIBUTE attributes[] = {
        {CKA_TOKEN, &token, 1},     {CKA_VALUE_LEN, &len, sizeof len},
        {CKA_SIGN, &yes, 1},        {CKA_VERIFY, &yes, 1},
        {CKA_ENCRYPT, &yes, 1},     {CKA_DECRYPT, &yes, 1},
        {CKA_WRAP, &yes, 1},        {CKA_UNWRAP, &yes, 1},
        {CKA_EXTRACTABLE, &yes, 1}, {CKA_SENSITIVE, &no, 1},
    };
    assert_ok(kk_api_C_GenerateKey(world->app, world->session, &mechanism, attributes,
                                   KK_ARRAY_LEN(attributes), &key));
    return key;
}

CK_RV sign_init(struct kk_app *app, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    CK_MECHANISM mechanism = {CKM_AES_CMAC, NULL, 0};
    return kk_api_C_SignInit(app, session, &mechanism, key);
}
