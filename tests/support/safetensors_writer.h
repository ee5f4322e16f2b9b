// Small safetensors files in memory, for tests: whole ones and ones that lie.
#ifndef QED_TESTS_SUPPORT_SAFETENSORS_WRITER_H_
#define QED_TESTS_SUPPORT_SAFETENSORS_WRITER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/safetensors_writer.h"
#include "tensor/dtype.h"

namespace qed {

struct SafetensorsTensor {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::string data;
};

// Header length, header, data: any of them may be a lie.
inline std::string SafetensorsBytes(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string out(reinterpret_cast<const char*>(&length), sizeof(length));
  return out + header + data;
}

inline std::string BuildSafetensors(const std::map<std::string, SafetensorsTensor>& tensors) {
  std::vector<SafetensorsEntry> entries;
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    entries.push_back({name, tensor.dtype, tensor.shape});
    data += tensor.data;
  }
  return SafetensorsHeader(entries) + data;
}

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_SAFETENSORS_WRITER_H_
