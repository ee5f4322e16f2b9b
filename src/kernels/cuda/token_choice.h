// How a token is chosen from a row of logits, as the CPU's sampler does it
// (sampling/sampler.h: same order of the filters, same ties, same weights), for
// many threads at a time.
//
// Written against a Row that knows how its values are spread over threads, so that
// the same source runs on a GPU (kernels/cuda/row_team.cuh) and, in a test, on the
// CPU. All threads of a row call these functions together and get the same results.
//
// Values are held as keys: unsigned numbers, the larger the likelier, 0 for what
// can never be chosen. Masses of weights are whole numbers of 2^-44: their sums
// are exact, hence the same in whatever order threads add them, and as close to the
// CPU's sums as those are to the truth.
//
// Row:
//   uint32_t Load(fn)             key of every id = fn(id); returns the largest
//   Sums<N> Map<N>(fn)            fn(key&, sums&) for every key; returns the sums
//   int32_t FindOrdered(fn, n)    the lowest id up to which fn(id, key) adds up to
//                                 more than n; -1 if there is none
//   Picked PickListed(in, weigh, choose)
//                                 for each of the at most kListSize tokens with
//                                 in(id, key): choose(token, up_to) with the measure
//                                 of those of them that precede it, and its own, by
//                                 weigh(key); returns what choose returned where it
//                                 was for a token (id >= 0): for one at most
#ifndef QED_KERNELS_CUDA_TOKEN_CHOICE_H_
#define QED_KERNELS_CUDA_TOKEN_CHOICE_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "base/host_device.h"
#include "base/rng.h"
#include "kernels/cuda/sampling.h"

namespace qed::cuda {

// Most tokens that PickListed can take.
inline constexpr int32_t kListSize = 256;
static_assert(kListSize >= kMaxTopTokens);

inline constexpr int32_t kLargestId = std::numeric_limits<int32_t>::max();
inline constexpr uint32_t kAboveAllLogits = std::numeric_limits<uint32_t>::max();
inline constexpr int kMassBits = 44;  // a weight of 1 has the mass 2^44

struct Measure {
  uint64_t mass = 0;
  uint32_t count = 0;

