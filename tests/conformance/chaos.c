/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls in no sensible order, with arguments that fit or don't: whatever comes back, the library
 * neither crashes nor hangs, writes no byte beyond a buffer, and works as before afterwards.
 */
#include <string.h>

#include "keys.h"

enum { CALLS = 6000, BUFFER = 600, GUARD = 0x5c };

static unsigned long long state;

static unsigned draw(unsigned limit)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 20) % limit);
}

/* ---- what the calls are made of ---- */

static CK_SESSION_HANDLE sessions[4];
static CK_OBJECT_HANDLE objects[16];
static CK_BYTE in[BUFFER], out[BUFFER + 1];
static CK_ULONG out_length, out_room;
static CK_BYTE iv[16] = "0123456789abcdef";
static CK_AES_CTR_PARAMS ctr = {.ulCounterBits = 64};
static CK_GCM_PARAMS gcm = {iv, 12, 96, iv, 16, 128};
static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
static CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
static CK_ECDH1_DERIVE_PARAMS ecdh;

static CK_MECHANISM mechanisms[] = {
    {CKM_SHA256, NULL, 0},
    {CKM_SHA3_512, NULL, 0},
    {CKM_SHA256_HMAC, NULL, 0},
    {CKM_AES_CMAC, NULL, 0},
    {CKM_AES_ECB, NULL, 0},
    {CKM_AES_CBC, iv, sizeof iv},
    {CKM_AES_CBC_PAD, iv, sizeof iv},
    {CKM_AES_CTR, &ctr, sizeof ctr},
    {CKM_AES_GCM, &gcm, sizeof gcm},
    {CKM_AES_KEY_WRAP, NULL, 0},
    {CKM_AES_KEY_WRAP_KWP, NULL, 0},
    {CKM_RSA_PKCS, NULL, 0},
    {CKM_RSA_X_509, NULL, 0},
    {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep},
    {CKM_RSA_PKCS_PSS, &pss, sizeof pss},
    {CKM_SHA256_RSA_PKCS, NULL, 0},
    {CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss},
    {CKM_ECDSA, NULL, 0},
    {CKM_ECDSA_SHA256, NULL, 0},
    {CKM_EDDSA, NULL, 0},
    {CKM_ECDH1_DERIVE, &ecdh, sizeof ecdh},
    {CKM_AES_KEY_GEN, NULL, 0},
    {CKM_GENERIC_SECRET_KEY_GEN, NULL, 0},
    {CKM_EC_KEY_PAIR_GEN, NULL, 0},
    {0x7fff4711, in, 5},
};

static void make_objects(void)
{
    const struct curve *curve = &curves[P256];
    ecdh = (CK_ECDH1_DERIVE_PARAMS){CKD_NULL, 0, NULL, curve->public_length,
                                    (CK_BYTE_PTR)curve->public};
    memset(objects, 0, sizeof objects);
    objects[1] = 0x7fff4711;
    objects[2] = key_aes(16, ANY_LABEL);
    objects[3] = key_aes(32, ATTR_B(CKA_SENSITIVE, CK_TRUE));
    objects[4] = key_hmac(40, CK_TRUE);
    objects[5] = key_rsa_private(ANY_LABEL);
    objects[6] = key_rsa_public(ANY_LABEL);
    objects[7] = key_curve_private(curve, ANY_LABEL);
    objects[8] = key_curve_public(curve, ANY_LABEL);
    objects[9] = CREATE(ATTR_U(CKA_CLASS, CKO_DATA), ATTR_S(CKA_VALUE, "data"));
    objects[10] = key_curve_private(curve, ATTR_B(CKA_SIGN, CK_FALSE));
}

static void open_sessions(void)
{
    sessions[0] = S;
    sessions[1] = open_session(CKF_RW_SESSION);
    sessions[2] = open_session(0);
    sessions[3] = 0x7fff4711;
}

/* ---- drawing arguments ---- */

static CK_SESSION_HANDLE a_session(void)
{
    return sessions[draw(16) == 0 ? 3 : draw(3)];
}

static CK_OBJECT_HANDLE an_object(void)
{
    return objects[draw(COUNT(objects))];
}

static CK_MECHANISM_PTR a_mechanism(void)
{
    static CK_MECHANISM odd;
    CK_MECHANISM_PTR mechanism = &mechanisms[draw(COUNT(mechanisms))];
    if (draw(40) == 0)
        return NULL;
    if (draw(12) != 0)
        return mechanism;
    /* Never as long as a structure: what looks like one has pointers that must be good. */
    odd = (CK_MECHANISM){mechanism->mechanism, in, 8 * draw(10) + 1 + draw(7)};
    if (draw(3) == 0)
        odd.pParameter = NULL;
    return &odd;
}

static CK_BYTE_PTR some_input(CK_ULONG *ret_length)
{
    *ret_length = draw(3) == 0 ? 16 * draw(17) : draw(BUFFER);
    return draw(50) == 0 ? NULL : in;
}

