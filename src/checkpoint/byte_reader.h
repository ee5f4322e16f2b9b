// Reads little-endian values off a span without ever passing its end.
#ifndef QED_CHECKPOINT_BYTE_READER_H_
#define QED_CHECKPOINT_BYTE_READER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace qed {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return bytes_.size() - position_; }

  // False, with nothing read, where too few bytes are left.
  template <typename T>
  [[nodiscard]] bool Read(T& value) {
    if (remaining() < sizeof(T)) return false;
    std::memcpy(&value, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return true;
  }
  [[nodiscard]] bool Take(uint64_t count, std::span<const std::byte>& out) {
    if (remaining() < count) return false;
    out = bytes_.subspan(position_, count);
    position_ += count;
    return true;
  }
  // A 64-bit length, then that many bytes.
  [[nodiscard]] bool TakeString(uint64_t max_length, std::string_view& out) {
    uint64_t length = 0;
    std::span<const std::byte> taken;
    if (!Read(length) || length > max_length || !Take(length, taken)) return false;
    out = {reinterpret_cast<const char*>(taken.data()), taken.size()};
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t position_ = 0;
};

}  // namespace qed

#endif  // QED_CHECKPOINT_BYTE_READER_H_
