// Digests of files: SHA-256, and git's names of blobs (SHA-1). Over OpenSSL's libcrypto.
#ifndef QED_BASE_DIGEST_H_
#define QED_BASE_DIGEST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace qed {

enum class DigestKind { kSha1, kSha256 };

class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;

  void Update(std::string_view bytes);
  // Lower-case hexadecimal. The last call.
  std::string Hex();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

std::string Sha256Hex(std::string_view bytes);

// Of a whole file. Errors name the path.
Result<std::string> FileSha256(const std::string& path);
// As git names a file's content: SHA-1 of "blob <size>", a zero byte and the content.
Result<std::string> FileGitHash(const std::string& path);

}  // namespace qed

#endif  // QED_BASE_DIGEST_H_
