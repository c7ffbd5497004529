/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Clauses of the functions' chapters that the other chapters of this runner do not name: what keys
 * that make keys demand and what becomes of the new ones, PINs that are not given, parts of
 * messages, callbacks.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

enum { ROOM = 512 };

static CK_BYTE in[64] = "some text of sixteen blocks and more", out[ROOM], back[ROOM], iv[16],
               tag[16];
static CK_ULONG length;

/* ---- keys that make keys, and keys that wrap them ---- */

static CK_BYTE wrapped[ROOM], sealed[ROOM], ciphertext[ROOM];
static CK_ULONG wrapped_length, sealed_length, ciphertext_length;
static CK_ECDH1_DERIVE_PARAMS agreement_params, kem_params;
static CK_GCM_MESSAGE_PARAMS gcm;
static CK_MECHANISM key_wrap = {CKM_AES_KEY_WRAP, NULL, 0};
static CK_MECHANISM gcm_wrap = {CKM_AES_GCM, &gcm, sizeof gcm};
static CK_MECHANISM agreement = {CKM_ECDH1_DERIVE, &agreement_params, sizeof agreement_params};
static CK_MECHANISM kem = {CKM_ECDH1_DERIVE, &kem_params, sizeof kem_params};

static CK_OBJECT_HANDLE aes_with(struct template extra)
{
    return key_secret_with(HERE, CKK_AES, key_value(), 32, extra);
}

static CK_OBJECT_HANDLE private_with(struct template extra)
{
    return key_curve_private_with(HERE, &curves[P256], extra);
}

static CK_OBJECT_HANDLE public_with(struct template extra)
{
    return key_curve_public_with(HERE, &curves[P256], extra);
}

static CK_RV unwrap(CK_OBJECT_HANDLE key, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    return F->C_UnwrapKey(S, &key_wrap, key, wrapped, wrapped_length, template.attributes,
                          template.count, ret_key);
}

static CK_RV unwrap_authenticated(CK_OBJECT_HANDLE key, struct template template,
                                  CK_OBJECT_HANDLE *ret_key)
{
    REQUIRE_FUNCTION(C_UnwrapKeyAuthenticated);
    return F->C_UnwrapKeyAuthenticated(S, &gcm_wrap, key, sealed, sealed_length,
                                       template.attributes, template.count, in, 16, ret_key);
}

static CK_RV derive(CK_OBJECT_HANDLE key, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    return F->C_DeriveKey(S, &agreement, key, template.attributes, template.count, ret_key);
}

static CK_RV encapsulate(CK_OBJECT_HANDLE key, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    REQUIRE_FUNCTION(C_EncapsulateKey);
    length = sizeof out;
    return F->C_EncapsulateKey(S, &kem, key, template.attributes, template.count, out, &length,
                               ret_key);
}

static CK_RV decapsulate(CK_OBJECT_HANDLE key, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    REQUIRE_FUNCTION(C_DecapsulateKey);
    return F->C_DecapsulateKey(S, &kem, key, template.attributes, template.count, ciphertext,
                               ciphertext_length, ret_key);
}

/* The key that is wrapped is made of the template. */
static CK_RV wrap_with(CK_OBJECT_HANDLE key, struct template template, bool is_authenticated)
{
    CK_OBJECT_HANDLE target = key_secret_with(HERE, CKK_AES, key_value(), 16, template);
    length = sizeof out;
    if (!is_authenticated)
        return F->C_WrapKey(S, &key_wrap, key, target, out, &length);
    REQUIRE_FUNCTION(C_WrapKeyAuthenticated);
    return F->C_WrapKeyAuthenticated(S, &gcm_wrap, key, target, in, 16, out, &length);
}

static CK_RV wrap(CK_OBJECT_HANDLE key, struct template template, CK_OBJECT_HANDLE *ret_key)
{
    (void)ret_key;
    return wrap_with(key, template, false);
}

static CK_RV wrap_authenticated(CK_OBJECT_HANDLE key, struct template template,
                                CK_OBJECT_HANDLE *ret_key)
{
    (void)ret_key;
    return wrap_with(key, template, true);
}

struct user {
    const char *name;
    CK_OBJECT_HANDLE (*key)(struct template extra);
    CK_RV (*use)(CK_OBJECT_HANDLE key, struct template template, CK_OBJECT_HANDLE *ret_key);
    CK_ATTRIBUTE_TYPE usage;
    CK_ATTRIBUTE_TYPE demands; /* the template that binds the other key */
    CK_RV conflict;            /* when it does not fit */
};

