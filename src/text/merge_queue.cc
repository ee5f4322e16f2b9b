#include "text/merge_queue.h"

#include <algorithm>
#include <functional>

namespace qed {
namespace {

// Below it a heap is faster.
constexpr size_t kManySymbols = 2048;

// Lowest rank first, then leftmost.
bool Later(const MergeQueue::Candidate& a, const MergeQueue::Candidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
}

}  // namespace

void MergeQueue::Reset(size_t symbols) {
  heap_.clear();
  for (const int32_t rank : ranks_) buckets_[static_cast<size_t>(rank)] = Bucket{};
  ranks_.clear();
  use_buckets_ = symbols >= kManySymbols;
}

void MergeQueue::Push(const Candidate& candidate) {
  if (use_buckets_) return PushBucket(candidate);
  heap_.push_back(candidate);
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

bool MergeQueue::Pop(Candidate* out) {
  if (use_buckets_) return PopBucket(out);
  if (heap_.empty()) return false;
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  *out = heap_.back();
  heap_.pop_back();
  return true;
}

void MergeQueue::PushBucket(const Candidate& candidate) {
  const auto rank = static_cast<size_t>(candidate.rank);
  if (rank >= buckets_.size()) buckets_.resize(rank + 1);
  Bucket& bucket = buckets_[rank];
  if (bucket.lefts.empty()) {
    bucket.id = candidate.id;
    ranks_.push_back(candidate.rank);
    std::push_heap(ranks_.begin(), ranks_.end(), std::greater<>());
  } else if (candidate.left < bucket.lefts.back()) {
    bucket.sorted = false;
  }
  bucket.lefts.push_back(candidate.left);
}

bool MergeQueue::PopBucket(Candidate* out) {
  if (ranks_.empty()) return false;
  const int32_t rank = ranks_.front();
  Bucket& bucket = buckets_[static_cast<size_t>(rank)];
  if (!bucket.sorted) {
    std::sort(bucket.lefts.begin() + static_cast<ptrdiff_t>(bucket.next), bucket.lefts.end());
    bucket.sorted = true;
  }
  *out = {rank, bucket.lefts[bucket.next++], bucket.id};
  if (bucket.next == bucket.lefts.size()) {
    bucket.lefts.clear();
    bucket.next = 0;
    std::pop_heap(ranks_.begin(), ranks_.end(), std::greater<>());
    ranks_.pop_back();
  }
  return true;
}

}  // namespace qed
