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

// Gives a linear whose codes are packed ("weight_packed" [N, K / 4] of I32 and "weight_shape") its
// name, type and shape as a plain matrix of codes, in `tensors`; nothing where there is no such
// tensor. Four codes, each with 128 added, are a word, the first in its lowest byte: in a file the
// bytes lie in the order of the columns. Errors begin with the tensor's name.
Status UnpackCodes(const std::string& weight_name, std::map<std::string, RawTensor>& tensors);

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
