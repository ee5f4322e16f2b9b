// Shared objects that are built beside the program and opened at run time, so that it starts
// where what they need is not.
#ifndef QED_BASE_SHARED_MODULE_H_
#define QED_BASE_SHARED_MODULE_H_

#include <string>

#include "base/status.h"

namespace qed {

enum class ModuleSymbols { kOwn, kShared };

// Opens `file` (libqed_x.so), which lies beside the program, in ../lib/qed or, for the tests'
// programs, in the build folder, and returns the address of `entry` in it. kUnsupported: it
// cannot be opened, or is not there, which `missing` says. The module stays open. kShared: what
// it links is open to what that opens itself, as Open MPI wants it.
Result<void*> OpenSharedModule(const std::string& file, const char* entry, ModuleSymbols symbols,
                               const std::string& missing);

// For an entry that has refused the program's version.
Status OtherBuild(const std::string& file);

}  // namespace qed

#endif  // QED_BASE_SHARED_MODULE_H_
