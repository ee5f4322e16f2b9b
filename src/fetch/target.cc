#include "fetch/target.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <utility>

#include "base/digest.h"
#include "base/file.h"
#include "base/publish_file.h"
#include "base/system_error.h"

namespace qed {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxNoteBytes = 4096;

// -1: there is no such file. Links are followed.
int64_t FileSize(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : -1;
}

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

class Cache : public Target {
 public:
  Cache(const std::string& cache, const Repo& repo, const std::string& commit)
      : cache_(cache),
        repo_(repo),
        commit_(commit),
        root_(cache + "/" + repo.CacheFolder()),
        folder_(root_ + "/snapshots/" + commit) {}

  const std::string& folder() const override { return folder_; }

  Result<bool> Has(const HubFile& file) override {
    if (FileSize(folder_ + "/" + file.path) == file.size) return true;
    if (FileSize(BlobPath(file)) != file.size) return false;
    QED_RETURN_IF_ERROR(Link(file));
    return true;
  }

  Result<std::string> PartPath(const HubFile& file) override {
    QED_RETURN_IF_ERROR(MakeFolders(root_ + "/blobs"));
    return BlobPath(file) + ".qed-part";
  }

  Result<std::string> LockPath(const HubFile& file) override {
    const std::string folder = cache_ + "/.locks/" + repo_.CacheFolder();
    QED_RETURN_IF_ERROR(MakeFolders(folder));
    return folder + "/" + file.digest + ".lock";
  }

  Status Publish(const HubFile& file, const std::string& part) override {
    QED_RETURN_IF_ERROR(PublishFile(part, BlobPath(file)));
    return Link(file);
  }

  Status Finish() override {
    if (repo_.revision == commit_) return OkStatus();
    const std::string ref = root_ + "/refs/" + repo_.revision;
    const Result<std::string> old = ReadFile(ref, kMaxNoteBytes);
    if (old.ok() && *old == commit_) return OkStatus();
    QED_RETURN_IF_ERROR(MakeFolders(ParentOf(ref)));
    return WriteFileAtomic(ref, commit_);
  }

 private:
  std::string BlobPath(const HubFile& file) const { return root_ + "/blobs/" + file.digest; }

  // The snapshot's name for a blob: a relative link, made beside it and then renamed. Where
  // the file system has no links the blob itself gets the name.
  Status Link(const HubFile& file) const {
    const std::string name = folder_ + "/" + file.path;
    QED_RETURN_IF_ERROR(MakeFolders(ParentOf(name)));
    std::string up = "../../";
    for (const char c : file.path) up += c == '/' ? "../" : "";
    const std::string link = name + ".link." + std::to_string(::getpid());
    const bool made = ::symlink((up + "blobs/" + file.digest).c_str(), link.c_str()) == 0;
    if (!made && errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP) {
      return SystemError("write", name, errno);
    }
    if (::rename((made ? link : BlobPath(file)).c_str(), name.c_str()) == 0) return OkStatus();
    const int error = errno;
    if (made) ::unlink(link.c_str());
    return SystemError("write", name, error);
  }

  const std::string cache_;
  const Repo repo_;
  const std::string commit_;
  const std::string root_;
  const std::string folder_;
};

class Folder : public Target {
 public:
  Folder(const std::string& folder, const std::string& commit)
      : folder_(folder), notes_(folder + "/.cache/huggingface/download"), commit_(commit) {}

  const std::string& folder() const override { return folder_; }

  Result<bool> Has(const HubFile& file) override {
    const std::string path = folder_ + "/" + file.path;
    if (FileSize(path) != file.size) return false;
    if (IsNoted(file, path)) return true;
    QED_ASSIGN_OR_RETURN(const bool right, HasDigest(path, file.digest));
    if (right) QED_RETURN_IF_ERROR(Note(file));
    return right;
  }

  Result<std::string> PartPath(const HubFile& file) override {
    QED_RETURN_IF_ERROR(MakeFolders(ParentOf(NotePath(file, ""))));
    return NotePath(file, "." + file.digest + ".qed-part");
  }

  Result<std::string> LockPath(const HubFile& file) override {
    QED_RETURN_IF_ERROR(MakeFolders(ParentOf(NotePath(file, ""))));
    return NotePath(file, ".lock");
  }

  Status Publish(const HubFile& file, const std::string& part) override {
    const std::string path = folder_ + "/" + file.path;
    QED_RETURN_IF_ERROR(MakeFolders(ParentOf(path)));
    QED_RETURN_IF_ERROR(PublishFile(part, path));
    return Note(file);
  }

  // Git need not see the notes.
  Status Finish() override {
    const std::string ignore = folder_ + "/.cache/huggingface/.gitignore";
    if (FileSize(ignore) >= 0) return OkStatus();
    QED_RETURN_IF_ERROR(MakeFolders(ParentOf(ignore)));
    return WriteFileAtomic(ignore, "*");
  }

 private:
  std::string NotePath(const HubFile& file, const std::string& ending) const {
    return notes_ + "/" + file.path + ending;
  }

  // A note has the commit, the digest and the time, each on a line. It holds while the
  // file was not changed since.
  bool IsNoted(const HubFile& file, const std::string& path) const {
    const Result<std::string> text = ReadFile(NotePath(file, ".metadata"), kMaxNoteBytes);
    struct stat info = {};
    if (!text.ok() || ::stat(path.c_str(), &info) != 0) return false;
    std::istringstream lines(*text);
    std::string commit, digest, time;
    std::getline(lines, commit);
    std::getline(lines, digest);
    std::getline(lines, time);
    return digest == file.digest &&
           static_cast<double>(info.st_mtime) <= std::strtod(time.c_str(), nullptr) + 1;
  }

  Status Note(const HubFile& file) const {
    QED_RETURN_IF_ERROR(MakeFolders(ParentOf(NotePath(file, ""))));
    return WriteFileAtomic(
        NotePath(file, ".metadata"),
        commit_ + "\n" + file.digest + "\n" + std::to_string(std::time(nullptr)) + ".0\n");
  }

  const std::string folder_;
  const std::string notes_;
  const std::string commit_;
};

}  // namespace

std::unique_ptr<Target> CacheTarget(const std::string& cache, const Repo& repo,
                                    const std::string& commit) {
  return std::make_unique<Cache>(cache, repo, commit);
}

std::unique_ptr<Target> FolderTarget(const std::string& folder, const std::string& commit) {
  return std::make_unique<Folder>(folder, commit);
}

Result<bool> HasDigest(const std::string& path, const std::string& digest) {
  QED_ASSIGN_OR_RETURN(const std::string found,
                       digest.size() == 64 ? FileSha256(path) : FileGitHash(path));
  return found == digest;
}

Status MakeFolders(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  return error ? SystemError("make the folder", path, error.value()) : OkStatus();
}

std::string CachedSnapshot(const std::string& cache, const Repo& repo) {
  const std::string root = cache + "/" + repo.CacheFolder();
  std::string commit = repo.revision;
  if (!IsCommit(commit)) {
    const Result<std::string> ref = ReadFile(root + "/refs/" + repo.revision, kMaxNoteBytes);
    if (!ref.ok()) return "";
    commit = ref->substr(0, ref->find_last_not_of(" \r\n") + 1);
    if (!IsCommit(commit)) return "";
  }
  const std::string folder = root + "/snapshots/" + commit;
  std::error_code error;
  return fs::is_directory(folder, error) ? folder : "";
}

}  // namespace qed
