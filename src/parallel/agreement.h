// Whether all ranks are ready, with parts of one and the same network.
#ifndef QED_PARALLEL_AGREEMENT_H_
#define QED_PARALLEL_AGREEMENT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "parallel/communicator.h"

namespace qed {

struct RankReport {
  Status status;             // of opening its part
  std::string host;          // for the message
  uint64_t fingerprint = 0;  // of everything that must be the same on all ranks
  int32_t num_pages = 0;     // of the KV cache
};

// What rank 0 broadcasts when the other ranks wait for it, wherever they do.
struct RankMessage {
  enum class Kind : int32_t { kLoad, kReady, kStep, kEnd };
  Kind kind = Kind::kEnd;
  // Of kStep: numbers of tokens, sequences, rows of logits and pages, which follow. Behind
  // kLoad follow the sizes of what is to be loaded.
  int32_t tokens = 0, sequences = 0, logit_rows = 0, pages = 0;
};

// Broadcasts the message of rank 0 and returns it.
RankMessage ShareMessage(Communicator& communicator, RankMessage mine);

// Called once by every rank. On rank 0: OK, or one line that names the first rank that is
// not ready or differs, and its host; rank 0 has to send kEnd then. On the others: OK, or
// kCancelled without a message where kEnd came: rank 0 says why.
Status AgreeOnNetwork(Communicator& communicator, const RankReport& mine);

// Called by all ranks: how many ranks before this one are on its host.
int32_t IndexOnHost(Communicator& communicator, const std::string& host);

// Called by all ranks: the smallest of their numbers.
int32_t SmallestOfRanks(Communicator& communicator, int32_t mine);

// Called by all ranks with bytes of one size: those of all, in the order of the ranks.
std::vector<std::byte> BytesOfAll(Communicator& communicator, std::span<const std::byte> mine);

}  // namespace qed

#endif  // QED_PARALLEL_AGREEMENT_H_
