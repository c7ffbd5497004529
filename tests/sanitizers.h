/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether this test program is built with a sanitizer: the compilers say it in different ways.
 *
 * Their allocators are not made for forks (gcc 12): a child of a process whose other threads
 * allocate may find one locked, and waits for ever. What a child of such a process does with memory
 * is tested without them.
 */
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define KK_ADDRESS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KK_ADDRESS_SANITIZED 1
#endif
#endif
#ifndef KK_ADDRESS_SANITIZED
#define KK_ADDRESS_SANITIZED 0
#endif

#if defined(__SANITIZE_THREAD__)
#define KK_THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KK_THREAD_SANITIZED 1
#endif
#endif
#ifndef KK_THREAD_SANITIZED
#define KK_THREAD_SANITIZED 0
#endif

#define KK_SANITIZED (KK_ADDRESS_SANITIZED || KK_THREAD_SANITIZED)
