/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Setting up and taking down.
 */
#include "world.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"

#define INPUTS_PER_TOKEN 2000u
#define OBJECTS_MAX 48u

CK_UTF8CHAR world_pin[4] = {'1', '2', '3', '4'};
CK_UTF8CHAR world_so_pin[8] = {'5', '6', '7', '8', '5', '6', '7', '8'};

static CK_BBOOL yes = CK_TRUE;
static CK_BBOOL no = CK_FALSE;

bool world_flag(const struct world *world, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                CK_ATTRIBUTE_TYPE type, CK_BBOOL absent)
{
    CK_BBOOL value = absent;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    CK_RV rv = kk_api_C_GetAttributeValue(world->app, session, object, &attribute, 1);
    return (rv == CKR_OK ? value : absent) != CK_FALSE;
}

void world_remember(struct world *world, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle)
{
    CK_KEY_TYPE type = CK_UNAVAILABLE_INFORMATION;
    CK_ATTRIBUTE attribute = {CKA_KEY_TYPE, &type, sizeof type};
    (void)kk_api_C_GetAttributeValue(world->app, session, handle, &attribute, 1);
    world->handles[world->handle_count % HANDLES] = handle;
    world->types[world->handle_count % HANDLES] = type;
    world->handle_count++;
}

static CK_SESSION_HANDLE open_session(struct kk_app *app, CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session = 0;
    FUZZ_CHECK(kk_api_C_OpenSession(app, slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                    &session) == CKR_OK);
    return session;
}

static CK_SLOT_ID first_slot(struct kk_app *app)
{
    CK_SLOT_ID slots[4];
    CK_ULONG count = 4;
    FUZZ_CHECK(kk_api_C_GetSlotList(app, CK_TRUE, NULL, &count) == CKR_OK && count <= 4);
    FUZZ_CHECK(kk_api_C_GetSlotList(app, CK_TRUE, slots, &count) == CKR_OK && count > 0);
    return slots[0];
}

/* Keys that no input can destroy. */
#define COMMON                                                                                     \
    {CKA_TOKEN, &yes, 1}, {CKA_DESTROYABLE, &no, 1}, {CKA_LABEL, (CK_UTF8CHAR *)"preset", 6}

static void make_secret(struct kk_app *app, CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type,
                        CK_ULONG len, CK_BBOOL extractable)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_BBOOL open = extractable;
    CK_ATTRIBUTE attributes[] = {
        COMMON,
        {CKA_VALUE_LEN, &len, sizeof len},
        {CKA_ENCRYPT, &yes, 1},
        {CKA_DECRYPT, &yes, 1},
        {CKA_SIGN, &yes, 1},
        {CKA_VERIFY, &yes, 1},
        {CKA_WRAP, &yes, 1},
        {CKA_UNWRAP, &yes, 1},
        {CKA_DERIVE, &yes, 1},
        {CKA_EXTRACTABLE, &open, 1},
    };
    CK_OBJECT_HANDLE key = 0;
    FUZZ_CHECK(kk_api_C_GenerateKey(app, session, &mechanism, attributes, KK_ARRAY_LEN(attributes),
                                    &key) == CKR_OK);
}

static void make_pair(struct kk_app *app, CK_SESSION_HANDLE session, CK_MECHANISM_TYPE type,
                      CK_ATTRIBUTE what)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    CK_ATTRIBUTE public_key[] = {COMMON, {CKA_VERIFY, &yes, 1}, {0}, {0}, {0}, {0}};
    CK_ATTRIBUTE private_key[] = {COMMON, {CKA_SIGN, &yes, 1}, {0}, {0}, {0}, {0}};
    size_t public_count = 4;
    size_t private_count = 4;
    public_key[public_count++] = what;
    if (type == CKM_RSA_PKCS_KEY_PAIR_GEN) {
        public_key[public_count++] = (CK_ATTRIBUTE){CKA_ENCRYPT, &yes, 1};
        public_key[public_count++] = (CK_ATTRIBUTE){CKA_WRAP, &yes, 1};
        private_key[private_count++] = (CK_ATTRIBUTE){CKA_DECRYPT, &yes, 1};
        private_key[private_count++] = (CK_ATTRIBUTE){CKA_UNWRAP, &yes, 1};
        private_key[private_count++] = (CK_ATTRIBUTE){CKA_EXTRACTABLE, &yes, 1};
    } else if (type == CKM_EC_KEY_PAIR_GEN || type == CKM_EC_MONTGOMERY_KEY_PAIR_GEN) {
        private_key[private_count++] = (CK_ATTRIBUTE){CKA_DERIVE, &yes, 1};
        private_key[private_count++] = (CK_ATTRIBUTE){CKA_ALWAYS_AUTHENTICATE, &yes, 1};
    }
    CK_OBJECT_HANDLE handles[2] = {0};
    FUZZ_CHECK(kk_api_C_GenerateKeyPair(app, session, &mechanism, public_key, public_count,
                                        private_key, private_count, &handles[0],
                                        &handles[1]) == CKR_OK);
}

