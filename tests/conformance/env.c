/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module under test and the runner's own token in it.
 *
 * Every chapter has a token of its own, found again by its label. Checks with a logged-in user
 * share a session, the keeper, that keeps the login alive from one check to the next; each check
 * still gets a session of its own, which dies with what was made in it.
 */
#include "env.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "functions.h"
#include "seen.h"

struct env env;

enum { MAX_SESSIONS = 64, MAX_SLOTS = 256 };

static struct {
    void *library;
    const char *chapter;
    char label[32];
    bool initialized;
    bool token_objects;
    bool volatile_tokens;     /* the module's tokens end with C_Finalize */
    CK_SESSION_HANDLE keeper; /* 0 while there is none */
    CK_SESSION_HANDLE open[MAX_SESSIONS];
    size_t open_count;
} state;

static CK_SLOT_ID slots[MAX_SLOTS];

/* ---- loading ---- */

symbol_fn env_symbol(const char *name)
{
    void *address = dlsym(state.library, name);
    symbol_fn function = NULL;
    memcpy(&function, &address, sizeof function);
    return function;
}

static void take_interfaces(void)
{
    CK_C_GetInterface get_interface = (CK_C_GetInterface)env_symbol("C_GetInterface");
    CK_INTERFACE_PTR interface = NULL;
    CK_UTF8CHAR name[] = "PKCS 11";
    if (get_interface == NULL)
        return;
    if (get_interface(name, &(CK_VERSION){3, 0}, &interface, 0) == CKR_OK && interface != NULL)
        env.list_3_0 = interface->pFunctionList;
    interface = NULL;
    if (get_interface(name, &(CK_VERSION){3, 2}, &interface, 0) == CKR_OK && interface != NULL)
        env.list_3_2 = interface->pFunctionList;
}

static void take_functions(void)
{
#define TAKE(name) env.functions.name = list->name;
    {
        CK_FUNCTION_LIST_PTR list = env.list_2_40;
        FUNCTIONS_2_40(TAKE)
    }
    if (env.list_3_0 != NULL) {
        CK_FUNCTION_LIST_3_0_PTR list = env.list_3_0;
        FUNCTIONS_2_40(TAKE)
        FUNCTIONS_3_0(TAKE)
    }
    if (env.list_3_2 != NULL) {
        CK_FUNCTION_LIST_3_2_PTR list = env.list_3_2;
        FUNCTIONS_2_40(TAKE)
        FUNCTIONS_3_0(TAKE)
        FUNCTIONS_3_2(TAKE)
    }
#undef TAKE
}

bool env_load(const char *path, char *error, size_t error_size)
{
    state.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (state.library == NULL) {
        snprintf(error, error_size, "%s", dlerror());
        return false;
    }
    CK_C_GetFunctionList get_list = (CK_C_GetFunctionList)env_symbol("C_GetFunctionList");
    if (get_list == NULL || get_list(&env.list_2_40) != CKR_OK || env.list_2_40 == NULL) {
        snprintf(error, error_size, "%s has no working C_GetFunctionList", path);
        return false;
    }
    take_interfaces();
    take_functions();
    seen_wrap(&env.functions);
    return true;
}

/* ---- the token ---- */

static void initialize(void)
{
    if (state.initialized)
        return;
    CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
    CK_RV rv = F->C_Initialize(&args);
    if (rv != CKR_OK && rv != CKR_CRYPTOKI_ALREADY_INITIALIZED)
        EXPECT_OK(rv);
    state.initialized = true;
    if (state.volatile_tokens)
        env_make_again();
}

static void finalize(void)
{
    F->C_Finalize(NULL);
    state.initialized = false;
}

static CK_ULONG list_slots(void)
{
    CK_ULONG count = 0;
    EXPECT_OK(F->C_GetSlotList(CK_TRUE, NULL, &count));
    count = MAX_SLOTS;
    EXPECT_OK(F->C_GetSlotList(CK_TRUE, slots, &count));
    return count;
}

static bool find_own_token(void)
{
    CK_ULONG count = list_slots();
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info = {0};
        if (F->C_GetTokenInfo(slots[i], &info) != CKR_OK)
            continue;
        if ((info.flags & CKF_TOKEN_INITIALIZED) != 0 &&
            memcmp(info.label, state.label, sizeof state.label) == 0) {
            env.slot = slots[i];
            return true;
        }
    }
    return false;
}

static bool find_free_slot(CK_SLOT_ID *ret_slot)
{
    CK_ULONG count = list_slots();
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info = {0};
        if (F->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            (info.flags & CKF_TOKEN_INITIALIZED) == 0) {
            *ret_slot = slots[i];
            return true;
        }
    }
    return false;
}

