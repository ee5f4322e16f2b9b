// Which neighbours of a word BPE merges next: those of the lowest rank, of these
// the leftmost.
//
// Words of a text are short, and a binary heap serves them best. Over millions of
// symbols (a prompt of nothing but blanks is one word) every step of a heap misses
// the caches; there candidates lie in one list per rank, which is in order already or
// sorted once, and the time per symbol stays about the same whatever the length.
#ifndef QED_TEXT_MERGE_QUEUE_H_
#define QED_TEXT_MERGE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace qed {

class MergeQueue {
 public:
  struct Candidate {
    int32_t rank;  // >= 0
    int32_t left;  // index of the left symbol
    int32_t id;    // what the pair became when this was queued; the same for all of a rank
  };

  // Empties the queue, for a word of so many symbols.
  void Reset(size_t symbols);
  void Push(const Candidate& candidate);
  // False: it is empty.
  bool Pop(Candidate* out);

 private:
  struct Bucket {
    int32_t id = -1;
    std::vector<int32_t> lefts;
    size_t next = 0;  // those before it have been taken
    bool sorted = true;
  };

  void PushBucket(const Candidate& candidate);
  bool PopBucket(Candidate* out);

  bool use_buckets_ = false;
  std::vector<Candidate> heap_;
  std::vector<Bucket> buckets_;  // by rank; kept between words, empty
  std::vector<int32_t> ranks_;   // a heap: the ranks with a bucket that is not empty
};

}  // namespace qed

#endif  // QED_TEXT_MERGE_QUEUE_H_
