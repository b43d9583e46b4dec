/* SPDX-License-Identifier: MIT
 *
 * The C side of against_python.py. Reads lines; answers each with one line:
 *   LITERAL               its repr, or "error OFFSET: TEXT"
 *   LITERAL TAB LITERAL   "True" or "False", whether they are equal both ways round; with
 *                         " hash" behind where equal values have different hashes */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat/compare.h"
#include "pb/value.h"

static void say_repr(const char *literal)
{
    pb_error err = {0};
    pb_value *v = pb_value_parse(literal, &err);
    if (!v) {
        printf("error %d: %s\n", (int)err.offset, err.text);
        return;
    }
    char *repr = pb_value_repr(v);
    puts(repr);
    pb_free(repr);
    pb_value_unref(v);
}

static void say_equal(const char *left, const char *right)
{
    pb_value *a = pb_value_parse(left, NULL);
    pb_value *b = pb_value_parse(right, NULL);
    if (!a || !b) {
        puts("error");
    } else {
        uint64_t x = 0;
        uint64_t y = 0;
        bool equal = pb_value_equal(a, b);
        bool hashable = pb__hash(a, &x) == 0 && pb__hash(b, &y) == 0;
        printf("%s%s%s\n", equal ? "True" : "False",
               equal != pb_value_equal(b, a) ? " one-sided" : "",
               equal && hashable && x != y ? " hash" : "");
    }
    pb_value_unref(a);
    pb_value_unref(b);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    while ((len = getline(&line, &size, stdin)) > 0) {
        line[len - 1] = '\0';
        char *tab = strchr(line, '\t');
        if (tab) {
            *tab = '\0';
            say_equal(line, tab + 1);
        } else {
            say_repr(line);
        }
    }
    free(line);
    return 0;
}
