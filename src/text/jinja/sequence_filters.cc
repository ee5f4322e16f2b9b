#include <algorithm>
#include <charconv>
#include <utility>

#include "text/jinja/arguments.h"
#include "text/jinja/filters.h"
#include "text/jinja/py_string.h"

namespace qed::jinja {
namespace {

struct Keyed {
  Value key;
  Value item;
};

// Every item beside what it is compared by: itself or one of its attributes,
// without case unless asked for.
Result<std::vector<Keyed>> KeyItems(const std::vector<Value>& items, const Value& attribute,
                                    bool case_sensitive) {
  std::vector<Keyed> keyed;
  for (const Value& item : items) {
    Value key = item;
    if (!attribute.is_undefined() && !attribute.is_none()) {
      QED_ASSIGN_OR_RETURN(key, GetAttributePath(item, attribute));
    }
    if (!case_sensitive && key.is_string()) {
      QED_ASSIGN_OR_RETURN(std::string lower, Lower(key.string()));
      key = Value(std::move(lower));
    }
    keyed.push_back({std::move(key), item});
  }
  return keyed;
}

// Stable. kUnsupported: keys that are not all numbers or all strings.
Result<std::vector<Value>> SortKeyed(std::vector<Keyed> keyed, bool reverse) {
  const auto all = [&](bool (Value::*is)() const) {
    return std::ranges::all_of(keyed, [&](const Keyed& entry) { return (entry.key.*is)(); });
  };
  if (!all(&Value::is_number) && !all(&Value::is_string)) {
    return Unsupported("sorting what is not all numbers or all strings");
  }
  const auto less = [](const Keyed& a, const Keyed& b) {
    const Result<bool> result = Less(a.key, b.key);
    return result.ok() && *result;
  };
  if (reverse) {
    std::ranges::stable_sort(keyed, [&](const Keyed& a, const Keyed& b) { return less(b, a); });
  } else {
    std::ranges::stable_sort(keyed, less);
  }
  std::vector<Value> items;
  for (Keyed& entry : keyed) items.push_back(std::move(entry.item));
  return items;
}

Result<Value> Extreme(const Value& input, const Arguments& arguments, Budget& budget,
                      bool largest) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"case_sensitive", "attribute"}));
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  if (items.empty()) return Value::MakeUndefined("an item of nothing");
  QED_ASSIGN_OR_RETURN(const auto keyed, KeyItems(items, bound[1], bound[0].Truthy()));
  const Keyed* best = &keyed[0];
  for (const Keyed& entry : keyed) {
    QED_ASSIGN_OR_RETURN(const bool better,
                         largest ? Less(best->key, entry.key) : Less(entry.key, best->key));
    if (better) best = &entry;
  }
  return best->item;
}

// select, reject and the two with an attribute.
Result<Value> Choose(const Value& input, const Arguments& arguments, Budget& budget,
                     bool by_attribute, bool wanted) {
  if (!arguments.named.empty()) return InvalidArgument("takes no named arguments");
  const std::vector<Value>& given = arguments.positional;
  const size_t test_index = by_attribute ? 1 : 0;
  if (by_attribute && given.empty()) return InvalidArgument("needs an attribute");
  std::string test;
  Arguments rest;
  if (given.size() > test_index) {
    if (!given[test_index].is_string() || !IsTest(given[test_index].string())) {
      return Unsupported("a test that is not known");
    }
    test = given[test_index].string();
    rest.positional.assign(given.begin() + static_cast<int64_t>(test_index) + 1, given.end());
  }
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  std::vector<Value> chosen;
  for (const Value& item : items) {
    QED_RETURN_IF_ERROR(budget.Step());
    Value subject = item;
    if (by_attribute) {
      QED_ASSIGN_OR_RETURN(subject, GetAttributePath(item, given[0]));
    }
    bool holds = subject.Truthy();
    if (!test.empty()) {
      QED_ASSIGN_OR_RETURN(holds, ApplyTest(test, subject, rest));
    }
    if (holds == wanted) chosen.push_back(item);
  }
  return MakeList(std::move(chosen));
}

Value Pair(const std::string& key, const Value& value) {
  Result<Value> pair = MakeList({Value(key), value}, true);
  return pair.ok() ? *std::move(pair) : Value::MakeUndefined("a value nested too deep");
}

}  // namespace

Result<Value> GetAttributePath(const Value& item, const Value& path) {
  if (path.is_int()) return GetItem(item, path);
  if (!path.is_string()) return InvalidArgument("an attribute is a name");
  const std::string dot = ".";
  Value value = item;
  for (std::string_view part : Split(path.string(), &dot, -1)) {
    int64_t index = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = parsed.ec == std::errc() && parsed.ptr == part.data() + part.size();
    QED_ASSIGN_OR_RETURN(value, GetItem(value, number ? Value(index) : Value(std::string(part))));
  }
  return value;
}

