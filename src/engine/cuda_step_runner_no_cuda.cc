#include "engine/cuda_step_runner.h"

namespace qed {

Result<CudaRunner> MakeCudaStepRunner(const Checkpoint&, const Adapter*, const DrafterCheckpoint*,
                                      const EngineConfig&, const cuda::DeviceInfo&, ThreadPool&,
                                      const RankGroup&) {
  return Unsupported("this program was built without CUDA; build it with -DQED_CUDA=ON");
}

Status FollowOnGpu(const Checkpoint&, const Adapter*, const EngineConfig&, const cuda::DeviceInfo&,
                   ThreadPool&, const RankGroup&) {
  return Unsupported("this program was built without CUDA; build it with -DQED_CUDA=ON");
}

}  // namespace qed
