// Names at a hub of Hugging Face's kind: repositories, revisions, files.
#ifndef QED_FETCH_REPO_H_
#define QED_FETCH_REPO_H_

#include <string>
#include <string_view>

#include "base/status.h"

namespace qed {

enum class RepoType { kModel, kDataset };

struct Repo {
  RepoType type = RepoType::kModel;
  std::string id;                 // "ORG/NAME", or "NAME" of the hub's oldest ones
  std::string revision = "main";  // branch, tag or commit

  // Its folder in the cache: "models--ORG--NAME".
  std::string CacheFolder() const;
  // Where its files are: "/ORG/NAME", "/datasets/ORG/NAME".
  std::string UrlPath() const;
  // Where the hub tells of it: "/api/models/ORG/NAME".
  std::string ApiPath() const;
};

// "ORG/NAME", "NAME", with "@REVISION" behind it or not. kInvalidArgument: no such name
// can be.
Result<Repo> ParseRepo(std::string_view text, RepoType type);

// "ORG/NAME" with or without "@REVISION", and nothing that is a path.
bool LooksLikeRepo(std::string_view text);

// 40 lower-case hexadecimal digits.
bool IsCommit(std::string_view text);

// An error if a file of this name could come to lie outside its folder, or is not a name
// at all. Hubs are not trusted.
Status CheckFileName(std::string_view path);

}  // namespace qed

#endif  // QED_FETCH_REPO_H_
