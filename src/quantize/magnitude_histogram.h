// How large a tensor's values are, and the FP8 scale that follows from it.
#ifndef QED_QUANTIZE_MAGNITUDE_HISTOGRAM_H_
#define QED_QUANTIZE_MAGNITUDE_HISTOGRAM_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace qed {

// How a scale is found from calibration.
enum class Observer : uint8_t {
  kMax,         // the largest magnitude that was seen becomes 448
  kPercentile,  // that of which 99.99 % of the values stay below
  kError,       // that with the least expected squared error
  kAuto,        // kMax, unless kError's is less by a twentieth
};

// The value of --observer: max, percentile, error or auto.
Result<Observer> ParseObserver(const std::string& name);
const char* ObserverName(Observer observer);

// What an observer made of a histogram.
struct ChosenScale {
  float scale = 1;                     // 448 codes are this much
  Observer observer = Observer::kMax;  // kMax, kPercentile or kError
  double error = 0;      // expected relative error: |x - fp8(x)| / |x|, root of mean square
  double max_error = 0;  // what kMax would have had
};

// Counts of magnitudes in steps of a 64th of an octave.
class MagnitudeHistogram {
 public:
  MagnitudeHistogram();

  void Add(const float* values, int64_t count);
  // Values of which so many have the magnitude of the bfloat16 with the bits m, for each m.
  void AddCounts(std::span<const uint64_t> count_of_magnitude);

  int64_t count() const { return count_; }
  float largest() const { return largest_; }  // of the finite ones
  int64_t not_finite() const { return not_finite_; }

  // The magnitude that a part `fraction` of the values does not exceed, to within a
  // step. REQUIRES: count() > 0.
  float Quantile(double fraction) const;
  // Root of the mean square of x - fp8(x), relative to that of x, where `clip` is what
  // 448 stands for.
  double ErrorAt(float clip) const;
  // REQUIRES: count() > 0.
  ChosenScale Choose(Observer observer) const;

 private:
  float LeastErrorClip() const;

  std::vector<int64_t> counts_;  // by the upper bits of a float
  int64_t count_ = 0;
  int64_t not_finite_ = 0;
  float largest_ = 0;
};

}  // namespace qed

#endif  // QED_QUANTIZE_MAGNITUDE_HISTOGRAM_H_
