// Shared objects that are built beside the program and opened at run time, so that it starts
// where what they need is not.
#ifndef QED_BASE_SHARED_MODULE_H_
#define QED_BASE_SHARED_MODULE_H_

#include <string>

#include "base/status.h"

namespace qed {

struct SharedModule {
  const char* file;     // libqed_x.so
  const char* entry;    // the name of a function: const Module* (int version)
  int version;          // of the interface, raised with each change
  const char* missing;  // the message where the file is not there
  // What the module links is open to what that opens itself, as Open MPI wants it.
  bool shares_symbols = false;
};

// Opens the file, which lies beside the program, in ../lib/qed or, for the tests' programs, in the
// build folder, and returns the address of its entry. kUnsupported: it is not there or cannot be
// opened. It stays open.
Result<void*> FindModuleEntry(const SharedModule& module);
Status OtherBuild(const SharedModule& module);

// What the entry gives. kUnsupported as FindModuleEntry, and where it is of another version.
template <typename Module>
Result<const Module*> LoadSharedModule(const SharedModule& module) {
  QED_ASSIGN_OR_RETURN(void* const entry, FindModuleEntry(module));
  const Module* opened = reinterpret_cast<const Module* (*)(int)>(entry)(module.version);
  if (opened == nullptr) return OtherBuild(module);
  return opened;
}

}  // namespace qed

#endif  // QED_BASE_SHARED_MODULE_H_
