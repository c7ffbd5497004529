/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log: one line a person can act on for each failure. Never a PIN, a key or an attribute value.
 *
 * Targets: syslog (default), stderr, or a file that is appended to
 * ("YYYY-mm-dd HH:MM:SS.mmm [pid] LEVEL: text"). Before kk_log_configure() lines of WARNING and
 * above go to syslog. Identical lines are limited to 5 a minute, with a line that counts the rest.
 */
#pragma once

#include "base/macros.h"

enum kk_log_level { KK_LOG_ERROR = 3, KK_LOG_WARNING = 4, KK_LOG_INFO = 6, KK_LOG_DEBUG = 7 };
enum kk_log_target { KK_LOG_SYSLOG, KK_LOG_STDERR, KK_LOG_FILE };

/* False when `name` is none of ERROR, WARNING, INFO, DEBUG (exactly). */
bool kk_log_level_parse(const char *name, enum kk_log_level *ret_level);

/* `path` is for KK_LOG_FILE only. A file that cannot be opened is said on syslog, which stays the
 * target; that is not an error of the caller's. */
void kk_log_configure(enum kk_log_level level, enum kk_log_target target, const char *path);

bool kk_log_enabled(enum kk_log_level level);

void kk_log_write(enum kk_log_level level, const char *format, ...) KK_PRINTF(2, 3);

#define kk_log_error(...) kk_log_write(KK_LOG_ERROR, __VA_ARGS__)
#define kk_log_warning(...) kk_log_write(KK_LOG_WARNING, __VA_ARGS__)
#define kk_log_info(...) kk_log_write(KK_LOG_INFO, __VA_ARGS__)
#define kk_log_debug(...)                                                                          \
    do {                                                                                           \
        if (kk_log_enabled(KK_LOG_DEBUG)) {                                                        \
            kk_log_write(KK_LOG_DEBUG, __VA_ARGS__);                                               \
        }                                                                                          \
    } while (0)
