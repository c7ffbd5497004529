/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes the first key of thread-specific data, before any other library does. OpenDNSSEC 2.1 sets
 * key 0 in a thread that is faster than the thread that makes the key it means (common/janitor.c);
 * libxml2, whose key that else is, frees what it finds there when the thread ends.
 */
#include <pthread.h>

static void __attribute__((constructor)) take_first_key(void)
{
    pthread_key_t key;
    (void)pthread_key_create(&key, NULL);
}
