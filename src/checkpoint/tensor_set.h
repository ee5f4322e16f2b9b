// Matches the tensors of a file with those the network needs.
#ifndef QED_CHECKPOINT_TENSOR_SET_H_
#define QED_CHECKPOINT_TENSOR_SET_H_

#include <string>
#include <vector>

#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantization_config.h"
#include "checkpoint/raw_tensor.h"

namespace qed {

enum class NameStyle { kHf, kGguf };

// Fills checkpoint.tensors from `tensors`, whose names are of `style`, as
// checkpoint.config wants them. Missing, unused, mis-shaped and mis-typed
// tensors come in one error, a few of each by name. With `quantization`, linears may
// be codes with the scales that it says; else none may.
// REQUIRES: ValidateModelConfig(checkpoint.config) is OK; names are unique.
Status TakeTensors(std::vector<RawTensor> tensors, NameStyle style, bool interleaved_rope,
                   const QuantizationConfig* quantization, Checkpoint& checkpoint);

}  // namespace qed

#endif  // QED_CHECKPOINT_TENSOR_SET_H_
