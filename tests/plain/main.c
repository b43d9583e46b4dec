/* SPDX-License-Identifier: MIT
 *
 * Runs the tests that are linked with it, one after the other. */
#include <criterion/criterion.h>

static void (*tests[64])(void);
static size_t count;

void plain_test(void (*test)(void))
{
    cr_assert(count < sizeof tests / sizeof *tests);
    tests[count++] = test;
}

int main(void)
{
    for (size_t i = 0; i < count; i++) {
        tests[i]();
    }
    printf("%zu tests\n", count);
    return count == 0;
}