static void set_label(const char *chapter, unsigned number)
{
    char text[sizeof state.label + 1];
    snprintf(text, sizeof text, "conf %.20s %u", chapter, number);
    memset(state.label, ' ', sizeof state.label);
    memcpy(state.label, text, strlen(text));
}

static void set_user_pin(void)
{
    CK_SESSION_HANDLE session = 0;
    EXPECT_OK(
        F->C_OpenSession(env.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session));
    EXPECT_OK(F->C_Login(session, CKU_SO, PIN(SO_PIN)));
    EXPECT_OK(F->C_InitPIN(session, PIN(USER_PIN)));
    EXPECT_OK(F->C_Logout(session));
    EXPECT_OK(F->C_CloseSession(session));
}

/* Both PINs are as they should be. */
static bool token_is_sound(void)
{
    CK_SESSION_HANDLE session = 0;
    F->C_CloseAllSessions(env.slot);
    if (F->C_OpenSession(env.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session) !=
        CKR_OK)
        return false;
    bool sound = login_rv(session, CKU_SO, SO_PIN) == CKR_OK && F->C_Logout(session) == CKR_OK &&
                 login_rv(session, CKU_USER, USER_PIN) == CKR_OK;
    F->C_CloseAllSessions(env.slot);
    return sound;
}

static void init_token(void)
{
    CK_SLOT_ID slot = 0;
    if (!find_free_slot(&slot))
        check_fail(HERE, "no slot with an uninitialised token to make one of the runner's own");
    EXPECT_OK(F->C_InitToken(slot, PIN(SO_PIN), (CK_UTF8CHAR_PTR)state.label));
}

static void make_token(void)
{
    init_token();
    /* Some modules give the new token its slot at the next C_Initialize only; in others it is gone
     * then. */
    finalize();
    initialize();
    if (find_own_token()) {
        set_user_pin();
        return;
    }
    state.volatile_tokens = true;
    env_make_again();
}

bool env_tokens_stay(void)
{
    return !state.volatile_tokens;
}

void env_make_again(void)
{
    if (find_own_token())
        return;
    init_token();
    EXPECT_TRUE(find_own_token());
    set_user_pin();
}

void env_choose_token(const char *chapter)
{
    state.chapter = chapter;
    initialize();
    for (unsigned number = 0; number < 8; number++) {
        set_label(chapter, number);
        if (!find_own_token()) {
            make_token();
            return;
        }
        if (token_is_sound())
            return;
    }
    check_fail(HERE, "eight tokens were spoilt by the checks");
}

CK_TOKEN_INFO token_info(void)
{
    CK_TOKEN_INFO info = {0};
    EXPECT_OK(F->C_GetTokenInfo(env.slot, &info));
    return info;
}

CK_SLOT_ID require_free_slot(void)
{
    CK_SLOT_ID slot = 0;
    if (!find_free_slot(&slot))
        check_skip("no slot with an uninitialised token");
    return slot;
}

CK_SLOT_ID absent_slot(void)
{
    CK_SLOT_ID slot = 0x7ffffff1;
    CK_ULONG count = 0;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, NULL, &count));
    count = MAX_SLOTS;
    EXPECT_OK(F->C_GetSlotList(CK_FALSE, slots, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        if (slots[i] == slot) {
            slot++;
            i = (CK_ULONG)-1;
        }
    }
    return slot;
}

bool has_mechanism(CK_MECHANISM_TYPE type, CK_FLAGS flags)
{
    CK_MECHANISM_INFO info = {0};
    CK_RV rv = F->C_GetMechanismInfo(env.slot, type, &info);
    return rv == CKR_OK && (info.flags & flags) == flags;
}

void require_mechanism(CK_MECHANISM_TYPE type, CK_FLAGS flags)
{
    if (!has_mechanism(type, flags))
        check_skip("mechanism 0x%lx is not offered for this", type);
}

/* ---- sessions ---- */

CK_SESSION_HANDLE open_session(CK_FLAGS flags)
{
    CK_SESSION_HANDLE session = 0;
    EXPECT_OK(F->C_OpenSession(env.slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &session));
    EXPECT_TRUE(state.open_count < MAX_SESSIONS);
    state.open[state.open_count++] = session;
    return session;
}

CK_STATE session_state(CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info = {0};
    EXPECT_OK(F->C_GetSessionInfo(session, &info));
    return info.state;
}

