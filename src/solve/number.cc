#include "solve/number.h"

#include <algorithm>

namespace qed {
namespace {

// Products of two parts must fit 128 bits.
constexpr size_t kMaxPartDigits = 18;

using Wide = unsigned __int128;

// A number without a sign: digits with the point taken out.
struct Decimal {
  std::string whole;     // without leading zeros; may be empty
  std::string fraction;  // without trailing zeros; may be empty
};

struct Fraction {
  Wide numerator = 0;
  Wide denominator = 1;
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view Trim(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

// "1,234,567": groups of three after the first. Empty on a misplaced comma.
std::string DropThousandsSeparators(std::string_view whole) {
  if (whole.find(',') == std::string_view::npos) return std::string(whole);
  std::string digits;
  size_t group = 0;
  bool first = true;
  for (char c : whole) {
    if (c != ',') {
      digits += c;
      ++group;
      continue;
    }
    if (group == 0 || group > 3 || (!first && group != 3)) return "";
    if (first && digits.front() == '0') return "";  // "0,100" is a list
    first = false;
    group = 0;
  }
  return group == 3 ? digits : "";
}

std::optional<Decimal> ParseDecimal(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole_text = text.substr(0, point);
  const std::string_view fraction_text =
      point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  const std::string whole = DropThousandsSeparators(whole_text);
  if (whole.empty() && !whole_text.empty()) return std::nullopt;
  if (whole.empty() && fraction_text.empty()) return std::nullopt;
  for (char c : whole) {
    if (!IsDigit(c)) return std::nullopt;
  }
  for (char c : fraction_text) {
    if (!IsDigit(c)) return std::nullopt;
  }
  Decimal decimal;
  decimal.whole = whole.substr(std::min(whole.find_first_not_of('0'), whole.size()));
  decimal.fraction = std::string(fraction_text.substr(0, fraction_text.find_last_not_of('0') + 1));
  return decimal;
}

// None where the digits do not fit.
std::optional<Fraction> ToFraction(const Decimal& decimal) {
  if (decimal.whole.size() + decimal.fraction.size() > kMaxPartDigits) return std::nullopt;
  Fraction result;
  for (char c : decimal.whole + decimal.fraction) {
    result.numerator = result.numerator * 10 + static_cast<Wide>(c - '0');
  }
  for (size_t i = 0; i < decimal.fraction.size(); ++i) result.denominator *= 10;
  return result;
}

Wide Gcd(Wide a, Wide b) {
  while (b != 0) {
    const Wide rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

std::string ToText(Wide value) {
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return digits;
}

// The digits behind the point of a fraction below 1; none if they do not end soon.
std::optional<std::string> DecimalDigits(Fraction value) {
  constexpr size_t kMaxDigits = 64;  // more than any denominator of 64 bits needs
  std::string digits;
  while (value.numerator != 0) {
    if (digits.size() == kMaxDigits) return std::nullopt;
    value.numerator *= 10;
    digits += static_cast<char>('0' + static_cast<int>(value.numerator / value.denominator));
    value.numerator %= value.denominator;
  }
  return digits;
}

std::string ToText(bool negative, Fraction value) {
  // Above it, a decimal says more to a reader than a fraction, if there is one.
  constexpr Wide kMaxShownDenominator = 1000;
  const Wide divisor = Gcd(value.numerator, value.denominator);
  value.numerator /= divisor;
  value.denominator /= divisor;
  std::string text = negative && value.numerator != 0 ? "-" : "";
  if (value.denominator > kMaxShownDenominator) {
    const Fraction rest{value.numerator % value.denominator, value.denominator};
    if (const std::optional<std::string> digits = DecimalDigits(rest)) {
      return text + ToText(value.numerator / value.denominator) + "." + *digits;
    }
  }
  text += ToText(value.numerator);
  if (value.denominator != 1) {
    text += '/';
    text += ToText(value.denominator);
  }
  return text;
}

std::string ToText(bool negative, const Decimal& decimal) {
  if (decimal.whole.empty() && decimal.fraction.empty()) return "0";
  std::string text = negative ? "-" : "";
  text += decimal.whole.empty() ? "0" : decimal.whole;
  if (!decimal.fraction.empty()) text += "." + decimal.fraction;
  return text;
}

std::optional<Fraction> ParsePart(std::string_view text) {
  const std::optional<Decimal> decimal = ParseDecimal(Trim(text));
  return decimal ? ToFraction(*decimal) : std::nullopt;
}

std::optional<Fraction> Divide(const Fraction& a, const Fraction& b) {
  if (b.numerator == 0) return std::nullopt;
  return Fraction{a.numerator * b.denominator, a.denominator * b.numerator};
}

// "a/b" or "w a/b" (then all three are whole numbers).
std::optional<Fraction> ParseQuotient(std::string_view text, size_t slash) {
  const std::string_view left = Trim(text.substr(0, slash));
  const std::optional<Fraction> below = ParsePart(text.substr(slash + 1));
  if (!below) return std::nullopt;
  const size_t space = left.find(' ');
  if (space == std::string_view::npos) {
    const std::optional<Fraction> above = ParsePart(left);
    return above ? Divide(*above, *below) : std::nullopt;
  }
  const std::optional<Fraction> whole = ParsePart(left.substr(0, space));
  const std::optional<Fraction> above = ParsePart(left.substr(space));
  if (!whole || !above || whole->denominator != 1 || above->denominator != 1 ||
      below->denominator != 1 || below->numerator == 0) {
    return std::nullopt;
  }
  return Fraction{whole->numerator * below->numerator + above->numerator, below->numerator};
}

}  // namespace

std::optional<std::string> CanonicalNumber(std::string_view text) {
  text = Trim(text);
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text = Trim(text.substr(1));
  }
  const size_t slash = text.find('/');
  if (slash != std::string_view::npos) {
    const std::optional<Fraction> value = ParseQuotient(text, slash);
    if (!value) return std::nullopt;
    return ToText(negative, *value);
  }
  const std::optional<Decimal> decimal = ParseDecimal(text);
  if (!decimal) return std::nullopt;
  const std::optional<Fraction> value = ToFraction(*decimal);
  return value ? ToText(negative, *value) : ToText(negative, *decimal);
}

}  // namespace qed