static CK_BYTE_PTR some_output(void)
{
    out_room = out_length = draw(4) == 0 ? draw(40) : draw(BUFFER + 1);
    memset(out, GUARD, sizeof out);
    return draw(6) == 0 ? NULL : out;
}

static CK_ULONG a_template(CK_ATTRIBUTE *template)
{
    static CK_ULONG number;
    static CK_BBOOL flag;
    static const CK_ATTRIBUTE_TYPE types[] = {
        CKA_CLASS,   CKA_KEY_TYPE,  CKA_LABEL,       CKA_VALUE,   CKA_VALUE_LEN, CKA_TOKEN,
        CKA_PRIVATE, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_ENCRYPT, CKA_SIGN,      CKA_MODULUS,
        CKA_ID,      CKA_EC_PARAMS, CKA_EC_POINT,    CKA_TRUSTED, CKA_UNIQUE_ID, 0x4711,
    };
    CK_ULONG count = draw(6);
    number = draw(5);
    flag = (CK_BBOOL)draw(2);
    for (CK_ULONG i = 0; i < count; i++) {
        template[i] = (CK_ATTRIBUTE){types[draw(COUNT(types))], in, draw(70)};
        if (draw(3) == 0)
            template[i] = (CK_ATTRIBUTE){template[i].type, &number, sizeof number};
        else if (draw(2) == 0)
            template[i] = (CK_ATTRIBUTE){template[i].type, &flag, sizeof flag};
        /* Nothing that outlives the session. */
        if (template[i].type == CKA_TOKEN)
            template[i] = (CK_ATTRIBUTE){CKA_LABEL, NULL, draw(2)};
    }
    return count;
}

/* ---- the calls ---- */

enum operation { ENCRYPT, DECRYPT, SIGN, VERIFY, DIGEST, FIND, OPERATIONS };

/* What was begun in a session, so that most calls go on with it. */
static enum operation begun[COUNT(sessions)];

/* Pairs that fit: the number of a mechanism and that of an object. */
static const struct {
    enum operation operation;
    unsigned mechanism, object;
} fits[] = {
    {ENCRYPT, 4, 2},  {ENCRYPT, 5, 3},  {ENCRYPT, 6, 2},  {ENCRYPT, 7, 3}, {ENCRYPT, 8, 2},
    {ENCRYPT, 11, 6}, {ENCRYPT, 13, 6}, {DECRYPT, 4, 2},  {DECRYPT, 5, 3}, {DECRYPT, 6, 2},
    {DECRYPT, 7, 3},  {DECRYPT, 8, 2},  {DECRYPT, 13, 5}, {SIGN, 2, 4},    {SIGN, 3, 2},
    {SIGN, 11, 5},    {SIGN, 15, 5},    {SIGN, 16, 5},    {SIGN, 17, 7},   {SIGN, 18, 7},
    {VERIFY, 2, 4},   {VERIFY, 3, 2},   {VERIFY, 15, 6},  {VERIFY, 16, 6}, {VERIFY, 18, 8},
    {DIGEST, 0, 0},   {DIGEST, 1, 0},   {FIND, 0, 0},
};

static CK_RV begin_rv(enum operation operation, CK_SESSION_HANDLE session,
                      CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE key)
{
    switch (operation) {
    case ENCRYPT:
        return F->C_EncryptInit(session, mechanism, key);
    case DECRYPT:
        return F->C_DecryptInit(session, mechanism, key);
    case SIGN:
        return F->C_SignInit(session, mechanism, key);
    case VERIFY:
        return F->C_VerifyInit(session, mechanism, key);
    case DIGEST:
        return F->C_DigestInit(session, mechanism);
    case FIND:
    case OPERATIONS:
        break;
    }
    return F->C_FindObjectsInit(session, NULL, draw(2));
}

static CK_RV begin_something(void)
{
    unsigned number = draw(3), pair = draw(COUNT(fits));
    if (draw(4) == 0)
        return begin_rv((enum operation)draw(OPERATIONS), a_session(), a_mechanism(), an_object());
    CK_RV rv = begin_rv(fits[pair].operation, sessions[number], &mechanisms[fits[pair].mechanism],
                        objects[fits[pair].object]);
    if (rv == CKR_OK)
        begun[number] = fits[pair].operation;
    return rv;
}

/* A session, and what to go on with in it. */
static enum operation an_operation(CK_SESSION_HANDLE *ret_session)
{
    unsigned number = draw(40) == 0 ? 3 : draw(3);
    *ret_session = sessions[number];
    return draw(6) == 0 ? (enum operation)draw(OPERATIONS) : begun[number];
}

