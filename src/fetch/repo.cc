#include "fetch/repo.h"

#include <algorithm>
#include <cctype>

namespace qed {
namespace {

constexpr size_t kMaxNameBytes = 96;
constexpr size_t kMaxPathBytes = 1024;

bool IsWordCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

bool IsWord(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), IsWordCharacter) && text.find("..") == text.npos &&
         text.find("--") == text.npos && text.front() != '.' && text.front() != '-' &&
         text.back() != '.' && text.back() != '-';
}

// Something that can be a path below a folder.
bool IsRelativePath(std::string_view path) {
  if (path.empty() || path.size() > kMaxPathBytes) return false;
  for (const char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\') return false;
  }
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

// For a message: in quotes, on one line, not too long.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text.substr(0, 200)) out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
  return out += '"';
}

}  // namespace

std::string Repo::CacheFolder() const {
  std::string folder = type == RepoType::kModel ? "models--" : "datasets--";
  const size_t slash = id.find('/');
  if (slash == id.npos) return folder + id;
  return folder + id.substr(0, slash) + "--" + id.substr(slash + 1);
}

std::string Repo::UrlPath() const { return (type == RepoType::kModel ? "/" : "/datasets/") + id; }

std::string Repo::ApiPath() const {
  return (type == RepoType::kModel ? "/api/models/" : "/api/datasets/") + id;
}

Result<Repo> ParseRepo(std::string_view text, RepoType type) {
  Repo repo;
  repo.type = type;
  const size_t at = text.find('@');
  const std::string_view id = text.substr(0, at);
  const size_t slash = id.find('/');
  const bool fits =
      slash == id.npos ? IsWord(id) : IsWord(id.substr(0, slash)) && IsWord(id.substr(slash + 1));
  if (!fits) {
    return InvalidArgument(Quoted(text) + " is not a repository's name; they look like ORG/NAME");
  }
  repo.id = std::string(id);
  if (at == text.npos) return repo;
  repo.revision = std::string(text.substr(at + 1));
  if (!IsRelativePath(repo.revision) || repo.revision.find('@') != repo.revision.npos) {
    return InvalidArgument(Quoted(repo.revision) +
                           " is not a revision: it must be a branch, a tag or a commit");
  }
  return repo;
}

bool LooksLikeRepo(std::string_view text) {
  return text.substr(0, text.find('@')).find('/') != text.npos &&
         ParseRepo(text, RepoType::kModel).ok();
}

bool IsCommit(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

Status CheckFileName(std::string_view path) {
  if (IsRelativePath(path)) return OkStatus();
  return Corrupt("the hub lists a file " + Quoted(path) +
                 ": such a name could lie outside its folder, so nothing was fetched");
}

}  // namespace qed