Result<Value> ListFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(auto items, Iterate(input, budget));
  return MakeList(std::move(items));
}

Result<Value> ItemsFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.is_undefined()) return MakeList({});
  if (!input.is_dict()) return InvalidArgument("wants a dict");
  std::vector<Value> items;
  for (const auto& [key, value] : input.dict().entries) {
    QED_RETURN_IF_ERROR(budget.Charge(key.size() + 4 * sizeof(Value)));
    items.push_back(Pair(key, value));
  }
  return MakeList(std::move(items));
}

Result<Value> FirstFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  return items.empty() ? Value::MakeUndefined("the first of nothing") : items.front();
}

Result<Value> LastFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  return items.empty() ? Value::MakeUndefined("the last of nothing") : items.back();
}

Result<Value> ReverseFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(auto items, Iterate(input, budget));
  std::ranges::reverse(items);
  if (!input.is_string()) return MakeList(std::move(items));
  std::string out;
  for (const Value& c : items) out += c.string();
  return Value(std::move(out));
}

Result<Value> SortFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound,
                       Bind(arguments, {"reverse", "case_sensitive", "attribute"}));
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  QED_ASSIGN_OR_RETURN(auto keyed, KeyItems(items, bound[2], bound[1].Truthy()));
  QED_ASSIGN_OR_RETURN(auto sorted, SortKeyed(std::move(keyed), bound[0].Truthy()));
  return MakeList(std::move(sorted));
}

Result<Value> DictSortFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"case_sensitive", "by", "reverse"}));
  QED_ASSIGN_OR_RETURN(const Value pairs, ItemsFilter(input, {}, budget));
  const bool by_value = bound[1].is_string() && bound[1].string() == "value";
  QED_ASSIGN_OR_RETURN(auto keyed, KeyItems(pairs.list().items, Value(int64_t{by_value ? 1 : 0}),
                                            bound[0].Truthy()));
  QED_ASSIGN_OR_RETURN(auto sorted, SortKeyed(std::move(keyed), bound[2].Truthy()));
  return MakeList(std::move(sorted));
}

Result<Value> UniqueFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"case_sensitive", "attribute"}));
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  QED_ASSIGN_OR_RETURN(const auto keyed, KeyItems(items, bound[1], bound[0].Truthy()));
  std::vector<Value> seen, unique;
  for (const Keyed& entry : keyed) {
    bool known = false;
    for (const Value& key : seen) {
      QED_RETURN_IF_ERROR(budget.Step());
      known = known || Equal(key, entry.key);
    }
    if (known) continue;
    seen.push_back(entry.key);
    unique.push_back(entry.item);
  }
  return MakeList(std::move(unique));
}

Result<Value> SumFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"attribute", "start"}));
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  QED_ASSIGN_OR_RETURN(const auto keyed, KeyItems(items, bound[0], true));
  Value sum = bound[1].is_undefined() ? Value(int64_t{0}) : bound[1];
  for (const Keyed& entry : keyed) {
    QED_ASSIGN_OR_RETURN(sum, ApplyBinary("+", sum, entry.key, budget));
  }
  return sum;
}

Result<Value> MinFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  return Extreme(input, arguments, budget, false);
}
Result<Value> MaxFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  return Extreme(input, arguments, budget, true);
}

Result<Value> MapFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto items, Iterate(input, budget));
  std::vector<Value> mapped;
  const bool by_filter = !arguments.positional.empty();
  if (by_filter &&
      (!arguments.positional[0].is_string() || !IsFilter(arguments.positional[0].string()) ||
       arguments.positional[0].string() == "map")) {
    return Unsupported("a filter that is not known");
  }
  Arguments rest;
  if (by_filter) {
    rest.positional.assign(arguments.positional.begin() + 1, arguments.positional.end());
    rest.named = arguments.named;
  }
  Arguments named;
  if (!by_filter) named.named = arguments.named;
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(named, {"attribute", "default"}, by_filter ? 0 : 1));
  for (const Value& item : items) {
    QED_RETURN_IF_ERROR(budget.Step());
    Value value;
    if (by_filter) {
      QED_ASSIGN_OR_RETURN(value,
                           ApplyFilter(arguments.positional[0].string(), item, rest, budget));
    } else {
      QED_ASSIGN_OR_RETURN(value, GetAttributePath(item, bound[0]));
      if (value.is_undefined() && !bound[1].is_undefined()) value = bound[1];
    }
    mapped.push_back(std::move(value));
  }
  return MakeList(std::move(mapped));
}

Result<Value> SelectFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  return Choose(input, arguments, budget, false, true);
}
Result<Value> RejectFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  return Choose(input, arguments, budget, false, false);
}
Result<Value> SelectAttrFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  return Choose(input, arguments, budget, true, true);
}
Result<Value> RejectAttrFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  return Choose(input, arguments, budget, true, false);
}

}  // namespace qed::jinja
