// Who holds which page of the KV cache: counts and ids only, no bytes.
//
// A page is in exactly one of three states:
//   free    nobody holds it and nothing remembers its content
//   used    held by one or more sequences (reference count above 0)
//   cached  held by nobody, but the prefix index remembers its content; the
//           least recently used one is taken when no page is free
// and free + used + cached == total, always (CheckIntegrity).
#ifndef QED_KV_PAGE_POOL_H_
#define QED_KV_PAGE_POOL_H_

#include <cstdint>
#include <vector>

#include "base/status.h"

namespace qed {

// Not thread-safe: owned by the engine's step thread. Allocates nothing after
// its constructor.
class PagePool {
 public:
  explicit PagePool(int32_t num_pages);

  int32_t total() const { return static_cast<int32_t>(pages_.size()); }
  int32_t free() const { return static_cast<int32_t>(free_.size()); }
  int32_t cached() const { return cached_; }
  int32_t used() const { return total() - free() - cached(); }
  // What Take can hand out.
  int32_t available() const { return free() + cached(); }

  // A page with one reference. `was_cached` tells that a cached page was taken:
  // the index must forget it.
  // REQUIRES: available() > 0.
  int32_t Take(bool* was_cached);
  // One more holder of a used or cached page.
  void AddReference(int32_t page);
  // One holder less. The last one leaves the page cached if it is remembered
  // (as the most recently used), else free.
  // REQUIRES: references(page) > 0.
  void Release(int32_t page);

  // The index remembers, or no longer remembers, a used page's content.
  void SetRemembered(int32_t page, bool remembered);

  int32_t references(int32_t page) const { return pages_[page].references; }
  bool remembered(int32_t page) const { return pages_[page].remembered; }

  // kCorrupt, saying what is wrong, where a count or a list contradicts another.
  Status CheckIntegrity() const;

 private:
  struct Page {
    int32_t references = 0;
    bool remembered = false;
    int32_t older = -1;  // neighbours in the list of cached pages
    int32_t newer = -1;
  };

  void LinkNewest(int32_t page);
  void Unlink(int32_t page);

  std::vector<Page> pages_;
  std::vector<int32_t> free_;  // a stack
  int32_t oldest_ = -1;        // ends of the list of cached pages
  int32_t newest_ = -1;
  int32_t cached_ = 0;
};

}  // namespace qed

#endif  // QED_KV_PAGE_POOL_H_
