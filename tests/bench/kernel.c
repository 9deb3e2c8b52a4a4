/* The five passes of a gas channel's default set over the gateway's own records, as a C programmer would tune
 * them: what every reading does is free of branches, what is rare stands apart behind one unlikely branch.
 * Layouts are those of detectors/<kind>.py, arithmetic is in the same order (-ffp-contract=off), so findings
 * and states must come out equal byte for byte.
 */
#include <math.h>
#include <stdint.h>

#define RARE(x) __builtin_expect(!!(x), 0)
#define FLOW __attribute__((noinline))
enum { GOOD = 0, BAD = 2, LATE = 1, SUSPECT = 2, RETAINED = 4, DISORDER = 8, THROTTLED = 16 };
enum { OUT_OF_RANGE = 2, SATURATED = 8 };
#define NOT_LIVE (LATE | RETAINED)
#define NO_CLEAR (LATE | SUSPECT | RETAINED | DISORDER)

typedef struct {
    const int32_t *slot;
    const int64_t *event_ns, *received_ns;
    const double *value;
    const uint8_t *quality, *reason, *time;
    int64_t rows;
    const int32_t *record_of, *rule_of; /* slot -> record, record -> rule; of the pass at work */
} Readings;

typedef struct { int32_t row, slot, condition, active; int64_t event_ns; double value, limit, extra; } Finding;

static inline long put(Finding *f, const Readings *r, long i, int condition, int active, double limit) {
    f->row = (int32_t)i; f->slot = r->slot[i]; f->condition = condition; f->active = active;
    f->event_ns = r->event_ns[i]; f->value = r->value[i]; f->limit = limit;
    return 1;
}

/* ---- out_of_range ---- */
typedef struct { int32_t clear_readings; } RangeRule;
typedef struct { int64_t last_event_ns; int32_t active, clear_count; } RangeState;

static FLOW long range_rare(const RangeRule *p, RangeState *s, const Readings *r, long i, Finding *out) {
    int before = s->active, after = before;
    if (r->quality[i] == GOOD) {
        if (r->time[i] & NO_CLEAR) { s->clear_count = 0; return 0; }
        if (before) {
            s->clear_count = r->event_ns[i] > s->last_event_ns ? s->clear_count + 1 : 1;
            if (s->clear_count >= p->clear_readings) { after = 0; s->clear_count = 0; }
        }
        s->last_event_ns = r->event_ns[i];
    } else {
        s->clear_count = 0;
        if (r->quality[i] == BAD) after |= 1;
        else if (r->reason[i] == OUT_OF_RANGE || r->reason[i] == SATURATED) after |= 2;
    }
    if (after == before) return 0;
    s->active = after;
    long count = 0;
    for (int k = 0; k < 2; k++)
        if ((before ^ after) >> k & 1) count += put(out + count, r, i, k, after >> k & 1, NAN);
    return count;
}

static long out_of_range(const RangeRule *parameters, RangeState *state, const Readings *r, Finding *out) {
    long count = 0;
    for (long i = 0; i < r->rows; i++) {
        const long record = r->record_of[r->slot[i]];
        const RangeRule *p = parameters + r->rule_of[record];
        RangeState *s = state + record;
        int plain = (r->quality[i] == GOOD) & !(r->time[i] & NO_CLEAR) & (s->active == 0);
        int judged = !(r->time[i] & NOT_LIVE) & (p->clear_readings != 0);
        s->last_event_ns = plain & judged ? r->event_ns[i] : s->last_event_ns;
        if (RARE(judged & !plain)) count += range_rare(p, s, r, i, out + count);
    }
    return count;
}

/* ---- limits ---- */
typedef struct {
    double low, high;
    int32_t used, clear_readings;
    double setpoint[4], deadband[4];
    int64_t on_ns[4], off_ns[4];
} LimitRule;
typedef struct {
    int64_t last_event_ns, active, pending, by_reception;
    int32_t clear_count[4];
    int64_t since_event_ns[4], since_received_ns[4], clear_since_ns[4];
} LimitState;

static int held(const LimitRule *p, LimitState *s, int k, int64_t t, int64_t received, int suspect,
                int disorder, int64_t newest) {
    int64_t bit = 1 << k, passed;
    if (!(s->pending & bit)) {
        s->pending |= bit;
        s->by_reception = suspect ? s->by_reception | bit : s->by_reception & ~bit;
        s->since_event_ns[k] = disorder && newest > t ? newest : t;
        s->since_received_ns[k] = received;
    }
    passed = suspect || (s->by_reception & bit) ? received - s->since_received_ns[k] : t - s->since_event_ns[k];
    if (p->on_ns[k] > 0 && (disorder || passed < p->on_ns[k])) return 0;
    s->pending &= ~bit;
    s->clear_count[k] = 0;
    return 1;
}

