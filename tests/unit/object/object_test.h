/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the tests of object/ share: cmocka, a crypto context, and short ways to write templates.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "object/attrs.h"
#include "object/policy.h"

#define assert_ok(call) assert_int_equal((call), CKR_OK)

#define BOOL_ATTR(type, value) {(type), &(CK_BBOOL){(value)}, sizeof(CK_BBOOL)}
#define ULONG_ATTR(type, value) {(type), &(CK_ULONG){(value)}, sizeof(CK_ULONG)}
#define TEXT_ATTR(type, text) {(type), (void *)(uintptr_t)(text), sizeof(text) - 1}
#define ARRAY_ATTR(type, array) {(type), (void *)(uintptr_t)(array), sizeof(array)}
#define SPAN_ATTR(type, span) {(type), (void *)(uintptr_t)(span).data, (span).len}
#define NULL_ATTR(type) {(type), NULL, 0}

/* Everybody who may do everything, and nobody. */
static const struct kk_actor user = {.user_logged_in = true, .rw_session = true};
static const struct kk_actor so = {.so_logged_in = true, .rw_session = true};
static const struct kk_actor nobody = {.rw_session = true};

/* A template as a set; freed by the caller. */
KK_UNUSED static struct kk_attrs *copy_template(const CK_ATTRIBUTE *attributes, size_t count,
                                                enum kk_verb verb)
{
    struct kk_attrs *attrs = NULL;
    assert_ok(kk_template_copy(attributes, count, verb, &attrs));
    return attrs;
}

#define TEMPLATE(verb, ...)                                                                        \
    copy_template((CK_ATTRIBUTE[]){__VA_ARGS__},                                                   \
                  sizeof((CK_ATTRIBUTE[]){__VA_ARGS__}) / sizeof(CK_ATTRIBUTE), (verb))

/* The crypto context of a test group. */
static struct kk_crypto *crypto;

KK_UNUSED static int open_crypto(void **state)
{
    (void)state;
    return kk_crypto_new(&crypto) == CKR_OK ? 0 : -1;
}

/* Secrets lie in an arena of their own, where no leak checker looks. */
KK_UNUSED static int no_secret_is_left(void **state)
{
    (void)state;
    struct kk_secret_stats stats;
    kk_secret_stats(&stats);
    return stats.in_use == 0 ? 0 : -1;
}

KK_UNUSED static int close_crypto(void **state)
{
    kk_crypto_free(crypto);
    return no_secret_is_left(state);
}

/* begin() with everything from the template. */
KK_UNUSED static CK_RV begin_as(enum kk_verb verb, const struct kk_actor *actor,
                                const struct kk_attrs *tmpl, struct kk_attrs **ret_attrs)
{
    struct kk_begin begin = {
        .verb = verb,
        .actor = *actor,
        .object_class = CK_UNAVAILABLE_INFORMATION,
        .key_type = CK_UNAVAILABLE_INFORMATION,
    };
    return kk_policy_begin(&begin, tmpl, ret_attrs);
}

/* C_CreateObject, both steps; frees the template. */
KK_UNUSED static CK_RV create_as(const struct kk_actor *actor, struct kk_attrs *tmpl,
                                 struct kk_attrs **ret_attrs)
{
    struct kk_attrs *attrs = NULL;
    struct kk_finish finish = {.verb = KK_VERB_CREATE, .uuid = {{1, 2, 3}}};
    CK_RV rv = begin_as(KK_VERB_CREATE, actor, tmpl, &attrs);
    kk_attrs_free(tmpl);
    if (rv == CKR_OK) {
        rv = kk_policy_finish(crypto, &finish, attrs);
    }
    if (rv != CKR_OK) {
        kk_attrs_free(attrs);
        return rv;
    }
    *ret_attrs = attrs;
    return CKR_OK;
}

KK_UNUSED static struct kk_attrs *create(struct kk_attrs *tmpl)
{
    struct kk_attrs *attrs = NULL;
    assert_ok(create_as(&user, tmpl, &attrs));
    return attrs;
}

/* The code of a C_CreateObject that is to fail. */
KK_UNUSED static CK_RV create_code(const struct kk_actor *actor, struct kk_attrs *tmpl)
{
    struct kk_attrs *attrs = NULL;
    CK_RV rv = create_as(actor, tmpl, &attrs);
    if (rv == CKR_OK) {
        kk_attrs_free(attrs);
    }
    return rv;
}
