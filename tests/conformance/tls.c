/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SSL, TLS and WTLS: secrets, the keys and IVs of a connection, exporters, "finished" MACs. OpenSSL
 * gives its opinion of what TLS computes; tests/vectors has more values.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)
#define HIDDEN ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE)
#define GHOST ATTR_S(CKA_LABEL, "ghost")

enum { MASTER = 48 };

static CK_BYTE client[32] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
static CK_BYTE server[32] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

/* 48 bytes, the first two of which are a version. */
static CK_OBJECT_HANDLE base_of(CK_ULONG length, struct template extra)
{
    CK_BYTE value[64] = {3, 1};
    fill_bytes(value + 2, sizeof value - 2, 7);
    return key_secret_with(HERE, CKK_GENERIC_SECRET, value, length, extra);
}

/* One that never left the token. */
static CK_OBJECT_HANDLE generated(struct template extra)
{
    struct template base = TEMPLATE(ATTR_U(CKA_VALUE_LEN, MASTER), ATTR_B(CKA_DERIVE, CK_TRUE));
    struct merged all = merge_templates(base, extra);
    require_mechanism(CKM_GENERIC_SECRET_KEY_GEN, CKF_GENERATE);
    return generate_key(HERE, CKM_GENERIC_SECRET_KEY_GEN,
                        (struct template){all.attributes, all.count});
}

/* ---- pre-master secrets ---- */

struct pre_master {
    const char *name;
    CK_MECHANISM_TYPE type;
};

static const struct pre_master pre_masters[] = {
    {"CKM_SSL3_PRE_MASTER_KEY_GEN", CKM_SSL3_PRE_MASTER_KEY_GEN},
    {"CKM_TLS_PRE_MASTER_KEY_GEN", CKM_TLS_PRE_MASTER_KEY_GEN},
};

static CK_RV pre_master_rv(const struct pre_master *row, CK_VERSION *version,
                           struct template template, CK_OBJECT_HANDLE *ret_key)
{
    CK_MECHANISM mechanism = {row->type, version, version != NULL ? sizeof *version : 0};
    require_mechanism(row->type, CKF_GENERATE);
    return F->C_GenerateKey(S, &mechanism, template.attributes, template.count, ret_key);
}

static void pre_master_key(const void *argument)
{
    CK_VERSION version = {3, 3};
    CK_BYTE one[64], other[64];
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(pre_master_rv(argument, &version, TEMPLATE(READABLE), &key));
    EXPECT_EQUAL(get_ulong(key, CKA_CLASS), CKO_SECRET_KEY);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), MASTER);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_GEN_MECHANISM),
                 ((const struct pre_master *)argument)->type);
    EXPECT_EQUAL(get_bytes(key, CKA_VALUE, one, sizeof one), MASTER);
    EXPECT_BYTES(one, 2, "\3\3", 2);
    EXPECT_OK(pre_master_rv(argument, &version,
                            TEMPLATE(READABLE, ATTR_U(CKA_CLASS, CKO_SECRET_KEY),
                                     ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
                                     ATTR_U(CKA_VALUE_LEN, MASTER)),
                            &key));
    get_bytes(key, CKA_VALUE, other, sizeof other);
    EXPECT_TRUE(memcmp(one, other, MASTER) != 0);
}

static void pre_master_of_other_form(const void *argument)
{
    CK_VERSION version = {3, 3};
    CK_OBJECT_HANDLE key = 0;
    EXPECT_FAILURE(pre_master_rv(argument, &version, TEMPLATE(ATTR_U(CKA_VALUE_LEN, 47)), &key));
    EXPECT(pre_master_rv(argument, &version, TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES)), &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(pre_master_rv(argument, NULL, TEMPLATE(READABLE), &key), CKR_MECHANISM_PARAM_INVALID);
}

/* ---- master secrets ---- */

struct master {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *digest; /* OpenSSL's name; NULL: SSL 3.0 */
    bool has_version;
};

static const struct master masters[] = {
    {"CKM_SSL3_MASTER_KEY_DERIVE", CKM_SSL3_MASTER_KEY_DERIVE, NULL, true},
    {"CKM_SSL3_MASTER_KEY_DERIVE_DH", CKM_SSL3_MASTER_KEY_DERIVE_DH, NULL, false},
    {"CKM_TLS_MASTER_KEY_DERIVE", CKM_TLS_MASTER_KEY_DERIVE, "MD5-SHA1", true},
    {"CKM_TLS_MASTER_KEY_DERIVE_DH", CKM_TLS_MASTER_KEY_DERIVE_DH, "MD5-SHA1", false},
    {"CKM_TLS12_MASTER_KEY_DERIVE", CKM_TLS12_MASTER_KEY_DERIVE, "SHA2-256", true},
    {"CKM_TLS12_MASTER_KEY_DERIVE_DH", CKM_TLS12_MASTER_KEY_DERIVE_DH, "SHA2-256", false},
    {"CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE", CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE, "SHA2-256",
     true},
    {"CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH", CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH, "SHA2-256",
     false},
};

static bool is_extended(const struct master *row)
{
    return row->type == CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE ||
           row->type == CKM_TLS12_EXTENDED_MASTER_KEY_DERIVE_DH;
}

/* What TLS 1.2 is tried with. */
static bool is_sha256(const char *digest)
{
    return digest != NULL && strcmp(digest, "SHA2-256") == 0;
}

static bool is_tls12(const struct master *row)
{
    return is_sha256(row->digest);
}

/* The parameter, whichever structure it is; the client's random number is the session hash. */
static CK_MECHANISM *master_mechanism(const struct master *row, CK_VERSION *version)
{
    static union {
        CK_SSL3_MASTER_KEY_DERIVE_PARAMS older;
        CK_TLS12_MASTER_KEY_DERIVE_PARAMS tls12;
        CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS extended;
    } params;
    static CK_MECHANISM mechanism;
    const CK_SSL3_RANDOM_DATA randoms = {client, sizeof client, server, sizeof server};
    mechanism = (CK_MECHANISM){row->type, &params, sizeof params.older};
    if (is_extended(row)) {
        params.extended = (CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS){CKM_SHA256, client,
                                                                       sizeof client, version};
        mechanism.ulParameterLen = sizeof params.extended;
    } else if (is_tls12(row)) {
        params.tls12 = (CK_TLS12_MASTER_KEY_DERIVE_PARAMS){randoms, version, CKM_SHA256};
        mechanism.ulParameterLen = sizeof params.tls12;
    } else {
        params.older = (CK_SSL3_MASTER_KEY_DERIVE_PARAMS){randoms, version};
    }
    return &mechanism;
}

