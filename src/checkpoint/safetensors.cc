#include "checkpoint/safetensors.h"

#include <algorithm>
#include <optional>

#include "base/json.h"
#include "checkpoint/byte_reader.h"
#include "nlohmann/json.hpp"

namespace qed {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference reader has it
constexpr size_t kMaxDimensions = 8;
constexpr int kMaxHeaderDepth = 4;

constexpr DType kPlainTypes[] = {DType::kF32, DType::kF16, DType::kBF16, DType::kI8,    DType::kI16,
                                 DType::kI32, DType::kI64, DType::kU8,   DType::kF8E4M3};

struct Entry {
  RawTensor tensor;
  uint64_t begin = 0;
  uint64_t end = 0;
};

Result<DType> TypeNamed(std::string_view name) {
  for (DType dtype : kPlainTypes) {
    if (DTypeName(dtype) == name) return dtype;
  }
  return Unsupported("has type " + Printable(name) +
                     "; readable are F32, F16, BF16, F8_E4M3 and I8");
}

std::optional<uint64_t> UnsignedOf(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<uint64_t>();
}

Status ReadShape(const Json& list, std::vector<int64_t>& shape) {
  if (!list.is_array() || list.size() > kMaxDimensions) return Corrupt("has an impossible shape");
  for (const Json& extent : list) {
    const auto value = UnsignedOf(extent);
    if (!value || *value > static_cast<uint64_t>(INT64_MAX)) {
      return Corrupt("has an impossible shape");
    }
    shape.push_back(static_cast<int64_t>(*value));
  }
  return OkStatus();
}

Result<Entry> ReadEntry(const std::string& name, const Json& fields) {
  Entry entry;
  entry.tensor.name = name;
  if (!fields.is_object()) return Corrupt("has no description");
  const auto dtype = fields.find("dtype");
  const auto shape = fields.find("shape");
  const auto offsets = fields.find("data_offsets");
  if (dtype == fields.end() || !dtype->is_string() || shape == fields.end() ||
      offsets == fields.end() || !offsets->is_array() || offsets->size() != 2) {
    return Corrupt("lacks a readable dtype, shape or data_offsets");
  }
  QED_ASSIGN_OR_RETURN(entry.tensor.dtype, TypeNamed(dtype->get_ref<const std::string&>()));
  QED_RETURN_IF_ERROR(ReadShape(*shape, entry.tensor.shape));
  const auto begin = UnsignedOf((*offsets)[0]);
  const auto end = UnsignedOf((*offsets)[1]);
  if (!begin || !end || *begin > *end) return Corrupt("has impossible data_offsets");
  entry.begin = *begin;
  entry.end = *end;
  QED_ASSIGN_OR_RETURN(const uint64_t size, TensorBytes(entry.tensor.dtype, entry.tensor.shape));
  if (size != entry.end - entry.begin) {
    return Corrupt("is " + ShapeText(entry.tensor.shape) + " of " +
                   std::string(dtype->get_ref<const std::string&>()) + ", " + std::to_string(size) +
                   " bytes, but has " + std::to_string(entry.end - entry.begin));
  }
  return entry;
}

// The tensors must tile the data: none beyond it, no overlap, no hole.
Status PlaceEntries(std::vector<Entry>& entries, std::span<const std::byte> data) {
  std::vector<Entry*> by_offset;
  for (Entry& entry : entries) by_offset.push_back(&entry);
  std::sort(by_offset.begin(), by_offset.end(),
            [](const Entry* a, const Entry* b) { return a->begin < b->begin; });
  uint64_t position = 0;
  for (Entry* entry : by_offset) {
    const std::string who = "tensor " + Printable(entry->tensor.name) + " ";
    if (entry->begin < position) return Corrupt(who + "overlaps the one before it");
    if (entry->begin > position) return Corrupt(who + "leaves a hole before it");
    if (entry->end > data.size()) {
      return Corrupt(who + "ends beyond the end of the file (truncated download?)");
    }
    entry->tensor.data = data.subspan(entry->begin, entry->end - entry->begin);
    position = entry->end;
  }
  if (position != data.size()) {
    return Corrupt("holds " + std::to_string(data.size() - position) +
                   " bytes that belong to no tensor");
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<RawTensor>> ParseSafetensors(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  uint64_t header_bytes = 0;
  std::span<const std::byte> header_text;
  if (!reader.Read(header_bytes)) return Corrupt("is too short for a safetensors file");
  if (header_bytes > kMaxHeaderBytes || !reader.Take(header_bytes, header_text)) {
    return Corrupt("claims a header of " + std::to_string(header_bytes) +
                   " bytes, which is not there");
  }
  auto header = ParseJson({reinterpret_cast<const char*>(header_text.data()), header_text.size()},
                          {.max_bytes = kMaxHeaderBytes, .max_depth = kMaxHeaderDepth});
  if (!header.ok()) return header.status().WithPrefix("header");
  if (!header->is_object()) return Corrupt("has a header that is not a JSON object");

  std::vector<Entry> entries;
  for (const auto& [name, fields] : header->items()) {
    if (name == "__metadata__") continue;
    auto entry = ReadEntry(name, fields);
    if (!entry.ok()) {
      return Status(entry.status().code(),
                    "tensor " + Printable(name) + " " + entry.status().message());
    }
    entries.push_back(*std::move(entry));
  }
  QED_RETURN_IF_ERROR(PlaceEntries(entries, bytes.subspan(reader.position())));
  std::vector<RawTensor> tensors;
  for (Entry& entry : entries) tensors.push_back(std::move(entry.tensor));
  return tensors;
}

}  // namespace qed
