/* SPDX-License-Identifier: MIT
 *
 * A log on standard error: for programs that set it up, and for those that do not but run
 * with PB_DEBUG in the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compat/repr.h"
#include "libpb/net/conn.h"

static const char *debug_level_name(pb_log_level level)
{
    static const char *const names[] = {
        [PB_LOG_ERROR] = "error",
        [PB_LOG_WARNING] = "warning",
        [PB_LOG_INFO] = "info",
        [PB_LOG_DEBUG] = "debug",
    };
    return level >= PB_LOG_ERROR && level <= PB_LOG_DEBUG ? names[level] : "log";
}

static int debug_append_head(struct pb__buf *line, pb_session *s, pb_log_level level)
{
    const char *address = pb_session_peer(s)->address;
    struct timespec now;
    struct tm local;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!localtime_r(&now.tv_sec, &local)) {
        memset(&local, 0, sizeof local);
    }
    return pb__buf_printf(line, "pb: %02d:%02d:%02d.%03ld %s %s: ", local.tm_hour,
                          local.tm_min, local.tm_sec, now.tv_nsec / 1000000,
                          address ? address : "-", debug_level_name(level));
}

/* Appends text of the peer without control characters. The further lines of a traceback
 * are indented, so that they cannot look like log lines. */
static int debug_append_text(struct pb__buf *line, const char *text)
{
    int e = 0;
    while (!e && text) {
        const char *end = strchr(text, '\n');
        e = pb__repr_printable(line, (const uint8_t *)text,
                               end ? (size_t)(end - text) : strlen(text));
        text = end ? end + 1 : NULL;
        e = e || !text ? e : pb__buf_puts(line, "\n    ");
    }
    return e ? e : pb__buf_puts(line, "\n");
}

void pb_log_to_stderr(pb_session *s, pb_log_level level, const char *text,
                      void *user_data)
{
    (void)user_data;
    struct pb__buf line = {0};
    int e = debug_append_head(&line, s, level);
    e = e ? e : debug_append_text(&line, text ? text : "");
    if (!e) {
        fwrite(line.data, 1, line.len, stderr);
    }
    pb__buf_fini(&line);
}

/* The level that the environment asks for; 0: none. */
static pb_log_level debug_level_asked(void)
{
    const char *asked = getenv("PB_DEBUG");
    if (!asked || !*asked || strcmp(asked, "0") == 0) {
        return 0;
    }
    for (pb_log_level level = PB_LOG_ERROR; level < PB_LOG_DEBUG; level++) {
        if (strcmp(asked, debug_level_name(level)) == 0) {
            return level;
        }
    }
    return PB_LOG_DEBUG;
}

void pb__debug_config(pb_session_config *c)
{
    pb_log_level level = c->on_log ? 0 : debug_level_asked();
    if (level) {
        c->on_log = pb_log_to_stderr;
        c->log_level = level;
    }
}
