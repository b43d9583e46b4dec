/* SPDX-License-Identifier: MIT
 *
 * Publishables: the client keeps a published object in a file, and asks for its state
 * again only if the object has changed. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interop-tests/live/pairs/pair.h"

#define SONG_TAG "publishing.Song"

/* ---- The server ---- */

struct song {
    pb_publishable publishable; /* has to be the first member */
    pb_value *words;
    pb_object *object;
};

static pb_value *song_state_to_publish(void *self, pb_object *perspective, pb_error *err)
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

static int radio_play(void *self, pb_request *req)
{
    const struct song *song = self;
    return pb_request_answer_steal(req, pb_object_value(song->object));
}

static int radio_change(void *self, pb_request *req)
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
    .remote = (const pb_method[]){{"play", radio_play},
                                  {"change", radio_change},
                                  {"counts", answer_counts},
                                  {0}},
    .destroy = radio_destroy,
};

static void serve_publishing(pb_net_config *config)
{
    struct song *song = malloc(sizeof *song);
    *song = (struct song){
        .publishable = {pb_str("song-1"), 1001.5, song_state_to_publish, NULL, NULL},
        .words = pb_str("la la"),
    };
    song->object = pb_object_new(&song_class, song);
    config->session.root = pb_object_new(&radio_class, song);
}

/* ---- The client ---- */

static const char *song_words(const pb_object *song)
{
    pb_span words = {0};
    pb_as_text(pb_dict_get(pb_object_state(song), "words"), &words);
    return words.data ? (const char *)words.data : "?";
}

static void song_activated(pb_object *song, void *user_data)
{
    (void)user_data;
    printf("activated: %s\n", song_words(song));
}

static const pb_class received_song_class = {.name = "publishing.ReceivedSong",
                                             .flavor = PB_FLAVOR_CACHEABLE};
static char folder[] = "/tmp/publishing-XXXXXX";

static void prepare_publishing(pb_net_config *config)
{
    const pb_published_config files = {.load = pb_published_folder_load,
                                       .save = pb_published_folder_save,
                                       .activated = song_activated,
                                       .user_data = mkdtemp(folder)};
    config->session.registry = pb_registry_new();
    pb_registry_set_published(config->session.registry, SONG_TAG, &received_song_class,
                              &files);
}

static void song_received(pb_value *song, pb_failure *failure, void *user_data)
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
    printf("received: %s of %s-%s-%s.pub %g\n", song_words(pb_as_object(song)), service,
           perspective, id, timestamp);
    *got = pb_value_ref(song);
}

static void fetch_song(struct test_client *t)
{
    pb_value *song = NULL;
    pb_when_ready(t->root, "play", NULL, NULL, NULL, song_received, &song, NULL, &t->err);
    while (!song && pb_client_wait(t->client, 10) == 0) {
    }
    print_server_counts(t, "counts");
    pb_value_unref(song);
    pb_value_unref(pb_client_call(t->client, t->root, "counts", &t->err, ""));
    print_server_counts(t, "counts");
}

/* Prints the names of the files, and removes them. */
static void print_folder(void)
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

static void run_publishing(struct test_client *t)
{
    const char *const changes[] = {NULL, NULL, "lo lo", NULL};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        if (changes[i]) {
            pb_value_unref(
                pb_client_call(t->client, t->root, "change", &t->err, "s", changes[i]));
        }
        fetch_song(t);
    }
    print_folder();
}

const struct pair pairs_publishing[] = {
    {"publishing", serve_publishing, run_publishing, prepare_publishing},
    {0},
};
