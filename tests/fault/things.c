/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making, changing and recognising the objects of things.h. The version of keys is the year of a
 * date, that of data objects the beginning of their value.
 */
#include "things.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_YEAR 2000u
#define DATA_MAX (1u << 20)
#define FOUND_MAX 4096

static CK_BBOOL yes = CK_TRUE;

struct thing thing_named(enum thing_kind kind, unsigned writer, unsigned number)
{
    char text[THING_NAME + 1];
    struct thing thing = {.handle = 0};
    (void)snprintf(text, sizeof text, "%c%02u%013u", (char)kind, writer % 100, number);
    memcpy(thing.name, text, sizeof thing.name);
    return thing;
}

static CK_RV put(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE attribute)
{
    return p11->C_SetAttributeValue(session, object, &attribute, 1);
}

/* --- keys and pairs --------------------------------------------------------------------------- */

static CK_RV set_year(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key, unsigned version)
{
    char year[8];
    CK_DATE date = {{0}, {'0', '1'}, {'0', '1'}};
    (void)snprintf(year, sizeof year, "%04u", (FIRST_YEAR + version) % 10000);
    memcpy(date.year, year, sizeof date.year);
    return put(session, key, (CK_ATTRIBUTE){CKA_START_DATE, &date, sizeof date});
}

static unsigned version_of(const CK_DATE *date, CK_ULONG len)
{
    char year[5] = {0};
    memcpy(year, date->year, sizeof date->year);
    return len == 0 ? THING_MADE : (unsigned)strtoul(year, NULL, 10) - FIRST_YEAR;
}

static CK_RV make_pair(CK_SESSION_HANDLE session, struct thing *thing)
{
    CK_BYTE p256[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
    CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_ATTRIBUTE public_template[] = {{CKA_EC_PARAMS, p256, sizeof p256},
                                      {CKA_ID, thing->name, THING_NAME},
                                      {CKA_VERIFY, &yes, sizeof yes},
                                      {CKA_TOKEN, &yes, sizeof yes}};
    CK_ATTRIBUTE template[] = {{CKA_ID, thing->name, THING_NAME},
                               {CKA_SIGN, &yes, sizeof yes},
                               {CKA_PRIVATE, &yes, sizeof yes},
                               {CKA_TOKEN, &yes, sizeof yes}};
    return p11->C_GenerateKeyPair(session, &mechanism, public_template, 4, template, 4,
                                  &thing->public_key, &thing->handle);
}

/* Says what it is, unless the key went meanwhile. */
static bool is_fine(CK_RV rv, const char *what)
{
    bool is_gone = rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OPERATION_NOT_INITIALIZED;
    return !is_gone && guest_fine(rv, what);
}

/* What one signs the other verifies. */
static bool pair_works(CK_SESSION_HANDLE session, const struct thing *thing)
{
    CK_BYTE hash[32] = {0};
    CK_BYTE signature[64];
    CK_ULONG len = sizeof signature;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    memcpy(hash, thing->name, THING_NAME);
    return is_fine(p11->C_SignInit(session, &mechanism, thing->handle), "C_SignInit") &&
           is_fine(p11->C_Sign(session, hash, sizeof hash, signature, &len), "C_Sign") &&
           is_fine(p11->C_VerifyInit(session, &mechanism, thing->public_key), "C_VerifyInit") &&
           is_fine(p11->C_Verify(session, hash, sizeof hash, signature, len), "C_Verify");
}

/* --- data ------------------------------------------------------------------------------------- */

static size_t fill_data(const struct thing *thing, unsigned version, uint8_t value[DATA_MAX])
{
    size_t len = 600 + (size_t)(thing->name[THING_NAME - 1] - '0') % 7 * 1000 + version % 50;
    len = thing->name[0] == THING_BIG ? DATA_MAX - version % 50 : len;
    for (size_t i = 0; i < len; i++) {
        value[i] = (uint8_t)(thing->name[i % THING_NAME] + (int)(i * 7 + (size_t)version * 13));
    }
    value[0] = (uint8_t)(version >> 8);
    value[1] = (uint8_t)version;
    return len;
}

static CK_RV make_data(CK_SESSION_HANDLE session, struct thing *thing)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    static __thread CK_BYTE value[DATA_MAX];
    CK_ATTRIBUTE template[] = {
        {CKA_CLASS, &class, sizeof class},
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_LABEL, thing->name, THING_NAME},
        {CKA_VALUE, value, fill_data(thing, THING_MADE, value)},
    };
    return p11->C_CreateObject(session, template, 5, &thing->handle);
}

