#include "sandbox/jail/jail.h"

#include <cstdio>

#include "sandbox/jail/steps.h"

namespace qed::jail {
namespace {

// The first descriptor that a session does not keep: 0 to 2 are its standard
// streams, 3 is the way to the program.
constexpr int kFirstForeignFd = 4;

Status LeaveHost(const std::vector<std::string>& paths) {
  QED_RETURN_IF_ERROR(BecomeOrdinaryUser());
  QED_RETURN_IF_ERROR(OpenProc());
  QED_RETURN_IF_ERROR(EnterNamespaces());
  return BuildRoot(paths);
}

Status StartZygote() {
  QED_RETURN_IF_ERROR(DieWithParent());
  return SetHostname();
}

Status SealSession(const QedSessionLimits& limits) {
  QED_RETURN_IF_ERROR(MountTmp(limits.tmp_bytes));
  QED_RETURN_IF_ERROR(PreferOomKill());
  QED_RETURN_IF_ERROR(SetResourceLimits(limits));
  QED_RETURN_IF_ERROR(CloseDescriptorsFrom(kFirstForeignFd));
  QED_RETURN_IF_ERROR(DropPrivileges());
  return FilterSystemCalls();
}

int Report(const Status& status, char* error, size_t error_size) {
  if (status.ok()) return 0;
  std::snprintf(error, error_size, "%s", status.message().c_str());
  return -1;
}

}  // namespace
}  // namespace qed::jail

#define QED_EXPORT __attribute__((visibility("default")))

extern "C" {

QED_EXPORT int qed_jail_leave_host(const char* const* paths, size_t path_count, char* error,
                                   size_t error_size) {
  return qed::jail::Report(qed::jail::LeaveHost({paths, paths + path_count}), error, error_size);
}

QED_EXPORT int qed_jail_start_zygote(char* error, size_t error_size) {
  return qed::jail::Report(qed::jail::StartZygote(), error, error_size);
}

QED_EXPORT int qed_jail_leave_zygote(char* error, size_t error_size) {
  return qed::jail::Report(qed::jail::EnterNamespaces(), error, error_size);
}

QED_EXPORT int qed_jail_seal_session(const QedSessionLimits* limits, char* error,
                                     size_t error_size) {
  return qed::jail::Report(qed::jail::SealSession(*limits), error, error_size);
}
}
