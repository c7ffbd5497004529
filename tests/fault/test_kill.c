/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kill -9 at any instant, in any number of processes, loses no acknowledged change and shows no
 * half one: at the boundaries of the system calls of one writer, in order; at boundaries by chance,
 * and at moments by chance, of one, four and eight.
 */
#include <stdio.h>

#include "writers.h"

/* A boundary by chance is at most this far from a writer's begin. */
#define FAR 2500u

/* Every boundary of the script, or every so many-th of them from a random one on. */
static unsigned sweep(unsigned step)
{
    unsigned boundaries = 0;
    struct killing_plan plan = {.how = KILL_AT_BOUNDARY,
                                .writers = 1,
                                .first = 1 + guest_random(step),
                                .step = step,
                                .changes_pin = true};
    unsigned kills = writers_kill(&plan, &boundaries);
    guest_ok(boundaries > 100 && kills >= boundaries / step && book_is_good(),
             "one writer, killed at %u of the %u boundaries of its script", kills, boundaries);
    return kills;
}

static unsigned by_chance(enum killing how, unsigned writers, unsigned kills)
{
    unsigned boundaries = 0;
    struct killing_plan plan = {.how = how,
                                .writers = writers,
                                .kills = kills,
                                .last = how == KILL_AT_MOMENT ? 60 + 40 * writers : FAR};
    kills = writers_kill(&plan, &boundaries);
    guest_ok(book_is_good(), "%u writers, %u kills at %s by chance", writers, kills,
             how == KILL_AT_MOMENT ? "moments" : "boundaries");
    return kills;
}

int main(int argc, char **argv)
{
    static const unsigned writers[] = {1, 4, 8};
    char tokens[4200];
    unsigned kills = 0;
    if (argc != 2) {
        return 2;
    }
    (void)snprintf(tokens, sizeof tokens, "%s/written", guest_folder());
    guest_use_tokens(tokens, "pin.max_tries = 0"); /* a killed try is a try */
    guest_load(argv[1]);
    writers_prepare();
    kills += sweep(guest_is_slow() ? 12 : guest_amount(2, 1));
    for (unsigned i = 0; i < 3; i++) {
        kills +=
            by_chance(KILL_AT_BOUNDARY, writers[i], guest_is_slow() ? 16 : guest_amount(80, 700));
        kills +=
            by_chance(KILL_AT_MOMENT, writers[i], guest_is_slow() ? 16 : guest_amount(80, 700));
    }
    struct book_result result = book_result();
    guest_note(
        "%lu changes acknowledged, %lu looks at %lu objects: %lu broken, %lu wrong, %lu lost",
        result.acked, result.looks, result.found, result.broken, result.wrong, result.lost);
    guest_count("kills", kills);
    guest_count("objects-looked-at", result.found);
    guest_ok(result.looks > kills / 4 && book_is_good(),
             "nothing acknowledged is lost, nothing is half, after %u kills", kills);
    return guest_end();
}
