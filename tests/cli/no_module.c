/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A shared library that is no PKCS#11 module.
 */
extern int kk_test_not_a_module;
__attribute__((visibility("default"))) int kk_test_not_a_module = 1;
