/* SPDX-License-Identifier: MIT
 *
 * The entry points of the subcommands. Each gets its own name in argv[0], and returns the
 * exit status of the program, an enum tool_status. */
#ifndef PB__TOOLS_PB_H
#define PB__TOOLS_PB_H

int bench_main(int argc, char **argv);
int call_main(int argc, char **argv);
int dump_main(int argc, char **argv);
int jelly_main(int argc, char **argv);
int record_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int shell_main(int argc, char **argv);
int unjelly_main(int argc, char **argv);

#endif
