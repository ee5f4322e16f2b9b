// Checkpoint to LanguageModel on the CPU.
#ifndef QED_MODEL_LOADER_H_
#define QED_MODEL_LOADER_H_

#include <memory>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "config/engine_config.h"
#include "model/language_model.h"

namespace qed {

// Packs the weights (merging `adapter` if given: merged weights become Q8_0 in
// the fast path), lays out the KV pages and the workspace. Everything a step
// needs is allocated here. kResourceExhausted, with both sizes, where the KV
// budget holds less than one sequence of one page; kInvalidArgument where the
// config contradicts itself or the model. `pool` must outlive the model; the
// checkpoint need not.
Result<std::unique_ptr<LanguageModel>> LoadModel(const Checkpoint& checkpoint,
                                                 const Adapter* adapter, const EngineConfig& config,
                                                 ThreadPool& pool);

}  // namespace qed

#endif  // QED_MODEL_LOADER_H_