static CK_RV master_rv(const struct master *row, CK_OBJECT_HANDLE base, CK_VERSION *version,
                       struct template template, CK_OBJECT_HANDLE *ret_key)
{
    require_mechanism(row->type, CKF_DERIVE);
    return F->C_DeriveKey(S, master_mechanism(row, version), base, template.attributes,
                          template.count, ret_key);
}

static CK_OBJECT_HANDLE master_of(const struct master *row, CK_OBJECT_HANDLE base,
                                  struct template template)
{
    CK_VERSION version = {0, 0};
    CK_OBJECT_HANDLE key = 0;
    EXPECT_OK(master_rv(row, base, row->has_version ? &version : NULL, template, &key));
    return key;
}

static void right_master(const struct master *row, CK_OBJECT_HANDLE base, CK_BYTE *out)
{
    CK_BYTE secret[64], seed[128];
    const char *label = is_extended(row) ? "extended master secret" : "master secret";
    CK_ULONG length = strlen(label);
    memcpy(seed, label, length);
    memcpy(seed + length, client, sizeof client);
    length += sizeof client;
    if (!is_extended(row)) {
        memcpy(seed + length, server, sizeof server);
        length += sizeof server;
    }
    CK_ULONG secret_length = get_bytes(base, CKA_VALUE, secret, sizeof secret);
    ossl_tls_prf(row->digest, secret, secret_length, seed, length, out, MASTER);
}

static void master_key(const void *argument)
{
    const struct master *row = argument;
    CK_BYTE value[64], right[MASTER];
    CK_VERSION version = {0xaa, 0xaa};
    CK_OBJECT_HANDLE key = 0, base = base_of(MASTER, TEMPLATE(READABLE));
    EXPECT_OK(master_rv(row, base, row->has_version ? &version : NULL, TEMPLATE(READABLE), &key));
    EXPECT_EQUAL(get_ulong(key, CKA_CLASS), CKO_SECRET_KEY);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), MASTER);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
    EXPECT_EQUAL(get_bytes(key, CKA_VALUE, value, sizeof value), MASTER);
    if (row->digest != NULL) {
        right_master(row, base, right);
        EXPECT_BYTES(value, MASTER, right, MASTER);
    }
    EXPECT_EQUAL(version.major, row->has_version ? 3 : 0xaa);
    EXPECT_EQUAL(version.minor, row->has_version ? 1 : 0xaa);
}

static void master_of_other_form(const void *argument)
{
    const struct master *row = argument;
    CK_VERSION version = {0xaa, 0xaa};
    CK_VERSION *place = row->has_version ? &version : NULL;
    CK_OBJECT_HANDLE key = 77, base = base_of(MASTER, TEMPLATE(READABLE));
    EXPECT_FAILURE(master_rv(row, base, place, TEMPLATE(ATTR_U(CKA_VALUE_LEN, 47)), &key));
    EXPECT(master_rv(row, base, place, TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES)), &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(master_rv(row, base, place, TEMPLATE(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY)), &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT_EQUAL(key, 77);
    EXPECT_EQUAL(version.major, 0xaa);
}

/* A version is in front of RSA's pre-master secrets alone. */
static void master_and_version(const void *argument)
{
    const struct master *row = argument;
    CK_VERSION version = {0xaa, 0xaa};
    CK_OBJECT_HANDLE key = 0;
    CK_OBJECT_HANDLE odd = base_of(47, TEMPLATE(READABLE));
    if (row->has_version) {
        EXPECT_FAILURE(master_rv(row, odd, &version, TEMPLATE(READABLE), &key));
        return;
    }
    EXPECT_OK(master_rv(row, odd, NULL, TEMPLATE(READABLE), &key));
    EXPECT(master_rv(row, odd, &version, TEMPLATE(READABLE), &key), CKR_MECHANISM_PARAM_INVALID);
    EXPECT_EQUAL(version.major, 0xaa);
}

static void master_history(const void *argument)
{
    for (int i = 0; i < 4; i++) {
        CK_BBOOL sensitive = (i & 1) != 0, extractable = (i & 2) != 0;
        struct template template =
            TEMPLATE(ATTR_B(CKA_SENSITIVE, sensitive), ATTR_B(CKA_EXTRACTABLE, extractable));
        CK_OBJECT_HANDLE key = master_of(argument, generated(TEMPLATE(HIDDEN)), template);
        EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), sensitive);
        EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), extractable);
        EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), sensitive);
        EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), !extractable);
        key = master_of(argument, base_of(MASTER, TEMPLATE(HIDDEN)), template);
        EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
        EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
    }
}

static void master_uses(const void *argument)
{
    static const CK_MECHANISM_TYPE known[] = {CKM_TLS12_KEY_AND_MAC_DERIVE,
                                              CKM_TLS12_KEY_SAFE_DERIVE,
                                              CKM_TLS_KDF,
                                              CKM_TLS_MAC,
                                              CKM_TLS12_KDF,
                                              CKM_TLS12_MAC};
    CK_MECHANISM_TYPE uses[16];
    CK_OBJECT_HANDLE key =
        master_of(argument, base_of(MASTER, TEMPLATE(READABLE)), TEMPLATE(READABLE));
    CK_ULONG count = get_bytes(key, CKA_ALLOWED_MECHANISMS, uses, sizeof uses) / sizeof uses[0];
    EXPECT_TRUE(count >= 4 && count <= COUNT(known));
    for (CK_ULONG i = 0; i < count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < COUNT(known); k++)
            is_known |= uses[i] == known[k];
        EXPECT_TRUE(is_known);
    }
}

static void master_uses_fewer(const void *argument)
{
    const CK_MECHANISM_TYPE safe = CKM_TLS12_KEY_SAFE_DERIVE, other = CKM_SHA256_HMAC;
    const CK_ATTRIBUTE only = {CKA_ALLOWED_MECHANISMS, (void *)&safe, sizeof safe};
    const CK_ATTRIBUTE none = {CKA_ALLOWED_MECHANISMS, (void *)&other, sizeof other};
    const struct master *row = argument;
    CK_MECHANISM_TYPE uses[16];
    CK_VERSION version;
    CK_OBJECT_HANDLE key = 0, base = base_of(MASTER, TEMPLATE(READABLE));
    EXPECT(master_rv(row, base, row->has_version ? &version : NULL, TEMPLATE(READABLE, none), &key),
           CKR_TEMPLATE_INCONSISTENT);
    key = master_of(row, base, TEMPLATE(READABLE, only));
    EXPECT_EQUAL(get_bytes(key, CKA_ALLOWED_MECHANISMS, uses, sizeof uses), sizeof safe);
    EXPECT_EQUAL(uses[0], safe);
}

