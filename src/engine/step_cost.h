// What a step costs by its rows, measured on the runner itself.
#ifndef QED_ENGINE_STEP_COST_H_
#define QED_ENGINE_STEP_COST_H_

#include <cstdint>

#include "base/status.h"
#include "draft/draft_budget.h"
#include "engine/step_runner.h"

namespace qed {

// Seconds that go by, to take differences of: where the steps are computed by this process
// (`on_cpu`), of its processor time, which other programs on the machine do not stretch.
double ComputeSeconds(bool on_cpu);

// Runs steps of 1, 2, 4, ... rows with logits, up to `max_rows` and 16 or, on a device, 64, twice
// each, on pages and a slot that are nobody's yet; the lesser time counts. Beyond, cost is taken
// to grow as between the last two. Errors are the runner's. In ComputeSeconds.
Result<StepCost> MeasureStepCost(StepRunner& runner, int32_t max_rows, bool on_cpu);

}  // namespace qed

#endif  // QED_ENGINE_STEP_COST_H_
