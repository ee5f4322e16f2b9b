#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/unique_fd.h"
#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

// Mounts appear here before they become the root. /tmp exists everywhere, and
// what it hides of the host is reached through handles opened earlier.
constexpr char kStage[] = "/tmp";

constexpr char kMend[] =
    "; mounting is forbidden here: allow it, for example docker run --security-opt "
    "seccomp=unconfined --security-opt apparmor=unconfined, or sysctl "
    "kernel.apparmor_restrict_unprivileged_userns=0";

// A copy of one host path's mounts, not attached to any place yet.
struct Detached {
  std::string path;
  UniqueFd tree;
  bool folder = false;
};

Result<Detached> DetachReadOnly(const std::string& path, uint64_t attributes) {
  Detached detached;
  detached.path = path;
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    return ErrnoStatus("stat " + path + " (the jail's user, \"nobody\" if root asks, reads it)");
  }
  detached.folder = S_ISDIR(info.st_mode);
  const unsigned recursive = detached.folder ? AT_RECURSIVE : 0;
  detached.tree = UniqueFd(
      ::open_tree(AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | recursive));
  if (!detached.tree.valid()) {
    if (errno == EPERM || errno == EACCES) {
      return Unsupported("open_tree " + path + ": " + std::strerror(errno) + kMend);
    }
    return ErrnoStatus("open_tree " + path + " (Linux 5.12 or newer is needed)");
  }
  struct mount_attr attr = {};
  attr.attr_set = attributes;
  if (::mount_setattr(detached.tree.get(), "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr)) !=
      0) {
    return ErrnoStatus("mount_setattr " + path + " (Linux 5.12 or newer is needed)");
  }
  return detached;
}

// Relative to the new root, which is the working directory.
Status Attach(const Detached& detached) {
  const std::string target = "." + detached.path;
  std::error_code error;
  const std::filesystem::path as_path(target);
  std::filesystem::create_directories(detached.folder ? as_path : as_path.parent_path(), error);
  if (error) return IoError("create " + target + ": " + error.message());
  if (!detached.folder) {
    const UniqueFd file(::open(target.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0444));
    if (!file.valid()) return ErrnoStatus("create " + target);
  }
  if (::move_mount(detached.tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
      0) {
    return ErrnoStatus("move_mount " + target);
  }
  return OkStatus();
}

Status WriteSmallFile(const char* path, const std::string& content) {
  const UniqueFd file(::open(path, O_CREAT | O_WRONLY | O_EXCL | O_CLOEXEC, 0444));
  if (!file.valid() ||
      ::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return ErrnoStatus(std::string("write ") + path);
  }
  return OkStatus();
}

// /bin, /lib and their like are links into /usr, or folders on older systems.
Result<std::vector<Detached>> DetachSystemFolders() {
  std::vector<Detached> detached;
  for (const char* path : {"/bin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"}) {
    struct stat info;
    if (::lstat(path, &info) != 0 || S_ISLNK(info.st_mode)) continue;
    QED_ASSIGN_OR_RETURN(Detached one, DetachReadOnly(path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                                MOUNT_ATTR_NODEV));
    detached.push_back(std::move(one));
  }
  return detached;
}

Status LinkSystemFolders(int host_root) {
  for (const char* name : {"bin", "lib", "lib64"}) {
    char target[256];
    const ssize_t length = ::readlinkat(host_root, name, target, sizeof(target) - 1);
    if (length < 0) continue;  // A folder, attached already, or absent.
    target[length] = '\0';
    if (::symlink(target, name) != 0) return ErrnoStatus(std::string("symlink ") + name);
  }
  return OkStatus();
}

// What a program expects to find: devices without memory of their own, a user.
Status AddDevicesAndFiles(const std::vector<Detached>& devices) {
  for (const Detached& device : devices) QED_RETURN_IF_ERROR(Attach(device));
  for (const char* folder : {"etc", "tmp"}) {
    if (::mkdir(folder, 0755) != 0 && errno != EEXIST) return ErrnoStatus("mkdir in the root");
  }
  if (::symlink("/tmp", "dev/shm") != 0) return ErrnoStatus("symlink dev/shm");
  QED_RETURN_IF_ERROR(WriteSmallFile("etc/passwd", "sandbox:x:1000:1000::/tmp:/bin/sh\n"));
  return WriteSmallFile("etc/group", "sandbox:x:1000:\n");
}

// The working directory becomes the root, read-only; the host's is let go.
Status SwitchRoot() {
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return ErrnoStatus("pivot_root");
  if (::umount2(".", MNT_DETACH) != 0) return ErrnoStatus("umount of the host's root");
  if (::chdir("/") != 0) return ErrnoStatus("chdir /");
  struct mount_attr attr = {};
  attr.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (::mount_setattr(AT_FDCWD, "/", 0, &attr, sizeof(attr)) != 0) {
    return ErrnoStatus("mount_setattr /");
  }
  return OkStatus();
}

}  // namespace

bool MountingIsForbidden(std::string* why) {
  // Nothing that happens in here may reach the host's mounts, or come from them.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0) return false;
  *why = std::string("mount --make-rprivate /: ") + std::strerror(errno) + kMend;
  return true;
}

Status BuildRoot(const std::vector<std::string>& paths) {
  QED_ASSIGN_OR_RETURN(std::vector<Detached> folders, DetachSystemFolders());
  for (const std::string& path : paths) {
    QED_ASSIGN_OR_RETURN(Detached one, DetachReadOnly(path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                                MOUNT_ATTR_NODEV));
    folders.push_back(std::move(one));
  }
  // Not /dev/zero: mapped as shared, it is memory that no limit counts.
  std::vector<Detached> devices;
  for (const char* path : {"/dev/null", "/dev/full", "/dev/random", "/dev/urandom"}) {
    // Read-only too: they can be written all the same, but nobody can change their times.
    QED_ASSIGN_OR_RETURN(Detached one, DetachReadOnly(path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |
                                                                MOUNT_ATTR_NOEXEC));
    devices.push_back(std::move(one));
  }
  const UniqueFd host_root(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (::mount("root", kStage, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755") != 0) {
    return ErrnoStatus("mount a tmpfs");
  }
  if (::chdir(kStage) != 0) return ErrnoStatus("chdir to the new root");
  for (const Detached& folder : folders) QED_RETURN_IF_ERROR(Attach(folder));
  QED_RETURN_IF_ERROR(LinkSystemFolders(host_root.get()));
  QED_RETURN_IF_ERROR(AddDevicesAndFiles(devices));
  return SwitchRoot();
}

Status MountTmp(int64_t bytes, uint32_t owner) {
  // For tmpfs a size of 0 means no limit.
  const std::string options = "mode=700,nr_inodes=4096,uid=" + std::to_string(owner) +
                              ",size=" + std::to_string(bytes > 0 ? bytes : 4096);
  const unsigned long flags = MS_NOSUID | MS_NODEV | (bytes > 0 ? 0 : MS_RDONLY);
  if (::mount("tmp", "/tmp", "tmpfs", flags, options.c_str()) != 0) {
    return ErrnoStatus("mount a tmpfs on /tmp");
  }
  if (::chdir("/tmp") != 0) return ErrnoStatus("chdir /tmp");
  return OkStatus();
}

}  // namespace qed::jail