/* ---- the keys of a connection ---- */

struct material {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *digest;
    bool has_ivs;
    bool macs_derive;
};

static const struct material materials[] = {
    {"CKM_SSL3_KEY_AND_MAC_DERIVE", CKM_SSL3_KEY_AND_MAC_DERIVE, NULL, true, true},
    {"CKM_TLS_KEY_AND_MAC_DERIVE", CKM_TLS_KEY_AND_MAC_DERIVE, "MD5-SHA1", true, true},
    {"CKM_TLS12_KEY_AND_MAC_DERIVE", CKM_TLS12_KEY_AND_MAC_DERIVE, "SHA2-256", true, false},
    {"CKM_TLS12_KEY_SAFE_DERIVE", CKM_TLS12_KEY_SAFE_DERIVE, "SHA2-256", false, false},
};

/* A parameter and what it gives back. */
struct call {
    CK_TLS12_KEY_MAT_PARAMS params;
    CK_SSL3_KEY_MAT_OUT out;
    CK_BYTE ivs[2][16];
    CK_MECHANISM mechanism;
};

static struct call *call_of(const struct material *row, CK_ULONG mac, CK_ULONG key, CK_ULONG iv)
{
    static struct call call;
    memset(&call, 0x77, sizeof call);
    call.out.pIVClient = call.ivs[0];
    call.out.pIVServer = call.ivs[1];
    call.params = (CK_TLS12_KEY_MAT_PARAMS){
        mac * 8,   key * 8,   iv * 8, CK_FALSE, {client, sizeof client, server, sizeof server},
        &call.out, CKM_SHA256};
    call.mechanism = (CK_MECHANISM){row->type, &call.params,
                                    is_sha256(row->digest) ? sizeof(CK_TLS12_KEY_MAT_PARAMS)
                                                           : sizeof(CK_SSL3_KEY_MAT_PARAMS)};
    return &call;
}

static CK_RV material_rv(struct call *call, CK_OBJECT_HANDLE base, struct template template)
{
    require_mechanism(call->mechanism.mechanism, CKF_DERIVE);
    return F->C_DeriveKey(S, &call->mechanism, base, template.attributes, template.count, NULL);
}

/* The key block; label, server, client. */
static void right_block(const struct material *row, CK_OBJECT_HANDLE base, CK_BYTE *out,
                        CK_ULONG length)
{
    CK_BYTE secret[MASTER], seed[128] = "key expansion";
    CK_ULONG at = strlen("key expansion");
    memcpy(seed + at, server, sizeof server);
    memcpy(seed + at + sizeof server, client, sizeof client);
    get_bytes(base, CKA_VALUE, secret, sizeof secret);
    ossl_tls_prf(row->digest, secret, MASTER, seed, at + sizeof server + sizeof client, out,
                 length);
}

static void expect_bool(CK_OBJECT_HANDLE key, CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
    EXPECT_EQUAL(get_bool(key, type), value);
}

static const CK_OBJECT_HANDLE *handles_of(const struct call *call)
{
    static CK_OBJECT_HANDLE handles[4];
    handles[0] = call->out.hClientMacSecret;
    handles[1] = call->out.hServerMacSecret;
    handles[2] = call->out.hClientKey;
    handles[3] = call->out.hServerKey;
    return handles;
}

static void material_values(const void *argument)
{
    const struct material *row = argument;
    CK_OBJECT_HANDLE base = base_of(MASTER, TEMPLATE(READABLE));
    struct call *call = call_of(row, 20, 16, 8);
    CK_BYTE right[88], value[64], *at = right;
    EXPECT_OK(material_rv(call, base, TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES))));
    if (row->digest == NULL)
        return; /* OpenSSL has no PRF of SSL 3.0 */
    right_block(row, base, right, sizeof right);
    for (int i = 0; i < 4; i++) {
        CK_ULONG length = i < 2 ? 20 : 16;
        CK_OBJECT_HANDLE key = handles_of(call)[i];
        EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), at, length);
        at += length;
    }
    for (int i = 0; i < 2; i++, at += 8) {
        memset(value, 0x77, sizeof value);
        EXPECT_BYTES(call->ivs[i], 8, row->has_ivs ? at : value, 8);
        EXPECT_BYTES(call->ivs[i] + 8, 8, value + 8, 8);
    }
}

static void material_attributes(const void *argument)
{
    const struct material *row = argument;
    struct call *call = call_of(row, 20, 24, 0);
    EXPECT_OK(material_rv(call, base_of(MASTER, TEMPLATE(READABLE)),
                          TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES), ATTR_U(CKA_VALUE_LEN, 24),
                                   ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ANY_LABEL)));
    for (int i = 0; i < 4; i++) {
        CK_OBJECT_HANDLE key = handles_of(call)[i];
        bool is_mac = i < 2;
        EXPECT_EQUAL(get_ulong(key, CKA_CLASS), CKO_SECRET_KEY);
        EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), is_mac ? CKK_GENERIC_SECRET : CKK_AES);
        EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), is_mac ? 20 : 24);
        EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
        if (is_mac) {
            expect_bool(key, CKA_SIGN, CK_TRUE);
            expect_bool(key, CKA_VERIFY, CK_TRUE);
            expect_bool(key, CKA_DERIVE, row->macs_derive);
        } else {
            expect_bool(key, CKA_ENCRYPT, CK_TRUE);
            expect_bool(key, CKA_DECRYPT, CK_TRUE);
            expect_bool(key, CKA_DERIVE, CK_TRUE);
        }
    }
}

static void material_template_decides(const void *argument)
{
    struct call *call = call_of(argument, 16, 16, 0);
    EXPECT_OK(material_rv(call, base_of(MASTER, TEMPLATE(READABLE)),
                          TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES), ATTR_B(CKA_DECRYPT, CK_FALSE),
                                   ATTR_B(CKA_WRAP, CK_TRUE), ATTR_S(CKA_LABEL, "connection"))));
    for (int i = 2; i < 4; i++) {
        expect_bool(handles_of(call)[i], CKA_ENCRYPT, CK_TRUE);
        expect_bool(handles_of(call)[i], CKA_DECRYPT, CK_FALSE);
        expect_bool(handles_of(call)[i], CKA_WRAP, CK_TRUE);
    }
    EXPECT_TRUE(FIND_COUNT(S, ATTR_S(CKA_LABEL, "connection")) >= 2);
}

