// Ranks that are processes, started by an MPI launcher.
//
// MPI is many things on many machines, so the program does not link it: what needs it is the
// shared object libqed_mpi.so, which is opened when there are ranks.
// Private to src/parallel.
#ifndef QED_PARALLEL_MPI_MODULE_H_
#define QED_PARALLEL_MPI_MODULE_H_

#include <memory>

#include "base/status.h"
#include "parallel/rank_groups.h"

namespace qed {

// Raised with every change of this interface or of what it shows.
inline constexpr int kMpiModuleVersion = 3;

class MpiModule {
 public:
  // Waits until all ranks have joined. Once in a process.
  virtual Result<std::unique_ptr<RankGroups>> Join(const RankOptions& options) const = 0;

 protected:
  ~MpiModule() = default;
};

}  // namespace qed

// What the module exports. Null if `version` is not its own.
extern "C" const qed::MpiModule* QedMpiModule(int version);

#endif  // QED_PARALLEL_MPI_MODULE_H_
