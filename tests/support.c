/* SPDX-License-Identifier: MIT
 *
 * Runs what is tested with each of its allocations failing in turn. */
#include "tests/support.h"

#include "pb/error.h"

void pb__test_each_failure(int (*run)(void *user_data), void *user_data)
{
    long before = pb__test_live();
    for (int forever = 0; forever < 2; forever++) {
        bool again = true;
        for (long n = 1; again; n++) {
            pb__test_fail_at(n, forever);
            int e = run(user_data);
            again = pb__test_failed();
            pb__test_fail_at(0, false);
            cr_assert(e == 0 || (again && e == PB_ERR_NOMEM),
                      "allocation %ld failing%s: got %d", n, forever ? " for ever" : "",
                      e);
            cr_assert(pb__test_live() == before,
                      "allocation %ld failing%s: %ld blocks left", n,
                      forever ? " for ever" : "", pb__test_live() - before);
        }
    }
}
