/* SPDX-License-Identifier: MIT
 *
 * Runs the tests that are linked with it one after the other, each in a process of its
 * own. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

struct plain_case {
    const char *name;
    void (*run)(void);
};

static struct plain_case cases[256];
static size_t case_count;
static bool case_failed;

void plain_register(const char *name, void (*test)(void))
{
    if (case_count == sizeof cases / sizeof *cases) {
        fprintf(stderr, "there is no room for the test %s\n", name);
        abort();
    }
    cases[case_count++] = (struct plain_case){name, test};
}

void plain_failed(bool fatal, const char *file, int line, const char *condition,
                  const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%d: %s:", file, line, condition);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    case_failed = true;
    if (fatal) {
        _exit(EXIT_FAILURE);
    }
}

bool plain_same(const char *a, const char *b)
{
    bool same = strcmp(a, b) == 0;
    if (!same) {
        fprintf(stderr, "'%s' is not '%s'\n", a, b);
    }
    return same;
}

/* Runs a test in a child: whether it passed. */
static bool case_passes(const struct plain_case *c)
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        c->run();
        exit(case_failed ? EXIT_FAILURE : EXIT_SUCCESS); /* a sanitizer reports now */
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("cannot run a test");
        return false;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "%s: signal %d\n", c->name, WTERMSIG(status));
    } else if (status != 0) {
        fprintf(stderr, "%s: failed\n", c->name);
    }
    return status == 0;
}

int main(void)
{
    size_t failed = 0;
    for (size_t i = 0; i < case_count; i++) {
        failed += !case_passes(&cases[i]);
    }
    printf("%zu tests, %zu failed\n", case_count, failed);
    return failed > 0 || case_count == 0;
}
