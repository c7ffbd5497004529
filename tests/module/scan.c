/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The search: a bit per hash of a window's first half, then a hash table of masked windows. Memory
 * is read in place, 8 bytes at a time, so the search itself leaves no copy of what it passes.
 */
#include "scan.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

#define WINDOW 16u
#define HALF_MASK_A UINT64_C(0x9d3c5a7166e1f08b)
#define HALF_MASK_B UINT64_C(0x4be8172fd3a09c65)
#define TABLE_BITS 18u
#define TABLE_SIZE (1u << TABLE_BITS)
#define FILTER_BITS 22u
#define NAMES_MAX 4096
#define LONGEST 1024
#define DISTINCT_MIN 12 /* values among 16 bytes; random ones have 15 or 16 */
#define SECRET_MAPS_MAX 256

/* A window of 16 bytes, masked. */
struct window {
    uint64_t a;
    uint64_t b;
    uint16_t name; /* 0: the place is free */
    uint16_t at;
};

static struct window table[TABLE_SIZE];
static uint8_t filter[(1u << FILTER_BITS) / 8];
static size_t window_count;
static struct {
    char text[60];
} names[NAMES_MAX];
static uint16_t name_count = 1;
static uint16_t secret_memory_name; /* 0: nothing was remembered from there */

static struct {
    uintptr_t start;
    uintptr_t end;
} secret_maps[SECRET_MAPS_MAX];
static size_t secret_map_count;

static uint64_t hash_of(uint64_t half)
{
    half *= UINT64_C(0x9e3779b97f4a7c15);
    return half ^ (half >> 31);
}

static inline uint64_t load(const uint8_t *at)
{
    uint64_t half;
    memcpy(&half, at, sizeof half);
    return half;
}

static void add_window(const uint8_t *bytes, uint16_t name, size_t at)
{
    uint64_t a = load(bytes) ^ HALF_MASK_A;
    uint64_t b = load(bytes + 8) ^ HALF_MASK_B;
    uint64_t hash = hash_of(a);
    size_t place = hash & (TABLE_SIZE - 1);
    if (++window_count > TABLE_SIZE / 2) {
        guest_bail("too many windows to look for");
    }
    while (table[place].name != 0) {
        place = (place + 1) & (TABLE_SIZE - 1);
    }
    table[place] = (struct window){.a = a, .b = b, .name = name, .at = (uint16_t)at};
    size_t bit = (size_t)(hash >> (64 - FILTER_BITS));
    filter[bit / 8] |= (uint8_t)(1u << (bit % 8));
}

/* One form of a secret: bytes taken in an order, under a pad. The bytes are put together on the
 * stack, piece by piece, and wiped. */
static void remember_form(const char *name, const char *form, const uint8_t *bytes, size_t len,
                          size_t word, uint8_t pad)
{
    uint8_t piece[WINDOW];
    if (name_count == NAMES_MAX) {
        guest_bail("too many secrets to look for");
    }
    (void)snprintf(names[name_count].text, sizeof names[0].text, "%s%s", name, form);
    for (size_t at = 0; at + WINDOW <= len; at++) {
        for (size_t i = 0; i < WINDOW; i++) {
            size_t from = at + i;
            size_t start = from - from % word;
            size_t size = start + word <= len ? word : len - start;
            piece[i] = bytes[start + size - 1 - (from - start)] ^ pad;
        }
        add_window(piece, name_count, at);
    }
    explicit_bzero(piece, sizeof piece);
    name_count++;
}

void scan_remember(const char *name, const uint8_t *bytes, size_t len)
{
    static const struct {
        const char *form;
        size_t word;
        uint8_t pad;
    } forms[] = {
        {"", 1, 0},
        {", reversed", LONGEST, 0},
        {", words of 4 swapped", 4, 0},
        {", words of 8 swapped", 8, 0},
        {", inner pad", 1, 0x36},
        {", outer pad", 1, 0x5c},
        {", inner pad in words of 4", 4, 0x36},
        {", outer pad in words of 4", 4, 0x5c},
        {", inner pad in words of 8", 8, 0x36},
        {", outer pad in words of 8", 8, 0x5c},
    };
    if (len < WINDOW || len > LONGEST) {
        guest_bail("%s: %zu bytes cannot be looked for", name, len);
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        size_t word = forms[i].word == LONGEST ? len : forms[i].word;
        remember_form(name, forms[i].form, bytes, len, word, forms[i].pad);
    }
}

