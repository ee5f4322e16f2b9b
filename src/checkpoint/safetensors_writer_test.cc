#include "checkpoint/safetensors_writer.h"

#include <filesystem>

#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "gtest/gtest.h"
#include "tests/support/test_files.h"

namespace qed {
namespace {

const std::vector<SafetensorsEntry> kEntries = {{"b", DType::kI8, {3}}, {"a", DType::kF32, {2, 2}}};

TEST(SafetensorsWriterTest, ReadsBackInPiecesOfAnySize) {
  TempDir dir;
  const std::string path = dir.File("model.safetensors");
  auto writer = SafetensorsWriter::Create(path, kEntries);
  ASSERT_TRUE(writer.ok()) << writer.status().message();
  const std::string data = "xyz0123456789abcdef";
  for (size_t at = 0; at < data.size(); at += 7) {
    const std::string piece = data.substr(at, 7);
    ASSERT_TRUE((*writer)->Write(std::as_bytes(std::span(piece))).ok());
  }
  EXPECT_FALSE(std::filesystem::exists(path)) << "named before it is whole";
  ASSERT_TRUE((*writer)->Finish().ok());
  const auto file = MappedFile::Open(path).value();
  const auto tensors = ParseSafetensors(file->bytes());
  ASSERT_TRUE(tensors.ok()) << tensors.status().message();
  ASSERT_EQ(tensors->size(), 2u);
  const auto text = [](const RawTensor& tensor) {
    return std::string(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
  };
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(text((*tensors)[0]), "0123456789abcdef");
  EXPECT_EQ((*tensors)[1].dtype, DType::kI8);
  EXPECT_EQ(text((*tensors)[1]), "xyz");
}

TEST(SafetensorsWriterTest, LeavesNothingWhereItWasNotFinished) {
  TempDir dir;
  {
    auto writer = SafetensorsWriter::Create(dir.File("a"), kEntries);
    ASSERT_TRUE(writer.ok());
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  EXPECT_EQ(SafetensorsWriter::Create(dir.File("no/such"), kEntries).status().code(),
            StatusCode::kNotFound);
}

}  // namespace
}  // namespace qed
