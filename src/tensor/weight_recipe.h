// How a matrix of weights is stored and what its products read: one vocabulary for
// files, the command line, the CPU and a GPU.
#ifndef QED_TENSOR_WEIGHT_RECIPE_H_
#define QED_TENSOR_WEIGHT_RECIPE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"

namespace qed {

// How one value is encoded. kFp8 and kInt8 are codes (tensor/eight_bit.h) whose
// scales the recipe describes; the Q formats are GGUF's blocks, which hold theirs
// (tensor/quant_format.h).
enum class WeightFormat : uint8_t { kF32, kBF16, kQ8_0, kQ4_0, kQ4_1, kFp8, kInt8 };

const char* WeightFormatName(WeightFormat format);

// Which codes share a scale.
enum class ScaleGranularity : uint8_t {
  kNone,    // the format has no scales beside its values
  kTensor,  // all of a matrix
  kRow,     // those of one output
  kBlock,   // block_rows x block_columns of them
};

// What becomes of a product's activations.
enum class ActivationScale : uint8_t {
  kNone,    // they stay as they are
  kToken,   // 8-bit codes; each row's scale is found when it is computed
  kStatic,  // 8-bit codes; one scale, which comes with the weight
  kGroup,   // as kToken, for each block_columns of a row
};

struct WeightRecipe {
  WeightFormat format = WeightFormat::kBF16;
  ScaleGranularity scales = ScaleGranularity::kNone;
  ActivationScale activations = ActivationScale::kNone;
  // Of kBlock; 0 elsewhere. 128 x 128 in FP8 checkpoints; 1 x 32 would be the
  // groups that share an exponent.
  int32_t block_rows = 0;
  int32_t block_columns = 0;

  bool operator==(const WeightRecipe&) const = default;
};

// "fp8, a scale a row, activations scaled a token"
std::string RecipeText(const WeightRecipe& recipe);

// The value of --quantize: what the layers' linears become while a model is
// loaded; embedding, head and norms stay as they are. Nothing for "none".
Result<std::optional<WeightRecipe>> ParseWeightRecipe(const std::string& name);

}  // namespace qed

#endif  // QED_TENSOR_WEIGHT_RECIPE_H_
