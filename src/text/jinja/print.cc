#include "text/jinja/print.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/unicode.h"

namespace qed::jinja {
namespace {

// repr() of a float: the shortest digits that read back the same, with an
// exponent below 1e-4 and from 1e16 on.
std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer;
  const auto end =
      std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::scientific);
  const std::string text(buffer.begin(), end.ptr);
  const int exponent = std::stoi(text.substr(text.find('e') + 1));
  if (exponent < -4 || exponent >= 16) return text;
  const auto fixed = std::to_chars(buffer.begin(), buffer.end(), value, std::chars_format::fixed);
  const std::string plain(buffer.begin(), fixed.ptr);
  return plain.find('.') == std::string::npos ? plain + ".0" : plain;
}

void AddHex(const char* format, uint32_t code, TextBuilder& out) {
  std::array<char, 16> buffer;
  std::snprintf(buffer.data(), buffer.size(), format, code);
  out.Add(buffer.data());
}

// Adds the text, but for the characters for which `escape` adds something else
// and returns true.
template <typename Escape>
void AddEscaped(std::string_view text, TextBuilder& out, Escape escape) {
  size_t plain = 0;  // where what is still to be added as it stands begins
  for (size_t pos = 0; pos < text.size();) {
    const DecodedChar c = DecodeUtf8(text, pos);
    const std::string_view before = text.substr(plain, pos - plain);
    if (escape(c.code, before)) plain = pos + c.length;
    pos += c.length;
  }
  out.Add(text.substr(plain));
}

// What str.isprintable() says no to: separators, controls, formats, private use.
bool IsPrintable(uint32_t code) {
  if (code == ' ') return true;
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0xA0);
  const bool format = code == 0xAD || (code >= 0x200B && code <= 0x200F) ||
                      (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) ||
                      code == 0xFEFF || (code >= 0xFFF0 && code <= 0xFFFB);
  const bool private_use = (code >= 0xE000 && code <= 0xF8FF) || code >= 0xE0000;
  return !control && !format && !private_use && !IsSpace(code);
}

void AddStringRepr(const std::string& text, TextBuilder& out) {
  const bool has_single = text.find('\'') != std::string::npos;
  const bool has_double = text.find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  out.Add(1, quote);
  AddEscaped(text, out, [&](uint32_t code, std::string_view before) {
    const bool backslash = code == static_cast<uint32_t>(quote) || code == '\\';
    const char* const name = code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t";
    const bool named = code == '\n' || code == '\r' || code == '\t';
    if (!backslash && !named && IsPrintable(code)) return false;
    out.Add(before);
    if (named) {
      out.Add(name);
    } else if (backslash) {
      out.Add(1, '\\');
      out.Add(1, static_cast<char>(code));
    } else {
      AddHex(code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code, out);
    }
    return true;
  });
  out.Add(1, quote);
}

Status AddRepr(const Value& value, TextBuilder& out);

Status AddListRepr(const List& list, TextBuilder& out) {
  out.Add(1, list.is_tuple ? '(' : '[');
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (i > 0) out.Add(", ");
    QED_RETURN_IF_ERROR(AddRepr(list.items[i], out));
  }
  if (list.is_tuple && list.items.size() == 1) out.Add(",");
  out.Add(1, list.is_tuple ? ')' : ']');
  return OkStatus();
}

Status AddDictRepr(const Dict& dict, TextBuilder& out) {
  out.Add("{");
  for (const auto& entry : dict.entries()) {
    if (&entry != &dict.entries().front()) out.Add(", ");
    AddStringRepr(entry.first, out);
    out.Add(": ");
    QED_RETURN_IF_ERROR(AddRepr(entry.second, out));
  }
  out.Add("}");
  return OkStatus();
}

Status AddRepr(const Value& value, TextBuilder& out) {
  if (value.is_list()) return AddListRepr(value.list(), out);
  if (value.is_dict()) return AddDictRepr(value.dict(), out);
  if (value.is_none()) {
    out.Add("None");
  } else if (value.is_undefined()) {
    out.Add("Undefined");
  } else if (value.is_bool()) {
    out.Add(value.boolean() ? "True" : "False");
  } else if (value.is_int()) {
    out.Add(std::to_string(value.integer()));
  } else if (value.is_float()) {
    out.Add(FloatRepr(value.number()));
  } else if (value.is_string()) {
    AddStringRepr(value.string(), out);
  } else {
    return InvalidArgument(std::string("a value of type ") + value.TypeName() + " is not text");
  }
  return OkStatus();
}

