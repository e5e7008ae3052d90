#pragma once

#include "absl/strings/string_view.h"

namespace millrace::jsonata_internal {

// To so many decimal places, or with a negative number of them to tens, hundreds ...; halves go to
// the even neighbour. The point is moved in decimal, so that 4.525 is the half that it looks like.
double RoundHalfToEven(double value, double places);

// What $number reads: a JSON number, also with zeros before it, or one of base 16, 8 or 2 as in
// 0x1F, 0o17 and 0b11.
bool ParseNumber(absl::string_view text, double* number);

}  // namespace millrace::jsonata_internal
