// What the latest steps spent their time on: how long the device waits for the
// host, and where the host spends it.
#ifndef QED_ENGINE_STEP_TRACE_H_
#define QED_ENGINE_STEP_TRACE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qed {

// Times in seconds. With one step in flight the device waits for about all that
// the host does; with two, only if the host takes longer than a step.
struct StepRecord {
  int32_t sequences = 0;
  int32_t tokens = 0;
  float plan = 0;    // host: what to compute, laid out
  float launch = 0;  // host: StepRunner::Launch; on the CPU the step itself
  float finish = 0;  // host: waiting for the step
  float commit = 0;  // host: taking its tokens in, stop strings and text
  float run = 0;     // device: the step
  float wait = 0;    // device: nothing to do before it, though the engine had work
};

// The last records. Allocates nothing after its constructor.
class StepTrace {
 public:
  static constexpr size_t kCapacity = 8192;

  StepTrace() { records_.reserve(kCapacity); }

  void Add(const StepRecord& record) {
    if (records_.size() < kCapacity) {
      records_.push_back(record);
    } else {
      records_[next_] = record;
    }
    next_ = (next_ + 1) % kCapacity;
  }

  // Oldest first.
  std::vector<StepRecord> Records() const {
    const size_t oldest = records_.size() < kCapacity ? 0 : next_;
    std::vector<StepRecord> records(records_.begin() + oldest, records_.end());
    records.insert(records.end(), records_.begin(), records_.begin() + oldest);
    return records;
  }

 private:
  std::vector<StepRecord> records_;  // a ring
  size_t next_ = 0;
};

}  // namespace qed

#endif  // QED_ENGINE_STEP_TRACE_H_