/* clang-format off */
static const struct user makers[] = {
    {"C_UnwrapKey", aes_with, unwrap, CKA_UNWRAP, CKA_UNWRAP_TEMPLATE, CKR_TEMPLATE_INCONSISTENT},
    {"C_UnwrapKeyAuthenticated", aes_with, unwrap_authenticated, CKA_UNWRAP, CKA_UNWRAP_TEMPLATE, CKR_TEMPLATE_INCONSISTENT},
    {"C_EncapsulateKey", public_with, encapsulate, CKA_ENCAPSULATE, CKA_ENCAPSULATE_TEMPLATE, CKR_KEY_HANDLE_INVALID},
    {"C_DecapsulateKey", private_with, decapsulate, CKA_DECAPSULATE, CKA_DECAPSULATE_TEMPLATE, CKR_TEMPLATE_INCONSISTENT},
};

static const struct user derivers[] = {
    {"C_DeriveKey", private_with, derive, CKA_DERIVE, CKA_DERIVE_TEMPLATE, CKR_TEMPLATE_INCONSISTENT},
};

static const struct user wrappers[] = {
    {"C_WrapKey", aes_with, wrap, CKA_WRAP, CKA_WRAP_TEMPLATE, CKR_KEY_HANDLE_INVALID},
    {"C_WrapKeyAuthenticated", aes_with, wrap_authenticated, CKA_WRAP, CKA_WRAP_TEMPLATE, CKR_KEY_HANDLE_INVALID},
};
/* clang-format on */

#define NEW_AES ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_AES)
#define OF_LENGTH ATTR_U(CKA_VALUE_LEN, 16)

static bool takes_length(const struct user *user)
{
    return user->use != unwrap && user->use != unwrap_authenticated;
}

/* What there is to unwrap and decapsulate. */
static void prepare(const struct user *user)
{
    if ((user->use == encapsulate || user->use == decapsulate) && F->C_EncapsulateKey == NULL)
        check_skip("%s is not in any function list", user->name);
    CK_OBJECT_HANDLE key = aes_with(TEMPLATE(ANY_LABEL)), made = 0;
    CK_OBJECT_HANDLE target = key_aes(16, ANY_LABEL);
    require_mechanism(CKM_AES_KEY_WRAP, CKF_WRAP | CKF_UNWRAP);
    require_mechanism(CKM_ECDH1_DERIVE, CKF_DERIVE);
    agreement_params = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, curves[P256].public_length,
                                                (CK_BYTE_PTR)curves[P256].public};
    kem_params = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, 0, NULL};
    gcm = (CK_GCM_MESSAGE_PARAMS){iv, 12, 0, CKG_NO_GENERATE, tag, 128};
    wrapped_length = sealed_length = ciphertext_length = ROOM;
    EXPECT_OK(F->C_WrapKey(S, &key_wrap, key, target, wrapped, &wrapped_length));
    if (F->C_WrapKeyAuthenticated != NULL)
        EXPECT_OK(
            F->C_WrapKeyAuthenticated(S, &gcm_wrap, key, target, in, 16, sealed, &sealed_length));
    if (F->C_EncapsulateKey == NULL)
        return;
    struct template template = TEMPLATE(NEW_AES, OF_LENGTH);
    CK_OBJECT_HANDLE public = public_with(TEMPLATE(ATTR_B(CKA_ENCAPSULATE, CK_TRUE)));
    EXPECT_OK(F->C_EncapsulateKey(S, &kem, public, template.attributes, template.count, ciphertext,
                                  &ciphertext_length, &made));
}

/* A new AES key with that label. */
static CK_RV use_labelled(const struct user *user, CK_OBJECT_HANDLE key, const char *label,
                          CK_OBJECT_HANDLE *ret_key)
{
    CK_ATTRIBUTE all[] = {ATTR_X(CKA_LABEL, label, strlen(label)), NEW_AES, OF_LENGTH};
    CK_ULONG count = COUNT(all);
    if (user->use == wrap || user->use == wrap_authenticated)
        count = 1;
    else if (!takes_length(user))
        count--;
    return user->use(key, (struct template){all, count}, ret_key);
}

static void usage(const void *argument)
{
    const struct user *user = argument;
    CK_OBJECT_HANDLE made = 0;
    prepare(user);
    CK_OBJECT_HANDLE good = user->key(TEMPLATE(ATTR_B(user->usage, CK_TRUE)));
    EXPECT_OK(use_labelled(user, good, "any", &made));
    CK_OBJECT_HANDLE bad = user->key(TEMPLATE(ATTR_B(user->usage, CK_FALSE)));
    EXPECT(use_labelled(user, bad, "any", &made), CKR_KEY_FUNCTION_NOT_PERMITTED);
}