static FLOW long limit_rare(const LimitRule *p, LimitState *s, const Readings *r, long i, int64_t newest,
                            Finding *out) {
    static const int order[4] = {1, 0, 2, 3};
    double v = r->value[i];
    int64_t t = r->event_ns[i];
    int suspect = (r->time[i] & SUSPECT) != 0, disorder = (r->time[i] & DISORDER) != 0 && !suspect;
    int in_order = !(suspect || disorder), set_back = in_order && t <= newest;
    long count = 0;
    if (r->quality[i] == BAD) {
        for (int k = 0; k < 4; k++) s->clear_count[k] = 0;
        return 0;
    }
    if (set_back) s->by_reception |= s->pending;
    for (int n = 0; n < 4; n++) {
        int k = order[n];
        int64_t bit = 1 << k;
        if (!(p->used & bit)) continue;
        double limit = p->setpoint[k], band = p->deadband[k];
        int abnormal = k < 2 ? !(v > limit) : !(v < limit);
        int normal = k < 2 ? v > limit + band : v < limit - band;
        if (s->active & bit) {
            if (!(normal && in_order && r->quality[i] == GOOD)) { s->clear_count[k] = 0; continue; }
            if (set_back || s->clear_count[k] == 0) { s->clear_count[k] = 0; s->clear_since_ns[k] = t; }
            s->clear_count[k]++;
            if (s->clear_count[k] < p->clear_readings || t - s->clear_since_ns[k] < p->off_ns[k]) continue;
        } else if (abnormal) {
            if (!held(p, s, k, t, r->received_ns[i], suspect, disorder, newest)) continue;
        } else {
            if (in_order || (suspect && (s->by_reception & bit))) s->pending &= ~bit;
            continue;
        }
        s->active ^= bit;
        count += put(out + count, r, i, k, (s->active & bit) != 0, limit);
    }
    return count;
}

static long limits(const LimitRule *parameters, LimitState *state, const Readings *r, Finding *out) {
    long count = 0;
    for (long i = 0; i < r->rows; i++) {
        const long record = r->record_of[r->slot[i]];
        const LimitRule *p = parameters + r->rule_of[record];
        LimitState *s = state + record;
        double v = r->value[i];
        int64_t newest = s->last_event_ns;
        int bad = r->quality[i] == BAD;
        int judged = !(r->time[i] & NOT_LIVE) & (p->used != 0);
        int in_order = judged & !bad & !(r->time[i] & (SUSPECT | DISORDER));
        int quiet = ((s->active | s->pending) == 0) & (p->low < v) & (v < p->high) & !bad;
        s->last_event_ns = in_order ? r->event_ns[i] : newest;
        if (RARE(judged & !quiet)) count += limit_rare(p, s, r, i, newest, out + count);
    }
    return count;
}

/* ---- ewma ---- */
typedef struct {
    int32_t warmup, raise_readings, clear_readings, adopt_readings;
    double low, high, weight, limit2, variance_min;
} CourseRule;
typedef struct { double mean, variance; int32_t learnt, active, run, outside; } CourseState;

static int course_change(const CourseRule *p, CourseState *s, int outside) {
    if (outside) {
        s->outside++;
        if (p->adopt_readings > 0 && s->outside >= p->adopt_readings) {
            s->learnt = s->run = s->outside = 0;
            return s->active != 0;
        }
    } else if (s->outside > 0) {
        s->outside--;
    }
    if (outside == (s->active != 0)) { s->run = 0; return 0; }
    s->run++;
    if (s->run < (outside ? p->raise_readings : p->clear_readings)) return 0;
    s->run = 0;
    if (!outside) s->outside = 0;
    return 1;
}

static FLOW long course_rare(const CourseRule *p, CourseState *s, const Readings *r, long i, int counts,
                             Finding *out) {
    double weight = p->weight, mean = s->mean, away = r->value[i] - mean, square = away * away, bound, edge;
    int sure = s->learnt >= p->warmup, outside;
    if (!counts) {
        if (s->active) s->run = 0;
        return 0;
    }
    if (!sure) {
        s->learnt++;
        weight = fmax(weight, 1.0 / s->learnt);
    }
    bound = p->limit2 * fmax(s->variance, p->variance_min);
    outside = sure && square > bound;
    if (!outside) {
        s->mean = mean + weight * away;
        s->variance = (1.0 - weight) * (s->variance + weight * square);
        if (s->active == 0 && s->outside == 0) return 0;
    }
    if (!course_change(p, s, outside)) return 0;
    s->active = 1 - s->active;
    edge = away > 0 ? mean + sqrt(bound) : mean - sqrt(bound);
    return put(out, r, i, 0, s->active, edge);
}

