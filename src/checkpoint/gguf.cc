#include "checkpoint/gguf.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "checkpoint/byte_reader.h"

namespace qed {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr uint64_t kMaxEntries = 1 << 16;
constexpr uint64_t kMaxKeyLength = (1 << 16) - 1;
constexpr uint64_t kMaxNameLength = 256;
constexpr uint64_t kMaxStringLength = uint64_t{1} << 26;
constexpr uint64_t kMaxAlignment = 1 << 20;
constexpr uint64_t kDefaultAlignment = 32;
constexpr int kMaxArrayDepth = 4;
constexpr uint32_t kMaxDimensions = 4;

// The least bytes one entry takes: what a count in the header can claim.
constexpr uint64_t kMinMetadataBytes = 8 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;

struct TensorType {
  uint32_t id;
  const char* name;
  std::optional<DType> dtype;  // none: known by name only
};

constexpr TensorType kTensorTypes[] = {
    {0, "F32", DType::kF32},
    {1, "F16", DType::kF16},
    {2, "Q4_0", DType::kQ4_0},
    {3, "Q4_1", DType::kQ4_1},
    {6, "Q5_0", {}},
    {7, "Q5_1", {}},
    {8, "Q8_0", DType::kQ8_0},
    {9, "Q8_1", {}},
    {10, "Q2_K", {}},
    {11, "Q3_K", {}},
    {12, "Q4_K", DType::kQ4_K},
    {13, "Q5_K", {}},
    {14, "Q6_K", DType::kQ6_K},
    {15, "Q8_K", {}},
    {24, "I8", DType::kI8},
    {25, "I16", DType::kI16},
    {26, "I32", DType::kI32},
    {27, "I64", DType::kI64},
    {28, "F64", {}},
    {30, "BF16", DType::kBF16},
};

Result<DType> TensorDType(uint32_t id) {
  for (const TensorType& type : kTensorTypes) {
    if (type.id != id) continue;
    if (type.dtype) return *type.dtype;
    return Unsupported(std::string("has type ") + type.name +
                       "; readable are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K and Q6_K");
  }
  return Unsupported("has the unknown type number " + std::to_string(id));
}

// Bytes of a scalar; 0 for strings and arrays.
uint64_t ScalarBytes(GgufType type) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return 1;
    case GgufType::kU16:
    case GgufType::kI16:
      return 2;
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kF32:
      return 4;
    case GgufType::kU64:
    case GgufType::kI64:
    case GgufType::kF64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return 0;
}

bool ReadType(ByteReader& reader, GgufType& type) {
  uint32_t id = 0;
  if (!reader.Read(id) || id > static_cast<uint32_t>(GgufType::kF64)) return false;
  type = static_cast<GgufType>(id);
  return true;
}

template <typename File, typename Value>
bool ReadAs(ByteReader& reader, GgufValue& value) {
  File read{};
  if (!reader.Read(read)) return false;
  value = static_cast<Value>(read);
  return true;
}

bool ReadBool(ByteReader& reader, GgufValue& value) {
  uint8_t byte = 0;
  if (!reader.Read(byte) || byte > 1) return false;
  value = byte == 1;
  return true;
}

// Walks over the elements without storing them.
bool SkipElements(ByteReader& reader, GgufType type, uint64_t count, int depth) {
  std::span<const std::byte> skipped;
  if (const uint64_t size = ScalarBytes(type); size > 0) {
    return count <= reader.remaining() / size && reader.Take(count * size, skipped);
  }
  if (count > reader.remaining() / 8) return false;
  for (uint64_t i = 0; i < count; ++i) {
    if (type == GgufType::kString) {
      std::string_view text;
      if (!reader.TakeString(kMaxStringLength, text)) return false;
      continue;
    }
    GgufType inner_type{};
    uint64_t inner_count = 0;
    if (depth >= kMaxArrayDepth || !ReadType(reader, inner_type) || !reader.Read(inner_count) ||
        !SkipElements(reader, inner_type, inner_count, depth + 1)) {
      return false;
    }
  }
  return true;
}

bool ReadArray(ByteReader& reader, std::span<const std::byte> bytes, GgufValue& value) {
  GgufArray array;
  if (!ReadType(reader, array.type) || !reader.Read(array.count)) return false;
  const uint64_t begin = reader.position();
  if (!SkipElements(reader, array.type, array.count, 1)) return false;
  array.bytes = bytes.subspan(begin, reader.position() - begin);
  value = array;
  return true;
}