CK_RV login_rv(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin)
{
    return F->C_Login(session, user, (CK_UTF8CHAR_PTR)pin, pin == NULL ? 0 : strlen(pin));
}

void login(CK_SESSION_HANDLE session, CK_USER_TYPE user)
{
    EXPECT_OK(login_rv(session, user, user == CKU_SO ? SO_PIN : USER_PIN));
}

void logout(CK_SESSION_HANDLE session)
{
    EXPECT_OK(F->C_Logout(session));
}

/* ---- fixtures ---- */

void env_reset(void)
{
    if (state.initialized)
        F->C_CloseAllSessions(env.slot);
    state.keeper = 0;
    state.open_count = 0;
    env.session = 0;
}

static bool keeper_is_sound(void)
{
    CK_SESSION_INFO info = {0};
    return state.keeper != 0 && F->C_GetSessionInfo(state.keeper, &info) == CKR_OK &&
           info.state == CKS_RW_USER_FUNCTIONS;
}

static void begin_user(void)
{
    if (!keeper_is_sound()) {
        env_reset();
        EXPECT_OK(F->C_OpenSession(env.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                   &state.keeper));
        login(state.keeper, CKU_USER);
    }
    env.session = open_session(CKF_RW_SESSION);
}

void env_begin(enum fixture fixture)
{
    if (fixture == FIX_LIBRARY) {
        env_reset();
        finalize();
        return;
    }
    initialize();
    if (fixture == FIX_USER) {
        begin_user();
        return;
    }
    env_reset();
    if (fixture == FIX_INITIALIZED)
        return;
    env.session = open_session(CKF_RW_SESSION);
    if (fixture == FIX_SO)
        login(env.session, CKU_SO);
}

static void close_tracked(void)
{
    for (size_t i = 0; i < state.open_count; i++)
        F->C_CloseSession(state.open[i]);
    state.open_count = 0;
    env.session = 0;
}

void token_objects_made(void)
{
    state.token_objects = true;
}

static void destroy_token_objects(void)
{
    CK_OBJECT_HANDLE found[64];
    CK_ULONG count = 0;
    CK_ATTRIBUTE token[] = {ATTR_B(CKA_TOKEN, CK_TRUE)};
    env_begin(FIX_USER);
    do {
        EXPECT_OK(F->C_FindObjectsInit(S, token, 1));
        EXPECT_OK(F->C_FindObjects(S, found, COUNT(found), &count));
        EXPECT_OK(F->C_FindObjectsFinal(S));
        for (CK_ULONG i = 0; i < count; i++)
            EXPECT_OK(F->C_DestroyObject(S, found[i]));
    } while (count == COUNT(found));
    state.token_objects = false;
    close_tracked();
}

void env_end(bool failed)
{
    if (!failed && keeper_is_sound())
        close_tracked();
    else
        env_reset();
    if (failed)
        env_choose_token(state.chapter);
    if (state.token_objects)
        destroy_token_objects();
}

/* ---- objects ---- */

static void note_token_object(struct template template)
{
    for (CK_ULONG i = 0; i < template.count; i++) {
        const CK_ATTRIBUTE *attribute = &template.attributes[i];
        if (attribute->type == CKA_TOKEN && attribute->pValue != NULL &&
            *(CK_BBOOL *)attribute->pValue != CK_FALSE)
            state.token_objects = true;
    }
}

CK_RV create_rv(struct template template, CK_OBJECT_HANDLE *ret_object)
{
    note_token_object(template);
    return F->C_CreateObject(S, template.attributes, template.count, ret_object);
}

CK_OBJECT_HANDLE create_object(const char *where, struct template template)
{
    CK_OBJECT_HANDLE object = 0;
    expect_rv(where, "C_CreateObject", create_rv(template, &object), (CK_RV[]){CKR_OK}, 1);
    expect_true(where, "C_CreateObject gave a handle", object != CK_INVALID_HANDLE);
    return object;
}

CK_RV generate_rv(CK_MECHANISM_TYPE type, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    note_token_object(template);
    return F->C_GenerateKey(S, MECHANISM(type), template.attributes, template.count, ret_key);
}

CK_OBJECT_HANDLE generate_key(const char *where, CK_MECHANISM_TYPE type, struct template template)
{
    CK_OBJECT_HANDLE key = 0;
    require_mechanism(type, CKF_GENERATE);
    expect_rv(where, "C_GenerateKey", generate_rv(type, template, &key), (CK_RV[]){CKR_OK}, 1);
    expect_true(where, "C_GenerateKey gave a handle", key != CK_INVALID_HANDLE);
    return key;
}

