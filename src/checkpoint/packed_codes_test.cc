// Codes four in a word, as compressed-tensors packs them.
#include <cstring>

#include "checkpoint/stored_scales.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace qed {
namespace {

using ::testing::HasSubstr;

class PackedCodesTest : public ::testing::Test {
 protected:
  // A matrix [2, 8] in words [2, 2].
  std::map<std::string, RawTensor> Tensors() {
    std::map<std::string, RawTensor> tensors;
    tensors["a.weight_packed"] = {"a.weight_packed", DType::kI32, {2, 2}, codes_};
    tensors["a.weight_shape"] = {
        "a.weight_shape", DType::kI64, {2}, std::as_bytes(std::span(sides_))};
    return tensors;
  }

  std::vector<std::byte> codes_ = std::vector<std::byte>(16);
  int64_t sides_[2] = {2, 8};
};

TEST_F(PackedCodesTest, BecomeAPlainMatrix) {
  auto tensors = Tensors();
  ASSERT_TRUE(UnpackCodes("a.weight", tensors).ok());
  ASSERT_EQ(tensors.size(), 1u);
  const RawTensor& weight = tensors.at("a.weight");
  EXPECT_EQ(weight.dtype, DType::kI8);
  EXPECT_EQ(weight.shape, (std::vector<int64_t>{2, 8}));
  EXPECT_EQ(weight.data.data(), codes_.data());
  // Nothing to do.
  ASSERT_TRUE(UnpackCodes("a.weight", tensors).ok());
  ASSERT_TRUE(UnpackCodes("b.weight", tensors).ok());
  EXPECT_EQ(tensors.size(), 1u);
}

TEST_F(PackedCodesTest, WhatDoesNotFitIsNamed) {
  const auto fails = [](std::map<std::string, RawTensor> tensors, StatusCode code,
                        const std::string& message) {
    const Status status = UnpackCodes("a.weight", tensors);
    EXPECT_EQ(status.code(), code);
    EXPECT_THAT(status.message(), HasSubstr(message));
  };
  auto tensors = Tensors();
  tensors.erase("a.weight_shape");
  fails(tensors, StatusCode::kCorrupt, "a.weight_shape is missing");
  tensors = Tensors();
  tensors["a.weight_shape"].dtype = DType::kF32;
  fails(tensors, StatusCode::kCorrupt, "a.weight_shape is no pair");
  tensors = Tensors();
  tensors["a.weight_packed"].dtype = DType::kF32;
  fails(tensors, StatusCode::kCorrupt, "a.weight_packed is no matrix of I32");
  for (int64_t rows : {int64_t{1}, int64_t{3}, int64_t{-2}, INT64_MAX}) {
    sides_[0] = rows;
    fails(Tensors(), StatusCode::kCorrupt, "a.weight_packed is [2, 2], which does not hold");
  }
  sides_[0] = 2;
  for (int64_t columns : {int64_t{0}, int64_t{4}, int64_t{9}, INT64_MIN, INT64_MAX}) {
    sides_[1] = columns;
    fails(Tensors(), StatusCode::kCorrupt, "a.weight_packed is [2, 2], which does not hold");
  }
  sides_[1] = 7;
  fails(Tensors(), StatusCode::kUnsupported, "no multiple of 4");
}

}  // namespace
}  // namespace qed
