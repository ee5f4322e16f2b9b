// Writes small GGUF files for tests, and remembers where each field lies so
// that a test can put a lie there.
#ifndef QED_TESTS_SUPPORT_GGUF_WRITER_H_
#define QED_TESTS_SUPPORT_GGUF_WRITER_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/check.h"

namespace qed {

// Type numbers of tensors in the file.
enum GgmlType : uint32_t {
  kGgmlF32 = 0,
  kGgmlF16 = 1,
  kGgmlQ4_0 = 2,
  kGgmlQ4_1 = 3,
  kGgmlQ8_0 = 8,
  kGgmlQ4_K = 12,
  kGgmlQ6_K = 14,
  kGgmlBF16 = 30,
};

class GgufWriter {
 public:
  explicit GgufWriter(uint32_t version = 3, uint64_t alignment = 32)
      : version_(version), alignment_(alignment) {}

  template <typename T>
  void Add(const std::string& key, T value) {
    std::string bytes;
    if constexpr (std::is_convertible_v<T, std::string_view>) {
      PutString(bytes, value);
      AddRaw(key, 8, bytes);
    } else {
      Put(bytes, value);
      AddRaw(key, TypeOf<T>(), bytes);
    }
  }
  void AddStrings(const std::string& key, const std::vector<std::string>& values) {
    std::string bytes;
    Put<uint32_t>(bytes, 8);
    Put<uint64_t>(bytes, values.size());
    for (const std::string& value : values) PutString(bytes, value);
    AddRaw(key, 9, bytes);
  }
  template <typename T>
  void AddArray(const std::string& key, const std::vector<T>& values) {
    std::string bytes;
    Put<uint32_t>(bytes, TypeOf<T>());
    Put<uint64_t>(bytes, values.size());
    for (const T& value : values) Put(bytes, value);
    AddRaw(key, 9, bytes);
  }
  // Replaces an entry of the same key.
  void AddRaw(const std::string& key, uint32_t type, const std::string& value) {
    for (Entry& entry : entries_) {
      if (entry.key == key) {
        entry = {key, type, value};
        return;
      }
    }
    entries_.push_back({key, type, value});
  }
  void Remove(const std::string& key) {
    std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
  }

  // `shape` is row-major.
  void AddTensor(const std::string& name, uint32_t type, std::vector<uint64_t> shape,
                 const std::string& data) {
    RemoveTensor(name);
    tensors_.push_back({name, type, std::move(shape), data});
  }
  void RemoveTensor(const std::string& name) {
    std::erase_if(tensors_, [&](const Tensor& tensor) { return tensor.name == name; });
  }

  std::string Build() {
    std::string out = "GGUF";
    Mark("version", out);
    Put(out, version_);
    Mark("tensor_count", out);
    Put<uint64_t>(out, tensors_.size());
    Mark("metadata_count", out);
    Put<uint64_t>(out, entries_.size());
    for (const Entry& entry : entries_) {
      Mark(entry.key + " key", out);
      PutString(out, entry.key);
      Mark(entry.key + " type", out);
      Put(out, entry.type);
      Mark(entry.key + " value", out);
      out += entry.value;
    }
    uint64_t offset = 0;
    for (const Tensor& tensor : tensors_) {
      Mark(tensor.name + " name", out);
      PutString(out, tensor.name);
      Mark(tensor.name + " dimensions", out);
      Put<uint32_t>(out, static_cast<uint32_t>(tensor.shape.size()));
      Mark(tensor.name + " shape", out);
      for (size_t i = tensor.shape.size(); i-- > 0;) Put(out, tensor.shape[i]);
      Mark(tensor.name + " type", out);
      Put(out, tensor.type);
      Mark(tensor.name + " offset", out);
      Put(out, offset);
      offset = Aligned(offset + tensor.data.size());
    }
    out.resize(Aligned(out.size()));
    Mark("data", out);
    for (const Tensor& tensor : tensors_) {
      out += tensor.data;
      if (&tensor != &tensors_.back()) out.resize(Aligned(out.size()));
    }
    return out;
  }

  // Where a field lies in what Build returned last, for example "tensor_count",
  // "general.name value", "blk.0.attn_q.weight offset".
  size_t At(const std::string& field) const {
    auto it = marks_.find(field);
    QED_CHECK(it != marks_.end()) << field;
    return it->second;
  }

 private:
  struct Entry {
    std::string key;
    uint32_t type;
    std::string value;
  };
  struct Tensor {
    std::string name;
    uint32_t type;
    std::vector<uint64_t> shape;
    std::string data;
  };

  template <typename T>
  static constexpr uint32_t TypeOf() {
    if constexpr (std::is_same_v<T, uint8_t>) return 0;
    if constexpr (std::is_same_v<T, int8_t>) return 1;
    if constexpr (std::is_same_v<T, uint16_t>) return 2;
    if constexpr (std::is_same_v<T, int16_t>) return 3;
    if constexpr (std::is_same_v<T, uint32_t>) return 4;
    if constexpr (std::is_same_v<T, int32_t>) return 5;
    if constexpr (std::is_same_v<T, float>) return 6;
    if constexpr (std::is_same_v<T, bool>) return 7;
    if constexpr (std::is_same_v<T, uint64_t>) return 10;
    if constexpr (std::is_same_v<T, int64_t>) return 11;
    if constexpr (std::is_same_v<T, double>) return 12;
  }
  template <typename T>
  static void Put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  static void PutString(std::string& out, std::string_view text) {
    Put<uint64_t>(out, text.size());
    out += text;
  }
  uint64_t Aligned(uint64_t n) const { return (n + alignment_ - 1) / alignment_ * alignment_; }
  void Mark(const std::string& field, const std::string& out) { marks_[field] = out.size(); }

  uint32_t version_;
  uint64_t alignment_;
  std::vector<Entry> entries_;
  std::vector<Tensor> tensors_;
  std::map<std::string, size_t> marks_;
};

// Writes `value` over the bytes at `at`.
template <typename T>
void Patch(std::string& bytes, size_t at, T value) {
  QED_CHECK_LE(at + sizeof(value), bytes.size());
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

}  // namespace qed

#endif  // QED_TESTS_SUPPORT_GGUF_WRITER_H_
