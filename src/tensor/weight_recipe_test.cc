#include "tensor/weight_recipe.h"

#include "gtest/gtest.h"

namespace qed {
namespace {

TEST(WeightRecipeTest, ReadsNames) {
  EXPECT_FALSE(ParseWeightRecipe("none")->has_value());
  const WeightRecipe fp8 = ParseWeightRecipe("fp8")->value();
  EXPECT_EQ(fp8,
            (WeightRecipe{WeightFormat::kFp8, ScaleGranularity::kRow, ActivationScale::kToken}));
  const WeightRecipe per_tensor = ParseWeightRecipe("fp8_per_tensor")->value();
  EXPECT_EQ(per_tensor.format, WeightFormat::kFp8);
  EXPECT_EQ(per_tensor.scales, ScaleGranularity::kTensor);
  const WeightRecipe int8 = ParseWeightRecipe("int8_wo")->value();
  EXPECT_EQ(int8.format, WeightFormat::kInt8);
  EXPECT_EQ(int8.activations, ActivationScale::kNone);
}

TEST(WeightRecipeTest, RefusesOtherNamesWithThoseItKnows) {
  const Status status = ParseWeightRecipe("fp4").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("fp8_per_tensor"), std::string::npos);
}

TEST(WeightRecipeTest, SaysItselfInWords) {
  EXPECT_EQ(RecipeText(ParseWeightRecipe("fp8")->value()),
            "FP8, a scale a row, activations scaled a token");
  EXPECT_EQ(
      RecipeText({WeightFormat::kFp8, ScaleGranularity::kBlock, ActivationScale::kGroup, 128, 128}),
      "FP8, a scale a block of 128 x 128, activations scaled a group");
  EXPECT_EQ(RecipeText({}), "BF16");
}

}  // namespace
}  // namespace qed
