// A model on GPU 0, for tests; kUnsupported where the build has no CUDA.
#ifndef QED_TESTS_PARITY_GPU_MODEL_H_
#define QED_TESTS_PARITY_GPU_MODEL_H_

#include <memory>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "config/engine_config.h"
#include "model/language_model.h"

namespace qed {

// Of `config`: max_num_tokens, max_batch_size and quantize.
Result<std::unique_ptr<LanguageModel>> LoadOnGpu(const Checkpoint& checkpoint,
                                                 const EngineConfig& config, ThreadPool& pool);

}  // namespace qed

#endif  // QED_TESTS_PARITY_GPU_MODEL_H_
