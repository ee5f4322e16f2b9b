// What the ranks of one network tell each other: processes (parallel/mpi_ranks.h), each with its
// part of the weights.
//
// Every rank calls the same functions in the same order with spans of the same size. They do not
// fail: a rank that cannot go on ends them all. Not thread-safe: one thread of a rank calls at a
// time.
#ifndef QED_PARALLEL_COMMUNICATOR_H_
#define QED_PARALLEL_COMMUNICATOR_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace qed {

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int32_t rank() const = 0;  // in [0, size())
  virtual int32_t size() const = 0;

  // The bytes of rank 0 become everybody's. The others may wait for them as long as they
  // like: waiting takes next to no processor time.
  virtual void Broadcast(std::span<std::byte> bytes) = 0;

  // values[i] becomes the sum of all ranks' values[i], added in the order of the ranks: the
  // same bits on all ranks and every time.
  virtual void SumOverRanks(std::span<float> values) = 0;

  // On rank 0 the bytes of rank r become the r-th part of `all`, which is size() times as
  // long as `mine`; elsewhere `all` is empty.
  virtual void Gather(std::span<const std::byte> mine, std::span<std::byte> all) = 0;

  // From now on a rank that others wait for longer than this, but in Broadcast, is taken to
  // hang, which is the end of all.
  virtual void LimitStalls(double seconds) = 0;
  // How long that is here.
  virtual double stall_seconds() const = 0;
  // The end of all, because others wait for `rank` in vain: one of them says so.
  [[noreturn]] virtual void EndBecauseOf(int32_t rank) = 0;
};

}  // namespace qed

#endif  // QED_PARALLEL_COMMUNICATOR_H_