  QED_HOST_DEVICE Measure& operator+=(const Measure& other) {
    mass += other.mass;
    count += other.count;
    return *this;
  }
};

template <int N>
struct Sums {
  Measure at[N];
};

struct Token {
  uint32_t key = 0;
  int32_t id = -1;
};

// Likelier first; of equal ones the lower id.
QED_HOST_DEVICE inline bool PrecedesOrIs(const Token& a, const Token& b) {
  return a.key != b.key ? a.key > b.key : a.id <= b.id;
}

// A token and the measure of all that precede it, and its own.
struct Picked {
  Token token;
  Measure up_to;
};

// Products and sums that are never fused: the same bits as the CPU's sampler.
QED_HOST_DEVICE inline float Times(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fmul_rn(a, b);
#else
  return a * b;
#endif
}
QED_HOST_DEVICE inline float Plus(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fadd_rn(a, b);
#else
  return a + b;
#endif
}
QED_HOST_DEVICE inline float Divide(float a, float b) {
#ifdef __CUDA_ARCH__
  return __fdiv_rn(a, b);
#else
  return a / b;
#endif
}

QED_HOST_DEVICE inline uint32_t BitsOf(float x) {
#ifdef __CUDA_ARCH__
  return __float_as_uint(x);
#else
  return std::bit_cast<uint32_t>(x);
#endif
}
QED_HOST_DEVICE inline float FloatOf(uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}

// Logits as keys of the same order. NaN has the key 0, which no number has.
QED_HOST_DEVICE inline uint32_t KeyOfLogit(float x) {
  if (x != x) return 0;
  const uint32_t bits = x == 0 ? 0 : BitsOf(x);  // -0 equals 0
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
}
QED_HOST_DEVICE inline float LogitOfKey(uint32_t key) {
  return FloatOf((key >> 31) != 0 ? key & 0x7fffffffU : ~key);
}
QED_HOST_DEVICE inline bool IsFiniteLogit(uint32_t key) {
  constexpr uint32_t kMinusInfinity = 0x007fffffU, kInfinity = 0xff800000U;
  return key > kMinusInfinity && key < kInfinity;
}

// exp(x) for x <= 0; 0 at -87 and below and for NaN. The same operations as the
// CPU's (sampling/distribution.cc), hence the same bits.
QED_HOST_DEVICE inline float ExpNonPositive(float x) {
  constexpr float kSmallest = -87.0F;
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0.693359375F, kLn2Low = -2.12194440e-4F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  if (!(x > kSmallest)) return 0;
  const float shifted = Plus(Times(x, kLog2E), kRound);
  const float n = Plus(shifted, -kRound);
  const float r = Plus(Plus(x, -Times(n, kLn2High)), -Times(n, kLn2Low));
  float p = Plus(Times(r, 1.0F / 720), 1.0F / 120);
  p = Plus(Times(p, r), 1.0F / 24);
  p = Plus(Times(p, r), 1.0F / 6);
  p = Plus(Times(p, r), 0.5F);
  p = Plus(Times(p, r), 1.0F);
  p = Plus(Times(p, r), 1.0F);
  const uint32_t exponent = (BitsOf(shifted) - BitsOf(kRound)) << 23;
  return FloatOf(BitsOf(p) + exponent);
}

// Weights, in [0, 1], have their bits for keys.
inline constexpr uint32_t kKeyOfOne = 0x3f800000U;
inline constexpr uint32_t kKeyOfSmallest = 0x00800000U;  // the smallest normal float

// The mass of a weight by its bits, rounded down.
QED_HOST_DEVICE inline uint64_t MassOf(uint32_t key) {
  constexpr int kUnshifted = 127 + 23 - kMassBits;  // biased exponent of the mantissa's own scale
  const int shift = static_cast<int>(key >> 23) - kUnshifted;
  const uint64_t mantissa = (key & 0x7fffffU) | 0x800000U;
  if (shift >= 0) return mantissa << shift;
  return shift > -24 ? mantissa >> -shift : 0;
}

// How FindLast narrows down its range: so many keys divide it each time.
inline constexpr int kPivots = 7;

// What FindLast starts from: keys that divide the range, ascending, and the sums of
// all keys from each of them on; at [kPivots] those from the lowest on.
struct Survey {
  uint32_t pivots[kPivots];
  uint32_t lowest = 1;
  Sums<kPivots + 1> sums;
};

// Adds one key to the sums of a survey.
QED_HOST_DEVICE inline void AddToSurvey(const Survey& survey, uint32_t key, uint64_t mass,
                                        Sums<kPivots + 1>& sums) {
  if (key < survey.lowest) return;
  const Measure own = {mass, 1};
  sums.at[kPivots] += own;
  QED_UNROLL
  for (int i = 0; i < kPivots; ++i) {
    if (key < survey.pivots[i]) break;
    sums.at[i] += own;
  }
}

// By what FindLast counts.
enum class Gauge : uint8_t { kCount, kMass };

template <Gauge gauge>
QED_HOST_DEVICE inline uint64_t Read(const Measure& measure) {
  return gauge == Gauge::kMass ? measure.mass : measure.count;
}

// Keys are weights where it counts by mass or `with_mass` is set.
struct Weigher {
  bool with_mass = true;
  QED_HOST_DEVICE Measure operator()(uint32_t key) const {
    return {with_mass ? MassOf(key) : 0, 1};
  }
};

// The range of keys [low, high) that holds the token looked for, with the sums of
// all keys from its ends on: Read(from_high) < target <= Read(from_low).
struct KeyRange {
  uint32_t low, high;
  Measure from_low, from_high;
};

// Takes the part of `range` between those two of the ascending `pivots` between
// which the target lies.
template <Gauge gauge>
QED_HOST_DEVICE inline void Narrow(const uint32_t (&pivots)[kPivots], const Measure* from_pivots,
                                   uint64_t target, KeyRange& range) {
  QED_UNROLL
  for (int i = 0; i < kPivots; ++i) {
    if (pivots[i] <= range.low || pivots[i] >= range.high) continue;
    if (Read<gauge>(from_pivots[i]) >= target) {
      range.low = pivots[i];
      range.from_low = from_pivots[i];
    } else {
      range.high = pivots[i];
      range.from_high = from_pivots[i];
    }
  }
}

// The first token in order (likelier first, then lower id) up to which counts or
// masses add up to `target`. REQUIRES: 0 < target <= Read(survey.sums.at[kPivots]);
// `highest` is above every key.
template <Gauge gauge, typename Row>
QED_HOST_DEVICE inline Picked FindLast(Row& row, const Survey& survey, uint32_t highest,
                                       uint64_t target, Weigher weigher) {
  KeyRange range = {survey.lowest, highest, survey.sums.at[kPivots], {}};
  Narrow<gauge>(survey.pivots, survey.sums.at, target, range);
  while (range.from_low.count - range.from_high.count > kListSize && range.high - range.low > 1) {
    const uint64_t width = range.high - range.low;
    uint32_t pivots[kPivots];
    QED_UNROLL
    for (int i = 0; i < kPivots; ++i) {
      pivots[i] = range.low + static_cast<uint32_t>(width * (i + 1) / (kPivots + 1));
    }
    Sums<kPivots> sums = row.template Map<kPivots>([&](uint32_t& key, Sums<kPivots>& own) {
      if (key < range.low || key >= range.high) return;
      const Measure measure = weigher(key);
      QED_UNROLL
      for (int i = 0; i < kPivots; ++i) {
        if (key >= pivots[i]) own.at[i] += measure;
      }
    });
    QED_UNROLL
    for (int i = 0; i < kPivots; ++i) sums.at[i] += range.from_high;
    Narrow<gauge>(pivots, sums.at, target, range);
  }
  if (range.from_low.count - range.from_high.count <= kListSize) {
    return row.PickListed(
        [&](int32_t, uint32_t key) { return key >= range.low && key < range.high; }, weigher,
        [&](const Token& token, Measure up_to) {
          up_to += range.from_high;
          const uint64_t reached = Read<gauge>(up_to);
          const bool is_last =
              reached >= target && reached - Read<gauge>(weigher(token.key)) < target;
          return is_last ? Picked{token, up_to} : Picked{};
        });
  }
  // Too many tokens of the same key: of them, the lowest ids.
  const Measure each = weigher(range.low);
  const uint64_t rest = target - Read<gauge>(range.from_high);
  const auto needed = static_cast<uint32_t>((rest + Read<gauge>(each) - 1) / Read<gauge>(each));
  const int32_t id = row.FindOrdered(
      [&](int32_t, uint32_t key) { return uint64_t{key == range.low ? 1U : 0U}; }, needed - 1);
  return {{range.low, id},
          {range.from_high.mass + needed * each.mass, range.from_high.count + needed}};
}

// Keys are logits; `largest` is the largest of them. They become weights.
template <typename Row>
QED_HOST_DEVICE inline int32_t DrawToken(Row& row, const SamplingRow& params, uint32_t largest) {
  const float max = LogitOfKey(largest);
  Survey survey = {};
  // Where a model is sure, few tokens are above the first of these; the tail, nearly
  // all of the vocabulary, lies below the last.
  constexpr int kExponents[kPivots] = {-20, -15, -11, -8, -5, -3, -1};
  QED_UNROLL
  for (int i = 0; i < kPivots; ++i) {
    survey.pivots[i] = static_cast<uint32_t>(127 + kExponents[i]) << 23;
  }
  // The likeliest token has weight 1, so min-p is a weight.
  const uint32_t min_p = BitsOf(params.min_p);
  survey.lowest = min_p > kKeyOfSmallest ? min_p : kKeyOfSmallest;
  survey.sums = row.template Map<kPivots + 1>([&](uint32_t& key, Sums<kPivots + 1>& own) {
    if (key == 0) return;
    const float scaled = Times(Plus(LogitOfKey(key), -max), params.scale);
    key = BitsOf(ExpNonPositive(scaled));
    AddToSurvey(survey, key, MassOf(key), own);
  });
  Picked last = {{survey.lowest, kLargestId}, survey.sums.at[kPivots]};
  if (params.top_k > 0 && static_cast<uint32_t>(params.top_k) < last.up_to.count) {
    last = FindLast<Gauge::kCount>(row, survey, kKeyOfOne + 1, params.top_k, Weigher{});
  }
  if (params.top_p < 1) {
    const double share = static_cast<double>(params.top_p) * static_cast<double>(last.up_to.mass);
    uint64_t target = static_cast<uint64_t>(std::ceil(share));
    target = target < 1 ? 1 : target > last.up_to.mass ? last.up_to.mass : target;
    last = FindLast<Gauge::kMass>(row, survey, kKeyOfOne + 1, target, Weigher{});
  }
  uint64_t target =
      static_cast<uint64_t>(UniformDouble(params.seed, params.stream, params.position) *
                            static_cast<double>(last.up_to.mass));
  if (target >= last.up_to.mass) target = last.up_to.mass - 1;
  return row.FindOrdered(
      [&](int32_t id, uint32_t key) {
        return key != 0 && PrecedesOrIs({key, id}, last.token) ? MassOf(key) : uint64_t{0};
      },
      target);
}

// What the penalties make of a logit; `code` is the token's count (sampling.h).
QED_HOST_DEVICE inline float Penalize(const SamplingRow& params, uint16_t code, float logit) {
  if (code == kUnseen) return logit;
  logit = logit > 0 ? Divide(logit, params.repetition) : Times(logit, params.repetition);
  const int generated = code - 1;
  if (generated == 0) return logit;
  logit = Plus(logit, -Times(params.frequency, static_cast<float>(generated)));
  return Plus(logit, -params.presence);
}

// The bias of a token among those of its slot; null: it has none.
QED_HOST_DEVICE inline const TokenBias* FindBias(const SamplingRow& params, const TokenBias* biases,
                                                 int32_t id) {
  int32_t low = 0;
  int32_t high = params.num_biases;
  while (low < high) {
    const int32_t middle = (low + high) / 2;
    if (biases[middle].id < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < params.num_biases && biases[low].id == id ? &biases[low] : nullptr;
}

// A count after the token came once more.
QED_HOST_DEVICE inline uint16_t CountOnce(uint16_t code, bool generated) {
  const int seen = code == kUnseen ? 1 : code;
  const int next = generated ? seen + 1 : seen;
  return static_cast<uint16_t>(next > 0xffff ? 0xffff : next);
}

// The count of a token with the drafts before `row` in its chain; `row` is one of the
// step's rows.
QED_HOST_DEVICE inline uint16_t CountWithDrafts(const SamplingRow* row, uint16_t code, int32_t id) {
  for (int32_t i = 1; i <= row->place; ++i) {
    if (row[-i].draft == id) code = CountOnce(code, true);
  }
  return code;
}

// The key with which a token goes into the choice: its logit, biased, then penalized.
QED_HOST_DEVICE inline uint32_t KeyForChoice(const SamplingRow& params, const SamplingRow* of_step,
                                             const uint16_t* counts, const TokenBias* biases,
                                             int32_t id, float logit) {
  if (biases != nullptr) {
    if (const TokenBias* bias = FindBias(params, biases, id)) {
      if (bias->barred != 0 && params.barring != 0) return 0;
      logit = Plus(logit, bias->bias);
    }
  }
  if (counts == nullptr) return KeyOfLogit(logit);
  return KeyOfLogit(Penalize(params, CountWithDrafts(of_step, counts[id], id), logit));
}

// The row's token; -1 where its largest logit is not a finite number. `of_step` is where
// the row stands among those of the step. `counts` [V] is null where there are no
// penalties, `biases` [params.num_biases] where there are no biases. A given token that is
// a sequence's next one is drawn all the same, so that a replay takes the time that it
// would take.
template <typename Row>
QED_HOST_DEVICE inline int32_t ChooseToken(Row& row, const SamplingRow& params,
                                           const SamplingRow* of_step, const float* logits,
                                           const uint16_t* counts, const TokenBias* biases) {
  const uint32_t largest = row.Load(
      [&](int32_t id) { return KeyForChoice(params, of_step, counts, biases, id, logits[id]); });
  if (!IsFiniteLogit(largest)) return -1;
  const bool given = params.given >= 0;
  if (given && params.next == 0) return params.given;
  int32_t id = -1;
  if (params.scale == 0) {
    id = row.FindOrdered([&](int32_t, uint32_t key) { return uint64_t{key == largest ? 1U : 0U}; },
                         0);
  } else {
    id = DrawToken(row, params, largest);
  }
  return given ? params.given : id;
}

// Log-probabilities of the logits as the model gave them: returns that of `id` and
// calls write(rank, id, log-probability) for the params.num_top likeliest tokens, or
// as many as there are; 0 and no calls where the largest logit is not finite.
template <typename Row, typename Write>
QED_HOST_DEVICE inline float FindLogprobs(Row& row, const SamplingRow& params, const float* logits,
                                          int32_t id, Write write) {
  const uint32_t largest = row.Load([&](int32_t i) { return KeyOfLogit(logits[i]); });
  if (!IsFiniteLogit(largest)) return 0;
  const float max = LogitOfKey(largest);
  Survey survey = {};
  constexpr float kBelow[kPivots] = {24, 16, 11, 7.5F, 5, 3, 1};
  QED_UNROLL
  for (int i = 0; i < kPivots; ++i) survey.pivots[i] = KeyOfLogit(max - kBelow[i]);
  survey.sums = row.template Map<kPivots + 1>([&](uint32_t& key, Sums<kPivots + 1>& own) {
    if (key == 0) return;
    AddToSurvey(survey, key, MassOf(BitsOf(ExpNonPositive(Plus(LogitOfKey(key), -max)))), own);
  });
  const Measure all = survey.sums.at[kPivots];
  const double log_sum = double{max} + std::log(static_cast<double>(all.mass) /
                                                static_cast<double>(1ULL << kMassBits));
  if (params.num_top > 0) {
    const auto wanted = static_cast<uint32_t>(params.num_top);
    const Weigher count_only = {false};
    const Picked last = FindLast<Gauge::kCount>(
        row, survey, kAboveAllLogits, wanted < all.count ? wanted : all.count, count_only);
    row.PickListed(
        [&](int32_t i, uint32_t key) {
          return key != 0 && PrecedesOrIs({key, i}, last.token);
        },
        count_only,
        [&](const Token& token, const Measure& up_to) {
          write(static_cast<int32_t>(up_to.count) - 1, token.id,
                static_cast<float>(LogitOfKey(token.key) - log_sum));
          return Picked{};
        });
  }
  return static_cast<float>(logits[id] - log_sum);
}

}  // namespace qed::cuda

#endif  // QED_KERNELS_CUDA_TOKEN_CHOICE_H_
