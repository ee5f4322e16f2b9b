// RoPE scaling as transformers defines it, from whatever file its numbers come.
#ifndef QED_CHECKPOINT_ROPE_SCALING_H_
#define QED_CHECKPOINT_ROPE_SCALING_H_

#include <cstdint>

#include "base/status.h"
#include "config/model_config.h"

namespace qed {

// The context that a scaling makes of `tokens`, where that is more than the file says.
// kCorrupt where no context can be so long.
Status StretchContext(int32_t tokens, float factor, ModelConfig& config);

// How much longer YaRN makes attention's logits where nothing else is said.
float YarnAttention(float factor, float scale);

// Whether the numbers of kYarn or kLinear can be; stretches the context by them.
Status FinishRopeScaling(ModelConfig& config);

}  // namespace qed

#endif  // QED_CHECKPOINT_ROPE_SCALING_H_
