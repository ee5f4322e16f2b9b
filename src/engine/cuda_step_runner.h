// Steps on a GPU, two in flight: the model's decoder and the sampler on one stream,
// one pinned copy in and one small copy out a step.
#ifndef QED_ENGINE_CUDA_STEP_RUNNER_H_
#define QED_ENGINE_CUDA_STEP_RUNNER_H_

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/drafter_checkpoint.h"
#include "config/engine_config.h"
#include "cuda/device.h"
#include "engine/step_runner.h"
#include "model/device_memory_plan.h"
#include "model/language_model.h"
#include "model/rank_group.h"

namespace qed {

// On the first rank and on those that follow it.
inline constexpr int32_t kCudaStepsInFlight = 2;

struct CudaRunner {
  std::unique_ptr<StepRunner> runner;
  ModelFootprint footprint;
  DeviceMemoryPlan memory;  // what was taken, for a table
};

// Loads the model onto the GPU and takes all memory that steps will need. `device`
// must have been opened; `adapter` may be null, and `drafter`, whose head drafts behind each step
// that asks for it, in FP8 where the model's products are, else in 16 bits; `pool` reads the
// weights and is not kept. Errors as CudaDecoder::Load; kUnsupported for a vocabulary that the
// GPU's sampler cannot hold, or in a program built without CUDA. With a `group` this is its first
// rank, which tells the others of each step; they call FollowOnGpu.
Result<CudaRunner> MakeCudaStepRunner(const Checkpoint& checkpoint, const Adapter* adapter,
                                      const DrafterCheckpoint* drafter, const EngineConfig& config,
                                      const cuda::DeviceInfo& device, ThreadPool& pool,
                                      const RankGroup& group = {});

// Loads the part of another rank than the first and computes it in each of the first one's steps
// until that one ends. An error before all ranks are ready is the first one's to tell, and
// kCancelled here; one that is not is this GPU's, after which all ranks have to end.
Status FollowOnGpu(const Checkpoint& checkpoint, const Adapter* adapter, const EngineConfig& config,
                   const cuda::DeviceInfo& device, ThreadPool& pool, const RankGroup& group);

}  // namespace qed

#endif  // QED_ENGINE_CUDA_STEP_RUNNER_H_
