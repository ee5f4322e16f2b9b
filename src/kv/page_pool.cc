#include "kv/page_pool.h"

#include <string>

#include "base/check.h"

namespace qed {

PagePool::PagePool(int32_t num_pages) {
  QED_CHECK_GE(num_pages, 1);
  pages_.resize(num_pages);
  free_.reserve(num_pages);
  for (int32_t page = num_pages - 1; page >= 0; --page) free_.push_back(page);
}

int32_t PagePool::Take(bool* was_cached) {
  QED_CHECK(available() > 0) << "a page was asked for that the plan did not count";
  *was_cached = free_.empty();
  int32_t page;
  if (free_.empty()) {
    page = oldest_;
    Unlink(page);
    pages_[page].remembered = false;
  } else {
    page = free_.back();
    free_.pop_back();
  }
  pages_[page].references = 1;
  return page;
}

void PagePool::AddReference(int32_t page) {
  Page& p = pages_[page];
  QED_CHECK(p.references > 0 || p.remembered) << "page " << page << " is free";
  if (p.references == 0) Unlink(page);
  ++p.references;
}

void PagePool::Release(int32_t page) {
  Page& p = pages_[page];
  QED_CHECK(p.references > 0) << "page " << page << " is held by nobody";
  if (--p.references > 0) return;
  if (p.remembered) {
    LinkNewest(page);
  } else {
    free_.push_back(page);
  }
}

void PagePool::SetRemembered(int32_t page, bool remembered) {
  QED_CHECK(pages_[page].references > 0) << "page " << page << " is held by nobody";
  pages_[page].remembered = remembered;
}

void PagePool::LinkNewest(int32_t page) {
  Page& p = pages_[page];
  p.older = newest_;
  p.newer = -1;
  if (newest_ >= 0) {
    pages_[newest_].newer = page;
  } else {
    oldest_ = page;
  }
  newest_ = page;
  ++cached_;
}

void PagePool::Unlink(int32_t page) {
  Page& p = pages_[page];
  (p.older >= 0 ? pages_[p.older].newer : oldest_) = p.newer;
  (p.newer >= 0 ? pages_[p.newer].older : newest_) = p.older;
  p.older = p.newer = -1;
  --cached_;
}

Status PagePool::CheckIntegrity() const {
  const auto wrong = [](const char* what, int32_t page) {
    return Corrupt("page " + std::to_string(page) + ": " + what);
  };
  std::vector<char> listed(pages_.size(), 0);
  for (int32_t page : free_) {
    if (listed[page]++) return wrong("twice in the free list", page);
    if (pages_[page].references != 0) return wrong("free but held", page);
    if (pages_[page].remembered) return wrong("free but remembered", page);
  }
  int32_t in_list = 0;
  for (int32_t page = oldest_, older = -1; page >= 0; older = page, page = pages_[page].newer) {
    if (listed[page]++) return wrong("twice in the lists", page);
    if (pages_[page].references != 0) return wrong("cached but held", page);
    if (!pages_[page].remembered) return wrong("cached but not remembered", page);
    if (pages_[page].older != older) return wrong("linked in one direction only", page);
    ++in_list;
  }
  if (in_list != cached_) return Corrupt("the count of cached pages is wrong");
  int32_t held = 0;
  for (int32_t page = 0; page < total(); ++page) {
    if (pages_[page].references < 0) return wrong("negative reference count", page);
    if (pages_[page].references > 0) ++held;
    if (pages_[page].references == 0 && !listed[page]) return wrong("lost", page);
  }
  if (held != used()) return Corrupt("free, used and cached pages do not add up to the total");
  return OkStatus();
}

}  // namespace qed
