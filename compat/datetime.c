/* SPDX-License-Identifier: MIT
 *
 * datetime, date, time and timedelta, with the ranges of Python's datetime module. */
#include "compat/datetime.h"
#include "libpb/base/error.h"

#define DAYS_MAX 999999999 /* of a timedelta, positive or negative */

static pb_value *datetime_new(pb_kind kind, const struct pb__datetime *fields,
                              pb_error *err)
{
    struct pb__datetime *m = pb__value_new(NULL, sizeof *m, kind);
    if (!m) {
        pb__error_nomem(err);
        return NULL;
    }
    pb_value head = m->head;
    *m = *fields;
    m->head = head;
    return &m->head;
}

static int days_in(int year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool check_date(int year, int month, int day, pb_error *err)
{
    if (year < 1 || year > 9999) {
        pb__error_set(err, PB_ERR_RANGE, 0, "year %d is not in 1..9999", year);
    } else if (month < 1 || month > 12) {
        pb__error_set(err, PB_ERR_RANGE, 0, "month %d is not in 1..12", month);
    } else if (day < 1 || day > days_in(year, month)) {
        pb__error_set(err, PB_ERR_RANGE, 0, "day %d is not in the month", day);
    } else {
        return true;
    }
    return false;
}

static bool check_time(int hour, int minute, int second, int microsecond, pb_error *err)
{
    if (hour < 0 || hour > 23) {
        pb__error_set(err, PB_ERR_RANGE, 0, "hour %d is not in 0..23", hour);
    } else if (minute < 0 || minute > 59) {
        pb__error_set(err, PB_ERR_RANGE, 0, "minute %d is not in 0..59", minute);
    } else if (second < 0 || second > 59) {
        pb__error_set(err, PB_ERR_RANGE, 0, "second %d is not in 0..59", second);
    } else if (microsecond < 0 || microsecond > 999999) {
        pb__error_set(err, PB_ERR_RANGE, 0, "microsecond %d is not in 0..999999",
                      microsecond);
    } else {
        return true;
    }
    return false;
}

pb_value *pb_datetime(const pb_datetime_fields *f, pb_error *err)
{
    if (!f) {
        pb__error_null(err, "the fields of a datetime");
        return NULL;
    }
    if (!check_date(f->year, f->month, f->day, err) ||
        !check_time(f->hour, f->minute, f->second, f->microsecond, err)) {
        return NULL;
    }
    struct pb__datetime m = {.year_or_days = f->year,
                             .month = (uint8_t)f->month,
                             .day = (uint8_t)f->day,
                             .hour = (uint8_t)f->hour,
                             .minute = (uint8_t)f->minute,
                             .second = f->second,
                             .microsecond = f->microsecond};
    return datetime_new(PB_DATETIME, &m, err);
}

pb_value *pb_date(int year, int month, int day, pb_error *err)
{
    if (!check_date(year, month, day, err)) {
        return NULL;
    }
    struct pb__datetime m = {
        .year_or_days = year, .month = (uint8_t)month, .day = (uint8_t)day};
    return datetime_new(PB_DATE, &m, err);
}

pb_value *pb_time(int hour, int minute, int second, int microsecond, pb_error *err)
{
    if (!check_time(hour, minute, second, microsecond, err)) {
        return NULL;
    }
    struct pb__datetime m = {.hour = (uint8_t)hour,
                             .minute = (uint8_t)minute,
                             .second = second,
                             .microsecond = microsecond};
    return datetime_new(PB_TIME, &m, err);
}

/* Moves multiples of the unit from *small to *large; returns false if that overflows. */
static bool timedelta_carry(int64_t *small, int64_t unit, int64_t *large)
{
    int64_t whole = *small / unit;
    *small %= unit;
    if (*small < 0) {
        *small += unit;
        whole--;
    }
    return !__builtin_add_overflow(*large, whole, large);
}

pb_value *pb_timedelta(int64_t days, int64_t seconds, int64_t microseconds, pb_error *err)
{
    /* The seconds are carried to days first, so that they cannot overflow afterwards. */
    bool fits = timedelta_carry(&seconds, 86400, &days) &&
                timedelta_carry(&microseconds, 1000000, &seconds) &&
                timedelta_carry(&seconds, 86400, &days);
    if (!fits || days < -DAYS_MAX || days > DAYS_MAX) {
        pb__error_set(err, PB_ERR_RANGE, 0,
                      "a timedelta is at most 999999999 days, positive or negative");
        return NULL;
    }
    struct pb__datetime m = {.year_or_days = (int32_t)days,
                             .second = (int32_t)seconds,
                             .microsecond = (int32_t)microseconds};
    return datetime_new(PB_TIMEDELTA, &m, err);
}

int pb_as_datetime(const pb_value *v, pb_datetime_fields *out)
{
    pb_kind kind = pb__kind_or_nothing(v);
    if (!out) {
        return PB_ERR_ARG;
    }
    *out = (pb_datetime_fields){0};
    if (kind != PB_DATETIME && kind != PB_DATE && kind != PB_TIME) {
        return pb__wrong_kind(v);
    }
    const struct pb__datetime *m = (const struct pb__datetime *)v;
    *out = (pb_datetime_fields){m->year_or_days, m->month,  m->day,        m->hour,
                                m->minute,       m->second, m->microsecond};
    return 0;
}

int pb_as_timedelta(const pb_value *v, int64_t *days, int *seconds, int *microseconds)
{
    static const struct pb__datetime none;
    bool is_one = pb__kind_or_nothing(v) == PB_TIMEDELTA;
    const struct pb__datetime *m = is_one ? (const struct pb__datetime *)v : &none;
    if (days) {
        *days = m->year_or_days;
    }
    if (seconds) {
        *seconds = m->second;
    }
    if (microseconds) {
        *microseconds = m->microsecond;
    }
    return is_one ? 0 : pb__wrong_kind(v);
}

/* Appends "word=number", after a comma unless it is the first. */
static int print_named(struct pb__buf *out, bool *first, const char *word, int number)
{
    if (number == 0) {
        return 0;
    }
    const char *comma = *first ? "" : ", ";
    *first = false;
    return pb__buf_printf(out, "%s%s=%d", comma, word, number);
}

static int print_timedelta(struct pb__buf *out, const struct pb__datetime *m)
{
    bool first = true;
    int e = pb__buf_puts(out, "datetime.timedelta(");
    e = e ? e : print_named(out, &first, "days", m->year_or_days);
    e = e ? e : print_named(out, &first, "seconds", m->second);
    e = e ? e : print_named(out, &first, "microseconds", m->microsecond);
    return e ? e : pb__buf_puts(out, first ? "0)" : ")");
}

int pb__datetime_print(struct pb__buf *out, const pb_value *v)
{
    const struct pb__datetime *m = (const struct pb__datetime *)v;
    if (v->kind == PB_TIMEDELTA) {
        return print_timedelta(out, m);
    }
    int e = pb__buf_printf(out, "datetime.%s(", pb_kind_name((pb_kind)v->kind));
    if (e == 0 && v->kind != PB_TIME) {
        e = pb__buf_printf(out, "%d, %d, %d%s", m->year_or_days, m->month, m->day,
                           v->kind == PB_DATETIME ? ", " : "");
    }
    if (e == 0 && v->kind != PB_DATE) {
        e = pb__buf_printf(out, "%d, %d", m->hour, m->minute);
    }
    if (e == 0 && (m->second != 0 || m->microsecond != 0)) {
        e = pb__buf_printf(out, ", %d", m->second);
    }
    if (e == 0 && m->microsecond != 0) {
        e = pb__buf_printf(out, ", %d", m->microsecond);
    }
    return e ? e : pb__buf_puts(out, ")");
}
