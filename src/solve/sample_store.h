// Where finished samples are kept.
#ifndef QED_SOLVE_SAMPLE_STORE_H_
#define QED_SOLVE_SAMPLE_STORE_H_

#include "base/status.h"
#include "solve/genselect.h"
#include "solve/sample.h"

namespace qed {

class SampleStore {
 public:
  virtual ~SampleStore() = default;
  // The sample counts as done once this returned OK.
  virtual Status Append(const Sample& sample) = 0;
  // Keeps the text of a sample that was interrupted and will be run again.
  virtual Status AppendPartial(const Sample& sample) = 0;
  // The selection counts as done once this returned OK.
  virtual Status AppendSelection(const Selection& selection) = 0;
};

// For runs without an output folder.
class NoSampleStore : public SampleStore {
 public:
  Status Append(const Sample&) override { return OkStatus(); }
  Status AppendPartial(const Sample&) override { return OkStatus(); }
  Status AppendSelection(const Selection&) override { return OkStatus(); }
};

}  // namespace qed

#endif  // QED_SOLVE_SAMPLE_STORE_H_