/* MACs without ciphers, ciphers without MACs. */
static void material_without_some(const void *argument)
{
    const struct material *row = argument;
    CK_OBJECT_HANDLE base = base_of(MASTER, TEMPLATE(READABLE));
    struct call *call = call_of(row, 0, 16, row->has_ivs ? 4 : 0);
    EXPECT_OK(material_rv(call, base, TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES))));
    EXPECT_EQUAL(call->out.hClientMacSecret, CK_INVALID_HANDLE);
    EXPECT_EQUAL(call->out.hServerMacSecret, CK_INVALID_HANDLE);
    EXPECT_EQUAL(get_ulong(call->out.hServerKey, CKA_VALUE_LEN), 16);
    call = call_of(row, 20, 0, 0);
    EXPECT_OK(material_rv(call, base, NO_ATTRIBUTES));
    EXPECT_EQUAL(get_ulong(call->out.hClientMacSecret, CKA_VALUE_LEN), 20);
    EXPECT_EQUAL(call->out.hClientKey, CK_INVALID_HANDLE);
    EXPECT_EQUAL(call->out.hServerKey, CK_INVALID_HANDLE);
}

static void material_inherits(const void *argument)
{
    for (int i = 0; i < 4; i++) {
        CK_BBOOL sensitive = (i & 1) != 0, extractable = (i & 2) != 0;
        struct template flags =
            TEMPLATE(ATTR_B(CKA_SENSITIVE, sensitive), ATTR_B(CKA_EXTRACTABLE, extractable));
        for (int is_local = 0; is_local < 2; is_local++) {
            CK_OBJECT_HANDLE base = is_local ? generated(flags) : base_of(MASTER, flags);
            struct call *call = call_of(argument, 20, 16, 0);
            EXPECT_OK(material_rv(call, base, TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES))));
            for (int k = 0; k < 4; k++) {
                CK_OBJECT_HANDLE key = handles_of(call)[k];
                expect_bool(key, CKA_SENSITIVE, sensitive);
                expect_bool(key, CKA_EXTRACTABLE, extractable);
                expect_bool(key, CKA_ALWAYS_SENSITIVE, get_bool(base, CKA_ALWAYS_SENSITIVE));
                expect_bool(key, CKA_NEVER_EXTRACTABLE, get_bool(base, CKA_NEVER_EXTRACTABLE));
            }
        }
    }
}

static void material_repeats(const void *argument)
{
    CK_OBJECT_HANDLE open = base_of(MASTER, TEMPLATE(READABLE));
    CK_OBJECT_HANDLE hidden = base_of(MASTER, TEMPLATE(HIDDEN));
    struct call *call = call_of(argument, 20, 16, 0);
    EXPECT_OK(material_rv(call, open, TEMPLATE(READABLE)));
    EXPECT_OK(material_rv(call, hidden, TEMPLATE(HIDDEN)));
    EXPECT(material_rv(call, open, TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_TRUE))),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(material_rv(call, open, TEMPLATE(ATTR_B(CKA_EXTRACTABLE, CK_FALSE))),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(material_rv(call, hidden, TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_FALSE))),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(material_rv(call, hidden, TEMPLATE(ATTR_B(CKA_EXTRACTABLE, CK_TRUE))),
           CKR_TEMPLATE_INCONSISTENT);
}

static void material_all_or_none(const void *argument)
{
    const struct material *row = argument;
    CK_OBJECT_HANDLE base = base_of(MASTER, TEMPLATE(READABLE));
    struct call *call = call_of(row, 20, 17, 0);
    struct call before = *call;
    EXPECT_FAILURE(material_rv(call, base, TEMPLATE(GHOST, ATTR_U(CKA_KEY_TYPE, CKK_AES))));
    call->params.ulKeySizeInBits = 128;
    EXPECT_FAILURE(material_rv(
        call, base, TEMPLATE(GHOST, ATTR_U(CKA_KEY_TYPE, CKK_AES), ATTR_U(CKA_VALUE_LEN, 32))));
    /* "must be set to CK_FALSE" */
    call->params.bIsExport = CK_TRUE;
    if (is_sha256(row->digest))
        EXPECT(material_rv(call, base, TEMPLATE(GHOST)), CKR_MECHANISM_PARAM_INVALID);
    EXPECT_EQUAL(FIND_COUNT(S, GHOST), 0);
    EXPECT_BYTES(&call->out, sizeof call->out, &before.out, sizeof before.out);
    EXPECT_BYTES(call->ivs, sizeof call->ivs, before.ivs, sizeof before.ivs);
}

static void material_on_token(const void *argument)
{
    struct call *call = call_of(argument, 20, 16, 0);
    token_objects_made();
    EXPECT_OK(material_rv(call, base_of(MASTER, TEMPLATE(READABLE)),
                          TEMPLATE(ATTR_B(CKA_TOKEN, CK_TRUE), ATTR_U(CKA_KEY_TYPE, CKK_AES))));
    for (int i = 0; i < 4; i++)
        expect_bool(handles_of(call)[i], CKA_TOKEN, CK_TRUE);
}

static void material_without_places(const void *argument)
{
    const struct material *row = argument;
    CK_OBJECT_HANDLE base = base_of(MASTER, TEMPLATE(READABLE));
    struct call *call = call_of(row, 20, 16, 8);
    call->out.pIVServer = NULL;
    if (row->has_ivs)
        EXPECT_FAILURE(material_rv(call, base, TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES))));
    else
        EXPECT_OK(material_rv(call, base, TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES))));
    call->params.pReturnedKeyMaterial = NULL;
    EXPECT_FAILURE(material_rv(call, base, TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES))));
}

/* ---- exporters ---- */

static const struct pre_master kdfs[] = {
    {"CKM_TLS_KDF", CKM_TLS_KDF},
    {"CKM_TLS12_KDF", CKM_TLS12_KDF},
};

static CK_BYTE label[] = "EXPORTER-conformance";

static CK_TLS_KDF_PARAMS kdf_params(CK_MECHANISM_TYPE prf, CK_BYTE *context, CK_ULONG length)
{
    return (CK_TLS_KDF_PARAMS){
        prf,     label, sizeof label - 1, {client, sizeof client, server, sizeof server},
        context, length};
}

