/* SPDX-License-Identifier: MIT
 *
 * Parses options by their tables, and prints the help of them. */
#include "tools/common/options.h"

#include <string.h>

#include "tools/common/command.h"

static const struct tool_option help_option = {"help", NULL, "print this text", 0, 'h'};

/* ---- Finding options ---- */

/* An option, and the group that has it; group is NULL for --help. */
struct found_option {
    const struct tool_option *option;
    const struct tool_options *group;
    bool ambiguous;
};

static void option_match(struct found_option *found, const struct tool_options *group,
                         const struct tool_option *o, const char *name, size_t len)
{
    if (strncmp(o->name, name, len) != 0) {
        return;
    }
    bool whole = !o->name[len], whole_before = found->option && !found->option->name[len];
    if (!whole_before && (whole || !found->option)) {
        *found = (struct found_option){o, group, false};
    } else if (!whole && !whole_before) {
        found->ambiguous = true;
    }
}

/* Finds an option by its name or an unambiguous beginning of it. */
static struct found_option option_by_name(const struct tool_usage *u, const char *name,
                                          size_t len)
{
    struct found_option found = {0};
    for (const struct tool_options *g = u->groups; g->options; g++) {
        for (const struct tool_option *o = g->options; o->name; o++) {
            option_match(&found, g, o, name, len);
        }
    }
    option_match(&found, NULL, &help_option, name, len);
    return found;
}

static struct found_option option_by_letter(const struct tool_usage *u, char letter)
{
    for (const struct tool_options *g = u->groups; g->options; g++) {
        for (const struct tool_option *o = g->options; o->name; o++) {
            if (o->letter == letter) {
                return (struct found_option){o, g, false};
            }
        }
    }
    return (struct found_option){letter == help_option.letter ? &help_option : NULL, NULL,
                                 false};
}

const struct tool_option *tool_find_option(const struct tool_options *group,
                                           const char *name)
{
    const struct tool_option *o = group->options;
    while (o->name && strcmp(o->name, name) != 0) {
        o++;
    }
    return o->name ? o : NULL;
}

/* ---- Suggestions ---- */

enum { WORD_MAX = 40 };

static size_t distance_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The number of letters to insert, remove, replace or swap with the next. */
static size_t word_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    size_t rows[3][WORD_MAX + 1];
    if (m > WORD_MAX || n > WORD_MAX) {
        return WORD_MAX;
    }
    for (size_t j = 0; j <= n; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= m; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3],
               *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            row[j] = distance_min(above[j - 1] + (a[i - 1] != b[j - 1]),
                                  distance_min(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = distance_min(row[j], before[j - 2] + 1);
            }
        }
    }
    return rows[m % 3][n];
}

const char *tool_closest_word(const char *typed,
                              const char *(*next)(size_t i, const void *ctx),
                              const void *ctx)
{
    const char *best = NULL, *word;
    size_t most = strlen(typed) / 3 + 1;
    for (size_t i = 0; (word = next(i, ctx)); i++) {
        size_t distance = word_distance(typed, word);
        if (distance <= most) {
            most = distance - (distance > 0);
            best = word;
        }
    }
    return best;
}

static const char *usage_option_name(size_t i, const void *ctx)
{
    const struct tool_usage *u = ctx;
    for (const struct tool_options *g = u->groups; g->options; g++) {
        for (const struct tool_option *o = g->options; o->name; o++) {
            if (i-- == 0) {
                return o->name;
            }
        }
    }
    return i == 0 ? help_option.name : NULL;
}

static int option_unknown(const struct tool_usage *u, const char *word, size_t len)
{
    char name[WORD_MAX + 1] = "";
    if (len <= WORD_MAX) {
        memcpy(name, word + 2, len);
    }
    const char *meant = *name ? tool_closest_word(name, usage_option_name, u) : NULL;
    tool_error("unknown option %s", word);
    if (meant) {
        tool_hint("did you mean --%s?", meant);
    }
    tool_hint("an argument that begins with \"-\" goes after \"--\"; see pb %s --help",
              u->command);
    return TOOL_USAGE;
}

/* ---- Parsing ---- */

/* Whether a word that begins with "-" is a number, or means one. */
static bool is_number_word(const char *word)
{
    word += 1 + (word[1] == '.');
    return (*word >= '0' && *word <= '9') || strcmp(word, "inf") == 0 ||
           strcmp(word, "Infinity") == 0;
}

