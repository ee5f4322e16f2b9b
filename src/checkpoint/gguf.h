// GGUF files (versions 2 and 3, little-endian): the metadata and the table of
// tensors, checked against the bytes that are there. What the keys mean is
// checkpoint/gguf_checkpoint.h. Format: the GGUF specification of ggml.
#ifndef QED_CHECKPOINT_GGUF_H_
#define QED_CHECKPOINT_GGUF_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "checkpoint/raw_tensor.h"

namespace qed {

// Type ids of metadata values, as they stand in the file.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// Elements still as they lie in the file; their extent has been checked.
struct GgufArray {
  GgufType type = GgufType::kU8;
  uint64_t count = 0;
  std::span<const std::byte> bytes;
};

using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string_view, GgufArray>;

// Views point into the bytes given to ParseGguf, which must outlive this.
struct GgufFile {
  uint32_t version = 0;
  std::map<std::string, GgufValue, std::less<>> metadata;
  std::vector<RawTensor> tensors;

  bool Has(std::string_view key) const { return metadata.find(key) != metadata.end(); }

  // The value of a key. Absent: `fallback`, or kCorrupt without one. Of another
  // type or outside [min, max]: kCorrupt. Messages name the key.
  Result<int64_t> Int(std::string_view key, int64_t min, int64_t max,
                      std::optional<int64_t> fallback = std::nullopt) const;
  Result<double> Float(std::string_view key, std::optional<double> fallback = std::nullopt) const;
  Result<bool> Bool(std::string_view key, bool fallback) const;
  Result<std::string> String(std::string_view key,
                             std::optional<std::string> fallback = std::nullopt) const;
  // Whole arrays; absent ones are empty.
  Result<std::vector<std::string>> Strings(std::string_view key) const;
  Result<std::vector<int32_t>> Ints(std::string_view key) const;
};

// Checks everything the format promises: counts, lengths, types, alignment,
// offsets, sizes, and that the tensors fill the file without overlap and without
// holes. Work and memory are bounded by the size of `bytes`, whatever they say.
Result<GgufFile> ParseGguf(std::span<const std::byte> bytes);

// Whether the bytes start as a GGUF file does.
bool LooksLikeGguf(std::span<const std::byte> bytes);

}  // namespace qed

#endif  // QED_CHECKPOINT_GGUF_H_
