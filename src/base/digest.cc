#include "base/digest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/system_error.h"
#include "base/unique_fd.h"
#include "openssl/evp.h"

namespace qed {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

Result<std::string> DigestFile(const std::string& path, bool as_git) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info = {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return SystemError("open", path, errno);
  Digest digest(as_git ? DigestKind::kSha1 : DigestKind::kSha256);
  if (as_git) {
    const std::string head = "blob " + std::to_string(info.st_size);
    digest.Update({head.c_str(), head.size() + 1});
  }
  std::string buffer(kReadBytes, '\0');
  while (true) {
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path, errno);
    if (got == 0) return digest.Hex();
    digest.Update({buffer.data(), static_cast<size_t>(got)});
  }
}

}  // namespace

struct Digest::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Digest::Digest(DigestKind kind) : state_(std::make_unique<State>()) {
  const EVP_MD* algorithm = kind == DigestKind::kSha1 ? EVP_sha1() : EVP_sha256();
  QED_CHECK(state_->context != nullptr &&
            EVP_DigestInit_ex(state_->context, algorithm, nullptr) == 1);
}

Digest::~Digest() { EVP_MD_CTX_free(state_->context); }

void Digest::Update(std::string_view bytes) {
  QED_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Digest::Hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned size = 0;
  QED_CHECK(EVP_DigestFinal_ex(state_->context, bytes.data(), &size) == 1);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (unsigned i = 0; i < size; ++i) {
    hex += kDigits[bytes[i] >> 4];
    hex += kDigits[bytes[i] & 15];
  }
  return hex;
}

std::string Sha256Hex(std::string_view bytes) {
  Digest digest(DigestKind::kSha256);
  digest.Update(bytes);
  return digest.Hex();
}

Result<std::string> FileSha256(const std::string& path) { return DigestFile(path, false); }
Result<std::string> FileGitHash(const std::string& path) { return DigestFile(path, true); }

}  // namespace qed
