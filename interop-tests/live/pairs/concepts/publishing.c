/* SPDX-License-Identifier: MIT
 *
 * Publishables: what is published once is kept in a file, and asked for again only
 * when it has changed. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interop-tests/live/pairs/pair.h"

#define SONG_TAG "publishing.Song"

/* ---- The server ---- */

struct song {
    pb_publishable publishable; /* first */
    pb_value *words;
    pb_object *object;
};

static pb_value *song_state(void *self, pb_object *perspective, pb_error *err)
{
    const struct song *song = self;
    (void)perspective;
    printf("the song is asked for\n");
    return pb_build(err, "{sO}", "words", song->words);
}

static const pb_class song_class = {
    .name = SONG_TAG,
    .flavor = PB_FLAVOR_CACHEABLE,
    .view = (const pb_method[]){{"getStateToPublish", pb_publishable_get_state}, {0}},
    .state_to_cache = pb_publishable_state,
};

static int do_play(void *self, pb_request *req)
{
    const struct song *song = self;
    return pb_request_answer_steal(req, pb_object_value(song->object));
}

static int do_change(void *self, pb_request *req)
{
    struct song *song = self;
    pb_value *words;
    int e = pb_request_unpack(req, "O", &words);
    if (e == 0) {
        pb_value_unref(song->words);
        song->words = pb_value_ref(words);
        song->publishable.timestamp += 1;
    }
    return e;
}

static int do_tables(void *self, pb_request *req)
{
    (void)self;
    char text[TABLES_SIZE];
    tables(pb_request_session(req), text);
    return pb_request_answer_steal(req, pb_str(text));
}

static void radio_destroy(void *self)
{
    struct song *song = self;
    pb_object_unref(song->object);
    pb_value_unref(song->words);
    pb_value_unref(song->publishable.published_id);
    free(song);
}

static const pb_class radio_class = {
    .name = "Radio",
    .remote =
        (const pb_method[]){
            {"play", do_play}, {"change", do_change}, {"tables", do_tables}, {0}},
    .destroy = radio_destroy,
};

static void serve_publishing(pb_net_config *config)
{
    struct song *song = malloc(sizeof *song);
    *song = (struct song){
        .publishable = {pb_str("song-1"), 1001.5, song_state, NULL, NULL},
        .words = pb_str("la la"),
    };
    song->object = pb_object_new(&song_class, song);
    config->session.root = pb_object_new(&radio_class, song);
}

/* ---- The client ---- */

static const char *words_of(const pb_object *song)
{
    pb_span words = {0};
    pb_as_text(pb_dict_get(pb_object_state(song), "words"), &words);
    return words.data ? (const char *)words.data : "?";
}

static void activated(pb_object *song, void *user_data)
{
    (void)user_data;
    printf("activated: %s\n", words_of(song));
}

static const pb_class heard_class = {.name = "publishing.Heard",
                                     .flavor = PB_FLAVOR_CACHEABLE};
static char folder[] = "/tmp/publishing-XXXXXX";

static void prepare_publishing(pb_net_config *config)
{
    const pb_published_config files = {.load = pb_published_folder_load,
                                       .save = pb_published_folder_save,
                                       .activated = activated,
                                       .user_data = mkdtemp(folder)};
    config->session.registry = pb_registry_new();
    pb_registry_set_published(config->session.registry, SONG_TAG, &heard_class, &files);
}

static void got_song(pb_value *song, pb_failure *failure, void *user_data)
{
    pb_value **got = user_data;
    if (failure) {
        printf("no song: %s\n", pb_failure_text(failure));
        return;
    }
    const pb_value *state = pb_object_state(pb_as_object(song));
    const char *service, *perspective, *id;
    double timestamp;
    pb_unpack(state, NULL, "{s:s, s:s, s:s, s:d}", "service", &service, "perspective",
              &perspective, "publishedID", &id, "timestamp", &timestamp);
    printf("heard: %s of %s-%s-%s.pub %g\n", words_of(pb_as_object(song)), service,
           perspective, id, timestamp);
    *got = pb_value_ref(song);
}

static void tell_tables(struct talk *t)
{
    tell(t, "tables", pb_client_call(t->client, t->root, "tables", &t->err, ""));
}

static void hear(struct talk *t)
{
    pb_value *song = NULL;
    pb_when_ready(t->root, "play", NULL, NULL, NULL, got_song, &song, NULL, &t->err);
    while (!song && pb_client_wait(t->client, 10) == 0) {
    }
    tell_tables(t);
    pb_value_unref(song);
    pb_value_unref(pb_client_call(t->client, t->root, "tables", &t->err, ""));
    tell_tables(t);
}

static void list_folder(void)
{
    if (chdir(folder) != 0) {
        return;
    }
    DIR *dir = opendir(".");
    printf("files: [");
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        if (*entry->d_name != '.') {
            printf("'%s'", entry->d_name);
            remove(entry->d_name);
        }
    }
    printf("]\n");
    closedir(dir);
    rmdir(folder);
}

static void publishing(struct talk *t)
{
    const char *const changes[] = {NULL, NULL, "lo lo", NULL};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        if (changes[i]) {
            pb_value_unref(
                pb_client_call(t->client, t->root, "change", &t->err, "s", changes[i]));
        }
        hear(t);
    }
    list_folder();
}

const struct pair pairs_publishing[] = {
    {"publishing", serve_publishing, publishing, prepare_publishing},
    {0},
};