bool ReadValue(ByteReader& reader, std::span<const std::byte> bytes, GgufType type,
               GgufValue& value) {
  switch (type) {
    case GgufType::kU8:
      return ReadAs<uint8_t, uint64_t>(reader, value);
    case GgufType::kI8:
      return ReadAs<int8_t, int64_t>(reader, value);
    case GgufType::kU16:
      return ReadAs<uint16_t, uint64_t>(reader, value);
    case GgufType::kI16:
      return ReadAs<int16_t, int64_t>(reader, value);
    case GgufType::kU32:
      return ReadAs<uint32_t, uint64_t>(reader, value);
    case GgufType::kI32:
      return ReadAs<int32_t, int64_t>(reader, value);
    case GgufType::kU64:
      return ReadAs<uint64_t, uint64_t>(reader, value);
    case GgufType::kI64:
      return ReadAs<int64_t, int64_t>(reader, value);
    case GgufType::kF32:
      return ReadAs<float, double>(reader, value);
    case GgufType::kF64:
      return ReadAs<double, double>(reader, value);
    case GgufType::kBool:
      return ReadBool(reader, value);
    case GgufType::kString: {
      std::string_view text;
      if (!reader.TakeString(kMaxStringLength, text)) return false;
      value = text;
      return true;
    }
    case GgufType::kArray:
      return ReadArray(reader, bytes, value);
  }
  return false;
}

Status ReadMetadata(ByteReader& reader, std::span<const std::byte> bytes, uint64_t count,
                    GgufFile& file) {
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view key;
    if (!reader.TakeString(kMaxKeyLength, key) || key.empty()) {
      return Corrupt("metadata entry " + std::to_string(i) + " has no readable key");
    }
    GgufType type{};
    GgufValue value;
    if (!ReadType(reader, type) || !ReadValue(reader, bytes, type, value)) {
      return Corrupt("metadata value of " + Printable(key) +
                     " is cut off or of an impossible type or length");
    }
    if (!file.metadata.emplace(key, value).second) {
      return Corrupt("metadata key " + Printable(key) + " appears twice");
    }
  }
  return OkStatus();
}

// A tensor of the table, and where it lies in the data section.
struct TensorEntry {
  RawTensor tensor;
  uint64_t offset = 0;
  uint64_t size = 0;
};

Result<TensorEntry> ReadTensorEntry(ByteReader& reader, uint64_t index) {
  TensorEntry entry;
  std::string_view name;
  if (!reader.TakeString(kMaxNameLength, name) || name.empty()) {
    return Corrupt("tensor " + std::to_string(index) + " has no readable name");
  }
  entry.tensor.name = std::string(name);
  const std::string who = "tensor " + Printable(name) + " ";
  uint32_t dimensions = 0;
  if (!reader.Read(dimensions) || dimensions < 1 || dimensions > kMaxDimensions) {
    return Corrupt(who + "has an impossible number of dimensions");
  }
  for (uint32_t d = 0; d < dimensions; ++d) {
    uint64_t extent = 0;
    if (!reader.Read(extent)) return Corrupt(who + "is cut off");
    if (extent < 1 || extent > static_cast<uint64_t>(INT64_MAX)) {
      return Corrupt(who + "has an impossible dimension of " + std::to_string(extent));
    }
    // The file lists the fastest dimension first.
    entry.tensor.shape.insert(entry.tensor.shape.begin(), static_cast<int64_t>(extent));
  }
  uint32_t type = 0;
  if (!reader.Read(type) || !reader.Read(entry.offset)) return Corrupt(who + "is cut off");
  auto dtype = TensorDType(type);
  if (!dtype.ok()) return Unsupported(who + dtype.status().message());
  entry.tensor.dtype = *dtype;
  auto size = TensorBytes(entry.tensor.dtype, entry.tensor.shape);
  if (!size.ok()) return Corrupt(who + "cannot be: " + size.status().message());
  entry.size = *size;
  return entry;
}

uint64_t AlignUp(uint64_t position, uint64_t alignment) {
  return (position + alignment - 1) / alignment * alignment;
}

