// Loads a model that runs whole texts, for calibration and for comparing.
#ifndef QED_QUANTIZE_TEXT_MODEL_H_
#define QED_QUANTIZE_TEXT_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "cuda/device.h"
#include "model/activation_observer.h"
#include "model/decoder.h"

namespace qed {

// `together` texts of at most `longest` tokens run side by side.
struct TextLimits {
  int32_t together = 1;
  size_t longest = 1;
};

// On the CPU. `adapter` may be null. Errors of LoadDecoder (model/loader.h).
Result<std::unique_ptr<Decoder>> LoadTextModel(const Checkpoint& checkpoint, const Adapter* adapter,
                                               const TextLimits& limits, ThreadPool& pool);

// On a GPU, which may hold a second such model. Errors of CudaDecoder::Load; kUnsupported where
// the program was built without CUDA.
Result<std::unique_ptr<ObservableModel>> LoadTextModelOnGpu(const Checkpoint& checkpoint,
                                                            const Adapter* adapter,
                                                            const TextLimits& limits,
                                                            const cuda::DeviceInfo& gpu,
                                                            ThreadPool& pool);

}  // namespace qed

#endif  // QED_QUANTIZE_TEXT_MODEL_H_