static long ewma(const CourseRule *parameters, CourseState *state, const Readings *r, Finding *out) {
    long count = 0;
    for (long i = 0; i < r->rows; i++) {
        const long record = r->record_of[r->slot[i]];
        const CourseRule *p = parameters + r->rule_of[record];
        CourseState *s = state + record;
        double v = r->value[i], mean = s->mean, variance = s->variance, weight = p->weight;
        double away = v - mean, square = away * away;
        double floor = variance > p->variance_min ? variance : p->variance_min;
        int judged = !(r->time[i] & (NOT_LIVE | THROTTLED)) & (p->warmup != 0);
        int counts = !(r->time[i] & NO_CLEAR) & (r->quality[i] == GOOD) & (p->low <= v) & (v <= p->high);
        int calm = (s->learnt >= p->warmup) & !(square > p->limit2 * floor) & (s->active == 0) & (s->outside == 0);
        int plain = judged & counts & calm;
        s->mean = plain ? mean + weight * away : mean;
        s->variance = plain ? (1.0 - weight) * (variance + weight * square) : variance;
        if (RARE(judged & !plain)) count += course_rare(p, s, r, i, counts, out + count);
    }
    return count;
}

/* ---- cusum ---- */
typedef struct {
    double h, k, low, high, target, scale, phi, sigma_min;
    int32_t warmup, adopt_readings;
} ShiftRule;
typedef struct { double up, down, mean, scale, phi, last; int32_t learnt, held; int64_t active; } ShiftState;
#define CLIP 4.0

static FLOW void shift_learn(const ShiftRule *p, ShiftState *s, double v) {
    double away, squares = 0.0, readings = p->warmup, phi = 0.0;
    s->learnt++;
    away = v - s->mean;
    s->mean += away / s->learnt;
    s->scale += away * (v - s->mean);
    if (s->learnt > 1) s->phi += (v - s->last) * (v - s->last);
    s->last = v;
    if (s->learnt < p->warmup) return;
    squares = s->scale;
    if (s->phi < 2.0 * squares) {
        phi = 1.0 - 0.5 * s->phi / squares;
        phi = fmin(phi + sqrt((1.0 - phi * phi) / readings), 0.98);
    }
    s->phi = phi;
    s->scale = 1.0 / fmax(sqrt(squares / (readings - 1.0)), p->sigma_min);
    s->last = NAN;
}

static FLOW long shift_rare(const ShiftRule *p, ShiftState *s, const Readings *r, long i, double target,
                            Finding *out) {
    int64_t before = s->active, after = before;
    long count = 0;
    for (int side = 0; side < 2; side++) {
        double total = side == 0 ? s->up : s->down;
        if (total >= p->h) after |= 1 << side;
        else if (total == 0.0) after &= ~(int64_t)(1 << side);
    }
    s->held = after ? s->held + 1 : 0;
    if (after && p->scale == 0.0 && p->adopt_readings > 0 && s->held >= p->adopt_readings) {
        s->up = s->down = s->mean = s->scale = s->phi = 0.0;
        s->last = NAN;
        s->learnt = s->held = 0;
        after = 0;
    }
    s->active = after;
    for (int side = 0; side < 2; side++)
        if ((before ^ after) >> side & 1) count += put(out + count, r, i, side, (int)(after >> side & 1), target);
    return count;
}

static inline double within(double x, double low, double high) {
    x = x < low ? low : x;
    return x > high ? high : x;
}

