#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "engine/expr/jsonata/builtins.h"
#include "engine/expr/jsonata/calendar.h"
#include "engine/expr/jsonata/date_picture.h"
#include "engine/expr/jsonata/error.h"
#include "engine/expr/jsonata/evaluation.h"
#include "engine/expr/jsonata/integer_picture.h"

// Dates, and the pictures of whole numbers, which those of dates are made of.

namespace millrace::jsonata_internal {
namespace {

double MillisNow(const Call& call) {
  return static_cast<double>(absl::ToUnixMillis(call.evaluation.settings().now));
}

std::string Format(const Call& call, double millis, const Value& picture, const Value& zone) {
  const absl::string_view offset = zone.is_string() ? zone.text() : absl::string_view();
  return picture.is_string() ? call.evaluation.PictureOf(picture.text()).Format(millis, offset)
                             : DatePicture::Iso8601().Format(millis, offset);
}

Value Now(const Call& call) {
  return call.evaluation.Text(Format(call, MillisNow(call), call[0], call[1]));
}

Value Millis(const Call& call) { return Value::Of(MillisNow(call)); }

Value FromMillis(const Call& call) {
  if (call[0].is_undefined()) return Value();
  return call.evaluation.Text(Format(call, call[0].number(), call[1], call[2]));
}

// Reads ISO 8601 as JavaScript does: years, months or days, and perhaps a time and an offset.
class IsoReader {
 public:
  explicit IsoReader(absl::string_view text) : text_(text) {}

  bool Read(double* millis) {
    double year = 0;
    double month = 1;
    double day = 1;
    double hour = 0;
    double minute = 0;
    double second = 0;
    if (!Digits(4, &year)) return false;
    if (Consume('-') && !Digits(2, &month)) return false;
    if (at_ == 7 && Consume('-') && !Digits(2, &day)) return false;
    if (Consume('T')) {
      if (!Digits(2, &hour) || !Consume(':') || !Digits(2, &minute) || !Consume(':') ||
          !Digits(2, &second)) {
        return false;
      }
    }
    double fraction = 0;
    double offset = 0;
    if (!ReadFraction(&fraction) || !ReadOffset(&offset) || at_ < text_.size()) return false;
    const bool is_date = month >= 1 && month <= 12 && day >= 1 && day <= 31;
    if (!is_date || hour > 24 || minute > 59 || second > 59) return false;
    const auto days = static_cast<double>(DaysFromDate(
        static_cast<int64_t>(year), static_cast<int64_t>(month), static_cast<int64_t>(day)));
    *millis = ((days * 24 + hour) * 60 + minute - offset) * 60'000 + second * 1000 + fraction;
    return true;
  }

 private:
  bool Consume(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool IsDigit() const {
    return at_ < text_.size() && absl::ascii_isdigit(static_cast<unsigned char>(text_[at_]));
  }

  bool Digits(int count, double* number) {
    *number = 0;
    for (; count > 0; --count) {
      if (!IsDigit()) return false;
      *number = *number * 10 + (text_[at_++] - '0');
    }
    return true;
  }

  // Milliseconds; what is finer is cut off.
  bool ReadFraction(double* millis) {
    if (!Consume('.')) return true;
    if (!IsDigit()) return false;
    for (double unit = 100; IsDigit(); unit = std::trunc(unit / 10)) {
      *millis += (text_[at_++] - '0') * unit;
    }
    return true;
  }

  // In minutes.
  bool ReadOffset(double* minutes) {
    if (at_ == text_.size() || Consume('Z')) return true;
    const double sign = text_[at_] == '-' ? -1 : 1;
    if (!Consume('+') && !Consume('-')) return false;
    double hours = 0;
    if (!Digits(2, &hours)) return false;
    Consume(':');
    if (!Digits(2, minutes)) return false;
    *minutes = sign * (hours * 60 + *minutes);
    return true;
  }

  const absl::string_view text_;
  size_t at_ = 0;
};

Value ToMillis(const Call& call) {
  if (call[0].is_undefined()) return Value();
  double millis = 0;
  if (!call[1].is_string()) {
    if (!IsoReader(call[0].text()).Read(&millis)) {
      Fail({.code = "D3110", .value = Describe(call[0])});
    }
    return Value::Of(millis);
  }
  call.evaluation.ChargePicture(call[0].text());
  const std::optional<double> read =
      call.evaluation.PictureOf(call[1].text()).Read(call[0].text(), MillisNow(call));
  return read ? Value::Of(*read) : Value();
}

Value FormatInteger(const Call& call) {
  if (call[0].is_undefined() || !call[1].is_string()) return Value();
  call.evaluation.ChargePicture(call[1].text());
  return call.evaluation.Text(
      IntegerPicture::Parse(call[1].text()).Format(std::floor(call[0].number())));
}

Value ParseInteger(const Call& call) {
  if (call[0].is_undefined() || !call[1].is_string()) return Value();
  call.evaluation.ChargePicture(call[0].text());
  call.evaluation.ChargePicture(call[1].text());
  const std::optional<double> number = IntegerPicture::Parse(call[1].text()).Read(call[0].text());
  return number ? Value::Of(*number) : Value();
}

constexpr BuiltinEntry kFunctions[] = {
    {"now", Now, "<s?s?:s>", 2},
    {"millis", Millis, "<:n>", 0},
    {"fromMillis", FromMillis, "<n-s?s?:s>", 3},
    {"toMillis", ToMillis, "<s-s?:n>", 2},
    {"formatInteger", FormatInteger, "<n-s:s>", 2},
    {"parseInteger", ParseInteger, "<s-s:n>", 2},
};

}  // namespace

// Most evaluations have few pictures, and what is read by one is worth keeping: making it is slow.
const DatePicture& Evaluation::PictureOf(absl::string_view text) {
  constexpr size_t kKeptMax = 16;
  constexpr size_t kStepsToMake = 2000;
  constexpr size_t kBytesKept = 64u << 10;
  const auto found = date_pictures_.find(text);
  if (found != date_pictures_.end()) return *found->second;
  ChargePicture(text);
  Steps(kStepsToMake);
  if (date_pictures_.size() >= kKeptMax) {
    date_pictures_.clear();
  } else {
    arena_.Charge(kBytesKept);
  }
  auto picture = std::make_shared<const DatePicture>(DatePicture::Parse(text));
  return *(date_pictures_[std::string(text)] = std::move(picture));
}

absl::Span<const BuiltinEntry> DateFunctions() { return kFunctions; }

}  // namespace millrace::jsonata_internal