struct option_parser {
    const struct tool_usage *u;
    int argc, at; /* the word that is parsed */
    char **argv;
    bool help;
};

/* Handles an option that was found. value is the part of its word that is the argument,
 * NULL: there is none. */
static int option_take(struct option_parser *p, const struct found_option *found,
                       const char *value)
{
    const struct tool_option *o = found->option;
    bool needs = o->argument && *o->argument != '[';
    if (!o->argument && value) {
        tool_error("option --%s takes no argument", o->name);
        return TOOL_USAGE;
    }
    if (needs && !value && p->at + 1 >= p->argc) {
        tool_error("option --%s needs an argument", o->name);
        return TOOL_USAGE;
    }
    if (needs && !value) {
        value = p->argv[++p->at];
    }
    if (!found->group) {
        p->help = true;
        return TOOL_DONE;
    }
    return found->group->take(found->group->ctx, o->id, value);
}

static int option_parse_long(struct option_parser *p, const char *word)
{
    size_t len = strcspn(word + 2, "=");
    struct found_option found = option_by_name(p->u, word + 2, len);
    if (!found.option) {
        return option_unknown(p->u, word, len);
    }
    if (found.ambiguous) {
        tool_error("option %s is ambiguous; see pb %s --help", word, p->u->command);
        return TOOL_USAGE;
    }
    return option_take(p, &found, word[2 + len] ? word + 3 + len : NULL);
}

/* Parses short options that stand in one word: -vi2. */
static int option_parse_letters(struct option_parser *p, const char *word)
{
    int status = TOOL_DONE;
    for (const char *c = word + 1; *c && status == TOOL_DONE && !p->help; c++) {
        struct found_option found = option_by_letter(p->u, *c);
        if (!found.option) {
            return option_unknown(p->u, word, WORD_MAX + 1);
        }
        bool takes = found.option->argument && *found.option->argument != '[';
        status = option_take(p, &found, takes && c[1] ? c + 1 : NULL);
        if (takes) {
            break;
        }
    }
    return status;
}

int tool_parse_options(const struct tool_usage *u, int argc, char **argv, int *count,
                       bool *done)
{
    struct option_parser p = {.u = u, .argc = argc, .argv = argv};
    int status = TOOL_DONE;
    bool ended = false;
    *count = 0;
    for (p.at = 1; p.at < argc && status == TOOL_DONE && !p.help; p.at++) {
        char *word = argv[p.at];
        if (ended || word[0] != '-' || !word[1] || is_number_word(word)) {
            argv[(*count)++] = word;
        } else if (strcmp(word, "--") == 0) {
            ended = true;
        } else {
            status = word[1] == '-' ? option_parse_long(&p, word)
                                    : option_parse_letters(&p, word);
        }
    }
    *done = p.help && status == TOOL_DONE;
    if (*done) {
        tool_print_usage(stdout, u);
    }
    return status;
}

/* ---- Help ---- */

enum { HELP_COLUMN = 26, HELP_WIDTH = 79 };

/* Prints text from a column on, in lines that are not too long. */
static void help_print_text(FILE *to, const char *text, int column)
{
    for (bool first = true; *text; first = false) {
        int len = (int)strcspn(text, " ");
        if (!first && column + 1 + len > HELP_WIDTH) {
            fprintf(to, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        } else if (!first) {
            fputc(' ', to);
            column++;
        }
        fprintf(to, "%.*s", len, text);
        column += len;
        text += len + (text[len] == ' ');
    }
    fputc('\n', to);
}

static void help_print_option(FILE *to, const struct tool_option *o)
{
    char head[64];
    bool optional = o->argument && *o->argument == '[';
    int len =
        snprintf(head, sizeof head, "  %s--%s%s%s", o->letter ? "-x, " : "    ", o->name,
                 o->argument && !optional ? " " : "", o->argument ? o->argument : "");
    if (o->letter) {
        head[3] = o->letter;
    }
    int gap = len + 2 > HELP_COLUMN ? 2 : HELP_COLUMN - len;
    fprintf(to, "%s%*s", head, gap, "");
    help_print_text(to, o->help, len + gap);
}

void tool_print_usage(FILE *to, const struct tool_usage *u)
{
    fputs(u->before, to);
    fputc('\n', to);
    for (const struct tool_options *g = u->groups; g->options; g++) {
        for (const struct tool_option *o = g->options; o->name; o++) {
            help_print_option(to, o);
        }
    }
    help_print_option(to, &help_option);
    fprintf(to, "\n%s", u->after);
}