static CK_RV kdf_rv(const struct pre_master *row, CK_TLS_KDF_PARAMS *params, CK_OBJECT_HANDLE base,
                    struct template template, CK_OBJECT_HANDLE *ret_key)
{
    CK_MECHANISM mechanism = {row->type, params, sizeof *params};
    require_mechanism(row->type, CKF_DERIVE);
    return F->C_DeriveKey(S, &mechanism, base, template.attributes, template.count, ret_key);
}

static CK_ULONG right_seed(CK_BYTE *seed, const CK_BYTE *context, CK_ULONG length)
{
    CK_ULONG at = sizeof label - 1;
    memcpy(seed, label, at);
    memcpy(seed + at, client, sizeof client);
    memcpy(seed + at + sizeof client, server, sizeof server);
    at += sizeof client + sizeof server;
    if (context != NULL) {
        seed[at++] = (CK_BYTE)(length >> 8);
        seed[at++] = (CK_BYTE)length;
        memcpy(seed + at, context, length);
        at += length;
    }
    return at;
}

/* No context, an empty one, and one. */
static void kdf_values(const void *argument)
{
    static const struct {
        CK_MECHANISM_TYPE prf;
        const char *digest;
    } prfs[] = {{CKM_SHA256, "SHA2-256"}, {CKM_SHA384, "SHA2-384"}, {CKM_TLS_PRF, "MD5-SHA1"}};
    CK_BYTE context[300], secret[MASTER], seed[512], right[100], value[128];
    CK_OBJECT_HANDLE key = 0, base = base_of(MASTER, TEMPLATE(READABLE));
    get_bytes(base, CKA_VALUE, secret, sizeof secret);
    fill_bytes(context, sizeof context, 9);
    for (int i = 0; i < 9; i++) {
        CK_BYTE *given = i % 3 == 0 ? NULL : context;
        CK_ULONG length = i % 3 == 2 ? sizeof context : 0;
        CK_TLS_KDF_PARAMS params = kdf_params(prfs[i / 3].prf, given, length);
        EXPECT_OK(kdf_rv(argument, &params, base,
                         TEMPLATE(READABLE, ATTR_U(CKA_VALUE_LEN, sizeof right)), &key));
        ossl_tls_prf(prfs[i / 3].digest, secret, MASTER, seed, right_seed(seed, given, length),
                     right, sizeof right);
        EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), right, sizeof right);
    }
}

static void kdf_hides(const void *argument)
{
    CK_TLS_KDF_PARAMS params = kdf_params(CKM_SHA256, NULL, 0);
    CK_OBJECT_HANDLE key = 0, hidden = generated(TEMPLATE(HIDDEN));
    struct template aes = TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES), ATTR_U(CKA_VALUE_LEN, 16));
    EXPECT(kdf_rv(argument, &params, hidden, TEMPLATE(READABLE, ATTR_U(CKA_VALUE_LEN, 16)), &key),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT_OK(kdf_rv(argument, &params, hidden, aes, &key));
    expect_bool(key, CKA_SENSITIVE, CK_TRUE);
    expect_bool(key, CKA_EXTRACTABLE, CK_FALSE);
    expect_bool(key, CKA_ALWAYS_SENSITIVE, CK_TRUE);
    expect_bool(key, CKA_NEVER_EXTRACTABLE, CK_TRUE);
    CK_OBJECT_HANDLE open = base_of(MASTER, TEMPLATE(READABLE));
    EXPECT_OK(kdf_rv(argument, &params, open, aes, &key));
    expect_bool(key, CKA_SENSITIVE, CK_FALSE);
    expect_bool(key, CKA_EXTRACTABLE, CK_TRUE);
    EXPECT_OK(kdf_rv(argument, &params, open, TEMPLATE(HIDDEN, ATTR_U(CKA_VALUE_LEN, 16)), &key));
    expect_bool(key, CKA_SENSITIVE, CK_TRUE);
    expect_bool(key, CKA_ALWAYS_SENSITIVE, CK_FALSE);
}

static void kdf_refuses(const void *argument)
{
    CK_TLS_KDF_PARAMS params = kdf_params(CKM_SHA256, NULL, 0);
    CK_OBJECT_HANDLE key = 0, base = base_of(MASTER, TEMPLATE(READABLE));
    EXPECT_FAILURE(kdf_rv(argument, &params, base, TEMPLATE(READABLE), &key));
    params.prfMechanism = CKM_AES_CBC;
    EXPECT(kdf_rv(argument, &params, base, TEMPLATE(ATTR_U(CKA_VALUE_LEN, 16)), &key),
           CKR_MECHANISM_PARAM_INVALID);
}

/* ---- the bare function ---- */

static CK_RV prf_rv(CK_TLS_PRF_PARAMS *params, CK_OBJECT_HANDLE base, struct template template)
{
    CK_MECHANISM mechanism = {CKM_TLS_PRF, params, sizeof *params};
    require_mechanism(CKM_TLS_PRF, CKF_DERIVE);
    return F->C_DeriveKey(S, &mechanism, base, template.attributes, template.count, NULL);
}

static void prf_output(void)
{
    CK_BYTE out[90], right[80], secret[MASTER], seed[sizeof label - 1 + sizeof client];
    CK_ULONG length = sizeof right;
    CK_OBJECT_HANDLE base = base_of(MASTER, TEMPLATE(READABLE));
    CK_TLS_PRF_PARAMS params = {client, sizeof client, label, sizeof label - 1, out, &length};
    memset(out, 0x77, sizeof out);
    EXPECT_OK(prf_rv(&params, base, NO_ATTRIBUTES));
    memcpy(seed, label, sizeof label - 1);
    memcpy(seed + sizeof label - 1, client, sizeof client);
    get_bytes(base, CKA_VALUE, secret, sizeof secret);
    ossl_tls_prf("MD5-SHA1", secret, MASTER, seed, sizeof seed, right, sizeof right);
    EXPECT_BYTES(out, sizeof right, right, sizeof right);
    EXPECT_EQUAL(length, sizeof right);
    EXPECT_EQUAL(out[sizeof right], 0x77);
}

static void prf_no_room(void)
{
    CK_BYTE out[16] = {0x77};
    CK_ULONG length = 0;
    CK_OBJECT_HANDLE base = base_of(MASTER, TEMPLATE(READABLE));
    CK_TLS_PRF_PARAMS params = {client, sizeof client, label, sizeof label - 1, NULL, NULL};
    EXPECT_FAILURE(prf_rv(&params, base, NO_ATTRIBUTES));
    params.pOutput = out;
    EXPECT_FAILURE(prf_rv(&params, base, NO_ATTRIBUTES));
    params.pulOutputLen = &length;
    EXPECT_FAILURE(prf_rv(&params, base, NO_ATTRIBUTES));
    EXPECT_EQUAL(out[0], 0x77);
}

