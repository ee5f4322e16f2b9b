#include "tensor/weight_recipe.h"

#include <string_view>

namespace qed {
namespace {

struct NamedRecipe {
  std::string_view name;
  WeightRecipe recipe;
};

constexpr NamedRecipe kRecipes[] = {
    {"fp8", {WeightFormat::kFp8, ScaleGranularity::kRow, ActivationScale::kToken}},
    {"fp8_per_tensor", {WeightFormat::kFp8, ScaleGranularity::kTensor, ActivationScale::kToken}},
    {"q8_0", {WeightFormat::kQ8_0, ScaleGranularity::kNone, ActivationScale::kNone}},
    {"int8_wo", {WeightFormat::kInt8, ScaleGranularity::kRow, ActivationScale::kNone}},
};

std::string ScalesText(const WeightRecipe& recipe) {
  switch (recipe.scales) {
    case ScaleGranularity::kNone:
      return "";
    case ScaleGranularity::kTensor:
      return ", a scale a tensor";
    case ScaleGranularity::kRow:
      return ", a scale a row";
    case ScaleGranularity::kBlock:
      return ", a scale a block of " + std::to_string(recipe.block_rows) + " x " +
             std::to_string(recipe.block_columns);
  }
  return "";
}

}  // namespace

const char* WeightFormatName(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return "F32";
    case WeightFormat::kBF16:
      return "BF16";
    case WeightFormat::kQ8_0:
      return "Q8_0";
    case WeightFormat::kQ4_0:
      return "Q4_0";
    case WeightFormat::kQ4_1:
      return "Q4_1";
    case WeightFormat::kFp8:
      return "FP8";
    case WeightFormat::kInt8:
      return "INT8";
  }
  return "unknown";
}

std::string RecipeText(const WeightRecipe& recipe) {
  std::string text = WeightFormatName(recipe.format) + ScalesText(recipe);
  switch (recipe.activations) {
    case ActivationScale::kNone:
      return text;
    case ActivationScale::kToken:
      return text + ", activations scaled a token";
    case ActivationScale::kStatic:
      return text + ", activations scaled by a constant";
    case ActivationScale::kGroup:
      return text + ", activations scaled a group";
  }
  return text;
}

Result<std::optional<WeightRecipe>> ParseWeightRecipe(const std::string& name) {
  if (name == "none") return std::optional<WeightRecipe>();
  for (const NamedRecipe& known : kRecipes) {
    if (known.name == name) return std::optional<WeightRecipe>(known.recipe);
  }
  return InvalidArgument("--quantize is \"" + name +
                         "\"; it must be none, fp8, fp8_per_tensor, int8_wo or q8_0");
}

}  // namespace qed
