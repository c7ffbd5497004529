/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terminal without echo. The terminal is switched before the prompt appears, so that whoever
 * answers fast (a script) is not echoed; it is put back on every way out, signals included.
 */
#include "cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/memory.h"

#include "base/banned.h"

static const int ending_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    caught = number;
}

struct terminal {
    bool changed;
    struct termios before;
    struct sigaction actions[KK_ARRAY_LEN(ending_signals)];
    sigset_t mask; /* of the signals that were blocked before */
};

/* Puts everything back; then the signals that came meanwhile have their way. */
static void terminal_end(struct terminal *terminal)
{
    if (!terminal->changed) {
        return;
    }
    tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
    for (size_t i = 0; i < KK_ARRAY_LEN(ending_signals); i++) {
        sigaction(ending_signals[i], &terminal->actions[i], NULL);
    }
    if (caught != 0) {
        raise((int)caught);
    }
    sigprocmask(SIG_SETMASK, &terminal->mask, NULL);
}

/* The ending signals are blocked but while ppoll() waits: one that comes at any other time is not
 * missed. */
static void catch_signals(struct terminal *terminal)
{
    struct sigaction action = {.sa_handler = catch_signal};
    sigset_t ending;
    sigemptyset(&action.sa_mask);
    sigemptyset(&ending);
    caught = 0;
    for (size_t i = 0; i < KK_ARRAY_LEN(ending_signals); i++) {
        sigaddset(&ending, ending_signals[i]);
    }
    sigprocmask(SIG_BLOCK, &ending, &terminal->mask);
    for (size_t i = 0; i < KK_ARRAY_LEN(ending_signals); i++) {
        sigaction(ending_signals[i], NULL, &terminal->actions[i]);
        if (terminal->actions[i].sa_handler != SIG_IGN) {
            sigaction(ending_signals[i], &action, NULL);
        }
    }
}

static bool terminal_begin(struct terminal *terminal)
{
    if (tcgetattr(STDIN_FILENO, &terminal->before) != 0) {
        return false;
    }
    struct termios silent = terminal->before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    silent.c_iflag |= ICRNL;
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    silent.c_cc[VSUSP] = _POSIX_VDISABLE; /* stopping would leave the terminal silent */
    catch_signals(terminal);
    terminal->changed = true;
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &silent) == 0;
}

struct line {
    FILE *out;
    struct kk_secret *bytes;
    size_t len;
};

static void erase(struct line *line, size_t count)
{
    for (; count > 0 && line->len > 0; count--) {
        line->len--;
        fputs("\b \b", line->out);
    }
}

static void append(struct line *line, unsigned char byte)
{
    if (line->len < kk_secret_len(line->bytes)) {
        kk_secret_data(line->bytes)[line->len] = byte;
        line->len++;
        fputc('*', line->out);
    }
}

static bool is_key(unsigned char byte, const struct terminal *terminal, int key)
{
    return byte == terminal->before.c_cc[key] && byte != _POSIX_VDISABLE;
}

/* Waits for a byte; false at the end of input or when a signal says so. */
static bool read_byte(const struct terminal *terminal, unsigned char *ret_byte)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (ppoll(&input, 1, NULL, &terminal->mask) < 0) {
        if (errno != EINTR || caught != 0) {
            return false;
        }
    }
    return read(STDIN_FILENO, ret_byte, 1) == 1;
}

/* One byte at a time until the line ends. */
static KK_RV read_line(const struct terminal *terminal, struct line *line)
{
    for (;;) {
        unsigned char byte = 0;
        fflush(line->out);
        KK_ENSURE(read_byte(terminal, &byte), CKR_FUNCTION_CANCELED);
        if (byte == '\n' || byte == '\r') {
            return CKR_OK;
        }
        if (is_key(byte, terminal, VEOF) && line->len == 0) {
            return CKR_FUNCTION_CANCELED;
        }
        if (byte == '\b' || byte == 0x7f || is_key(byte, terminal, VERASE)) {
            erase(line, 1);
        } else if (is_key(byte, terminal, VKILL)) {
            erase(line, line->len);
        } else {
            append(line, byte);
        }
    }
}

KK_RV kk_cli_prompt(FILE *out, const char *text, size_t max, struct kk_secret **ret_line)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
    KK_TRY(kk_secret_new(max + 1, &bytes));
    KK_CLEANUP(terminal_end) struct terminal terminal = {0};
    bool ready = terminal_begin(&terminal);
    fputs(text, out);
    KK_ENSURE(ready, CKR_FUNCTION_CANCELED);
    struct line line = {.out = out, .bytes = bytes};
    CK_RV rv = read_line(&terminal, &line);
    fputc('\n', out);
    fflush(out);
    KK_TRY(rv);
    kk_secret_truncate(bytes, line.len);
    *ret_line = KK_STEAL(bytes);
    return CKR_OK;
}
