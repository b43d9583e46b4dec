/* SPDX-License-Identifier: MIT
 *
 * The main function of a fuzz target without a fuzzer: runs the named files, or the seeds
 * of the target, which are below $srcdir. Each input is run unchanged, cut at every
 * position, and with every byte changed in several ways. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/fuzz/fuzz.h"

/* Longer inputs are only run unchanged. */
#define VARIED 2000

/* Copies the input to a block of its exact size, so that reading past its end is
 * detected. */
static void run_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) {
        abort();
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_varied(uint8_t *data, size_t size)
{
    static const uint8_t changes[] = {0x01, 0x06, 0x40, 0x7f, 0x80, 0xff};
    run_copy(data, size);
    for (size_t i = 0; i < size && size <= VARIED; i++) {
        run_copy(data, i);
        for (size_t k = 0; k < sizeof changes; k++) {
            data[i] ^= changes[k];
            run_copy(data, size);
            data[i] ^= changes[k];
        }
    }
}

static int run_file(const char *path)
{
    static uint8_t data[1 << 20];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof data, f);
    int failed = ferror(f) != 0;
    fclose(f);
    run_varied(data, size);
    return failed;
}

static int run_seeds(void)
{
    const char *top = getenv("srcdir");
    char folder[2048], path[4096];
    snprintf(folder, sizeof folder, "%s/libpb/fuzz/seeds/%s", top ? top : ".",
             pb__fuzz_name);
    DIR *d = opendir(folder);
    if (!d) {
        perror(folder);
        return 1;
    }
    int failed = 0, seeds = 0;
    for (struct dirent *entry; (entry = readdir(d));) {
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            failed |= run_file(path);
            seeds++;
        }
    }
    closedir(d);
    printf("%d seeds of %s\n", seeds, pb__fuzz_name);
    return failed || seeds == 0;
}

int main(int argc, char **argv)
{
    int failed = argc > 1 ? 0 : run_seeds();
    for (int i = 1; i < argc; i++) {
        failed |= run_file(argv[i]);
    }
    return failed;
}