/* A master secret of TLS 1.2 is not for this. */
static void prf_not_of_tls12(void)
{
    CK_BYTE out[16];
    CK_ULONG length = sizeof out;
    CK_TLS_PRF_PARAMS params = {client, sizeof client, label, sizeof label - 1, out, &length};
    CK_OBJECT_HANDLE key = master_of(&masters[4], base_of(MASTER, TEMPLATE(READABLE)),
                                     TEMPLATE(ATTR_B(CKA_DERIVE, CK_TRUE)));
    EXPECT(prf_rv(&params, key, NO_ATTRIBUTES), CKR_MECHANISM_INVALID);
}

/* ---- "finished" ---- */

static const struct pre_master macs[] = {
    {"CKM_TLS_MAC", CKM_TLS_MAC},
    {"CKM_TLS12_MAC", CKM_TLS12_MAC},
};

static CK_RV mac_init_rv(const struct pre_master *row, CK_OBJECT_HANDLE key, CK_TLS_MAC_PARAMS said)
{
    static CK_TLS_MAC_PARAMS params;
    params = said;
    require_mechanism(row->type, CKF_SIGN | CKF_VERIFY);
    CK_MECHANISM mechanism = {row->type, &params, sizeof params};
    return F->C_SignInit(S, &mechanism, key);
}

static void mac_values(const void *argument)
{
    static const struct {
        CK_TLS_MAC_PARAMS params;
        const char *digest;
        const char *label;
    } rows[] = {{{CKM_SHA256, 12, 1}, "SHA2-256", "server finished"},
                {{CKM_SHA384, 32, 2}, "SHA2-384", "client finished"},
                {{CKM_TLS_PRF, 12, 2}, "MD5-SHA1", "client finished"}};
    CK_BYTE secret[MASTER], seed[64], right[64], mac[64];
    CK_OBJECT_HANDLE key = base_of(MASTER, TEMPLATE(READABLE));
    get_bytes(key, CKA_VALUE, secret, sizeof secret);
    for (size_t i = 0; i < COUNT(rows); i++) {
        CK_ULONG length = sizeof mac, at = strlen(rows[i].label);
        memcpy(seed, rows[i].label, at);
        memcpy(seed + at, client, sizeof client);
        ossl_tls_prf(rows[i].digest, secret, MASTER, seed, at + sizeof client, right,
                     rows[i].params.ulMacLength);
        EXPECT_OK(mac_init_rv(argument, key, rows[i].params));
        EXPECT_OK(F->C_Sign(S, client, sizeof client, mac, &length));
        EXPECT_BYTES(mac, length, right, rows[i].params.ulMacLength);
        EXPECT_OK(mac_init_rv(argument, key, rows[i].params));
        EXPECT_OK(F->C_SignUpdate(S, client, 5));
        EXPECT_OK(F->C_SignUpdate(S, client + 5, sizeof client - 5));
        length = sizeof mac;
        EXPECT_OK(F->C_SignFinal(S, mac, &length));
        EXPECT_BYTES(mac, length, right, rows[i].params.ulMacLength);
    }
}

static void mac_verifies(const void *argument)
{
    const struct pre_master *row = argument;
    CK_TLS_MAC_PARAMS params = {CKM_SHA256, 12, 1};
    CK_MECHANISM mechanism = {row->type, &params, sizeof params};
    CK_BYTE mac[16];
    CK_ULONG length = sizeof mac;
    CK_OBJECT_HANDLE key = base_of(MASTER, TEMPLATE(READABLE));
    EXPECT_OK(mac_init_rv(row, key, params));
    EXPECT_OK(F->C_Sign(S, client, sizeof client, mac, &length));
    EXPECT_OK(F->C_VerifyInit(S, &mechanism, key));
    EXPECT_OK(F->C_Verify(S, client, sizeof client, mac, 12));
    EXPECT_OK(F->C_VerifyInit(S, &mechanism, key));
    EXPECT(F->C_Verify(S, client, sizeof client, mac, 11), CKR_SIGNATURE_LEN_RANGE);
    mac[11] ^= 1;
    EXPECT_OK(F->C_VerifyInit(S, &mechanism, key));
    EXPECT(F->C_Verify(S, client, sizeof client, mac, 12), CKR_SIGNATURE_INVALID);
    mac[11] ^= 1;
    params.ulServerOrClient = 2;
    EXPECT_OK(F->C_VerifyInit(S, &mechanism, key));
    EXPECT(F->C_Verify(S, client, sizeof client, mac, 12), CKR_SIGNATURE_INVALID);
}

static void mac_refuses(const void *argument)
{
    static const CK_TLS_MAC_PARAMS wrong[] = {{CKM_SHA256, 11, 1},  {CKM_SHA256, 12, 0},
                                              {CKM_SHA256, 12, 3},  {CKM_AES_CBC, 12, 1},
                                              {CKM_TLS_PRF, 11, 1}, {CKM_TLS_PRF, 13, 1}};
    CK_OBJECT_HANDLE key = base_of(MASTER, TEMPLATE(READABLE));
    for (size_t i = 0; i < COUNT(wrong); i++)
        EXPECT(mac_init_rv(argument, key, wrong[i]), CKR_MECHANISM_PARAM_INVALID);
}

/* ---- records of SSL 3.0 ---- */

static const struct {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *digest;
    CK_ULONG length;
    CK_ULONG pad;
} records[] = {
    {"CKM_SSL3_MD5_MAC", CKM_SSL3_MD5_MAC, "MD5", 16, 48},
    {"CKM_SSL3_SHA1_MAC", CKM_SSL3_SHA1_MAC, "SHA1", 20, 40},
};

