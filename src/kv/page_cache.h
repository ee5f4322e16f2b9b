// The pages of all sequences: page tables over one pool and one prefix index.
//
// Only full pages are shared, and a full page is never written again, so there
// is nothing to copy on write. The page that a sequence is still filling is its
// own.
#ifndef QED_KV_PAGE_CACHE_H_
#define QED_KV_PAGE_CACHE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "kv/page_pool.h"
#include "kv/prefix_index.h"

namespace qed {

// One sequence's pages: position p lies in pages[p / page_size].
struct PageTable {
  std::vector<int32_t> pages;
  int32_t published = 0;  // leading full pages that were offered to the index
  PrefixIndex::Serial chain = PrefixIndex::kRoot;  // the entry of the last of them
};

// Not thread-safe. Allocates nothing after its constructor as long as the page
// tables have their capacity.
class PageCache {
 public:
  // Without `share_prefixes` nothing is remembered and nothing found.
  PageCache(int32_t num_pages, int32_t page_size, bool share_prefixes);

  const PagePool& pool() const { return pool_; }
  int32_t page_size() const { return page_size_; }
  int32_t PagesFor(int64_t tokens) const {
    return static_cast<int32_t>((tokens + page_size_ - 1) / page_size_);
  }

  // What the index knows of a sequence's beginning.
  struct Match {
    int32_t pages = 0;      // leading full pages found
    int32_t idle = 0;       // of them, cached: claiming them takes from available()
    uint64_t next_key = 0;  // PrefixIndex::Key of the full page behind them; 0: none
  };
  // Looks for all full pages of `tokens` but one token: the last must be
  // computed, for its logits.
  Match Lookup(std::span<const int32_t> tokens) const;
  // Puts the pages that Lookup finds into an empty table. Returns their number.
  int32_t Claim(std::span<const int32_t> tokens, PageTable& table);

  // Key of the page that the sequence fills next, if `tokens` fill it; else 0.
  uint64_t NextKey(std::span<const int32_t> tokens, const PageTable& table) const;

  // Takes pages until the table has room for `num_tokens`.
  // REQUIRES: that many are available.
  void Extend(PageTable& table, int64_t num_tokens);
  // Offers the full pages among the first `computed` tokens to the index.
  void Publish(std::span<const int32_t> tokens, int32_t computed, PageTable& table);
  // Gives back the pages behind those of the first `num_tokens`.
  // REQUIRES: none of them was published.
  void Trim(PageTable& table, int64_t num_tokens);
  // Gives all pages back, the last first, so that the beginning of a sequence,
  // which others are likeliest to share, is evicted last.
  void Free(PageTable& table);

  // Pages of the table that nobody else holds: what Free would make available.
  int32_t ExclusivePages(const PageTable& table) const;

  // kCorrupt where pool, index and `tables` (all there are) contradict one another.
  Status CheckIntegrity(std::span<const PageTable* const> tables) const;

 private:
  int32_t page_size_;
  bool share_prefixes_;
  PagePool pool_;
  PrefixIndex index_;
};

}  // namespace qed

#endif  // QED_KV_PAGE_CACHE_H_
