// The scales that lie beside the codes of a matrix in an HF folder.
#ifndef QED_CHECKPOINT_STORED_SCALES_H_
#define QED_CHECKPOINT_STORED_SCALES_H_

#include <map>
#include <string>

#include "base/status.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/quantization_config.h"
#include "checkpoint/raw_tensor.h"

namespace qed {

// Whether a tensor of this type is codes that want scales.
bool IsCodeType(DType dtype);

// Takes the scales of `matrix` [N, K], a linear's weight, out of `tensors` (by name):
// "weight_scale" or "weight_scale_inv", and where activations have static scales
// "input_scale" or "activation_scale", beside "weight". Errors begin with the name of
// the tensor that is missing, of the wrong shape, or not finite and positive.
Result<StoredScales> TakeStoredScales(const RawTensor& matrix, const QuantizationConfig& config,
                                      std::map<std::string, RawTensor>& tensors);

// Whether `name` is a scale of the KV cache or of an output, which are not used: KV
// stays in 16 bits.
bool IsUnusedScale(const std::string& name);

// Gives q, k and v, and gate and up, which read the same input, the largest of their
// input scales, so that the input is quantized once.
void JoinInputScales(Checkpoint& checkpoint);

}  // namespace qed

#endif  // QED_CHECKPOINT_STORED_SCALES_H_
