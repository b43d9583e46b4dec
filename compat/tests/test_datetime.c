/* SPDX-License-Identifier: MIT
 *
 * Dates and times: ranges, normalisation, fields. */
#include "compat/value.h"
#include "tests/support.h"

PB_TEST(datetime, fields)
{
    pb_datetime_fields f = {2020, 2, 29, 23, 59, 58, 999999};
    pb_datetime_fields out;
    pb_value *v = pb_datetime(&f, NULL);
    cr_assert_eq(pb_value_kind(v), PB_DATETIME);
    cr_assert_eq(pb_as_datetime(v, &out), 0);
    cr_assert_eq(memcmp(&f, &out, sizeof f), 0);
    pb_value_unref(v);
    v = pb_date(9999, 12, 31, NULL);
    cr_assert_eq(pb_value_kind(v), PB_DATE);
    cr_assert_eq(pb_as_datetime(v, &out), 0);
    cr_assert(out.year == 9999 && out.month == 12 && out.day == 31 && out.hour == 0);
    pb_value_unref(v);
    v = pb_time(1, 2, 3, 4, NULL);
    cr_assert_eq(pb_value_kind(v), PB_TIME);
    cr_assert_eq(pb_as_datetime(v, &out), 0);
    cr_assert(out.year == 0 && out.hour == 1 && out.minute == 2 && out.second == 3 &&
              out.microsecond == 4);
    int64_t days;
    int seconds, microseconds;
    cr_assert_eq(pb_as_timedelta(v, &days, &seconds, &microseconds), PB_ERR_TYPE);
    cr_assert_eq(pb_as_timedelta(pb_int(1), &days, &seconds, &microseconds), PB_ERR_TYPE);
    pb_value_unref(v);
    v = pb_timedelta(1, 2, 3, NULL);
    cr_assert_eq(pb_value_kind(v), PB_TIMEDELTA);
    cr_assert_eq(pb_as_datetime(v, &out), PB_ERR_TYPE);
    cr_assert_eq(pb_as_datetime(pb_none(), &out), PB_ERR_TYPE);
    pb_value_unref(v);
}

PB_TEST(datetime, out_of_range)
{
    static const struct {
        pb_datetime_fields f;
        const char *text;
    } rows[] = {
        {{0, 1, 1, 0, 0, 0, 0}, "year 0 is not in 1..9999"},
        {{10000, 1, 1, 0, 0, 0, 0}, "year 10000 is not in 1..9999"},
        {{2020, 0, 1, 0, 0, 0, 0}, "month 0 is not in 1..12"},
        {{2020, 13, 1, 0, 0, 0, 0}, "month 13 is not in 1..12"},
        {{2020, 1, 0, 0, 0, 0, 0}, "day 0 is not in the month"},
        {{2020, 4, 31, 0, 0, 0, 0}, "day 31 is not in the month"},
        {{2020, 2, 30, 0, 0, 0, 0}, "day 30 is not in the month"},
        {{2021, 2, 29, 0, 0, 0, 0}, "day 29 is not in the month"},
        {{1900, 2, 29, 0, 0, 0, 0}, "day 29 is not in the month"},
        {{2020, 1, 1, -1, 0, 0, 0}, "hour -1 is not in 0..23"},
        {{2020, 1, 1, 24, 0, 0, 0}, "hour 24 is not in 0..23"},
        {{2020, 1, 1, 0, 60, 0, 0}, "minute 60 is not in 0..59"},
        {{2020, 1, 1, 0, 0, 60, 0}, "second 60 is not in 0..59"},
        {{2020, 1, 1, 0, 0, 0, 1000000}, "microsecond 1000000 is not in 0..999999"},
        {{2020, 1, 1, 0, 0, 0, -1}, "microsecond -1 is not in 0..999999"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pb_datetime_fields *f = &rows[i].f;
        pb_error err = {0};
        cr_assert_null(pb_datetime(f, &err));
        cr_assert_eq(err.code, PB_ERR_RANGE);
        cr_assert_str_eq(err.text, rows[i].text);
        pb_value *d = pb_date(f->year, f->month, f->day, NULL);
        pb_value *t = pb_time(f->hour, f->minute, f->second, f->microsecond, NULL);
        cr_assert((d == NULL) != (t == NULL));
        pb_value_unref(d);
        pb_value_unref(t);
    }
    pb_value *leap = pb_date(2000, 2, 29, NULL);
    cr_assert_not_null(leap);
    pb_value_unref(leap);
}

PB_TEST(datetime, timedelta)
{
    static const struct {
        int64_t in[3], out[3];
    } rows[] = {
        {{0, 0, 0}, {0, 0, 0}},
        {{0, 0, -1}, {-1, 86399, 999999}},
        {{0, -1, 0}, {-1, 86399, 0}},
        {{1, -86400, 0}, {0, 0, 0}},
        {{0, 86399, 1000000}, {1, 0, 0}},
        {{999999999, 86399, 999999}, {999999999, 86399, 999999}},
        {{-999999999, 0, 0}, {-999999999, 0, 0}},
        {{0, 0, INT64_MAX}, {106751991, 14454, 775807}},
        {{0, 0, INT64_MIN}, {-106751992, 71945, 224192}},
        {{-1, 86400, 0}, {0, 0, 0}},
        {{INT64_C(1000000000) * 86400, -INT64_C(86400000000) * 86400, 0}, {0}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows - 1; i++) {
        const int64_t *in = rows[i].in;
        pb_value *v = pb_timedelta(in[0], in[1], in[2], NULL);
        int64_t days;
        int seconds, microseconds;
        cr_assert_eq(pb_as_timedelta(v, &days, &seconds, &microseconds), 0);
        cr_assert_eq(days, rows[i].out[0]);
        cr_assert_eq(seconds, rows[i].out[1]);
        cr_assert_eq(microseconds, rows[i].out[2]);
        pb_value_unref(v);
    }
}

PB_TEST(datetime, timedelta_out_of_range)
{
    static const int64_t rows[][3] = {
        {1000000000, 0, 0},          {-999999999, 0, -1},
        {999999999, 86400, 0},       {INT64_MAX, INT64_MAX, 0},
        {INT64_MIN, INT64_MIN, 0},   {INT64_MAX, 0, 0},
        {INT64_MAX, 86399, 1000000}, {INT64_MIN, -1, INT64_MIN},
        {0, INT64_MAX, INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_error err = {0};
        cr_assert_null(pb_timedelta(rows[i][0], rows[i][1], rows[i][2], &err));
        cr_assert_eq(err.code, PB_ERR_RANGE);
        cr_assert_str_eq(err.text,
                         "a timedelta is at most 999999999 days, positive or negative");
    }
}

static int make(void *unused)
{
    (void)unused;
    pb_error err = {0};
    pb_datetime_fields f = {2020, 1, 1, 0, 0, 0, 0};
    pb_value *all[4] = {pb_datetime(&f, &err), pb_date(2020, 1, 1, &err),
                        pb_time(0, 0, 0, 0, &err), pb_timedelta(0, 0, 0, &err)};
    for (size_t i = 0; i < 4; i++) {
        pb_value_unref(all[i]);
    }
    return err.code;
}

PB_TEST(datetime, lack_of_memory)
{
    pb__test_each_failure(make, NULL);
}
