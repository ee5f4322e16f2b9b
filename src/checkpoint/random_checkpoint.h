// Networks of published shapes with random weights, for measurements that need
// no checkpoint: --random-weights NAME.
#ifndef QED_CHECKPOINT_RANDOM_CHECKPOINT_H_
#define QED_CHECKPOINT_RANDOM_CHECKPOINT_H_

#include <string>
#include <string_view>

#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "config/model_config.h"

namespace qed {

// "qwen2.5-14b, qwen2.5-7b, ...": the names there are.
std::string RandomShapeNames();

// The shape of a name. kInvalidArgument, with the names there are.
Result<ModelConfig> RandomShape(std::string_view name);

// A checkpoint whose tensors are all BF16 and RandomFills: there are no bytes, who
// wants values makes them (tensor/random_fill.h). Every product of a row whose
// values are about 1 gives values of about 1 again; logits spread over about +-5.
// There is no end-of-sequence id and no tokenizer.
// REQUIRES: ValidateModelConfig(config) is OK.
Checkpoint MakeRandomCheckpoint(const std::string& name, const ModelConfig& config);

}  // namespace qed

#endif  // QED_CHECKPOINT_RANDOM_CHECKPOINT_H_
