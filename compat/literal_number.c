/* SPDX-License-Identifier: MIT
 *
 * Numbers in Python literals: ints in four bases, floats, underscores between digits. */
#include "compat/floats.h"
#include "compat/integer.h"
#include "compat/literal.h"

static bool is_digit_of(char c, unsigned base)
{
    char low = (char)(c | 0x20);
    return base == 16 ? pb__is_digit(c) || (low >= 'a' && low <= 'f')
                      : c >= '0' && c < (char)('0' + base);
}

/* Skips digits with single underscores between them; returns false if an underscore is
 * elsewhere, with l->at after it. */
static bool skip_digits(struct pb__literal *l, unsigned base)
{
    while (is_digit_of(*l->at, base)) {
        l->at++;
        if (*l->at == '_') {
            l->at++;
            if (!is_digit_of(*l->at, base)) {
                return false;
            }
        }
    }
    return true;
}

/* A name must not follow a number directly, as in 1abc. */
static bool number_ends(const struct pb__literal *l)
{
    return !pb__is_name(*l->at);
}

/* Reads 0x, 0o or 0b and digits. */
static pb_value *number_prefixed(struct pb__literal *l, bool negative, unsigned base)
{
    const char *start = l->at;
    l->at += 2;
    l->at += *l->at == '_';
    const char *digits = l->at;
    if (!skip_digits(l, base) || l->at == digits || !number_ends(l)) {
        return pb__literal_fail(l, l->at, "invalid digit in '%.20s', a number of base %u",
                                start, base);
    }
    pb_value *v = pb__int_digits(negative, digits, (size_t)(l->at - digits), base);
    return v ? v : pb__literal_nomem(l);
}

static pb_value *number_whole(struct pb__literal *l, bool negative, const char *start)
{
    size_t len = (size_t)(l->at - start);
    if (*start == '0' && strspn(start, "0_") < len) {
        return pb__literal_fail(l, start, "leading zeros are not permitted in '%.*s'",
                                len < 40 ? (int)len : 40, start);
    }
    pb_value *v = pb__int_digits(negative, start, len, 10);
    return v ? v : pb__literal_nomem(l);
}

static pb_value *number_real(struct pb__literal *l, bool negative, const char *start)
{
    double d = 0;
    bool good = pb__float_parse(start, (size_t)(l->at - start), &d);
    assert(good);
    (void)good;
    pb_value *v = pb_float(negative ? -d : d);
    return v ? v : pb__literal_nomem(l);
}

/* Skips a fraction and an exponent such as ".5e10", both optional; returns false if they
 * are malformed. */
static bool skip_fraction(struct pb__literal *l)
{
    if (*l->at == '.') {
        l->at++;
        if (!skip_digits(l, 10)) {
            return false;
        }
    }
    if ((*l->at | 0x20) == 'e') {
        l->at++;
        l->at += *l->at == '-' || *l->at == '+';
        return pb__is_digit(*l->at) && skip_digits(l, 10);
    }
    return true;
}

pb_value *pb__literal_number(struct pb__literal *l, bool negative)
{
    const char *start = l->at;
    char mark = (char)(l->at[0] == '0' ? l->at[1] | 0x20 : 0);
    if (mark == 'x' || mark == 'o' || mark == 'b') {
        return number_prefixed(l, negative, mark == 'x' ? 16 : mark == 'o' ? 8 : 2);
    }
    bool good = skip_digits(l, 10);
    bool is_whole = *l->at != '.' && (*l->at | 0x20) != 'e';
    good = good && skip_fraction(l);
    if (good && (*l->at | 0x20) == 'j') {
        return pb__literal_fail(l, start, "complex numbers are not supported");
    }
    if (!good || !number_ends(l)) {
        return pb__literal_fail(l, l->at, "invalid number '%.20s'", start);
    }
    return is_whole ? number_whole(l, negative, start) : number_real(l, negative, start);
}
