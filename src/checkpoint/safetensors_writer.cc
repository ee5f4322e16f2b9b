#include "checkpoint/safetensors_writer.h"

#include <utility>

#include "base/check.h"
#include "checkpoint/raw_tensor.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

constexpr size_t kDataAlignment = 8;

uint64_t BytesOf(const SafetensorsEntry& entry) {
  const Result<uint64_t> bytes = TensorBytes(entry.dtype, entry.shape);
  QED_CHECK(bytes.ok()) << entry.name << " " << ShapeText(entry.shape);
  return *bytes;
}

}  // namespace

std::string SafetensorsHeader(std::span<const SafetensorsEntry> entries) {
  nlohmann::ordered_json header = {{"__metadata__", {{"format", "pt"}}}};
  uint64_t offset = 0;
  for (const SafetensorsEntry& entry : entries) {
    QED_CHECK(!header.contains(entry.name)) << entry.name;
    const uint64_t end = offset + BytesOf(entry);
    header[entry.name] = {
        {"dtype", DTypeName(entry.dtype)}, {"shape", entry.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kDataAlignment - 1) / kDataAlignment * kDataAlignment, ' ');
  const uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + text;
}

Result<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::Create(
    const std::string& path, std::span<const SafetensorsEntry> entries) {
  uint64_t bytes = 0;
  for (const SafetensorsEntry& entry : entries) bytes += BytesOf(entry);
  QED_ASSIGN_OR_RETURN(std::unique_ptr<AtomicFile> file, AtomicFile::Create(path));
  QED_RETURN_IF_ERROR(file->Write(SafetensorsHeader(entries)));
  return std::unique_ptr<SafetensorsWriter>(new SafetensorsWriter(std::move(file), bytes));
}

Status SafetensorsWriter::Write(std::span<const std::byte> bytes) {
  QED_CHECK(bytes.size() <= left_) << bytes.size() << " of " << left_;
  left_ -= bytes.size();
  return file_->Write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Status SafetensorsWriter::Finish() {
  QED_CHECK_EQ(left_, uint64_t{0});
  return file_->Commit();
}

}  // namespace qed
