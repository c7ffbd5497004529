/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The result, cleanup and assertion macros that every layer uses.
 *
 * A function that can fail is declared KK_RV: it returns a CKR_ code that nobody may ignore.
 * KK_TRY passes a failure on, KK_ENSURE makes one. KK_CLEANUP ties an owned local to its destructor
 * (which takes the address of the variable), KK_STEAL gives the value away.
 */
#pragma once

#include "cryptoki/pkcs11.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KK_RV __attribute__((warn_unused_result)) CK_RV

#define KK_PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))
#define KK_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#define KK_ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define KK_UNUSED __attribute__((unused))
#define KK_LIKELY(x) __builtin_expect(!!(x), 1)
#define KK_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define KK_MIN(a, b) ((a) < (b) ? (a) : (b))
#define KK_MAX(a, b) ((a) > (b) ? (a) : (b))

/* Debug level tells where a failure began; never a value. Returns `rv`. */
CK_RV kk_trace_origin(CK_RV rv, const char *file, int line) __attribute__((cold));

#define KK_TRY(call)                                                                               \
    do {                                                                                           \
        CK_RV kk_try_rv_ = (call);                                                                 \
        if (KK_UNLIKELY(kk_try_rv_ != CKR_OK)) {                                                   \
            return kk_try_rv_;                                                                     \
        }                                                                                          \
    } while (0)

/* For the rare call whose failure changes nothing; say why beside it. */
#define KK_IGNORE(call)                                                                            \
    do {                                                                                           \
        CK_RV kk_ignored_rv_ = (call);                                                             \
        (void)kk_ignored_rv_;                                                                      \
    } while (0)

#define KK_ENSURE(condition, rv)                                                                   \
    do {                                                                                           \
        if (KK_UNLIKELY(!(condition))) {                                                           \
            return kk_trace_origin((rv), __FILE__, __LINE__);                                      \
        }                                                                                          \
    } while (0)

#define KK_CLEANUP(function) __attribute__((cleanup(function)))

#define KK_STEAL(pointer)                                                                          \
    __extension__({                                                                                \
        __typeof__(pointer) kk_stolen_ = (pointer);                                                \
        (pointer) = NULL;                                                                          \
        kk_stolen_;                                                                                \
    })

/* Defines destroyp(), which KK_CLEANUP wants, from destroy(), which takes the pointer itself. */
#define KK_DEFINE_CLEANUP(type, destroy)                                                           \
    KK_UNUSED static inline void destroy##p(type *pointer)                                         \
    {                                                                                              \
        if (*pointer != NULL) {                                                                    \
            destroy(*pointer);                                                                     \
        }                                                                                          \
    }                                                                                              \
    struct kk_semicolon_

/* A programmer's error ends the process, in release builds too. No input may reach one. */
void kk_assert_failed(const char *expression, const char *file, int line)
    __attribute__((noreturn, cold));

#define KK_ASSERT(condition)                                                                       \
    do {                                                                                           \
        if (KK_UNLIKELY(!(condition))) {                                                           \
            kk_assert_failed(#condition, __FILE__, __LINE__);                                      \
        }                                                                                          \
    } while (0)
