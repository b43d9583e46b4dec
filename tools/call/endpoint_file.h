/* SPDX-License-Identifier: MIT
 *
 * The file of named endpoints, ~/.config/pb/endpoints.ini:
 *
 *     [prod]
 *     endpoint = tls:pb.example.com:8800
 *     login = ada
 *     password-file = /home/ada/.pb-password
 *
 * The other keys are the names of a client's options. */
#ifndef PB__TOOLS_CALL_ENDPOINT_FILE_H
#define PB__TOOLS_CALL_ENDPOINT_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The content of a section. */
struct endpoint_entry {
    const char *key, *value;
    int line;
};

struct endpoint_section {
    char *path; /* of the file; free */
    char *text; /* its content, the memory of the entries; free */
    size_t len;
    bool is_found;                  /* the file has that section */
    bool is_open;                   /* others than the owner can read the file */
    struct endpoint_entry *entries; /* free */
    int count;
};

/* Reads the section of that name. No file is as good as one without the section. Returns
 * TOOL_DONE, or the exit status after an error message. */
int endpoint_section_read(const char *name, struct endpoint_section *out);
void endpoint_section_fini(struct endpoint_section *s);

#endif