static void demands(const void *argument)
{
    const struct user *user = argument;
    CK_ATTRIBUTE inner[] = {ATTR_S(CKA_LABEL, "bound")};
    CK_OBJECT_HANDLE made = 0;
    prepare(user);
    CK_OBJECT_HANDLE key = user->key(
        TEMPLATE(ATTR_B(user->usage, CK_TRUE), ATTR_X(user->demands, inner, sizeof inner)));
    EXPECT_OK(use_labelled(user, key, "bound", &made));
    EXPECT(use_labelled(user, key, "another", &made), user->conflict);
}

static void expect_new_id(CK_OBJECT_HANDLE one, CK_OBJECT_HANDLE other)
{
    CK_BYTE first[128], second[128];
    if (env.list_3_0 == NULL)
        return; /* it came with 3.0 */
    CK_ULONG first_length = get_bytes(one, CKA_UNIQUE_ID, first, sizeof first);
    CK_ULONG second_length = get_bytes(other, CKA_UNIQUE_ID, second, sizeof second);
    EXPECT_TRUE(first_length > 0);
    EXPECT_TRUE(first_length != second_length || memcmp(first, second, first_length) != 0);
}

/* Keys that come from elsewhere have no history, whatever they are now. */
static void history(const void *argument)
{
    const struct user *user = argument;
    CK_ATTRIBUTE hidden[] = {ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE),
                             NEW_AES, OF_LENGTH};
    CK_ULONG count = takes_length(user) ? COUNT(hidden) : COUNT(hidden) - 1;
    CK_OBJECT_HANDLE one = 0, other = 0;
    prepare(user);
    CK_OBJECT_HANDLE key = user->key(TEMPLATE(ATTR_B(user->usage, CK_TRUE)));
    EXPECT_OK(use_labelled(user, key, "any", &one));
    EXPECT_EQUAL(get_bool(one, CKA_EXTRACTABLE), CK_TRUE);
    EXPECT_EQUAL(get_bool(one, CKA_LOCAL), CK_FALSE);
    EXPECT_OK(user->use(key, (struct template){hidden, count}, &other));
    EXPECT_EQUAL(get_bool(other, CKA_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(other, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(other, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(other, CKA_LOCAL), CK_FALSE);
    expect_new_id(one, other);
}

/* The base key was imported: no derived key has always been a secret. */
static void derived_history(const void *argument)
{
    const struct user *user = argument;
    CK_ATTRIBUTE hidden[] = {NEW_AES, OF_LENGTH, ATTR_B(CKA_SENSITIVE, CK_TRUE),
                             ATTR_B(CKA_EXTRACTABLE, CK_FALSE)};
    CK_OBJECT_HANDLE one = 0, other = 0;
    prepare(user);
    CK_OBJECT_HANDLE key = user->key(TEMPLATE(ANY_LABEL));
    EXPECT_OK(use_labelled(user, key, "any", &one));
    EXPECT_OK(user->use(key, (struct template){hidden, COUNT(hidden)}, &other));
    EXPECT_EQUAL(get_bool(other, CKA_SENSITIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(other, CKA_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(other, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(other, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(other, CKA_LOCAL), CK_FALSE);
    expect_new_id(one, other);
}

static void may_not_leave(const void *argument)
{
    const struct user *user = argument;
    CK_OBJECT_HANDLE made = 0, key = aes_with(TEMPLATE(ANY_LABEL));
    prepare(user);
    EXPECT(user->use(key, TEMPLATE(ATTR_B(CKA_EXTRACTABLE, CK_FALSE)), &made),
           CKR_KEY_UNEXTRACTABLE);
    EXPECT(user->use(key, TEMPLATE(ATTR_B(CKA_WRAP_WITH_TRUSTED, CK_TRUE)), &made),
           CKR_KEY_NOT_WRAPPABLE);
}

/* ---- keys that are generated ---- */

static void generated_class(void)
{
    CK_ULONG bits = 1024;
    CK_OBJECT_HANDLE one = GENERATE(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 16));
    CK_OBJECT_HANDLE other =
        GENERATE(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 16), ATTR_U(CKA_CLASS, CKO_SECRET_KEY));
    EXPECT_EQUAL(get_ulong(one, CKA_CLASS), CKO_SECRET_KEY);
    expect_new_id(one, other);
    EXPECT(GENERATE_RV(CKM_AES_KEY_GEN, ATTR_U(CKA_VALUE_LEN, 16), ATTR_U(CKA_CLASS, CKO_DATA)),
           CKR_TEMPLATE_INCONSISTENT);
    require_mechanism(CKM_DSA_PARAMETER_GEN, CKF_GENERATE);
    CK_OBJECT_HANDLE group = GENERATE(CKM_DSA_PARAMETER_GEN, {CKA_PRIME_BITS, &bits, sizeof bits});
    EXPECT_EQUAL(get_ulong(group, CKA_CLASS), CKO_DOMAIN_PARAMETERS);
}

static void generated_pair_class(void)
{
    const struct curve *curve = &curves[P256];
    CK_OBJECT_HANDLE keys[2] = {0};
    CK_ATTRIBUTE params = ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length);
    require_mechanism(CKM_EC_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    EXPECT_OK(generate_pair_rv(CKM_EC_KEY_PAIR_GEN, TEMPLATE(params), TEMPLATE(ANY_LABEL), &keys[0],
                               &keys[1]));
    EXPECT_EQUAL(get_ulong(keys[0], CKA_CLASS), CKO_PUBLIC_KEY);
    EXPECT_EQUAL(get_ulong(keys[1], CKA_CLASS), CKO_PRIVATE_KEY);
    expect_new_id(keys[0], keys[1]);
    EXPECT(generate_pair_rv(CKM_EC_KEY_PAIR_GEN, TEMPLATE(params),
                            TEMPLATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY)), &keys[0], &keys[1]),
           CKR_TEMPLATE_INCONSISTENT);
}

static void created_history(void)
{
    CK_OBJECT_HANDLE one =
        key_aes(16, ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE));
    CK_OBJECT_HANDLE other = key_aes(16, ANY_LABEL);
    EXPECT_EQUAL(get_bool(one, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(one, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(one, CKA_LOCAL), CK_FALSE);
    expect_new_id(one, other);
}

static void copied_place(void)
{
    CK_OBJECT_HANDLE object = CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_B(CKA_PRIVATE, CK_FALSE));
    CK_OBJECT_HANDLE copy = COPY(object, ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_B(CKA_PRIVATE, CK_TRUE));
    EXPECT_EQUAL(get_bool(object, CKA_TOKEN), CK_FALSE);
    EXPECT_EQUAL(get_bool(object, CKA_PRIVATE), CK_FALSE);
    EXPECT_EQUAL(get_bool(copy, CKA_TOKEN), CK_TRUE);
    EXPECT_EQUAL(get_bool(copy, CKA_PRIVATE), CK_TRUE);
}

/* Three rounds: how large the array is, how large its elements are, their values. */
static void array_attribute(void)
{
    CK_BYTE label[16];
    CK_ATTRIBUTE inner[] = {ATTR_S(CKA_LABEL, "bound"), ATTR_U(CKA_KEY_TYPE, CKK_AES)};
    CK_ATTRIBUTE got[2] = {{0}};
    CK_OBJECT_HANDLE key = aes_with(TEMPLATE(ATTR_X(CKA_WRAP_TEMPLATE, inner, sizeof inner)));
    EXPECT_TRUE((CKA_WRAP_TEMPLATE & CKF_ARRAY_ATTRIBUTE) != 0);
    length = 0;
    EXPECT_OK(get_rv(key, CKA_WRAP_TEMPLATE, NULL, &length));
    EXPECT_EQUAL(length, sizeof got);
    EXPECT_OK(get_rv(key, CKA_WRAP_TEMPLATE, got, &length));
    CK_ATTRIBUTE *text = got[0].type == CKA_LABEL ? &got[0] : &got[1];
    EXPECT_EQUAL(text->type, CKA_LABEL);
    EXPECT_EQUAL(text->ulValueLen, 5);
    text->pValue = label;
    length = sizeof got;
    EXPECT_OK(get_rv(key, CKA_WRAP_TEMPLATE, got, &length));
    EXPECT_BYTES(label, text->ulValueLen, (const CK_BYTE *)"bound", 5);
}

/* ---- PINs and users ---- */

static void no_pin(void)
{
    CK_UTF8CHAR label[32];
    memset(label, ' ', sizeof label);
    if ((token_info().flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
        check_skip("the token has a protected authentication path");
    EXPECT(F->C_InitToken(require_free_slot(), NULL, 0, label), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_InitPIN(S, NULL, 0), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_SetPIN(S, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
    logout(S);
    EXPECT(F->C_Login(S, CKU_USER, NULL, 0), CKR_ARGUMENTS_BAD);
    if (F->C_LoginUser != NULL)
        EXPECT(F->C_LoginUser(S, CKU_USER, NULL, 0, NULL, 0), CKR_ARGUMENTS_BAD);
}

static void users_and_states(void)
{
    login(S, CKU_USER);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
    EXPECT_EQUAL(session_state(open_session(0)), CKS_RO_USER_FUNCTIONS);
    F->C_CloseAllSessions(env.slot);
    env.session = open_session(CKF_RW_SESSION);
    login(S, CKU_SO);
    EXPECT_EQUAL(session_state(S), CKS_RW_SO_FUNCTIONS);
}

/* Nobody is logged in: it is the user's PIN that changes. */
static void public_set_pin(void)
{
    EXPECT_OK(F->C_SetPIN(S, PIN(USER_PIN), PIN("another user PIN")));
    CK_RV old = login_rv(S, CKU_USER, USER_PIN);
    CK_RV new = login_rv(S, CKU_USER, "another user PIN");
    EXPECT_OK(F->C_SetPIN(S, PIN("another user PIN"), PIN(USER_PIN)));
    EXPECT(old, CKR_PIN_INCORRECT);
    EXPECT_OK(new);
    logout(S);
    login(S, CKU_SO);
}

static void context_by_name(void)
{
    CK_OBJECT_HANDLE key = key_rsa_private(ATTR_B(CKA_ALWAYS_AUTHENTICATE, CK_TRUE));
    REQUIRE_FUNCTION(C_LoginUser);
    require_mechanism(CKM_SHA256_RSA_PKCS, CKF_SIGN);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    EXPECT_OK(F->C_LoginUser(S, CKU_CONTEXT_SPECIFIC, PIN(USER_PIN), NULL, 0));
    length = sizeof out;
    EXPECT_OK(F->C_Sign(S, in, sizeof in, out, &length));
    length = sizeof out;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_SHA256_RSA_PKCS), key));
    EXPECT(F->C_Sign(S, in, sizeof in, out, &length), CKR_USER_NOT_LOGGED_IN);
}

/* ---- asynchronous sessions ---- */

static CK_RV start_pair(CK_SESSION_HANDLE session, CK_BBOOL token)
{
    static CK_OBJECT_HANDLE keys[2];
    CK_ATTRIBUTE public_template[] = {ATTR_U(CKA_MODULUS_BITS, 2048), ATTR_B(CKA_TOKEN, token),
                                      ATTR_S(CKA_LABEL, "pending")};
    CK_ATTRIBUTE private_template[] = {ATTR_B(CKA_TOKEN, token), ATTR_S(CKA_LABEL, "pending")};
    require_mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    return F->C_GenerateKeyPair(session, MECHANISM(CKM_RSA_PKCS_KEY_PAIR_GEN), public_template,
                                COUNT(public_template), private_template, COUNT(private_template),
                                &keys[0], &keys[1]);
}

static void only_asynchronous(void)
{
    EXPECT_OK(start_pair(S, CK_FALSE));
    if ((token_info().flags & CKF_ASYNC_SESSION_SUPPORTED) == 0)
        check_skip("the token has no asynchronous sessions");
    CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION | CKF_ASYNC_SESSION);
    EXPECT_ANY(start_pair(session, CK_FALSE), CKR_OK, CKR_PENDING);
}

static void close_all_cancels(void)
{
    CK_ASYNC_DATA result = {0};
    if ((token_info().flags & CKF_ASYNC_SESSION_SUPPORTED) == 0)
        check_skip("the token has no asynchronous sessions");
    CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION | CKF_ASYNC_SESSION);
    token_objects_made();
    CK_RV rv = start_pair(session, CK_TRUE);
    if (rv == CKR_OK)
        check_skip("the token answers at once");
    EXPECT(rv, CKR_PENDING);
    EXPECT_OK(F->C_CloseAllSessions(env.slot));
    EXPECT(F->C_AsyncComplete(session, (CK_UTF8CHAR_PTR) "C_GenerateKeyPair", &result),
           CKR_SESSION_HANDLE_INVALID);
    env.session = open_session(CKF_RW_SESSION);
    login(S, CKU_USER);
    EXPECT_EQUAL(FIND_COUNT(S, ATTR_S(CKA_LABEL, "pending")), 0);
}

/* ---- saved states ---- */

static void state_of_session(void)
{
    CK_BYTE state[4096];
    length = sizeof state;
    CK_SESSION_HANDLE other = open_session(CKF_RW_SESSION);
    EXPECT_EQUAL(session_state(S), CKS_RW_USER_FUNCTIONS);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_DigestUpdate(S, in, 20));
    CK_RV rv = F->C_GetOperationState(S, state, &length);
    if (rv == CKR_STATE_UNSAVEABLE)
        check_skip("the state of this operation cannot be saved");
    EXPECT_OK(rv);
    EXPECT_EQUAL(session_state(other), CKS_RW_USER_FUNCTIONS);
    EXPECT_OK(F->C_SetOperationState(other, state, length, 0, 0));
    EXPECT_OK(F->C_DigestUpdate(other, in + 20, 20));
    CK_ULONG got = sizeof out;
    EXPECT_OK(F->C_DigestFinal(other, out, &got));
    EXPECT_BYTES(out, got, back, ossl_digest("SHA2-256", in, 40, back));
}

