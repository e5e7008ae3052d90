#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/expr/jsonata/calendar.h"
#include "engine/expr/jsonata/integer_picture.h"

namespace millrace::jsonata_internal {

class Regex;

// How a moment is written, as XPath's fn:format-dateTime has it: "[D1o] [MNn] [Y0001]".
// For one thread.
class DatePicture {
 public:
  // Throws D3132 and D3135, and what IntegerPicture throws.
  static DatePicture Parse(absl::string_view picture);
  // 2018-02-09T13:05:00.123Z
  static const DatePicture& Iso8601();

  // `zone` is hours and minutes, as in "+0530"; "" is UTC. Throws D3133 and D3134.
  std::string Format(double millis, absl::string_view zone) const;
  // Milliseconds since 1970; nullopt where `text` does not match. What is missing before the first
  // part that is given is taken from `now`. Throws D3133 and D3136.
  std::optional<double> Read(absl::string_view text, double now) const;

 private:
  enum class Names { kNone, kLower, kUpper, kTitle };

  struct Part {
    std::string literal;  // or else:
    char component = '\0';
    Names names = Names::kNone;
    std::optional<IntegerPicture> integer;
    bool is_traditional = false;  // `t`: UTC is Z
    std::optional<size_t> width_max;
    size_t digits = 0;       // of a year: as many as are written; 0: all
    size_t digits_read = 0;  // exactly so many; 0: any number
  };

  struct Parsed;

  void AddLiteral(absl::string_view text);
  void AddMarker(absl::string_view marker);
  static void AddInteger(absl::string_view pattern, std::optional<size_t> width_min, Part* part);
  std::string FormatPart(const Part& part, const Moment& moment, int zone) const;
  static std::string FormatZone(const Part& part, int zone);
  static std::string FormatName(const Part& part, absl::string_view name);
  static std::string PatternOf(const Part& part);
  static std::optional<double> ReadPart(const Part& part, absl::string_view text);
  static std::optional<double> ReadZone(const Part& part, absl::string_view text);

  std::vector<Part> parts_;
  mutable std::shared_ptr<const Regex> reader_;  // made by the first Read()
};

}  // namespace millrace::jsonata_internal
