/* SPDX-License-Identifier: MIT
 *
 * Finds out which protocol a server speaks that does not answer as expected, on a
 * connection of its own. */
#ifndef PB__TOOLS_COMMON_FIRST_CONTACT_H
#define PB__TOOLS_COMMON_FIRST_CONTACT_H

#include <stdbool.h>

#include "pb/net.h"

/* Connects, without TLS, and looks at the first bytes of the server; if it is silent, at
 * those after a request of HTTP. Prints an error message that names the protocol, and
 * what to do; returns false, and prints nothing, if there is none to name. Takes less
 * than a second after the connection is there. */
bool first_contact_explain(const char *endpoint);
/* Connects with any certificate, and prints as a hint which names the certificate of the
 * server has, if the connection is made. */
void first_contact_print_names(const char *endpoint, const pb_net_config *config);

#endif