static CK_RV set_data(CK_SESSION_HANDLE session, const struct thing *thing, unsigned version)
{
    static __thread CK_BYTE value[DATA_MAX];
    size_t len = fill_data(thing, version, value);
    return put(session, thing->handle, (CK_ATTRIBUTE){CKA_VALUE, value, len});
}

/* --- changes ---------------------------------------------------------------------------------- */

static CK_RV make_first(CK_SESSION_HANDLE session, struct thing *thing)
{
    switch (thing->name[0]) {
    case THING_KEY:
        return guest_key_make(session, (const uint8_t *)thing->name, &thing->handle);
    case THING_PAIR:
        return make_pair(session, thing);
    default:
        return make_data(session, thing);
    }
}

CK_RV thing_change(CK_SESSION_HANDLE session, struct thing *thing, unsigned version)
{
    switch (version) {
    case THING_MADE:
        return make_first(session, thing);
    case THING_HALF:
        return p11->C_DestroyObject(session, thing->public_key);
    case THING_GONE:
        return p11->C_DestroyObject(session, thing->handle);
    default:
        return thing->name[0] == THING_DATA || thing->name[0] == THING_BIG
                   ? set_data(session, thing, version)
                   : set_year(session, thing->handle, version);
    }
}

CK_RV thing_make(CK_SESSION_HANDLE session, struct thing *thing, unsigned version)
{
    CK_RV rv = thing_change(session, thing, THING_MADE);
    return rv == CKR_OK && version > THING_MADE ? thing_change(session, thing, version) : rv;
}

/* --- finding ---------------------------------------------------------------------------------- */

struct search {
    CK_SESSION_HANDLE session;
    thing_visit *visit;
    void *context;
    CK_OBJECT_HANDLE publics[FOUND_MAX];
    char public_names[FOUND_MAX][THING_NAME];
    CK_ULONG public_count;
};

static bool is_name(const CK_ATTRIBUTE *attribute, enum thing_kind kind)
{
    const char *text = attribute->pValue;
    return attribute->ulValueLen == THING_NAME && text[0] == (char)kind;
}

/* An object whose attributes are not those of any of ours: of another class or size. */
static bool is_strange(CK_RV rv)
{
    return rv == CKR_BUFFER_TOO_SMALL || rv == CKR_ATTRIBUTE_TYPE_INVALID ||
           rv == CKR_ATTRIBUTE_SENSITIVE;
}

/* A key's name and version. */
static CK_RV read_key(struct search *search, enum thing_kind kind, struct thing *thing,
                      unsigned *ret_version, bool *ret_named)
{
    CK_DATE date = {{0}, {0}, {0}};
    CK_ATTRIBUTE attributes[] = {{CKA_ID, thing->name, THING_NAME},
                                 {CKA_START_DATE, &date, sizeof date}};
    CK_RV rv = p11->C_GetAttributeValue(search->session, thing->handle, attributes, 2);
    if (rv == CKR_OK) {
        *ret_named = is_name(&attributes[0], kind);
        *ret_version = version_of(&date, attributes[1].ulValueLen);
    }
    return is_strange(rv) ? CKR_OK : rv;
}

/* Others may be at work beside us: what was destroyed between finding and using is as good as not
 * found. */
static bool is_there(struct search *search, CK_OBJECT_HANDLE object)
{
    CK_OBJECT_CLASS class = 0;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof class};
    return object != 0 &&
           p11->C_GetAttributeValue(search->session, object, &attribute, 1) == CKR_OK;
}

static CK_OBJECT_HANDLE find_named(struct search *search, CK_OBJECT_CLASS class,
                                   const struct thing *thing)
{
    CK_OBJECT_HANDLE found = 0;
    CK_ULONG count = 0;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &class, sizeof class},
                             {CKA_ID, (void *)(uintptr_t)thing->name, THING_NAME}};
    CK_RV rv = guest_find(search->session, wanted, 2, &found, 1, &count);
    return guest_fine(rv, "finding by a name") && count == 1 ? found : 0;
}

static CK_RV visit_key(struct search *search, struct thing *thing)
{
    unsigned version = 0;
    bool named = false;
    CK_RV rv = read_key(search, THING_KEY, thing, &version, &named);
    if (rv == CKR_OK) {
        bool whole = named && guest_key_whole(search->session, thing->handle);
        if (whole || is_there(search, thing->handle)) {
            search->visit(thing, version, whole, search->context);
        }
    }
    return rv;
}