// What may lie between two parts of the file: fewer zeros than the alignment.
bool IsPadding(std::span<const std::byte> bytes, uint64_t alignment) {
  return bytes.size() < alignment &&
         std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

// Writers put one tensor behind the other, from the start of the data to its end.
// A hole, or bytes behind the last tensor, show that the table in the header is
// not the file's: all data would be read from the wrong place.
Status CheckPacked(const std::vector<TensorEntry>& entries, std::span<const std::byte> data,
                   uint64_t alignment) {
  std::vector<const TensorEntry*> by_offset;
  for (const TensorEntry& entry : entries) by_offset.push_back(&entry);
  std::ranges::sort(by_offset, {}, [](const TensorEntry* entry) { return entry->offset; });
  uint64_t end = 0;
  const TensorEntry* before = nullptr;
  for (const TensorEntry* entry : by_offset) {
    if (entry->offset < end) {
      return Corrupt("tensors " + Printable(before->tensor.name) + " and " +
                     Printable(entry->tensor.name) + " overlap");
    }
    if (entry->offset != AlignUp(end, alignment)) {
      return Corrupt("tensor " + Printable(entry->tensor.name) +
                     " does not lie where the one before it ends: the header's table is wrong");
    }
    end = entry->offset + entry->size;
    before = entry;
  }
  if (!IsPadding(data.subspan(end), alignment)) {
    return Corrupt(std::to_string(data.size() - end) +
                   " bytes at its end belong to no tensor: the header claims too few tensors, or "
                   "other ones");
  }
  return OkStatus();
}

Status PlaceTensors(std::vector<TensorEntry> entries, std::span<const std::byte> data,
                    uint64_t alignment, GgufFile& file) {
  for (TensorEntry& entry : entries) {
    const std::string who = "tensor " + Printable(entry.tensor.name) + " ";
    if (entry.offset % alignment != 0) {
      return Corrupt(who + "is not aligned to " + std::to_string(alignment) + " bytes");
    }
    if (entry.offset > data.size() || entry.size > data.size() - entry.offset) {
      return Corrupt(who + "ends beyond the end of the file (truncated download?)");
    }
    entry.tensor.data = data.subspan(entry.offset, entry.size);
  }
  QED_RETURN_IF_ERROR(CheckPacked(entries, data, alignment));
  for (TensorEntry& entry : entries) file.tensors.push_back(std::move(entry.tensor));
  return OkStatus();
}

struct Header {
  uint32_t version = 0;
  uint64_t tensor_count = 0;
  uint64_t metadata_count = 0;
};

Result<Header> ReadHeader(ByteReader& reader) {
  Header header;
  uint32_t magic = 0;
  if (!reader.Read(magic) || magic != kMagic) return Corrupt("is not a GGUF file");
  if (!reader.Read(header.version)) return Corrupt("is cut off in the header");
  if (header.version != 2 && header.version != 3) {
    return Unsupported(header.version != 0 && (header.version & 0xFFFF) == 0
                           ? "is a big-endian GGUF file"
                           : "is GGUF version " + std::to_string(header.version) +
                                 "; readable are 2 and 3");
  }
  if (!reader.Read(header.tensor_count) || !reader.Read(header.metadata_count)) {
    return Corrupt("is cut off in the header");
  }
  const uint64_t left = reader.remaining();
  if (header.tensor_count > std::min(kMaxEntries, left / kMinTensorBytes)) {
    return Corrupt("claims an impossible " + std::to_string(header.tensor_count) + " tensors");
  }
  if (header.metadata_count > std::min(kMaxEntries, left / kMinMetadataBytes)) {
    return Corrupt("claims an impossible " + std::to_string(header.metadata_count) +
                   " metadata entries");
  }
  return header;
}

const GgufValue* FindValue(const GgufFile& file, std::string_view key) {
  auto it = file.metadata.find(key);
  return it == file.metadata.end() ? nullptr : &it->second;
}

Status Absent(std::string_view key) { return Corrupt("has no metadata key " + Printable(key)); }

Status WrongType(std::string_view key, std::string_view wanted) {
  return Corrupt("metadata key " + Printable(key) + " is not " + std::string(wanted));
}

}  // namespace

bool LooksLikeGguf(std::span<const std::byte> bytes) {
  uint32_t magic = 0;
  return ByteReader(bytes).Read(magic) && magic == kMagic;
}