static void make_keys(struct kk_app *app, CK_SESSION_HANDLE session)
{
    static uint8_t p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    static uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    static uint8_t x25519[] = {0x06, 0x03, 0x2b, 0x65, 0x6e};
    CK_ULONG bits = 1024;
    make_secret(app, session, CKM_AES_KEY_GEN, 16, CK_TRUE);
    make_secret(app, session, CKM_AES_KEY_GEN, 32, CK_FALSE);
    make_secret(app, session, CKM_CHACHA20_KEY_GEN, 32, CK_TRUE);
    make_secret(app, session, CKM_GENERIC_SECRET_KEY_GEN, 21, CK_TRUE);
    make_pair(app, session, CKM_RSA_PKCS_KEY_PAIR_GEN,
              (CK_ATTRIBUTE){CKA_MODULUS_BITS, &bits, sizeof bits});
    make_pair(app, session, CKM_EC_KEY_PAIR_GEN, (CK_ATTRIBUTE){CKA_EC_PARAMS, p256, sizeof p256});
    make_pair(app, session, CKM_EC_EDWARDS_KEY_PAIR_GEN,
              (CK_ATTRIBUTE){CKA_EC_PARAMS, ed25519, sizeof ed25519});
    make_pair(app, session, CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
              (CK_ATTRIBUTE){CKA_EC_PARAMS, x25519, sizeof x25519});
}

static void make_token(struct world *world)
{
    struct kk_config *config = NULL;
    CK_UTF8CHAR label[32];
    memset(label, ' ', sizeof label);
    kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
    FUZZ_CHECK(kk_config_new(&config) == CKR_OK);
    config->pin_kdf = KK_KDF_TEST;
    config->pin_max_tries = 0;
    config->cache_keys = 16; /* so that keys are pushed out */
    FUZZ_CHECK(kk_engine_new_on(config, &kk_store_memory, &world->engine) == CKR_OK);
    FUZZ_CHECK(kk_app_new(world->engine, &world->keeper) == CKR_OK);
    CK_SLOT_ID slot = first_slot(world->keeper);
    FUZZ_CHECK(kk_api_C_InitToken(world->keeper, slot, world_so_pin, sizeof world_so_pin, label) ==
               CKR_OK);
    CK_SESSION_HANDLE session = open_session(world->keeper, slot);
    FUZZ_CHECK(kk_api_C_Login(world->keeper, session, CKU_SO, world_so_pin, sizeof world_so_pin) ==
               CKR_OK);
    FUZZ_CHECK(kk_api_C_InitPIN(world->keeper, session, world_pin, sizeof world_pin) == CKR_OK);
    FUZZ_CHECK(kk_api_C_Logout(world->keeper, session) == CKR_OK);
    FUZZ_CHECK(kk_api_C_Login(world->keeper, session, CKU_USER, world_pin, sizeof world_pin) ==
               CKR_OK);
    make_keys(world->keeper, session);
}

static void drop_token(struct world *world)
{
    kk_app_free(world->keeper);
    kk_engine_free(world->engine);
    *world = (struct world){0};
}

static void find_all(struct world *world)
{
    CK_OBJECT_HANDLE handles[HANDLES];
    CK_ULONG count = 0;
    FUZZ_CHECK(kk_api_C_FindObjectsInit(world->app, world->sessions[0], NULL, 0) == CKR_OK);
    FUZZ_CHECK(kk_api_C_FindObjects(world->app, world->sessions[0], handles, HANDLES, &count) ==
               CKR_OK);
    FUZZ_CHECK(kk_api_C_FindObjectsFinal(world->app, world->sessions[0]) == CKR_OK);
    for (CK_ULONG i = 0; i < count; i++) {
        world_remember(world, world->sessions[0], handles[i]);
    }
    world->is_spent = world->is_spent || count > OBJECTS_MAX;
}

void world_begin(struct world *world)
{
    static unsigned int inputs;
    if (world->engine != NULL && (world->is_spent || ++inputs % INPUTS_PER_TOKEN == 0)) {
        drop_token(world);
    }
    if (world->engine == NULL) {
        make_token(world);
    }
    FUZZ_CHECK(kk_app_new(world->engine, &world->app) == CKR_OK);
    world->slot = first_slot(world->app);
    memset(world->sessions, 0, sizeof world->sessions);
    world->handle_count = 0;
    world->sessions[0] = open_session(world->app, world->slot);
    world->sessions[1] = open_session(world->app, world->slot);
    FUZZ_CHECK(kk_api_C_Login(world->app, world->sessions[0], CKU_USER, world_pin,
                              sizeof world_pin) == CKR_OK);
    find_all(world);
}

void world_end(struct world *world)
{
    kk_app_free(world->app);
    world->app = NULL;
}
