/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the checks stand on: the module under test, a token of the runner's own in it, sessions,
 * objects and keys.
 */
#pragma once

#include "runner.h"

struct env {
    CK_FUNCTION_LIST_PTR list_2_40;    /* what C_GetFunctionList gives */
    CK_FUNCTION_LIST_3_0_PTR list_3_0; /* NULL where not offered */
    CK_FUNCTION_LIST_3_2_PTR list_3_2; /* NULL where not offered */
    CK_FUNCTION_LIST_3_2 functions;    /* the best of the three; NULL where not offered */
    CK_SLOT_ID slot;                   /* the token that the chapter made */
    CK_SESSION_HANDLE session;         /* the check's session, where the fixture opens one */
};

extern struct env env;
#define F (&env.functions)
#define S (env.session)

#define USER_PIN "conf-user-pin"
#define SO_PIN "conf-so-pin"
#define PIN(text) (CK_UTF8CHAR_PTR)(text), sizeof(text) - 1

/* The runner's side. */
bool env_load(const char *path, char *error, size_t error_size);
typedef void (*symbol_fn)(void);
symbol_fn env_symbol(const char *name);     /* NULL where the module exports no such symbol */
void env_choose_token(const char *chapter); /* makes it when it is not there; fails the check */
void env_begin(enum fixture fixture);
void env_end(bool failed); /* a failed check may have spoilt the token: then another is made */

/* False when the module's tokens end with C_Finalize: a check that initialises the library itself
 * then makes the runner's token again, which does nothing while there is one. */
bool env_tokens_stay(void);
void env_make_again(void);

/* Leaves nothing open: for a check that wants to start from less than its fixture. */
void env_reset(void);

#define REQUIRE_FUNCTION(name)                                                                     \
    do {                                                                                           \
        if (F->name == NULL)                                                                       \
            check_skip(#name " is not in any function list");                                      \
    } while (0)

/* Skips the check unless the token lists the mechanism with all of these CKF_ flags. */
void require_mechanism(CK_MECHANISM_TYPE type, CK_FLAGS flags);
bool has_mechanism(CK_MECHANISM_TYPE type, CK_FLAGS flags);
CK_TOKEN_INFO token_info(void);
/* A slot with a token that was never initialised; skips the check when there is none. */
CK_SLOT_ID require_free_slot(void);
/* A slot id that no slot has. */
CK_SLOT_ID absent_slot(void);

/* Sessions. All are closed when the check ends. */
CK_SESSION_HANDLE open_session(CK_FLAGS flags); /* CKF_RW_SESSION or 0 */
CK_STATE session_state(CK_SESSION_HANDLE session);
CK_RV login_rv(CK_SESSION_HANDLE session, CK_USER_TYPE user, const char *pin);
void login(CK_SESSION_HANDLE session, CK_USER_TYPE user);
void logout(CK_SESSION_HANDLE session);

/* Attributes in templates. The values live as long as the enclosing block. */
#define ATTR_U(type, value) {(type), &(CK_ULONG){(value)}, sizeof(CK_ULONG)}
#define ATTR_B(type, value) {(type), &(CK_BBOOL){(value)}, sizeof(CK_BBOOL)}
#define ATTR_X(type, bytes, length) {(type), (CK_VOID_PTR)(bytes), (length)}
#define ATTR_A(type, array) {(type), (CK_VOID_PTR)(array), sizeof(array)}
#define ATTR_S(type, text) {(type), (CK_VOID_PTR)(text), sizeof(text) - 1}

struct template
{
    CK_ATTRIBUTE *attributes;
    CK_ULONG count;
};

#define TEMPLATE(...)                                                                              \
    ((struct template){(CK_ATTRIBUTE[]){__VA_ARGS__},                                              \
                       sizeof((CK_ATTRIBUTE[]){__VA_ARGS__}) / sizeof(CK_ATTRIBUTE)})
#define NO_ATTRIBUTES ((struct template){NULL, 0})

/* C_CreateObject in S. Token objects are destroyed when the check ends. */
CK_RV create_rv(struct template template, CK_OBJECT_HANDLE *ret_object);
#define CREATE_RV(...) create_rv(TEMPLATE(__VA_ARGS__), &(CK_OBJECT_HANDLE){0})
CK_OBJECT_HANDLE create_object(const char *where, struct template template);
#define CREATE(...) create_object(HERE, TEMPLATE(__VA_ARGS__))

/* C_GenerateKey and C_GenerateKeyPair in S, of a mechanism without parameter. */
CK_RV generate_rv(CK_MECHANISM_TYPE type, struct template template, CK_OBJECT_HANDLE *ret_key);
#define GENERATE_RV(type, ...) generate_rv(type, TEMPLATE(__VA_ARGS__), &(CK_OBJECT_HANDLE){0})
CK_OBJECT_HANDLE generate_key(const char *where, CK_MECHANISM_TYPE type, struct template template);
#define GENERATE(type, ...) generate_key(HERE, type, TEMPLATE(__VA_ARGS__))
CK_RV generate_pair_rv(CK_MECHANISM_TYPE type, struct template public_template,
                       struct template private_template, CK_OBJECT_HANDLE *ret_public,
                       CK_OBJECT_HANDLE *ret_private);

/* The checks that make token objects by other calls say so. */
void token_objects_made(void);

/* Attributes of an object, read in S. */
CK_RV get_rv(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG *length);
CK_ULONG get_ulong(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
CK_BBOOL get_bool(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
CK_ULONG get_bytes(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG room);
/* Reading it gives CKR_ATTRIBUTE_SENSITIVE and no value. */
void expect_secret(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);
CK_RV set_rv(CK_OBJECT_HANDLE object, struct template template);
#define SET_RV(object, ...) set_rv(object, TEMPLATE(__VA_ARGS__))
CK_RV copy_rv(CK_OBJECT_HANDLE object, struct template template, CK_OBJECT_HANDLE *ret_object);
#define COPY_RV(object, ...) copy_rv(object, TEMPLATE(__VA_ARGS__), &(CK_OBJECT_HANDLE){0})
CK_OBJECT_HANDLE copy_object(const char *where, CK_OBJECT_HANDLE object, struct template template);
#define COPY(object, ...) copy_object(HERE, object, TEMPLATE(__VA_ARGS__))
bool object_is_alive(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object);

/* How many objects a template finds in a session. */
CK_ULONG find_count(CK_SESSION_HANDLE session, struct template template);
#define FIND_COUNT(session, ...) find_count(session, TEMPLATE(__VA_ARGS__))
CK_OBJECT_HANDLE find_one(CK_SESSION_HANDLE session, struct template template);
#define FIND_ONE(session, ...) find_one(session, TEMPLATE(__VA_ARGS__))

/* Mechanisms. */
#define MECHANISM(type) (&(CK_MECHANISM){(type), NULL, 0})
#define MECHANISM_X(type, parameter, length)                                                       \
    (&(CK_MECHANISM){(type), (CK_VOID_PTR)(parameter), (length)})
#define MECHANISM_P(type, structure) MECHANISM_X(type, &(structure), sizeof(structure))

/* Some bytes, always the same: length bytes that depend on seed. */
void fill_bytes(CK_BYTE *bytes, size_t length, unsigned seed);
/* The bytes that hexadecimal digits stand for; gives how many. */
CK_ULONG from_hex(const char *hex, CK_BYTE *bytes);
