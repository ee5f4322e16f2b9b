// What a GPU's memory is given to, worked out before any of it is taken.
#ifndef QED_MODEL_DEVICE_MEMORY_PLAN_H_
#define QED_MODEL_DEVICE_MEMORY_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace qed {

struct DeviceMemoryPlan {
  struct Item {
    std::string name;
    int64_t bytes = 0;
  };
  std::string device;       // "cuda:0 (NVIDIA H100 80GB HBM3)"
  std::vector<Item> items;  // what is taken, the KV pages last
  int64_t free_bytes = 0;   // before anything was taken
  int64_t total_bytes = 0;
  int32_t num_pages = 0;
  int64_t page_bytes = 0;  // keys and values of all layers
  int32_t page_size = 0;   // tokens

  // Gives fewer pages than it has, as other ranks have no room for more. REQUIRES: GivePages.
  void TakePages(int32_t pages);
  // One line an item: its bytes, its share of all of the memory.
  std::string Table() const;
};

// Most pages: the host keeps count of each, and a token's place (page * page size +
// place in the page) must fit 32 bits.
inline constexpr int32_t kMaxDevicePages = 1 << 20;

// Gives pages `fraction` of what `plan.items` leave free, as many as fit, and adds
// them to the items. `holders`: who else holds memory, for the message; may be empty.
// kResourceExhausted, with the shortfall in bytes, where the items and
// `min_pages` do not fit.
Status GivePages(double fraction, int32_t min_pages, const std::string& holders,
                 DeviceMemoryPlan& plan);

}  // namespace qed

#endif  // QED_MODEL_DEVICE_MEMORY_PLAN_H_