Result<GgufFile> ParseGguf(std::span<const std::byte> bytes) {
  ByteReader reader(bytes);
  QED_ASSIGN_OR_RETURN(const Header header, ReadHeader(reader));
  GgufFile file;
  file.version = header.version;
  QED_RETURN_IF_ERROR(ReadMetadata(reader, bytes, header.metadata_count, file));
  QED_ASSIGN_OR_RETURN(const int64_t alignment_read,
                       file.Int("general.alignment", 1, kMaxAlignment, kDefaultAlignment));
  const uint64_t alignment = static_cast<uint64_t>(alignment_read);
  if (!std::has_single_bit(alignment)) {
    return Corrupt("general.alignment is " + std::to_string(alignment) + ", not a power of two");
  }

  std::vector<TensorEntry> entries;
  std::map<std::string_view, uint64_t> names;
  for (uint64_t i = 0; i < header.tensor_count; ++i) {
    QED_ASSIGN_OR_RETURN(TensorEntry entry, ReadTensorEntry(reader, i));
    entries.push_back(std::move(entry));
  }
  for (const TensorEntry& entry : entries) {
    if (!names.emplace(entry.tensor.name, 0).second) {
      return Corrupt("tensor " + Printable(entry.tensor.name) + " appears twice");
    }
  }
  const uint64_t data_begin = AlignUp(reader.position(), alignment);
  if (data_begin > bytes.size() && !entries.empty()) {
    return Corrupt("ends before its tensors begin (truncated download?)");
  }
  const auto data = bytes.subspan(std::min<uint64_t>(data_begin, bytes.size()));
  const auto gap = bytes.subspan(reader.position(), bytes.size() - data.size() - reader.position());
  if (!IsPadding(gap, alignment)) {
    return Corrupt(
        "holds more between its table of tensors and their data than padding: the "
        "header claims too few tensors");
  }
  QED_RETURN_IF_ERROR(PlaceTensors(std::move(entries), data, alignment, file));
  return file;
}

Result<int64_t> GgufFile::Int(std::string_view key, int64_t min, int64_t max,
                              std::optional<int64_t> fallback) const {
  const GgufValue* value = FindValue(*this, key);
  if (value == nullptr) return fallback ? Result<int64_t>(*fallback) : Absent(key);
  int64_t read = 0;
  if (const auto* u = std::get_if<uint64_t>(value)) {
    if (*u > static_cast<uint64_t>(INT64_MAX)) {
      return Corrupt("metadata key " + Printable(key) + " is " + std::to_string(*u));
    }
    read = static_cast<int64_t>(*u);
  } else if (const auto* i = std::get_if<int64_t>(value)) {
    read = *i;
  } else {
    return WrongType(key, "an integer");
  }
  if (read < min || read > max) {
    return Corrupt("metadata key " + Printable(key) + " is " + std::to_string(read) +
                   "; it must be from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return read;
}

Result<double> GgufFile::Float(std::string_view key, std::optional<double> fallback) const {
  const GgufValue* value = FindValue(*this, key);
  if (value == nullptr) return fallback ? Result<double>(*fallback) : Absent(key);
  const auto* read = std::get_if<double>(value);
  if (read == nullptr || !std::isfinite(*read)) return WrongType(key, "a finite number");
  return *read;
}

Result<bool> GgufFile::Bool(std::string_view key, bool fallback) const {
  const GgufValue* value = FindValue(*this, key);
  if (value == nullptr) return fallback;
  const auto* read = std::get_if<bool>(value);
  if (read == nullptr) return WrongType(key, "a truth value");
  return *read;
}

Result<std::string> GgufFile::String(std::string_view key,
                                     std::optional<std::string> fallback) const {
  const GgufValue* value = FindValue(*this, key);
  if (value == nullptr) return fallback ? Result<std::string>(*fallback) : Absent(key);
  const auto* read = std::get_if<std::string_view>(value);
  if (read == nullptr) return WrongType(key, "a string");
  return std::string(*read);
}

Result<std::vector<std::string>> GgufFile::Strings(std::string_view key) const {
  std::vector<std::string> strings;
  const GgufValue* value = FindValue(*this, key);
  if (value == nullptr) return strings;
  const auto* array = std::get_if<GgufArray>(value);
  if (array == nullptr || array->type != GgufType::kString) {
    return WrongType(key, "an array of strings");
  }
  ByteReader reader(array->bytes);
  strings.reserve(array->count);  // checked: each string takes 8 bytes of the file
  for (uint64_t i = 0; i < array->count; ++i) {
    std::string_view text;
    QED_CHECK(reader.TakeString(kMaxStringLength, text)) << "extent was checked";
    strings.emplace_back(text);
  }
  return strings;
}

Result<std::vector<int32_t>> GgufFile::Ints(std::string_view key) const {
  std::vector<int32_t> ints;
  const GgufValue* value = FindValue(*this, key);
  if (value == nullptr) return ints;
  const auto* array = std::get_if<GgufArray>(value);
  if (array == nullptr || (array->type != GgufType::kI32 && array->type != GgufType::kU32)) {
    return WrongType(key, "an array of 32-bit integers");
  }
  ints.resize(array->count);  // checked: each takes 4 bytes of the file
  if (!ints.empty()) std::memcpy(ints.data(), array->bytes.data(), array->bytes.size());
  return ints;
}

}  // namespace qed
