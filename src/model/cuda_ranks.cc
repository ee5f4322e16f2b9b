#include "model/cuda_ranks.h"

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "base/host_name.h"
#include "kernels/cuda/rank_links.h"
#include "parallel/agreement.h"

namespace qed {
namespace {

// What the ranks tell each other of their memory.
struct SharedMemory {
  cuda::MemoryName name;
  std::array<char, 64> host;
};

Result<SharedMemory> Share(const cuda::DeviceBuffer& memory) {
  SharedMemory shared = {};
  QED_ASSIGN_OR_RETURN(shared.name, cuda::NameMemory(memory));
  HostName().copy(shared.host.data(), shared.host.size() - 1);
  return shared;
}

}  // namespace

Status CudaRanks::Agree(const Status& mine) const {
  if (alone()) return mine;
  return AgreeOnNetwork(
      communicator(),
      {.status = mine, .host = HostName(), .fingerprint = group_.fingerprint, .num_pages = 0});
}

int32_t CudaRanks::Smallest(int32_t mine) const {
  return alone() ? mine : SmallestOfRanks(communicator(), mine);
}

Status CudaRanks::MapMemory(const cuda::DeviceBuffer& memory) {
  if (alone()) return OkStatus();
  Result<SharedMemory> mine = Share(memory);
  Result<cuda::PinnedBuffer> lost = cuda::PinnedBuffer::Allocate(sizeof(uint32_t));
  QED_RETURN_IF_ERROR(Agree(mine.ok() ? lost.status() : mine.status()));
  lost_ = *std::move(lost);
  *this->lost() = 0;
  const std::vector<std::byte> bytes =
      BytesOfAll(communicator(), std::as_bytes(std::span(&*mine, 1)));
  const auto map = [&]() -> Status {
    for (int32_t rank = 0; rank < communicator().size(); ++rank) {
      SharedMemory other;
      std::memcpy(&other, bytes.data() + sizeof(other) * static_cast<size_t>(rank), sizeof(other));
      if (other.host != mine->host) {
        return Unsupported(std::string("rank ") + std::to_string(rank) + " is on " +
                           other.host.data() + ": on GPUs all ranks must be on one host");
      }
      if (rank == communicator().rank()) {
        memories_.push_back(memory.data());
        continue;
      }
      QED_ASSIGN_OR_RETURN(cuda::PeerMemory peer, cuda::PeerMemory::Open(other.name));
      memories_.push_back(peer.data());
      peers_.push_back(std::move(peer));
    }
    return OkStatus();
  };
  return Agree(map());
}

void CudaRanks::LimitStalls() const {
  if (!alone()) communicator().LimitStalls(group_.stall_seconds);
}

void CudaRanks::EndIfOneIsLost() const {
  if (alone()) return;
  const uint32_t found = *static_cast<volatile const uint32_t*>(lost());
  if (found != 0) communicator().EndBecauseOf(static_cast<int32_t>(found) - 1);
}

}  // namespace qed
