// Checkpoint to LanguageModel on the CPU.
#ifndef QED_MODEL_LOADER_H_
#define QED_MODEL_LOADER_H_

#include <memory>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "config/engine_config.h"
#include "model/decoder.h"
#include "model/language_model.h"

namespace qed {

// Packs the weights (merging `adapter` if given: merged weights become Q8_0 in
// the fast path), lays out the KV pages and the workspace. Everything a step
// needs is allocated here. kResourceExhausted, with both sizes, where the KV
// budget holds less than one sequence of one page; kInvalidArgument where the
// config contradicts itself or the model. `pool` must outlive the model; the
// checkpoint need not.
// `conversion_error`, if given, becomes ModelWeights::conversion_error.
Result<std::unique_ptr<LanguageModel>> LoadModel(const Checkpoint& checkpoint,
                                                 const Adapter* adapter, const EngineConfig& config,
                                                 ThreadPool& pool,
                                                 double* conversion_error = nullptr);

// The same, for those who look inside (model/activation_observer.h), or the part of one of
// `ranks`, which must outlive the decoder (model/leading_model.h): kInvalidArgument where the
// network does not fall into so many.
Result<std::unique_ptr<Decoder>> LoadDecoder(const Checkpoint& checkpoint, const Adapter* adapter,
                                             const EngineConfig& config, ThreadPool& pool,
                                             double* conversion_error = nullptr,
                                             Communicator* ranks = nullptr);

}  // namespace qed

#endif  // QED_MODEL_LOADER_H_