static long cusum(const ShiftRule *parameters, ShiftState *state, const Readings *r, Finding *out) {
    long count = 0;
    for (long i = 0; i < r->rows; i++) {
        const long record = r->record_of[r->slot[i]];
        const ShiftRule *p = parameters + r->rule_of[record];
        ShiftState *s = state + record;
        double v = r->value[i], h = p->h;
        int given = p->scale != 0.0;
        int judged = !(r->time[i] & (NO_CLEAR | THROTTLED)) & (r->quality[i] == GOOD) & (h != 0.0) &
                     (p->low <= v) & (v <= p->high);
        int ready = given | (s->learnt >= p->warmup);
        double target = given ? p->target : s->mean, scale = given ? p->scale : s->scale;
        double phi = given | !isnan(p->phi) ? p->phi : s->phi;
        double wide = within((v - target) * scale, -2.0 * CLIP, 2.0 * CLIP);
        double before = fabs(s->last) < INFINITY ? s->last : wide;
        double white = phi == 0.0 ? wide : (wide - phi * before) / sqrt(1.0 - phi * phi);
        double z = within(white, -CLIP, CLIP);
        double up = within(s->up + z - p->k, 0.0, h), down = within(s->down - z - p->k, 0.0, h);
        int go = judged & ready;
        s->up = go ? up : s->up;
        s->down = go ? down : s->down;
        s->last = go & (phi != 0.0) ? wide : s->last;
        if (RARE(judged & (!ready | (s->active != 0) | (up >= h) | (down >= h)))) {
            if (!ready) shift_learn(p, s, v);
            else count += shift_rare(p, s, r, i, target, out + count);
        }
    }
    return count;
}

/* ---- flat ---- */
typedef struct { int64_t after_ns; double tolerance, deadband; int32_t raise_readings, clear_readings; } FlatRule;
typedef struct { double reference; int64_t since_ns; int32_t active, run; } FlatState;

static FLOW long flat_rare(const FlatRule *p, FlatState *s, const Readings *r, long i, int counts, int shown,
                           int moved, Finding *out) {
    double v = r->value[i];
    int64_t t = r->event_ns[i];
    if (!counts) {
        if (s->active) s->run = 0;
        return 0;
    }
    if (moved) {
        s->reference = shown ? v : NAN;
        s->since_ns = t;
        s->run = s->active ? s->run + 1 : 0;
        if (!s->active || s->run < p->clear_readings) return 0;
    } else {
        s->since_ns = t < s->since_ns ? t : s->since_ns;
        s->run = s->active ? 0 : s->run + 1;
        if (s->active || t - s->since_ns < p->after_ns || s->run < p->raise_readings) return 0;
    }
    s->active = 1 - s->active;
    s->run = 0;
    return put(out, r, i, 0, s->active, NAN);
}

static long flat(const FlatRule *parameters, FlatState *state, const Readings *r, Finding *out) {
    long count = 0;
    for (long i = 0; i < r->rows; i++) {
        const long record = r->record_of[r->slot[i]];
        const FlatRule *p = parameters + r->rule_of[record];
        FlatState *s = state + record;
        double v = r->value[i];
        int64_t t = r->event_ns[i], since = s->since_ns;
        int judged = !(r->time[i] & (NOT_LIVE | THROTTLED)) & (p->after_ns != 0);
        int counts = !(r->time[i] & NO_CLEAR) & (r->quality[i] == GOOD) & (fabs(v) < INFINITY);
        int shown = fabs(v) > p->deadband;
        int moved = !(shown & (fabs(v - s->reference) <= p->tolerance));
        int64_t from = moved | (t < since) ? t : since;
        int32_t run = moved ? 0 : s->run + 1;
        int due = !moved & (t - from >= p->after_ns) & (run >= p->raise_readings);
        int plain = judged & counts & (s->active == 0) & !due;
        double reference = moved ? (shown ? v : NAN) : s->reference;
        s->reference = plain ? reference : s->reference;
        s->since_ns = plain ? from : since;
        s->run = plain ? run : s->run;
        if (RARE(judged & !plain)) count += flat_rare(p, s, r, i, counts, shown, moved, out + count);
    }
    return count;
}

/* parameters, state, findings: one pointer a pass, in the order out_of_range, limits, ewma, cusum, flat. */
static const Readings *of(Readings *r, const int32_t *const *record_of, const int32_t *const *rule_of, int pass) {
    r->record_of = record_of[pass];
    r->rule_of = rule_of[pass];
    return r;
}

void passes(Readings *r, void *const *rules, void *const *state, Finding *const *out,
            const int32_t *const *record_of, const int32_t *const *rule_of, int64_t *count) {
    count[0] = out_of_range(rules[0], state[0], of(r, record_of, rule_of, 0), out[0]);
    count[1] = limits(rules[1], state[1], of(r, record_of, rule_of, 1), out[1]);
    count[2] = ewma(rules[2], state[2], of(r, record_of, rule_of, 2), out[2]);
    count[3] = cusum(rules[3], state[3], of(r, record_of, rule_of, 3), out[3]);
    count[4] = flat(rules[4], state[4], of(r, record_of, rule_of, 4), out[4]);
}
