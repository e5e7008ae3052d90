#pragma once

#include "engine/languages/object_reader.h"

namespace millrace::asl {

// Reports the fields of an object (a state, a Choice rule, a catcher ...) that only the other query
// language has: 'Arguments' in a JSONPath state, 'InputPath' in a JSONata state. They are known to
// `fields` then, so that none is reported twice.
void ReportFieldsOfOtherLanguage(ObjectReader& fields, bool is_jsonata);

}  // namespace millrace::asl
