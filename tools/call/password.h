/* SPDX-License-Identifier: MIT
 *
 * Where a client's password comes from. */
#ifndef PB__TOOLS_CALL_PASSWORD_H
#define PB__TOOLS_CALL_PASSWORD_H

#include "tools/call/client_options.h"

/* Reads the password, if one is needed: from the terminal, a file or the environment.
 * Returns TOOL_DONE, or the exit status after an error message. */
int client_read_password(struct client_options *o);

#endif
