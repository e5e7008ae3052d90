#include "engine/expr/jsonata/date_picture.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/expr/jsonata/error.h"

namespace millrace::jsonata_internal {
namespace {

constexpr absl::string_view kIntegerComponents = "YMDdFWwXxHhmsf";

// How a component is written where its marker does not say; "" where there is no such component.
absl::string_view DefaultPresentation(char component) {
  switch (component) {
    case 'Y':
    case 'M':
    case 'D':
    case 'd':
    case 'W':
    case 'w':
    case 'X':
    case 'x':
    case 'H':
    case 'h':
    case 'f':
      return "1";
    case 'F':
    case 'P':
    case 'C':
    case 'E':
      return "n";
    case 'm':
    case 's':
      return "01";
    case 'Z':
    case 'z':
      return "01:01";
    default:
      return "";
  }
}

std::optional<size_t> ParseWidth(absl::string_view text) {
  size_t width;
  if (!absl::SimpleAtoi(text, &width)) return std::nullopt;
  return std::min<size_t>(width, 1000);
}

}  // namespace

const DatePicture& DatePicture::Iso8601() {
  static const auto* const kPicture =
      new DatePicture(Parse("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"));
  return *kPicture;
}

DatePicture DatePicture::Parse(absl::string_view picture) {
  DatePicture parsed;
  size_t start = 0;
  size_t at = 0;
  while ((at = picture.find('[', at)) != absl::string_view::npos) {
    parsed.AddLiteral(picture.substr(start, at - start));
    if (picture.substr(at, 2) == "[[") {
      parsed.parts_.push_back({.literal = "["});
      start = at += 2;
      continue;
    }
    const size_t end = picture.find(']', at);
    if (end == absl::string_view::npos) Fail("D3135");
    parsed.AddMarker(picture.substr(at + 1, end - at - 1));
    start = at = end + 1;
  }
  parsed.AddLiteral(picture.substr(start));
  return parsed;
}

void DatePicture::AddLiteral(absl::string_view text) {
  if (!text.empty()) parts_.push_back({.literal = absl::StrReplaceAll(text, {{"]]", "]"}})});
}

// As in `[D01o,2-3]`: component, presentation, second presentation, least and greatest width.
void DatePicture::AddMarker(absl::string_view marker) {
  std::string packed(marker);
  packed.erase(
      std::remove_if(packed.begin(), packed.end(),
                     [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }),
      packed.end());
  Part part{.component = packed.empty() ? '\0' : packed[0]};
  absl::string_view presentation = absl::string_view(packed).substr(packed.empty() ? 0 : 1);
  std::optional<size_t> width_min;
  const size_t comma = presentation.rfind(',');
  if (comma != absl::string_view::npos) {
    const absl::string_view width = presentation.substr(comma + 1);
    const size_t dash = width.find('-');
    width_min = ParseWidth(width.substr(0, dash));
    if (dash != absl::string_view::npos) part.width_max = ParseWidth(width.substr(dash + 1));
    presentation = presentation.substr(0, comma);
  }
  const absl::string_view standard = DefaultPresentation(part.component);
  if (presentation.empty()) presentation = standard;
  if (standard.empty()) {
    Fail({.code = "D3132", .value = Quoted(absl::string_view(packed).substr(0, 1))});
  }
  char second = '\0';
  if (presentation.size() > 1 && absl::StrContains("atco", presentation.back())) {
    second = presentation.back();
    presentation.remove_suffix(1);
  }
  part.is_traditional = second == 't';
  if (presentation[0] == 'n') {
    part.names = Names::kLower;
  } else if (presentation[0] == 'N') {
    part.names = presentation.substr(1, 1) == "n" ? Names::kTitle : Names::kUpper;
  } else if (absl::StrContains(kIntegerComponents, part.component)) {
    AddInteger(second == '\0' ? std::string(presentation)
                              : absl::StrCat(presentation, ";", absl::string_view(&second, 1)),
               width_min, &part);
    // Digits that follow digits can only be told apart by their number.
    if (!parts_.empty() && parts_.back().integer && parts_.back().component != 'Z' &&
        parts_.back().component != 'z') {
      parts_.back().digits_read = parts_.back().integer->mandatory_digits;
    }
  }
  if (part.component == 'Z' || part.component == 'z') {
    part.integer = IntegerPicture::Parse(presentation);
  }
  parts_.push_back(std::move(part));
}

void DatePicture::AddInteger(absl::string_view pattern, std::optional<size_t> width_min,
                             Part* part) {
  IntegerPicture integer = IntegerPicture::Parse(pattern);
  // Words and letters have no digits to be so many.
  if (width_min && integer.mandatory_digits > 0) {
    integer.mandatory_digits = std::max(integer.mandatory_digits, *width_min);
  }
  if (part->component == 'Y') {
    if (part->width_max) {
      part->digits = integer.mandatory_digits = *part->width_max;
    } else if (integer.mandatory_digits + integer.optional_digits >= 2) {
      part->digits = integer.mandatory_digits + integer.optional_digits;
    }
    part->digits_read = part->digits;
  }
  part->integer = std::move(integer);
}

}  // namespace millrace::jsonata_internal
