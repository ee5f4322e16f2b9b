// Remembers which page holds the keys and values of which tokens, so that equal
// beginnings are computed once.
//
// Keys and values of a page depend on all tokens before it. An entry is
// therefore found by (the entry of the page before, the page's tokens): a walk
// from kRoot compares every token of the prefix and trusts no hash. Entries
// have serial numbers that are never used twice, so an entry whose predecessor
// is gone cannot be reached, whatever the predecessor's page holds now.
#ifndef QED_KV_PREFIX_INDEX_H_
#define QED_KV_PREFIX_INDEX_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace qed {

// Not thread-safe. Allocates nothing after its constructor.
class PrefixIndex {
 public:
  using Serial = uint64_t;
  static constexpr Serial kRoot = 0;  // what the first page of a sequence follows

  PrefixIndex(int32_t num_pages, int32_t page_size);

  // The page that holds `tokens` behind `parent`, or -1.
  // REQUIRES (all three): tokens.size() is the page size.
  int32_t Find(Serial parent, std::span<const int32_t> tokens) const;
  // Enters `page`. REQUIRES: Find(parent, tokens) == -1, !Contains(page).
  Serial Insert(Serial parent, std::span<const int32_t> tokens, int32_t page);
  void Erase(int32_t page);

  bool Contains(int32_t page) const { return entries_[page].serial != kRoot; }
  Serial SerialOf(int32_t page) const { return entries_[page].serial; }

  // A number that two sequences share if (and, but for hash collisions, only
  // if) they stand behind the same entry and go on with the same page of
  // tokens. Never 0.
  static uint64_t Key(Serial parent, std::span<const int32_t> tokens);

  // kCorrupt where an entry is not in its bucket exactly once.
  Status CheckIntegrity() const;

 private:
  struct Entry {
    Serial serial = kRoot;  // kRoot: no entry
    Serial parent = kRoot;
    int32_t next = -1;  // in the bucket
  };

  size_t BucketOf(uint64_t key) const { return key & (buckets_.size() - 1); }
  std::span<const int32_t> TokensOf(int32_t page) const;

  int32_t page_size_;
  std::vector<Entry> entries_;    // [pages]
  std::vector<int32_t> tokens_;   // [pages, page_size]
  std::vector<int32_t> buckets_;  // first page of each chain, -1: none
  Serial last_serial_ = kRoot;
};

}  // namespace qed

#endif  // QED_KV_PREFIX_INDEX_H_