/* ---- messages ---- */

static void start_message(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    REQUIRE_FUNCTION(C_MessageEncryptInit);
    require_mechanism(CKM_AES_GCM, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT);
    gcm = (CK_GCM_MESSAGE_PARAMS){iv, 12, 0, CKG_NO_GENERATE, tag, 128};
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_GCM), key));
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_GCM), key));
}

static CK_RV next(CK_ULONG from, CK_ULONG to, CK_FLAGS flags)
{
    CK_ULONG room = ROOM - from;
    return F->C_EncryptMessageNext(S, &gcm, sizeof gcm, in + from, to - from, out + from, &room,
                                   flags);
}

/* What comes back goes behind what came before: a token may keep parts until the tag is checked. */
static CK_ULONG came_back;

static CK_RV next_back(CK_ULONG from, CK_ULONG to, CK_FLAGS flags)
{
    CK_ULONG room = ROOM - came_back;
    CK_RV rv = F->C_DecryptMessageNext(S, &gcm, sizeof gcm, out + from, to - from, back + came_back,
                                       &room, flags);
    came_back += rv == CKR_OK ? room : 0;
    return rv;
}

static void end_of_message(void)
{
    start_message();
    EXPECT_OK(F->C_EncryptMessageBegin(S, &gcm, sizeof gcm, NULL, 0));
    EXPECT_OK(next(0, 16, 0));
    EXPECT_OK(next(16, 32, 0));
    EXPECT_OK(next(32, 48, CKF_END_OF_MESSAGE));
    EXPECT(next(48, 64, CKF_END_OF_MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
    came_back = 0;
    EXPECT_OK(F->C_DecryptMessageBegin(S, &gcm, sizeof gcm, NULL, 0));
    EXPECT_OK(next_back(0, 16, 0));
    EXPECT_OK(next_back(16, 32, 0));
    EXPECT_OK(next_back(32, 48, CKF_END_OF_MESSAGE));
    EXPECT_BYTES(back, came_back, in, 48);
    EXPECT(next_back(0, 16, CKF_END_OF_MESSAGE), CKR_OPERATION_NOT_INITIALIZED);
}

static void message_part_too_small(void)
{
    CK_ULONG room = 15;
    start_message();
    EXPECT_OK(F->C_EncryptMessageBegin(S, &gcm, sizeof gcm, NULL, 0));
    EXPECT(F->C_EncryptMessageNext(S, &gcm, sizeof gcm, in, 16, out, &room, CKF_END_OF_MESSAGE),
           CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(room, 16);
    EXPECT_OK(next(0, 16, CKF_END_OF_MESSAGE));
}

/* CCM says in advance how long the data is. */
static void message_length(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    CK_CCM_MESSAGE_PARAMS ccm = {16, iv, 13, 0, CKG_NO_GENERATE, tag, 16};
    REQUIRE_FUNCTION(C_MessageEncryptInit);
    require_mechanism(CKM_AES_CCM, CKF_MESSAGE_ENCRYPT | CKF_MESSAGE_DECRYPT);
    EXPECT_OK(F->C_MessageEncryptInit(S, MECHANISM(CKM_AES_CCM), key));
    EXPECT_OK(F->C_MessageDecryptInit(S, MECHANISM(CKM_AES_CCM), key));
    length = sizeof out;
    EXPECT_ANY(F->C_EncryptMessage(S, &ccm, sizeof ccm, NULL, 0, in, 17, out, &length),
               CKR_DATA_LEN_RANGE, CKR_MECHANISM_PARAM_INVALID);
    EXPECT_ANY(F->C_DecryptMessage(S, &ccm, sizeof ccm, NULL, 0, in, 17, out, &length),
               CKR_ENCRYPTED_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_INVALID,
               CKR_MECHANISM_PARAM_INVALID);
}

static void signature_too_small(void)
{
    REQUIRE_FUNCTION(C_MessageSignInit);
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_SHA256_HMAC), key_hmac(32, CK_TRUE)));
    length = 31;
    EXPECT(F->C_SignMessage(S, NULL, 0, in, 16, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, 32);
    EXPECT_OK(F->C_SignMessage(S, NULL, 0, in, 16, out, &length));
    EXPECT_OK(F->C_SignMessageBegin(S, NULL, 0));
    length = 31;
    EXPECT(F->C_SignMessageNext(S, NULL, 0, in, 16, back, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, 32);
    EXPECT_OK(F->C_SignMessageNext(S, NULL, 0, in, 16, back, &length));
    EXPECT_BYTES(back, length, out, 32);
}

static void digest_too_small(void)
{
    require_mechanism(CKM_SHA256, CKF_DIGEST);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    length = 31;
    EXPECT(F->C_Digest(S, in, 16, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, 32);
    EXPECT_OK(F->C_Digest(S, in, 16, out, &length));
    EXPECT_BYTES(out, length, back, ossl_digest("SHA2-256", in, 16, back));
}

static void bad_padding(void)
{
    CK_OBJECT_HANDLE key = key_aes(16, ANY_LABEL);
    require_mechanism(CKM_AES_CBC_PAD, CKF_DECRYPT);
    EXPECT_OK(F->C_EncryptInit(S, MECHANISM_X(CKM_AES_CBC, iv, 16), key));
    length = sizeof out;
    EXPECT_OK(F->C_Encrypt(S, in, 32, out, &length));
    EXPECT_OK(F->C_DecryptInit(S, MECHANISM_X(CKM_AES_CBC_PAD, iv, 16), key));
    CK_ULONG room = sizeof back;
    EXPECT_OK(F->C_DecryptUpdate(S, out, length, back, &room));
    room = sizeof back;
    EXPECT(F->C_DecryptFinal(S, back, &room), CKR_ENCRYPTED_DATA_INVALID);
    EXPECT(F->C_DecryptFinal(S, back, &room), CKR_OPERATION_NOT_INITIALIZED);
}

/* ---- callbacks ---- */

static bool wrong_event;

static CK_RV notified(CK_SESSION_HANDLE session, CK_NOTIFICATION event, CK_VOID_PTR application)
{
    wrong_event = wrong_event || session == CK_INVALID_HANDLE || application != &wrong_event ||
                  (event != CKN_SURRENDER && event != CKN_OTP_CHANGED);
    return CKR_OK;
}

/* What the library calls, if it calls anything: nothing beside the events of the text. */
static void callback(void)
{
    CK_SESSION_HANDLE session = 0;
    wrong_event = false;
    EXPECT_OK(F->C_OpenSession(env.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, &wrong_event,
                               notified, &session));
    EXPECT_OK(start_pair(session, CK_FALSE));
    EXPECT_OK(F->C_CloseSession(session));
    EXPECT_TRUE(!wrong_event);
}

/* clang-format off */
#define NO_HISTORY "CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE and CKA_LOCAL are CK_FALSE, CKA_EXTRACTABLE is CK_TRUE by default, CKA_UNIQUE_ID is new"

static const struct check usage_checks[] = {
    CHECK_ROW(FIX_USER, usage, "CKR_KEY_FUNCTION_NOT_PERMITTED", "CKA_WRAP, CKA_UNWRAP, CKA_DERIVE, CKA_ENCAPSULATE or CKA_DECAPSULATE of the key must be CK_TRUE"),
};
static const struct check maker_checks[] = {
    CHECK_ROW(FIX_USER, history, "Creating objects", NO_HISTORY),
};
static const struct check deriver_checks[] = {
    CHECK_ROW(FIX_USER, derived_history, "C_DeriveKey", "CKA_SENSITIVE and CKA_EXTRACTABLE as asked for; CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE of the base key; CKA_LOCAL, CKA_UNIQUE_ID"),
    CHECK_ROW(FIX_USER, demands, "C_DeriveKey", "CKR_TEMPLATE_INCONSISTENT for a conflict with CKA_DERIVE_TEMPLATE"),
};
static const struct check wrapper_checks[] = {
    CHECK_ROW(FIX_USER, demands, "CKA_WRAP_TEMPLATE", "CKR_KEY_HANDLE_INVALID for a key that does not match"),
    CHECK_ROW(FIX_USER, may_not_leave, "CKR_KEY_NOT_WRAPPABLE", "CKA_EXTRACTABLE must be CK_TRUE, else CKR_KEY_UNEXTRACTABLE; CKA_WRAP_WITH_TRUSTED"),
};
static const struct check unwrap_check = CHECK_ROW(FIX_USER, demands, "CKA_UNWRAP_TEMPLATE", "CKR_TEMPLATE_INCONSISTENT for a conflict");
static const struct check encapsulate_check = CHECK_ROW(FIX_USER, demands, "CKA_ENCAPSULATE_TEMPLATE", "CKR_KEY_HANDLE_INVALID for a key that does not match");
static const struct check decapsulate_check = CHECK_ROW(FIX_USER, demands, "CKA_DECAPSULATE_TEMPLATE", "CKR_TEMPLATE_INCONSISTENT for a conflict");

static const struct check checks[] = {
    CHECK(FIX_USER, generated_class, "C_GenerateKey", "CKA_CLASS is CKO_SECRET_KEY or CKO_DOMAIN_PARAMETERS, another one is inconsistent; a new CKA_UNIQUE_ID"),
    CHECK(FIX_USER, generated_pair_class, "C_GenerateKeyPair", "CKA_CLASS follows, another one is inconsistent; both keys have a new CKA_UNIQUE_ID"),
    CHECK(FIX_USER, created_history, "C_CreateObject", "CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE and CKA_LOCAL are CK_FALSE, CKA_UNIQUE_ID is new"),
    CHECK(FIX_USER, copied_place, "C_CopyObject", "the copy may have another CKA_TOKEN and CKA_PRIVATE"),
    CHECK(FIX_USER, array_attribute, "C_GetAttributeValue", "CKA_WRAP_TEMPLATE, with CKF_ARRAY_ATTRIBUTE: its size, those of its elements, their values"),
    CHECK(FIX_SO, no_pin, "C_InitPIN", "no CKF_PROTECTED_AUTHENTICATION_PATH: a NULL PIN is CKR_ARGUMENTS_BAD; C_InitToken, C_SetPIN, C_Login, C_LoginUser"),
    CHECK(FIX_PUBLIC, users_and_states, "C_Login", "CKU_USER enters the user functions, CKU_SO the SO's"),
    CHECK(FIX_PUBLIC, public_set_pin, "C_SetPIN", "changes the PIN of CKU_USER when nobody is logged in"),
    CHECK(FIX_USER, context_by_name, "C_LoginUser", "CKU_CONTEXT_SPECIFIC for a key with CKA_ALWAYS_AUTHENTICATE, once, with the PIN of CKU_USER"),
    CHECK(FIX_USER, only_asynchronous, "C_OpenSession", "without CKF_ASYNC_SESSION no call returns CKR_PENDING"),
    CHECK(FIX_USER, close_all_cancels, "C_CloseAllSessions", "what is CKR_PENDING is cancelled"),
    CHECK(FIX_USER, state_of_session, "C_SetOperationState", "another session that is in CKS_RW_USER_FUNCTIONS too takes the state"),
    CHECK(FIX_USER, end_of_message, "C_EncryptMessageNext", "CKF_END_OF_MESSAGE ends what C_EncryptMessageBegin began; C_DecryptMessageBegin, C_DecryptMessageNext"),
    CHECK(FIX_USER, message_part_too_small, "C_EncryptMessageNext", "CKR_BUFFER_TOO_SMALL, and the message goes on"),
    CHECK(FIX_USER, message_length, "C_EncryptMessage", "CKR_DATA_LEN_RANGE, in C_DecryptMessage CKR_ENCRYPTED_DATA_LEN_RANGE, for another length than announced"),
    CHECK(FIX_USER, signature_too_small, "C_SignMessage", "CKR_BUFFER_TOO_SMALL, and the message goes on; C_SignMessageNext"),
    CHECK(FIX_USER, digest_too_small, "C_Digest", "CKR_BUFFER_TOO_SMALL, and the operation goes on"),
    CHECK(FIX_USER, bad_padding, "C_DecryptFinal", "CKR_ENCRYPTED_DATA_INVALID for wrong padding, which ends the operation"),
    CHECK(FIX_USER, callback, "Surrender callbacks", "the library calls back with CKN_SURRENDER, if at all"),
};
/* clang-format on */

void chapter_clauses(void)
{
    check_add_rows("clauses", usage_checks, makers);
    check_add_rows("clauses", usage_checks, derivers);
    check_add_rows("clauses", usage_checks, wrappers);
    check_add_rows("clauses", maker_checks, makers);
    check_add_rows("clauses", deriver_checks, derivers);
    check_add_rows("clauses", wrapper_checks, wrappers);
    check_add_row("clauses", &unwrap_check, makers[0].name, &makers[0]);
    check_add_row("clauses", &unwrap_check, makers[1].name, &makers[1]);
    check_add_row("clauses", &encapsulate_check, makers[2].name, &makers[2]);
    check_add_row("clauses", &decapsulate_check, makers[3].name, &makers[3]);
    check_add_table("clauses", checks);
}
