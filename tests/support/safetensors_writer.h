// Writes small safetensors files for tests.
#ifndef QED_TESTS_SUPPORT_SAFETENSORS_WRITER_H_
#define QED_TESTS_SUPPORT_SAFETENSORS_WRITER_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace qed {

struct SafetensorsTensor {
  std::string dtype;  // "F32"
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
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.data.size()}}};
    data += tensor.data;
  }
  return SafetensorsBytes(header.dump(), data);
}

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_SAFETENSORS_WRITER_H_
