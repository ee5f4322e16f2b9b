#include "quantize/magnitude_histogram.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "quantize/code_rows.h"
#include "tensor/eight_bit.h"

namespace qed {
namespace {

// Of a float's 23 bits of fraction, 6 choose the bucket.
constexpr int kDroppedBits = 17;
constexpr uint32_t kInfinityBits = 0x7F800000U;
constexpr size_t kBuckets = kInfinityBits >> kDroppedBits;
constexpr double kPercentile = 0.9999;
// What clipping must gain before it is worth losing the largest values.
constexpr double kWorthwhile = 0.95;
// Clips that are tried: down to a 16th of the largest magnitude, four an octave.
constexpr int kClips = 17;

constexpr std::array<const char*, 4> kNames = {"max", "percentile", "error", "auto"};

float MiddleOf(size_t bucket) {
  const auto low = static_cast<uint32_t>(bucket) << kDroppedBits;
  return FloatOfBits(low + (1U << (kDroppedBits - 1)));
}

}  // namespace

Result<Observer> ParseObserver(const std::string& name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<Observer>(i);
  }
  return InvalidArgument("--observer is \"" + name +
                         "\"; it must be max, percentile, error or auto");
}

const char* ObserverName(Observer observer) { return kNames[static_cast<size_t>(observer)]; }

MagnitudeHistogram::MagnitudeHistogram() : counts_(kBuckets, 0) {}

void MagnitudeHistogram::Add(const float* values, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t bits = FloatBits(values[i]) & 0x7FFFFFFFU;
    if (bits >= kInfinityBits) {
      ++not_finite_;
      continue;
    }
    ++counts_[bits >> kDroppedBits];
    largest_ = std::max(largest_, FloatOfBits(bits));
  }
  count_ += count;
}

void MagnitudeHistogram::AddCounts(std::span<const uint64_t> count_of_magnitude) {
  constexpr int kUpperBits = 16;  // of a float, which are a bfloat16
  for (size_t m = 0; m < count_of_magnitude.size(); ++m) {
    const auto count = static_cast<int64_t>(count_of_magnitude[m]);
    if (count == 0) continue;
    count_ += count;
    const uint32_t bits = static_cast<uint32_t>(m) << kUpperBits;
    if (bits >= kInfinityBits) {
      not_finite_ += count;
      continue;
    }
    counts_[bits >> kDroppedBits] += count;
    largest_ = std::max(largest_, FloatOfBits(bits));
  }
}

float MagnitudeHistogram::Quantile(double fraction) const {
  QED_CHECK(count_ > 0);
  const auto wanted = static_cast<int64_t>(std::ceil(fraction * static_cast<double>(count_)));
  int64_t below = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    below += counts_[i];
    if (below < wanted) continue;
    const auto upper = (static_cast<uint32_t>(i) + 1) << kDroppedBits;
    return std::min(largest_, FloatOfBits(upper));
  }
  return largest_;
}

double MagnitudeHistogram::ErrorAt(float clip) const {
  const float scale = CodeScale(WeightFormat::kFp8, clip);
  double error = 0, size = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    if (counts_[i] == 0) continue;
    const float value = MiddleOf(i);
    const double difference = double{value} - double{Fp8ToFloat(FloatToFp8(value / scale))} * scale;
    error += static_cast<double>(counts_[i]) * difference * difference;
    size += static_cast<double>(counts_[i]) * value * value;
  }
  return size > 0 ? std::sqrt(error / size) : 0;
}

float MagnitudeHistogram::LeastErrorClip() const {
  float best = largest_;
  double least = ErrorAt(best);
  for (int i = 1; i < kClips; ++i) {
    const float clip = largest_ * std::exp2(-0.25F * static_cast<float>(i));
    const double error = ErrorAt(clip);
    if (error >= least) continue;
    least = error;
    best = clip;
  }
  return best;
}

ChosenScale MagnitudeHistogram::Choose(Observer observer) const {
  QED_CHECK(count_ > 0);
  ChosenScale chosen;
  chosen.max_error = ErrorAt(largest_);
  float clip = largest_;
  if (observer == Observer::kPercentile) {
    clip = Quantile(kPercentile);
    chosen.observer = Observer::kPercentile;
  } else if (observer != Observer::kMax) {
    const float least = LeastErrorClip();
    if (observer == Observer::kError || ErrorAt(least) < kWorthwhile * chosen.max_error) {
      clip = least;
      chosen.observer = Observer::kError;
    }
  }
  chosen.scale = CodeScale(WeightFormat::kFp8, clip);
  chosen.error = ErrorAt(clip);
  return chosen;
}

}  // namespace qed
