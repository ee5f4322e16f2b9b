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
Result<std::vector<Keyed>> KeyItems(const Items& items, const Value& attribute, bool case_sensitive,
                                    Budget& budget) {
  // Sorting takes as much again.
  QED_RETURN_IF_ERROR(budget.Make(2 * items.size() * sizeof(Keyed)));
  std::vector<Keyed> keyed;
  for (const Value& item : items) {
    Value key = item;
    if (!attribute.is_undefined() && !attribute.is_none()) {
      QED_ASSIGN_OR_RETURN(key, GetAttributePath(item, attribute, budget));
    }
    if (!case_sensitive && key.is_string()) {
      TextBuilder lower(budget);
      QED_RETURN_IF_ERROR(Lower(key.string(), lower));
      QED_ASSIGN_OR_RETURN(key, lower.Finish());
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
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  if (items.empty()) return Value::MakeUndefined("an item of nothing");
  QED_ASSIGN_OR_RETURN(const auto keyed, KeyItems(items, bound[1], bound[0].Truthy(), budget));
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
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  ListBuilder chosen(budget);
  for (const Value& item : items) {
    Value subject = item;
    if (by_attribute) {
      QED_ASSIGN_OR_RETURN(subject, GetAttributePath(item, given[0], budget));
    }
    bool holds = subject.Truthy();
    if (!test.empty()) {
      QED_ASSIGN_OR_RETURN(holds, ApplyTest(test, subject, rest, budget));
    }
    if (holds == wanted) chosen.Add(item);
  }
  return chosen.Finish();
}

Result<Value> Pair(const std::string& key, const Value& value, Budget& budget) {
  QED_ASSIGN_OR_RETURN(Value text, MakeText(key, budget));
  return MakeList({std::move(text), value}, budget, true);
}

}  // namespace

Result<Value> GetAttributePath(const Value& item, const Value& path, Budget& budget) {
  if (path.is_int()) return GetItem(item, path, budget);
  if (!path.is_string()) return InvalidArgument("an attribute is a name");
  Value value = item;
  std::string_view rest = path.string();
  for (size_t dot = 0; dot != std::string_view::npos;) {
    dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    if (dot != std::string_view::npos) rest.remove_prefix(dot + 1);
    int64_t index = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool number = parsed.ec == std::errc() && parsed.ptr == part.data() + part.size();
    QED_ASSIGN_OR_RETURN(
        value, number ? GetItem(value, Value(index), budget) : GetAttribute(value, part, budget));
  }
  return value;
}

Result<Value> ListFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  return MakeList({items.begin(), items.end()}, budget);
}

Result<Value> ItemsFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  ListBuilder items(budget);
  if (input.is_undefined()) return items.Finish();
  if (!input.is_dict()) return InvalidArgument("wants a dict");
  for (const auto& [key, value] : input.dict().entries()) {
    QED_ASSIGN_OR_RETURN(Value pair, Pair(key, value, budget));
    items.Add(std::move(pair));
  }
  return items.Finish();
}

// The first or last item, key or character.
Result<Value> EndFilter(const Value& input, const Arguments& arguments, Budget& budget, bool last) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  Value end;
  if (input.is_string()) {
    QED_ASSIGN_OR_RETURN(end, GetItem(input, Value(int64_t{last ? -1 : 0}), budget));
  } else {
    QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
    if (!items.empty()) return items[last ? items.size() - 1 : 0];
    end = Value::MakeUndefined("");
  }
  return end.is_undefined()
             ? Value::MakeUndefined(last ? "the last of nothing" : "the first of nothing")
             : end;
}
Result<Value> FirstFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  return EndFilter(input, arguments, budget, false);
}
Result<Value> LastFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  return EndFilter(input, arguments, budget, true);
}

Result<Value> ReverseFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_RETURN_IF_ERROR(Bind(arguments, {}).status());
  if (input.is_string()) {
    TextBuilder out(budget);
    const std::string_view text = input.string();
    for (size_t end = text.size(); end > 0;) {
      const size_t begin = PreviousChar(text, end);
      out.Add(text.substr(begin, end - begin));
      end = begin;
    }
    return out.Finish();
  }
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  std::vector<Value> reversed(items.begin(), items.end());
  std::ranges::reverse(reversed);
  return MakeList(std::move(reversed), budget);
}

Result<Value> SortFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound,
                       Bind(arguments, {"reverse", "case_sensitive", "attribute"}));
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  QED_ASSIGN_OR_RETURN(auto keyed, KeyItems(items, bound[2], bound[1].Truthy(), budget));
  QED_ASSIGN_OR_RETURN(auto sorted, SortKeyed(std::move(keyed), bound[0].Truthy()));
  return MakeList(std::move(sorted), budget);
}

Result<Value> DictSortFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"case_sensitive", "by", "reverse"}));
  QED_ASSIGN_OR_RETURN(const Value pairs, ItemsFilter(input, {}, budget));
  const bool by_value = bound[1].is_string() && bound[1].string() == "value";
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(pairs, budget));
  QED_ASSIGN_OR_RETURN(
      auto keyed, KeyItems(items, Value(int64_t{by_value ? 1 : 0}), bound[0].Truthy(), budget));
  QED_ASSIGN_OR_RETURN(auto sorted, SortKeyed(std::move(keyed), bound[2].Truthy()));
  return MakeList(std::move(sorted), budget);
}

Result<Value> UniqueFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"case_sensitive", "attribute"}));
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  QED_ASSIGN_OR_RETURN(const auto keyed, KeyItems(items, bound[1], bound[0].Truthy(), budget));
  std::vector<const Value*> seen;
  ListBuilder unique(budget);
  for (const Keyed& entry : keyed) {
    const auto is_key = [&](const Value* key) { return Equal(*key, entry.key); };
    if (std::ranges::any_of(seen, is_key)) continue;
    seen.push_back(&entry.key);
    unique.Add(entry.item);
  }
  return unique.Finish();
}

Result<Value> SumFilter(const Value& input, const Arguments& arguments, Budget& budget) {
  QED_ASSIGN_OR_RETURN(const auto bound, Bind(arguments, {"attribute", "start"}));
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  QED_ASSIGN_OR_RETURN(const auto keyed, KeyItems(items, bound[0], true, budget));
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
  QED_ASSIGN_OR_RETURN(const Items items, Items::Of(input, budget));
  ListBuilder mapped(budget);
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
    Value value;
    if (by_filter) {
      QED_ASSIGN_OR_RETURN(value,
                           ApplyFilter(arguments.positional[0].string(), item, rest, budget));
    } else {
      QED_ASSIGN_OR_RETURN(value, GetAttributePath(item, bound[0], budget));
      if (value.is_undefined() && !bound[1].is_undefined()) value = bound[1];
    }
    mapped.Add(std::move(value));
  }
  return mapped.Finish();
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