void AddJsonString(const std::string& text, bool ensure_ascii, TextBuilder& out) {
  out.Add("\"");
  AddEscaped(text, out, [&](uint32_t code, std::string_view before) {
    constexpr std::string_view kEscaped = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
    const size_t escape =
        code < 0x80 ? kEscaped.find(static_cast<char>(code)) : std::string_view::npos;
    const bool named = escape != std::string_view::npos;
    if (!named && code >= 0x20 && (!ensure_ascii || code <= 0x7E)) return false;
    out.Add(before);
    if (named) {
      out.Add(1, '\\');
      out.Add(1, kLetters[escape]);
    } else if (code < 0x10000) {
      AddHex("\\u%04x", code, out);
    } else {
      AddHex("\\u%04x", 0xD800 + ((code - 0x10000) >> 10 & 0x3FF), out);
      AddHex("\\u%04x", 0xDC00 + ((code - 0x10000) & 0x3FF), out);
    }
    return true;
  });
  out.Add("\"");
}

class JsonWriter {
 public:
  JsonWriter(const JsonFormat& format, TextBuilder& out) : format_(format), out_(out) {}

  Status Write(const Value& value) {
    if (value.is_list()) return WriteList(value.list());
    if (value.is_dict()) return WriteDict(value.dict());
    if (value.is_none()) {
      out_.Add("null");
    } else if (value.is_bool()) {
      out_.Add(value.boolean() ? "true" : "false");
    } else if (value.is_int()) {
      out_.Add(std::to_string(value.integer()));
    } else if (value.is_float()) {
      const double number = value.number();
      out_.Add(std::isnan(number)   ? "NaN"
               : std::isinf(number) ? (number < 0 ? "-Infinity" : "Infinity")
                                    : FloatRepr(number));
    } else if (value.is_string()) {
      AddJsonString(value.string(), format_.ensure_ascii, out_);
    } else {
      return InvalidArgument(std::string("tojson of a value of type ") + value.TypeName());
    }
    return OkStatus();
  }

 private:
  Status WriteList(const List& list) {
    if (list.items.empty()) return Put("[]");
    Open('[');
    for (size_t i = 0; i < list.items.size(); ++i) {
      BeginItem(i);
      QED_RETURN_IF_ERROR(Write(list.items[i]));
    }
    Close(']');
    return OkStatus();
  }

  Status WriteDict(const Dict& dict) {
    if (dict.size() == 0) return Put("{}");
    std::vector<const std::pair<std::string, Value>*> entries;
    for (const auto& entry : dict.entries()) entries.push_back(&entry);
    if (format_.sort_keys) {
      std::ranges::sort(entries, {},
                        [](const auto* entry) -> std::string_view { return entry->first; });
    }
    Open('{');
    for (size_t i = 0; i < entries.size(); ++i) {
      BeginItem(i);
      AddJsonString(entries[i]->first, format_.ensure_ascii, out_);
      out_.Add(format_.key_separator);
      QED_RETURN_IF_ERROR(Write(entries[i]->second));
    }
    Close('}');
    return OkStatus();
  }

  Status Put(std::string_view text) {
    out_.Add(text);
    return OkStatus();
  }
  void Open(char bracket) {
    out_.Add(1, bracket);
    ++level_;
  }
  void Close(char bracket) {
    --level_;
    NewLine();
    out_.Add(1, bracket);
  }
  void BeginItem(size_t index) {
    if (index > 0) out_.Add(format_.item_separator);
    NewLine();
  }
  void NewLine() {
    if (format_.indent < 0) return;
    out_.Add("\n");
    out_.Add(static_cast<size_t>(format_.indent) * static_cast<size_t>(level_), ' ');
  }

  const JsonFormat& format_;
  TextBuilder& out_;
  int level_ = 0;
};

}  // namespace

Status PrintValue(const Value& value, TextBuilder& out) {
  if (value.is_undefined()) return OkStatus();
  if (!value.is_string()) return AddRepr(value, out);
  out.Add(value);
  return OkStatus();
}

Status PrintJson(const Value& value, const JsonFormat& format, TextBuilder& out) {
  return JsonWriter(format, out).Write(value);
}

}  // namespace qed::jinja