static const struct window *find_window(const uint8_t *at)
{
    uint64_t a = load(at) ^ HALF_MASK_A;
    uint64_t hash = hash_of(a);
    size_t bit = (size_t)(hash >> (64 - FILTER_BITS));
    if ((filter[bit / 8] & (1u << (bit % 8))) == 0) {
        return NULL;
    }
    uint64_t b = load(at + 8) ^ HALF_MASK_B;
    for (size_t i = hash & (TABLE_SIZE - 1); table[i].name != 0; i = (i + 1) & (TABLE_SIZE - 1)) {
        if (table[i].a == a && table[i].b == b) {
            return &table[i];
        }
    }
    return NULL;
}

/* --- the module's secret memory --------------------------------------------------------------- */

static void find_secret_maps(void)
{
    char line[512];
    uintptr_t start = 0;
    uintptr_t end = 0;
    FILE *maps = fopen("/proc/self/smaps", "r");
    if (maps == NULL) {
        guest_bail("cannot read /proc/self/smaps");
    }
    secret_map_count = 0;
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from = 0;
        uintptr_t to = 0;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &from, &to) == 2) {
            start = from;
            end = to;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " wr") != NULL &&
                   strstr(line, " dd") != NULL && strstr(line, " wf") != NULL) {
            if (secret_map_count == SECRET_MAPS_MAX) {
                guest_bail("too many maps of secret memory");
            }
            secret_maps[secret_map_count].start = start;
            secret_maps[secret_map_count++].end = end;
        }
    }
    (void)fclose(maps);
}

static bool is_secret_memory(const uint8_t *at)
{
    for (size_t i = 0; i < secret_map_count; i++) {
        if ((uintptr_t)at >= secret_maps[i].start && (uintptr_t)at < secret_maps[i].end) {
            return true;
        }
    }
    return false;
}

static bool looks_random(const uint8_t *bytes)
{
    bool seen[256] = {false};
    size_t distinct = 0;
    for (size_t i = 0; i < WINDOW; i++) {
        distinct += !seen[bytes[i]];
        seen[bytes[i]] = true;
    }
    return distinct >= DISTINCT_MIN;
}

void scan_remember_secret_memory(void)
{
    size_t before = window_count;
    if (secret_memory_name == 0) {
        secret_memory_name = name_count++;
        (void)snprintf(names[secret_memory_name].text, sizeof names[0].text, "secret memory");
    }
    find_secret_maps();
    for (size_t i = 0; i < secret_map_count; i++) {
        const uint8_t *end = (const uint8_t *)secret_maps[i].end;
        for (const uint8_t *at = (const uint8_t *)secret_maps[i].start; at < end; at += WINDOW) {
            if (looks_random(at) && find_window(at) == NULL) {
                add_window(at, secret_memory_name, 0);
            }
        }
    }
    if (window_count - before > 8) {
        guest_note("%zu pieces of secret memory more", window_count - before);
    }
}

/* --- the search ------------------------------------------------------------------------------- */

/* Where a piece of secret memory may be. */
static bool is_at_home(const struct window *window, const uint8_t *at, const char *map)
{
    return window->name == secret_memory_name &&
           (is_secret_memory(at) || strstr(map, "/libkeykist.so") != NULL);
}

/* The windows of one copy lie side by side: they are told once. */
static size_t scan_range(const uint8_t *start, const uint8_t *end, const char *map)
{
    size_t found = 0;
    for (const uint8_t *at = start; at + WINDOW <= end; at++) {
        const struct window *window = find_window(at);
        if (window == NULL || is_at_home(window, at, map)) {
            continue;
        }
        const struct window first = *window;
        const uint8_t *from = at;
        while (at + 1 + WINDOW <= end && find_window(at + 1) != NULL) {
            at++;
        }
        guest_note("%s from byte %u: %zu bytes at %p (%zu before the end) in %s",
                   names[first.name].text, first.at, (size_t)(at - from) + WINDOW,
                   (const void *)from, (size_t)(end - from), map);
        found++;
    }
    return found;
}

size_t scan_memory(void)
{
    size_t found = 0;
    char line[512];
    find_secret_maps();
    FILE *maps = fopen("/proc/self/maps", "r");
    if (maps == NULL) {
        guest_bail("cannot read /proc/self/maps");
    }
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t start = 0;
        uintptr_t end = 0;
        char mode[5] = "";
        int name = 0;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %*s %n", &start, &end, mode,
                   &name) == 3 &&
            mode[0] == 'r' && mode[1] == 'w') {
            line[strcspn(line, "\n")] = '\0';
            found += scan_range((const uint8_t *)start, (const uint8_t *)end,
                                line[name] != '\0' ? line + name : "an unnamed map");
        }
    }
    (void)fclose(maps);
    return found;
}
