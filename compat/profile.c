/* SPDX-License-Identifier: MIT
 *
 * Looks up the differences between peers, and parses profiles. */
#include "compat/profile.h"

#include <stdio.h>
#include <string.h>

#include "libpb/base/error.h"

static const struct {
    uint16_t python_first, python_last, first, last;
} rows[] = {
#define ROW(name, python_first, python_last, first, last, sentence) \
    {python_first, python_last, first, last},
    PB__PROFILE_MAP(ROW)
#undef ROW
};

bool pb__profile_has(pb_profile p, enum pb__profile_row row)
{
    bool old = p.python_major == 2;
    int minor = p.python_minor ? p.python_minor : old ? 7 : 11;
    int python = (old ? 200 : 300) + minor;
    int twisted = p.twisted ? p.twisted
                  : old     ? PB__TWISTED_NEWEST_PYTHON2
                            : PB__TWISTED_NEWEST;
    return python >= rows[row].python_first && python <= rows[row].python_last &&
           twisted >= rows[row].first && twisted <= rows[row].last;
}

/* Reads a number of at most two digits; returns false if there is none. */
static bool take_number(const char **s, unsigned *out)
{
    const char *at = *s;
    *out = 0;
    while (*at >= '0' && *at <= '9' && at - *s < 2) {
        *out = *out * 10 + (unsigned)(*at++ - '0');
    }
    bool any = at != *s;
    *s = at;
    return any;
}

static bool profile_take_word(const char **s, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*s, word, len) != 0) {
        return false;
    }
    *s += len;
    return true;
}

/* "2", "3" or "3.11" */
static bool take_python(const char **s, pb_profile *out)
{
    unsigned major;
    unsigned minor = 0;
    if (!take_number(s, &major) || (major != 2 && major != 3) ||
        (profile_take_word(s, ".") && !take_number(s, &minor))) {
        return false;
    }
    out->python_major = (uint8_t)major;
    out->python_minor = (uint8_t)minor;
    return true;
}

/* The suffixes of Twisted's versions: "rc1", ".rc1", ".post0", ".dev0", in this order.
 * None of them changes what is sent, so the numbers are read and not used. */
static bool profile_take_suffixes(const char **s)
{
    static const char *const words[] = {"rc", "post", "dev"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = *s;
        unsigned number;
        profile_take_word(&at, ".");
        if (profile_take_word(&at, words[i])) {
            if (!take_number(&at, &number)) {
                return false;
            }
            *s = at;
        }
    }
    return true;
}

static bool profile_take_patch(const char **s)
{
    unsigned patch;
    return **s != '.' || (*s)[1] < '0' || (*s)[1] > '9' ||
           (profile_take_word(s, ".") && take_number(s, &patch));
}

/* "22.4", "22.4.0", "24.10.0rc1" or "24.7.0.post0" */
static bool take_twisted(const char **s, pb_profile *out)
{
    unsigned year, month;
    if (!take_number(s, &year) || !profile_take_word(s, ".") || !take_number(s, &month) ||
        !profile_take_patch(s) || !profile_take_suffixes(s)) {
        return false;
    }
    out->twisted = (uint16_t)(year * 100 + month);
    return true;
}

int pb_profile_parse(const char *text, pb_profile *out, pb_error *err)
{
    pb_profile p = {0};
    const char *s = text;
    if (out) {
        *out = p;
    }
    if (!text || !out) {
        return pb__error_null(err,
                              text ? "the profile to fill" : "the name of a profile");
    }
    bool good = profile_take_word(&s, "python")
                    ? take_python(&s, &p)
                    : take_twisted(&s, &p) &&
                          (!profile_take_word(&s, "-py") || take_python(&s, &p));
    if (!good || *s != '\0') {
        return pb__error_set(err, PB_ERR_SYNTAX, (uint64_t)(s - text),
                             "'%.40s' is not a profile such as 22.4.0-py3 or python2",
                             text);
    }
    *out = p;
    return 0;
}
