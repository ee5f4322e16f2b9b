#include "model/device_memory_plan.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/check.h"

namespace qed {
namespace {

std::string Line(const std::string& name, int64_t bytes, int64_t total) {
  std::array<char, 128> line;
  std::snprintf(line.data(), line.size(), "  %-28s %8.2f GiB %6.1f %%\n", name.c_str(),
                static_cast<double>(bytes) / (1 << 30),
                100.0 * static_cast<double>(bytes) / static_cast<double>(total));
  return line.data();
}

int64_t Sum(const std::vector<DeviceMemoryPlan::Item>& items) {
  int64_t sum = 0;
  for (const DeviceMemoryPlan::Item& item : items) sum += item.bytes;
  return sum;
}

}  // namespace

void DeviceMemoryPlan::TakePages(int32_t pages) {
  QED_CHECK(pages >= 1 && pages <= num_pages);
  num_pages = pages;
  items.back().bytes = int64_t{pages} * page_bytes;
}

std::string DeviceMemoryPlan::Table() const {
  std::string text = "GPU memory, " + device + "\n";
  for (const Item& item : items) text += Line(item.name, item.bytes, total_bytes);
  text += Line("left free", free_bytes - Sum(items), total_bytes);
  text += Line("not ours", total_bytes - free_bytes, total_bytes);
  text += "  " + std::to_string(num_pages) + " pages of " + std::to_string(page_size) +
          " tokens: " + std::to_string(int64_t{num_pages} * page_size) + " tokens\n";
  return text;
}

Status GivePages(double fraction, int32_t min_pages, const std::string& holders,
                 DeviceMemoryPlan& plan) {
  QED_CHECK(fraction > 0 && fraction <= 1 && plan.page_bytes > 0);
  QED_CHECK(min_pages >= 1 && min_pages <= kMaxDevicePages);
  const int64_t taken = Sum(plan.items);
  const int64_t needed = taken + int64_t{min_pages} * plan.page_bytes;
  if (needed > plan.free_bytes) {
    std::string message = plan.device + ": " + std::to_string(needed) + " bytes are needed";
    for (const DeviceMemoryPlan::Item& item : plan.items) {
      message += (&item == &plan.items.front() ? " (" : ", ") + item.name + " " +
                 std::to_string(item.bytes);
    }
    message += plan.items.empty() ? "" : ")";
    message += " and " + std::to_string(plan.free_bytes) +
               " are free: " + std::to_string(needed - plan.free_bytes) + " bytes short";
    if (!holders.empty()) message += "; " + holders;
    return ResourceExhausted(message);
  }
  const auto given = static_cast<int64_t>(fraction * static_cast<double>(plan.free_bytes - taken));
  const int64_t pages = std::clamp<int64_t>(given / plan.page_bytes, min_pages, kMaxDevicePages);
  plan.num_pages = static_cast<int32_t>(pages);
  plan.items.push_back({"KV pages", pages * plan.page_bytes});
  return OkStatus();
}

}  // namespace qed