static CK_RV visit_private(struct search *search, struct thing *thing)
{
    unsigned version = 0;
    bool named = false;
    CK_RV rv = read_key(search, THING_PAIR, thing, &version, &named);
    for (CK_ULONG i = 0; i < search->public_count && rv == CKR_OK; i++) {
        if (search->publics[i] != 0 &&
            memcmp(search->public_names[i], thing->name, THING_NAME) == 0) {
            thing->public_key = search->publics[i];
            search->publics[i] = 0;
            break;
        }
    }
    if (rv == CKR_OK && thing->public_key == 0) { /* or it came after the public keys were read */
        thing->public_key = find_named(search, CKO_PUBLIC_KEY, thing);
    }
    bool whole = rv == CKR_OK && thing->public_key != 0 && pair_works(search->session, thing);
    if (rv == CKR_OK && (whole || is_there(search, thing->handle))) {
        bool is_half = !whole && !is_there(search, thing->public_key);
        search->visit(thing, is_half ? THING_HALF : version, named && (whole || is_half),
                      search->context);
    }
    return rv;
}

static CK_RV visit_data(struct search *search, struct thing *thing)
{
    static __thread CK_BYTE value[DATA_MAX];
    static __thread CK_BYTE expected[DATA_MAX];
    CK_ATTRIBUTE attributes[] = {{CKA_LABEL, thing->name, THING_NAME},
                                 {CKA_VALUE, value, sizeof value}};
    CK_RV rv = p11->C_GetAttributeValue(search->session, thing->handle, attributes, 2);
    if (rv == CKR_OK) {
        unsigned version = (unsigned)value[0] << 8 | value[1];
        bool whole = (is_name(&attributes[0], THING_DATA) || is_name(&attributes[0], THING_BIG)) &&
                     attributes[1].ulValueLen == fill_data(thing, version, expected) &&
                     memcmp(value, expected, attributes[1].ulValueLen) == 0;
        search->visit(thing, version, whole, search->context);
    } else if (is_strange(rv)) {
        search->visit(thing, 0, false, search->context);
        rv = CKR_OK;
    }
    return rv;
}

static CK_RV note_public(struct search *search, struct thing *thing)
{
    CK_ATTRIBUTE attribute = {CKA_ID, thing->name, THING_NAME};
    CK_RV rv = p11->C_GetAttributeValue(search->session, thing->handle, &attribute, 1);
    if (rv == CKR_OK || is_strange(rv)) {
        memcpy(search->public_names[search->public_count], thing->name, THING_NAME);
        search->publics[search->public_count++] = thing->handle;
    }
    return is_strange(rv) ? CKR_OK : rv;
}

static bool is_gone(CK_RV rv)
{
    return rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID;
}

static CK_RV each_of_class(struct search *search, CK_OBJECT_CLASS class,
                           CK_RV (*take)(struct search *, struct thing *))
{
    static __thread CK_OBJECT_HANDLE found[FOUND_MAX];
    CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof class};
    CK_ULONG count = 0;
    CK_RV rv = guest_find(search->session, &wanted, 1, found, FOUND_MAX, &count);
    for (CK_ULONG i = 0; i < count && rv == CKR_OK; i++) {
        struct thing thing = {.handle = found[i]};
        rv = take(search, &thing);
        rv = is_gone(rv) ? CKR_OK : rv;
    }
    return rv;
}

CK_RV things_each(CK_SESSION_HANDLE session, thing_visit *visit, void *context)
{
    static __thread struct search search;
    search = (struct search){.session = session, .visit = visit, .context = context};
    CK_RV rv = each_of_class(&search, CKO_PUBLIC_KEY, note_public);
    rv = rv == CKR_OK ? each_of_class(&search, CKO_SECRET_KEY, visit_key) : rv;
    rv = rv == CKR_OK ? each_of_class(&search, CKO_PRIVATE_KEY, visit_private) : rv;
    rv = rv == CKR_OK ? each_of_class(&search, CKO_DATA, visit_data) : rv;
    for (CK_ULONG i = 0; i < search.public_count && rv == CKR_OK; i++) {
        struct thing alone = {.public_key = search.publics[i]};
        memcpy(alone.name, search.public_names[i], THING_NAME);
        if (alone.public_key != 0 && find_named(&search, CKO_PRIVATE_KEY, &alone) == 0 &&
            is_there(&search, alone.public_key)) {
            visit(&alone, THING_MADE, false, context);
        }
    }
    return rv;
}