CK_RV generate_pair_rv(CK_MECHANISM_TYPE type, struct template public_template,
                       struct template private_template, CK_OBJECT_HANDLE *ret_public,
                       CK_OBJECT_HANDLE *ret_private)
{
    note_token_object(public_template);
    note_token_object(private_template);
    return F->C_GenerateKeyPair(S, MECHANISM(type), public_template.attributes,
                                public_template.count, private_template.attributes,
                                private_template.count, ret_public, ret_private);
}

CK_RV get_rv(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG *length)
{
    CK_ATTRIBUTE attribute = {type, value, *length};
    CK_RV rv = F->C_GetAttributeValue(S, object, &attribute, 1);
    *length = attribute.ulValueLen;
    return rv;
}

static void get_exactly(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG size)
{
    CK_ULONG length = size;
    CK_RV rv = get_rv(object, type, value, &length);
    if (rv != CKR_OK || length != size)
        check_fail(HERE, "reading attribute 0x%lx gave %s and length %ld", type, rv_name(rv),
                   (long)length);
}

CK_ULONG get_ulong(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;
    get_exactly(object, type, &value, sizeof value);
    return value;
}

CK_BBOOL get_bool(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    get_exactly(object, type, &value, sizeof value);
    return value;
}

CK_ULONG get_bytes(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG room)
{
    CK_ULONG length = room;
    CK_RV rv = get_rv(object, type, value, &length);
    if (rv != CKR_OK)
        check_fail(HERE, "reading attribute 0x%lx gave %s", type, rv_name(rv));
    return length;
}

void expect_secret(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BYTE value[1024];
    CK_ULONG length = sizeof value;
    EXPECT(get_rv(object, type, value, &length), CKR_ATTRIBUTE_SENSITIVE);
    EXPECT_EQUAL(length, CK_UNAVAILABLE_INFORMATION);
}

CK_RV set_rv(CK_OBJECT_HANDLE object, struct template template)
{
    return F->C_SetAttributeValue(S, object, template.attributes, template.count);
}

CK_RV copy_rv(CK_OBJECT_HANDLE object, struct template template, CK_OBJECT_HANDLE *ret_object)
{
    note_token_object(template);
    return F->C_CopyObject(S, object, template.attributes, template.count, ret_object);
}

CK_OBJECT_HANDLE copy_object(const char *where, CK_OBJECT_HANDLE object, struct template template)
{
    CK_OBJECT_HANDLE copy = 0;
    expect_rv(where, "C_CopyObject", copy_rv(object, template, &copy), (CK_RV[]){CKR_OK}, 1);
    expect_true(where, "C_CopyObject gave a new handle", copy != 0 && copy != object);
    return copy;
}

bool object_is_alive(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof class};
    CK_RV rv = F->C_GetAttributeValue(session, object, &attribute, 1);
    EXPECT_ANY(rv, CKR_OK, CKR_OBJECT_HANDLE_INVALID);
    return rv == CKR_OK;
}

CK_ULONG find_count(CK_SESSION_HANDLE session, struct template template)
{
    CK_OBJECT_HANDLE found[16];
    CK_ULONG count = 0, total = 0;
    EXPECT_OK(F->C_FindObjectsInit(session, template.attributes, template.count));
    do {
        EXPECT_OK(F->C_FindObjects(session, found, COUNT(found), &count));
        total += count;
    } while (count != 0 && total < 10000);
    EXPECT_OK(F->C_FindObjectsFinal(session));
    return total;
}

CK_OBJECT_HANDLE find_one(CK_SESSION_HANDLE session, struct template template)
{
    CK_OBJECT_HANDLE found[2] = {0};
    CK_ULONG count = 0;
    EXPECT_OK(F->C_FindObjectsInit(session, template.attributes, template.count));
    EXPECT_OK(F->C_FindObjects(session, found, 2, &count));
    EXPECT_OK(F->C_FindObjectsFinal(session));
    EXPECT_EQUAL(count, 1);
    return found[0];
}

void fill_bytes(CK_BYTE *bytes, size_t length, unsigned seed)
{
    unsigned long long x = seed * 2654435761ULL + 88172645463325252ULL;
    for (size_t i = 0; i < length; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        bytes[i] = (CK_BYTE)(x >> 24);
    }
}

CK_ULONG from_hex(const char *hex, CK_BYTE *bytes)
{
    CK_ULONG length = strlen(hex) / 2;
    for (CK_ULONG i = 0; i < length; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        bytes[i] = (CK_BYTE)byte;
    }
    return length;
}
