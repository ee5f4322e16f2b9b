// Checksums that tell whether bytes are those that were written: fast, not secret-proof.
#ifndef QED_BASE_CHECKSUM_H_
#define QED_BASE_CHECKSUM_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"

namespace qed {

// XXH3 with 64 bits (xxhash.com), at about the speed of memory.
uint64_t Checksum(std::span<const std::byte> bytes);

// 16 lower-case hexadecimal digits, and back. kCorrupt where they are no such digits.
std::string ChecksumText(uint64_t checksum);
Result<uint64_t> ParseChecksum(const std::string& text);

}  // namespace qed

#endif  // QED_BASE_CHECKSUM_H_