static CK_RV go_on(void)
{
    CK_ULONG length = 0, found = 0;
    CK_OBJECT_HANDLE handles[4];
    CK_SESSION_HANDLE session = 0;
    enum operation operation = an_operation(&session);
    CK_BYTE_PTR data = some_input(&length), room = some_output();
    CK_ULONG_PTR room_length = draw(50) == 0 ? NULL : &out_length;
    bool whole = draw(3) == 0;
    switch (operation) {
    case ENCRYPT:
        return whole ? F->C_Encrypt(session, data, length, room, room_length)
                     : F->C_EncryptUpdate(session, data, length, room, room_length);
    case DECRYPT:
        return whole ? F->C_Decrypt(session, data, length, room, room_length)
                     : F->C_DecryptUpdate(session, data, length, room, room_length);
    case SIGN:
        return whole ? F->C_Sign(session, data, length, room, room_length)
                     : F->C_SignUpdate(session, data, length);
    case VERIFY:
        return whole ? F->C_Verify(session, data, draw(40), in, length)
                     : F->C_VerifyUpdate(session, data, length);
    case DIGEST:
        return whole ? F->C_Digest(session, data, length, room, room_length)
                     : F->C_DigestUpdate(session, data, length);
    case FIND:
    case OPERATIONS:
        break;
    }
    return F->C_FindObjects(session, handles, draw(5), &found);
}

static CK_RV finish_something(void)
{
    CK_ULONG length = 0;
    CK_SESSION_HANDLE session = 0;
    enum operation operation = an_operation(&session);
    CK_BYTE_PTR data = some_input(&length), room = some_output();
    switch (operation) {
    case ENCRYPT:
        return F->C_EncryptFinal(session, room, &out_length);
    case DECRYPT:
        return F->C_DecryptFinal(session, room, &out_length);
    case SIGN:
        return F->C_SignFinal(session, room, &out_length);
    case VERIFY:
        return F->C_VerifyFinal(session, data, length);
    case DIGEST:
        return F->C_DigestFinal(session, room, &out_length);
    case FIND:
    case OPERATIONS:
        break;
    }
    return F->C_FindObjectsFinal(session);
}

static CK_RV handle_keys(void)
{
    CK_ATTRIBUTE template[8];
    CK_ULONG count = a_template(template), length = 0;
    CK_SESSION_HANDLE session = a_session();
    CK_OBJECT_HANDLE made = 0;
    CK_BYTE_PTR data = some_input(&length), room = some_output();
    switch (draw(8)) {
    case 0:
        return F->C_WrapKey(session, a_mechanism(), an_object(), an_object(), room, &out_length);
    case 1:
        return F->C_UnwrapKey(session, a_mechanism(), an_object(), data, length, template, count,
                              &made);
    case 2:
        return F->C_DeriveKey(session, a_mechanism(), an_object(), template, count, &made);
    case 3:
        return F->C_GenerateKey(session, a_mechanism(), template, count, &made);
    case 4:
        return F->C_CreateObject(session, template, count, &made);
    case 5:
        return F->C_CopyObject(session, an_object(), template, count, &made);
    case 6:
        return F->C_GetAttributeValue(session, an_object(), template, count == 0 ? 0 : draw(2));
    default:
        return F->C_DigestKey(session, an_object());
    }
}

static void one_call(void)
{
    static CK_RV (*const groups[])(void) = {begin_something, begin_something,  go_on,
                                            go_on,           finish_something, handle_keys};
    out_room = sizeof out;
    CK_RV rv = groups[draw(COUNT(groups))]();
    for (CK_ULONG i = out_room; i < sizeof out; i++) {
        if (out[i] != GUARD)
            check_fail(HERE, "byte %lu of a buffer of %lu was written; the call gave %s", i,
                       out_room, rv_name(rv));
    }
    if (rv == CKR_GENERAL_ERROR)
        check_fail(HERE, "a call gave CKR_GENERAL_ERROR");
}

static void still_works(void)
{
    CK_BYTE mac[32];
    CK_ULONG length = sizeof mac;
    CK_SESSION_HANDLE session = open_session(0);
    EXPECT_EQUAL(session_state(session), CKS_RO_USER_FUNCTIONS);
    EXPECT_OK(F->C_SignInit(session, MECHANISM(CKM_SHA256_HMAC), key_hmac(32, CK_TRUE)));
    EXPECT_OK(F->C_Sign(session, in, 10, mac, &length));
}

struct seed {
    const char *name;
    unsigned value;
};

static const struct seed seeds[] = {{"1", 1}, {"2", 2}, {"3", 3}, {"4", 4}};

static void any_order(const void *argument)
{
    const struct seed *seed = argument;
    require_mechanism(CKM_SHA256_HMAC, CKF_SIGN);
    open_sessions();
    make_objects();
    fill_bytes(in, sizeof in, seed->value);
    state = 88172645463325252ULL + seed->value * 1000003ULL;
    for (int i = 0; i < CALLS; i++)
        one_call();
    still_works();
}

/* clang-format off */
static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, any_order, "Functions", "any sequence of calls ends in return values, none of them CKR_GENERAL_ERROR"),
};
/* clang-format on */

void chapter_chaos(void)
{
    check_add_rows("chaos", row_checks, seeds);
}
