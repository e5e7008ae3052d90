#pragma once

#include <string>

#include "engine/expr/jsonata/value.h"

namespace millrace::jsonata_internal {

class Evaluation;

// What $string makes of a value: a string as it is, a function as nothing, all else as JSON with
// numbers of 15 digits. Counts steps, and the size against its limit.
void AppendText(Evaluation& evaluation, const Value& value, bool is_pretty, std::string* out);

// The shortest text of a finite number, which is rounded to 15 digits unless it is whole.
void AppendNumber(double number, std::string* out);

// A finite number as JavaScript writes it: with no more digits than tell it from other doubles, and
// zeros behind them where it is whole and below 1e21.
void AppendShortest(double number, std::string* out);

// True of finite numbers; fails with D1001 for infinite ones.
bool IsNumber(const Value& value);

}  // namespace millrace::jsonata_internal
