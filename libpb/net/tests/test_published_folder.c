/* SPDX-License-Identifier: MIT
 *
 * A folder for what is published. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pb/files.h"
#include "tests/support.h"

static char folder[] = "/tmp/pb-folder-XXXXXX";

static void remove_file(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    cr_assert_eq(unlink(path), 0);
}

static void expect(const char *name, pb_span data)
{
    pb_span found;
    pb_value *v = pb_published_folder_load(name, folder);
    cr_assert(v, "%s", name);
    cr_assert_eq(pb_as_bytes(v, &found), 0);
    cr_assert_eq(found.len, data.len);
    cr_assert(data.len == 0 || memcmp(found.data, data.data, data.len) == 0);
    pb_value_unref(v);
}

PB_TEST(folder, gives_back_what_was_saved)
{
    uint8_t large[10000];
    memset(large, 'x', sizeof large);
    const pb_span spans[] = {{large, sizeof large}, {large, 4096}, {large, 0}};
    cr_assert(mkdtemp(folder));
    cr_assert_null(pb_published_folder_load("a-b-1.pub", folder));
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(pb_published_folder_save("a-b-1.pub", spans[i], folder), 0);
        expect("a-b-1.pub", spans[i]);
    }
    remove_file("a-b-1.pub");
    cr_assert_eq(rmdir(folder), 0);
}

PB_TEST(folder, is_not_left)
{
    const pb_span data = {(const uint8_t *)"x", 1};
    cr_assert(mkdtemp(folder));
    cr_assert_eq(pb_published_folder_save("../x-y-1.pub", data, folder), PB_ERR_SYSTEM);
    cr_assert_eq(pb_published_folder_save("/tmp/x-y-1.pub", data, folder), PB_ERR_SYSTEM);
    cr_assert_null(pb_published_folder_load("../x-y-1.pub", folder));
    cr_assert_null(pb_published_folder_load("..", folder));
    cr_assert_eq(rmdir(folder), 0);
    cr_assert_eq(pb_published_folder_save("x-y-1.pub", data, folder), PB_ERR_SYSTEM);
}

static int run(void *user_data)
{
    (void)user_data;
    const pb_span data = {(const uint8_t *)"x", 1};
    int e = pb_published_folder_save("x.pub", data, folder);
    pb_value *v = pb_published_folder_load("x.pub", folder);
    cr_assert(v || pb__test_failed());
    pb_value_unref(v);
    return pb__test_failed() ? PB_ERR_NOMEM : e;
}

PB_TEST(folder, loses_nothing_at_any_failure)
{
    cr_assert(mkdtemp(folder));
    pb__test_each_failure(run, NULL);
    remove_file("x.pub");
    cr_assert_eq(rmdir(folder), 0);
}
