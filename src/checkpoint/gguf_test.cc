#include "checkpoint/gguf.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/gguf_writer.h"

namespace qed {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::span<const std::byte> AsBytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(GgufTest, EveryScalarTypeRoundTrips) {
  GgufWriter writer;
  writer.Add("u8", uint8_t{200});
  writer.Add("i8", int8_t{-100});
  writer.Add("u16", uint16_t{60000});
  writer.Add("i16", int16_t{-30000});
  writer.Add("u32", uint32_t{4000000000});
  writer.Add("i32", int32_t{-2000000000});
  writer.Add("u64", uint64_t{1} << 62);
  writer.Add("i64", -(int64_t{1} << 62));
  writer.Add("f32", 1.5f);
  writer.Add("f64", -2.25);
  writer.Add("bool", true);
  writer.Add("string", std::string("text\0with zero", 14));
  const std::string bytes = writer.Build();
  auto file = ParseGguf(AsBytes(bytes));
  ASSERT_TRUE(file.ok()) << file.status().message();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(*file->Int("u8", kMin, kMax), 200);
  EXPECT_EQ(*file->Int("i8", kMin, kMax), -100);
  EXPECT_EQ(*file->Int("u16", kMin, kMax), 60000);
  EXPECT_EQ(*file->Int("i16", kMin, kMax), -30000);
  EXPECT_EQ(*file->Int("u32", kMin, kMax), 4000000000);
  EXPECT_EQ(*file->Int("i32", kMin, kMax), -2000000000);
  EXPECT_EQ(*file->Int("u64", kMin, kMax), int64_t{1} << 62);
  EXPECT_EQ(*file->Int("i64", kMin, kMax), -(int64_t{1} << 62));
  EXPECT_EQ(*file->Float("f32"), 1.5);
  EXPECT_EQ(*file->Float("f64"), -2.25);
  EXPECT_EQ(*file->Bool("bool", false), true);
  EXPECT_EQ(*file->String("string"), std::string("text\0with zero", 14));
}

TEST(GgufTest, ArraysRoundTrip) {
  GgufWriter writer;
  writer.AddStrings("strings", {"one", "", "three"});
  writer.AddArray("ints", std::vector<int32_t>{1, -2, 3});
  writer.AddArray("empty", std::vector<int32_t>{});
  writer.AddArray("doubles", std::vector<double>{1.0, 2.0});
  // [[1], [2, 3]] of u8: type array, two elements, each with its own type and count.
  std::string nested;
  const auto put = [&](auto value) {
    nested.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  put(uint32_t{9}), put(uint64_t{2});
  put(uint32_t{0}), put(uint64_t{1}), put(uint8_t{1});
  put(uint32_t{0}), put(uint64_t{2}), put(uint8_t{2}), put(uint8_t{3});
  writer.AddRaw("nested", 9, nested);
  writer.Add("after", uint32_t{7});
  const std::string bytes = writer.Build();
  auto file = ParseGguf(AsBytes(bytes));
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_THAT(*file->Strings("strings"), ElementsAre("one", "", "three"));
  EXPECT_THAT(*file->Ints("ints"), ElementsAre(1, -2, 3));
  EXPECT_TRUE(file->Ints("empty")->empty());
  EXPECT_TRUE(file->Ints("absent")->empty());
  EXPECT_EQ(*file->Int("after", 0, 10), 7);
  EXPECT_EQ(std::get<GgufArray>(file->metadata.at("nested")).count, 2u);
}

TEST(GgufTest, WrongTypesAndAbsentKeysAreNamed) {
  GgufWriter writer;
  writer.Add("n", uint32_t{7});
  writer.Add("s", "text");
  writer.Add("huge", std::numeric_limits<uint64_t>::max());
  writer.Add("nan", std::numeric_limits<float>::quiet_NaN());
  writer.AddArray("floats", std::vector<float>{1.0f});
  const std::string bytes = writer.Build();
  auto file = ParseGguf(AsBytes(bytes));
  ASSERT_TRUE(file.ok());
  EXPECT_THAT(file->Int("n", 8, 9).status().message(), HasSubstr("n is 7; it must be from 8 to 9"));
  EXPECT_THAT(file->Int("s", 0, 9).status().message(), HasSubstr("s is not an integer"));
  EXPECT_THAT(file->Int("none", 0, 9).status().message(), HasSubstr("no metadata key none"));
  EXPECT_EQ(*file->Int("none", 0, 9, 5), 5);
  EXPECT_FALSE(file->Int("huge", 0, 9).ok());
  EXPECT_FALSE(file->Float("nan").ok());
  EXPECT_FALSE(file->Float("n").ok());
  EXPECT_FALSE(file->Bool("n", true).ok());
  EXPECT_FALSE(file->String("n").ok());
  EXPECT_FALSE(file->Strings("n").ok());
  EXPECT_FALSE(file->Strings("floats").ok());
  EXPECT_FALSE(file->Ints("floats").ok());
}

TEST(GgufTest, EveryTensorTypeInBothVersionsAndOddAlignments) {
  struct Case {
    uint32_t type;
    DType dtype;
  };
  const Case cases[] = {{kGgmlF32, DType::kF32},   {kGgmlF16, DType::kF16},
                        {kGgmlBF16, DType::kBF16}, {kGgmlQ8_0, DType::kQ8_0},
                        {kGgmlQ4_0, DType::kQ4_0}, {kGgmlQ4_1, DType::kQ4_1},
                        {kGgmlQ4_K, DType::kQ4_K}, {kGgmlQ6_K, DType::kQ6_K}};
  for (uint32_t version : {2u, 3u}) {
    for (uint64_t alignment : {1u, 8u, 32u, 4096u}) {
      GgufWriter writer(version, alignment);
      writer.Add("general.alignment", static_cast<uint32_t>(alignment));
      for (const Case& c : cases) {
        const size_t size =
            static_cast<size_t>(3 * 512 / BlockValues(c.dtype) * BlockBytes(c.dtype));
        writer.AddTensor(std::string(DTypeName(c.dtype)), c.type, {3, 512},
                         std::string(size, static_cast<char>(c.type + 1)));
      }
      const std::string bytes = writer.Build();
      auto file = ParseGguf(AsBytes(bytes));
      ASSERT_TRUE(file.ok()) << file.status().message();
      EXPECT_EQ(file->version, version);
      ASSERT_EQ(file->tensors.size(), std::size(cases));
      for (size_t i = 0; i < std::size(cases); ++i) {
        const RawTensor& tensor = file->tensors[i];
        EXPECT_EQ(tensor.dtype, cases[i].dtype);
        EXPECT_THAT(tensor.shape, ElementsAre(3, 512));
        for (std::byte byte : tensor.data) {
          ASSERT_EQ(static_cast<uint32_t>(byte), cases[i].type + 1);
        }
      }
    }
  }
}

TEST(GgufTest, PrintableKeepsMessagesShortAndOnOneLine) {
  EXPECT_EQ(Printable("a\nb\xff\x01"), "a?b??");
  EXPECT_EQ(Printable(std::string(1000, 'x')).size(), 83u);
}

}  // namespace
}  // namespace qed