/* RFC 6101, 5.2.3.1. */
static void record_values(const void *argument)
{
    const __typeof__(&records[0]) row = argument;
    CK_BYTE text[256], right[64], mac[64], key[64];
    CK_ULONG length = get_bytes(base_of(row->length, TEMPLATE(READABLE)), CKA_VALUE, key, 64);
    memcpy(text, key, length);
    memset(text + length, 0x36, row->pad);
    memcpy(text + length + row->pad, client, sizeof client);
    ossl_digest(row->digest, text, length + row->pad + sizeof client, right);
    memset(text + length, 0x5c, row->pad);
    memcpy(text + length + row->pad, right, row->length);
    ossl_digest(row->digest, text, length + row->pad + row->length, right);
    for (CK_ULONG asked = 4; asked <= 8; asked++) {
        CK_MECHANISM mechanism = {row->type, &asked, sizeof asked};
        CK_ULONG got = sizeof mac;
        require_mechanism(row->type, CKF_SIGN | CKF_VERIFY);
        EXPECT_OK(F->C_SignInit(S, &mechanism, base_of(row->length, TEMPLATE(READABLE))));
        EXPECT_OK(F->C_Sign(S, client, sizeof client, mac, &got));
        EXPECT_BYTES(mac, got, right, asked);
    }
}

/* ---- WTLS ---- */

enum { WTLS_MASTER = 20 };

static void wtls_pre_master(void)
{
    CK_BYTE version = 1, value[64];
    CK_OBJECT_HANDLE key = 0;
    CK_MECHANISM mechanism = {CKM_WTLS_PRE_MASTER_KEY_GEN, &version, sizeof version};
    struct template longer = TEMPLATE(READABLE, ATTR_U(CKA_VALUE_LEN, 32));
    struct template shorter = TEMPLATE(READABLE, ATTR_U(CKA_VALUE_LEN, 19));
    require_mechanism(CKM_WTLS_PRE_MASTER_KEY_GEN, CKF_GENERATE);
    EXPECT_OK(F->C_GenerateKey(S, &mechanism, longer.attributes, longer.count, &key));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    EXPECT_EQUAL(get_bytes(key, CKA_VALUE, value, sizeof value), 32);
    EXPECT_EQUAL(value[0], 1);
    EXPECT_FAILURE(F->C_GenerateKey(S, &mechanism, shorter.attributes, shorter.count, &key));
    mechanism.pParameter = client;
    mechanism.ulParameterLen = 2;
    EXPECT(F->C_GenerateKey(S, &mechanism, longer.attributes, longer.count, &key),
           CKR_MECHANISM_PARAM_INVALID);
}

/* The PRF over a label and what follows. */
static void right_wtls(CK_OBJECT_HANDLE base, const char *name, const CK_BYTE *rest,
                       CK_ULONG rest_length, CK_BYTE *out, CK_ULONG length)
{
    CK_BYTE secret[64], seed[128];
    CK_ULONG at = strlen(name);
    memcpy(seed, name, at);
    memcpy(seed + at, rest, rest_length);
    CK_ULONG secret_length = get_bytes(base, CKA_VALUE, secret, sizeof secret);
    ossl_tls_prf("SHA1", secret, secret_length, seed, at + rest_length, out, length);
}

static void wtls_master(void)
{
    CK_BYTE version = 0xaa, value[64], right[WTLS_MASTER], randoms[32];
    CK_WTLS_MASTER_KEY_DERIVE_PARAMS params = {CKM_SHA_1, {client, 16, server, 16}, &version};
    CK_MECHANISM mechanism = {CKM_WTLS_MASTER_KEY_DERIVE, &params, sizeof params};
    struct template template = TEMPLATE(READABLE);
    CK_OBJECT_HANDLE key = 0, base = base_of(WTLS_MASTER, TEMPLATE(READABLE));
    require_mechanism(CKM_WTLS_MASTER_KEY_DERIVE, CKF_DERIVE);
    EXPECT_OK(F->C_DeriveKey(S, &mechanism, base, template.attributes, template.count, &key));
    memcpy(randoms, client, 16);
    memcpy(randoms + 16, server, 16);
    right_wtls(base, "master secret", randoms, sizeof randoms, right, sizeof right);
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), right, sizeof right);
    EXPECT_EQUAL(version, 3);
    mechanism.mechanism = CKM_WTLS_MASTER_KEY_DERIVE_DH_ECC;
    EXPECT(F->C_DeriveKey(S, &mechanism, base, template.attributes, template.count, &key),
           CKR_MECHANISM_PARAM_INVALID);
    params.pVersion = NULL;
    EXPECT_OK(F->C_DeriveKey(S, &mechanism, base, template.attributes, template.count, &key));
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), right, sizeof right);
}

static void wtls_output(void)
{
    CK_BYTE out[12], right[12];
    CK_ULONG length = sizeof out;
    CK_OBJECT_HANDLE base = base_of(WTLS_MASTER, TEMPLATE(READABLE));
    CK_WTLS_PRF_PARAMS params = {CKM_SHA_1,        client, sizeof client, label,
                                 sizeof label - 1, out,    &length};
    CK_MECHANISM mechanism = {CKM_WTLS_PRF, &params, sizeof params};
    require_mechanism(CKM_WTLS_PRF, CKF_DERIVE);
    EXPECT_OK(F->C_DeriveKey(S, &mechanism, base, NULL, 0, NULL));
    right_wtls(base, (const char *)label, client, sizeof client, right, sizeof right);
    EXPECT_BYTES(out, sizeof out, right, sizeof right);
}

static const struct {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *label;
} sides[] = {
    {"CKM_WTLS_SERVER_KEY_AND_MAC_DERIVE", CKM_WTLS_SERVER_KEY_AND_MAC_DERIVE, "server expansion"},
    {"CKM_WTLS_CLIENT_KEY_AND_MAC_DERIVE", CKM_WTLS_CLIENT_KEY_AND_MAC_DERIVE, "client expansion"},
};

