// Where a repository's files go: the cache that Hugging Face's tools share, or a plain
// folder.
//
// Cache (https://huggingface.co/docs/huggingface_hub/guides/manage-cache):
//   <cache>/models--ORG--NAME/blobs/<digest>              the bytes
//   <cache>/models--ORG--NAME/snapshots/<commit>/<path>   links to them
//   <cache>/models--ORG--NAME/refs/<revision>             the commit of a branch or tag
//   <cache>/.locks/models--ORG--NAME/<digest>.lock        held (flock) while one is fetched
// Folder: <folder>/<path>; what was checked is noted under <folder>/.cache/huggingface, as
// those tools do it.
#ifndef QED_FETCH_TARGET_H_
#define QED_FETCH_TARGET_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "fetch/hub_client.h"

namespace qed {

// Thread-safe for different files.
class Target {
 public:
  virtual ~Target() = default;

  // Whether the file is there and right; what only has to be linked or noted is.
  virtual Result<bool> Has(const HubFile& file) = 0;
  // Where its bytes are gathered, and the file whose lock keeps others from doing the
  // same. Their folders are made.
  virtual Result<std::string> PartPath(const HubFile& file) = 0;
  virtual Result<std::string> LockPath(const HubFile& file) = 0;
  // Gives the bytes under `part`, which were checked, their name.
  virtual Status Publish(const HubFile& file, const std::string& part) = 0;
  // All files are there.
  virtual Status Finish() = 0;
  // The folder in which a user finds the files.
  virtual const std::string& folder() const = 0;
};

std::unique_ptr<Target> CacheTarget(const std::string& cache, const Repo& repo,
                                    const std::string& commit);
std::unique_ptr<Target> FolderTarget(const std::string& folder, const std::string& commit);

// The digest of a file's content is what the hub said. An error names both.
Result<bool> HasDigest(const std::string& path, const std::string& digest);

// Makes a folder and those above it. Errors name it.
Status MakeFolders(const std::string& path);

// The snapshot of a revision that is in the cache; empty if there is none.
std::string CachedSnapshot(const std::string& cache, const Repo& repo);

}  // namespace qed

#endif  // QED_FETCH_TARGET_H_
