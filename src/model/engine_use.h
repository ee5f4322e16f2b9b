// Whether an engine folder can be what a command wants of it.
#ifndef QED_MODEL_ENGINE_USE_H_
#define QED_MODEL_ENGINE_USE_H_

#include "base/status.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/packed_weights.h"
#include "config/engine_config.h"

namespace qed {

// OK for what is no engine. An engine has its formats and its adapter, if any, packed in and
// is for one kind of device and a number of ranks: what the flags want beyond it is an error
// that names the flag of qed build.
Status CheckEngineUse(const Checkpoint& checkpoint, const Adapter* adapter,
                      const EngineConfig& config, PackedFor device, int32_t ranks = 1);

}  // namespace qed

#endif  // QED_MODEL_ENGINE_USE_H_
