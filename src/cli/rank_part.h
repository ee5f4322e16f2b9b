// Loading one network in parts: what the first rank tells the others, and how all make sure that
// they have parts of the same one.
#ifndef QED_CLI_RANK_PART_H_
#define QED_CLI_RANK_PART_H_

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "base/thread_pool.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "config/engine_config.h"
#include "cuda/device.h"
#include "model/decoder.h"
#include "parallel/communicator.h"

namespace qed {

// On the first rank: tells the others to load, with the sizes of `config`, which may come from
// more than flags, and whether they compute on GPUs.
void TellToLoad(const EngineConfig& config, bool on_gpu, Communicator& ranks);

// On the first rank, on CPUs: tells the others and loads its own part. Errors name the rank.
Result<std::unique_ptr<Decoder>> LoadFirstPart(const Checkpoint& checkpoint, const Adapter* adapter,
                                               const EngineConfig& config, ThreadPool& pool,
                                               Communicator& ranks, double* conversion_error);

// On another rank: waits for the first one to load, whose sizes `config` gets. False: it ends.
bool TakeFirstRanksSizes(Communicator& ranks, EngineConfig& config, bool& on_gpu);

// A GPU of the rank's own, the ranks of a host having theirs in order from `config.device` on.
// Called by all ranks. Errors name the rank and the GPU.
Result<cuda::DeviceInfo> OpenRanksDevice(const EngineConfig& config, int32_t gpus_before,
                                         Communicator& ranks);

// A checksum of what has to be the same on all ranks.
uint64_t NetworkFingerprint(const Checkpoint& checkpoint, bool has_adapter,
                            const EngineConfig& config);

// Called by all ranks with their part, or why they have none. As AgreeOnNetwork.
Status AgreeOnPart(const Result<std::unique_ptr<Decoder>>& part, uint64_t fingerprint,
                   const EngineConfig& config, Communicator& ranks);

}  // namespace qed

#endif  // QED_CLI_RANK_PART_H_
