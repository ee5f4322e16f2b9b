// 8-bit weights that are made while a model is loaded.
#ifndef QED_CONFIG_WEIGHT_QUANTIZATION_H_
#define QED_CONFIG_WEIGHT_QUANTIZATION_H_

#include <string>

#include "base/status.h"

namespace qed {

// Of the layers' linears; embedding, head and norms stay as they are.
enum class WeightQuantization {
  kNone,
  kFp8,           // E4M3, a scale for each output row; activations FP8 too, a scale a token
  kFp8PerTensor,  // as kFp8 with one scale a matrix
  kInt8Wo,        // int8, a scale for each output row; activations stay as they are
};

// The value of --quantize.
inline Result<WeightQuantization> ParseWeightQuantization(const std::string& name) {
  if (name == "none") return WeightQuantization::kNone;
  if (name == "fp8") return WeightQuantization::kFp8;
  if (name == "fp8_per_tensor") return WeightQuantization::kFp8PerTensor;
  if (name == "int8_wo") return WeightQuantization::kInt8Wo;
  return InvalidArgument("--quantize is \"" + name +
                         "\"; it must be none, fp8, fp8_per_tensor or int8_wo");
}

}  // namespace qed

#endif  // QED_CONFIG_WEIGHT_QUANTIZATION_H_
