/* SPDX-License-Identifier: MIT
 *
 * fork and exec. Between them only functions that are safe in a child of a process with
 * threads are called. */
#include "workers/buildbot/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The child's ends and the worker's: input, output, error. With a terminal all are it. */
typedef struct {
    int child[3], parent[3];
} ends;

static void ends_close(int fds[3])
{
    for (int i = 0; i < 3; i++) {
        bool again = (i > 0 && fds[i] == fds[0]) || (i > 1 && fds[i] == fds[1]);
        if (fds[i] >= 0 && !again) {
            close(fds[i]);
        }
    }
}

static int open_pipes(ends *e, bool input)
{
    for (int i = 0; i < 3; i++) {
        int fds[2];
        if (i == 0 && !input) {
            e->child[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
            if (e->child[0] < 0) {
                return errno;
            }
            continue;
        }
        if (pipe(fds) != 0) {
            return errno;
        }
        (void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
        (void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
        e->child[i] = fds[i == 0 ? 0 : 1];
        e->parent[i] = fds[i == 0 ? 1 : 0];
    }
    return 0;
}

static int open_terminal(ends *e)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    e->parent[1] = master;
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        return errno;
    }
    const char *name = ptsname(master);
    int terminal = name ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC) : -1;
    for (int i = 0; i < 3; i++) {
        e->child[i] = terminal;
    }
    return terminal < 0 ? errno : 0;
}

static void say_in_child(const char *text)
{
    ssize_t n = write(2, text, strlen(text));
    (void)n; /* there is nobody else to tell */
}

static void reset_signals(void)
{
    sigset_t none;
    for (int i = 1; i < NSIG; i++) {
        signal(i, SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Never returns. */
static void run_in_child(const process_options *o, const ends *e)
{
    bool moved = true;
    if (o->pty) {
        (void)setsid();
        (void)ioctl(e->child[0], TIOCSCTTY, 0);
    } else {
        (void)setpgid(0, 0);
    }
    for (int i = 0; i < 3; i++) {
        moved = dup2(e->child[i], i) == i && moved;
    }
    reset_signals();
    if (o->environ) {
        environ = (char **)o->environ;
    }
    if (!moved || chdir(o->folder) != 0) {
        say_in_child(o->folder);
    } else {
        execvp(o->argv[0], o->argv);
        say_in_child(o->argv[0]);
    }
    say_in_child(errno == ENOENT   ? ": no such file or directory\n"
                 : errno == EACCES ? ": permission denied\n"
                                   : ": it cannot be run\n");
    _exit(1);
}

int spawn(const process_options *o, spawned *out)
{
    ends e = {{-1, -1, -1}, {-1, -1, -1}};
    sigset_t all, before;
    int failed = o->pty ? open_terminal(&e) : open_pipes(&e, o->input.len > 0);
    pid_t pid = -1;
    if (!failed) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pid = fork();
        failed = pid < 0 ? errno : 0;
        if (pid == 0) {
            run_in_child(o, &e);
        }
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    ends_close(e.child);
    if (failed) {
        ends_close(e.parent);
        return failed;
    }
    if (!o->pty) {
        (void)setpgid(pid, pid); /* here too, so that it is one before a signal is sent */
    }
    for (int i = 0; i < 3; i++) {
        if (e.parent[i] >= 0) {
            (void)fcntl(e.parent[i], F_SETFL, O_NONBLOCK);
        }
    }
    *out = (spawned){pid, e.parent[0], {e.parent[1], e.parent[2]}};
    return 0;
}
