/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The wrappers, and the last answers of the check that runs.
 */
#include "seen.h"

#include <stdatomic.h>

#include "cryptoki/functions.h"

enum { RECENT = 64, MAX_PAIRS = 512 };

enum function {
#define NUMBER(name, ...) NUMBER_##name,
    KK_FUNCTIONS(NUMBER)
#undef NUMBER
        FUNCTION_COUNT
};

static const char *const names[] = {
#define NAME(name, ...) #name,
    KK_FUNCTIONS(NAME)
#undef NAME
};

static CK_FUNCTION_LIST_3_2 real;

/* Answers in their order, the oldest overwritten: function << 32 | code. Threads may write. */
static atomic_ullong recent[RECENT];
static atomic_uint answers;

static struct seen_pair pairs[MAX_PAIRS];
static size_t pair_count;

static CK_RV answered(enum function function, CK_RV rv)
{
    unsigned number = atomic_fetch_add(&answers, 1);
    atomic_store(&recent[number % RECENT], (unsigned long long)function << 32 | (rv & 0xffffffff));
    return rv;
}

#define WITHOUT_APP(app, ...) (__VA_ARGS__)
#define WRAPPER(name, parameters, app_parameters, app_arguments)                                   \
    static CK_RV seen_##name parameters                                                            \
    {                                                                                              \
        return answered(NUMBER_##name, real.name WITHOUT_APP app_arguments);                       \
    }
KK_FUNCTIONS(WRAPPER)

void seen_wrap(CK_FUNCTION_LIST_3_2 *functions)
{
    real = *functions;
#define WRAP(name, ...)                                                                            \
    if (real.name != NULL)                                                                         \
        functions->name = seen_##name;
    KK_FUNCTIONS(WRAP)
#undef WRAP
}

void seen_begin(void)
{
    atomic_store(&answers, 0);
    pair_count = 0;
}

static void add_pair(unsigned function, CK_RV rv)
{
    for (size_t i = 0; i < pair_count; i++) {
        if (pairs[i].function == function && pairs[i].rv == rv)
            return;
    }
    if (pair_count < MAX_PAIRS)
        pairs[pair_count++] = (struct seen_pair){function, rv};
}

void seen_expected(CK_RV rv)
{
    unsigned count = atomic_load(&answers);
    for (unsigned back = 1; back <= RECENT && back <= count; back++) {
        unsigned long long answer = atomic_load(&recent[(count - back) % RECENT]);
        if ((answer & 0xffffffff) == rv) {
            add_pair((unsigned)(answer >> 32), rv);
            return;
        }
    }
}

size_t seen_pairs(const struct seen_pair **ret_pairs)
{
    *ret_pairs = pairs;
    return pair_count;
}

const char *seen_name(unsigned function)
{
    return function < FUNCTION_COUNT ? names[function] : NULL;
}