static void wtls_material(const void *argument)
{
    const __typeof__(&sides[0]) row = argument;
    CK_BYTE iv[8], right[44], value[64], rest[34] = {0x12, 0x34};
    CK_WTLS_KEY_MAT_OUT out = {77, 77, iv};
    CK_WTLS_KEY_MAT_PARAMS params = {
        CKM_SHA_1, 160, 128, 64, 0x1234, CK_FALSE, {client, 16, server, 16}, &out};
    CK_MECHANISM mechanism = {row->type, &params, sizeof params};
    struct template template = TEMPLATE(ATTR_U(CKA_KEY_TYPE, CKK_AES), GHOST);
    CK_OBJECT_HANDLE base = base_of(WTLS_MASTER, TEMPLATE(READABLE));
    require_mechanism(row->type, CKF_DERIVE);
    params.ulKeySizeInBits = 136;
    EXPECT_FAILURE(F->C_DeriveKey(S, &mechanism, base, template.attributes, template.count, NULL));
    EXPECT_EQUAL(FIND_COUNT(S, GHOST), 0);
    EXPECT_EQUAL(out.hKey, 77);
    params.ulKeySizeInBits = 128;
    EXPECT_OK(F->C_DeriveKey(S, &mechanism, base, template.attributes, template.count, NULL));
    memcpy(rest + 2, server, 16);
    memcpy(rest + 18, client, 16);
    right_wtls(base, row->label, rest, sizeof rest, right, sizeof right);
    EXPECT_BYTES(value, get_bytes(out.hMacSecret, CKA_VALUE, value, sizeof value), right, 20);
    EXPECT_BYTES(value, get_bytes(out.hKey, CKA_VALUE, value, sizeof value), right + 20, 16);
    EXPECT_BYTES(iv, sizeof iv, right + 36, 8);
    EXPECT_EQUAL(get_ulong(out.hKey, CKA_KEY_TYPE), CKK_AES);
    expect_bool(out.hMacSecret, CKA_SIGN, CK_TRUE);
    expect_bool(out.hMacSecret, CKA_DERIVE, CK_TRUE);
    expect_bool(out.hKey, CKA_ENCRYPT, CK_TRUE);
}

/* clang-format off */
static const struct check pre_master_checks[] = {
    CHECK_ROW(FIX_USER, pre_master_key, "Pre-master key generation", "a generic secret of 48 bytes with the version in front"),
    CHECK_ROW(FIX_USER, pre_master_of_other_form, "Pre-master key generation", "class, type and length are implicit; there is a parameter"),
};

static const struct check master_checks[] = {
    CHECK_ROW(FIX_USER, master_key, "Master key derivation", "a generic secret of 48 bytes; the version comes back"),
    CHECK_ROW(FIX_USER, master_of_other_form, "Master key derivation", "class, type and length are implicit; nothing comes back from a failure"),
    CHECK_ROW(FIX_USER, master_and_version, "Master key derivation for Diffie-Hellman", "from any length, without a version; otherwise from 48 bytes"),
    CHECK_ROW(FIX_USER, master_history, "Master key derivation", "the template decides, a history of secrecy goes on"),
};

static const struct check master12_checks[] = {
    CHECK_ROW(FIX_USER, master_uses, "Master key derivation in TLS 1.2", "CKA_ALLOWED_MECHANISMS is of these only"),
    CHECK_ROW(FIX_USER, master_uses_fewer, "CKM_TLS12_KEY_SAFE_DERIVE", "CKA_ALLOWED_MECHANISMS controls the use"),
};

static const struct check material_checks[] = {
    CHECK_ROW(FIX_USER, material_values, "Key and MAC derivation", "four keys and two IVs from one block"),
    CHECK_ROW(FIX_USER, material_attributes, "Key and MAC derivation", "types and uses of the four keys"),
    CHECK_ROW(FIX_USER, material_template_decides, "Key and MAC derivation", "the template has its say about the cipher keys"),
    CHECK_ROW(FIX_USER, material_without_some, "CK_TLS12_KEY_MAT_PARAMS", "no MAC keys or no cipher keys where none are asked for"),
    CHECK_ROW(FIX_USER, material_inherits, "Key and MAC derivation", "all keys inherit the base key's secrecy and its history"),
    CHECK_ROW(FIX_USER, material_repeats, "Key and MAC derivation", "the template may not differ from the base key"),
    CHECK_ROW(FIX_USER, material_all_or_none, "Key and MAC derivation", "if the call fails none of the four keys is created"),
    CHECK_ROW(FIX_USER, material_on_token, "Key and MAC derivation", "four distinct keys on the token"),
    CHECK_ROW(FIX_USER, material_without_places, "CK_SSL3_KEY_MAT_OUT", "there must be places for what comes back"),
};

static const struct check kdf_checks[] = {
    CHECK_ROW(FIX_USER, kdf_values, "Generic Key Derivation using the TLS PRF", "RFC 5705, without context, with an empty one and with one"),
    CHECK_ROW(FIX_USER, kdf_hides, "Generic Key Derivation using the TLS PRF", "a sensitive key gives a sensitive one; what nobody says is the base key's"),
    CHECK_ROW(FIX_USER, kdf_refuses, "CK_TLS_KDF_PARAMS", "a length and a hash are needed"),
};

static const struct check mac_checks[] = {
    CHECK_ROW(FIX_USER, mac_values, "TLS MAC", "the PRF over the label and what is signed, at once and in parts"),
    CHECK_ROW(FIX_USER, mac_verifies, "TLS MAC", "holds for its data, length and side"),
    CHECK_ROW(FIX_USER, mac_refuses, "CK_TLS_MAC_PARAMS", "12 octets in TLS 1.0, at least 12 in TLS 1.2; 1 or 2"),
};

static const struct check record_checks[] = {
    CHECK_ROW(FIX_USER, record_values, "MD5 MACing in SSL 3.0", "4 to 8 bytes as asked for"),
};

static const struct check side_checks[] = {
    CHECK_ROW(FIX_USER, wtls_material, "Server Key and MAC derivation", "two keys and an IV, or none of them"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, wtls_pre_master, "CKM_WTLS_PRE_MASTER_KEY_GEN", "as long as asked for, 20 bytes at least, with the version in front"),
    CHECK(FIX_USER, wtls_master, "CKM_WTLS_MASTER_KEY_DERIVE", "20 bytes; the version comes back, but from Diffie-Hellman"),
    CHECK(FIX_USER, wtls_output, "CKM_WTLS_PRF", "as many bytes as asked for; template and phKey are NULL_PTR"),
    CHECK(FIX_USER, prf_output, "CK_TLS_PRF_PARAMS", "as many bytes as asked for, and no object"),
    CHECK(FIX_USER, prf_no_room, "CK_TLS_PRF_PARAMS", "there must be room and a length"),
    CHECK(FIX_USER, prf_not_of_tls12, "Master key derivation in TLS 1.2", "CKM_TLS_PRF is not among the allowed mechanisms"),
};
/* clang-format on */

void chapter_tls(void)
{
    check_add_rows("tls", pre_master_checks, pre_masters);
    check_add_rows("tls", master_checks, masters);
    check_add_rows_if("tls", master12_checks, masters, is_tls12(row));
    check_add_rows("tls", material_checks, materials);
    check_add_rows("tls", kdf_checks, kdfs);
    check_add_rows("tls", mac_checks, macs);
    check_add_rows("tls", record_checks, records);
    check_add_rows("tls", side_checks, sides);
    check_add_table("tls", checks);
}
